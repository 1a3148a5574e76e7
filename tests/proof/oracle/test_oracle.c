/* Every result of every kind of row against the oracle: within the bounds of entropy.h, and how far
 * within. Prints the table of README.md.
 *
 *     test_oracle [ROWS]
 *
 * ROWS of random length per kind, besides those of chosen lengths. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "entropy.h"
#include "oracle.h"
#include "rows.h"

#define LONGEST 151936

enum { ENTROPY, VARENTROPY, LOGSUMEXP, MAX_LOGPROB, TARGET_LOGPROB, GRADIENT, ANSWERS };

/* The worst of a kind of row: relative to what it may be, to the exact result, and in its ulps. */
typedef struct errors {
    double of_bound, relative, ulps;
} errors;

static size_t random_rows = 200;

static double ulp(double x)
{
    const float size = (float)fabs(x);
    return nextafterf(size, INFINITY) - size;
}

/* Of an entropy, or of a max_logprob. */
static double entropy_bound(double x)
{
    const double size = fabs(x);
    return size < FLT_MIN ? FLT_MIN : size * (4e-7 + 7e-8 * fabs(log(size)));
}

/* The mean is the difference of two numbers that may be almost equal. */
static double varentropy_bound(const oracle *o)
{
    mpfr_t mean;
    mpfr_init2(mean, PRECISION);
    mpfr_add(mean, o->entropy, o->max_logprob, MPFR_RNDN);
    mpfr_sqr(mean, mean, MPFR_RNDN);
    mpfr_add(mean, mean, o->varentropy, MPFR_RNDN);
    const double bound = 2e-6 * mpfr_get_d(mean, MPFR_RNDN);
    mpfr_clear(mean);
    return bound;
}

static void judge(errors *worst, float got, const mpfr_t exact, double bound, const char *what)
{
    const double x = mpfr_get_d(exact, MPFR_RNDN);
    if (fabs(x) > (double)FLT_MAX) {
        check(got == (float)x || (x < -(double)FLT_MAX && got == -FLT_MAX), "%s is %a, not %a",
              what, got, x);
        return;
    }
    if (fabs(x) < FLT_MIN) {
        check(got == 0 || fabsf(got) == FLT_MIN || fabs(got - x) <= bound, "%s is %a, not %a", what,
              got, x);
        check(!signbit(got) || got != 0, "%s is -0", what);
        return;
    }
    mpfr_t difference;
    mpfr_init2(difference, PRECISION);
    mpfr_sub_d(difference, exact, got, MPFR_RNDN);
    const double error = fabs(mpfr_get_d(difference, MPFR_RNDN));
    mpfr_clear(difference);
    check(error <= bound, "%s is %a, not %a: %.3f of the bound", what, got, x, error / bound);
    worst->of_bound = fmax(worst->of_bound, error / bound);
    worst->relative = fmax(worst->relative, error / fabs(x));
    worst->ulps = fmax(worst->ulps, error / ulp(x));
}

/* What entropy.h allows a gradient, the rounding to float aside. */
static double gradient_bound(const oracle *o, double z, bool is_target, const float g[3])
{
    mpfr_t exact;
    mpfr_init2(exact, PRECISION);
    const bool counts = oracle_logprob(exact, o, z);
    const double log_p = mpfr_get_d(exact, MPFR_RNDN);
    mpfr_clear(exact);
    if (!counts) {
        return 0;
    }
    const double p = exp(log_p), H = mpfr_get_d(o->entropy, MPFR_RNDN);
    const double of_H = entropy_bound(H);
    const double of_log_p = entropy_bound(mpfr_get_d(o->max_logprob, MPFR_RNDN));
    const double size = p * (fabsf(g[0]) * (fabs(log_p) + H) + fabsf(g[1])) +
                        fabsf(g[2]) * (is_target ? -expm1(log_p) : p);
    const double results =
        p * (fabsf(g[0]) * (of_H + of_log_p) + (is_target ? fabsf(g[2]) * of_log_p : 0));
    return ((1e-6 + 2e-7 * fabs(log_p)) * size + results) / o->T;
}

static void judge_gradient(errors *worst, const oracle *o, entropy_args *args, const float *z,
                           size_t target, rng *r)
{
    static float gradient[LONGEST];
    float g[3];
    for (int k = 0; k < 3; k++) {
        g[k] = random_below(r, 4) == 0 ? 0 : (float)(random_unit(r) - 0.5);
    }
    const entropy_grads grads = {.size = sizeof grads,
                                 .entropy = &g[0],
                                 .logsumexp = &g[1],
                                 .target_logprob = &g[2],
                                 .logits = gradient};
    assert_int_equal(entropy_backward(args, &grads), ENTROPY_OK);
    mpfr_t exact;
    mpfr_init2(exact, PRECISION);
    for (size_t k = 0; k < 20; k++) {
        const size_t i = k == 0 ? target : random_below(r, args->vocab);
        oracle_gradient(exact, o, z[i], i == target, g);
        const double x = mpfr_get_d(exact, MPFR_RNDN);
        const double bound =
            gradient_bound(o, z[i], i == target, g) + fmax(ulp(x) / 2, (double)FLT_MIN);
        judge(worst, gradient[i], exact, bound, "gradient");
    }
    mpfr_clear(exact);
}

static void judge_row(errors worst[ANSWERS], oracle *o, row_kind kind, size_t n, rng *r)
{
    static const float temperatures[] = {1, 1, 1.44262135f, 0.7f, 2, 0.05f, 0x1p-20f, 0x1p64f};
    static float z[LONGEST];
    fill_row(kind, z, n, r);
    const float T = temperatures[random_below(r, 8)];
    const size_t target = random_below(r, n);
    const int64_t target_index = (int64_t)target;
    float H, V, lse, max, log_p, target_log_p;
    entropy_args args = {.size = sizeof args,
                         .logits = z,
                         .batch = 1,
                         .seq = 1,
                         .vocab = n,
                         .temperature = &T,
                         .target = &target_index,
                         .entropy = &H,
                         .varentropy = &V,
                         .logsumexp = &lse,
                         .max_logit = &max,
                         .max_logprob = &log_p,
                         .target_logprob = &target_log_p};
    assert_int_equal(entropy_forward(&args), ENTROPY_OK);
    oracle_row(o, z, n, T, target);
    if (!o->defined) {
        check(isnan(H) && isnan(V) && isnan(log_p), "%s has a distribution", kind_names[kind]);
        return;
    }
    check(max == (float)o->max, "max_logit is %a, not %a", max, o->max);
    const double exact_H = mpfr_get_d(o->entropy, MPFR_RNDN);
    const double exact_log_p = mpfr_get_d(o->max_logprob, MPFR_RNDN);
    judge(&worst[ENTROPY], H, o->entropy, entropy_bound(exact_H), "entropy");
    if (kind == ORDINARY && n >= 64 && T > 0.5 && T <= 2) { /* as language models have them */
        errors ordinary = {0, 0, 0};
        judge(&ordinary, H, o->entropy, entropy_bound(exact_H), "entropy");
        check(ordinary.ulps <= 1, "an ordinary row is off by %g ulp", ordinary.ulps);
    }
    judge(&worst[VARENTROPY], V, o->varentropy, varentropy_bound(o), "varentropy");
    judge(&worst[LOGSUMEXP], lse, o->logsumexp,
          ulp(fmax(fabs(mpfr_get_d(o->logsumexp, MPFR_RNDN)), fabs(o->max / T))) + 4e-7,
          "logsumexp");
    judge(&worst[MAX_LOGPROB], log_p, o->max_logprob, entropy_bound(exact_log_p), "max_logprob");
    judge(&worst[TARGET_LOGPROB], target_log_p, o->target_logprob,
          entropy_bound(exact_log_p) + ulp(mpfr_get_d(o->target_logprob, MPFR_RNDN)),
          "target_logprob");
    judge_gradient(&worst[GRADIENT], o, &args, z, target, r);
}

static void test_rows(void **state)
{
    (void)state;
    static const size_t lengths[] = {1,    2,    3,    15,   16,   17,   31,     32,   33,
                                     63,   64,   65,   127,  128,  129,  1023,   1024, 1025,
                                     1151, 2047, 2048, 2049, 4096, 5000, LONGEST};
    enum { LENGTHS = sizeof lengths / sizeof *lengths };
    rng r = {20261125};
    oracle o;
    oracle_init(&o);
    printf(
        "| rows | entropy, ulp | entropy | max_logprob | target_logprob | logsumexp, ulp | "
        "varentropy, of its bound | gradient, of its bound |\n|---|---|---|---|---|---|---|---|\n");
    for (int kind = 0; kind < KINDS; kind++) {
        errors worst[ANSWERS] = {{0}};
        for (size_t i = 0; i < LENGTHS + random_rows; i++) {
            const size_t n = i < LENGTHS ? lengths[i] : 1 + random_below(&r, 3000);
            judge_row(worst, &o, (row_kind)kind, n, &r);
        }
        printf("| %s | %.2f | %.1e | %.1e | %.1e | %.2f | %.2f | %.2f |\n", kind_names[kind],
               worst[ENTROPY].ulps, worst[ENTROPY].relative, worst[MAX_LOGPROB].relative,
               worst[TARGET_LOGPROB].relative, worst[LOGSUMEXP].ulps, worst[VARENTROPY].of_bound,
               worst[GRADIENT].of_bound);
        fflush(stdout);
        check(worst[ENTROPY].relative <= 9.5e-7, "%s is off by %g, more than can be",
              kind_names[kind], worst[ENTROPY].relative);
    }
    oracle_clear(&o);
}

int main(int argc, char **argv)
{
    random_rows = argc > 1 ? strtoul(argv[1], NULL, 10) : random_rows;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    begin("test_oracle");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
