/* 2^(40 - base) e^(x / T), in base 2:
 *
 *     n = round(x log2(e) / T)      g = n - x log2(e) / T in [-1/2, 1/2]      e^(x / T) = 2^n 2^-g
 *
 * with 2^-g a polynomial of degree 5. log2(e) / T is the sum hi + lo of two floats: x (1 / T)
 * log2(e) would be rounded three times, and at x / T = -100 each of those roundings costs 3e-6 of
 * the result. n is found by adding 1.5 * 2^23, whose last bit is worth 1: the sum z is an integer
 * plus that, rounded by the adder.
 *
 * The factor 2^(40 - base) is in the coefficients and costs nothing; anchor.h tells what base is
 * for. With m = n - base, 2^40 keeps results normal floats down to m = -166, which is 114 T below
 * the maximum and far below what can show in a float result; without it flush-to-zero would end
 * relative accuracy at 87 T.
 *
 * Below that: at the anchor's `floor`, m = -167 and g = -0.25, so the polynomial times 2^base is in
 * [1, 2) 2^40, and what is left in the exponent field is 0: a subnormal, which every operation takes
 * for zero (src/fpenv.h), as does the scaling instruction of AVX-512. A smaller x becomes `floor`
 * first. A floor at which the polynomial is just under 2^40 would borrow from the sign bit.
 *
 * Relative error: 9.4e-8 of the polynomial; 2.1e-8 from the two roundings of g; 2^-24 and about
 * a third of that from the last two steps: 2.0e-7.
 *
 * Without `lo` a step is saved, and 1 / T is wrong by up to 2^-24 of itself, the same in every
 * exponential: 1.3e-8 at T = 1. That can be given back to their sums (op_block.h). */
#ifndef ENT_OP_EXP_H
#define ENT_OP_EXP_H

#include "anchor.h"
#include "op_load.h"

typedef struct exp_constants {
    vf32 hi, lo, floor, c[EXP_TERMS];
} exp_constants;

INLINE exp_constants exp_constants_of(const ent_anchor *anchor, const ent_scale *scale)
{
    exp_constants k = {
        .hi = v_set1(scale->hi), .lo = v_set1(scale->lo), .floor = v_set1(anchor->floor)};
    for (int i = 0; i < EXP_TERMS; i++) k.c[i] = v_set1(anchor->c[i]);
    return k;
}

/* `count` vectors breadth first, so that their latencies overlap. They were loaded from `here`, and
 * what lies ahead of it is prefetched a line at a time between the steps: all lines at once would
 * wait for each other. */
INLINE void exp_scaled(vf32 *e, const vf32 *x, int count, const exp_constants *k, bool with_lo,
                       const char *here)
{
    const vf32 magic = v_set1(0x1.8p23f);
    vf32 z[VEC_UNROLL], n[VEC_UNROLL], g[VEC_UNROLL];
    for (int j = 0; j < count; j++) z[j] = v_fma(x[j], k->hi, magic);
    for (int j = 0; j < count; j++) n[j] = v_sub(z[j], magic);
    for (int j = 0; j < count; j++) g[j] = v_fnma(x[j], k->hi, n[j]);
    for (int j = 0; j < count; j++) e[j] = v_fma(k->c[5], g[j], k->c[4]);
    if (with_lo) {
        for (int j = 0; j < count; j++) g[j] = v_fnma(x[j], k->lo, g[j]);
    }
    for (int i = 3; i >= 0; i--) {
        if (here && 3 - i < count) prefetch_line(here + 64 * (3 - i));
        for (int j = 0; j < count; j++) e[j] = v_fma(e[j], g[j], k->c[i]);
    }
    for (int j = 0; j < count; j++) e[j] = v_pow2(e[j], z[j], n[j]);
}

#endif
