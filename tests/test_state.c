/* Rows that come in pieces, on one instruction set. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logits.h"
#include "reference.h"

#define MOST 20000

static entropy_state state_of(int dtype, const void *z, size_t n, float T)
{
    entropy_state s;
    entropy_state_init(&s);
    s.temperature = T;
    const int status = dtype == ENTROPY_F32   ? entropy_state_add_f32(&s, z, n)
                       : dtype == ENTROPY_F16 ? entropy_state_add_f16(&s, z, n)
                                              : entropy_state_add_bf16(&s, z, n);
    assert_int_equal(status, ENTROPY_OK);
    return s;
}

/* Within twice the bounds of the whole row. */
static void compare(const entropy_state *s, const reference *r, double T, const char *what)
{
    const float H = entropy_state_entropy(s), V = entropy_state_varentropy(s);
    const float lse = entropy_state_logsumexp(s), M = entropy_state_max_logit(s);
    const float log_p = entropy_state_max_logprob(s);
    const long double size = fabsl(r->max_logprob);
    const long double relative_H = r->entropy * (4e-7L + 7e-8L * fabsl(logl(r->entropy)));
    const long double relative_p = size * (4e-7L + 7e-8L * fabsl(logl(size)));
    check(reference_accepts_within(H, r->entropy, 2 * fmaxl(relative_H, 0)),
          "%s: entropy %.9g, not %.9Lg", what, H, r->entropy);
    check(reference_accepts_within(V, r->varentropy, 2 * varentropy_bound(r)),
          "%s: varentropy %.9g, not %.9Lg", what, V, r->varentropy);
    const long double exact_lse =
        fabsl(r->logsumexp) > FLT_MAX ? copysignl(INFINITY, r->logsumexp) : r->logsumexp;
    check(reference_accepts_within(lse, exact_lse, 2 * logsumexp_bound(r, T)),
          "%s: logsumexp %.9g, not %.9Lg", what, lse, r->logsumexp);
    check(reference_accepts_within(M, r->max_logit, 0), "%s: max_logit %.9g", what, M);
    check(reference_accepts_within(log_p, r->max_logprob, 2 * fmaxl(relative_p, 0)),
          "%s: max_logprob %.9g, not %.9Lg", what, log_p, r->max_logprob);
    check(entropy_state_argmax(s) == r->argmax, "%s: argmax %lld, not %lld", what,
          (long long)entropy_state_argmax(s), (long long)r->argmax);
    check(entropy_state_support(s) == r->support, "%s: support %lld, not %lld", what,
          (long long)entropy_state_support(s), (long long)r->support);
}

static bool same(const entropy_state *a, const entropy_state *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* In pieces of any size, one state for all or one for each and merged from the left, from the right
 * or as a tree. */
static void test_pieces(void **unused)
{
    (void)unused;
    static float z[MOST];
    static uint8_t row[MOST * sizeof(float)];
    static double wide[MOST];
    static const float temperatures[] = {1, 1, 0.6f, 3, 0x1p-64f};
    rng r = {2026};
    for (size_t i = 0; i < KINDS * divided(60); i++) {
        const row_kind kind = (row_kind)(i % KINDS);
        const int dtype = (int)(i / KINDS % DTYPES);
        const size_t n = 1 + random_below(&r, i % 10 ? 300 : MOST);
        const float T = temperatures[random_below(&r, 5)];
        fill_row(kind, z, n, &r);
        narrow(dtype, row, z, n);
        widen(dtype, wide, row, NULL, n);
        const reference exact = reference_of(wide, n, T, -1, dtype != ENTROPY_F16);
        enum { PIECES = 9 };
        size_t cut[PIECES + 1] = {0};
        entropy_state piece[PIECES], one, left, right;
        entropy_state_init(&one);
        entropy_state_init(&left);
        entropy_state_init(&right);
        one.temperature = T;
        for (int k = 1; k < PIECES; k++) {
            cut[k] = cut[k - 1] + random_below(&r, n - cut[k - 1] + 1);
        }
        cut[PIECES] = n;
        const size_t size = dtype_size(dtype);
        for (int k = 0; k < PIECES; k++) {
            const void *from = row + cut[k] * size;
            const size_t length = cut[k + 1] - cut[k];
            piece[k] = state_of(dtype, from, length, T);
            assert_int_equal(dtype == ENTROPY_F32   ? entropy_state_add_f32(&one, from, length)
                             : dtype == ENTROPY_F16 ? entropy_state_add_f16(&one, from, length)
                                                    : entropy_state_add_bf16(&one, from, length),
                             ENTROPY_OK);
            entropy_state_merge(&left, &piece[k]);
        }
        for (int k = PIECES - 1; k >= 0; k--) {
            entropy_state next = piece[k];
            entropy_state_merge(&next, &right);
            right = next;
        }
        for (int step = 1; step < PIECES; step *= 2) {
            for (int k = 0; k + step < PIECES; k += 2 * step) {
                entropy_state_merge(&piece[k], &piece[k + step]);
            }
        }
        char what[100];
        snprintf(what, sizeof what, "%s, %zu %s, T %g", kind_names[kind], n, dtype_names[dtype], T);
        compare(&one, &exact, T, what);
        compare(&left, &exact, T, what);
        compare(&right, &exact, T, what);
        compare(&piece[0], &exact, T, what);
        assert_int_equal(left.length, n);
    }
}

/* Pieces of whole blocks give the bits of the whole row. */
static void test_whole_blocks(void **unused)
{
    (void)unused;
    static float z[MOST];
    rng r = {5};
    for (size_t i = 0; i < KINDS * divided(10); i++) {
        const size_t n = MOST - random_below(&r, 9000);
        fill_row((row_kind)(i % KINDS), z, n, &r);
        entropy_state pieces;
        entropy_state_init(&pieces);
        for (size_t at = 0; at < n;) {
            const size_t k = 1024 * (1 + random_below(&r, 4)), length = n - at < k ? n - at : k;
            entropy_state_add_f32(&pieces, z + at, length);
            at += length;
        }
        const entropy_state whole = state_of(ENTROPY_F32, z, n, 1);
        check(same(&pieces, &whole), "%s", kind_names[i % KINDS]);
        results got;
        entropy_args a = args_of(ENTROPY_F32, z, 1, n);
        want(&a, &got, ALL_RESULTS & ~32u);
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        const float answers[5] = {entropy_state_entropy(&whole), entropy_state_varentropy(&whole),
                                  entropy_state_logsumexp(&whole), entropy_state_max_logit(&whole),
                                  entropy_state_max_logprob(&whole)};
        const float should[5] = {got.entropy[0], got.varentropy[0], got.logsumexp[0],
                                 got.max_logit[0], got.max_logprob[0]};
        check(memcmp(answers, should, sizeof should) == 0, "%s: other answers than the row's",
              kind_names[i % KINDS]);
        assert_int_equal(entropy_state_argmax(&whole), got.argmax[0]);
        assert_int_equal(entropy_state_support(&whole), got.support[0]);
    }
}

/* Merging commutes to the last bit, but for what counts positions; an empty state is its identity;
 * a state may be merged with itself. */
static void test_algebra(void **unused)
{
    (void)unused;
    static float z[3000];
    rng r = {99};
    for (size_t i = 0; i < divided(2000); i++) {
        const size_t n = 1 + random_below(&r, 1500), m = 1 + random_below(&r, 1500);
        fill_row((row_kind)random_below(&r, KINDS), z, n, &r);
        fill_row((row_kind)random_below(&r, KINDS), z + n, m, &r);
        const entropy_state a = state_of(ENTROPY_F32, z, n, 1),
                            b = state_of(ENTROPY_F32, z + n, m, 1);
        entropy_state ab = a, ba = b, empty, copy;
        entropy_state_merge(&ab, &b);
        entropy_state_merge(&ba, &a);
        const int64_t first = ab.argmax;
        check(isnan(ab.max) || ab.max == -INFINITY ||
                  first == (a.max >= b.max ? a.argmax : (int64_t)n + b.argmax),
              "argmax %lld", (long long)first);
        ba.argmax = ab.argmax;
        check(same(&ab, &ba), "a b and b a differ");
        entropy_state_init(&empty);
        copy = a;
        entropy_state_merge(&copy, &empty);
        check(same(&copy, &a), "merging the empty state changes a state");
        entropy_state_merge(&empty, &a);
        check(same(&empty, &a), "merging into the empty state is not a copy");
        copy = a;
        entropy_state_merge(&copy, &copy);
        memcpy(z + n, z, (n <= 1500 ? n : 1500) * sizeof *z);
        const entropy_state twice = state_of(ENTROPY_F32, z + n, n, 1);
        entropy_state pair = a;
        entropy_state_merge(&pair, &twice);
        check(same(&copy, &pair), "a state merged with itself is not the row twice");
    }
}

static void expect_nothing(const entropy_state *s, const char *what)
{
    check(isnan(entropy_state_entropy(s)) && isnan(entropy_state_varentropy(s)) &&
              isnan(entropy_state_logsumexp(s)) && isnan(entropy_state_max_logit(s)) &&
              isnan(entropy_state_max_logprob(s)) && entropy_state_argmax(s) == -1,
          "%s has answers", what);
}

static void test_misfits(void **unused)
{
    (void)unused;
    const float z[3] = {1, 2, 3};
    entropy_state s, other, before;
    entropy_state_init(NULL);
    entropy_state_init(&s);
    assert_true(isnan(entropy_state_entropy(&s)) && entropy_state_logsumexp(&s) == -INFINITY);
    assert_true(entropy_state_argmax(&s) == -1 && entropy_state_support(&s) == 0);
    assert_int_equal(entropy_state_add_f32(NULL, z, 3), ENTROPY_ERR_NULL);
    before = s;
    assert_int_equal(entropy_state_add_f32(&s, NULL, 0), ENTROPY_OK);
    assert_int_equal(entropy_state_add_bf16(&s, NULL, 1), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_state_add_f16(&s, (const uint16_t *)z, SIZE_MAX / 4 + 1),
                     ENTROPY_ERR_SHAPE);
    assert_true(same(&s, &before));
    s.temperature = 0;
    assert_int_equal(entropy_state_add_f32(&s, z, 3), ENTROPY_ERR_VALUE);
    s = state_of(ENTROPY_F32, z, 3, 1);
    other = state_of(ENTROPY_F32, z, 3, 2);
    entropy_state_merge(&s, &other);
    expect_nothing(&s, "a merger of two temperatures");
    entropy_state_init(&s); /* an empty state leaves the temperature of another */
    entropy_state_init(&other);
    s.temperature = 0.5;
    entropy_state_merge(&s, &other);
    assert_true(s.temperature == 0.5);
    entropy_state_merge(&other, &s);
    assert_true(other.temperature == 1);
    s = state_of(ENTROPY_F32, z, 3, 1); /* one of another version poisons for good */
    other = s;
    entropy_state foreign, empty;
    entropy_state_init(&empty);
    foreign = empty;
    foreign.version = 3;
    entropy_state_merge(&foreign, &empty);
    expect_nothing(&foreign, "an empty one of another version");
    entropy_state_merge(&s, &foreign);
    expect_nothing(&s, "what was merged with it");
    entropy_state_merge(&foreign, &other);
    expect_nothing(&foreign, "what it was merged with");
    float log_p = 0;
    entropy_args target_of = {
        .size = sizeof target_of, .batch = 1, .seq = 1, .target_logprob = &log_p};
    assert_int_equal(entropy_results_of_states(&s, 1, &target_of), ENTROPY_OK);
    assert_true(isnan(log_p));
    s = state_of(ENTROPY_F32, z, 3, 1);
    other = state_of(ENTROPY_F32, z, 3, 2);
    entropy_state_merge(&s, &other);
    other = state_of(ENTROPY_F32, z, 3, 1);
    entropy_state_merge(&s, &other);
    expect_nothing(&s, "what such a merger is merged with");
    entropy_state_merge(&other, &s);
    expect_nothing(&other, "what is merged with such a merger");
    s = state_of(ENTROPY_F32, z, 3, 1);
    other = s;
    other.version = 2;
    expect_nothing(&other, "another version");
    assert_int_equal(entropy_state_add_f32(&other, z, 3), ENTROPY_ERR_VALUE);
    entropy_state_merge(&s, &other);
    expect_nothing(&s, "a merger with another version");
    s = state_of(ENTROPY_F32, z, 3, 1);
    entropy_state_merge(&other, &s);
    expect_nothing(&other, "a merger into another version");
    expect_nothing(NULL, "NULL");
    assert_int_equal(entropy_state_support(NULL), 0);
    before = s;
    entropy_state_merge(&s, NULL);
    entropy_state_merge(NULL, &s);
    assert_true(same(&s, &before));
    other = s;
    other.max = (double)NAN;
    expect_nothing(&other, "a NaN");
    memset(&s, 0xff, sizeof s);
    expect_nothing(&s, "garbage");
    s.version = ENTROPY_STATE_VERSION; /* whatever a network brings: no crash, no hang */
    (void)entropy_state_entropy(&s);
    entropy_state_merge(&s, &before);
    entropy_state_merge(&before, &s);
    (void)entropy_state_add_f32(&before, z, 3);
}

/* Part of the interface: states are sent between machines. */
static void test_layout(void **unused)
{
    (void)unused;
    assert_int_equal(sizeof(entropy_state), 128);
    assert_int_equal(_Alignof(entropy_state), 8);
#define AT(member, offset) assert_int_equal(offsetof(entropy_state, member), offset)
    AT(version, 0);
    AT(temperature, 8);
    AT(max, 16);
    AT(ties, 24);
    AT(sum, 32);
    AT(first_moment, 40);
    AT(second_moment, 48);
    AT(argmax, 56);
    AT(support, 64);
    AT(length, 72);
    AT(target_logit, 80);
    AT(flags, 88);
    AT(reserved, 96);
    const float z[4] = {-INFINITY, 3, 3, 2};
    entropy_state s;
    memset(&s, 0xff, sizeof s);
    entropy_state_init(&s);
    const entropy_state empty = {.version = 1, .temperature = 1, .max = -INFINITY, .argmax = -1};
    assert_true(same(&s, &empty));
    s = state_of(ENTROPY_F32, z, 4, 1);
    assert_true(s.version == 1 && s.temperature == 1 && s.max == 3 && s.ties == 2);
    assert_true(fabs(s.sum - exp(-1)) < 1e-7 && fabs(s.first_moment + exp(-1)) < 1e-7);
    assert_true(fabs(s.second_moment - exp(-1)) < 1e-7);
    assert_true(s.argmax == 1 && s.support == 3 && s.length == 4 && s.flags == 0);
    assert_true(s.reserved[0] == 0 && s.reserved[3] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),  cmocka_unit_test(test_whole_blocks),
        cmocka_unit_test(test_algebra), cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_layout),
    };
    begin("test_state");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
