#include "oracle.h"

#include <float.h>
#include <math.h>

#define NEAREST MPFR_RNDN

void oracle_init(oracle *o)
{
    mpfr_inits2(PRECISION, o->entropy, o->varentropy, o->logsumexp, o->max_logprob,
                o->target_logprob, (mpfr_ptr)0);
}

void oracle_clear(oracle *o)
{
    mpfr_clears(o->entropy, o->varentropy, o->logsumexp, o->max_logprob, o->target_logprob,
                (mpfr_ptr)0);
}

static double as_taken(float z)
{
    return fabsf(z) < FLT_MIN ? 0 : z;
}

/* t <- (z - max) / T. False where z is -inf, or so far below that the difference is none that a
 * float holds. */
static bool distance(mpfr_t t, double z, double max, double T)
{
    if (z == -INFINITY) {
        return false;
    }
    mpfr_set_d(t, z, NEAREST);
    mpfr_sub_d(t, t, max, NEAREST);
    const bool counts = mpfr_cmp_d(t, -(double)FLT_MAX - 0x1p102) > 0;
    mpfr_div_d(t, t, T, NEAREST);
    return counts;
}

bool oracle_logprob(mpfr_t log_p, const oracle *o, double z)
{
    const bool counts = distance(log_p, as_taken((float)z), o->max, o->T);
    mpfr_add(log_p, log_p, o->max_logprob, NEAREST);
    return counts;
}

void oracle_row(oracle *o, const float *z, size_t n, double T, size_t target)
{
    o->max = -INFINITY;
    o->T = T;
    bool nan = false;
    for (size_t i = 0; i < n; i++) {
        nan = nan || z[i] != z[i];
        o->max = as_taken(z[i]) > o->max ? as_taken(z[i]) : o->max;
    }
    o->defined = !nan && fabs(o->max) < (double)INFINITY;
    if (!o->defined) {
        return;
    }
    mpfr_t t, p, term;
    mpfr_inits2(PRECISION, t, p, term, (mpfr_ptr)0);

    /* log p of the largest is -log sum exp; where the others are small, sum - 1 is kept. */
    mpfr_set_zero(p, 1);
    size_t ties = 0;
    for (size_t i = 0; i < n; i++) {
        if (distance(t, as_taken(z[i]), o->max, T)) {
            ties += mpfr_zero_p(t) != 0;
            mpfr_exp(t, t, NEAREST);
            if (mpfr_cmp_ui(t, 1) != 0) {
                mpfr_add(p, p, t, NEAREST);
            }
        }
    }
    mpfr_add_ui(p, p, ties - 1, NEAREST);
    mpfr_log1p(o->max_logprob, p, NEAREST);
    mpfr_neg(o->max_logprob, o->max_logprob, NEAREST);
    mpfr_set_d(o->logsumexp, o->max, NEAREST);
    mpfr_div_d(o->logsumexp, o->logsumexp, T, NEAREST);
    mpfr_sub(o->logsumexp, o->logsumexp, o->max_logprob, NEAREST);

    mpfr_set_zero(o->entropy, 1);
    for (size_t i = 0; i < n; i++) {
        if (oracle_logprob(t, o, z[i])) {
            mpfr_exp(p, t, NEAREST);
            mpfr_mul(term, p, t, NEAREST);
            mpfr_sub(o->entropy, o->entropy, term, NEAREST);
        }
    }
    mpfr_set_zero(o->varentropy, 1);
    for (size_t i = 0; i < n; i++) {
        if (oracle_logprob(t, o, z[i])) {
            mpfr_exp(p, t, NEAREST);
            mpfr_add(t, t, o->entropy, NEAREST);
            mpfr_sqr(t, t, NEAREST);
            mpfr_mul(t, t, p, NEAREST);
            mpfr_add(o->varentropy, o->varentropy, t, NEAREST);
        }
    }
    if (!oracle_logprob(o->target_logprob, o, z[target])) {
        mpfr_set_inf(o->target_logprob, -1);
    }
    mpfr_clears(t, p, term, (mpfr_ptr)0);
}

void oracle_gradient(mpfr_t gradient, const oracle *o, double z, bool is_target, const float g[3])
{
    mpfr_t log_p, p, term;
    mpfr_inits2(PRECISION, log_p, p, term, (mpfr_ptr)0);
    mpfr_set_zero(gradient, 1);
    if (oracle_logprob(log_p, o, z)) {
        mpfr_exp(p, log_p, NEAREST);
        mpfr_add(term, log_p, o->entropy, NEAREST);
        mpfr_mul(term, term, p, NEAREST);
        mpfr_mul_d(term, term, -(double)g[0], NEAREST);
        mpfr_add(gradient, gradient, term, NEAREST);
        mpfr_mul_d(term, p, g[1], NEAREST);
        mpfr_add(gradient, gradient, term, NEAREST);
        if (is_target) {
            mpfr_expm1(p, log_p, NEAREST);
        }
        mpfr_mul_d(term, p, -(double)g[2], NEAREST);
        mpfr_add(gradient, gradient, term, NEAREST);
        mpfr_div_d(gradient, gradient, o->T, NEAREST);
    }
    mpfr_clears(log_p, p, term, (mpfr_ptr)0);
}
