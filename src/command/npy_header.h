#ifndef ENT_NPY_HEADER_H
#define ENT_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#define NPY_MAX_RANK 64 /* NumPy's own */

typedef struct npy_header {
    char dtype[32];
    bool fortran;
    int rank;
    size_t shape[NPY_MAX_RANK];
} npy_header;

/* Parses the Python dictionary of a .npy header. NULL, or what is wrong with it. */
const char *npy_parse_header(npy_header *header, const char *text, size_t n);

#endif
