#include "judge.h"

#include <float.h>
#include <math.h>

#include "input.h"

/* `got` is x within so many of the bounds of an entropy or a max_logprob. */
static bool accepts_relative(float got, long double x, int bounds)
{
    const long double size = fabsl(x);
    if (bounds == 1 || !(size >= FLT_MIN * (1 - 1e-5L))) {
        return reference_accepts(got, x);
    }
    return (got < 0) == (x < 0) &&
           reference_accepts_within(got, x, bounds * size * (4e-7L + 7e-8L * fabsl(logl(size))));
}

/* What is beyond a float is infinite; next to the end of floats either will do. */
static bool accepts_logsumexp(float got, const reference *r, double T, int bounds)
{
    const long double x = r->logsumexp, bound = bounds * logsumexp_bound(r, T);
    if (isnan(x) || fabsl(x) <= FLT_MAX) {
        return reference_accepts_within(got, x, bound);
    }
    return got == copysignl(INFINITY, x) ||
           (fabsl(x) < FLT_MAX * (1 + 0x1p-22L) && got == copysignf(FLT_MAX, (float)x));
}

void judge_row(const answers *got, size_t i, const reference *r, double T, int bounds)
{
    expect(accepts_relative(got->entropy[i], r->entropy, bounds),
           "row %zu, T %g: entropy %.9g, not %.12Lg", i, T, got->entropy[i], r->entropy);
    expect(
        reference_accepts_within(got->varentropy[i], r->varentropy, bounds * varentropy_bound(r)),
        "row %zu, T %g: varentropy %.9g, not %.12Lg", i, T, got->varentropy[i], r->varentropy);
    expect(!(got->varentropy[i] < 0), "row %zu: varentropy %g", i, got->varentropy[i]);
    expect(accepts_logsumexp(got->logsumexp[i], r, T, bounds),
           "row %zu, T %g: logsumexp %.9g, not %.12Lg", i, T, got->logsumexp[i], r->logsumexp);
    expect(reference_accepts_within(got->max_logit[i], r->max_logit, 0),
           "row %zu: max_logit %.9g, not %.9g", i, got->max_logit[i], r->max_logit);
    expect(accepts_relative(got->max_logprob[i], r->max_logprob, bounds),
           "row %zu, T %g: max_logprob %.9g, not %.12Lg", i, T, got->max_logprob[i],
           r->max_logprob);
    expect(reference_accepts_within(got->target_logprob[i], r->target_logprob,
                                    bounds * target_logprob_bound(r)),
           "row %zu, T %g: target_logprob %.9g, not %.12Lg", i, T, got->target_logprob[i],
           r->target_logprob);
    expect(got->argmax[i] == r->argmax, "row %zu: argmax %lld, not %lld", i,
           (long long)got->argmax[i], (long long)r->argmax);
    expect(got->support[i] == r->support, "row %zu: support %lld, not %lld", i,
           (long long)got->support[i], (long long)r->support);
}

static bool is_plus_0(float x)
{
    return x == 0 && !signbit(x);
}

void judge_skipped(const answers *got, size_t i)
{
    expect(is_plus_0(got->entropy[i]) && is_plus_0(got->varentropy[i]) &&
               is_plus_0(got->logsumexp[i]) && is_plus_0(got->max_logit[i]) &&
               is_plus_0(got->max_logprob[i]) && is_plus_0(got->target_logprob[i]) &&
               got->argmax[i] == 0 && got->support[i] == 0,
           "row %zu is skipped and has results", i);
}

/* ---- Gradients. ---- */

/* With what may count as 0. */
static long double bound_of(const slope *s, const reference *r, size_t i, const double g[3],
                            long double x)
{
    const long double p = expl(((long double)s->z[i] - r->max_logit) / s->T + r->max_logprob);
    return gradient_bound(r, s->z, i, s->T, s->target, g, s->dtype) +
           (fabsl(x) < 2 * FLT_MIN || p < 1e-49L ? fmaxl(fabsl(x), FLT_MIN) : 0);
}

/* How the gradients of the loss bear being divided by T. */
enum load { NONE, BEARABLE, TOO_MUCH };

static enum load load_of(const slope *s)
{
    enum load most = NONE;
    for (int k = 0; k < 3; k++) {
        const bool finite = fabs(s->g[k] / s->T) <= FLT_MAX;
        const enum load here = s->g[k] == 0 ? NONE : finite ? BEARABLE : TOO_MUCH;
        most = here > most ? here : most;
    }
    return most;
}

void judge_gradient(const slope *s, const void *gradient)
{
    static double z[4096];
    const bool flush = s->dtype != ENTROPY_F16;
    slope flushed = *s; /* subnormal floats count as 0, gradients of the loss too */
    flushed.z = z;
    for (size_t i = 0; i < s->n; i++) {
        z[i] = flush && fabs(s->z[i]) < FLT_MIN ? 0 : s->z[i];
    }
    for (int k = 0; k < 3; k++) {
        flushed.g[k] = fabsf(s->g[k]) < FLT_MIN || (k == 2 && s->target < 0) ? 0 : s->g[k];
    }
    const double g[3] = {flushed.g[0], flushed.g[1], flushed.g[2]};
    const reference r = reference_of(z, s->n, s->T, s->target, false);
    const enum load load = load_of(&flushed);
    for (size_t i = 0; i < s->n; i++) {
        const double got = element(s->dtype, gradient, i);
        const bool takes_part = z[i] != -INFINITY;
        if (load == NONE || !takes_part) {
            expect(got == 0 && !signbit(got), "logit %zu: gradient %g, not 0", i, got);
            continue;
        }
        if (isnan(r.entropy)) {
            expect(isnan(got), "logit %zu, T %g: gradient of %g %g %g: %g, not NaN", i, s->T,
                   s->g[0], s->g[1], s->g[2], got);
            continue;
        }
        const bool absent = (float)(z[i] - r.max_logit) == -INFINITY;
        if (load == TOO_MUCH) {
            expect(isnan(got) || (absent && got == 0), "logit %zu, T %g: gradient of %g %g %g: %g",
                   i, s->T, s->g[0], s->g[1], s->g[2], got);
            continue;
        }
        expect(!(got == 0 && signbit(got)), "logit %zu: gradient -0", i);
        const long double x = reference_gradient(&r, z, i, s->T, s->target, g);
        const long double bound = absent ? 0 : bound_of(&flushed, &r, i, g, x);
        const long double largest = s->dtype == ENTROPY_F16 ? 65504 : FLT_MAX;
        expect(fabsl(got - x) <= bound || (fabsl(x) + bound > largest && isinf(got)),
               "logit %zu, T %g: gradient %.9g, not %.12Lg", i, s->T, got, x);
    }
}
