/* Calls that must give the same bits: with other results beside, with another dtype, mask or
 * temperature that means the same; on one instruction set. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "logits.h"

/* Every subset of the results has the bits of all together; the simple calls have them too. */
static void test_every_combination(void **state)
{
    (void)state;
    enum { VOCAB = 1100 };
    static float z[KINDS * VOCAB];
    static uint8_t logits[KINDS * VOCAB * sizeof(float)];
    rng r = {6};
    int64_t target[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        fill_row((row_kind)i, z + i * VOCAB, VOCAB, &r);
        target[i] = (int64_t)random_below(&r, VOCAB);
    }
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        narrow(dtype, logits, z, KINDS * VOCAB);
        static results all, some, expected;
        entropy_args a = args_of(dtype, logits, KINDS, VOCAB);
        a.target = target;
        results_clear(&all);
        want(&a, &all, ALL_RESULTS);
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        for (unsigned wanted = 0; wanted < 256; wanted += divided(8) < 8 ? 37 : 1) {
            results_clear(&some);
            results_clear(&expected);
            want(&a, &some, wanted);
            assert_int_equal(entropy_forward(&a), ENTROPY_OK);
#define COPY(bit, result)                                                     \
    if (wanted & (bit)) {                                                     \
        memcpy(expected.result, all.result, KINDS * sizeof *expected.result); \
    }
            COPY(1, entropy)
            COPY(2, varentropy)
            COPY(4, logsumexp)
            COPY(8, max_logit)
            COPY(16, max_logprob)
            COPY(32, target_logprob)
            COPY(64, argmax)
            COPY(128, support)
            check(memcmp(&some, &expected, sizeof some) == 0, "%s: results %02x have other bits",
                  dtype_names[dtype], wanted);
        }
        float simple[KINDS];
        const int status =
            dtype == ENTROPY_F32   ? entropy_f32((void *)logits, KINDS, 1, VOCAB, simple)
            : dtype == ENTROPY_F16 ? entropy_f16((void *)logits, KINDS, 1, VOCAB, simple)
                                   : entropy_bf16((void *)logits, KINDS, 1, VOCAB, simple);
        assert_int_equal(status, ENTROPY_OK);
        assert_memory_equal(simple, all.entropy, sizeof simple);
    }
}

/* A row of binary16 or bfloat16 gives the bits of the same row as floats; a masked one those of the
 * row that has -inf instead; temperature 1 those of none. */
static void test_equivalent_rows(void **state)
{
    (void)state;
    enum { MOST = 4000 };
    static float z[MOST], widened[MOST];
    static uint8_t row[MOST * sizeof(float)];
    static uint32_t allowed[MOST / 32 + 1];
    static const float temperatures[3] = {1, 1, 0.3f};
    rng r = {8};
    for (size_t i = 0; i < divided(3000); i++) {
        const int dtype = (int)(i % DTYPES);
        const size_t n = 1 + random_below(&r, i % 5 ? 200 : MOST);
        const float T = temperatures[i % 3];
        const bool masked = i % 2;
        fill_row((row_kind)(i % KINDS), z, n, &r);
        narrow(dtype, row, z, n);
        fill_mask(allowed, n, 1 + (unsigned)random_below(&r, 5), &r);
        if (i % 7 == 0) {
            memset(allowed, 0, n / 64 * 4); /* whole blocks, now and then */
        }
        for (size_t k = 0; k < n; k++) {
            const bool part = !masked || (allowed[k / 32] >> k % 32 & 1);
            widened[k] = part ? (float)element(dtype, row, k) : -INFINITY;
            if (!part && random_below(&r, 3) == 0) { /* whatever is behind the mask */
                narrow(dtype, row + k * dtype_size(dtype), &(float){k % 2 ? NAN : INFINITY}, 1);
            }
        }
        static results one, other;
        const int64_t target = (int64_t)random_below(&r, n);
        results_clear(&one);
        results_clear(&other);
        entropy_args a = args_of(dtype, row, 1, n), b = args_of(ENTROPY_F32, widened, 1, n);
        a.target = b.target = &target;
        a.allowed = masked ? allowed : NULL;
        a.temperature = &T;
        b.temperature = T == 1 ? NULL : &T;
        want(&a, &one, ALL_RESULTS);
        want(&b, &other, ALL_RESULTS);
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        assert_int_equal(entropy_forward(&b), ENTROPY_OK);
        check(memcmp(&one, &other, sizeof one) == 0,
              "row %zu, %s, %zu logits of %s, masked %d: %a, %a", i, kind_names[i % KINDS], n,
              dtype_names[dtype], masked, one.entropy[0], other.entropy[0]);
    }
}

/* Logits and temperature times the same power of two: all but max_logit is the same to the last bit,
 * at any temperature that is allowed. */
static void test_scaled_rows(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    static const float powers[] = {0x1p-64f, 0x1p-33f, 0.5f, 16, 0x1p40f, 0x1p63f, 0x1p64f};
    static float z[MOST], scaled[MOST];
    rng r = {64};
    for (size_t i = 0; i < divided(700); i++) {
        const size_t n = 1 + random_below(&r, i % 5 ? 100 : MOST);
        const float T = powers[i % 7];
        const int64_t target = (int64_t)random_below(&r, n);
        fill_row(i % 3 ? ORDINARY : i % 2 ? HALF_MASKED : QUANTISED, z, n, &r);
        for (size_t k = 0; k < n; k++) scaled[k] = z[k] * T;
        static results one, other;
        results_clear(&one);
        results_clear(&other);
        entropy_args a = args_of(ENTROPY_F32, z, 1, n), b = args_of(ENTROPY_F32, scaled, 1, n);
        a.target = b.target = &target;
        b.temperature = &T;
        want(&a, &one, ALL_RESULTS);
        want(&b, &other, ALL_RESULTS);
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        assert_int_equal(entropy_forward(&b), ENTROPY_OK);
        check(other.max_logit[0] == one.max_logit[0] * T, "row %zu, T %g: max_logit", i, T);
        other.max_logit[0] = one.max_logit[0];
        check(memcmp(&one, &other, sizeof one) == 0,
              "row %zu of %zu logits, T %g: entropy %a, not %a; varentropy %a, not %a", i, n, T,
              other.entropy[0], one.entropy[0], other.varentropy[0], one.varentropy[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_equivalent_rows),
        cmocka_unit_test(test_scaled_rows),
    };
    begin("test_equivalence");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
