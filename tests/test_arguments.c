/* What callers pass to entropy_forward and entropy_backward: arrays of any layout, and everything that
 * must be refused, on one instruction set. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "suite.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "logits.h"

/* Rows wherever strides say, with a temperature, a target and a mask of their own, and some of them
 * skipped, one of these on a page that cannot be read. */
static void test_rows_anywhere(void **state)
{
    (void)state;
    enum { BATCH = 3, SEQ = 5, VOCAB = 70, WORDS = (VOCAB + 31) / 32 + 1, ROWS = BATCH * SEQ };
    static const struct {
        ptrdiff_t batch_stride, seq_stride; /* as given */
        ptrdiff_t batch, seq;               /* as meant */
    } layouts[] = {
        {0, 0, SEQ * VOCAB, VOCAB},
        {0, 80, SEQ * 80, 80},
        {(SEQ + 1) * 80, 80, (SEQ + 1) * 80, 80},     /* logits[:, :-1] of a padded vocabulary */
        {VOCAB, BATCH * VOCAB, VOCAB, BATCH * VOCAB}, /* [seq, batch, vocab] */
        {1000, 0, 1000, VOCAB},
        {VOCAB, VOCAB, VOCAB, VOCAB}, /* overlapping rows */
    };
    enum { ROOM = 4000 };
    static float z[ROOM];
    rng r = {17};
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        static float temperature[ROWS];
        static int64_t target[ROWS];
        static uint8_t row_mask[ROWS];
        static uint32_t allowed[ROWS * WORDS];
        fill_row(ORDINARY, z, ROOM, &r);
        fill_mask(allowed, ROWS * WORDS * 32, 3, &r);
        for (size_t i = 0; i < ROWS; i++) {
            row_mask[i] = random_below(&r, 3) != 0;
            temperature[i] = row_mask[i] ? (float)(0.5 + random_unit(&r)) : NAN;
            target[i] = row_mask[i] ? (int64_t)random_below(&r, VOCAB) : INT64_MAX;
        }
        static results got, alone;
        results_clear(&got);
        entropy_args a = args_of(ENTROPY_F32, z, SEQ, VOCAB);
        a.batch = BATCH;
        a.batch_stride = layouts[l].batch_stride;
        a.seq_stride = layouts[l].seq_stride;
        a.temperature = temperature;
        a.temperature_stride = 1;
        a.target = target;
        a.row_mask = row_mask;
        a.allowed = allowed;
        a.allowed_stride = WORDS;
        want(&a, &got, ALL_RESULTS);
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        for (size_t i = 0; i < ROWS; i++) {
            memset(&alone, 0, sizeof alone);
            if (row_mask[i]) {
                const ptrdiff_t offset =
                    (ptrdiff_t)(i / SEQ) * layouts[l].batch + (ptrdiff_t)(i % SEQ) * layouts[l].seq;
                entropy_args b = args_of(ENTROPY_F32, z + offset, 1, VOCAB);
                b.temperature = &temperature[i];
                b.target = &target[i];
                b.allowed = allowed + i * WORDS;
                want(&b, &alone, ALL_RESULTS);
                assert_int_equal(entropy_forward(&b), ENTROPY_OK);
            }
#define SAME(result)                                                           \
    check(memcmp(&got.result[i], &alone.result[0], sizeof got.result[i]) == 0, \
          "layout %zu, row %zu: another " #result, l, i);
            SAME(entropy)
            SAME(varentropy)
            SAME(logsumexp)
            SAME(max_logit)
            SAME(max_logprob)
            SAME(target_logprob)
            SAME(argmax)
            SAME(support)
        }
    }
    float *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    const uint8_t none = 0;
    float H = -1;
    entropy_args a = args_of(ENTROPY_F32, page, 1, 1024);
    a.row_mask = &none;
    a.entropy = &H;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_int_equal(bits_of(H), 0);
    munmap(page, 4096);
}

/* Gradients go wherever their own strides say, and nowhere else. */
static void test_gradients_anywhere(void **state)
{
    (void)state;
    enum { BATCH = 3, SEQ = 4, VOCAB = 37, ROWS = BATCH * SEQ, ROOM = 2000 };
    static float z[ROOM], got[ROOM], expected[ROOM];
    static const struct {
        ptrdiff_t batch_stride, seq_stride, batch, seq;
    } layouts[] = {{0, 0, SEQ * VOCAB, VOCAB},
                   {0, 50, SEQ * 50, 50},
                   {VOCAB, BATCH * VOCAB, VOCAB, BATCH * VOCAB},
                   {90, 240, 90, 240},
                   {400, 0, 400, VOCAB}};
    rng r = {23};
    for (size_t l = 0; l < sizeof layouts / sizeof *layouts; l++) {
        float g[ROWS];
        fill_row(ORDINARY, z, ROOM, &r);
        for (size_t i = 0; i < ROWS; i++) g[i] = (float)random_unit(&r);
        entropy_args a = args_of(ENTROPY_F32, z, SEQ, VOCAB);
        a.batch = BATCH;
        a.seq_stride = 41;
        entropy_grads grads = {.size = sizeof grads, .entropy = g, .logits = got};
        grads.batch_stride = layouts[l].batch_stride;
        grads.seq_stride = layouts[l].seq_stride;
        memset(got, 0x5a, sizeof got);
        memset(expected, 0x5a, sizeof expected);
        assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
        for (size_t i = 0; i < ROWS; i++) {
            const ptrdiff_t offset =
                (ptrdiff_t)(i / SEQ) * layouts[l].batch + (ptrdiff_t)(i % SEQ) * layouts[l].seq;
            entropy_args b = args_of(ENTROPY_F32, z + 41 * i, 1, VOCAB);
            const entropy_grads one = {
                .size = sizeof one, .entropy = &g[i], .logits = expected + offset};
            assert_int_equal(entropy_backward(&b, &one), ENTROPY_OK);
        }
        check(memcmp(got, expected, sizeof got) == 0, "layout %zu", l);
    }
}

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

/* Whether rows overlap is decided as by looking at every pair of them. */
static void test_overlap(void **state)
{
    (void)state;
    enum { ROOM = 4096 };
    static float z[ROOM], out[ROOM];
    float g[64] = {0};
    rng r = {77};
    for (size_t round = 0; round < divided(20000); round++) {
        const size_t batch = 1 + random_below(&r, 6), seq = 1 + random_below(&r, 6);
        const size_t vocab = 1 + random_below(&r, 9);
        const size_t bs = vocab + random_below(&r, 60), ss = vocab + random_below(&r, 60);
        bool overlap = false;
        for (size_t i = 0; i < batch * seq; i++) {
            for (size_t j = 0; j < i; j++) {
                const size_t a = i / seq * bs + i % seq * ss, b = j / seq * bs + j % seq * ss;
                overlap = overlap || (a < b + vocab && b < a + vocab);
            }
        }
        entropy_args a = args_of(ENTROPY_F32, z, seq, vocab);
        a.batch = batch;
        const entropy_grads d = {.size = sizeof d,
                                 .entropy = g,
                                 .logits = out,
                                 .batch_stride = (ptrdiff_t)bs,
                                 .seq_stride = (ptrdiff_t)ss};
        check(entropy_backward(&a, &d) == (overlap ? ENTROPY_ERR_SHAPE : ENTROPY_OK),
              "[%zu, %zu, %zu] with strides %zu, %zu: overlap %d", batch, seq, vocab, bs, ss,
              overlap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_anywhere),     cmocka_unit_test(test_gradients_anywhere),
        cmocka_unit_test(test_errors_of_forward), cmocka_unit_test(test_errors_of_backward),
        cmocka_unit_test(test_overlap),
    };
    begin("test_arguments");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
