//! Rows that come in pieces have the results of whole ones.

mod common;

use common::{assert_close, logits, reference};
use libentropy::{Error, Logits, Options, Results, State, merge_states, results_of_states};

const VOCAB: usize = 5000;

#[track_caller]
fn assert_whole(state: &State, z: &[f32], temperature: f64) {
    let expected = reference(z, temperature, |_| true);
    assert_close(state.entropy(), expected.entropy);
    assert_close(state.varentropy(), expected.varentropy);
    assert_close(state.logsumexp(), expected.logsumexp);
    assert_close(state.max_logit(), expected.max_logit);
    assert_close(state.max_logprob(), expected.log_p[expected.argmax]);
    assert_eq!((state.argmax(), state.support(), state.len()), (Some(expected.argmax), z.len(), z.len()));
}

#[test]
fn pieces_of_1024_have_the_bits_of_the_whole() {
    let z = logits(VOCAB, 1);
    let mut state = State::new();
    state.extend(z.chunks(1024));
    assert_eq!(state.entropy(), libentropy::entropy(&z, VOCAB).unwrap()[0]);
    assert_whole(&state, &z, 1.0);
}

#[test]
fn shards_add_up() {
    let z = logits(VOCAB, 2);
    let shards: Vec<State> = z
        .chunks(777)
        .map(|shard| {
            let mut state = State::with_temperature(0.5).unwrap();
            state.extend_from_slice(shard);
            state
        })
        .collect();
    assert_whole(&shards.iter().sum(), &z, 0.5);
    assert_whole(&shards.iter().copied().sum(), &z, 0.5);
    assert_whole(&shards.iter().copied().reduce(|left, right| left + right).unwrap(), &z, 0.5);
    let mut state = State::default();
    for shard in &shards {
        state += shard;
    }
    assert_whole(&state, &z, 0.5);
    let mut state = shards[0];
    state += shards[1];
    state.merge(&shards[2]);
    assert_whole(&state, &z[..3 * 777], 0.5);
}

#[test]
fn an_empty_row_has_no_distribution() {
    let empty = State::new();
    assert!(empty.is_empty() && empty.entropy().is_nan());
    assert_eq!((empty.argmax(), empty.support(), empty.len(), empty.temperature()), (None, 0, 0, 1.0));
    assert!([].iter().sum::<State>().is_empty());
}

#[test]
fn states_of_different_temperatures_have_no_answers() {
    let (mut cold, mut hot) = (State::with_temperature(0.5).unwrap(), State::with_temperature(2.0).unwrap());
    cold.extend_from_slice(&[1.0_f32, 2.0]);
    hot.extend_from_slice(&[1.0_f32, 2.0]);
    let mut both = cold + hot;
    assert!(both.entropy().is_nan());
    both.extend_from_slice(&[1.0_f32]);
    assert!(both.entropy().is_nan());
}

#[test]
fn only_valid_temperatures_and_bytes_become_states() {
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-30] {
        assert_eq!(State::with_temperature(wrong).unwrap_err(), Error::Value);
    }
    let mut state = State::with_temperature(4.0).unwrap();
    state.extend_from_slice(&logits(100, 3));
    let bytes = state.to_bytes();
    assert_eq!(bytes[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[8..16], 4.0_f64.to_le_bytes());
    let again = State::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes(), bytes);
    assert_eq!(again.entropy(), state.entropy());
    for wrong in [0, 8 + 7] {
        let mut bytes = bytes;
        bytes[wrong] ^= 0x80;
        assert_eq!(State::from_bytes(&bytes).unwrap_err(), Error::Value);
    }
}

#[test]
fn many_rows_in_two_shards() {
    let (rows, half) = (3, VOCAB / 2);
    let z = logits(rows * VOCAB, 4);
    let targets: [[i64; 3]; 2] = [[5, -1, -1], [-1, 0, -1]]; // each shard knows only its own
    let mut states = [[State::new(); 3]; 2];
    for shard in 0..2 {
        Logits::strided(&z[shard * half..], [1, rows, half], [0, VOCAB])
            .unwrap()
            .forward_states(&Options::new().targets(&targets[shard]), &mut states[shard])
            .unwrap();
    }
    let [mut whole, right] = states;
    merge_states(&mut whole, &right).unwrap();

    let (mut entropy, mut log_p, mut argmax) = ([f32::NAN; 3], [f32::NAN; 3], [-9; 3]);
    let results = Results::new().entropy(&mut entropy).target_logprob(&mut log_p).argmax(&mut argmax);
    results_of_states(&whole, Some(&[true, true, false]), results).unwrap();
    for row in 0..2 {
        let expected = reference(&z[row * VOCAB..(row + 1) * VOCAB], 1.0, |_| true);
        assert_close(entropy[row], expected.entropy);
        assert_close(log_p[row], expected.log_p[[5, half][row]]);
        assert_eq!(whole[row].target_logprob(), log_p[row]);
        assert_eq!(argmax[row], expected.argmax as i64);
    }
    assert_eq!((entropy[2], log_p[2], argmax[2]), (0.0, 0.0, 0));
    assert_eq!(whole[2].target_logprob(), 0.0);
    assert_close(whole[2].entropy(), reference(&z[2 * VOCAB..], 1.0, |_| true).entropy);
}

#[test]
fn it_prints_what_it_has_seen() {
    let mut state = State::new();
    state.extend_from_slice(&[0.0_f32, 0.0]);
    assert!(format!("{state:?}").starts_with("State { temperature: 1.0, len: 2, entropy: 0.693"));
}
