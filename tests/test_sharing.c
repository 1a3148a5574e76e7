/* Calls shared among threads: the bits of one thread, for any number of them, of every call; no more
 * threads than were asked for, and none awake afterwards. */
#define _GNU_SOURCE
#include "suite.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "logits.h"

/* What all calls give for the same rows. */
typedef struct outputs {
    results of_rows;
    entropy_state states[MOST_ROWS];
    char *gradient;
} outputs;

static void call_all(outputs *out, entropy_args args, int threads, size_t gradient_bytes)
{
    static float ones[MOST_ROWS];
    for (size_t i = 0; i < MOST_ROWS; i++) {
        ones[i] = 0.5f + (float)i;
    }
    args.num_threads = threads;
    results_clear(&out->of_rows);
    memset(out->states, 0x55, sizeof out->states);
    memset(out->gradient, 0x55, gradient_bytes);
    assert_int_equal(entropy_forward_states(&args, out->states), ENTROPY_OK);
    want(&args, &out->of_rows, ALL_RESULTS);
    assert_int_equal(entropy_forward(&args), ENTROPY_OK);
    if (threads % 2 == 1) { /* without results the gradient finds its own */
        args.max_logprob = NULL;
    }
    const entropy_grads grads = {.size = sizeof grads,
                                 .entropy = ones,
                                 .logsumexp = ones,
                                 .target_logprob = ones,
                                 .logits = out->gradient};
    assert_int_equal(entropy_backward(&args, &grads), ENTROPY_OK);
}

static void same_for_all_threads(const entropy_args *args, const char *what)
{
    const size_t bytes = args->batch * args->seq * args->vocab * dtype_size(args->dtype);
    static outputs one, many;
    one.gradient = malloc(bytes);
    many.gradient = malloc(bytes);
    assert_true(one.gradient != NULL && many.gradient != NULL);
    call_all(&one, *args, 1, bytes);
    static const int numbers[] = {2, 3, 4, 16};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        call_all(&many, *args, numbers[k], bytes);
        check(memcmp(&many.of_rows, &one.of_rows, sizeof one.of_rows) == 0,
              "%s, %s, %zu logits, %d threads: results have other bits", what,
              dtype_names[args->dtype], args->vocab, numbers[k]);
        check(memcmp(many.states, one.states, sizeof one.states) == 0,
              "%s, %s, %zu logits, %d threads: states have other bits", what,
              dtype_names[args->dtype], args->vocab, numbers[k]);
        check(memcmp(many.gradient, one.gradient, bytes) == 0,
              "%s, %s, %zu logits, %d threads: gradients have other bits", what,
              dtype_names[args->dtype], args->vocab, numbers[k]);
    }
    free(one.gradient);
    free(many.gradient);
}

/* Rows of every kind, each done by one thread, with every option. */
static void test_rows(void **state)
{
    (void)state;
    enum { ROWS = 44, VOCAB = 9000 };
    static float z[ROWS * VOCAB], temperature[ROWS];
    static uint32_t allowed[ROWS * (VOCAB / 32 + 1)];
    static int64_t target[ROWS];
    static uint8_t row_mask[ROWS], logits[sizeof z];
    rng r = {31};
    for (size_t i = 0; i < ROWS; i++) {
        fill_row((row_kind)(i % KINDS), z + i * VOCAB, VOCAB, &r);
        temperature[i] = (float)(0.5 + random_unit(&r));
        target[i] = (int64_t)random_below(&r, VOCAB + 1) - 1;
        row_mask[i] = i % 9 != 4;
    }
    fill_mask(allowed, ROWS * (VOCAB / 32 + 1) * 32, 5, &r);
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        narrow(dtype, logits, z, ROWS * VOCAB);
        entropy_args a = args_of(dtype, logits, ROWS, VOCAB);
        a.target = target;
        same_for_all_threads(&a, "rows");
        a.temperature = temperature;
        a.temperature_stride = 1;
        a.row_mask = row_mask;
        a.allowed = allowed;
        a.allowed_stride = VOCAB / 32 + 1;
        same_for_all_threads(&a, "rows with options");
    }
}

/* Long rows, which all threads share: alone, and beside others that they do not share. */
static void test_long_rows(void **state)
{
    (void)state;
    enum { ROWS = 4, VOCAB = (1 << 19) + 20011 };
    float *z = malloc(ROWS * VOCAB * sizeof *z);
    uint32_t *allowed = malloc((VOCAB / 32 + 1) * sizeof *allowed);
    uint8_t *logits = malloc(ROWS * VOCAB * sizeof *z);
    assert_true(z != NULL && allowed != NULL && logits != NULL);
    rng r = {32};
    const int64_t target[ROWS] = {VOCAB - 1, 5, -1, 70000};
    fill_mask(allowed, VOCAB, 3, &r);
    memset(allowed + 5000, 0, 3000 * sizeof *allowed); /* whole pieces without a token */
    for (size_t k = 0; k < divided(KINDS) + 3; k++) {
        const row_kind kind = divided(KINDS) == KINDS
                                  ? (row_kind)(k % KINDS)
                                  : (row_kind[]){ORDINARY, ASCENDING, WITH_NAN, WITH_INF}[k % 4];
        for (size_t i = 0; i < ROWS; i++) {
            fill_row(kind, z + i * VOCAB, VOCAB, &r);
        }
        const int dtype = (int)k % DTYPES;
        narrow(dtype, logits, z, ROWS * VOCAB);
        /* of 4 rows on 3 threads one is shared, of 1 row it is */
        entropy_args a = args_of(dtype, logits, k % 2 == 0 ? ROWS : 1, VOCAB);
        a.target = target;
        a.allowed = k % 3 == 0 ? allowed : NULL;
        same_for_all_threads(&a, kind_names[kind]);
    }
    free(z);
    free(allowed);
    free(logits);
}

/* Longer than what the threads are given at once; what matters comes late. A state that is given
 * it in pieces has the same bits. */
static void test_longest_row(void **state)
{
    (void)state;
    /* an emulated CPU is spared the second part */
    const size_t n = (divided(8) == 8 ? (size_t)1 << 24 : 1 << 19) + 300001, last = n - 7;
    float *z = malloc(n * sizeof *z);
    assert_non_null(z);
    rng r = {33};
    fill_row(ORDINARY, z, n, &r);
    const float ends[] = {z[last], 30, INFINITY, NAN};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
        z[last] = ends[k];
        entropy_args a = args_of(ENTROPY_F32, z, 1, n);
        const int64_t target = (int64_t)last;
        a.target = &target;
        same_for_all_threads(&a, "longest row");
        entropy_state whole, pieces;
        a.num_threads = 1;
        a.target = NULL;
        assert_int_equal(entropy_forward_states(&a, &whole), ENTROPY_OK);
        entropy_state_init(&pieces);
        assert_int_equal(entropy_set_num_threads(3), ENTROPY_OK);
        const size_t cut = 1024 * 555;
        assert_int_equal(entropy_state_add_f32(&pieces, z, cut), ENTROPY_OK);
        assert_int_equal(entropy_state_add_f32(&pieces, z + cut, n - cut), ENTROPY_OK);
        assert_int_equal(entropy_set_num_threads(0), ENTROPY_OK);
        assert_memory_equal(&pieces, &whole, sizeof whole);
    }
    free(z);
}

static size_t threads_of_process(void)
{
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    size_t n = 0;
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return n;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* First of all: no thread before a call is worth it, then as many as wanted, and all asleep. */
static void test_number_of_threads(void **state)
{
    (void)state;
    enum { ROWS = 16, VOCAB = 40000 };
    static float z[ROWS * VOCAB], H[ROWS];
    rng r = {34};
    fill_row(ORDINARY, z, ROWS * VOCAB, &r);
    const size_t before = threads_of_process();
    assert_int_equal(entropy_f32(z, 1, 1, VOCAB, H), ENTROPY_OK);
    entropy_args a = args_of(ENTROPY_F32, z, ROWS, VOCAB);
    a.entropy = H;
    a.num_threads = 1;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    assert_int_equal(threads_of_process(), before);
    a.num_threads = 2;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    const size_t two = threads_of_process();
    check(two > before, "no thread was started"); /* a sanitizer may have one of its own */
    for (int threads = 3; threads <= 5; threads++) {
        a.num_threads = threads;
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        assert_int_equal(threads_of_process(), two + (size_t)threads - 2);
    }
    a.num_threads = 2;
    assert_int_equal(entropy_forward(&a), ENTROPY_OK);
    const double start = cpu_seconds();
    nanosleep(&(struct timespec){0, 200000000}, NULL);
    check(cpu_seconds() - start < 0.05, "threads were awake for %g s after the call",
          cpu_seconds() - start);
}

int main(void)
{
    begin("test_sharing");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_of_threads),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_long_rows),
        cmocka_unit_test(test_longest_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
