#define _GNU_SOURCE /* sched_getaffinity */
#include "threads.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "entropy.h"

static atomic_int chosen; /* 0: the default */

/* The environment's number, or 0 where there is none to be had. It is read once. */
static int from_environment(void)
{
    static atomic_int found = -1;
    int n = atomic_load_explicit(&found, memory_order_relaxed);
    if (n < 0) {
        const char *text = getenv("ENTROPY_NUM_THREADS");
        char *end = NULL;
        const long number = text != NULL ? strtol(text, &end, 10) : 0;
        const bool valid = end != text && *end == '\0' && number >= 1 && number <= INT_MAX;
        n = valid ? (int)number : 0;
        atomic_store_explicit(&found, n, memory_order_relaxed);
    }
    return n;
}

static int usable_cpus(void)
{
    cpu_set_t mask;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
        return CPU_COUNT(&mask);
    }
    const long n = sysconf(_SC_NPROCESSORS_ONLN); /* more CPUs than a cpu_set_t has room for */
    return n >= 1 && n <= INT_MAX ? (int)n : 1;
}

int entropy_get_num_threads(void)
{
    int n = atomic_load_explicit(&chosen, memory_order_relaxed);
    n = n != 0 ? n : from_environment();
    return n != 0 ? n : usable_cpus();
}

int entropy_set_num_threads(int n)
{
    if (n < 0) {
        return ENTROPY_ERR_VALUE;
    }
    atomic_store_explicit(&chosen, n, memory_order_relaxed);
    return ENTROPY_OK;
}

/* All in logits of a long row. */
enum {
    COST_OF_ROW = 256, /* besides its logits */
    COST_OF_TASK = 1 << 16,
    WORTH_WAKING = 4 * COST_OF_TASK, /* which takes some 20 microseconds */
    LONG_ROW = 1 << 22 /* divided by the threads that help: from there on they do more than waking
                          them twice, lost bets and adding up the blocks cost */
};

typedef struct share {
    ent_rows *rows_of;
    void *call;
    size_t rows, rows_in_task;
} share;

static void task_of_rows(void *context, size_t task)
{
    const share *s = context;
    const size_t first = task * s->rows_in_task, left = s->rows - first;
    s->rows_of(s->call, first, first + (left < s->rows_in_task ? left : s->rows_in_task), 1);
}

void ent_share_rows(ent_rows *rows_of, void *call, size_t rows, size_t vocab, int wanted)
{
    const size_t row = vocab < SIZE_MAX - COST_OF_ROW ? vocab + COST_OF_ROW : vocab;
    const bool worth_it = wanted != 1 && rows > (WORTH_WAKING - 1) / row;
    const int threads =
        worth_it ? ent_pool_enter(wanted != 0 ? wanted : entropy_get_num_threads()) : 1;
    if (threads == 1) {
        rows_of(call, 0, rows, 1);
        return;
    }
    const size_t rest = rows % (size_t)threads;
    const size_t one_by_one =
        vocab >= LONG_ROW / ((size_t)threads - 1) && 2 * rest <= (size_t)threads ? rest : 0;
    share s = {rows_of, call, rows - one_by_one, row < COST_OF_TASK ? COST_OF_TASK / row : 1};
    ent_run(task_of_rows, &s, (s.rows + s.rows_in_task - 1) / s.rows_in_task, threads);
    if (one_by_one > 0) {
        rows_of(call, s.rows, rows, threads);
    }
    ent_pool_leave(threads);
}
