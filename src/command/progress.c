#define _POSIX_C_SOURCE 200809L /* clock_gettime, isatty */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "escape.h"

#define COLUMNS 30

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_start(progress *p)
{
    *p = (progress){.start = now()};
}

void progress_show(progress *p, const char *name, double share)
{
    const double t = now();
    if (t - p->start < 1 || t - p->last < 0.1 || !isatty(STDERR_FILENO)) {
        return;
    }
    fputs("\r\033[K", stderr);
    print_name(stderr, name);
    fputs(" [", stderr);
    for (int i = 0; i < COLUMNS; i++) {
        fputc(i < share * COLUMNS ? '#' : '.', stderr);
    }
    fprintf(stderr, "] %3.0f%%", 100 * share);
    p->last = t;
    p->shown = true;
}

void progress_clear(progress *p)
{
    if (p->shown) {
        fputs("\r\033[K", stderr);
        p->shown = false;
    }
}
