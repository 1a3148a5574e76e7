#include "targets.h"

#include <inttypes.h>
#include <string.h>

bool targets_open(targets *t, const char *path, uint64_t rows, size_t vocab)
{
    static const char *const integers[] = {"<i8", "<i4", NULL};
    *t = (targets){.vocab = vocab};
    npy *f = &t->file;
    if (!npy_open(f, path, integers, "targets are int64 or int32")) {
        return false;
    }
    if (f->count != rows) {
        npy_fail(f, "holds %" PRIu64 " targets for %" PRIu64 " rows", f->count, rows);
        npy_close(f);
        return false;
    }
    return true;
}

bool targets_next(targets *t, int64_t *values, size_t n)
{
    const uint64_t first = t->file.taken;
    if (!npy_read(&t->file, values, n)) {
        return false;
    }
    if (t->file.size == sizeof(int32_t)) {
        for (size_t i = n; i-- > 0;) { /* the last first: they are widened in their own room */
            int32_t narrow;
            memcpy(&narrow, (const char *)values + i * sizeof narrow, sizeof narrow);
            values[i] = narrow;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (values[i] >= 0 && (uint64_t)values[i] >= t->vocab) {
            return npy_fail(&t->file,
                            "target %" PRId64 " of row %" PRIu64 ": the vocabulary has %zu tokens",
                            values[i], first + i, t->vocab);
        }
    }
    return true;
}
