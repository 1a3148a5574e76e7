/* Every result straight from its formula, in long double, one logit at a time: what the library is
 * compared with. Shares no code with it. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row as numbers. What takes no part is -inf. */
typedef struct reference {
    long double entropy, varentropy, logsumexp, max_logprob, target_logprob;
    double max_logit;
    int64_t argmax, support;
} reference;

/* z[0 .. n) at temperature T; target < 0: none. Subnormal floats count as zeros where `flush` is
 * set.
 */
reference reference_of(const double *z, size_t n, double T, int64_t target, bool flush);

/* dL / dz[i] for dL/dH = g[0], dL/dlse = g[1] and dL/dlog p[target] = g[2], given the results. */
long double reference_gradient(const reference *r, const double *z, size_t i, double T,
                               int64_t target, const double g[3]);

/* The entropy of a row of floats. */
double reference_entropy(const float *z, size_t n, double T);

/* `got` is what the library promises where the exact result is x: within `bound` of it; NaN for
 * NaN, infinity for itself; +0 for what is below FLT_MIN in magnitude, and never -0. */
bool reference_accepts_within(float got, long double x, long double bound);

/* For an entropy or a max_logprob: within 4e-7 + 7e-8 |log of it|, relative. */
bool reference_accepts(float got, long double x);

/* The bounds of the others. */
long double varentropy_bound(const reference *r);
long double logsumexp_bound(const reference *r, double T);
long double target_logprob_bound(const reference *r);

/* That of dL / dz[i] in the dtype; g as above. */
long double gradient_bound(const reference *r, const double *z, size_t i, double T, int64_t target,
                           const double g[3], int dtype);

#endif
