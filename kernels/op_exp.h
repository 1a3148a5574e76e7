/* 2^40 e^(d / T) for d <= 0, in base 2:
 *
 *     n = round(d log2(e) / T)      g = n - d log2(e) / T in [-1/2, 1/2]      e^(d / T) = 2^n 2^-g
 *
 * with 2^-g a polynomial of degree 5. log2(e) / T is the sum hi + lo of two floats: d (1 / T)
 * log2(e) would be rounded three times, and at d / T = -100 each of those roundings costs 3e-6 of
 * the result. n is found by adding 1.5 * 2^23, whose last bit is worth 1: the sum z is an integer
 * plus that, rounded by the adder.
 *
 * The factor 2^40 is in the coefficients and costs nothing. It keeps results normal floats down to
 * d / T = -115, far below what can show in a float result; without it flush-to-zero would end
 * relative accuracy at -87.
 *
 * Below that: at `floor`, n = -167 and g = -0.25, so the polynomial is in [1, 2) 2^40, its exponent
 * field is 127 + 40, and adding n leaves 0 there: a subnormal, which every operation takes for zero
 * (src/fpenv.h), as does the scaling instruction of AVX-512. A smaller d becomes `floor` first. A
 * floor at which the polynomial is just under 2^40 would borrow from the sign bit.
 *
 * Relative error: 9.4e-8 of the polynomial; 2.1e-8 from the two roundings of g; 2^-24 and about
 * a third of that from the last two steps: 2.0e-7. The worst of all floats in (-115, -1e-30) at
 * T = 1, against exp in double, is 1.73e-7, at d = -0x1.0a29acp+0. */
#ifndef ENT_OP_EXP_H
#define ENT_OP_EXP_H

#define EXP_SCALE 0x1p40 /* of what exp_scaled returns */

/* From exp2_coefficients.py. */
#define EXP_C0 0x1.000000p+40f
#define EXP_C1 -0x1.62e42ap+39f
#define EXP_C2 0x1.ebf9c2p+37f
#define EXP_C3 -0x1.c6b6d8p+35f
#define EXP_C4 0x1.3ce8acp+33f
#define EXP_C5 -0x1.5bda40p+30f

/* `count` vectors breadth first, so that their latencies overlap. They were loaded from `here`, and
 * what lies ahead of it is prefetched a line at a time between the steps: all lines at once would
 * wait for each other. */
INLINE void exp_scaled(vf32 *e, const vf32 *d, int count, vf32 hi, vf32 lo, const char *here)
{
    const vf32 magic = v_set1(0x1.8p23f);
    const vf32 c5 = v_set1(EXP_C5), c4 = v_set1(EXP_C4);
    const vf32 c[] = {v_set1(EXP_C3), v_set1(EXP_C2), v_set1(EXP_C1), v_set1(EXP_C0)};
    vf32 z[VEC_UNROLL], n[VEC_UNROLL], g[VEC_UNROLL];
    for (int j = 0; j < count; j++) z[j] = v_fma(d[j], hi, magic);
    for (int j = 0; j < count; j++) n[j] = v_sub(z[j], magic);
    for (int j = 0; j < count; j++) g[j] = v_fnma(d[j], hi, n[j]);
    for (int j = 0; j < count; j++) e[j] = v_fma(c5, g[j], c4);
    for (int j = 0; j < count; j++) g[j] = v_fnma(d[j], lo, g[j]);
    for (int k = 0; k < 4; k++) {
        if (here && k < count) v_prefetch(here + 64 * k);
        for (int j = 0; j < count; j++) e[j] = v_fma(e[j], g[j], c[k]);
    }
    for (int j = 0; j < count; j++) e[j] = v_pow2(e[j], z[j], n[j]);
}

#endif
