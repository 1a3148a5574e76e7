/* What src/ and kernels/ know of each other: the sums of a row, the operations on them, one table
 * per instruction set. */
#ifndef ENT_KERNELS_H
#define ENT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define NOINLINE static __attribute__((noinline))
#else
#define NOINLINE static __attribute__((noinline, noclone))
#endif

/* Logits in a block. The bits of a row do not change if it is cut into pieces at multiples of this.
 */
#define ENT_BLOCK 1024

/* The numbers are those of include/entropy.h. */
enum ent_dtype { ENT_F32, ENT_F16, ENT_BF16, ENT_DTYPES };

INLINE size_t ent_size_of(enum ent_dtype dtype)
{
    return dtype == ENT_F32 ? 4 : 2;
}

/* A row, or a piece of one. */
typedef struct ent_row {
    const void *logits;
    const uint32_t *allowed; /* bit i & 31 of word i >> 5: logit i takes part; NULL: all do */
    size_t n;
} ent_row;

/* A row with its largest logit M held apart. With d_i = z_i - M, and over all z_i < M:
 *
 *     r = sum e^(d_i / T)      w = sum d_i e^(d_i / T) <= 0      v = sum d_i^2 e^(d_i / T)
 *
 * and c = how many z_i equal M. M is -inf where nothing but -inf has been seen, +inf where a +inf
 * has, and NaN where a NaN has; the sums are 0 in the last two cases. Masked logits and -inf leave
 * no trace. */
typedef struct ent_sums {
    double M, c, r, w, v;
    size_t
        peak; /* where the block begins in which M was first seen; ENT_NO_PEAK: before this piece */
    size_t support; /* logits above -inf */
} ent_sums;

#define ENT_NO_PEAK SIZE_MAX
#define ENT_SUMS_INIT ((ent_sums){.M = -__builtin_inf(), .peak = ENT_NO_PEAK})

/* Which of the sums are kept besides M, c, r, w and the peak: bits. */
enum { ENT_WANT_V = 1, ENT_WANT_SUPPORT = 2 };

/* Rows of at most so many logits are summed several at a time. */
#define ENT_SHORT 128
#define ENT_SHORT_ROWS 16

/* The temperature, as the kernels want it. Made by ent_scale_of. */
typedef struct ent_scale {
    float hi, lo; /* log2(e) / T to 48 bits, as the sum of two floats */
    float unit;   /* a power of two near 1 / T: unit d is of the size of d / T, and exact */
    double T;
} ent_scale;

ent_scale ent_scale_of(double T);

typedef struct ent_short {
    ent_row row;
    const ent_scale *scale;
    ent_sums *sums; /* written if the row is summed */
} ent_short;

/* The gradient of a row, as the kernel wants it: with d_i = z_i - M and p_i = e^(d_i / T) mass,
 *
 *     dL / dz_i = p_i (slope unit d_i + offset) */
typedef struct ent_line {
    float M, mass, slope, offset;
    bool stream; /* the gradient will not be in cache when it is next wanted */
} ent_line;

/* The table of an instruction set. A kernel allocates nothing, reads nothing outside of the row,
 * and runs in the floating-point environment of src/fpenv.h. Every table gives the same bits. */
typedef void ent_sweep(ent_sums *sums, const ent_row *row, const ent_scale *scale, unsigned want);
typedef uint32_t ent_sum_short(const ent_short *rows, size_t n, unsigned want);
typedef size_t ent_find(const ent_row *row, size_t from, float x);
typedef void ent_gradient(void *gradient, const ent_row *row, const ent_scale *scale,
                          const ent_line *line);

typedef struct ent_kernels {
    const char *name;
    /* Adds a row, or the next piece of it, to its sums. */
    ent_sweep *sweep[ENT_DTYPES];
    /* The sums of n <= ENT_SHORT_ROWS whole rows of one length, at most ENT_SHORT, which all have a
     * mask or all have none. Bit i of what it returns: row i is summed. The others, which are not
     * ordinary, are left to the sweep. */
    ent_sum_short *sum_short[ENT_DTYPES];
    /* The first i >= from, a multiple of ENT_BLOCK, with z_i = x; one must be there. */
    ent_find *find[ENT_DTYPES];
    /* Writes the gradient, in the dtype of the row, which it may replace. */
    ent_gradient *gradient[ENT_DTYPES];
    /* x[i] <- log(1 + x[i]) */
    void (*log1p)(double *x, size_t n);
} ent_kernels;

extern const ent_kernels ent_kernels_scalar, ent_kernels_avx2, ent_kernels_avx512, ent_kernels_neon;

#endif
