//! What `src/lib.rs` declares is what `entropy.h` declares. Rust writes down the types, sizes, offsets and values
//! that it sees, as assertions in C, and a C compiler checks them against the header.

use std::collections::BTreeSet;
use std::ffi::{c_char, c_int, c_void};
use std::fs;
use std::path::Path;
use std::process::Command;

use libentropy_sys::*;

/// The name of a type in C.
trait CType {
    fn name() -> String;
}

macro_rules! c_types {
    ($($rust:ty => $c:literal),* $(,)?) => {
        $(impl CType for $rust { fn name() -> String { $c.into() } })*
    };
}

c_types! {
    () => "void", c_void => "void", c_char => "char", c_int => "int", f32 => "float", f64 => "double",
    u8 => "uint8_t", u16 => "uint16_t", u32 => "uint32_t", u64 => "uint64_t", i64 => "int64_t",
    usize => "size_t", isize => "ptrdiff_t",
    entropy_args => "entropy_args", entropy_grads => "entropy_grads", entropy_state => "entropy_state",
}

impl<T: CType> CType for *const T {
    fn name() -> String {
        format!("const {} *", T::name())
    }
}

impl<T: CType> CType for *mut T {
    fn name() -> String {
        format!("{} *", T::name())
    }
}

/// A pointer to a function: its type in C.
macro_rules! c_functions {
    ($(($($argument:ident),*)),*) => {
        $(impl<R: CType, $($argument: CType),*> CType for unsafe extern "C" fn($($argument),*) -> R {
            fn name() -> String {
                let arguments: Vec<String> = vec![$($argument::name()),*];
                let arguments = if arguments.is_empty() { "void".into() } else { arguments.join(", ") };
                format!("{} (*)({arguments})", R::name())
            }
        })*
    };
}

c_functions!((), (A), (A, B), (A, B, C), (A, B, C, D), (A, B, C, D, E));

fn name_of<T: CType>(_: T) -> String {
    T::name()
}

fn name_of_member<S, T: CType>(_: fn(&S) -> &T) -> String {
    T::name()
}

fn assert_in_c(condition: String) -> String {
    format!("_Static_assert({condition}, \"\");\n")
}

fn assert_type(expression: &str, name: String) -> String {
    assert_in_c(format!("_Generic({expression}, {name}: 1, default: 0)"))
}

macro_rules! structure {
    ($s:ident: $($member:ident),*) => {
        [
            assert_in_c(format!("sizeof({0}) == {1} && _Alignof({0}) == {2}",
                stringify!($s), size_of::<$s>(), align_of::<$s>())),
            $(
                assert_in_c(format!("offsetof({}, {}) == {}",
                    stringify!($s), stringify!($member), std::mem::offset_of!($s, $member))),
                assert_type(concat!("((", stringify!($s), " *)0)->", stringify!($member)),
                    name_of_member(|s: &$s| &s.$member)),
            )*
        ].concat()
    };
}

macro_rules! functions {
    ($($f:ident($($argument:tt),*)),* $(,)?) => {{
        let names = BTreeSet::from([$(stringify!($f)),*]);
        let text = [$(
            assert_type(concat!("&", stringify!($f)), name_of($f as unsafe extern "C" fn($($argument),*) -> _)),
        )*].concat();
        (names, text)
    }};
}

macro_rules! constants {
    ($($c:ident),*) => { [$(assert_in_c(format!("{} == {}", stringify!($c), $c)),)*].concat() };
}

/// Whether a C compiler takes these declarations behind the header; what it says if not.
fn compile(name: &str, assertions: &str) -> Result<(), String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, format!("#include <stddef.h>\n#include <entropy.h>\n{assertions}")).unwrap();
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or("cc".into()));
    compiler.args(["-std=c11", "-fsyntax-only"]).arg(&file);
    if !env!("ENTROPY_INCLUDE").is_empty() {
        compiler.arg("-I").arg(env!("ENTROPY_INCLUDE"));
    }
    let output = compiler.output().expect("a C compiler");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

#[test]
fn structures_are_those_of_the_header() {
    let args = structure!(entropy_args: size, logits, dtype, num_threads, batch, seq, vocab, batch_stride, seq_stride,
        temperature, temperature_stride, target, row_mask, allowed, allowed_stride, entropy, varentropy, logsumexp,
        max_logit, max_logprob, target_logprob, argmax, support);
    let grads = structure!(entropy_grads: size, entropy, logsumexp, target_logprob, logits, batch_stride, seq_stride);
    let state = structure!(entropy_state: version, temperature, max, ties, sum, first_moment, second_moment, argmax,
        support, length, target_logit, flags);
    let reserved = assert_in_c(format!(
        "offsetof(entropy_state, reserved) == {} && sizeof ((entropy_state *)0)->reserved == {}",
        std::mem::offset_of!(entropy_state, reserved),
        size_of::<[u64; 4]>()
    ));
    compile("structures.c", &[args, grads, state, reserved].concat()).unwrap();
}

#[test]
fn functions_are_those_of_the_header() {
    let (names, text) = functions! {
        entropy_f32(_, _, _, _, _), entropy_f16(_, _, _, _, _), entropy_bf16(_, _, _, _, _),
        entropy_forward(_), entropy_backward(_, _),
        entropy_state_init(_), entropy_state_merge(_, _),
        entropy_state_add_f32(_, _, _), entropy_state_add_f16(_, _, _), entropy_state_add_bf16(_, _, _),
        entropy_state_entropy(_), entropy_state_varentropy(_), entropy_state_logsumexp(_),
        entropy_state_max_logit(_), entropy_state_max_logprob(_), entropy_state_argmax(_), entropy_state_support(_),
        entropy_forward_states(_, _), entropy_merge_states(_, _, _), entropy_results_of_states(_, _, _),
        entropy_version(), entropy_strerror(_), entropy_isa(), entropy_set_isa(_),
        entropy_get_num_threads(), entropy_set_num_threads(_),
    };
    compile("functions.c", &text).unwrap();

    let header = ["", "/usr/include", "/usr/local/include"].map(|d| Path::new(env!("ENTROPY_INCLUDE")).join(d));
    let header = header.iter().find_map(|d| fs::read_to_string(d.join("entropy.h")).ok()).expect("entropy.h");
    let declared: BTreeSet<&str> = header
        .split("\nENTROPY_API ")
        .skip(1)
        .map(|declaration| declaration.split('(').next().unwrap().rsplit([' ', '*']).next().unwrap())
        .collect();
    assert_eq!(names, declared);
}

#[test]
fn constants_are_those_of_the_header() {
    let text = constants!(
        ENTROPY_OK,
        ENTROPY_ERR_NULL,
        ENTROPY_ERR_SHAPE,
        ENTROPY_ERR_VALUE,
        ENTROPY_ERR_ISA,
        ENTROPY_ERR_NOMEM,
        ENTROPY_F32,
        ENTROPY_F16,
        ENTROPY_BF16,
        ENTROPY_STATE_VERSION
    );
    compile("constants.c", &text).unwrap();
}

#[test]
fn what_does_not_hold_is_refused() {
    for wrong in [
        assert_in_c("sizeof(entropy_args) == 1".into()),
        assert_in_c("offsetof(entropy_grads, logits) == 0".into()),
        assert_type("&entropy_isa", name_of(entropy_get_num_threads as unsafe extern "C" fn() -> _)),
        assert_type("((entropy_args *)0)->argmax", name_of_member(|a: &entropy_args| &a.target)),
    ] {
        assert!(compile("wrong.c", &wrong).is_err_and(|message| message.contains("static assertion")), "{wrong}");
    }
}

#[test]
fn it_links_and_runs() {
    let logits = [2.0_f32, 1.0, 0.5, 0.3];
    let mut entropy = f32::NAN;
    // SAFETY: one row of four logits, and one result.
    let status = unsafe { entropy_f32(logits.as_ptr(), 1, 1, 4, &mut entropy) };
    assert_eq!(status, ENTROPY_OK);
    assert!((entropy - 1.1443).abs() < 1e-4);
}
