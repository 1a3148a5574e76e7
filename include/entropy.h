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
 * SLEEF; without it the C library's logarithms have the last word), and for any number of threads.
 *
 * All functions may be called from any thread at any time, and in a child after fork. The
 * environment is read by the first call, by the first that is shared among threads, and by
 * entropy_get_num_threads: nobody may be changing it then. None prints, aborts or allocates, except
 * that threads are started when they are first wanted, and kept. In a signal handler a call is safe
 * if it is not shared among threads; entropy_get_num_threads tells which are. */
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
    ENTROPY_ERR_SHAPE = -2, /* a vocabulary of 0, more logits than memory can hold, or strides that
                               cannot be */
    ENTROPY_ERR_VALUE = -3, /* an argument outside its domain */
    ENTROPY_ERR_ISA = -4,   /* an instruction set that does not exist, or not here */
    ENTROPY_ERR_NOMEM = -5  /* memory that was needed could not be had */
};

/* ---- The simple calls ---- */

/* Entropy of every row of logits.
 *
 *   logits  [batch, seq, vocab], C order: float32, or the bits of IEEE binary16 (_f16) or bfloat16
 *           (_bf16); aligned as its type is, no more
 *   out     [batch, seq], nats, from 0 to log vocab, up to the error, or NaN; must not overlap
 *           logits
 *
 * A row's result is
 *
 *   with some logits -inf                as if they were absent
 *   with one logit above -inf            exactly +0
 *   with c equal logits, the rest -inf   log c, rounded to float
 *   with every logit -inf                NaN: there is no distribution
 *   with a NaN, or with +inf             NaN
 *
 * A subnormal float32 or bfloat16 logit counts as 0 (a subnormal binary16 is an ordinary float). A
 * result below FLT_MIN is +0; no result is -0. The result of a binary16 or bfloat16 row is, to the
 * last bit, that of the same row widened to float32.
 *
 * Relative error: at most 4e-7 + 7e-8 |log H|, for ordinary and for nearly certain rows, shifted by
 * a constant or not.
 *
 * batch or seq 0: ENTROPY_OK, and nothing else is looked at. Otherwise vocab 0, or logits, or 128
 * bytes for each row, that exceed PTRDIFF_MAX bytes: ENTROPY_ERR_SHAPE; then logits or out NULL:
 * ENTROPY_ERR_NULL.
 *
 * Here and in all the other calls: the caller's rounding mode, flush-to-zero modes, exception masks
 * and sticky exception flags neither matter nor change; no exception traps. Nothing is read outside
 * of what is described. */
ENTROPY_API int entropy_f32(const float *logits, size_t batch, size_t seq, size_t vocab,
                            float *out);
ENTROPY_API int entropy_f16(const uint16_t *logits, size_t batch, size_t seq, size_t vocab,
                            float *out);
ENTROPY_API int entropy_bf16(const uint16_t *logits, size_t batch, size_t seq, size_t vocab,
                             float *out);

/* ---- One sweep, every answer ---- */

/* entropy_args.dtype */
enum { ENTROPY_F32 = 0, ENTROPY_F16 = 1, ENTROPY_BF16 = 2 };

/* What is read, how, and which results are wanted. Set everything to 0 first, then `size`, and then
 * what is needed: `entropy_args a = {.size = sizeof a, ...}`. A pointer that is NULL is an option
 * not used or a result not wanted.
 *
 * With T the row's temperature and over the tokens that take part (allowed, and above -inf),
 *
 *     p_i = exp(z_i / T) / sum_j exp(z_j / T) */
typedef struct entropy_args {
    size_t size; /* sizeof(entropy_args) */

    /* The logits, [batch, seq, vocab], and the distances between rows in elements; the vocab logits
     * of a row are contiguous. A stride of 0 is the dense one: vocab for seq_stride, seq *
     * seq_stride for batch_stride. An array [seq, batch, vocab] has batch_stride = vocab and
     * seq_stride = batch * vocab. Rows may overlap. */
    const void *logits;
    int dtype;       /* ENTROPY_F32, ENTROPY_F16 or ENTROPY_BF16 */
    int num_threads; /* at most so many; 0: the process's setting, entropy_get_num_threads() */
    size_t batch, seq, vocab;
    ptrdiff_t batch_stride, seq_stride;

    /* [1], or [batch, seq] with temperature_stride 1; in [2^-64, 2^64]. NULL is T = 1, to the last
     * bit. z_i / T is never rounded to a float. */
    const float *temperature;
    size_t temperature_stride; /* 0 or 1 */

    const int64_t *target;   /* [batch, seq]; negative: this row has none */
    const uint8_t *row_mask; /* [batch, seq]; 0: the row is skipped. It is not read, nor are its
                                target and temperature; its results are 0 */

    /* Token i takes part where bit i & 31 of word i >> 5 is set, as in the bitmasks of grammar
     * engines. What lies behind the mask does not matter, be it NaN. From one row's mask to the
     * next, allowed_stride words; 0: one mask for all rows. */
    const uint32_t *allowed;
    size_t allowed_stride;

    /* Results, each [batch, seq]. Must not overlap what is read, or each other. */
    float *entropy;        /* H = -sum p log p, in nats */
    float *varentropy;     /* V = sum p (log p + H)^2, in nats^2 */
    float *logsumexp;      /* log sum exp(z / T) */
    float *max_logit;      /* the largest logit that takes part, as given */
    float *max_logprob;    /* log p of it, <= 0 */
    float *target_logprob; /* log p of the target; 0 where it is negative */
    int64_t *argmax;       /* the lowest index of the largest logit; -1 where nothing takes part */
    int64_t *support;      /* how many tokens take part */
} entropy_args;

/* The results of every row, in one sweep over it.
 *
 *   row                    entropy  varentropy,  logsumexp    max_logit  argmax     support
 *                                   max_logprob
 *   one token takes part   +0       +0           that / T     it         its index  1
 *   c equal ones do        log c    +0, -log c                it         the first  c
 *   none does              NaN      NaN          -inf         -inf       -1         0
 *   a NaN takes part       NaN      NaN          NaN          NaN        -1         as below
 *   +inf does, no NaN      NaN      NaN          +inf         +inf       the first  as below
 *   skipped                +0       +0           +0           +0         0          0
 *
 * support counts what is above -inf, without the NaN.
 *
 * target_logprob is -inf for a target that takes no part; NaN where the entropy is NaN; +0 where
 * the target is negative, whatever the row, and where the row is skipped.
 *
 * No result is -0, and one below FLT_MIN in magnitude is +0. A zero counts as +0, and so does a
 * subnormal float32 or bfloat16 logit. z_i - max that overflows counts as -inf. logsumexp may
 * overflow to +-inf at T < 1; log p that would is -FLT_MAX.
 *
 * The bits of a result depend on the row's logits, temperature and mask alone: not on which others
 * are asked for, nor on dtype, strides, position in the batch or threads.
 *
 * Error, for any temperature:
 *
 *   entropy, max_logprob   relative, 4e-7 + 7e-8 |log of it|, down to FLT_MIN
 *   varentropy             2e-6 (V + (H + max_logprob)^2); it is 0 for one token and for ties alone
 *   logsumexp              1 ulp of the larger of |it| and |max / T|, plus 4e-7
 *   target_logprob         that of max_logprob, plus 1 ulp of its own
 *
 * Free when not asked for. Asked for: argmax reads one block of 1024 logits a second time;
 * varentropy and support cost arithmetic, which shows only when the logits are in cache.
 *
 * Checked in this order, and all before the first result is written:
 *
 *   ENTROPY_ERR_NULL    args is NULL
 *   ENTROPY_ERR_VALUE   size is none that a version of the library has had
 *   ENTROPY_OK          batch or seq is 0: nothing else is looked at
 *   ENTROPY_ERR_VALUE   an unknown dtype; num_threads < 0; temperature_stride neither 0 nor 1
 *   ENTROPY_ERR_SHAPE   vocab is 0; more than PTRDIFF_MAX bytes from the first to the last element
 *                       of logits, states or masks; a stride that is negative or below vocab (that
 *                       of an axis of length 1 is not looked at, but for the batch_stride that 0
 *                       stands for); allowed_stride below (vocab + 31) / 32 and not 0
 *   ENTROPY_ERR_NULL    logits is NULL; target is NULL and target_logprob wanted
 *   ENTROPY_ERR_VALUE   of a row that is not skipped, a temperature outside [2^-64, 2^64] or NaN,
 *                       or a target >= vocab
 *
 * No heap, and less than 16 KB of stack. */
ENTROPY_API int entropy_forward(const entropy_args *args);

/* The gradient's side of entropy_backward. */
typedef struct entropy_grads {
    size_t size; /* sizeof(entropy_grads) */

    /* dL / d(result), each [batch, seq] or NULL, which is 0. */
    const float *entropy, *logsumexp, *target_logprob;

    /* dL / d(logits): of their dtype and shape, and with strides of its own, of which 0 is the
     * dense one. May be args->logits itself, with the same strides; must overlap nothing else that
     * is read. Between rows nothing is written. */
    void *logits;
    ptrdiff_t batch_stride, seq_stride;
} entropy_grads;

/* The gradient of a loss L that depends on the logits through entropy, logsumexp and
 * target_logprob:
 *
 *     dH / dz_i = -p_i (log p_i + H) / T       dlse / dz_i = p_i / T
 *     dlog p_t / dz_i = ([i = t] - p_i) / T, where 1 - p is -expm1(log p)
 *
 * times the gradients of L with respect to each, and added. log p_i is (z_i - max_logit) / T +
 * max_logprob: with those two, rows that are nearly certain keep their relative accuracy, which a
 * float logsumexp loses.
 *
 * args is what entropy_forward was given. If its entropy, max_logit and max_logprob are all there
 * they are read, not written: what entropy_forward wrote, or, for a shard of a vocabulary, those of
 * the whole row. Otherwise the row is swept first; the gradient's bits are the same. Its other
 * results are not looked at, and nothing but grads->logits is written.
 *
 *   a token that takes no part, or whose p is 0   +0, whatever the gradients of L
 *   a row in which nothing takes part             +0
 *   a row whose entropy is NaN otherwise          NaN where a token takes part, else +0
 *   a gradient of L that is not finite, or        NaN where a token takes part, else +0
 *     not when divided by T
 *   gradients of L that are all 0, or subnormal   +0, and the row's logits are not read
 *   a row that is skipped                         +0, nor are its gradients of L
 *   a target that takes no part                   as the formula has it; +0 at the target itself
 *   a negative target                             log p_t has no gradient
 *
 * Error: 1e-6 + 2e-7 |log p_i| times the sum of p_i / T (|log p_i| + H), p_i / T and p_i / T, each
 * times the size of its gradient of L; at the target the last is (1 - p_i) / T. To that come the
 * errors of entropy and max_logprob times p_i / T and the gradient of L with respect to entropy, at
 * the target that of max_logprob times p_i / T and the gradient of L with respect to target_logprob,
 * and the rounding to the dtype, to nearest, ties to even. What is below FLT_MIN is +0; nothing is
 * -0. The p of a token that is more than 114 T below the largest may count as 0, and its gradient
 * be +0.
 *
 * Checked as in entropy_forward, where after logits grads->logits is needed, and target if
 * grads->target_logprob is there; grads is checked with args, its strides with theirs. Rows of
 * grads->logits that overlap: ENTROPY_ERR_SHAPE. */
ENTROPY_API int entropy_backward(const entropy_args *args, const entropy_grads *grads);

/* ---- Rows that come in pieces ---- */

/* What has been seen of a row, or of one shard of it: enough for every result of the whole. Holds
 * no pointers and no padding; may be copied, stored, and sent between machines, in little-endian
 * order.
 *
 * With M the largest logit, d_i = z_i - M, and over all z_i < M: */
typedef struct entropy_state {
    uint64_t version;     /* ENTROPY_STATE_VERSION */
    double temperature;   /* T: 1 after entropy_state_init; may be set while length is 0 */
    double max;           /* M; -inf: none above -inf seen; +inf or NaN: such a logit seen */
    double ties;          /* how many z_i equal M */
    double sum;           /* sum exp(d_i / T) */
    double first_moment;  /* sum d_i exp(d_i / T) */
    double second_moment; /* sum d_i^2 exp(d_i / T) */
    int64_t argmax;       /* first index of M, counted from the first logit of the row; -1: none */
    int64_t support;      /* how many z_i > -inf */
    int64_t length;       /* how many logits, allowed or not */
    double target_logit;  /* as given; -inf where it takes no part; 0 without a target */
    uint64_t flags;       /* bit 0: there is a target; bit 1: a row that was skipped */
    uint64_t reserved[4]; /* 0 */
} entropy_state;

#define ENTROPY_STATE_VERSION 1

/* The state of an empty row at T = 1. */
ENTROPY_API void entropy_state_init(entropy_state *state);

/* Adds n logits to the row, after those it has. If every piece but the last is a multiple of 1024
 * logits, the results have the bits of the whole row's; otherwise their error is within twice the
 * bounds of entropy_forward.
 *
 * ENTROPY_ERR_NULL: state is NULL, or logits is with n > 0. ENTROPY_ERR_VALUE: not a state of this
 * version, or no such temperature. ENTROPY_ERR_SHAPE: n elements exceed PTRDIFF_MAX bytes. Not safe
 * on one state from two threads at once. */
ENTROPY_API int entropy_state_add_f32(entropy_state *state, const float *logits, size_t n);
ENTROPY_API int entropy_state_add_f16(entropy_state *state, const uint16_t *logits, size_t n);
ENTROPY_API int entropy_state_add_bf16(entropy_state *state, const uint16_t *logits, size_t n);

/* Appends the logits that `from` has seen to those of `into`; they may be the same state. A state
 * of length 0 changes nothing, unless it is of another version, or of a row that was skipped and
 * both are of length 0. In the other order the bits are the same, except argmax, which counts from
 * the first logit of `into`, and the target, which is that of `into` if both have one; in another
 * grouping the results are within twice the bounds of entropy_forward. States of different versions
 * or temperatures merge to one whose answers are NaN. NULL changes nothing. */
ENTROPY_API void entropy_state_merge(entropy_state *into, const entropy_state *from);

/* The results of the row that the state has seen, as in entropy_forward. For NULL and for what is
 * not a state of this version: NaN, argmax -1, support 0. */
ENTROPY_API float entropy_state_entropy(const entropy_state *state);
ENTROPY_API float entropy_state_varentropy(const entropy_state *state);
ENTROPY_API float entropy_state_logsumexp(const entropy_state *state);
ENTROPY_API float entropy_state_max_logit(const entropy_state *state);
ENTROPY_API float entropy_state_max_logprob(const entropy_state *state);
ENTROPY_API int64_t entropy_state_argmax(const entropy_state *state);
ENTROPY_API int64_t entropy_state_support(const entropy_state *state);

/* The state of every row, [batch, seq]. Options and checks are those of entropy_forward; the
 * results of args are not looked at; states NULL: ENTROPY_ERR_NULL. A target makes the state
 * remember its logit. A skipped row gives an empty state, at T = 1, whose results are 0 if nothing is merged
 * into it. */
ENTROPY_API int entropy_forward_states(const entropy_args *args, entropy_state *states);

/* into[i] and from[i] are merged for every i < n. ENTROPY_ERR_NULL, ENTROPY_ERR_SHAPE: as you would
 * think; n 0: ENTROPY_OK. */
ENTROPY_API int entropy_merge_states(entropy_state *into, const entropy_state *from, size_t n);

/* The results of n states, written where `results` wants them: n = batch * seq. Of its other
 * members only size, batch, seq and row_mask are looked at: a row that it skips has results 0. target_logprob
 * is that of the target that the state remembers, 0 if none.
 *
 * ENTROPY_ERR_NULL: results is NULL, or states with n > 0. ENTROPY_ERR_VALUE: its size.
 * ENTROPY_ERR_SHAPE: n is neither 0 nor batch * seq. */
ENTROPY_API int entropy_results_of_states(const entropy_state *states, size_t n,
                                          const entropy_args *results);

/* ---- The machine ---- */

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
 * set, else the environment variable ENTROPY_NUM_THREADS (a decimal number >= 1, read once), else
 * the CPUs of the process's affinity mask. More than 256 count as 256.
 *
 * A call that has less to do than 2^18 logits, a row counting as 256 more, does it on the caller's
 * thread, and so does one during which another call has the library's threads, or where none can be
 * started. The others share rows, and a row alone from 2^22 / (threads - 1) logits on:
 * entropy_forward and the simple calls, entropy_backward, entropy_forward_states and
 * entropy_state_add. Threads that have nothing to do sleep; they take no signals, and are gone when
 * the library is unloaded. */
ENTROPY_API int entropy_get_num_threads(void);

/* n >= 1: that many; 0: the default again. n < 0: ENTROPY_ERR_VALUE, and no change. */
ENTROPY_API int entropy_set_num_threads(int n);

#ifdef __cplusplus
}
#endif

#endif
