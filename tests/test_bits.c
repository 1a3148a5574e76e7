/* The same 32 bits whatever the instruction set, the length, the alignment and the place in the
 * batch. */
#include "suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/dispatch.h"
#include "../src/fpenv.h"
#include "logits.h"

#define LONGEST 160000

static ent_sums sums_on(const char *isa, const float *z, size_t n, double T)
{
    assert_int_equal(entropy_set_isa(isa), ENTROPY_OK);
    ent_sums sums = ENT_SUMS_INIT;
    const ent_fpenv caller = ent_fpenv_enter();
    const ent_scale scale = ent_scale_of(T);
    const ent_row row = {.logits = z, .n = n};
    ent_dispatch()->sweep[ENT_F32](&sums, &row, &scale, ENT_WANT_V | ENT_WANT_SUPPORT);
    ent_fpenv_leave(caller);
    return sums;
}

static bool same_sums(const ent_sums *a, const ent_sums *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void compare_all(const float *z, size_t n, double T, const char *kind)
{
    const ent_sums scalar = sums_on("scalar", z, n, T);
    for (size_t i = 1; isa_of(i) != NULL; i++) {
        const ent_sums other = sums_on(isa_of(i), z, n, T);
        check(same_sums(&scalar, &other),
              "%s, %zu logits, T %g: on scalar M %a c %g r %a w %a v %a, on %s M %a c %g r %a w %a "
              "v %a",
              kind, n, T, scalar.M, scalar.c, scalar.r, scalar.w, scalar.v, isa_of(i), other.M,
              other.c, other.r, other.w, other.v);
    }
}

/* Thousands of rows of all kinds, most of them short; all sums are compared, which is more than the
 * entropies. */
static void test_instruction_sets(void **state)
{
    (void)state;
    static const double temperatures[] = {1, 1, 1, 0.7, 1.5, 0x1p-64, 0x1p64};
    rng r = {88172645463325252};
    float *z = malloc(LONGEST * sizeof *z);
    const size_t rows = divided(8000);
    for (size_t i = 0; i < rows; i++) {
        const row_kind kind = (row_kind)(i % KINDS);
        const size_t n = random_below(&r, 400) == 0 ? LONGEST - random_below(&r, 10000)
                                                    : 1 + random_below(&r, i % 2 ? 40 : 4000);
        fill_row(kind, z, n, &r);
        compare_all(z, n, temperatures[random_below(&r, 7)], kind_names[kind]);
    }
    free(z);
    entropy_set_isa(NULL);
}

/* One lane is so large beside the others that the order in which they are added shows, in double,
 * too. */
static void test_order_of_lanes(void **state)
{
    (void)state;
    float z[64];
    rng r = {53};
    for (size_t i = 0; i < divided(2000); i++) {
        const size_t n = 16 + random_below(&r, 49);
        for (size_t k = 0; k < n; k++) z[k] = (float)(-21 - 12 * random_unit(&r));
        z[random_below(&r, n)] = -1;
        z[random_below(&r, n)] = 0; /* the maximum, which is not in the sums */
        compare_all(z, n, 1, "one large lane");
    }
    entropy_set_isa(NULL);
}

/* A NaN is found whatever its payload and its sign. */
static void test_nans(void **state)
{
    (void)state;
    float z[130];
    rng r = {23};
    for (size_t i = 0; i < divided(20000); i++) {
        const size_t n = 1 + random_below(&r, i % 2 ? 70 : 130);
        const uint32_t any = (uint32_t)random_bits(&r), one = UINT32_C(1) << any % 23;
        const uint32_t nan = 0x7f800000 | (any & 0x80000000) | (i % 3 ? any & 0x007fffff : 0) | one;
        fill_row(ORDINARY, z, n, &r);
        memcpy(&z[random_below(&r, n)], &nan, sizeof nan);
        for (size_t k = 0; isa_of(k) != NULL; k++) {
            const ent_sums sums = sums_on(isa_of(k), z, n, 1);
            check(isnan(sums.M) && sums.c == 0 && sums.r == 0 && sums.w == 0 && sums.v == 0,
                  "NaN %08x among %zu on %s: M %a r %a w %a", nan, n, isa_of(k), sums.M, sums.r,
                  sums.w);
            const entropy_args args = args_of(ENTROPY_F32, z, 1, n);
            entropy_state s; /* short rows go another way than the sweep */
            assert_int_equal(entropy_forward_states(&args, &s), ENTROPY_OK);
            check(isnan(s.max) && s.sum == 0 && s.first_moment == 0,
                  "NaN %08x among %zu on %s: M %a r %a w %a", nan, n, isa_of(k), s.max, s.sum,
                  s.first_moment);
        }
    }
    entropy_set_isa(NULL);
}

/* The state of a row, which is all that any result is made from, and its gradient. */
typedef struct everything {
    entropy_state state;
    uint8_t gradient[4000 * sizeof(float)];
} everything;

static void everything_on(const char *isa, const entropy_args *a, everything *e, size_t offset)
{
    static const float g[3] = {0.7f, -0.4f, 1.1f};
    assert_int_equal(entropy_set_isa(isa), ENTROPY_OK);
    assert_int_equal(entropy_forward_states(a, &e->state), ENTROPY_OK);
    memset(e->gradient, 0x5a, sizeof e->gradient);
    const entropy_grads grads = {.size = sizeof grads,
                                 .entropy = &g[0],
                                 .logsumexp = &g[1],
                                 .target_logprob = &g[2],
                                 .logits = e->gradient + offset * dtype_size(a->dtype)};
    assert_int_equal(entropy_backward(a, &grads), ENTROPY_OK);
}

/* Every dtype, masked and not, wherever the row and its gradient begin. */
static void test_dtypes_and_masks(void **state)
{
    (void)state;
    enum { MOST = 3000 };
    static const float temperatures[] = {1, 1, 0.4f, 0x1p-50f};
    static float z[MOST];
    static uint8_t row[(MOST + 16) * sizeof(float)];
    static uint32_t allowed[MOST / 32 + 1];
    static everything scalar, other;
    rng r = {123456789};
    for (size_t i = 0; i < divided(6000); i++) {
        const int dtype = (int)(i % DTYPES);
        const size_t n = 1 + random_below(&r, i % 4 ? 150 : MOST), offset = random_below(&r, 16);
        const int64_t target = (int64_t)random_below(&r, n);
        const float T = temperatures[random_below(&r, 4)];
        fill_row((row_kind)(i % KINDS), z, n, &r);
        fill_mask(allowed, n, 1 + (unsigned)random_below(&r, 4), &r);
        void *at = row + offset * dtype_size(dtype);
        narrow(dtype, at, z, n);
        entropy_args a = args_of(dtype, at, 1, n);
        a.temperature = &T;
        a.target = &target;
        a.allowed = random_below(&r, 2) ? allowed : NULL;
        everything_on("scalar", &a, &scalar, offset);
        for (size_t k = 1; isa_of(k) != NULL; k++) {
            everything_on(isa_of(k), &a, &other, offset);
            check(memcmp(&scalar.state, &other.state, sizeof other.state) == 0,
                  "%s, %zu logits of %s: another state on %s", kind_names[i % KINDS], n,
                  dtype_names[dtype], isa_of(k));
            check(memcmp(scalar.gradient, other.gradient, sizeof other.gradient) == 0,
                  "%s, %zu logits of %s, T %g, masked %d: another gradient on %s",
                  kind_names[i % KINDS], n, dtype_names[dtype], T, a.allowed != NULL, isa_of(k));
        }
    }
    entropy_set_isa(NULL);
}

/* What leaves no trace in an entropy but will in other results: which largest logit the sums claim,
 * and how many logits equal it. */
static void test_sums(void **state)
{
    (void)state;
    enum { N = 5000 };
    static float z[N];
    rng r = {13};
    for (size_t i = 0; isa_of(i) != NULL; i++) {
        fill_row(SUBNORMAL, z, N, &r);
        ent_sums sums = sums_on(isa_of(i), z, N, 1);
        check(bits_of((float)sums.M) == 0 && sums.c == N && sums.r == 0 && sums.w == 0,
              "%s: M %a c %g r %g among subnormals", isa_of(i), sums.M, sums.c, sums.r);
        for (size_t k = 0; k < N; k++) { /* zeros of both signs, blocks apart */
            z[k] = k < 1024 ? 0.0f : k < 3072 ? -5.0f : -0.0f;
        }
        sums = sums_on(isa_of(i), z, N, 1);
        check(sums.c == N - 2048, "%s: %g zeros, not %d", isa_of(i), sums.c, N - 2048);
        fill_row(ORDINARY, z, N, &r);
        z[N - 3] = z[10] = 50;
        sums = sums_on(isa_of(i), z, N, 1);
        check(sums.M == 50 && sums.c == 2, "%s: M %a c %g", isa_of(i), sums.M, sums.c);
        z[N - 5] = INFINITY; /* behind blocks that have sums */
        sums = sums_on(isa_of(i), z, N, 1);
        check(sums.M == INFINITY && sums.c == 0 && sums.r == 0 && sums.w == 0 && sums.v == 0,
              "%s: M %a c %g r %a w %a v %a with a +inf at the end", isa_of(i), sums.M, sums.c,
              sums.r, sums.w, sums.v);
        z[N - 5] = 0;
        z[100] = INFINITY;
        sums = sums_on(isa_of(i), z, N, 1);
        check(sums.M == INFINITY, "%s: M %a with a +inf", isa_of(i), sums.M);
        z[N - 1] = NAN; /* blocks later */
        sums = sums_on(isa_of(i), z, N, 1);
        check(isnan(sums.M), "%s: M %a with a NaN behind a +inf", isa_of(i), sums.M);
    }
    entropy_set_isa(NULL);
}

/* Every length up to 300 and those around a block, at every offset from a cache line. */
static void test_lengths_and_alignments(void **state)
{
    (void)state;
    enum { ROOM = 1408 }; /* whole cache lines */
    rng r = {7};
    float *z = aligned_alloc(64, ROOM * sizeof *z), *moved = aligned_alloc(64, ROOM * sizeof *z);
    fill_row(ORDINARY, z, ROOM, &r);
    for (size_t n = 1; n <= 1300; n += n < 300 || (n > 1000 && n < 1100) ? 1 : 7) {
        compare_all(z, n, 1, "ordinary");
        for (size_t offset = 1; offset < 16; offset += divided(10) < 10 ? 5 : 1) {
            memcpy(moved + offset, z, n * sizeof *z);
            for (size_t i = 0; isa_of(i) != NULL; i++) {
                const ent_sums here = sums_on(isa_of(i), z, n, 1);
                const ent_sums there = sums_on(isa_of(i), moved + offset, n, 1);
                check(same_sums(&here, &there), "%s: %zu logits differ at offset %zu", isa_of(i), n,
                      offset);
            }
        }
    }
    free(z);
    free(moved);
    entropy_set_isa(NULL);
}

/* A row in a batch, among any others, gives what it gives alone. */
static void test_places_in_the_batch(void **state)
{
    (void)state;
    enum { ROWS = 67, VOCAB = 333 };
    static float z[ROWS][VOCAB], together[ROWS], alone, transposed[ROWS];
    rng r = {3};
    for (size_t i = 0; i < ROWS; i++) {
        fill_row((row_kind)(i % KINDS), z[i], VOCAB, &r);
    }
    for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
        entropy_set_isa(isa_of(isa));
        assert_int_equal(entropy_f32(z[0], 1, ROWS, VOCAB, together), ENTROPY_OK);
        assert_int_equal(entropy_f32(z[0], ROWS, 1, VOCAB, transposed), ENTROPY_OK);
        assert_memory_equal(together, transposed, sizeof together);
        for (size_t i = 0; i < ROWS; i++) {
            assert_int_equal(entropy_f32(z[i], 1, 1, VOCAB, &alone), ENTROPY_OK);
            check(bits_of(alone) == bits_of(together[i]),
                  "row %zu on %s: %a alone, %a in the batch", i, isa_of(isa), alone, together[i]);
        }
    }
    entropy_set_isa(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instruction_sets),
        cmocka_unit_test(test_order_of_lanes),
        cmocka_unit_test(test_nans),
        cmocka_unit_test(test_lengths_and_alignments),
        cmocka_unit_test(test_dtypes_and_masks),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_places_in_the_batch),
    };
    begin("test_bits");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
