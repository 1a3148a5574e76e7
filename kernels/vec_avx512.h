/* The logical vector of 16 floats as one zmm register: AVX-512 F and DQ. README.md lists what each
 * operation does. */
#ifndef ENT_VEC_AVX512_H
#define ENT_VEC_AVX512_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define VEC_UNROLL 4
#define VEC_POW2_SATURATES true
#define VEC_PREFETCHES true
#define VEC_VARIANT INLINE

/* clang-format off */
typedef __m512 vf32;
typedef struct { __m512d a, b; } vf64;
typedef __mmask16 vmask;
typedef int vcount;
typedef __m512i vsign;

INLINE vf32 v_set1(float x) { return _mm512_set1_ps(x); }
INLINE vf32 v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE vf32 v_load_n(const float *p, size_t n, float fill)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << n) - 1), p);
}
INLINE vf32 v_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
INLINE vf32 v_load_bf16(const uint16_t *p)
{
    const __m512i h = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(h, 16));
}
INLINE void v_store(float *p, vf32 x) { _mm512_storeu_ps(p, x); }
INLINE void v_stream(float *p, vf32 x) { _mm512_stream_ps(p, x); }
INLINE void v_stream_end(void) { _mm_sfence(); }
INLINE void v_store_f16(uint16_t *p, vf32 x)
{
    const __m256i h = _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
    const __mmask16 number = _mm256_cmpneq_epi16_mask(h, _mm256_set1_epi16(INT16_MIN)); /* not -0 */
    _mm256_storeu_si256((__m256i *)p, _mm256_maskz_mov_epi16(number, h));
}
INLINE void v_store_bf16(uint16_t *p, vf32 x)
{
    const __m512i b = _mm512_castps_si512(x), high = _mm512_srli_epi32(b, 16);
    const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i near = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __m512i h = _mm512_mask_or_epi32(_mm512_srli_epi32(near, 16),
                                           _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), high,
                                           _mm512_set1_epi32(0x40));
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(h));
}
INLINE vf32 v_where(uint32_t bits, vf32 x, vf32 y)
{
    return _mm512_mask_mov_ps(y, (__mmask16)bits, x);
}
INLINE vf32 v_add(vf32 x, vf32 y) { return _mm512_add_ps(x, y); }
INLINE vf32 v_sub(vf32 x, vf32 y) { return _mm512_sub_ps(x, y); }
INLINE vf32 v_mul(vf32 x, vf32 y) { return _mm512_mul_ps(x, y); }
INLINE vf32 v_max(vf32 x, vf32 y) { return _mm512_max_ps(x, y); }
INLINE vf32 v_fma(vf32 x, vf32 y, vf32 z) { return _mm512_fmadd_ps(x, y, z); }
INLINE vf32 v_fnma(vf32 x, vf32 y, vf32 z) { return _mm512_fnmadd_ps(x, y, z); }
INLINE vf32 v_pow2(vf32 p, vf32 z, vf32 n)
{
    (void)z;
    return _mm512_scalef_ps(p, n);
}

INLINE vmask v_unequal(vf32 x, vf32 y) { return _mm512_cmp_ps_mask(x, y, _CMP_NEQ_UQ); }
INLINE vmask v_above(vf32 x, vf32 y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }
INLINE bool m_all(vmask m) { return m == 0xffff; }
INLINE vf32 v_keep(vmask m, vf32 x) { return _mm512_maskz_mov_ps(m, x); }
INLINE vf32 v_add_where(vmask m, vf32 x, vf32 y) { return _mm512_mask_add_ps(x, m, x, y); }

INLINE vcount n_none(void) { return 0; }
INLINE vcount n_add(vcount n, vmask m) { return n + __builtin_popcount(m); }
INLINE int n_sum(vcount n) { return n; }

INLINE vsign s_all(void) { return _mm512_set1_epi32(-1); }
INLINE vsign and3(vsign s, vf32 x, vf32 y)
{
    return _mm512_ternarylogic_epi32(s, _mm512_castps_si512(x), _mm512_castps_si512(y), 0x80);
}
INLINE vsign s_and(vsign s, const vf32 *x, int count)
{
    for (int j = 0; j < count; j += 2) s = and3(s, x[j], x[j + 1 < count ? j + 1 : j]);
    return s;
}
INLINE bool s_still_all(vsign s) { return _mm512_movepi32_mask(s) == 0xffff; }

INLINE float v_hmax(vf32 x)
{
    const __m256 m8 = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    const __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
}

/* From memory, where the vector is: cutting a register in two takes longer. */
INLINE vf64 d_of(const vf32 *x)
{
    const float *p = (const float *)x;
    return (vf64){_mm512_cvtps_pd(_mm256_load_ps(p)), _mm512_cvtps_pd(_mm256_load_ps(p + 8))};
}
INLINE vf64 d_add(vf64 s, const vf32 *x)
{
    const vf64 y = d_of(x);
    return (vf64){_mm512_add_pd(s.a, y.a), _mm512_add_pd(s.b, y.b)};
}
INLINE double d_hsum(vf64 s)
{
    const __m512d s8 = _mm512_add_pd(s.a, s.b);
    const __m256d s4 = _mm256_add_pd(_mm512_castpd512_pd256(s8), _mm512_extractf64x4_pd(s8, 1));
    const __m128d s2 = _mm_add_pd(_mm256_castpd256_pd128(s4), _mm256_extractf128_pd(s4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s2, _mm_unpackhi_pd(s2, s2)));
}

#ifdef ENTROPY_WITH_SLEEF
/* sleef.h has it only for code that is compiled with -mavx512f */
__m512d Sleef_cinz_log1pd8_u10avx512fnofma(__m512d);
#define D_LOG1P_WIDTH 8
INLINE void d_log1p(double *x) { _mm512_storeu_pd(x, Sleef_cinz_log1pd8_u10avx512fnofma(_mm512_loadu_pd(x))); }
#endif

/* clang-format on */

#endif
