/* AVX-512 F, DQ, BW and VL: Skylake-X (2017), Zen 4 (2022) and later. */
#include "kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif
#include "vec_avx512.h"

#define ISA avx512
#include "isa_table.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
