/* The physical limit: reading every float of a buffer once, with nothing done to it but a sum that
 * keeps the compiler honest. */
#ifndef PLAIN_READ_H
#define PLAIN_READ_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The fastest loop for reading depends on the machine and on where the data lies; all of them are
 * timed. NULL where the machine lacks the instructions. */
typedef float plain_read(const float *x, size_t n);

typedef struct plain_reader {
    const char *name;
    plain_read *read;
} plain_reader;

/* The ith that this machine can run; read is NULL behind the last. */
plain_reader plain_reader_of(size_t i);

#ifdef __cplusplus
}
#endif

#endif
