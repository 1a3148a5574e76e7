/* AVX2, FMA and F16C: Haswell (2013), Zen (2017) and later. */
#include "kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif
#include "vec_avx2.h"

#define ISA avx2
#include "isa_table.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
