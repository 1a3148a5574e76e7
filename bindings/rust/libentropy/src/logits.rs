use std::ffi::c_int;
use std::marker::PhantomData;

use libentropy_sys as sys;

use crate::{Error, Options, Result, Results, State, Upstream};

/// What a logit may be: `f32`, and with the feature `half` also `half::f16` and `half::bf16`.
pub trait Logit: Copy + sealed::Sealed {}

pub(crate) mod sealed {
    use super::*;

    pub trait Sealed: Sized {
        /// The type in C, of the same layout.
        type Bits;
        const DTYPE: c_int;
        const ADD: unsafe extern "C" fn(*mut sys::entropy_state, *const Self::Bits, usize) -> c_int;
    }
}

macro_rules! logit {
    ($type:ty, $bits:ty, $dtype:ident, $add:ident) => {
        impl Logit for $type {}
        impl sealed::Sealed for $type {
            type Bits = $bits;
            const DTYPE: c_int = sys::$dtype;
            const ADD: unsafe extern "C" fn(*mut sys::entropy_state, *const $bits, usize) -> c_int = sys::$add;
        }
    };
}

logit!(f32, f32, ENTROPY_F32, entropy_state_add_f32);
#[cfg(feature = "half")]
logit!(half::f16, u16, ENTROPY_F16, entropy_state_add_f16);
#[cfg(feature = "half")]
logit!(half::bf16, u16, ENTROPY_BF16, entropy_state_add_bf16);

/// Where the rows of an array [batch, seq, vocab] lie. None reaches beyond what the array was made from, and no stride
/// is 0 but that of an axis of length 0 or 1, which nobody looks at. The C library checks the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub shape: [usize; 3],
    pub strides: [isize; 2],
}

impl Layout {
    /// Of an array of `len` elements, all of which are rows one behind the other.
    fn rows(len: usize, vocab: usize) -> Result<Self> {
        if len == 0 {
            return Ok(Self { shape: [1, 0, vocab], strides: [0, 0] });
        }
        match len.checked_rem(vocab) {
            Some(0) => Ok(Self { shape: [1, len / vocab, vocab], strides: [0, vocab as isize] }),
            _ => Err(Error::Shape),
        }
    }

    /// Of an array of `len` elements.
    fn strided(len: usize, shape: [usize; 3], strides: [usize; 2]) -> Result<Self> {
        let last = |length: usize, stride: usize| (length - 1).checked_mul(if length == 1 { 0 } else { stride });
        let fits = |[batch, seq, vocab]: [usize; 3]| {
            let end = last(batch, strides[0])?.checked_add(last(seq, strides[1])?)?.checked_add(vocab)?;
            (end <= len).then_some(())
        };
        if shape[0] > 0 && shape[1] > 0 {
            fits(shape).ok_or(Error::Shape)?;
        }
        Self::of_parts(shape, [strides[0].try_into().ok(), strides[1].try_into().ok()])
    }

    /// Of an array that has these strides, where they are known to stay within it.
    pub(crate) fn of_parts(shape: [usize; 3], strides: [Option<isize>; 2]) -> Result<Self> {
        shape[0].checked_mul(shape[1]).ok_or(Error::Shape)?;
        let stride = |axis: usize| match (shape[axis], strides[axis]) {
            (0 | 1, _) => Ok(0),
            (_, Some(0) | None) => Err(Error::Shape),
            (_, Some(stride)) => Ok(stride),
        };
        match shape {
            [0, _, _] | [_, 0, _] => Ok(Self { shape, strides: [0, 0] }),
            [_, _, 0] => Err(Error::Shape),
            _ => Ok(Self { shape, strides: [stride(0)?, stride(1)?] }),
        }
    }

    pub(crate) fn num_rows(&self) -> usize {
        self.shape[0] * self.shape[1]
    }
}

/// Logits that are read: an array [batch, seq, vocab] whose rows are contiguous. Borrowed, never copied.
#[derive(Clone, Copy, Debug)]
pub struct Logits<'a, T> {
    pub(crate) data: *const T,
    pub(crate) layout: Layout,
    pub(crate) borrowed: PhantomData<&'a [T]>,
}

// SAFETY: it stands for a `&'a [T]`.
unsafe impl<T: Sync> Send for Logits<'_, T> {}
// SAFETY: it stands for a `&'a [T]`.
unsafe impl<T: Sync> Sync for Logits<'_, T> {}

impl<'a, T: Logit> Logits<'a, T> {
    /// Rows of `vocab` logits, one behind the other. Without logits there are no rows, whatever `vocab`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if `vocab` does not divide the number of logits.
    pub fn rows(logits: &'a [T], vocab: usize) -> Result<Self> {
        Ok(Self { data: logits.as_ptr(), layout: Layout::rows(logits.len(), vocab)?, borrowed: PhantomData })
    }

    /// An array of `shape` [batch, seq, vocab], with `strides` elements from one row to the next along batch and seq.
    /// That of an axis of length 1 is not looked at. Rows may overlap, but not be nearer than `vocab` to each other.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if rows lie beyond `logits`, or there are such without logits. Strides below `vocab` are
    /// found by the call.
    ///
    /// # Examples
    ///
    /// The last position of each of two texts, and the end of a padded vocabulary, left out:
    ///
    /// ```
    /// use libentropy::Logits;
    ///
    /// let logits = [0.0_f32; 2 * 4 * 8]; // [batch 2, seq 4, padded vocabulary 8]
    /// let entropy = Logits::strided(&logits, [2, 3, 5], [4 * 8, 8])?.entropy()?;
    /// assert_eq!(entropy, [5.0_f32.ln(); 2 * 3]);
    /// # Ok::<(), libentropy::Error>(())
    /// ```
    pub fn strided(logits: &'a [T], shape: [usize; 3], strides: [usize; 2]) -> Result<Self> {
        let layout = Layout::strided(logits.len(), shape, strides)?;
        Ok(Self { data: logits.as_ptr(), layout, borrowed: PhantomData })
    }

    /// How many rows there are, batch times seq: the length of every result.
    pub fn num_rows(&self) -> usize {
        self.layout.num_rows()
    }

    /// Batch, seq and vocab.
    pub fn shape(&self) -> [usize; 3] {
        self.layout.shape
    }

    /// The entropy of every row, in nats.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if strides are below vocab.
    pub fn entropy(&self) -> Result<Vec<f32>> {
        let mut entropy = vec![0.0; self.num_rows()];
        self.forward(&Options::new(), Results::new().entropy(&mut entropy))?;
        Ok(entropy)
    }

    /// Writes the results that are wanted, of every row, in one sweep over the logits.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] if an array does not fit the rows, [`Error::Shape`] if strides or those of masks are too
    /// small, [`Error::Value`] for temperatures and targets outside their domain, [`Error::Null`] if the
    /// log-probability of targets is wanted and there are none. Nothing was written then.
    ///
    /// # Examples
    ///
    /// ```
    /// use libentropy::{Logits, Options, Results};
    ///
    /// let logits = [5.0_f32, 2.0, 1.5, 1.0, 0.5, 0.0, -1.0, 4.0];
    /// let (mut entropy, mut varentropy, mut argmax) = ([0.0], [0.0], [0]);
    /// Logits::rows(&logits, 8)?.forward(
    ///     &Options::new().temperature(0.7).allowed(&[0b0001_1110]), // tokens 1 to 4
    ///     Results::new().entropy(&mut entropy).varentropy(&mut varentropy).argmax(&mut argmax),
    /// )?;
    /// assert!((entropy[0] - 1.1242).abs() < 1e-4 && (varentropy[0] - 0.4308).abs() < 1e-4);
    /// assert_eq!(argmax, [1]);
    /// # Ok::<(), libentropy::Error>(())
    /// ```
    pub fn forward(&self, options: &Options<'_>, results: Results<'_>) -> Result<()> {
        let mut args = self.args(options)?;
        results.write_to(&mut args, self.num_rows())?;
        // SAFETY: `args` points to as many elements as its sizes say, borrowed for this call.
        Error::check(unsafe { sys::entropy_forward(&args) })
    }

    /// Writes dL / d(logits) to `gradient`, for a loss L whose gradients with respect to the results of
    /// [`forward`](Self::forward) with the same options are `upstream`.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward); [`Error::Shape`] if `gradient` is of another shape, or its rows overlap.
    ///
    /// # Examples
    ///
    /// ```
    /// use libentropy::{Logits, LogitsMut, Options, Upstream};
    ///
    /// let logits = [3.0_f32, 1.0, 0.0];
    /// let mut gradient = [0.0_f32; 3]; // of the entropy
    /// Logits::rows(&logits, 3)?.backward(
    ///     &Options::new(),
    ///     Upstream::new().entropy(&[1.0]),
    ///     LogitsMut::rows(&mut gradient, 3)?,
    /// )?;
    /// assert!(gradient[0] < 0.0 && gradient.iter().sum::<f32>().abs() < 1e-6);
    /// # Ok::<(), libentropy::Error>(())
    /// ```
    pub fn backward(&self, options: &Options<'_>, upstream: Upstream<'_>, gradient: LogitsMut<'_, T>) -> Result<()> {
        if gradient.layout.shape != self.layout.shape {
            return Err(Error::Shape);
        }
        // SAFETY: `gradient` is borrowed mutably, and so overlaps nothing that is read.
        unsafe { self.backward_to(options, upstream, gradient.data, gradient.layout) }
    }

    /// The state of every row, to be merged with those of other shards of the vocabulary. A target is remembered.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward).
    ///
    /// # Examples
    ///
    /// ```
    /// use libentropy::{Logits, Options, State, merge_states};
    ///
    /// let (left, right) = ([1.0_f32, 2.0, 3.0, 4.0], [0.0_f32, 9.0]); // two rows, of 2 and of 1 logits
    /// let (mut whole, mut shard) = ([State::new(); 2], [State::new(); 2]);
    /// Logits::rows(&left, 2)?.forward_states(&Options::new(), &mut whole)?;
    /// Logits::rows(&right, 1)?.forward_states(&Options::new(), &mut shard)?;
    /// merge_states(&mut whole, &shard)?;
    /// assert_eq!((whole[0].argmax(), whole[1].argmax()), (Some(1), Some(2)));
    /// # Ok::<(), libentropy::Error>(())
    /// ```
    pub fn forward_states(&self, options: &Options<'_>, states: &mut [State]) -> Result<()> {
        let args = self.args(options)?;
        Error::check_length("states", states.len(), self.num_rows())?;
        // SAFETY: `args` points to as many elements as its sizes say, and there is a state for every row.
        Error::check(unsafe { sys::entropy_forward_states(&args, states.as_mut_ptr().cast()) })
    }

    /// Logits and options, as C has them; valid as long as both.
    fn args(&self, options: &Options<'_>) -> Result<sys::entropy_args> {
        let [batch, seq, vocab] = self.layout.shape;
        let [batch_stride, seq_stride] = self.layout.strides;
        let (logits, dtype) = (self.data.cast(), T::DTYPE);
        let mut args =
            sys::entropy_args { logits, dtype, batch, seq, vocab, batch_stride, seq_stride, ..Default::default() };
        options.write_to(&mut args)?;
        Ok(args)
    }

    /// # Safety
    ///
    /// `gradient` may be written where `layout` says, and is what is read, in the same places, or does not overlap it.
    unsafe fn backward_to(
        &self,
        options: &Options<'_>,
        upstream: Upstream<'_>,
        gradient: *mut T,
        layout: Layout,
    ) -> Result<()> {
        let mut args = self.args(options)?;
        let [batch_stride, seq_stride] = layout.strides;
        let mut grads = sys::entropy_grads { logits: gradient.cast(), batch_stride, seq_stride, ..Default::default() };
        upstream.write_to(&mut args, &mut grads, self.num_rows())?;
        // SAFETY: what `args` and `grads` point to has as many elements as the sizes say. The results in `args` are
        // only read.
        Error::check(unsafe { sys::entropy_backward(&args, &grads) })
    }
}

/// Logits, or a gradient with respect to them, that are written: an array [batch, seq, vocab] whose rows are
/// contiguous.
#[derive(Debug)]
pub struct LogitsMut<'a, T> {
    pub(crate) data: *mut T,
    pub(crate) layout: Layout,
    pub(crate) borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: it stands for a `&'a mut [T]`.
unsafe impl<T: Send> Send for LogitsMut<'_, T> {}
// SAFETY: it stands for a `&'a mut [T]`.
unsafe impl<T: Sync> Sync for LogitsMut<'_, T> {}

impl<'a, T: Logit> LogitsMut<'a, T> {
    /// As [`Logits::rows`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if `vocab` does not divide the number of logits.
    pub fn rows(logits: &'a mut [T], vocab: usize) -> Result<Self> {
        let layout = Layout::rows(logits.len(), vocab)?;
        Ok(Self { data: logits.as_mut_ptr(), layout, borrowed: PhantomData })
    }

    /// As [`Logits::strided`]; what lies between the rows is not written.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if rows lie beyond `logits`, or there are such without logits.
    pub fn strided(logits: &'a mut [T], shape: [usize; 3], strides: [usize; 2]) -> Result<Self> {
        let layout = Layout::strided(logits.len(), shape, strides)?;
        Ok(Self { data: logits.as_mut_ptr(), layout, borrowed: PhantomData })
    }

    /// The same logits, to be read.
    pub fn view(&self) -> Logits<'_, T> {
        Logits { data: self.data, layout: self.layout, borrowed: PhantomData }
    }

    /// As [`Logits::backward`]: the gradient replaces the logits.
    ///
    /// # Errors
    ///
    /// As for [`Logits::backward`].
    ///
    /// # Examples
    ///
    /// ```
    /// use libentropy::{LogitsMut, Options, Upstream};
    ///
    /// let mut logits = [0.0_f32; 4];
    /// LogitsMut::rows(&mut logits, 4)?.backward_in_place(
    ///     &Options::new().targets(&[2]),
    ///     Upstream::new().target_logprob(&[-1.0]), // the loss is the cross-entropy
    /// )?;
    /// assert_eq!(logits, [0.25, 0.25, -0.75, 0.25]);
    /// # Ok::<(), libentropy::Error>(())
    /// ```
    pub fn backward_in_place(self, options: &Options<'_>, upstream: Upstream<'_>) -> Result<()> {
        // SAFETY: the gradient's places are those of the logits, which are borrowed mutably.
        unsafe { self.view().backward_to(options, upstream, self.data, self.layout) }
    }
}
