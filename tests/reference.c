#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "logits.h"

static double flushed(double z, bool flush)
{
    return flush && fabs(z) < FLT_MIN ? 0 : z;
}

/* z - M, as a float has it where that is -inf. */
static long double distance(double z, double M)
{
    return (float)(z - M) == -INFINITY ? -INFINITY : (long double)z - M;
}

static reference without_distribution(double M, int64_t argmax, int64_t support, int64_t target)
{
    return (reference){.entropy = NAN,
                       .varentropy = NAN,
                       .logsumexp = M,
                       .max_logprob = NAN,
                       .target_logprob = target < 0 ? 0 : NAN,
                       .max_logit = M,
                       .argmax = argmax,
                       .support = support};
}

reference reference_of(const double *z, size_t n, double T, int64_t target, bool flush)
{
    double M = -INFINITY;
    int64_t argmax = -1, support = 0;
    bool nan = false;
    for (size_t i = 0; i < n; i++) {
        const double x = flushed(z[i], flush);
        nan = nan || isnan(x);
        support += x > -INFINITY;
        if (x > M) {
            M = x;
            argmax = (int64_t)i;
        }
    }
    if (nan || isinf(M)) {
        return without_distribution(nan ? (double)NAN : M, nan ? -1 : argmax, support, target);
    }
    long double c = 0, r = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        const long double d = distance(flushed(z[i], flush), M) / T;
        if (d == 0) {
            c += 1;
        } else if (d > -INFINITY) {
            r += expl(d);
            w += d * expl(d);
        }
    }
    const long double S = c + r, log_S = logl(c) + log1pl(r / c), mean = w / S;
    long double V = c / S * mean * mean;
    for (size_t i = 0; i < n; i++) {
        const long double d = distance(flushed(z[i], flush), M) / T;
        if (d < 0 && d > -INFINITY) {
            V += expl(d) / S * (d - mean) * (d - mean);
        }
    }
    reference result = {.entropy = log_S - mean,
                        .varentropy = V,
                        .logsumexp = (long double)M / T + log_S,
                        .max_logprob = -log_S,
                        .max_logit = M + 0.0,
                        .argmax = argmax,
                        .support = support};
    if (target >= 0) {
        const long double log_p = distance(flushed(z[target], flush), M) / T - log_S;
        result.target_logprob = isinf(log_p) ? log_p : fmaxl(log_p, -FLT_MAX);
    }
    return result;
}

long double reference_gradient(const reference *r, const double *z, size_t i, double T,
                               int64_t target, const double g[3])
{
    if (isnan(r->entropy)) {
        return z[i] == -INFINITY ? 0 : NAN;
    }
    const long double d = distance(z[i], r->max_logit);
    if (d == -INFINITY) {
        return 0;
    }
    const long double log_p = d / T + r->max_logprob, p = expl(log_p);
    long double sum = -g[0] * p * (log_p + r->entropy) + g[1] * p;
    if (target >= 0) {
        sum += (int64_t)i == target ? -g[2] * expm1l(log_p) : -g[2] * p;
    }
    return sum / T;
}

double reference_entropy(const float *z, size_t n, double T)
{
    double *wide = malloc(n * sizeof *wide);
    for (size_t i = 0; i < n; i++) {
        wide[i] = z[i];
    }
    const reference r = reference_of(wide, n, T, -1, true);
    free(wide);
    return (double)r.entropy;
}

bool reference_accepts_within(float got, long double x, long double bound)
{
    if (isnan(x) || isinf(x)) {
        return isnan(x) ? isnan(got) : (long double)got == x;
    }
    if (got == 0 && signbit(got)) {
        return false;
    }
    if (fabsl(x) < FLT_MIN * (1 - 1e-5L)) {
        return got == 0 || fabsl(got - x) <= bound;
    }
    return fabsl(got - x) <= bound || (fabsl(x) < FLT_MIN * (1 + 1e-5L) && got == 0);
}

bool reference_accepts(float got, long double x)
{
    const long double size = fabsl(x);
    if (size < FLT_MIN * (1 - 1e-5L)) {
        return got == 0 && !signbit(got);
    }
    return (isnan(x) || got == 0 || (got < 0) == (x < 0)) &&
           reference_accepts_within(got, x, size * (4e-7L + 7e-8L * fabsl(logl(size))));
}

long double varentropy_bound(const reference *r)
{
    const long double mean = r->entropy + r->max_logprob;
    return 2e-6L * (r->varentropy + mean * mean);
}

static long double ulp(long double x)
{
    const float size = (float)fabsl(x);
    return nextafterf(size, INFINITY) - size;
}

long double logsumexp_bound(const reference *r, double T)
{
    return ulp(fmaxl(fabsl(r->logsumexp), fabsl(r->max_logit / T))) + 4e-7L;
}

long double target_logprob_bound(const reference *r)
{
    const long double size = fabsl(r->max_logprob);
    return (size > 0 ? size * (4e-7L + 7e-8L * fabsl(logl(size))) : 0) + ulp(r->target_logprob);
}

/* Of an entropy, or a max_logprob. */
static long double error_of(long double x)
{
    const long double size = fabsl(x);
    return size < FLT_MIN ? size : size * (4e-7L + 7e-8L * fabsl(logl(size)));
}

/* Half an ulp of the dtype. */
static long double rounding(int dtype, long double x)
{
    static const int digits[DTYPES] = {24, 11, 8};
    static const int smallest[DTYPES] = {-149, -24, -133};
    const int exponent = x == 0 ? -200 : ilogbl(x) + 1;
    return fmaxl(ldexpl(0.5L, exponent - digits[dtype]), ldexpl(0.5L, smallest[dtype]));
}

long double gradient_bound(const reference *r, const double *z, size_t i, double T, int64_t target,
                           const double g[3], int dtype)
{
    const bool is_target = (int64_t)i == target;
    const long double g_H = fabs(g[0]), g_lse = fabs(g[1]), g_t = fabs(g[2]);
    const long double log_p = ((long double)z[i] - r->max_logit) / T + r->max_logprob,
                      p = expl(log_p);
    const long double terms =
        p * (g_H * (fabsl(log_p) + r->entropy) + g_lse) + g_t * (is_target ? -expm1l(log_p) : p);
    const long double of_log_p = error_of(r->max_logprob);
    const long double of_results =
        p * (g_H * (error_of(r->entropy) + of_log_p) + (is_target ? g_t * of_log_p : 0));
    const long double error = ((1e-6L + 2e-7L * fabsl(log_p)) * terms + of_results) / T;
    /* what is rounded is not the gradient, but a number that is so near to it */
    return error + rounding(dtype, fabsl(reference_gradient(r, z, i, T, target, g)) + error);
}
