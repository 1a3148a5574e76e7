/* entropy_forward where the result is known to the bit, on one instruction set. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "logits.h"

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
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_hashes),
    };
    begin("test_forward_cases");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
