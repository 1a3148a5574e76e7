/* Every result of a row from its formula, in 300 bits. MPFR does the arithmetic; nothing is shared
 * with the library or with tests/reference.c. */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>

#include <mpfr.h>

#define PRECISION 300 /* the difference of any two floats is exact */

typedef struct oracle {
    bool defined; /* the row has a distribution; nothing else is set if not */
    double max, T;
    mpfr_t entropy, varentropy, logsumexp, max_logprob, target_logprob;
} oracle;

void oracle_init(oracle *o);
void oracle_clear(oracle *o);

/* z[0 .. n) at temperature T. -inf takes no part, and subnormals are zeros. */
void oracle_row(oracle *o, const float *z, size_t n, double T, size_t target);

/* log p of a logit of that row. False if it takes no part. */
bool oracle_logprob(mpfr_t log_p, const oracle *o, double z);

/* dL / dz[i] for dL/dH = g[0], dL/dlogsumexp = g[1], dL/dlog p[target] = g[2]. */
void oracle_gradient(mpfr_t gradient, const oracle *o, double z, bool is_target, const float g[3]);

#endif
