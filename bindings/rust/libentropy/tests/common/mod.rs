//! The definitions in f64, and rows to compare with them.
#![allow(dead_code)] // each test file uses a part

/// What a row's results are by definition. Logits that take no part are left out.
pub struct Row {
    pub p: Vec<f64>,
    pub log_p: Vec<f64>,
    pub entropy: f64,
    pub varentropy: f64,
    pub logsumexp: f64,
    pub max_logit: f64,
    pub argmax: usize,
    pub support: usize,
}

pub fn reference(logits: &[f32], temperature: f64, allowed: impl Fn(usize) -> bool) -> Row {
    let z: Vec<f64> =
        (0..logits.len()).map(|i| if allowed(i) { f64::from(logits[i]) } else { f64::NEG_INFINITY }).collect();
    let max_logit = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = z.iter().map(|z| ((z - max_logit) / temperature).exp()).sum();
    let log_p: Vec<f64> = z.iter().map(|z| (z - max_logit) / temperature - sum.ln()).collect();
    let p: Vec<f64> = log_p.iter().map(|l| l.exp()).collect();
    let taking_part = |f: &dyn Fn(usize) -> f64| (0..z.len()).filter(|&i| z[i] > f64::NEG_INFINITY).map(f).sum();
    let entropy: f64 = taking_part(&|i| -p[i] * log_p[i]);
    Row {
        entropy,
        varentropy: taking_part(&|i| p[i] * (log_p[i] + entropy).powi(2)),
        logsumexp: max_logit / temperature + sum.ln(),
        max_logit,
        argmax: z.iter().position(|&z| z == max_logit).unwrap(),
        support: z.iter().filter(|&&z| z > f64::NEG_INFINITY).count(),
        p,
        log_p,
    }
}

/// False for NaN.
pub fn close(actual: f32, expected: f64, tolerance: f64) -> bool {
    (f64::from(actual) - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// Panics unless they are close, and both are numbers: within the library's error bounds of rows that are not nearly
/// certain.
#[track_caller]
pub fn assert_close(actual: f32, expected: f64) {
    assert!(close(actual, expected, 2e-6), "{actual} is not {expected}");
}

/// `n` numbers that look random, mostly between -4 and 4 and some larger.
pub fn logits(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    (0..n).map(|_| 4.0 * (uniform() + uniform() + uniform() + uniform() - 2.0) + 2.0 * uniform()).collect()
}
