#include "plain_read.h"

#define AHEAD 512 /* floats: 2 KB */

/* gcc's and clang's vectors: `lanes` floats wide, eight accumulators. */
#define READER(name, lanes, target, prefetch)                                                   \
    typedef float name##_vector __attribute__((vector_size(4 * lanes), aligned(4), may_alias)); \
    target static float name(const float *x, size_t n)                                          \
    {                                                                                           \
        name##_vector sum[8] = {{0}};                                                           \
        size_t i = 0;                                                                           \
        for (; i + 8 * lanes <= n; i += 8 * lanes) {                                            \
            for (size_t k = 0; k < 8 * lanes; k += 16) {                                        \
                prefetch(x + i + k + AHEAD);                                                    \
            }                                                                                   \
            for (size_t k = 0; k < 8; k++) {                                                    \
                sum[k] += *(const name##_vector *)(x + i + k * lanes);                          \
            }                                                                                   \
        }                                                                                       \
        float total = 0;                                                                        \
        for (size_t k = 0; k < 8; k++) {                                                        \
            for (size_t j = 0; j < lanes; j++) {                                                \
                total += sum[k][j];                                                             \
            }                                                                                   \
        }                                                                                       \
        for (; i < n; i++) {                                                                    \
            total += x[i];                                                                      \
        }                                                                                       \
        return total;                                                                           \
    }
#define NO_PREFETCH(p) ((void)(p))
#define PREFETCH_L1(p) __builtin_prefetch(p)
#define PREFETCH_L2(p) __builtin_prefetch(p, 0, 2)

#ifdef __x86_64__
#define AVX __attribute__((target("avx")))
#define AVX512 __attribute__((target("avx512f,prefer-vector-width=512")))
READER(read_256, 8, AVX, NO_PREFETCH)
READER(read_256_l1, 8, AVX, PREFETCH_L1)
READER(read_256_l2, 8, AVX, PREFETCH_L2)
READER(read_512, 16, AVX512, NO_PREFETCH)
READER(read_512_l1, 16, AVX512, PREFETCH_L1)
READER(read_512_l2, 16, AVX512, PREFETCH_L2)
#else
READER(read_128, 4, , NO_PREFETCH)
READER(read_128_l1, 4, , PREFETCH_L1)
#endif

plain_reader plain_reader_of(size_t i)
{
    static const plain_reader all[] = {
#ifdef __x86_64__
        {"256 bit", read_256},
        {"256 bit prefetch L1", read_256_l1},
        {"256 bit prefetch L2", read_256_l2},
        {"512 bit", read_512},
        {"512 bit prefetch L1", read_512_l1},
        {"512 bit prefetch L2", read_512_l2},
#else
        {"128 bit", read_128},
        {"128 bit prefetch L1", read_128_l1},
#endif
    };
    size_t count = sizeof all / sizeof *all;
#ifdef __x86_64__
    count = __builtin_cpu_supports("avx512f") ? 6 : __builtin_cpu_supports("avx") ? 3 : 0;
#endif
    return i < count ? all[i] : (plain_reader){NULL, NULL};
}
