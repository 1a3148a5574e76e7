/* What a row is to the operations: 16 floats from a multiple of 16 on, whatever its dtype, with
 * -inf for what is masked and behind the end. `dtype` and `masked` are constants to the compiler.
 */
#ifndef ENT_OP_LOAD_H
#define ENT_OP_LOAD_H

#include <math.h>

#include "kernels.h"

#define LANES 16

typedef struct source {
    ent_row row;
    enum ent_dtype dtype;
    bool masked;
} source;

INLINE const char *address(const source *s, size_t i)
{
    return (const char *)s->row.logits + i * ent_size_of(s->dtype);
}

/* Hints that what lies behind p will be read soon. Each line comes to the second cache first and
 * then to the first. One line of a page is asked for well before the others: all of them would wait
 * for the page's address. */
INLINE void prefetch_line(const char *p)
{
    if (VEC_PREFETCHES) {
        __builtin_prefetch(p + 2048);
        __builtin_prefetch(p + 8192, 0, 2);
    }
}

INLINE void prefetch_page(const char *p)
{
    if (VEC_PREFETCHES) {
        __builtin_prefetch(p + 16384);
    }
}

INLINE vf32 load_f32(const float *z, size_t n)
{
    return n < LANES ? v_load_n(z, n, -INFINITY) : v_load(z);
}

INLINE vf32 load_16_bits(const uint16_t *z, size_t n, enum ent_dtype dtype)
{
    uint16_t part[LANES];
    if (n < LANES) {
        for (size_t k = 0; k < LANES; k++) {
            part[k] = k < n ? z[k] : dtype == ENT_F16 ? 0xfc00 : 0xff80;
        }
        z = part;
    }
    return dtype == ENT_F16 ? v_load_f16(z) : v_load_bf16(z);
}

/* Logits i .. i + 16, of which n are there. */
INLINE vf32 load(const source *s, size_t i, size_t n)
{
    const vf32 z = s->dtype == ENT_F32
                       ? load_f32((const float *)s->row.logits + i, n)
                       : load_16_bits((const uint16_t *)s->row.logits + i, n, s->dtype);
    return s->masked ? v_where(s->row.allowed[i / 32] >> (i & 16), z, v_set1(-INFINITY)) : z;
}

#endif
