/* A file that is there once it is complete, and not before. */
#ifndef ENT_OUTPUT_H
#define ENT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

typedef struct output {
    const char *path;
    char *temporary; /* the name it has until then: in the same directory */
    FILE *file;
} output;

/* False, with nothing left to close, where it cannot be written; errno tells. What is there already
 * must be a regular file. */
bool output_open(output *o, const char *path);

/* Ends the file: in its place, if `complete` and all could be written; else it is removed. Whether
 * it is in its place; errno tells why not. */
bool output_close(output *o, bool complete);

#endif
