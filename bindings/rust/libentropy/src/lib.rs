#![doc = include_str!("../README.md")]

mod error;
mod logits;
#[cfg(feature = "ndarray")]
mod ndarray;
mod options;
mod results;
mod state;

pub use error::{Error, Result};
pub use logits::{Logit, Logits, LogitsMut};
pub use options::Options;
pub use results::{Results, Upstream};
pub use state::{State, merge_states, results_of_states};

use std::ffi::{CStr, CString};

use libentropy_sys as sys;

/// The entropy in nats of every row of `vocab` logits.
///
/// # Errors
///
/// [`Error::Shape`] if `logits` is not a whole number of rows.
///
/// # Examples
///
/// ```
/// let entropy = libentropy::entropy(&[0.0_f32, 0.0, 7.0, f32::NEG_INFINITY], 2)?;
/// assert_eq!(entropy, [2.0_f32.ln(), 0.0]);
/// # Ok::<(), libentropy::Error>(())
/// ```
pub fn entropy<T: Logit>(logits: &[T], vocab: usize) -> Result<Vec<f32>> {
    Logits::rows(logits, vocab)?.entropy()
}

/// As [`entropy`], written to `out`, which has an element for every row. Nothing is allocated.
///
/// # Errors
///
/// [`Error::Shape`] if `logits` is not a whole number of rows, [`Error::Length`] if `out` has not one element for each.
///
/// # Examples
///
/// ```
/// let mut out = [0.0; 2];
/// libentropy::entropy_into(&[0.0_f32, 0.0, 7.0, f32::NEG_INFINITY], 2, &mut out)?;
/// assert_eq!(out, [2.0_f32.ln(), 0.0]);
/// # Ok::<(), libentropy::Error>(())
/// ```
pub fn entropy_into<T: Logit>(logits: &[T], vocab: usize, out: &mut [f32]) -> Result<()> {
    Logits::rows(logits, vocab)?.forward(&Options::new(), Results::new().entropy(out))
}

/// The version of the C library that is in use.
pub fn version() -> &'static str {
    // SAFETY: the library returns a string that is never freed.
    unsafe { string(sys::entropy_version()) }
}

/// The instruction set in use: `"scalar"`, `"avx2"`, `"avx512"` or `"neon"`.
pub fn isa() -> &'static str {
    // SAFETY: the library returns a string that is never freed.
    unsafe { string(sys::entropy_isa()) }
}

/// Chooses the instruction set for all threads, from their next call on; `None`: the best that this machine has.
/// Results do not change by a bit.
///
/// # Errors
///
/// [`Error::Isa`], and no change, if this machine lacks it or no such instruction set exists.
pub fn set_isa(name: Option<&str>) -> Result<()> {
    let name = name.map(CString::new).transpose().map_err(|_| Error::Isa)?;
    // SAFETY: a string that ends in 0, or null.
    Error::check(unsafe { sys::entropy_set_isa(name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr())) })
}

/// How many threads a call may use at most, the caller's included: what [`set_num_threads`] has set, or else the
/// environment's `ENTROPY_NUM_THREADS`, or else the CPUs that the process may use. Results do not change by a bit.
pub fn num_threads() -> usize {
    // SAFETY: has no preconditions, given that changing the environment is unsafe in Rust.
    usize::try_from(unsafe { sys::entropy_get_num_threads() }).unwrap_or(1)
}

/// Sets [`num_threads`] for the process; 0: the default again.
///
/// # Errors
///
/// [`Error::Value`], and no change, if `n` is more than the library can count.
pub fn set_num_threads(n: usize) -> Result<()> {
    let n = n.try_into().map_err(|_| Error::Value)?;
    // SAFETY: has no preconditions.
    Error::check(unsafe { sys::entropy_set_num_threads(n) })
}

/// # Safety
///
/// A string that ends in 0 and is never freed.
unsafe fn string(pointer: *const std::ffi::c_char) -> &'static str {
    // SAFETY: that of the caller.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap_or_default()
}
