/* The polynomial of op_exp.h, and what it is multiplied with for a row. */
#ifndef ENT_ANCHOR_H
#define ENT_ANCHOR_H

#include <stdbool.h>

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
    double
        unit; /* what sums are multiplied with: 2^base e^(-M / T) / EXP_SCALE; far: 1 / EXP_SCALE */
} ent_anchor;

/* M is finite. */
ent_anchor ent_anchor_of(double M, const ent_scale *scale);

#endif
