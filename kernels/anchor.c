#include "anchor.h"

#include <stdint.h>
#include <string.h>

#define LOWEST_BASE -86  /* where the coefficients would exceed FLT_MAX */
#define HIGHEST_BASE 140 /* where they would come near FLT_MIN */

/* 2^x for |x| <= 1/2, by its Taylor series, even and odd powers apart: off by at most 1e-11. */
static double small_exp2(double x)
{
    const double y = 0x1.62e42fefa39efp-1 * x; /* log(2) x */
    const double q = y * y;
    const double even = 1 + q * (1. / 2 + q * (1. / 24 + q * (1. / 720 + q * (1. / 40320))));
    const double odd = 1 + q * (1. / 6 + q * (1. / 120 + q * (1. / 5040 + q * (1. / 362880))));
    return even + y * odd;
}

/* x rounded to an integer, |x| < 2^50. */
static double nearest(double x)
{
    return x + 0x1.8p52 - 0x1.8p52;
}

/* 2^n for |n| < 1000 */
static double power_of_two(int n)
{
    const uint64_t bits = (uint64_t)(1023 + n) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

ent_anchor ent_anchor_of(double M, const ent_scale *scale)
{
    static const double c[EXP_TERMS] = EXP_COEFFICIENTS;
    const double per_T = (double)scale->hi + scale->lo, y = M * per_T;
    const bool far = !(y > LOWEST_BASE && y < HIGHEST_BASE);
    const double base = far ? 0 : nearest(y), shrink = power_of_two((int)-base);
    ent_anchor a = {.far = far,
                    .M = (float)M,
                    .floor = (float)((base - 166.75) / per_T),
                    .unit = small_exp2(far ? 0 : base - y) / EXP_SCALE};
    for (int k = 0; k < EXP_TERMS; k++) {
        a.c[k] = (float)(c[k] * shrink);
    }
    return a;
}
