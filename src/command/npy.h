/* Reading logits from a .npy file (NumPy format 1.0 to 3.0: numpy.lib.format) in bounded memory,
 * whatever its size. */
#ifndef ENT_NPY_H
#define ENT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping.h"

/* The most bytes of a file that are in memory at once. */
#define NPY_WINDOW ((size_t)16 << 20)

typedef struct npy {
    const char *name; /* for messages */
    int fd;
    bool mapped;              /* a regular file is mapped, anything else is read into a buffer */
    size_t batch, seq, vocab; /* axes that are missing are 1 */
    int rank;                 /* how many are there */
    uint64_t rows;
    off_t at;     /* of the next byte of data */
    size_t whole; /* logits of the current row that have been handed out */
    uint64_t row; /* the current row */
    mapping mapping;
    void *buffer;
    char error[256]; /* what went wrong, where a function below says that something did */
} npy;

/* Opens and checks the file; "-" is standard input. False, with nothing left to close, where it
 * cannot be used. */
bool npy_open(npy *f, const char *path);

/* The next logits: whole rows, or where a row is larger than the window a piece of one, a multiple
 * of ENT_BLOCK logits unless it ends the row. They stay valid until the next call. Sets *logits and
 * returns how many; 0 at the end of the array, and where something went wrong, which npy_failed
 * tells apart. */
size_t npy_next(npy *f, const float **logits);
bool npy_failed(const npy *f);

void npy_close(npy *f);

#endif
