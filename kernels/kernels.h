/* What src/ and kernels/ know of each other: the sums of a row, the operations on them, one table
 * per instruction set. */
#ifndef ENT_KERNELS_H
#define ENT_KERNELS_H

#include <stddef.h>

#define INLINE static inline __attribute__((always_inline))

/* A row, or a piece of one, with its largest logit M held apart. With d_i = z_i - M, and over all
 * z_i < M:
 *
 *     r = sum e^(d_i / T)      w = sum d_i e^(d_i / T) <= 0      c = how many z_i equal M
 *
 * M is -inf where nothing but -inf has been seen, +inf where a +inf has, and NaN where a NaN has;
 * the sums are meaningless in the last two cases. Masked logits and -inf leave no trace. */
typedef struct ent_sums {
    double M, c, r, w;
} ent_sums;

#define ENT_SUMS_INIT ((ent_sums){.M = -__builtin_inf()})

/* The temperature, as the kernels want it: z / T is never formed, only (z - M) / T, in base 2. Made
 * by ent_scale_of. */
typedef struct ent_scale {
    float hi, lo; /* log2(e) / T to 48 bits, as the sum of two floats */
    float floor;  /* d below this counts as this, and e^(d / T) as 0: see op_exp.h */
    double T;
} ent_scale;

ent_scale ent_scale_of(double T);

/* Logits in a block. The bits of a row do not change if it is cut into pieces at multiples of this.
 */
#define ENT_BLOCK 1024

/* The table of an instruction set. A kernel allocates nothing, reads nothing outside [logits,
 * logits + n), and runs in the floating-point environment of src/fpenv.h. Every table gives the
 * same bits. */
typedef struct ent_kernels {
    const char *name;
    /* Adds n logits to the sums of the row that they continue. */
    void (*sweep_f32)(ent_sums *sums, const float *logits, size_t n, const ent_scale *scale);
} ent_kernels;

extern const ent_kernels ent_kernels_scalar, ent_kernels_avx2, ent_kernels_avx512, ent_kernels_neon;

/* What the sums amount to, in nats; `count` rows at once. */
void ent_entropy_of_sums(const ent_sums *sums, size_t count, double T, float *entropy);

#endif
