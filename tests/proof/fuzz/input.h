/* What the fuzzer came up with, taken from the front. Behind its end everything is 0, which asks for
 * the most ordinary thing each time. */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct input {
    const uint8_t *at, *end;
} input;

static inline size_t input_left(const input *in)
{
    return (size_t)(in->end - in->at);
}

static inline void take_bytes(input *in, void *to, size_t n)
{
    const size_t there = input_left(in) < n ? input_left(in) : n;
    memset(to, 0, n);
    if (there > 0) {
        memcpy(to, in->at, there);
        in->at += there;
    }
}

static inline uint8_t take8(input *in)
{
    uint8_t x;
    take_bytes(in, &x, sizeof x);
    return x;
}

static inline uint16_t take16(input *in)
{
    uint16_t x;
    take_bytes(in, &x, sizeof x);
    return x;
}

static inline uint32_t take32(input *in)
{
    uint32_t x;
    take_bytes(in, &x, sizeof x);
    return x;
}

static inline uint64_t take64(input *in)
{
    uint64_t x;
    take_bytes(in, &x, sizeof x);
    return x;
}

static inline float take_float(input *in)
{
    float x;
    take_bytes(in, &x, sizeof x);
    return x;
}

/* 0 .. n - 1, n <= 256 */
static inline unsigned take_below(input *in, unsigned n)
{
    return take8(in) % n;
}

/* A finding: its values, and the end. */
#define expect(condition, ...)                               \
    do {                                                     \
        if (!(condition)) {                                  \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);  \
            fprintf(stderr, __VA_ARGS__);                    \
            fprintf(stderr, "; expected: %s\n", #condition); \
            abort();                                         \
        }                                                    \
    } while (0)

#endif
