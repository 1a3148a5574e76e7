/* As kernels/isa_avx2.c. */
#include "../../kernels/kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif
#include "../../kernels/vec_avx2.h"

#define ISA avx2
#include "body.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
