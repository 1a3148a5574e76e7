//! Half-precision logits have the bits of the same logits as f32.

mod common;

use half::{bf16, f16};
use libentropy::{Logit, Logits, LogitsMut, Options, State, Upstream};

const VOCAB: usize = 1500;

fn check<T: Logit>(narrow: impl Fn(f32) -> T, widen: impl Fn(T) -> f32) {
    let z: Vec<T> = common::logits(2 * VOCAB, 1).into_iter().map(&narrow).collect();
    let wide: Vec<f32> = z.iter().map(|&z| widen(z)).collect();
    let entropy = libentropy::entropy(&wide, VOCAB).unwrap();
    assert_eq!(libentropy::entropy(&z, VOCAB).unwrap(), entropy);
    assert!(common::close(entropy[0], common::reference(&wide[..VOCAB], 1.0, |_| true).entropy, 1e-6));

    let mut state = State::new();
    state.extend_from_slice(&z[..VOCAB]);
    assert_eq!(state.entropy(), entropy[0]);

    let upstream = Upstream::new().logsumexp(&[1.0, -100.0]);
    let mut expected = wide.clone();
    LogitsMut::rows(&mut expected, VOCAB).unwrap().backward_in_place(&Options::new(), upstream).unwrap();
    let mut gradient: Vec<T> = vec![narrow(9.0); z.len()];
    let rows = Logits::rows(&z, VOCAB).unwrap();
    rows.backward(&Options::new(), upstream, LogitsMut::rows(&mut gradient, VOCAB).unwrap()).unwrap();
    for (gradient, expected) in gradient.into_iter().zip(expected) {
        assert_eq!(widen(gradient), widen(narrow(expected)));
    }
}

#[test]
fn float16() {
    check(f16::from_f32, f16::to_f32);
}

#[test]
fn bfloat16() {
    check(bf16::from_f32, bf16::to_f32);
}
