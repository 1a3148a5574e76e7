/* Reading an array from a .npy file (NumPy format 1.0 to 3.0: numpy.lib.format) in bounded memory,
 * whatever its size. */
#ifndef ENT_NPY_H
#define ENT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping.h"
#include "npy_header.h"

/* The most bytes of a file that are in memory at once. */
#define NPY_WINDOW ((size_t)16 << 20)

typedef struct npy {
    const char *name; /* for messages */
    int fd;
    bool mapped; /* npy_next maps; otherwise it reads into a buffer, as pipes need */
    npy_header header;
    size_t size;    /* of an element */
    uint64_t count; /* of elements */
    uint64_t taken; /* how many of them have been handed out */
    off_t data;     /* where they start */
    mapping mapping;
    void *buffer;
    char error[256]; /* what went wrong, where a function below says that something did */
} npy;

/* Opens the file and checks that it is an array in C order of one of these dtypes, which NULL ends;
 * `expected` says so in a message. "-" is standard input. False, with nothing left to close, where
 * it cannot be used. */
bool npy_open(npy *f, const char *path, const char *const *dtypes, const char *expected);

/* The next n elements, at most NPY_WINDOW bytes. They stay valid until the next call. NULL where
 * something went wrong. Of one file at a time: there is one mapping. */
const void *npy_next(npy *f, size_t n);

/* The next n elements, into a buffer. */
bool npy_read(npy *f, void *buffer, size_t n);

/* Back to the first element, for npy_read. */
bool npy_rewind(npy *f);

/* Once every element has been handed out: whether nothing follows, and nothing was lost. */
bool npy_end(npy *f);

/* Notes what went wrong. False. */
bool npy_fail(npy *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool npy_failed(const npy *f);

void npy_close(npy *f);

#endif
