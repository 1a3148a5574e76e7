/* IEEE binary16 and bfloat16, one number at a time, by integer arithmetic: what the conversions of
 * every instruction set are compared with. */
#ifndef ENT_HALF_H
#define ENT_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t ent_bits_of(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline float ent_float_of(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static inline float ent_from_bf16(uint16_t h)
{
    return ent_float_of((uint32_t)h << 16);
}

static inline float ent_from_f16(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, size = h & 0x7fff;
    if (size >= 0x7c00) { /* infinity; NaN, quiet */
        return ent_float_of(sign | 0x7f800000 | (size & 0x3ff) << 13 |
                            (uint32_t)(size > 0x7c00) << 22);
    }
    if (size >= 0x400) {
        return ent_float_of(sign | ((size << 13) + ((127 - 15) << 23)));
    }
    return ent_float_of(sign | ent_bits_of((float)size * 0x1p-24f));
}

/* Both round to nearest, ties to even; NaN stays NaN, and becomes quiet. */
static inline uint16_t ent_to_bf16(float x)
{
    const uint32_t b = ent_bits_of(x);
    if ((b & 0x7fffffff) > 0x7f800000) {
        return (uint16_t)(b >> 16 | 0x40);
    }
    return (uint16_t)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}

static inline uint16_t ent_to_f16(float x)
{
    const uint32_t b = ent_bits_of(x), sign = b >> 16 & 0x8000, size = b & 0x7fffffff;
    if (size > 0x7f800000) {
        return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
    }
    if (size >= 0x477ff000) { /* 65520, halfway to what would come after the largest */
        return (uint16_t)(sign | 0x7c00);
    }
    if (size >= 0x38800000) { /* 2^-14: a normal number */
        return (uint16_t)(sign | (size - ((127 - 15) << 23) + 0xfff + (size >> 13 & 1)) >> 13);
    }
    if (size < 0x33000000) { /* 2^-25, half of the smallest */
        return (uint16_t)sign;
    }
    const uint32_t shift = 126 - (size >> 23), m = (size & 0x7fffff) | 0x800000;
    const uint32_t rest = m & ((UINT32_C(1) << shift) - 1), half = UINT32_C(1) << (shift - 1);
    const uint32_t h = m >> shift;
    return (uint16_t)(sign | (h + (rest > half || (rest == half && (h & 1)))));
}

#endif
