#define _POSIX_C_SOURCE 200809L /* fseeko */
#include "spool.h"

#include <stdlib.h>
#include <string.h>

#define IN_MEMORY ((size_t)1 << 20)

bool spool_open(spool *s)
{
    *s = (spool){.buffer = malloc(IN_MEMORY * sizeof *s->buffer)};
    return s->buffer != NULL;
}

static bool store(spool *s)
{
    if (s->file == NULL && (s->file = tmpfile()) == NULL) {
        return false;
    }
    const bool ok = fseeko(s->file, (off_t)(s->stored * sizeof *s->buffer), SEEK_SET) == 0 &&
                    fwrite(s->buffer, sizeof *s->buffer, s->used, s->file) == s->used &&
                    fflush(s->file) == 0;
    s->stored += s->used;
    s->used = 0;
    return ok;
}

bool spool_add(spool *s, const float *values, size_t n)
{
    while (n > 0) {
        const size_t room = IN_MEMORY - s->used, take = n < room ? n : room;
        memcpy(s->buffer + s->used, values, take * sizeof *values);
        s->used += take;
        values += take;
        n -= take;
        if (s->used == IN_MEMORY && !store(s)) {
            return false;
        }
    }
    return true;
}

size_t spool_read(spool *s, uint64_t from, float *values, size_t n)
{
    const uint64_t left = spool_length(s) - from;
    n = left < n ? (size_t)left : n;
    if (from >= s->stored) {
        memcpy(values, s->buffer + (from - s->stored), n * sizeof *values);
        return n;
    }
    const uint64_t in_file = s->stored - from;
    n = in_file < n ? (size_t)in_file : n;
    if (fseeko(s->file, (off_t)(from * sizeof *values), SEEK_SET) != 0) {
        return 0;
    }
    return fread(values, sizeof *values, n, s->file);
}

uint64_t spool_length(const spool *s)
{
    return s->stored + s->used;
}

void spool_close(spool *s)
{
    free(s->buffer);
    if (s->file != NULL) {
        fclose(s->file);
    }
}
