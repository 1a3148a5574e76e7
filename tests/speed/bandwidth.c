/* A smoke test: entropy_f32 reads rows from memory at a good part of the speed of a loop that does
 * nothing but read them. Both run by turns on one CPU, and medians are compared, so that what else
 * the machine does slows both.
 *
 * The floors are half of the least that was seen on a Zen 4 whose two cores were shared with three
 * times as many busy programs: 0.36 with AVX2, 0.46 with AVX-512 (other programs take arithmetic
 * away, which a plain read hardly needs; idle machines reach 0.6 to 1). That is enough for what a
 * smoke test has to find, a kernel that is not chosen: the scalar one reaches 0.01. The instructions
 * that instructions.sh counts tell the rest.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_setaffinity */
#endif
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../../bench/plain_read.h"
#include "../suite.h"
#include "../rows.h"
#include "entropy.h"

enum { VOCAB = 151936, ROWS = 880, ROUNDS = 11, TRIES = 3, MOST_READERS = 8 }; /* 535 MB */

static float *logits, H[ROWS];
static volatile float sum;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

/* The share of the fastest plain read; NaN where a result is none. */
static double share(size_t readers)
{
    double read[MOST_READERS][ROUNDS], entropy[ROUNDS], fastest = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < readers; i++) {
            const double start = now();
            sum = plain_reader_of(i).read(logits, (size_t)ROWS * VOCAB);
            read[i][round] = now() - start;
        }
        memset(H, 0, sizeof H);
        const double start = now();
        const int status = entropy_f32(logits, 1, ROWS, VOCAB, H);
        entropy[round] = now() - start;
        if (status != ENTROPY_OK || !(H[0] > 0) || !(H[ROWS - 1] > 0)) {
            return (double)NAN;
        }
    }
    for (size_t i = 0; i < readers; i++) {
        const double time = median(read[i]);
        fastest = i == 0 || time < fastest ? time : fastest;
    }
    return fastest / median(entropy);
}

static void make_logits(void)
{
    const size_t row = VOCAB * sizeof(float), bytes = (size_t)ROWS * row;
    logits = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (logits == MAP_FAILED) {
        perror("bandwidth");
        exit(1);
    }
    madvise(logits, bytes, MADV_HUGEPAGE);
    fill_row(ORDINARY, logits, VOCAB, &(rng){1});
    for (size_t i = 1; i < ROWS; i++) memcpy(logits + i * VOCAB, logits, row);
}

int main(void)
{
    const char *isa = entropy_isa();
    const double floor = strcmp(isa, "avx512") == 0 ? 0.23 : strcmp(isa, "avx2") == 0 ? 0.18 : 0;
    size_t readers = 0;
    cpu_set_t cpu;
    begin("bandwidth");
    remove("ran.txt");
    if (floor == 0) {
        printf("skipped: the arithmetic of %s takes longer than the memory\n", isa);
        return SKIPPED;
    }
    while (readers < MOST_READERS && plain_reader_of(readers).read != NULL) readers++;
    CPU_ZERO(&cpu);
    CPU_SET((size_t)sched_getcpu(), &cpu);
    sched_setaffinity(0, sizeof cpu, &cpu);
    entropy_set_num_threads(1);
    make_logits();
    for (int i = 0; i < TRIES; i++) {
        const double found = share(readers);
        printf("%s: %.2f of the speed of a plain read; the floor is %.2f\n", isa, found, floor);
        if (found >= floor) {
            FILE *ran = fopen("ran.txt", "w");
            return ran == NULL ||
                   fprintf(ran, "ran: bandwidth: %s reads memory at %.2f of a plain read\n", isa,
                           found) < 0 ||
                   fclose(ran) != 0;
        }
    }
    return 1;
}
