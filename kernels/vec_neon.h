/* The logical vector of 16 floats as four q registers: AArch64. README.md lists what each operation
 * does. */
#ifndef ENT_VEC_NEON_H
#define ENT_VEC_NEON_H

#include <arm_neon.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef ENTROPY_WITH_SLEEF
#include <sleef.h>
#endif

#define VEC_UNROLL 1
#define VEC_POW2_SATURATES false
#define VEC_PREFETCHES true
#define VEC_VARIANT INLINE

/* clang-format off */
typedef struct { float32x4_t q[4]; } vf32;
typedef struct { float64x2_t low[4], high[4]; } vf64;
typedef struct { uint32x4_t q[4]; } vmask;
typedef uint32x4_t vcount, vsign;

#define EACH_Q for (int k = 0; k < 4; k++)

INLINE vf32 v_set1(float x) { vf32 v; EACH_Q v.q[k] = vdupq_n_f32(x); return v; }
INLINE vf32 v_load(const float *p) { vf32 v; EACH_Q v.q[k] = vld1q_f32(p + 4 * k); return v; }
INLINE vf32 v_load_n(const float *p, size_t n, float fill)
{
    float lane[16];
    for (size_t k = 0; k < 16; k++) {
        lane[k] = k < n ? p[k] : fill;
    }
    return v_load(lane);
}
INLINE vf32 v_load_f16(const uint16_t *p)
{
    vf32 v;
    EACH_Q v.q[k] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4 * k)));
    return v;
}
INLINE vf32 v_load_bf16(const uint16_t *p)
{
    vf32 v;
    EACH_Q v.q[k] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p + 4 * k), 16));
    return v;
}
INLINE void v_store(float *p, vf32 x) { EACH_Q vst1q_f32(p + 4 * k, x.q[k]); }
INLINE void v_stream(float *p, vf32 x) { v_store(p, x); }
INLINE void v_stream_end(void) {}
INLINE void v_store_f16(uint16_t *p, vf32 x)
{
    EACH_Q
    {
        const uint16x4_t h = vreinterpret_u16_f16(vcvt_f16_f32(x.q[k]));
        vst1_u16(p + 4 * k, vbic_u16(h, vceq_u16(h, vdup_n_u16(0x8000))));
    }
}
INLINE void v_store_bf16(uint16_t *p, vf32 x)
{
    EACH_Q
    {
        const uint32x4_t b = vreinterpretq_u32_f32(x.q[k]), high = vshrq_n_u32(b, 16);
        const uint32x4_t odd = vandq_u32(high, vdupq_n_u32(1));
        const uint32x4_t near = vaddq_u32(b, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
        const uint32x4_t number = vceqq_f32(x.q[k], x.q[k]);
        const uint32x4_t nan = vorrq_u32(high, vdupq_n_u32(0x40));
        vst1_u16(p + 4 * k, vmovn_u32(vbslq_u32(number, vshrq_n_u32(near, 16), nan)));
    }
}
INLINE vf32 v_where(uint32_t bits, vf32 x, vf32 y)
{
    static const uint32_t lanes[4] = {1, 2, 4, 8};
    const uint32x4_t lane = vld1q_u32(lanes);
    EACH_Q
    {
        const uint32x4_t set = vtstq_u32(vdupq_n_u32(bits >> 4 * k), lane);
        x.q[k] = vbslq_f32(set, x.q[k], y.q[k]);
    }
    return x;
}
INLINE vf32 v_add(vf32 x, vf32 y) { EACH_Q x.q[k] = vaddq_f32(x.q[k], y.q[k]); return x; }
INLINE vf32 v_sub(vf32 x, vf32 y) { EACH_Q x.q[k] = vsubq_f32(x.q[k], y.q[k]); return x; }
INLINE vf32 v_mul(vf32 x, vf32 y) { EACH_Q x.q[k] = vmulq_f32(x.q[k], y.q[k]); return x; }
INLINE vf32 v_max(vf32 x, vf32 y) { EACH_Q x.q[k] = vmaxq_f32(x.q[k], y.q[k]); return x; }
INLINE vf32 v_fma(vf32 x, vf32 y, vf32 z)
{
    EACH_Q x.q[k] = vfmaq_f32(z.q[k], x.q[k], y.q[k]);
    return x;
}
INLINE vf32 v_fnma(vf32 x, vf32 y, vf32 z)
{
    EACH_Q x.q[k] = vfmsq_f32(z.q[k], x.q[k], y.q[k]);
    return x;
}
INLINE vf32 v_pow2(vf32 p, vf32 z, vf32 n)
{
    (void)n;
    EACH_Q
    {
        const uint32x4_t shifted = vshlq_n_u32(vreinterpretq_u32_f32(z.q[k]), 23);
        p.q[k] = vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(p.q[k]), shifted));
    }
    return p;
}

INLINE vmask v_unequal(vf32 x, vf32 y)
{
    vmask m;
    EACH_Q m.q[k] = vmvnq_u32(vceqq_f32(x.q[k], y.q[k]));
    return m;
}
INLINE vmask v_above(vf32 x, vf32 y)
{
    vmask m;
    EACH_Q m.q[k] = vcgtq_f32(x.q[k], y.q[k]);
    return m;
}
INLINE bool m_all(vmask m)
{
    return vminvq_u32(vandq_u32(vandq_u32(m.q[0], m.q[1]), vandq_u32(m.q[2], m.q[3]))) != 0;
}
INLINE vf32 v_keep(vmask m, vf32 x)
{
    EACH_Q x.q[k] = vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x.q[k]), m.q[k]));
    return x;
}
INLINE vf32 v_add_where(vmask m, vf32 x, vf32 y) { return v_add(x, v_keep(m, y)); }

/* a set lane is -1 */
INLINE vcount n_none(void) { return vdupq_n_u32(0); }
INLINE vcount n_add(vcount n, vmask m) { EACH_Q n = vsubq_u32(n, m.q[k]); return n; }
INLINE int n_sum(vcount n) { return (int)vaddvq_u32(n); }

INLINE vsign s_all(void) { return vdupq_n_u32(UINT32_MAX); }
INLINE vsign s_and(vsign s, const vf32 *x, int count)
{
    for (int j = 0; j < count; j++) EACH_Q s = vandq_u32(s, vreinterpretq_u32_f32(x[j].q[k]));
    return s;
}
INLINE bool s_still_all(vsign s) { return vminvq_u32(s) >> 31; }

INLINE float v_hmax(vf32 x)
{
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.q[0], x.q[2]), vmaxq_f32(x.q[1], x.q[3])));
}

/* low[k] and high[k] are the halves of q[k] */
INLINE vf64 d_of(const vf32 *x)
{
    vf64 s;
    EACH_Q s.low[k] = vcvt_f64_f32(vget_low_f32(x->q[k]));
    EACH_Q s.high[k] = vcvt_high_f64_f32(x->q[k]);
    return s;
}
INLINE vf64 d_add(vf64 s, const vf32 *x)
{
    const vf64 y = d_of(x);
    EACH_Q s.low[k] = vaddq_f64(s.low[k], y.low[k]);
    EACH_Q s.high[k] = vaddq_f64(s.high[k], y.high[k]);
    return s;
}
INLINE double d_hsum(vf64 s)
{
    /* lanes i and i + 8, then i + 4, then i + 2, then the last two */
    const float64x2_t low = vaddq_f64(vaddq_f64(s.low[0], s.low[2]), vaddq_f64(s.low[1], s.low[3]));
    const float64x2_t high = vaddq_f64(vaddq_f64(s.high[0], s.high[2]), vaddq_f64(s.high[1], s.high[3]));
    return vaddvq_f64(vaddq_f64(low, high));
}

#ifdef ENTROPY_WITH_SLEEF
#define D_LOG1P_WIDTH 2
INLINE void d_log1p(double *x) { vst1q_f64(x, Sleef_cinz_log1pd2_u10advsimdnofma(vld1q_f64(x))); }
#endif

/* clang-format on */

#endif
