/* binary16 and bfloat16, to and from, are those of kernels/half.h on every instruction set. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "logits.h"

/* The conversions of every instruction set are those of kernels/half.h: of every number, and of
 * gradients of every size. */
static void test_conversions(void **state)
{
    (void)state;
    enum { NUMBERS = 0x10000, STEP = 16 };
    static uint16_t all[NUMBERS], gradient[NUMBERS];
    static float max[NUMBERS], g[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++) {
        all[i] = (uint16_t)i;
    }
    rng r = {4};
    for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
        entropy_set_isa(isa_of(isa));
        for (int dtype = 1; dtype < DTYPES; dtype++) {
            entropy_args a = args_of(dtype, all, NUMBERS, 1);
            a.max_logit = max;
            assert_int_equal(entropy_forward(&a), ENTROPY_OK);
            for (size_t i = 0; i < NUMBERS; i++) {
                const float x = (float)element(dtype, all, i);
                const bool zero = x == 0 || (dtype == ENTROPY_BF16 && fabsf(x) < 0x1p-126f);
                check(isnan(x) ? isnan(max[i]) : bits_of(max[i]) == (zero ? 0 : bits_of(x)),
                      "%s %04zx on %s: %a, not %a", dtype_names[dtype], i, isa_of(isa), max[i], x);
            }
            /* rows of 16 equal logits: the gradient of logsumexp is a 16th of g, for each */
            static const uint16_t zeros[NUMBERS];
            for (size_t i = 0; i < NUMBERS / STEP; i++) {
                uint32_t b;
                do {
                    b = (uint32_t)random_bits(&r);
                } while ((b & 0x7f800000) == 0x7f800000 || (b & 0x7f800000) < 0x06000000);
                memcpy(&g[i], &b, sizeof b);
            }
            a = args_of(dtype, zeros, NUMBERS / STEP, STEP);
            const entropy_grads grads = {.size = sizeof grads, .logsumexp = g, .logits = gradient};
            assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
            for (size_t i = 0; i < NUMBERS; i++) {
                uint16_t expected;
                static float wide[STEP], wide_gradient[STEP];
                entropy_args one = args_of(ENTROPY_F32, wide, 1, STEP);
                const entropy_grads single = {
                    .size = sizeof single, .logsumexp = &g[i / STEP], .logits = wide_gradient};
                if (i % STEP == 0) {
                    assert_int_equal(entropy_backward(&one, &single), ENTROPY_OK);
                }
                narrow(dtype, &expected, &wide_gradient[i % STEP], 1);
                expected = expected == 0x8000 ? 0 : expected;
                check(gradient[i] == expected, "%a to %s on %s: %04x, not %04x",
                      wide_gradient[i % STEP], dtype_names[dtype], isa_of(isa), gradient[i],
                      expected);
            }
        }
    }
    entropy_set_isa(NULL);
}

/* Gradients halfway between two numbers of a format, or next to there, are rounded as kernels/half.h
 * does it, in every lane. By results that claim p = 1 for each of 16 logits, the gradient of
 * logsumexp is that of the loss. */
static void test_ties(void **state)
{
    (void)state;
    enum { ROWS = 12000, LANES = 16 };
    static const uint16_t zeros[ROWS * LANES];
    static uint16_t gradient[ROWS * LANES];
    static float g[ROWS], claimed[ROWS];
    rng r = {6};
    for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
        entropy_set_isa(isa_of(isa));
        for (int dtype = 1; dtype < DTYPES; dtype++) {
            for (size_t i = 0; i < ROWS; i++) {
                const size_t normal = dtype == ENTROPY_BF16 ? 0x80 : 0;
                const size_t largest = dtype == ENTROPY_BF16 ? 0x6780 : 0x7bff; /* 2^80 */
                const uint16_t low = (uint16_t)(normal + random_below(&r, largest - normal)),
                               high = (uint16_t)(low + 1);
                const float half =
                    (float)((element(dtype, &low, 0) + element(dtype, &high, 0)) / 2);
                g[i] = i % 3 == 0 ? half : nextafterf(half, i % 3 == 1 ? 0 : INFINITY);
                g[i] = random_below(&r, 2) ? g[i] : -g[i];
            }
            entropy_args a = args_of(dtype, zeros, ROWS, LANES);
            a.entropy = a.max_logit = a.max_logprob = claimed;
            const entropy_grads grads = {.size = sizeof grads, .logsumexp = g, .logits = gradient};
            assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
            for (size_t i = 0; i < ROWS * LANES; i++) {
                uint16_t expected;
                narrow(dtype, &expected, &g[i / LANES], 1);
                expected = expected == 0x8000 ? 0 : expected;
                check(gradient[i] == expected, "%a to %s on %s, lane %zu: %04x, not %04x",
                      g[i / LANES], dtype_names[dtype], isa_of(isa), i % LANES, gradient[i],
                      expected);
            }
        }
    }
    entropy_set_isa(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_ties),
    };
    begin("test_conversions");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
