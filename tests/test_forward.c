/* entropy_forward against the reference, on one instruction set. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "logits.h"
#include "reference.h"

#define LONGEST 40000

/* How much of its bound a result has used. */
static void note(double *worst, long double got, long double exact, long double bound)
{
    if (isfinite(exact) && fabsl(exact) > FLT_MIN && bound > 0) {
        *worst = fmax(*worst, (double)(fabsl(got - exact) / bound));
    }
}

static long double relative_bound(long double x)
{
    return fabsl(x) * (4e-7L + 7e-8L * fabsl(logl(fabsl(x))));
}

/* Row i of the results is what the reference has. */
static void compare(const results *got, size_t i, const reference *r, double T, const char *what,
                    double worst[5])
{
    check(reference_accepts(got->entropy[i], r->entropy), "%s: entropy %.9g, not %.12Lg", what,
          got->entropy[i], r->entropy);
    check(reference_accepts_within(got->varentropy[i], r->varentropy, varentropy_bound(r)),
          "%s: varentropy %.9g, not %.12Lg", what, got->varentropy[i], r->varentropy);
    const long double lse =
        fabsl(r->logsumexp) > FLT_MAX ? copysignl(INFINITY, r->logsumexp) : r->logsumexp;
    check(reference_accepts_within(got->logsumexp[i], lse, logsumexp_bound(r, T)),
          "%s: logsumexp %.9g, not %.12Lg", what, got->logsumexp[i], r->logsumexp);
    check(reference_accepts_within(got->max_logit[i], r->max_logit, 0),
          "%s: max_logit %.9g, not %.9g", what, got->max_logit[i], r->max_logit);
    check(reference_accepts(got->max_logprob[i], r->max_logprob),
          "%s: max_logprob %.9g, not %.12Lg", what, got->max_logprob[i], r->max_logprob);
    check(reference_accepts_within(got->target_logprob[i], r->target_logprob,
                                   target_logprob_bound(r)),
          "%s: target_logprob %.9g, not %.12Lg", what, got->target_logprob[i], r->target_logprob);
    check(got->argmax[i] == r->argmax, "%s: argmax %lld, not %lld", what, (long long)got->argmax[i],
          (long long)r->argmax);
    check(got->support[i] == r->support, "%s: support %lld, not %lld", what,
          (long long)got->support[i], (long long)r->support);
    check(!(got->varentropy[i] < 0), "%s: varentropy %g", what, got->varentropy[i]);
    /* a distribution that is not flat has a varentropy, however small, if a float can hold it */
    check(got->varentropy[i] > 0 || !(r->varentropy > FLT_MIN), "%s: no varentropy, but %.9Lg",
          what, r->varentropy);
    note(&worst[0], got->entropy[i], r->entropy, relative_bound(r->entropy));
    note(&worst[1], got->varentropy[i], r->varentropy, varentropy_bound(r));
    note(&worst[2], got->logsumexp[i], lse, logsumexp_bound(r, T));
    note(&worst[3], got->max_logprob[i], r->max_logprob, relative_bound(r->max_logprob));
    note(&worst[4], got->target_logprob[i], r->target_logprob, target_logprob_bound(r));
}

/* The same of a row of floats; `wide` is room for it. */
static void judge_floats(results *got, const float *z, double *wide, size_t n, float T,
                         int64_t target, const char *what, double worst[5])
{
    entropy_args a = args_of(ENTROPY_F32, z, 1, n);
    a.target = &target;
    a.temperature = T == 1 ? NULL : &T;
    want(&a, got, ALL_RESULTS);
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    widen(ENTROPY_F32, wide, z, NULL, n);
    const reference exact = reference_of(wide, n, T, target, true);
    compare(got, 0, &exact, T, what, worst);
}

static void test_against_reference(void **state)
{
    (void)state;
    static const float temperatures[] = {1, 0.7f, 2, 0.1f, 30, 0x1p-64f, 0x1p64f};
    rng r = {42};
    float *z = malloc(LONGEST * sizeof *z);
    void *row = malloc(LONGEST * sizeof *z);
    double *wide = malloc(LONGEST * sizeof *wide);
    uint32_t *allowed = malloc(LONGEST / 8 + 4);
    double worst[5] = {0};
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < divided(300); i++) {
            const int dtype = (int)(i % DTYPES);
            const size_t n = i % 100 == 99 ? LONGEST - random_below(&r, 5000)
                                           : 1 + random_below(&r, i % 2 ? 70 : 3000);
            const float T = temperatures[random_below(&r, 7)];
            const bool masked = random_below(&r, 3) == 0;
            const int64_t target = (int64_t)random_below(&r, n + 1) - 1;
            fill_row((row_kind)kind, z, n, &r);
            narrow(dtype, row, z, n);
            fill_mask(allowed, n, random_below(&r, 4) ? 4 : 1, &r);
            results got;
            results_clear(&got);
            entropy_args a = args_of(dtype, row, 1, n);
            a.temperature = &T;
            a.target = &target;
            a.allowed = masked ? allowed : NULL;
            want(&a, &got, ALL_RESULTS);
            assert_int_equal(entropy_forward(&a), ENTROPY_OK);
            widen(dtype, wide, row, a.allowed, n);
            const reference exact = reference_of(wide, n, T, target, dtype != ENTROPY_F16);
            char what[120];
            snprintf(what, sizeof what, "%s, row %zu of %zu, %s, T %g%s", kind_names[kind], i, n,
                     dtype_names[dtype], T, masked ? ", masked" : "");
            compare(&got, 0, &exact, T, what, worst);
        }
    }
    printf(
        "  worst errors, of the bounds: entropy %.2f, varentropy %.2f, logsumexp %.2f, max_logprob "
        "%.2f, target_logprob %.2f\n",
        worst[0], worst[1], worst[2], worst[3], worst[4]);
    free(z);
    free(row);
    free(wide);
    free(allowed);
}

/* Many logits at the same distance from the only one above them, at temperatures of all sizes: each
 * may count for less than a float can hold, and all of them for more. */
static void test_many_far_below(void **state)
{
    (void)state;
    static const float temperatures[] = {1, 0x1p-7f, 0x1p-9f, 0x1p-39f, 0x1p-64f, 0x1p64f};
    float *z = malloc(LONGEST * sizeof *z);
    double *wide = malloc(LONGEST * sizeof *wide), worst[5] = {0};
    for (size_t i = 0; i < 6 * 40; i++) {
        const float T = temperatures[i / 40], far = 20 + 11.0f * (float)(i / 5 % 8);
        const size_t n = (size_t[]){2, 100, 1024, 3000, LONGEST}[i % 5];
        for (size_t k = 0; k < n; k++) z[k] = k == 0 ? 0 : -far * T;
        char what[80];
        snprintf(what, sizeof what, "%zu logits, %g T below, T %g", n, far, T);
        results got;
        judge_floats(&got, z, wide, n, T, 1, what, worst);
        float alone;
        entropy_args a = args_of(ENTROPY_F32, z, 1, n);
        a.temperature = &T;
        a.entropy = &alone;
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        check(bits_of(alone) == bits_of(got.entropy[0]), "%s: entropy alone %g", what, alone);
    }
    printf("  worst errors, of the bounds: entropy %.2f, varentropy %.2f, max_logprob %.2f\n",
           worst[0], worst[1], worst[3]);
    free(z);
    free(wide);
}

/* Rows of a few logits that are nearly certain, a target among them. */
static void test_peaks(void **state)
{
    (void)state;
    double worst[5] = {0}, wide[80];
    results got;
    for (double margin = 0.125; margin < 112; margin += 0.125) {
        const float z[5] = {(float)-margin, 0, (float)(-margin - 1), -INFINITY,
                            (float)(-2 * margin)};
        char what[40];
        snprintf(what, sizeof what, "a peak of %g", margin);
        for (int64_t target = 0; target < 5; target++) {
            judge_floats(&got, z, wide, 5, 1, target, what, worst);
        }
    }
    /* those whose distances from the peak are not floats: what is lost in them is seen */
    rng r = {64};
    for (size_t i = 0; i < divided(100000); i++) {
        float z[80];
        const size_t n = 2 + random_below(&r, i % 8 ? 4 : 78);
        const double shift = random_below(&r, 2) ? 0 : 300 * random_unit(&r) - 150;
        const float T = i % 3 ? 1 : (float)(0.2 + 3 * random_unit(&r));
        fill_row(ORDINARY, z, n, &r);
        for (size_t k = 0; k < n; k++) {
            z[k] = (float)((double)z[k] + shift);
        }
        z[n / 2] = (float)((double)z[n / 2] + 110 * (double)T * random_unit(&r));
        const int64_t target = (int64_t)random_below(&r, n);
        judge_floats(&got, z, wide, n, T, target, "a random peak", worst);
    }
    printf("  worst errors, of the bounds: entropy %.2f, varentropy %.2f, max_logprob %.2f, "
           "target_logprob %.2f\n",
           worst[0], worst[1], worst[3], worst[4]);
}

/* One whose log2(e) / T is as far from a float as any. */
static float worst_temperature(void)
{
    const double log2_e = 1.44269504088896340736;
    float worst = 1;
    double most = 0;
    for (float T = 1.4426f; T < 1.4427f; T = nextafterf(T, 2)) {
        const double exact = log2_e / T, off = fabs((float)exact / exact - 1);
        if (off > most) {
            most = off;
            worst = T;
        }
    }
    check(most > 0.99 * 0x1p-24, "only %g", most);
    return worst;
}

/* Blocks with some logits just below the maximum, or none, and others far below it: what the
 * exponentials lack, at a T whose log2(e) / T is not a float, is least like that of their mean. */
static void test_spread_in_blocks(void **state)
{
    (void)state;
    enum { MOST = 4 * 1024 };
    static float z[MOST];
    static double wide[MOST];
    const float temperatures[2] = {worst_temperature(), 1};
    double worst[5] = {0};
    rng r = {1024};
    for (size_t i = 0; i < divided(2000); i++) {
        const float T = temperatures[i % 2];
        const float near = (float)ldexp(-T, -(int)random_below(&r, 70));
        const float far = -T * (float)(5 + (i % 4 < 2 ? 10 : 105) * random_unit(&r));
        const size_t n = 1024 * (2 + random_below(&r, 3)), several = random_below(&r, 4);
        for (size_t k = 0; k < n; k++) {
            z[k] = k == 0 ? 0 : k < 1024 ? -INFINITY : k % 1024 < several ? near : far;
        }
        char what[80];
        snprintf(what, sizeof what, "%zu logits, T %.9g, near %g, far %g", n, T, near, far);
        results got;
        judge_floats(&got, z, wide, n, T, (int64_t)n - 1, what, worst);
    }
    printf("  worst errors, of the bounds: entropy %.2f, varentropy %.2f, max_logprob %.2f\n",
           worst[0], worst[1], worst[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_many_far_below),
        cmocka_unit_test(test_peaks),
        cmocka_unit_test(test_spread_in_blocks),
    };
    begin("test_forward");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
