#include "entropy.h"

#include <stdbool.h>

#include "rows.h"

/* a * b * c elements of the given size fit into memory; none is 0. */
static bool fits(size_t a, size_t b, size_t c, size_t size)
{
    return b <= PTRDIFF_MAX / a && c <= PTRDIFF_MAX / (a * b) && size <= PTRDIFF_MAX / (a * b * c);
}

int entropy_f32(const float *logits, size_t batch, size_t seq, size_t vocab, float *out)
{
    if (batch == 0 || seq == 0) {
        return ENTROPY_OK;
    }
    if (vocab == 0 || !fits(batch, seq, vocab, sizeof *logits)) {
        return ENTROPY_ERR_SHAPE;
    }
    if (logits == NULL || out == NULL) {
        return ENTROPY_ERR_NULL;
    }
    ent_rows_f32(logits, batch * seq, vocab, 1, out);
    return ENTROPY_OK;
}

const char *entropy_strerror(int status)
{
    switch (status) {
    case ENTROPY_OK: return "success";
    case ENTROPY_ERR_NULL: return "a pointer that is needed is NULL";
    case ENTROPY_ERR_SHAPE:
        return "the shape is not valid: an empty vocabulary, or more elements than memory can hold";
    case ENTROPY_ERR_VALUE: return "an argument is outside its domain";
    case ENTROPY_ERR_ISA:
        return "the instruction set does not exist, or this machine or build lacks it";
    case ENTROPY_ERR_NOMEM: return "out of memory";
    default: return "unknown status";
    }
}

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

const char *entropy_version(void)
{
    return STRING(ENTROPY_VERSION_MAJOR) "." STRING(ENTROPY_VERSION_MINOR) "." STRING(
        ENTROPY_VERSION_PATCH);
}
