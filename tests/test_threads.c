/* Calls from threads, from signal handlers and from forked children, also while the library's own
 * threads are at work: the same results as ever, and none waits for another. */
#define _GNU_SOURCE
#include "suite.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "entropy.h"
#include "rows.h"

enum { VOCAB = 3000, THREADS = 8, ROWS = 100 }; /* all rows are enough for several threads */

static float rows[ROWS * VOCAB], *const row = rows;
static float expected[ROWS]; /* entropies */
static atomic_int wrong, stop;
static pthread_barrier_t barrier;

static float entropy_of_row(void)
{
    float H = -1;
    return entropy_f32(row, 1, 1, VOCAB, &H) == ENTROPY_OK ? H : -1;
}

static bool row_is_right(void)
{
    return bits_of(entropy_of_row()) == bits_of(expected[0]);
}

static bool all_are_right(int threads)
{
    float H[ROWS];
    const entropy_args args = {.size = sizeof args,
                               .logits = rows,
                               .batch = 1,
                               .seq = ROWS,
                               .vocab = VOCAB,
                               .num_threads = threads,
                               .entropy = H};
    return entropy_forward(&args) == ENTROPY_OK && memcmp(H, expected, sizeof H) == 0;
}

static void compute(void)
{
    atomic_fetch_add(&wrong, !row_is_right());
}

static void compute_all(void)
{
    atomic_fetch_add(&wrong, !all_are_right(3));
}

/* The exit status of a child that does `work`; 99 if it does not end within a minute. It ends by
 * exit, which stops the library's threads: those that the child has. */
static int in_child(int (*work)(void))
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        exit(work());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* ---- The first calls of a process, all at once. ---- */

static void *first_call(void *result)
{
    pthread_barrier_wait(&barrier);
    *(float *)result = entropy_of_row();
    return NULL;
}

static int first_calls(void)
{
    pthread_t threads[THREADS];
    float results[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, first_call, &results[i]) != 0) {
            return 98;
        }
    }
    int differ = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        differ += bits_of(results[i]) != bits_of(entropy_of_row());
    }
    return differ;
}

/* Children of a process that has not called the library yet: main runs this before all else. */
static int first_calls_differ(void)
{
    int differ = 0;
    for (size_t i = 0; i < divided(50) && differ == 0; i++) {
        differ = in_child(first_calls);
    }
    return differ;
}

/* ---- A fork while the first call that wants threads starts them. ---- */

static pthread_t caller;

static void *call_with_many(void *unused)
{
    all_are_right(64);
    return unused;
}

/* What a fork calls first. Not with a sanitizer: what those lock while a thread starts stays locked
 * in a child. */
static void start_call(void)
{
    if (pthread_create(&caller, NULL, call_with_many, NULL) == 0) {
        usleep(500); /* not all of the 64 have been started by then */
    }
}

static int nothing(void)
{
    return 0;
}

static int fork_in_first_call(void)
{
    pthread_atfork(start_call, NULL, NULL);
    const int status = in_child(nothing);
    pthread_join(caller, NULL);
    return status;
}

/* ---- Calls while others set what they can set. ---- */

static void *call(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    while (!atomic_load(&stop)) {
        compute();
        compute_all();
    }
    return NULL;
}

static void *set(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; !atomic_load(&stop); i++) {
        const char *const isas[] = {"scalar", "avx2", "avx512", "neon", NULL};
        entropy_set_isa(isas[i % 5]);
        entropy_set_num_threads((int)(i % 3));
        atomic_fetch_add(&wrong, entropy_isa() == NULL || entropy_get_num_threads() < 0);
    }
    return NULL;
}

/* All of them run on return: a child that was forked earlier could be left with the locks of a
 * sanitizer. */
static void start(pthread_t threads[4])
{
    atomic_store(&wrong, 0);
    atomic_store(&stop, 0);
    pthread_barrier_init(&barrier, NULL, 5);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? set : call, NULL), 0);
    }
    pthread_barrier_wait(&barrier);
}

static void end(pthread_t threads[4])
{
    atomic_store(&stop, 1);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    entropy_set_isa(NULL);
    entropy_set_num_threads(0);
    assert_int_equal(atomic_load(&wrong), 0);
}

static void test_settings_during_calls(void **state)
{
    (void)state;
    pthread_t threads[4];
    start(threads);
    for (size_t i = 0; i < divided(2000); i++) {
        compute();
    }
    for (size_t i = 0; i < divided(200); i++) {
        compute_all();
    }
    end(threads);
}

/* ---- Forks while others call. ---- */

/* ThreadSanitizer does not follow threads that are started in the child of a process with threads. */
#ifdef __SANITIZE_THREAD__
#define MAY_START_THREADS false
#else
#define MAY_START_THREADS true
#endif

static int child_computes(void)
{
    const bool right = row_is_right() && (!MAY_START_THREADS || all_are_right(3)) &&
                       entropy_set_isa("scalar") == ENTROPY_OK && row_is_right();
    return right ? 0 : 1;
}

static void test_fork(void **state)
{
    (void)state;
    pthread_t threads[4];
    start(threads);
    for (size_t i = 0; i < divided(50); i++) {
        assert_int_equal(in_child(child_computes), 0);
    }
    end(threads);
}

/* ---- Signals that interrupt calls. ---- */

static atomic_int handled;

static void handler(int signal)
{
    (void)signal;
    compute();
    atomic_fetch_add(&handled, 1);
}

static void test_signals(void **state)
{
    (void)state;
    atomic_store(&wrong, 0);
    struct sigaction action = {.sa_handler = handler}, before;
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    /* one at a time: where a call takes longer than that, nothing but handlers would run */
    const struct itimerval soon = {{0, 0}, {0, 100}}, never = {{0, 0}, {0, 0}};
    for (int i = 0; i < (int)divided(1000); i++) {
        assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
        while (atomic_load(&handled) == i) {
            if (i % 10 == 0) {
                compute_all();
            } else {
                compute();
            }
        }
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    rng r = {11};
    fill_row(ORDINARY, rows, ROWS * VOCAB, &r);
    const int differ = first_calls_differ();
    if (differ != 0) {
        printf("first calls from %d threads at once: status %d\n", THREADS, differ);
        return 1;
    }
    const int forked = SANITIZED ? 0 : in_child(fork_in_first_call);
    if (forked != 0) {
        printf("a fork during the first call: status %d\n", forked);
        return 1;
    }
    begin("test_threads");
    entropy_set_num_threads(1);
    entropy_f32(rows, 1, ROWS, VOCAB, expected);
    entropy_set_num_threads(0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_during_calls),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
