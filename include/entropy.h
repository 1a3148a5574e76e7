/* libentropy: the Shannon entropy of language-model logits.
 *
 * SPDX-License-Identifier: MIT
 *
 * For a row of logits z the distribution is the softmax, p_i = exp(z_i) / sum_j exp(z_j), and the
 * entropy, in nats,
 *
 *     H = -sum_i p_i log p_i
 *
 * (C. E. Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 27,
 * 1948), computed in one sweep over the row, with the largest logit M held apart: with c the number
 * of logits equal to M and, over all the others, r = sum exp(z_i - M) and w = sum (z_i - M) exp(z_i
 * - M),
 *
 *     H = log c + log1p(r / c) - w / (c + r).
 *
 * Every term is >= 0, so H is never negative and keeps its relative accuracy however certain the
 * row is.
 *
 * The same logits give the same 32 bits on every CPU, for every instruction set, batch size and
 * position in the batch, and for every floating-point environment of the caller (in builds with
 * SLEEF; without it the C library's logarithms have the last word). All functions may be called
 * from any thread at any time, except that the first call and entropy_get_num_threads read the
 * environment, which nobody may be changing then. None prints, aborts or allocates. */
#ifndef ENTROPY_H
#define ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#define ENTROPY_VERSION_MAJOR 0
#define ENTROPY_VERSION_MINOR 1
#define ENTROPY_VERSION_PATCH 0

#if defined __GNUC__
#define ENTROPY_API __attribute__((visibility("default")))
#else
#define ENTROPY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. An error has written nothing. */
enum {
    ENTROPY_OK = 0,
    ENTROPY_ERR_NULL = -1,  /* a pointer that is needed is NULL */
    ENTROPY_ERR_SHAPE = -2, /* a vocabulary of 0 with rows, or more logits than memory can hold */
    ENTROPY_ERR_VALUE = -3, /* an argument outside its domain */
    ENTROPY_ERR_ISA = -4,   /* an instruction set that does not exist, or not here */
    ENTROPY_ERR_NOMEM = -5  /* memory that was needed could not be had */
};

/* Entropy of every row of logits.
 *
 *   logits  [batch, seq, vocab], C order, float32; aligned as a float is, no more
 *   out     [batch, seq], nats, in [0, log vocab] or NaN; must not overlap logits
 *
 * A row's result is
 *
 *   with some logits -inf                as if they were absent
 *   with one logit above -inf            exactly +0
 *   with c equal logits, the rest -inf   log c, rounded to float
 *   with every logit -inf                NaN: there is no distribution
 *   with a NaN, or with +inf             NaN
 *
 * A subnormal logit counts as 0. A result below FLT_MIN is +0; no result is -0.
 *
 * Relative error: at most 4e-7 + 7e-8 |log H|, for ordinary and for nearly certain rows, shifted by
 * a constant or not.
 *
 * batch or seq 0: ENTROPY_OK, and nothing else is looked at. Otherwise vocab 0, or batch * seq *
 * vocab floats that exceed PTRDIFF_MAX bytes: ENTROPY_ERR_SHAPE; then logits or out NULL:
 * ENTROPY_ERR_NULL.
 *
 * The caller's rounding mode, flush-to-zero modes, exception masks and sticky exception flags
 * neither matter nor change; no exception traps. Reads nothing outside logits. */
ENTROPY_API int entropy_f32(const float *logits, size_t batch, size_t seq, size_t vocab,
                            float *out);

/* "0.1.0". */
ENTROPY_API const char *entropy_version(void);

/* What a status means, in English; for a number that is no status, "unknown status". Never NULL. */
ENTROPY_API const char *entropy_strerror(int status);

/* The instruction set in use: "scalar", "avx2", "avx512" or "neon". */
ENTROPY_API const char *entropy_isa(void);

/* Chooses the instruction set for all threads, from their next call on; NULL: the best that this
 * machine has. At first it is what the environment variable ENTROPY_ISA names, or the best where
 * that is not set or cannot be met. Results do not change by a bit. ENTROPY_ERR_ISA, and no change,
 * where this machine, its operating system or this build lacks it, or no such name exists. */
ENTROPY_API int entropy_set_isa(const char *name);

/* How many threads a call may use at most, the caller's included: what entropy_set_num_threads has
 * set, else the environment variable ENTROPY_NUM_THREADS (a decimal number >= 1), else the CPUs of
 * the process's affinity mask. In this version all work is done on the caller's thread. */
ENTROPY_API int entropy_get_num_threads(void);

/* n >= 1: that many; 0: the default again. n < 0: ENTROPY_ERR_VALUE, and no change. */
ENTROPY_API int entropy_set_num_threads(int n);

#ifdef __cplusplus
}
#endif

#endif
