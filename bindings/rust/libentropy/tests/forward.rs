//! Every result, under every option, is what its definition gives.

mod common;

use common::{assert_close, logits, reference};
use libentropy::{Logits, Options, Results};

const VOCAB: usize = 1500; // more than one block of the library's, and a rest

#[test]
fn every_result_under_every_option() {
    let (batch, seq, padded) = (2, 3, VOCAB + 4);
    let rows = batch * seq;
    let z = logits(batch * (seq + 1) * padded, 1);
    let temperatures: Vec<f32> = (0..rows).map(|i| 0.5 + 0.25 * i as f32).collect();
    let targets: Vec<i64> = (0..rows).map(|i| if i == 4 { -1 } else { 7 * i as i64 + 1 }).collect();
    let row_mask: Vec<bool> = (0..rows).map(|i| i != 2).collect();
    let words = VOCAB.div_ceil(32);
    let stride = words + 2;
    let masks: Vec<u32> = (0..rows * stride).map(|i| 0xBBBB_BBBB_u32.rotate_left(i as u32)).collect();
    let options = Options::new()
        .temperatures(&temperatures)
        .targets(&targets)
        .row_mask(&row_mask)
        .allowed_rows(&masks, stride)
        .num_threads(1);

    let mut out: [Vec<f32>; 6] = std::array::from_fn(|_| vec![f32::NAN; rows]);
    let [entropy, varentropy, logsumexp, max_logit, max_logprob, target_logprob] = &mut out;
    let (mut argmax, mut support) = (vec![-9; rows], vec![-9; rows]);
    let results = Results::new()
        .entropy(entropy)
        .varentropy(varentropy)
        .logsumexp(logsumexp)
        .max_logit(max_logit)
        .max_logprob(max_logprob)
        .target_logprob(target_logprob)
        .argmax(&mut argmax)
        .support(&mut support);
    Logits::strided(&z, [batch, seq, VOCAB], [(seq + 1) * padded, padded]).unwrap().forward(&options, results).unwrap();

    for i in 0..rows {
        let begin = (i / seq) * (seq + 1) * padded + (i % seq) * padded;
        let allowed = |token: usize| masks[i * stride + token / 32] >> (token % 32) & 1 == 1;
        let expected = reference(&z[begin..begin + VOCAB], temperatures[i].into(), allowed);
        let actual = out.each_ref().map(|array| array[i]);
        if i == 2 {
            assert_eq!((actual, argmax[i], support[i]), ([0.0; 6], 0, 0));
            continue;
        }
        let log_p = if i == 4 { 0.0 } else { expected.log_p[7 * i + 1] };
        let wanted = [
            expected.entropy,
            expected.varentropy,
            expected.logsumexp,
            expected.max_logit,
            expected.log_p[expected.argmax],
        ];
        for (actual, expected) in actual.iter().zip(wanted) {
            assert_close(*actual, expected);
        }
        if log_p == f64::NEG_INFINITY {
            assert_eq!(actual[5], f32::NEG_INFINITY);
        } else {
            assert_close(actual[5], log_p);
        }
        assert_eq!((argmax[i], support[i]), (expected.argmax as i64, expected.support as i64));
    }
    assert!(out[5].contains(&f32::NEG_INFINITY) && out[5].iter().filter(|l| l.is_finite()).count() > 3);
}

#[test]
fn one_temperature_and_one_mask_for_all_rows() {
    let z = logits(4 * 40, 2);
    let mask = [0x0F0F_0F0F, 0x0000_00AA];
    let mut entropy = [f32::NAN; 4];
    Logits::rows(&z, 40)
        .unwrap()
        .forward(&Options::new().temperature(2.5).allowed(&mask), Results::new().entropy(&mut entropy))
        .unwrap();
    for (z, entropy) in z.chunks(40).zip(entropy) {
        assert_close(entropy, reference(z, 2.5, |i| mask[i / 32] >> (i % 32) & 1 == 1).entropy);
    }
}

#[test]
fn the_last_of_two_temperatures_counts() {
    let z = logits(8, 3);
    let temperature_of = |options: Options<'_>| {
        let mut entropy = [f32::NAN];
        Logits::rows(&z, 8).unwrap().forward(&options, Results::new().entropy(&mut entropy)).unwrap();
        entropy[0]
    };
    assert_close(
        temperature_of(Options::new().temperature(3.0).temperatures(&[0.5])),
        reference(&z, 0.5, |_| true).entropy,
    );
    assert_close(
        temperature_of(Options::new().temperatures(&[0.5]).temperature(3.0)),
        reference(&z, 3.0, |_| true).entropy,
    );
}

#[test]
fn the_ways_to_ask_agree_to_the_bit() {
    let z = logits(5 * VOCAB, 4);
    let allocated = libentropy::entropy(&z, VOCAB).unwrap();
    let mut given = [f32::NAN; 5];
    libentropy::entropy_into(&z, VOCAB, &mut given).unwrap();
    assert_eq!(allocated, given);
    assert_eq!(Logits::strided(&z, [5, 1, VOCAB], [VOCAB, 0]).unwrap().entropy().unwrap(), given);
    assert_eq!(Logits::strided(&z, [1, 5, VOCAB], [usize::MAX, VOCAB]).unwrap().entropy().unwrap(), given);
    for (z, entropy) in z.chunks(VOCAB).zip(given) {
        assert_close(entropy, reference(z, 1.0, |_| true).entropy);
    }
}

#[test]
fn rows_that_have_no_distribution() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let entropy = libentropy::entropy(&[-inf, -inf, nan, 0.0, inf, 0.0, 7.0, -inf], 2).unwrap();
    assert!(entropy[..3].iter().all(|entropy| entropy.is_nan()));
    assert_eq!(entropy[3].to_bits(), 0);
}

#[test]
fn without_rows_nothing_is_done() {
    assert_eq!(libentropy::entropy::<f32>(&[], 4), Ok(vec![]));
    assert_eq!(libentropy::entropy::<f32>(&[], 0), Ok(vec![]));
    let none = Logits::<f32>::strided(&[], [3, 0, 0], [0, 0]).unwrap();
    assert_eq!((none.num_rows(), none.shape()), (0, [3, 0, 0]));
    none.forward(&Options::new().temperatures(&[]), Results::new().entropy(&mut [])).unwrap();
}

#[test]
fn rows_are_read_from_several_threads() {
    let z = logits(8 * VOCAB, 5);
    let expected = libentropy::entropy(&z, VOCAB).unwrap();
    let (rows, options) = (Logits::rows(&z, VOCAB).unwrap(), Options::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut entropy = [f32::NAN; 8];
                rows.forward(&options, Results::new().entropy(&mut entropy)).unwrap();
                assert_eq!(entropy, *expected);
            });
        }
    });
}

#[test]
fn all_types_may_be_sent_and_shared() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Logits<'_, f32>>();
    is_send_and_sync::<libentropy::LogitsMut<'_, f32>>();
    is_send_and_sync::<Options<'_>>();
    is_send_and_sync::<Results<'_>>();
    is_send_and_sync::<libentropy::Upstream<'_>>();
    is_send_and_sync::<libentropy::State>();
    is_send_and_sync::<libentropy::Error>();
}
