/* The polynomial of op_exp.h, and what it is multiplied with for a row. */
#ifndef ENT_ANCHOR_H
#define ENT_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

/* 2^-g on |g| <= 1/2, times EXP_SCALE: from exp2_coefficients.py, from the constant on. */
#define EXP_SCALE 0x1p40
#define EXP_COEFFICIENTS                                                                  \
    {                                                                                     \
        0x1.000000p+40, -0x1.62e42ap+39, 0x1.ebf9c2p+37, -0x1.c6b6d8p+35, 0x1.3ce8acp+33, \
            -0x1.5bda40p+30                                                               \
    }
#define EXP_TERMS 6

/* Exponentials are taken of the logits as they are: z - M would be rounded, by up to 2^-24 of
 * itself, and as much of e^(z - M) lost, in every logit of a row alike if it has to be: 1e-6 of an
 * entropy, at 16 below the top. Their sums are of e^(z / T) 2^-base, with base = M log2(e) / T
 * rounded to an integer; that goes into the coefficients, exactly. In double they are then
 * multiplied with 2^base e^(-M / T).
 *
 * The coefficients have room for bases from -86 to 140. A row whose maximum is farther from 0 is
 * `far`: its z - M are formed, base is 0, and what was rounded away is given back afterwards. That
 * takes half as long again. */
typedef struct ent_anchor {
    bool far;
    float M;            /* the row's maximum */
    float floor;        /* z, or z - M, below this counts as this, and its exponential as 0 */
    float c[EXP_TERMS]; /* the polynomial times 2^-base */
    double unit;        /* times sums: 2^base e^(-M / T) / EXP_SCALE; 1 / EXP_SCALE if far */
    double unit_hi;     /* times sums that were made without `lo`; 0 if far */
} ent_anchor;

#define LOG_2 0x1.62e42fefa39efp-1

#define LOWEST_BASE -86  /* where the coefficients would exceed FLT_MAX */
#define HIGHEST_BASE 140 /* where they would come near FLT_MIN */

/* 2^x for |x| <= 1/2, by its Taylor series, even and odd powers apart: off by at most 1e-11. */
INLINE double small_exp2(double x)
{
    const double y = LOG_2 * x;
    const double q = y * y;
    const double even = 1 + q * (1. / 2 + q * (1. / 24 + q * (1. / 720 + q * (1. / 40320))));
    const double odd = 1 + q * (1. / 6 + q * (1. / 120 + q * (1. / 5040 + q * (1. / 362880))));
    return even + y * odd;
}

/* x rounded to an integer, |x| < 2^50. */
INLINE double nearest(double x)
{
    return x + 0x1.8p52 - 0x1.8p52;
}

/* 2^n for |n| < 1000 */
INLINE double power_of_two(int n)
{
    const uint64_t bits = (uint64_t)(1023 + n) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The parts of an anchor, from y = M log2(e) / T and from base, which is 0 if far. */
INLINE bool ent_is_far(double y)
{
    return !(y > LOWEST_BASE && y < HIGHEST_BASE);
}

INLINE float ent_floor(double base, double T)
{
    return (float)((base - 166.75) * (LOG_2 * T));
}

INLINE float ent_coefficient(int k, double base)
{
    static const double c[EXP_TERMS] = EXP_COEFFICIENTS;
    return (float)(c[k] * power_of_two((int)-base));
}

INLINE double ent_unit(double y, double base)
{
    return small_exp2(base - y) / EXP_SCALE;
}

/* M is finite. */
INLINE void ent_anchor_init(ent_anchor *anchor, double M, const ent_scale *scale)
{
    const double y = M * ((double)scale->hi + scale->lo);
    const bool far = ent_is_far(y);
    const double base = far ? 0 : nearest(y);
    *anchor = (ent_anchor){.far = far,
                           .M = (float)M,
                           .floor = ent_floor(base, scale->T),
                           .unit = ent_unit(far ? 0 : y, base),
                           .unit_hi = far ? 0 : ent_unit(M * scale->hi, base)};
    for (int k = 0; k < EXP_TERMS; k++) {
        anchor->c[k] = ent_coefficient(k, base);
    }
}

#endif
