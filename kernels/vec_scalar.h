/* The logical vector of 16 floats in plain C, for machines without one of the other instruction
 * sets and as the model that they are compared with. README.md lists what each operation does. */
#ifndef ENT_VEC_SCALAR_H
#define ENT_VEC_SCALAR_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "half.h"

#define VEC_UNROLL 1
#define VEC_POW2_SATURATES false
#define VEC_PREFETCHES false
#define VEC_VARIANT NOINLINE /* copies of this much code are slow to compile, and no quicker */

/* clang-format off */
typedef struct { float lane[16]; } vf32;
typedef struct { double lane[16]; } vf64;
typedef struct { bool lane[16]; } vmask;
typedef int vcount;
typedef uint32_t vsign;

#define EACH_LANE for (int k = 0; k < 16; k++)

/* a b + c, rounded once. */
#ifdef FP_FAST_FMAF
INLINE vf32 fused(vf32 a, vf32 b, vf32 c)
{
    EACH_LANE a.lane[k] = fmaf(a.lane[k], b.lane[k], c.lane[k]);
    return a;
}
#else
/* Without the instruction: the product is exact in double, and rounding its sum with c to double
 * first and to float then is right unless the double lies halfway between two floats: from anywhere
 * else the exact sum, less than an ulp of the double away, is on the same side. Halfway, what the
 * first rounding lost decides; Knuth's two-sum tells that (The Art of Computer Programming, volume
 * 2, 4.2.2, theorem B). */
INLINE bool is_halfway(double s)
{
    uint64_t b;
    memcpy(&b, &s, sizeof b);
    /* of the 29 bits that a float lacks, the first alone is set */
    return (uint32_t)(b << 3) == UINT32_C(1) << 31;
}

static __attribute__((noinline)) vf32 fused_halfway(vf32 a, vf32 b, vf32 c)
{
    EACH_LANE
    {
        const double p = (double)a.lane[k] * b.lane[k], s = p + c.lane[k], t = s - p;
        const double lost = (p - (s - t)) + (c.lane[k] - t);
        /* elsewhere nextafter may end halfway */
        const bool decides = is_halfway(s) && lost != 0;
        a.lane[k] = (float)(decides ? nextafter(s, lost > 0 ? INFINITY : -INFINITY) : s);
    }
    return a;
}

INLINE vf32 fused(vf32 a, vf32 b, vf32 c)
{
    vf32 result;
    uint32_t halfway = 0;
    EACH_LANE
    {
        const double s = (double)a.lane[k] * b.lane[k] + c.lane[k];
        result.lane[k] = (float)s;
        halfway |= is_halfway(s);
    }
    return halfway ? fused_halfway(a, b, c) : result;
}
#endif

INLINE vf32 v_set1(float x) { vf32 v; EACH_LANE v.lane[k] = x; return v; }
INLINE vf32 v_load(const float *p) { vf32 v; memcpy(&v, p, sizeof v); return v; }
INLINE vf32 v_load_n(const float *p, size_t n, float fill)
{
    vf32 v = v_set1(fill);
    memcpy(&v, p, n * sizeof *p);
    return v;
}
INLINE vf32 v_load_f16(const uint16_t *p)
{
    vf32 v;
    EACH_LANE v.lane[k] = ent_from_f16(p[k]);
    return v;
}
INLINE vf32 v_load_bf16(const uint16_t *p)
{
    vf32 v;
    EACH_LANE v.lane[k] = ent_from_bf16(p[k]);
    return v;
}
INLINE void v_store(float *p, vf32 a) { memcpy(p, &a, sizeof a); }
INLINE void v_stream(float *p, vf32 a) { v_store(p, a); }
INLINE void v_stream_end(void) {}
INLINE void v_store_f16(uint16_t *p, vf32 a)
{
    EACH_LANE
    {
        const uint16_t h = ent_to_f16(a.lane[k]);
        p[k] = h == 0x8000 ? 0 : h;
    }
}
INLINE void v_store_bf16(uint16_t *p, vf32 a) { EACH_LANE p[k] = ent_to_bf16(a.lane[k]); }
INLINE vf32 v_where(uint32_t bits, vf32 a, vf32 b)
{
    EACH_LANE a.lane[k] = bits >> k & 1 ? a.lane[k] : b.lane[k];
    return a;
}
INLINE vf32 v_add(vf32 a, vf32 b) { EACH_LANE a.lane[k] += b.lane[k]; return a; }
INLINE vf32 v_sub(vf32 a, vf32 b) { EACH_LANE a.lane[k] -= b.lane[k]; return a; }
INLINE vf32 v_mul(vf32 a, vf32 b) { EACH_LANE a.lane[k] *= b.lane[k]; return a; }
INLINE vf32 v_max(vf32 a, vf32 b)
{
    EACH_LANE a.lane[k] = a.lane[k] > b.lane[k] ? a.lane[k] : b.lane[k];
    return a;
}
INLINE vf32 v_fma(vf32 a, vf32 b, vf32 c) { return fused(a, b, c); }
INLINE vf32 v_fnma(vf32 a, vf32 b, vf32 c)
{
    EACH_LANE a.lane[k] = -a.lane[k];
    return fused(a, b, c);
}
INLINE vf32 v_pow2(vf32 p, vf32 z, vf32 n)
{
    (void)n;
    EACH_LANE p.lane[k] = ent_float_of(ent_bits_of(p.lane[k]) + (ent_bits_of(z.lane[k]) << 23));
    return p;
}

INLINE vmask v_unequal(vf32 a, vf32 b)
{
    vmask m;
    EACH_LANE m.lane[k] = a.lane[k] != b.lane[k];
    return m;
}
INLINE vmask v_above(vf32 a, vf32 b)
{
    vmask m;
    EACH_LANE m.lane[k] = a.lane[k] > b.lane[k];
    return m;
}
INLINE bool m_all(vmask m) { bool all = true; EACH_LANE all &= m.lane[k]; return all; }
INLINE vf32 v_keep(vmask m, vf32 a)
{
    EACH_LANE a.lane[k] = m.lane[k] ? a.lane[k] : 0;
    return a;
}
INLINE vf32 v_add_where(vmask m, vf32 a, vf32 b)
{
    EACH_LANE a.lane[k] = m.lane[k] ? a.lane[k] + b.lane[k] : a.lane[k];
    return a;
}

INLINE vcount n_none(void) { return 0; }
INLINE vcount n_add(vcount n, vmask m) { EACH_LANE n += m.lane[k]; return n; }
INLINE int n_sum(vcount n) { return n; }

INLINE vsign s_all(void) { return UINT32_MAX; }
INLINE vsign s_and(vsign s, const vf32 *a, int count)
{
    (void)count; /* at most VEC_UNROLL, so 1 */
    EACH_LANE s &= ent_bits_of(a->lane[k]);
    return s;
}
INLINE bool s_still_all(vsign s) { return s >> 31; }

INLINE float v_hmax(vf32 a)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            a.lane[k] = a.lane[k] > a.lane[k + half] ? a.lane[k] : a.lane[k + half];
        }
    }
    return a.lane[0];
}

INLINE vf64 d_of(const vf32 *a) { vf64 sum; EACH_LANE sum.lane[k] = a->lane[k]; return sum; }
INLINE vf64 d_add(vf64 sum, const vf32 *a) { EACH_LANE sum.lane[k] += a->lane[k]; return sum; }
INLINE double d_hsum(vf64 sum)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int k = 0; k < half; k++) {
            sum.lane[k] += sum.lane[k + half];
        }
    }
    return sum.lane[0];
}

/* clang-format on */

#endif
