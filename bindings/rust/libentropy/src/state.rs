use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use libentropy_sys as sys;

use crate::{Error, Logit, Result, Results};

/// What has been seen of a row that comes in pieces, or of one shard of it: enough for every result of the whole.
///
/// It takes 128 bytes and may be copied, stored and sent. `left + right` is the state of the row in which the logits of
/// `right` come after those of `left`; states of different temperatures add up to one whose answers are NaN.
///
/// # Examples
///
/// ```
/// use libentropy::State;
///
/// let (mut left, mut right) = (State::new(), State::new());
/// left.extend_from_slice(&[0.0_f32, 1.0, 2.0]);
/// right.extend([&[3.0_f32, 1.0][..], &[0.0]]);
///
/// let row = left + right;
/// assert_eq!((row.argmax(), row.support(), row.len()), (Some(3), 6, 6));
/// let whole = libentropy::entropy(&[0.0_f32, 1.0, 2.0, 3.0, 1.0, 0.0], 6)?;
/// assert!((row.entropy() - whole[0]).abs() < 1e-6);
/// # Ok::<(), libentropy::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct State(sys::entropy_state); // of this version, and of a valid temperature

impl State {
    /// The state of an empty row.
    pub fn new() -> Self {
        let mut state = std::mem::MaybeUninit::uninit();
        // SAFETY: writes all of the state.
        unsafe {
            sys::entropy_state_init(state.as_mut_ptr());
            Self(state.assume_init())
        }
    }

    /// The state of an empty row whose logits will be divided by `temperature`.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if it is not in [2^-64, 2^64].
    pub fn with_temperature(temperature: f64) -> Result<Self> {
        let mut state = Self::new();
        state.0.temperature = temperature;
        state.checked()
    }

    /// Adds logits to the row, after those it has. If every piece but the last is a multiple of 1024 logits, the
    /// results have the bits of the whole row's.
    pub fn extend_from_slice<T: Logit>(&mut self, logits: &[T]) {
        self.try_extend(logits).expect("all states are valid");
    }

    /// Itself, if the library takes it for a state.
    fn checked(mut self) -> Result<Self> {
        self.try_extend::<f32>(&[])?;
        Ok(self)
    }

    fn try_extend<T: Logit>(&mut self, logits: &[T]) -> Result<()> {
        // SAFETY: the slice's own length.
        Error::check(unsafe { T::ADD(&mut self.0, logits.as_ptr().cast(), logits.len()) })
    }

    /// Appends what another state has seen.
    pub fn merge(&mut self, from: &State) {
        // SAFETY: two states.
        unsafe { sys::entropy_state_merge(&mut self.0, &from.0) }
    }

    /// The entropy, in nats; NaN for an empty row.
    pub fn entropy(&self) -> f32 {
        // SAFETY: a state.
        unsafe { sys::entropy_state_entropy(&self.0) }
    }

    /// The varentropy, in nats^2.
    pub fn varentropy(&self) -> f32 {
        // SAFETY: a state.
        unsafe { sys::entropy_state_varentropy(&self.0) }
    }

    /// log sum exp(z / T).
    pub fn logsumexp(&self) -> f32 {
        // SAFETY: a state.
        unsafe { sys::entropy_state_logsumexp(&self.0) }
    }

    /// The largest logit.
    pub fn max_logit(&self) -> f32 {
        // SAFETY: a state.
        unsafe { sys::entropy_state_max_logit(&self.0) }
    }

    /// The log-probability of the largest logit.
    pub fn max_logprob(&self) -> f32 {
        // SAFETY: a state.
        unsafe { sys::entropy_state_max_logprob(&self.0) }
    }

    /// The lowest index of the largest logit, from the first that was added; `None` where nothing takes part.
    pub fn argmax(&self) -> Option<usize> {
        // SAFETY: a state.
        unsafe { sys::entropy_state_argmax(&self.0) }.try_into().ok()
    }

    /// How many logits are above -inf.
    pub fn support(&self) -> usize {
        // SAFETY: a state.
        unsafe { sys::entropy_state_support(&self.0) }.try_into().unwrap_or(0)
    }

    /// The log-probability of the target, whichever shard had it; 0 without one.
    pub fn target_logprob(&self) -> f32 {
        let mut out = [0.0];
        results_of_states(&[*self], None, Results::new().target_logprob(&mut out)).expect("one state, one result");
        out[0]
    }

    /// What the logits are divided by.
    pub fn temperature(&self) -> f64 {
        self.0.temperature
    }

    /// How many logits were added.
    pub fn len(&self) -> usize {
        self.0.length.try_into().unwrap_or(0)
    }

    /// Whether no logit was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The state as it is sent and stored, on every machine in the same way.
    ///
    /// ```
    /// use libentropy::State;
    ///
    /// let mut state = State::new();
    /// state.extend_from_slice(&[1.0_f32, 2.0]);
    /// assert_eq!(State::from_bytes(&state.to_bytes())?.entropy(), state.entropy());
    /// # Ok::<(), libentropy::Error>(())
    /// ```
    pub fn to_bytes(&self) -> [u8; 128] {
        // SAFETY: a state is 16 words without padding.
        let words: [u64; 16] = unsafe { std::mem::transmute(self.0) };
        let bytes = words.map(u64::to_le_bytes);
        // SAFETY: as large, and bytes.
        unsafe { std::mem::transmute(bytes) }
    }

    /// The state that these bytes are.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if they are not a state of this version.
    pub fn from_bytes(bytes: &[u8; 128]) -> Result<Self> {
        // SAFETY: as large, and bytes.
        let words: [[u8; 8]; 16] = unsafe { std::mem::transmute(*bytes) };
        // SAFETY: a state is 16 words, each a number that may have any bits.
        Self(unsafe { std::mem::transmute::<[u64; 16], sys::entropy_state>(words.map(u64::from_le_bytes)) }).checked()
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("temperature", &self.temperature())
            .field("len", &self.len())
            .field("entropy", &self.entropy())
            .field("max_logit", &self.max_logit())
            .field("argmax", &self.argmax())
            .finish_non_exhaustive()
    }
}

impl<'a, T: Logit + 'a> Extend<&'a [T]> for State {
    /// Adds the pieces of a row, one after the other.
    fn extend<I: IntoIterator<Item = &'a [T]>>(&mut self, pieces: I) {
        for piece in pieces {
            self.extend_from_slice(piece);
        }
    }
}

impl AddAssign<&State> for State {
    fn add_assign(&mut self, from: &State) {
        self.merge(from);
    }
}

impl AddAssign for State {
    fn add_assign(&mut self, from: State) {
        self.merge(&from);
    }
}

impl Add for State {
    type Output = State;

    fn add(mut self, right: State) -> State {
        self.merge(&right);
        self
    }
}

impl Sum for State {
    fn sum<I: Iterator<Item = State>>(states: I) -> State {
        states.fold(State::new(), Add::add)
    }
}

impl<'a> Sum<&'a State> for State {
    fn sum<I: Iterator<Item = &'a State>>(states: I) -> State {
        states.copied().sum()
    }
}

/// Merges `from[i]` into `into[i]`, for every i.
///
/// # Errors
///
/// [`Error::Length`] if there are not as many of both.
pub fn merge_states(into: &mut [State], from: &[State]) -> Result<()> {
    Error::check_length("from", from.len(), into.len())?;
    // SAFETY: as many states in both, which do not overlap.
    Error::check(unsafe { sys::entropy_merge_states(into.as_mut_ptr().cast(), from.as_ptr().cast(), into.len()) })
}

/// Writes the results that are wanted of every state. Those of a row that `row_mask` skips are 0; target_logprob is
/// that of the target which a state remembers.
///
/// # Errors
///
/// [`Error::Length`] if an array has not one element for every state.
pub fn results_of_states(states: &[State], row_mask: Option<&[bool]>, results: Results<'_>) -> Result<()> {
    let n = states.len();
    let mut args = sys::entropy_args { batch: 1, seq: n, ..Default::default() };
    if let Some(row_mask) = row_mask {
        Error::check_length("row_mask", row_mask.len(), n)?;
        args.row_mask = row_mask.as_ptr().cast();
    }
    results.write_to(&mut args, n)?;
    // SAFETY: n states, and arrays of n elements.
    Error::check(unsafe { sys::entropy_results_of_states(states.as_ptr().cast(), n, &args) })
}
