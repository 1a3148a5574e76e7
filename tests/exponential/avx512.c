/* As kernels/isa_avx512.c. */
#include "../../kernels/kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma")
#endif
#include "../../kernels/vec_avx512.h"

#define ISA avx512
#include "body.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
