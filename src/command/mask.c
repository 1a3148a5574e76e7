#include "mask.h"

#include <stdlib.h>
#include <string.h>

bool mask_open(mask *m, const char *path, const logits *z)
{
    static const char *const bytes[] = {"|b1", "|u1", NULL};
    *m = (mask){.words = NULL};
    npy *f = &m->file;
    if (!npy_open(f, path, bytes, "a mask is bool or uint8")) {
        return false;
    }
    const npy_header *own = &f->header, *that = &z->file.header;
    m->shared = own->rank == 1 && own->shape[0] == z->vocab;
    if (!m->shared &&
        (own->rank != that->rank ||
         memcmp(own->shape, that->shape, (size_t)that->rank * sizeof *that->shape) != 0)) {
        npy_fail(f, "its shape is neither [%zu], the vocabulary, nor that of the logits", z->vocab);
        npy_close(f);
        return false;
    }
    return true;
}

static bool reserve(mask *m, size_t words)
{
    if (words > m->capacity) {
        free(m->words);
        m->words = malloc(words * sizeof *m->words);
        m->capacity = m->words != NULL ? words : 0;
    }
    return m->words != NULL || npy_fail(&m->file, "out of memory");
}

const uint32_t *mask_next(mask *m, size_t rows, size_t n)
{
    if (m->shared && m->file.taken == m->file.count) {
        if (n == m->file.count) {
            return m->words; /* it is still there */
        }
        if (!npy_rewind(&m->file)) {
            return NULL;
        }
    }
    rows = m->shared ? 1 : rows;
    const size_t words = (n + 31) / 32;
    if (!reserve(m, rows * words)) {
        return NULL;
    }
    memset(m->words, 0, rows * words * sizeof *m->words);
    uint32_t *row = m->words;
    size_t token = 0;
    for (size_t left = rows * n; left > 0;) {
        unsigned char bytes[1 << 14];
        const size_t k = left < sizeof bytes ? left : sizeof bytes;
        if (!npy_read(&m->file, bytes, k)) {
            return NULL;
        }
        for (size_t i = 0; i < k; i++) {
            row[token / 32] |= (uint32_t)(bytes[i] != 0) << token % 32;
            if (++token == n) {
                token = 0;
                row += words;
            }
        }
        left -= k;
    }
    return m->words;
}

void mask_close(mask *m)
{
    npy_close(&m->file);
    free(m->words);
    m->words = NULL;
}
