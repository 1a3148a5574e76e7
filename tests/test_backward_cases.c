/* entropy_backward where no formula says what comes out, and where its stores pass the caches, on one
 * instruction set. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "logits.h"

static void expect_gradient(const entropy_args *a, const float g[3], const float *expected,
                            const char *what)
{
    float got[4] = {-1, -1, -1, -1};
    const entropy_grads grads = {.size = sizeof grads,
                                 .entropy = &g[0],
                                 .logsumexp = &g[1],
                                 .target_logprob = &g[2],
                                 .logits = got};
    assert_int_equal(entropy_backward(a, &grads), ENTROPY_OK);
    for (int i = 0; i < 4; i++) {
        check(isnan(expected[i]) ? isnan(got[i]) : bits_of(got[i]) == bits_of(expected[i]),
              "%s: element %d is %g, not %g", what, i, got[i], expected[i]);
    }
}

static void test_special_values(void **state)
{
    (void)state;
    static const float all[3] = {1, 1, 1}, zero[3] = {0, -0.0f, 0}, huge[3] = {FLT_MAX, 0, 0},
                       endless[3] = {0, INFINITY, 0}, poisoned[3] = {NAN, 0, 0};
    static const float nothing[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    static const float zeros[4] = {0, 0, 0, 0}, nan_and_0[4] = {NAN, NAN, 0, NAN};
    static const float two[4] = {0, 0, -INFINITY, -INFINITY};
    const int64_t target = 0, absent = 2, none = -3;
    const uint8_t skipped = 0;
    float z[4] = {1, NAN, -INFINITY, 2};
    entropy_args a = args_of(ENTROPY_F32, z, 1, 4);
    a.target = &target;
    expect_gradient(&a, all, nan_and_0, "NaN");
    z[1] = INFINITY;
    expect_gradient(&a, all, nan_and_0, "+inf");
    z[1] = 3;
    expect_gradient(&a, endless, nan_and_0, "an infinite gradient of the loss");
    expect_gradient(&a, poisoned, nan_and_0, "a NaN gradient of the loss");
    a.logits = nothing;
    expect_gradient(&a, all, zeros, "nothing");
    a.logits = z;
    const uint32_t no_token = 0xfffffff0;
    a.allowed = &no_token;
    expect_gradient(&a, all, zeros, "nothing allowed");
    a.allowed = NULL;
    z[0] = z[1] = z[3] = -INFINITY; /* one-hot */
    z[2] = 5;
    expect_gradient(&a, (float[3]){1, 0, 0}, zeros, "one-hot");
    expect_gradient(&a, (float[3]){0, 0, 1}, (float[4]){0, 0, -1, 0},
                    "a target that takes no part");
    expect_gradient(&a, huge, zeros, "one-hot, a large gradient of the loss");
    z[0] = -FLT_MAX;
    expect_gradient(&a, huge, zeros, "0 times infinity");
    a.target = &none;
    expect_gradient(&a, (float[3]){0, 0, 1}, zeros, "a negative target");
    const float T = 0x1p-40f, steep[4] = {0, -20 * T, -INFINITY, -INFINITY};
    a.logits = steep;
    a.temperature = &T;
    expect_gradient(&a, (float[3]){0x1p100f, 0, 0}, (float[4]){NAN, NAN, 0, 0},
                    "a gradient of the loss that is not finite when divided by T");
    a.target = &target;
    expect_gradient(&a, (float[3]){0, 0x1p100f, 0x1p100f}, (float[4]){NAN, NAN, 0, 0},
                    "two of them that cancel");
    a.temperature = NULL;
    a.logits = two;
    a.target = &absent;
    expect_gradient(&a, (float[3]){0, 0x1.8p127f, -0x1.8p127f},
                    (float[4]){0x1.8p127f, 0x1.8p127f, 0, 0}, "two whose sum no float holds");
    /* what is not needed is not read */
    float *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    a.logits = page;
    a.target = &target;
    expect_gradient(&a, zero, zeros, "no gradient of the loss");
    a.row_mask = &skipped;
    expect_gradient(&a, all, zeros, "skipped");
    expect_gradient(&a, poisoned, zeros, "skipped, with NaN");
    munmap(page, 4096);
}

/* Gradients too many for any cache have the bits of the others. */
static void test_beyond_cache(void **state)
{
    (void)state;
    enum { ROWS = 2101, VOCAB = 4096 + 16, DIFFERENT = 5 };
    if (divided(2) < 2) {
        return; /* not when emulated */
    }
    const size_t bytes = sizeof(float) * ROWS * VOCAB;
    float *z = aligned_alloc(64, bytes), *all = aligned_alloc(64, bytes + 64), one[VOCAB], g[ROWS];
    assert_true(z != NULL && all != NULL);
    rng r = {8};
    for (size_t i = 0; i < ROWS; i++) {
        if (i < DIFFERENT) {
            fill_row(i % 2 ? HALF_MASKED : ORDINARY, z + i * VOCAB, VOCAB, &r);
        } else {
            memcpy(z + i * VOCAB, z + (i - DIFFERENT) * VOCAB, sizeof one);
        }
        g[i] = 1;
    }
    entropy_args a = args_of(ENTROPY_F32, z, ROWS, VOCAB);
    entropy_grads grads = {.size = sizeof grads, .entropy = g, .logits = all};
    assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
    for (size_t i = 0; i < DIFFERENT; i++) {
        entropy_args row = args_of(ENTROPY_F32, z + i * VOCAB, 1, VOCAB);
        grads.logits = one;
        assert_int_equal(entropy_backward(&row, &grads), ENTROPY_OK);
        for (size_t j = i; j < ROWS; j += DIFFERENT) {
            check(memcmp(all + j * VOCAB, one, sizeof one) == 0, "row %zu", j);
        }
    }
    grads.logits = z;
    assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
    assert_memory_equal(z, all, bytes);
    /* every dtype, from anywhere in a line of memory on; all rows but the first are skipped */
    static const uint8_t row_mask[2 * ROWS] = {1};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        const size_t size = dtype_size(dtype);
        float ordinary[VOCAB];
        fill_row(ORDINARY, ordinary, VOCAB, &r);
        narrow(dtype, z, ordinary, VOCAB);
        a = args_of(dtype, z, bytes / VOCAB / size, VOCAB);
        a.row_mask = row_mask;
        for (size_t offset = 0; offset < 2; offset++) {
            uint8_t *at = (uint8_t *)all + offset * size;
            grads.logits = at;
            assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
            entropy_args row = args_of(dtype, z, 1, VOCAB);
            grads.logits = one;
            assert_int_equal(entropy_backward(&row, &grads), ENTROPY_OK);
            check(memcmp(at, one, VOCAB * size) == 0, "%s, offset %zu", dtype_names[dtype], offset);
        }
    }
    free(z);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_beyond_cache),
    };
    begin("test_backward_cases");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
