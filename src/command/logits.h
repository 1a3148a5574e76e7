/* Logits from a .npy file, row by row. */
#ifndef ENT_LOGITS_H
#define ENT_LOGITS_H

#include "npy.h"

typedef struct logits {
    npy file;
    int dtype;                /* ENTROPY_F32, ENTROPY_F16 or ENTROPY_BF16 */
    int rank;                 /* how many axes there are */
    size_t batch, seq, vocab; /* those that are missing are 1 */
    uint64_t rows;
    uint64_t row; /* the current one: the first of which something is still to come */
    size_t whole; /* how many logits of it have been handed out */
} logits;

/* float32 and float16, or with `bf16` the bits of bfloat16 alone. False as npy_open. */
bool logits_open(logits *z, const char *path, bool bf16);

/* The next logits: whole rows, or where a row is larger than the window a piece of one, a multiple
 * of 1024 logits unless it ends the row. They stay valid until the next call. Sets *data and
 * returns how many; 0 at the end of the array, and where something went wrong, which
 * npy_failed(&z->file) tells apart. */
size_t logits_next(logits *z, const void **data);

#endif
