/* A progress bar on standard error, if that is a terminal and the work takes more than a second. */
#ifndef ENT_PROGRESS_H
#define ENT_PROGRESS_H

#include <stdbool.h>

typedef struct progress {
    bool shown;
    double start, last; /* seconds */
} progress;

void progress_start(progress *p);
void progress_show(progress *p, const char *name, double share);
void progress_clear(progress *p);

#endif
