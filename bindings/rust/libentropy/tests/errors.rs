//! Whatever does not fit is refused, and nothing was written.

use libentropy::{Error, Logits, LogitsMut, Options, Results, State, Upstream, merge_states, results_of_states};

const Z: [f32; 12] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 8.0, 7.0, 6.0];
const UNTOUCHED: [f32; 3] = [77.0; 3];

fn length(array: &'static str, expected: usize, actual: usize) -> Error {
    Error::Length { array, expected, actual }
}

/// Three rows of four.
fn rows() -> Logits<'static, f32> {
    Logits::rows(&Z, 4).unwrap()
}

#[track_caller]
fn assert_refused(logits: Logits<'_, f32>, options: Options<'_>, error: Error) {
    let (mut entropy, mut log_p) = (UNTOUCHED, UNTOUCHED);
    let results = Results::new().entropy(&mut entropy).target_logprob(&mut log_p);
    assert_eq!(logits.forward(&options.targets(&[0, 1, 2]), results), Err(error));
    assert_eq!((entropy, log_p), (UNTOUCHED, UNTOUCHED));
}

#[test]
fn shapes() {
    assert_eq!(Logits::rows(&Z, 5).unwrap_err(), Error::Shape);
    assert_eq!(Logits::rows(&Z, 0).unwrap_err(), Error::Shape);
    assert_eq!(Logits::rows(&Z, usize::MAX).unwrap_err(), Error::Shape);
    assert_eq!(LogitsMut::rows(&mut Z.clone(), 5).unwrap_err(), Error::Shape);
    let strided = |shape, strides| Logits::strided(&Z, shape, strides).map(|logits| logits.shape());
    assert_eq!(strided([1, 3, 4], [0, 4]), Ok([1, 3, 4]));
    for (shape, strides) in [
        ([1, 1, 13], [0, 0]),            // a row longer than the logits
        ([1, 2, 4], [0, 9]),             // one element too few
        ([2, 1, 4], [9, 0]),             // as here
        ([1, 3, 4], [0, 5]),             // the last row ends behind the logits
        ([4, 1, 4], [4, 0]),             // as does this
        ([1, 3, 4], [0, 0]),             // all rows in one place
        ([3, 1, 0], [4, 4]),             // no vocabulary
        ([2, 1, 4], [usize::MAX, 0]),    // overflows
        ([1 << 40, 1 << 40, 1], [1, 1]), // overflows
        ([1, 2, usize::MAX], [0, 1]),    // overflows
        ([usize::MAX, 2, 1], [1, 1]),    // overflows
    ] {
        assert_eq!(strided(shape, strides), Err(Error::Shape), "{shape:?} {strides:?}");
        assert_eq!(LogitsMut::strided(&mut Z.clone(), shape, strides).unwrap_err(), Error::Shape);
    }
    assert_refused(Logits::strided(&Z, [1, 3, 4], [0, 3]).unwrap(), Options::new(), Error::Shape);
    assert_eq!(Logits::strided(&Z, [1, 3, 4], [0, 3]).unwrap().entropy(), Err(Error::Shape));
    assert_eq!(libentropy::entropy(&Z, 5), Err(Error::Shape));
}

#[test]
fn options() {
    let options = Options::new;
    assert_refused(rows(), options().temperatures(&[1.0]), length("temperatures", 3, 1));
    assert_refused(rows(), options().row_mask(&[true; 4]), length("row_mask", 3, 4));
    assert_refused(rows(), options().allowed(&[]), length("allowed", 1, 0));
    assert_refused(rows(), options().allowed(&[1; 3]), length("allowed", 1, 3));
    assert_refused(rows(), options().allowed_rows(&[1; 4], 2), length("allowed", 5, 4));
    assert_refused(rows(), options().allowed_rows(&[1; 7], 2), length("allowed", 6, 7));
    assert_refused(rows(), options().allowed_rows(&[1; 3], usize::MAX), Error::Shape);
    let long = [0.0_f32; 3 * 64];
    let wide = Logits::rows(&long, 64).unwrap();
    assert_refused(wide, options().allowed_rows(&[1; 3], 1), length("allowed", 4, 3));
    assert_refused(wide, options().allowed_rows(&[1; 4], 1), Error::Shape);
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-30] {
        assert_refused(rows(), options().temperature(temperature), Error::Value);
        assert_refused(rows(), options().temperatures(&[1.0, 1.0, temperature]), Error::Value);
    }
    assert_refused(rows(), options().num_threads(usize::MAX), Error::Value);
    assert_refused(rows(), options().num_threads(1 << 31), Error::Value);
}

#[test]
fn targets() {
    let mut log_p = UNTOUCHED;
    let mut with = |options: Options<'_>| rows().forward(&options, Results::new().target_logprob(&mut log_p));
    assert_eq!(with(Options::new()), Err(Error::Null));
    assert_eq!(with(Options::new().targets(&[0, 1, 4])), Err(Error::Value));
    assert_eq!(with(Options::new().targets(&[0, 1])), Err(length("targets", 3, 2)));
    assert_eq!(log_p, UNTOUCHED);
    let (grads, mut z) = ([1.0; 3], Z);
    let in_place = LogitsMut::rows(&mut z, 4).unwrap();
    let upstream = Upstream::new().target_logprob(&grads);
    assert_eq!(in_place.backward_in_place(&Options::new(), upstream), Err(Error::Null));
    assert_eq!(z, Z);
}

#[test]
fn results() {
    macro_rules! check {
        ($($name:ident: $value:expr),*) => { $(
            let (mut entropy, mut wrong) = (UNTOUCHED, [$value; 2]);
            let results = Results::new().entropy(&mut entropy).$name(&mut wrong);
            assert_eq!(rows().forward(&Options::new().targets(&[0; 3]), results), Err(length(stringify!($name), 3, 2)));
            assert_eq!(wrong, [$value; 2]);
            if stringify!($name) != "entropy" {
                assert_eq!(entropy, UNTOUCHED);
            }
        )* };
    }
    check!(entropy: 7.0, varentropy: 7.0, logsumexp: 7.0, max_logit: 7.0, max_logprob: 7.0, target_logprob: 7.0,
        argmax: 7, support: 7);
    let mut out = [7.0; 4];
    assert_eq!(libentropy::entropy_into(&Z, 4, &mut out), Err(length("entropy", 3, 4)));
    assert_eq!(out, [7.0; 4]);
}

#[test]
fn gradients() {
    let (one, two) = ([1.0; 3], [1.0; 2]);
    let options = Options::new().targets(&[0, 1, 2]);
    let good = Upstream::new().entropy(&one);
    let check = |upstream: Upstream<'_>, error| {
        let mut gradient = [77.0; 12];
        let refused = rows().backward(&options, upstream, LogitsMut::rows(&mut gradient, 4).unwrap());
        assert_eq!(refused, Err(error));
        assert_eq!(gradient, [77.0; 12]);
        let mut z = Z;
        assert_eq!(LogitsMut::rows(&mut z, 4).unwrap().backward_in_place(&options, upstream), Err(error));
        assert_eq!(z, Z);
    };
    check(Upstream::new().entropy(&two), length("entropy", 3, 2));
    check(Upstream::new().logsumexp(&two), length("logsumexp", 3, 2));
    check(Upstream::new().target_logprob(&two), length("target_logprob", 3, 2));
    check(good.results(&two, &one, &one), length("results", 3, 2));
    check(good.results(&one, &two, &one), length("results", 3, 2));
    check(good.results(&one, &one, &two), length("results", 3, 2));

    let mut gradient = [77.0; 12];
    for shape in [[1, 4, 3], [3, 1, 4], [1, 2, 4]] {
        let gradient = LogitsMut::strided(&mut gradient, shape, [shape[2], shape[2]]).unwrap();
        assert_eq!(rows().backward(&options, good, gradient), Err(Error::Shape));
    }
    let overlapping = LogitsMut::strided(&mut gradient, [1, 3, 4], [0, 3]).unwrap();
    assert_eq!(rows().backward(&options, good, overlapping), Err(Error::Shape));
    assert_eq!(gradient, [77.0; 12]);
}

#[test]
fn states() {
    let mut states = [State::new(); 2];
    assert_eq!(rows().forward_states(&Options::new(), &mut states), Err(length("states", 3, 2)));
    assert!(states.iter().all(State::is_empty));
    assert_eq!(merge_states(&mut states, &[State::new(); 3]), Err(length("from", 2, 3)));
    let mut entropy = UNTOUCHED;
    let refused = results_of_states(&states, None, Results::new().entropy(&mut entropy));
    assert_eq!(refused, Err(length("entropy", 2, 3)));
    let refused = results_of_states(&states, Some(&[true]), Results::new());
    assert_eq!(refused, Err(length("row_mask", 2, 1)));
    assert_eq!(entropy, UNTOUCHED);
    assert_eq!(results_of_states(&[], None, Results::new()), Ok(()));
}

#[test]
fn messages() {
    let error: Box<dyn std::error::Error + Send + Sync> = Box::new(length("entropy", 3, 2));
    assert_eq!(error.to_string(), "entropy has 2 elements where the logits need 3");
    let texts = [Error::Null, Error::Shape, Error::Value, Error::Isa, Error::NoMemory, Error::NotContiguous]
        .map(|error| error.to_string());
    for (i, text) in texts.iter().enumerate() {
        assert!(!text.is_empty() && text != "unknown status" && !texts[..i].contains(text), "{text}");
    }
    assert_eq!(Error::Unknown(5).to_string(), "unknown status");
}
