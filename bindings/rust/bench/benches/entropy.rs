//! The entropy of a row: the loop that one would write, rten-vecmath, and libentropy.

use std::hint::black_box;
use std::mem::MaybeUninit;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath::{Exp, LogSoftmax, Sum};

/// A vocabulary that fits the first cache, and two of language models.
const VOCABS: [usize; 3] = [1_000, 32_000, 151_936];

/// logsumexp(z) - sum p z, with the largest logit subtracted.
fn iterators(z: &[f32]) -> f32 {
    let max = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (sum, moment) = z
        .iter()
        .map(|z| (z - max, (z - max).exp()))
        .fold((0.0, 0.0), |(sum, moment), (d, e)| (sum + e, moment + d * e));
    f32::ln(sum) - moment / sum
}

/// -sum p log p, of two arrays that rten-vecmath fills.
fn rten_vecmath(z: &[f32], log_p: &mut [MaybeUninit<f32>], p: &mut [MaybeUninit<f32>]) -> f32 {
    let log_p = LogSoftmax::new(z, log_p).dispatch();
    let p = Exp {}.map(log_p, p);
    p.iter_mut().zip(&*log_p).for_each(|(p, log_p)| *p *= -log_p);
    Sum::new(p).dispatch()
}

fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("entropy");
    for vocab in VOCABS {
        let z: Vec<f32> = (0..vocab).map(|i| ((i * 7919) % 10_007) as f32 / 700.0).collect();
        let (mut log_p, mut p) = (vec![MaybeUninit::uninit(); vocab], vec![MaybeUninit::uninit(); vocab]);
        let mut out = [0.0];

        libentropy::entropy_into(&z, vocab, &mut out).unwrap();
        for other in [iterators(&z), rten_vecmath(&z, &mut log_p, &mut p)] {
            assert!((other - out[0]).abs() < 1e-2, "{other} is not {}", out[0]);
        }

        group.throughput(Throughput::Elements(vocab as u64));
        group.bench_function(BenchmarkId::new("iterators", vocab), |b| b.iter(|| iterators(black_box(&z))));
        group.bench_function(BenchmarkId::new("rten-vecmath", vocab), |b| {
            b.iter(|| rten_vecmath(black_box(&z), &mut log_p, &mut p));
        });
        group.bench_function(BenchmarkId::new("libentropy", vocab), |b| {
            b.iter(|| libentropy::entropy_into(black_box(&z), vocab, &mut out));
        });
    }
    group.finish();
}

criterion_group!(entropy, benches);
criterion_main!(entropy);
