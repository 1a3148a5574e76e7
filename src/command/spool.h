/* A long row of floats, written once and then read as often as wanted: in memory while short, then
 * in a temporary file. Results wait here until all input has been read, so that an error in its
 * last byte leaves no half-written output. */
#ifndef ENT_SPOOL_H
#define ENT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct spool {
    float *buffer;
    size_t used;     /* floats in the buffer */
    uint64_t stored; /* floats in the file before them */
    FILE *file;
} spool;

/* False where memory or disk space ran out; errno tells. */
bool spool_open(spool *s);
bool spool_add(spool *s, const float *values, size_t n);
/* Reads up to n values from the given one on; returns how many there were. */
size_t spool_read(spool *s, uint64_t from, float *values, size_t n);
uint64_t spool_length(const spool *s);
void spool_close(spool *s);

#endif
