/* What entropy_forward and entropy_backward must refuse, on one instruction set. */
#include "suite.h"

#include <math.h>
#include <string.h>

#include "logits.h"

/* In the order of the header; an error writes nothing. */
static void test_errors_of_forward(void **state)
{
    (void)state;
    const size_t half = SIZE_MAX / 2 + 1;
    float z[24] = {0}, temperature[4] = {1, 1, 1, 1};
    int64_t target[4] = {0, 1, 2, -1};
    uint32_t allowed[8] = {7, 7, 7, 7, 7, 7, 7, 7};
    uint8_t row_mask[4] = {1, 1, 1, 1};
    static results got, untouched;
    results_clear(&got);
    results_clear(&untouched);
    entropy_args good = args_of(ENTROPY_F32, z, 2, 3);
    good.batch = 2;
    good.temperature = temperature;
    good.temperature_stride = 1;
    good.target = target;
    good.allowed = allowed;
    good.row_mask = row_mask;
    want(&good, &got, ALL_RESULTS);

#define EXPECT(status, ...)                                                          \
    do {                                                                             \
        entropy_args a = good;                                                       \
        __VA_ARGS__;                                                                 \
        assert_int_equal(entropy_forward(&a), status);                               \
        check(memcmp(&got, &untouched, sizeof got) == 0, "an error has written: %s", \
              #__VA_ARGS__);                                                         \
    } while (0)
    assert_int_equal(entropy_forward(NULL), ENTROPY_ERR_NULL);
    EXPECT(ENTROPY_ERR_VALUE, a.size = 0, a.batch = 0);
    EXPECT(ENTROPY_ERR_VALUE, a.size = sizeof a - 8);
    EXPECT(ENTROPY_ERR_VALUE, a.size = sizeof a + 8);
    EXPECT(ENTROPY_OK, a.batch = 0, a.dtype = 99, a.vocab = 0, a.logits = NULL);
    EXPECT(ENTROPY_OK, a.seq = 0, a.batch = half, a.num_threads = -1);
    EXPECT(ENTROPY_ERR_VALUE, a.dtype = -1, a.vocab = 0);
    EXPECT(ENTROPY_ERR_VALUE, a.dtype = 3, a.logits = NULL);
    EXPECT(ENTROPY_ERR_VALUE, a.num_threads = -1, a.vocab = 0);
    EXPECT(ENTROPY_ERR_VALUE, a.temperature_stride = 2, a.vocab = 0);
    EXPECT(ENTROPY_ERR_SHAPE, a.vocab = 0, a.logits = NULL);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch = half);
    EXPECT(ENTROPY_ERR_SHAPE, a.seq = half);
    EXPECT(ENTROPY_ERR_SHAPE, a.vocab = half);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch = a.seq = a.vocab = SIZE_MAX);
    const size_t many = ((size_t)1 << 33) + 1; /* whose square is 2^34 + 1 in 64 bits */
    EXPECT(ENTROPY_ERR_SHAPE, a.dtype = ENTROPY_F16, a.batch = a.seq = many, a.vocab = 1,
           a.batch_stride = a.seq_stride = 1, a.logits = NULL);
    EXPECT(ENTROPY_ERR_SHAPE, a.seq_stride = -3);
    EXPECT(ENTROPY_ERR_SHAPE, a.seq_stride = 2);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch_stride = -6);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch_stride = 2);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch_stride = PTRDIFF_MIN);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch_stride = PTRDIFF_MAX);
    EXPECT(ENTROPY_ERR_SHAPE, a.seq_stride = PTRDIFF_MAX);
    EXPECT(ENTROPY_ERR_SHAPE, a.seq_stride = PTRDIFF_MAX / 4 - 1);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch = 1, a.seq = many, a.seq_stride = (ptrdiff_t)1 << 31,
           a.logits = NULL); /* 2^64 elements */
    EXPECT(ENTROPY_ERR_NULL, a.batch = 1, a.seq_stride = PTRDIFF_MAX / 4 - 3, a.logits = NULL);
    EXPECT(ENTROPY_ERR_SHAPE, a.batch = 1, a.seq_stride = PTRDIFF_MAX / 4 - 2, a.logits = NULL);
    EXPECT(ENTROPY_ERR_SHAPE, a.vocab = 33, a.allowed_stride = 1, a.logits = NULL);
    EXPECT(ENTROPY_ERR_SHAPE, a.allowed_stride = SIZE_MAX);
    EXPECT(ENTROPY_ERR_NULL, a.logits = NULL, target[0] = 3);
    EXPECT(ENTROPY_ERR_NULL, a.target = NULL);
    EXPECT(ENTROPY_ERR_VALUE, target[0] = 3);
    EXPECT(ENTROPY_ERR_VALUE, target[0] = INT64_MAX);
    target[0] = 0;
    static const float bad[] = {0, -1, NAN, INFINITY, 0x1.fffffep-65f, 0x1.000002p64f};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(ENTROPY_ERR_VALUE, temperature[3] = bad[i]);
    }
    temperature[3] = 0x1p-64f;
    row_mask[1] = 0;
    temperature[1] = NAN; /* of a row that is skipped */
    target[1] = 3;
    entropy_args a = good;
    a.allowed_stride = 1;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_true(got.entropy[0] > 1 && bits_of(got.entropy[1]) == 0 && got.entropy[3] > 1);
    a = args_of(ENTROPY_F32, z, 1, 3); /* of an axis of length 1 the stride is not looked at */
    a.batch_stride = -7;
    a.seq_stride = 1;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK); /* and no result need be wanted */
}

/* Likewise. */
static void test_errors_of_backward(void **state)
{
    (void)state;
    float z[64] = {0}, out[64], untouched[64], g[4] = {1, 1, 1, 1}, temperature = 1;
    int64_t target[4] = {0, 1, 2, -1};
    memset(out, 0x5a, sizeof out);
    memset(untouched, 0x5a, sizeof untouched);
    entropy_args good = args_of(ENTROPY_F32, z, 2, 3);
    good.batch = 2;
    good.temperature = &temperature;
    good.target = target;
    const entropy_grads good_grads = {
        .size = sizeof good_grads, .entropy = g, .target_logprob = g, .logits = out};
#define EXPECT_BACKWARD(status, ...)                                                              \
    do {                                                                                          \
        entropy_args a = good;                                                                    \
        entropy_grads d = good_grads;                                                             \
        __VA_ARGS__;                                                                              \
        assert_int_equal(entropy_backward(&a, &d), status);                                       \
        check(memcmp(out, untouched, sizeof out) == 0, "an error has written: %s", #__VA_ARGS__); \
    } while (0)
    assert_int_equal(entropy_backward(NULL, &good_grads), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_backward(&good, NULL), ENTROPY_ERR_NULL);
    EXPECT_BACKWARD(ENTROPY_ERR_VALUE, d.size = 0, a.batch = 0);
    EXPECT_BACKWARD(ENTROPY_ERR_VALUE, a.size = 1);
    EXPECT_BACKWARD(ENTROPY_OK, a.batch = 0, d.logits = NULL, a.dtype = 7);
    EXPECT_BACKWARD(ENTROPY_ERR_VALUE, a.dtype = 7, d.seq_stride = 1);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.seq_stride = 2, d.logits = NULL);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.seq_stride = -3);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.batch_stride = 3); /* the second row of each */
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.batch_stride = 5);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.batch_stride = 4, d.seq_stride = 4);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.batch_stride = 6, d.seq_stride = 4);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.batch_stride = 5, d.seq_stride = 7);
    EXPECT_BACKWARD(ENTROPY_ERR_SHAPE, d.seq_stride = PTRDIFF_MAX / 8);
    EXPECT_BACKWARD(ENTROPY_ERR_NULL, a.logits = NULL);
    EXPECT_BACKWARD(ENTROPY_ERR_NULL, d.logits = NULL);
    EXPECT_BACKWARD(ENTROPY_ERR_NULL, a.target = NULL);
    EXPECT_BACKWARD(ENTROPY_ERR_VALUE, target[0] = 3);
    target[0] = 0;
    EXPECT_BACKWARD(ENTROPY_ERR_VALUE, temperature = 0);
    temperature = 1;
    entropy_args a = good;
    entropy_grads d = good_grads;
    d.batch_stride = 3; /* rows that interleave without overlapping: 0, 6, 3, 9 */
    d.seq_stride = 6;
    assert_int_equal(entropy_backward(&a, &d), ENTROPY_OK);
    d.batch_stride = 7; /* 0, 3, 7, 10 */
    d.seq_stride = 3;
    assert_int_equal(entropy_backward(&a, &d), ENTROPY_OK);
    d.entropy = d.target_logprob = NULL; /* no loss: no gradient */
    assert_int_equal(entropy_backward(&a, &d), ENTROPY_OK);
    assert_int_equal(bits_of(out[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_of_forward),
        cmocka_unit_test(test_errors_of_backward),
    };
    begin("test_arguments");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
