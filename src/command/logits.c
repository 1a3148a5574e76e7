#include "logits.h"

#include "entropy.h"

_Static_assert(NPY_WINDOW / sizeof(float) % 1024 == 0, "as entropy_state_merge wants its pieces");

bool logits_open(logits *z, const char *path, bool bf16)
{
    static const char *const floats[] = {"<f4", "<f2", NULL}, *const bits[] = {"<u2", "<V2", "|V2",
                                                                               NULL};
    *z = (logits){.batch = 1, .seq = 1};
    npy *f = &z->file;
    if (!npy_open(f, path, bf16 ? bits : floats,
                  bf16 ? "with --bf16 only bfloat16 is read, as ml_dtypes or as uint16"
                       : "float32 and float16 are read, and with --bf16 bfloat16")) {
        return false;
    }
    z->dtype = bf16 ? ENTROPY_BF16 : f->size == sizeof(float) ? ENTROPY_F32 : ENTROPY_F16;
    z->rank = f->header.rank;
    if (z->rank < 1 || z->rank > 3) {
        npy_fail(f, z->rank < 1 ? "a single number, not an array of logits"
                                : "more than 3 dimensions; [vocab], [seq, vocab] and [batch, seq, "
                                  "vocab] are read");
        npy_close(f);
        return false;
    }
    const size_t *last = f->header.shape + z->rank - 1;
    z->vocab = last[0];
    z->seq = z->rank > 1 ? last[-1] : 1;
    z->batch = z->rank > 2 ? last[-2] : 1;
    z->rows = (uint64_t)z->batch * z->seq;
    return true;
}

/* The logits to hand out next: as many whole rows as the window holds, or a piece of one. */
static size_t next_count(const logits *z)
{
    const size_t room = NPY_WINDOW / z->file.size, left = z->vocab - z->whole;
    if (z->vocab > room) {
        return left < room ? left : room;
    }
    const uint64_t rows = z->rows - z->row, fit = room / z->vocab;
    return (size_t)(rows < fit ? rows : fit) * z->vocab;
}

size_t logits_next(logits *z, const void **data)
{
    if (z->row == z->rows) {
        npy_end(&z->file);
        return 0;
    }
    const size_t n = next_count(z);
    *data = npy_next(&z->file, n);
    if (*data == NULL) {
        return 0;
    }
    z->whole += n;
    z->row += z->whole / z->vocab;
    z->whole %= z->vocab;
    return n;
}
