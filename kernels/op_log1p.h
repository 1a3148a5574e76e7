/* log(1 + x) of several rows at once: SLEEF's, by as many doubles as a register holds, or the C
 * library's. */
#ifndef ENT_OP_LOG1P_H
#define ENT_OP_LOG1P_H

#include <string.h>

#include "scalar_math.h"

static void log1p_each(double *x, size_t n)
{
#ifdef D_LOG1P_WIDTH
    for (size_t i = 0; i < n; i += D_LOG1P_WIDTH) {
        const size_t m = n - i < D_LOG1P_WIDTH ? n - i : D_LOG1P_WIDTH;
        double part[D_LOG1P_WIDTH] = {0};
        memcpy(part, x + i, m * sizeof *x);
        d_log1p(part);
        memcpy(x + i, part, m * sizeof *x);
    }
#else
    for (size_t i = 0; i < n; i++) x[i] = ent_log1p(x[i]);
#endif
}

#endif
