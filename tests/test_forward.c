/* entropy_forward against the reference, and its special values, on one instruction set. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Exactly, bit by bit, in every dtype, at lengths around a lane, a quad and a block. */
static void expect_row(int dtype, const float *z, size_t n, const uint32_t *allowed, float entropy,
                       float varentropy, float logsumexp, float max_logit, float max_logprob,
                       int64_t argmax, int64_t support, const char *what)
{
    uint8_t row[3000 * sizeof(float)];
    narrow(dtype, row, z, n);
    results got;
    results_clear(&got);
    entropy_args a = args_of(dtype, row, 1, n);
    a.allowed = allowed;
    want(&a, &got, ALL_RESULTS & ~32u);
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    const float is[5] = {got.entropy[0], got.varentropy[0], got.logsumexp[0], got.max_logit[0],
                         got.max_logprob[0]};
    const float should[5] = {entropy, varentropy, logsumexp, max_logit, max_logprob};
    for (int k = 0; k < 5; k++) {
        check(isnan(should[k]) ? isnan(is[k]) : bits_of(is[k]) == bits_of(should[k]),
              "%s in %zu, %s: result %d is %g, not %g", what, n, dtype_names[dtype], k, is[k],
              should[k]);
    }
    check(got.argmax[0] == argmax && got.support[0] == support,
          "%s in %zu, %s: argmax %lld, support %lld", what, n, dtype_names[dtype],
          (long long)got.argmax[0], (long long)got.support[0]);
}

static void test_special_values(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 5, 16, 17, 63, 64, 65, 1000, 1024, 1025, 2049, 3000};
    static float z[3000];
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths * DTYPES; l++) {
        const size_t n = lengths[l / DTYPES], middle = n / 2;
        const int dtype = (int)(l % DTYPES);
        const int64_t at = (int64_t)middle;
        for (size_t i = 0; i < n; i++) z[i] = -INFINITY;
        expect_row(dtype, z, n, NULL, NAN, NAN, -INFINITY, -INFINITY, NAN, -1, 0, "nothing");
        z[middle] = -7.5f;
        expect_row(dtype, z, n, NULL, 0, 0, -7.5f, -7.5f, 0, at, 1, "one-hot");
        z[middle] = -0.0f;
        expect_row(dtype, z, n, NULL, 0, 0, 0, 0, 0, at, 1, "one-hot of -0");
        z[middle] = INFINITY;
        expect_row(dtype, z, n, NULL, NAN, NAN, INFINITY, INFINITY, NAN, at, 1, "+inf");
        z[n - 1] = NAN;
        expect_row(dtype, z, n, NULL, NAN, NAN, NAN, NAN, NAN, -1, middle != n - 1, "NaN");
        z[n - 1] = -INFINITY;
        z[0] = NAN;
        expect_row(dtype, z, n, NULL, NAN, NAN, NAN, NAN, NAN, -1, middle != 0 && middle != n - 1,
                   "NaN at the front");
        for (size_t i = 0; i < n; i++) z[i] = i % 2 ? -0.0f : 0.0f;
        const float log_n = (float)log((double)n);
        expect_row(dtype, z, n, NULL, log_n, 0, log_n, 0, 0 - log_n, 0, (int64_t)n, "zeros");
        for (size_t i = 0; i < n; i++) z[i] = i % 3 == 1 ? 2.0f : -INFINITY;
        const int64_t c = (int64_t)((n + 1) / 3);
        if (c > 0) {
            expect_row(dtype, z, n, NULL, (float)log((double)c), 0, (float)(2 + log((double)c)), 2,
                       0 - (float)log((double)c), 1, c, "ties");
        }
        static uint32_t allowed[3000 / 32 + 1];
        memset(allowed, 0, sizeof allowed);
        for (size_t i = 0; i < n; i++) z[i] = i % 2 ? NAN : INFINITY;
        expect_row(dtype, z, n, allowed, NAN, NAN, -INFINITY, -INFINITY, NAN, -1, 0,
                   "none allowed");
        z[middle] = 3;
        allowed[middle / 32] |= UINT32_C(1) << middle % 32;
        expect_row(dtype, z, n, allowed, 0, 0, 3, 3, 0, at, 1, "one allowed");
    }
    z[0] = 0x1p-24f; /* subnormal in binary16, where it counts */
    z[1] = 0;
    expect_row(ENTROPY_F16, z, 2, NULL, (float)log(2), (float)(0x1p-50), (float)(log(2) + 0x1p-25),
               0x1p-24f, (float)-(log(2) - 0x1p-25), 0, 2, "a subnormal");
    z[0] = 0x1p-130f; /* and in the others, where it does not */
    for (int dtype = 0; dtype < DTYPES; dtype += 2) {
        expect_row(dtype, z, 2, NULL, (float)log(2), 0, (float)log(2), 0, (float)-log(2), 0, 2,
                   "a subnormal");
    }
}

/* What a target can be. */
static void test_targets(void **state)
{
    (void)state;
    const float row[4] = {1, -INFINITY, 3, 2}, huge[2] = {FLT_MAX, -FLT_MAX};
    const float rows[5][4] = {{1, -INFINITY, 3, 2},
                              {1, -INFINITY, 3, 2},
                              {-INFINITY, 1, -INFINITY, 2},
                              {NAN, 1, 2, 3},
                              {NAN, 1, 2, 3}};
    const int64_t targets[5] = {1, 2, -1, 1, INT64_MIN};
    float got[5];
    entropy_args a = args_of(ENTROPY_F32, rows, 5, 4);
    a.target = targets;
    a.target_logprob = got;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_true(got[0] == -INFINITY);
    check(fabs(got[1] + log1p(exp(-1) + exp(-2))) < 1e-7, "%g", got[1]);
    assert_int_equal(bits_of(got[2]), 0);
    assert_true(isnan(got[3]));
    assert_int_equal(bits_of(got[4]), 0);
    const uint32_t without_2 = 0xb;
    a = args_of(ENTROPY_F32, row, 1, 4);
    a.target = &targets[1];
    a.target_logprob = got;
    a.allowed = &without_2;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_true(got[0] == -INFINITY);
    const int64_t one = 1;
    const float cold = 0x1p-64f, far[2] = {1e20f, 0};
    a = args_of(ENTROPY_F32, huge, 1, 2);
    a.target = &one;
    a.target_logprob = got;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_true(got[0] == -INFINITY); /* FLT_MAX - -FLT_MAX overflows: as if absent */
    a.logits = far;
    a.temperature = &cold;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_true(got[0] == -FLT_MAX); /* present, however unlikely */
}

/* All machines agree with this one: a hash of the states, the results and the gradients of the
 * first rows, as scalar code gave it. */
static void test_hashes(void **state)
{
    (void)state;
    enum { MOST = 2500 };
    static const row_hash expected[] = {
        {66, UINT64_C(0x89401404a0e72928)},
        {660, UINT64_C(0x2daf3e1f919adf0f)},
        {3300, UINT64_C(0xad6febae45307e64)},
        {0, 0},
    };
    static float z[MOST];
    static uint8_t row[MOST * sizeof(float)], gradient[MOST * sizeof(float)];
    static uint32_t allowed[MOST / 32 + 1];
    static const float g[3] = {-0.9f, 0.2f, 1.5f};
    rng r = {1948};
    uint64_t hash = HASH_INIT;
    const size_t rows = divided(3300);
    for (size_t i = 0; i < rows; i++) {
        const int dtype = (int)(i / KINDS % DTYPES);
        const size_t n = 1 + random_below(&r, i % 4 ? 200 : MOST);
        const int64_t target = (int64_t)random_below(&r, n + 1) - 1;
        const float T = i % 5 ? 1 : (float)(0.25 + random_unit(&r));
        fill_row((row_kind)(i % KINDS), z, n, &r);
        narrow(dtype, row, z, n);
        fill_mask(allowed, n, 1 + (unsigned)random_below(&r, 5), &r);
        entropy_state s;
        results got;
        memset(&got, 0, sizeof got);
        entropy_args a = args_of(dtype, row, 1, n);
        a.temperature = &T;
        a.target = &target;
        a.allowed = i % 3 == 0 ? allowed : NULL;
        want(&a, &got, ALL_RESULTS);
        const entropy_grads grads = {.size = sizeof grads,
                                     .entropy = &g[0],
                                     .logsumexp = &g[1],
                                     .target_logprob = &g[2],
                                     .logits = gradient};
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        assert_int_equal(entropy_forward_states(&a, &s), ENTROPY_OK);
        assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
        hash = hash_add(hash, &got, sizeof got);
        hash = hash_add(hash, &s, sizeof s);
        hash = hash_add(hash, gradient, n * dtype_size(dtype));
        hash_check(expected, i + 1, hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_many_far_below),
        cmocka_unit_test(test_peaks),
        cmocka_unit_test(test_spread_in_blocks),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_hashes),
    };
    begin("test_forward");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
