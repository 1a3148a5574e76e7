/* The entropy straight from its formula, in double, one logit at a time: what the library is
 * compared with. Shares no code with it. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

/* NaN where there is no distribution: a NaN, +inf, or nothing above -inf. */
double reference_entropy(const float *z, size_t n, double T);

/* `entropy` is what the library promises for a row whose exact entropy is H: within 4e-7 + 7e-8
 * |log H| of it, relative; NaN for NaN; +0 for what is below FLT_MIN; never negative, never -0. */
bool reference_accepts(float entropy, double H);

#endif
