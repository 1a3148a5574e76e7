/* Which tokens take part, from a .npy file, as the bitmask of entropy_args. */
#ifndef ENT_MASK_H
#define ENT_MASK_H

#include "logits.h"

typedef struct mask {
    npy file;
    bool shared;     /* one mask for all rows */
    uint32_t *words; /* what was asked for last */
    size_t capacity;
} mask;

/* bool or uint8, nonzero: takes part; of shape [vocab] or of that of the logits. False as
 * npy_open. */
bool mask_open(mask *m, const char *path, const logits *z);

/* Which of the next n tokens of each of the next rows take part, each row from a new word on; or
 * with one row, which of the next n tokens of it. A shared mask has one row. NULL where something
 * went wrong. */
const uint32_t *mask_next(mask *m, size_t rows, size_t n);

void mask_close(mask *m);

#endif
