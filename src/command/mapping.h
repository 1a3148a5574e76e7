/* A window on a file, mapped, that survives the file's shrinking. One at a time. */
#ifndef ENT_MAPPING_H
#define ENT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct mapping {
    void *start; /* NULL where there is none */
    size_t size;
} mapping;

/* Moves the window to [at, at + bytes) of the file. NULL where that fails; errno tells. */
const void *mapping_move(mapping *m, int fd, off_t at, size_t bytes);

/* Whether a page of a window was missing when it was touched, since this was last asked. */
bool mapping_was_torn(void);

void mapping_end(mapping *m);

#endif
