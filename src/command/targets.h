/* The token that followed each row, from a .npy file. */
#ifndef ENT_TARGETS_H
#define ENT_TARGETS_H

#include "npy.h"

typedef struct targets {
    npy file;
    size_t vocab;
} targets;

/* int64 or int32, as many as there are rows. False as npy_open. */
bool targets_open(targets *t, const char *path, uint64_t rows, size_t vocab);

/* The next n targets, each below vocab; negative where a row has none. */
bool targets_next(targets *t, int64_t *values, size_t n);

#endif
