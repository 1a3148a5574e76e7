/* The logical vector of 16 floats as two ymm registers: AVX2, FMA and F16C. README.md lists what
 * each operation does. */
#ifndef ENT_VEC_AVX2_H
#define ENT_VEC_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define VEC_UNROLL 1
#define VEC_POW2_SATURATES false
#define VEC_PREFETCHES true
#define VEC_VARIANT INLINE

/* clang-format off */
typedef struct { __m256 a, b; } vf32;
typedef struct { __m256d a, b, c, d; } vf64;
typedef struct { __m256 a, b; } vmask;
typedef __m256i vcount;
typedef __m256 vsign;

INLINE vf32 v_set1(float x) { return (vf32){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
INLINE vf32 v_load(const float *p) { return (vf32){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE vf32 v_load_n(const float *p, size_t n, float fill)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i ma = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
    const __m256i mb = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n - 8), lane);
    const __m256 f = _mm256_set1_ps(fill);
    return (vf32){_mm256_blendv_ps(f, _mm256_maskload_ps(p, ma), _mm256_castsi256_ps(ma)),
                  _mm256_blendv_ps(f, _mm256_maskload_ps(p + 8, mb), _mm256_castsi256_ps(mb))};
}
INLINE vf32 v_load_f16(const uint16_t *p)
{
    return (vf32){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                  _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
INLINE vf32 v_load_bf16(const uint16_t *p)
{
    const __m256i zero = _mm256_setzero_si256(), h = _mm256_loadu_si256((const __m256i *)p);
    const __m256i x = _mm256_permute4x64_epi64(h, _MM_SHUFFLE(3, 1, 2, 0));
    return (vf32){_mm256_castsi256_ps(_mm256_unpacklo_epi16(zero, x)),
                  _mm256_castsi256_ps(_mm256_unpackhi_epi16(zero, x))};
}
INLINE void v_store(float *p, vf32 x)
{
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
INLINE void v_stream(float *p, vf32 x)
{
    _mm256_stream_ps(p, x.a);
    _mm256_stream_ps(p + 8, x.b);
}
INLINE void v_stream_end(void) { _mm_sfence(); }
INLINE void store_half_f16(uint16_t *p, __m256 x)
{
    const __m128i h = _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
    const __m128i minus_0 = _mm_cmpeq_epi16(h, _mm_set1_epi16(INT16_MIN));
    _mm_storeu_si128((__m128i *)p, _mm_andnot_si128(minus_0, h));
}
INLINE void v_store_f16(uint16_t *p, vf32 x)
{
    store_half_f16(p, x.a);
    store_half_f16(p + 8, x.b);
}
INLINE __m256i narrow_bf16(__m256 x)
{
    const __m256i b = _mm256_castps_si256(x), high = _mm256_srli_epi32(b, 16);
    const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    const __m256i near = _mm256_add_epi32(b, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const __m256i nan = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    return _mm256_blendv_epi8(_mm256_srli_epi32(near, 16), nan,
                              _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)));
}
INLINE void v_store_bf16(uint16_t *p, vf32 x)
{
    const __m256i ab = _mm256_packus_epi32(narrow_bf16(x.a), narrow_bf16(x.b));
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(ab, _MM_SHUFFLE(3, 1, 2, 0)));
}
INLINE __m256 where_half(__m256i bits, __m256i lane, __m256 x, __m256 y)
{
    const __m256i set = _mm256_cmpeq_epi32(_mm256_and_si256(bits, lane), lane);
    return _mm256_blendv_ps(y, x, _mm256_castsi256_ps(set));
}
INLINE vf32 v_where(uint32_t bits, vf32 x, vf32 y)
{
    const __m256i all = _mm256_set1_epi32((int)bits);
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return (vf32){where_half(all, lane, x.a, y.a),
                  where_half(all, _mm256_slli_epi32(lane, 8), x.b, y.b)};
}
INLINE vf32 v_add(vf32 x, vf32 y)
{
    return (vf32){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
INLINE vf32 v_sub(vf32 x, vf32 y)
{
    return (vf32){_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
INLINE vf32 v_mul(vf32 x, vf32 y)
{
    return (vf32){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
INLINE vf32 v_max(vf32 x, vf32 y)
{
    return (vf32){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
INLINE vf32 v_fma(vf32 x, vf32 y, vf32 z)
{
    return (vf32){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
INLINE vf32 v_fnma(vf32 x, vf32 y, vf32 z)
{
    return (vf32){_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)};
}
INLINE __m256 pow2_half(__m256 p, __m256 z)
{
    const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(z), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), n));
}
INLINE vf32 v_pow2(vf32 p, vf32 z, vf32 n)
{
    (void)n;
    return (vf32){pow2_half(p.a, z.a), pow2_half(p.b, z.b)};
}

INLINE vmask v_unequal(vf32 x, vf32 y)
{
    return (vmask){_mm256_cmp_ps(x.a, y.a, _CMP_NEQ_UQ), _mm256_cmp_ps(x.b, y.b, _CMP_NEQ_UQ)};
}
INLINE vmask v_above(vf32 x, vf32 y)
{
    return (vmask){_mm256_cmp_ps(x.a, y.a, _CMP_GT_OQ), _mm256_cmp_ps(x.b, y.b, _CMP_GT_OQ)};
}
INLINE bool m_all(vmask m) { return _mm256_movemask_ps(_mm256_and_ps(m.a, m.b)) == 0xff; }
INLINE vf32 v_keep(vmask m, vf32 x)
{
    return (vf32){_mm256_and_ps(m.a, x.a), _mm256_and_ps(m.b, x.b)};
}
INLINE vf32 v_add_where(vmask m, vf32 x, vf32 y) { return v_add(x, v_keep(m, y)); }

/* a set lane is -1 */
INLINE vcount n_none(void) { return _mm256_setzero_si256(); }
INLINE vcount n_add(vcount n, vmask m)
{
    const __m256i both = _mm256_add_epi32(_mm256_castps_si256(m.a), _mm256_castps_si256(m.b));
    return _mm256_sub_epi32(n, both);
}
INLINE int n_sum(vcount n)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(n), _mm256_extracti128_si256(n, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(1, 0, 3, 2)));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(s);
}

INLINE vsign s_all(void) { return _mm256_castsi256_ps(_mm256_set1_epi32(-1)); }
INLINE vsign s_and(vsign s, const vf32 *x, int count)
{
    for (int j = 0; j < count; j++) s = _mm256_and_ps(s, _mm256_and_ps(x[j].a, x[j].b));
    return s;
}
INLINE bool s_still_all(vsign s) { return _mm256_movemask_ps(s) == 0xff; }

INLINE float v_hmax(vf32 x)
{
    const __m256 m8 = _mm256_max_ps(x.a, x.b);
    const __m128 m4 = _mm_max_ps(_mm256_castps256_ps128(m8), _mm256_extractf128_ps(m8, 1));
    const __m128 m2 = _mm_max_ps(m4, _mm_movehl_ps(m4, m4));
    return _mm_cvtss_f32(_mm_max_ss(m2, _mm_movehdup_ps(m2)));
}

/* From memory, where the vector is: cutting a register in two takes longer. */
INLINE vf64 d_of(const vf32 *x)
{
    const float *p = (const float *)x;
    return (vf64){_mm256_cvtps_pd(_mm_load_ps(p)), _mm256_cvtps_pd(_mm_load_ps(p + 4)),
                  _mm256_cvtps_pd(_mm_load_ps(p + 8)), _mm256_cvtps_pd(_mm_load_ps(p + 12))};
}
INLINE vf64 d_add(vf64 s, const vf32 *x)
{
    const vf64 y = d_of(x);
    return (vf64){_mm256_add_pd(s.a, y.a), _mm256_add_pd(s.b, y.b), _mm256_add_pd(s.c, y.c),
                  _mm256_add_pd(s.d, y.d)};
}
INLINE double d_hsum(vf64 s)
{
    const __m256d s4 = _mm256_add_pd(_mm256_add_pd(s.a, s.c), _mm256_add_pd(s.b, s.d));
    const __m128d s2 = _mm_add_pd(_mm256_castpd256_pd128(s4), _mm256_extractf128_pd(s4, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s2, _mm_unpackhi_pd(s2, s2)));
}

#ifdef ENTROPY_WITH_SLEEF
/* sleef.h has it only for code that is compiled with -mavx */
__m256d Sleef_cinz_log1pd4_u10avx(__m256d);
#define D_LOG1P_WIDTH 4
INLINE void d_log1p(double *x) { _mm256_storeu_pd(x, Sleef_cinz_log1pd4_u10avx(_mm256_loadu_pd(x))); }
#endif

/* clang-format on */

#endif
