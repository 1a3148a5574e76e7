/* The kernels' exponential by itself, once per instruction set. */
#ifndef EXPONENTIAL_H
#define EXPONENTIAL_H

#include <stddef.h>

#include "../../kernels/anchor.h"

/* e[0 .. n) <- that of x, with what is below the anchor's floor at the floor; n is a multiple of 16.
 */
typedef void exponential(float *e, const float *x, size_t n, const ent_anchor *anchor,
                         const ent_scale *scale);

exponential exponential_scalar, exponential_avx2, exponential_avx512, exponential_neon;

#endif
