/* Arrays of any layout: rows and gradients are where their strides say, on one instruction set. */
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
        cmocka_unit_test(test_rows_anywhere),
        cmocka_unit_test(test_gradients_anywhere),
        cmocka_unit_test(test_overlap),
    };
    begin("test_layout");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
