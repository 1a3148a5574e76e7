#define _GNU_SOURCE /* sched_getaffinity */
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "entropy.h"

static atomic_int chosen; /* 0: the default */

/* The environment's number, or 0 where there is none to be had. */
static int from_environment(void)
{
    const char *text = getenv("ENTROPY_NUM_THREADS");
    if (text == NULL) {
        return 0;
    }
    char *end;
    const long n = strtol(text, &end, 10);
    return end != text && *end == '\0' && n >= 1 && n <= INT_MAX ? (int)n : 0;
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
