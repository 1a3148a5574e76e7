//! The C interface of libentropy, as `entropy.h` declares it. The crate `libentropy` is the safe one.
//!
//! The header is the reference for every item here.

#![no_std]
#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_int, c_void};

/// Success.
pub const ENTROPY_OK: c_int = 0;
/// A pointer that is needed is null.
pub const ENTROPY_ERR_NULL: c_int = -1;
/// A size or stride that cannot be.
pub const ENTROPY_ERR_SHAPE: c_int = -2;
/// An argument outside its domain.
pub const ENTROPY_ERR_VALUE: c_int = -3;
/// An instruction set that does not exist, or not here.
pub const ENTROPY_ERR_ISA: c_int = -4;
/// Memory that was needed could not be had.
pub const ENTROPY_ERR_NOMEM: c_int = -5;

/// Logits are `float`.
pub const ENTROPY_F32: c_int = 0;
/// Logits are the bits of IEEE binary16.
pub const ENTROPY_F16: c_int = 1;
/// Logits are the bits of bfloat16.
pub const ENTROPY_BF16: c_int = 2;

/// What is in [`entropy_state::version`].
pub const ENTROPY_STATE_VERSION: u64 = 1;

/// What is read, how, and which results are wanted. All of it 0 but `size`, and then what is needed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // documented member by member in entropy.h
pub struct entropy_args {
    pub size: usize,
    pub logits: *const c_void,
    pub dtype: c_int,
    pub num_threads: c_int,
    pub batch: usize,
    pub seq: usize,
    pub vocab: usize,
    pub batch_stride: isize,
    pub seq_stride: isize,
    pub temperature: *const f32,
    pub temperature_stride: usize,
    pub target: *const i64,
    pub row_mask: *const u8,
    pub allowed: *const u32,
    pub allowed_stride: usize,
    pub entropy: *mut f32,
    pub varentropy: *mut f32,
    pub logsumexp: *mut f32,
    pub max_logit: *mut f32,
    pub max_logprob: *mut f32,
    pub target_logprob: *mut f32,
    pub argmax: *mut i64,
    pub support: *mut i64,
}

impl Default for entropy_args {
    /// `size` is set, everything else is 0.
    fn default() -> Self {
        // SAFETY: every member is a number or a raw pointer, for which all bits 0 is a value.
        let zero: Self = unsafe { core::mem::zeroed() };
        Self { size: size_of::<Self>(), ..zero }
    }
}

/// The gradient's side of [`entropy_backward`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // documented member by member in entropy.h
pub struct entropy_grads {
    pub size: usize,
    pub entropy: *const f32,
    pub logsumexp: *const f32,
    pub target_logprob: *const f32,
    pub logits: *mut c_void,
    pub batch_stride: isize,
    pub seq_stride: isize,
}

impl Default for entropy_grads {
    /// `size` is set, everything else is 0.
    fn default() -> Self {
        // SAFETY: every member is a number or a raw pointer, for which all bits 0 is a value.
        let zero: Self = unsafe { core::mem::zeroed() };
        Self { size: size_of::<Self>(), ..zero }
    }
}

/// What has been seen of a row that comes in pieces.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // documented member by member in entropy.h
pub struct entropy_state {
    pub version: u64,
    pub temperature: f64,
    pub max: f64,
    pub ties: f64,
    pub sum: f64,
    pub first_moment: f64,
    pub second_moment: f64,
    pub argmax: i64,
    pub support: i64,
    pub length: i64,
    pub target_logit: f64,
    pub flags: u64,
    pub reserved: [u64; 4],
}

#[allow(missing_docs)] // documented in entropy.h
unsafe extern "C" {
    pub fn entropy_f32(logits: *const f32, batch: usize, seq: usize, vocab: usize, out: *mut f32) -> c_int;
    pub fn entropy_f16(logits: *const u16, batch: usize, seq: usize, vocab: usize, out: *mut f32) -> c_int;
    pub fn entropy_bf16(logits: *const u16, batch: usize, seq: usize, vocab: usize, out: *mut f32) -> c_int;

    pub fn entropy_forward(args: *const entropy_args) -> c_int;
    pub fn entropy_backward(args: *const entropy_args, grads: *const entropy_grads) -> c_int;

    pub fn entropy_state_init(state: *mut entropy_state);
    pub fn entropy_state_add_f32(state: *mut entropy_state, logits: *const f32, n: usize) -> c_int;
    pub fn entropy_state_add_f16(state: *mut entropy_state, logits: *const u16, n: usize) -> c_int;
    pub fn entropy_state_add_bf16(state: *mut entropy_state, logits: *const u16, n: usize) -> c_int;
    pub fn entropy_state_merge(into: *mut entropy_state, from: *const entropy_state);
    pub fn entropy_state_entropy(state: *const entropy_state) -> f32;
    pub fn entropy_state_varentropy(state: *const entropy_state) -> f32;
    pub fn entropy_state_logsumexp(state: *const entropy_state) -> f32;
    pub fn entropy_state_max_logit(state: *const entropy_state) -> f32;
    pub fn entropy_state_max_logprob(state: *const entropy_state) -> f32;
    pub fn entropy_state_argmax(state: *const entropy_state) -> i64;
    pub fn entropy_state_support(state: *const entropy_state) -> i64;

    pub fn entropy_forward_states(args: *const entropy_args, states: *mut entropy_state) -> c_int;
    pub fn entropy_merge_states(into: *mut entropy_state, from: *const entropy_state, n: usize) -> c_int;
    pub fn entropy_results_of_states(states: *const entropy_state, n: usize, results: *const entropy_args) -> c_int;

    pub fn entropy_version() -> *const c_char;
    pub fn entropy_strerror(status: c_int) -> *const c_char;
    pub fn entropy_isa() -> *const c_char;
    pub fn entropy_set_isa(name: *const c_char) -> c_int;
    pub fn entropy_get_num_threads() -> c_int;
    pub fn entropy_set_num_threads(n: c_int) -> c_int;
}
