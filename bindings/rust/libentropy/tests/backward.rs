//! The gradient is what its formula gives, wherever it is written.

mod common;

use common::{Row, close, logits, reference};
use libentropy::{Logits, LogitsMut, Options, Results, Upstream};

const VOCAB: usize = 1100;
const ROWS: usize = 4;
const TARGETS: [i64; ROWS] = [3, -1, 1099, 0];
const D_ENTROPY: [f32; ROWS] = [0.5, -2.0, 0.0, 1.0];
const D_LOGSUMEXP: [f32; ROWS] = [0.0, 1.0, -0.25, 3.0];
const D_TARGET: [f32; ROWS] = [-1.0, 5.0, 2.0, 0.5];

fn options() -> Options<'static> {
    Options::new().temperature(0.75).targets(&TARGETS)
}

fn upstream() -> Upstream<'static> {
    Upstream::new().entropy(&D_ENTROPY).logsumexp(&D_LOGSUMEXP).target_logprob(&D_TARGET)
}

#[track_caller]
fn assert_gradient(row: usize, gradient: &[f32], logits: &[f32]) {
    let Row { p, log_p, entropy, .. } = reference(logits, 0.75, |_| true);
    for i in 0..VOCAB {
        let target = f64::from(u8::from(i as i64 == TARGETS[row])) - p[i];
        let target = if TARGETS[row] < 0 { 0.0 } else { target };
        let expected = (-f64::from(D_ENTROPY[row]) * p[i] * (log_p[i] + entropy)
            + f64::from(D_LOGSUMEXP[row]) * p[i]
            + f64::from(D_TARGET[row]) * target)
            / 0.75;
        assert!(close(gradient[i], expected, 1e-6), "row {row}, {i}: {} is not {expected}", gradient[i]);
        assert!(expected.abs() < 1e-3 || gradient[i] != 0.0);
    }
}

#[test]
fn it_is_the_formula() {
    let z = logits(ROWS * VOCAB, 1);
    let mut gradient = vec![f32::NAN; z.len()];
    let rows = Logits::rows(&z, VOCAB).unwrap();
    rows.backward(&options(), upstream(), LogitsMut::rows(&mut gradient, VOCAB).unwrap()).unwrap();
    for row in 0..ROWS {
        let range = row * VOCAB..(row + 1) * VOCAB;
        assert_gradient(row, &gradient[range.clone()], &z[range]);
    }

    let mut in_place = z.clone();
    LogitsMut::rows(&mut in_place, VOCAB).unwrap().backward_in_place(&options(), upstream()).unwrap();
    assert_eq!(in_place, gradient);

    let [mut entropy, mut max_logit, mut max_logprob] = [[f32::NAN; ROWS]; 3];
    let results = Results::new().entropy(&mut entropy).max_logit(&mut max_logit).max_logprob(&mut max_logprob);
    rows.forward(&options(), results).unwrap();
    let given = upstream().results(&entropy, &max_logit, &max_logprob);
    let mut with_results = vec![f32::NAN; z.len()];
    rows.backward(&options(), given, LogitsMut::rows(&mut with_results, VOCAB).unwrap()).unwrap();
    assert_eq!(with_results, gradient);

    // They are read: those of a row that is more certain give another gradient.
    let given = upstream().results(&entropy, &max_logit, &[-0.5; ROWS]);
    rows.backward(&options(), given, LogitsMut::rows(&mut with_results, VOCAB).unwrap()).unwrap();
    assert_ne!(with_results, gradient);
}

#[test]
fn it_has_strides_of_its_own() {
    let z = logits(ROWS * VOCAB, 2);
    let mut gradient = vec![9.0; 2 * 2 * (VOCAB + 1)];
    let strided = LogitsMut::strided(&mut gradient, [2, 2, VOCAB], [VOCAB + 1, 2 * (VOCAB + 1)]).unwrap();
    let rows = Logits::strided(&z, [2, 2, VOCAB], [2 * VOCAB, VOCAB]).unwrap();
    rows.backward(&options(), upstream(), strided).unwrap();
    for row in 0..ROWS {
        let (batch, seq) = (row / 2, row % 2);
        let begin = (2 * seq + batch) * (VOCAB + 1);
        assert_gradient(row, &gradient[begin..begin + VOCAB], &z[row * VOCAB..(row + 1) * VOCAB]);
        assert_eq!(gradient[begin + VOCAB], 9.0, "written between the rows");
    }
}

#[test]
fn rows_that_the_loss_does_not_depend_on() {
    let z = [f32::NAN, 1.0, 2.0, 3.0];
    let mut gradient = [9.0; 4];
    Logits::rows(&z, 2)
        .unwrap()
        .backward(
            &Options::new().row_mask(&[true, false]),
            Upstream::new().entropy(&[0.0, 1.0]),
            LogitsMut::rows(&mut gradient, 2).unwrap(),
        )
        .unwrap();
    assert_eq!(gradient, [0.0; 4]);
}
