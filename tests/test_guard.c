/* Nothing outside the logits is read and nothing outside the results is written: the buffers end,
 * or begin, at a page that may not be touched. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "suite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "logits.h"

typedef struct guarded {
    char *start; /* of the usable bytes, with a forbidden page before and behind */
    size_t size;
} guarded;

static guarded guard(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (bytes + page - 1) / page * page;
    char *map = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    assert_int_equal(mprotect(map + page, size, PROT_READ | PROT_WRITE), 0);
    return (guarded){map + page, size};
}

static void test_guard_pages(void **state)
{
    (void)state;
    enum { MOST = 2200 };
    const guarded in = guard(3 * MOST * sizeof(float)), out = guard(3 * sizeof(float));
    static float rows[3 * MOST], expected[3];
    rng r = {5};
    for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
        entropy_set_isa(isa_of(isa));
        for (size_t n = 1; n <= MOST; n += n < 200 ? 1 : 61) {
            for (size_t i = 0; i < 3; i++) {
                fill_row((row_kind)random_below(&r, KINDS), rows + i * n, n, &r);
            }
            assert_int_equal(entropy_f32(rows, 1, 3, n, expected), ENTROPY_OK);
            const size_t bytes = 3 * n * sizeof(float);
            for (int at_end = 0; at_end < 2; at_end++) {
                float *z = (float *)(void *)(at_end ? in.start + in.size - bytes : in.start);
                float *H =
                    (float *)(void *)(at_end ? out.start + out.size - sizeof expected : out.start);
                memcpy(z, rows, bytes);
                memset(out.start, 0x5a, out.size);
                assert_int_equal(entropy_f32(z, 1, 3, n, H), ENTROPY_OK);
                check(memcmp(H, expected, sizeof expected) == 0, "3 x %zu on %s: other bits", n,
                      isa_of(isa));
                check(memcmp(z, rows, bytes) == 0, "3 x %zu on %s: the logits were changed", n,
                      isa_of(isa));
                memset(H, 0x5a, sizeof expected);
                for (size_t i = 0; i < out.size; i++) {
                    check(out.start[i] == 0x5a,
                          "3 x %zu on %s: byte %zu outside the results was written", n, isa_of(isa),
                          i);
                }
            }
        }
    }
    entropy_set_isa(NULL);
}

/* n bytes at the start or the end of what may be touched. */
static void *place(const guarded *g, size_t n, bool at_end)
{
    return at_end ? g->start + g->size - n : g->start;
}

/* Everything that a row of any dtype goes through: its logits, its mask and its gradient end, or
 * begin, where memory does. */
static void test_options(void **state)
{
    (void)state;
    enum { MOST = 2100 };
    const size_t room = MOST * sizeof(float);
    const guarded in = guard(room), mask = guard(MOST / 8 + 4), out = guard(room);
    static float z[MOST];
    rng r = {15};
    for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
        entropy_set_isa(isa_of(isa));
        for (size_t n = 1; n <= MOST; n += n < 140 ? 1 : 37) {
            fill_row((row_kind)random_below(&r, KINDS), z, n, &r);
            for (int i = 0; i < 12; i++) {
                const int dtype = i % DTYPES;
                const bool at_end = i / 3 % 2, masked = i / 6;
                const size_t bytes = n * dtype_size(dtype), words = (n + 31) / 32;
                const float g = 0.5f;
                const int64_t target = (int64_t)n - 1;
                entropy_args a = args_of(dtype, place(&in, bytes, at_end), 1, n);
                uint32_t *allowed = place(&mask, words * sizeof *allowed, at_end);
                char *gradient = place(&out, bytes, at_end);
                narrow(dtype, place(&in, bytes, at_end), z, n);
                fill_mask(allowed, n, 3, &r);
                a.allowed = masked ? allowed : NULL;
                a.target = &target;
                results got;
                entropy_state s;
                want(&a, &got, ALL_RESULTS);
                assert_int_equal(entropy_forward(&a), ENTROPY_OK);
                assert_int_equal(entropy_forward_states(&a, &s), ENTROPY_OK);
                const entropy_grads grads = {
                    .size = sizeof grads, .entropy = &g, .target_logprob = &g, .logits = gradient};
                memset(out.start, 0x5a, out.size);
                assert_int_equal(entropy_backward(&a, &grads), ENTROPY_OK);
                memset(gradient, 0x5a, bytes);
                for (size_t k = 0; k < out.size; k++) {
                    check(out.start[k] == 0x5a, "%zu of %s on %s: byte %zu outside was written", n,
                          dtype_names[dtype], isa_of(isa), k);
                }
            }
        }
    }
    entropy_set_isa(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_guard_pages),
                                       cmocka_unit_test(test_options)};
    begin("test_guard");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
