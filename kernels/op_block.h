/* The sums of a block of 1024 logits, which the sweep over a row is made of.
 *
 * Lane by lane, 4 vectors are a quad; the 16 quads of a block are added in a tree down to 4, and from
 * there on all is in double: the 4, the lanes in a fixed tree, the blocks. An addition of floats is
 * off by at most 2^-24 of the partial sum. On the way of any addend there are 3 in its quad (4 for w,
 * whose products are rounded too; 5 for v) and 2 in the tree: 6 * 2^-24 = 3.6e-7 for w, were every
 * rounding the worst one and all went the same way. One chain through the block could reach ten
 * times that, and rows that come near it can be written down (test_tiny_addends). */
#ifndef ENT_OP_BLOCK_H
#define ENT_OP_BLOCK_H

#include <math.h>
#include <stdbool.h>

#include "op_exp.h"
#include "op_load.h"

/* A compiler that unrolls a quad runs out of registers on AVX2. */
#ifdef __clang__
#define NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define NO_UNROLL _Pragma("GCC unroll 1")
#endif

#define QUAD (4 * LANES)
#define HALF (ENT_BLOCK / QUAD / 2)

#define FAR_V 0x1p-33 /* v of a logit that is 30 T below the maximum */

_Static_assert(4 % VEC_UNROLL == 0, "a quad is a whole number of turns");
_Static_assert(HALF == 8, "the error above counts two levels of a tree, down to 4");

enum pass { FAST, FAST_CLAMPED, CAREFUL };

/* The sums of a quad, lane by lane. */
typedef struct lanes {
    vf32 r, w, v;
    vsign below; /* all set: every logit was < M. Not kept by CAREFUL */
    int ties;    /* logits equal to M. Kept by CAREFUL alone */
} lanes;

typedef struct constants {
    vf32 M, floor, hi, lo, unit;
} constants;

/* FAST may leave NaN or infinity where d is below scale->floor; a NaN logit leaves NaN in every
 * pass. The sum v is kept in units of scale->unit, since d^2 may be more than a float holds. */
VEC_VARIANT void add_vectors(lanes *s, const vf32 *z, int count, const constants *c, enum pass pass,
                             bool want_v, const char *here)
{
    vf32 d[VEC_UNROLL], e[VEC_UNROLL];
    for (int j = 0; j < count; j++) d[j] = v_sub(z[j], c->M);
    if (pass != CAREFUL) {
        for (int j = 0; j < count; j++) s->below = s_and(s->below, d[j]);
    }
    if (pass != FAST) {
        for (int j = 0; j < count; j++) d[j] = v_max(c->floor, d[j]);
    }
    exp_scaled(e, d, count, c->hi, c->lo, here);
    if (pass == CAREFUL) {
        for (int j = 0; j < count; j++) {
            const vmask tie = v_equal(z[j], c->M);
            s->ties += m_count(tie);
            e[j] = v_zero_where(tie, e[j]);
        }
    }
    for (int j = 0; j < count; j++) s->r = v_add(s->r, e[j]);
    for (int j = 0; j < count; j++) s->w = v_fma(d[j], e[j], s->w);
    if (want_v) {
        for (int j = 0; j < count; j++) d[j] = v_mul(d[j], c->unit);
        for (int j = 0; j < count; j++) s->v = v_fma(d[j], v_mul(d[j], e[j]), s->v);
    }
}

/* The quad at i, of which n > 0 logits are there; what it finds of signs and ties is added to what
 * `before` had. */
INLINE lanes quad_lanes(const source *s, size_t i, size_t n, const lanes *before,
                        const constants *c, enum pass pass, bool want_v)
{
    lanes sum = {v_set1(0), v_set1(0), v_set1(0), before->below, before->ties};
    if (n >= QUAD) {
        NO_UNROLL
        for (size_t k = 0; k < QUAD; k += VEC_UNROLL * LANES) {
            vf32 z[VEC_UNROLL];
            for (size_t j = 0; j < VEC_UNROLL; j++) z[j] = load(s, i + k + j * LANES, LANES);
            add_vectors(&sum, z, VEC_UNROLL, c, pass, want_v, address(s, i + k));
        }
    } else {
        for (size_t k = 0; k < n; k += LANES) {
            const vf32 z = load(s, i + k, n - k);
            add_vectors(&sum, &z, 1, c, pass, want_v, NULL);
        }
    }
    return sum;
}

/* The first level of the tree: quads k and k + 8 of a block share half[k]. */
INLINE void add_quad(vf32 *half, size_t k, vf32 quad)
{
    half[k % HALF] = k < HALF ? quad : v_add(half[k % HALF], quad);
}

/* The rest of it, of as many quads as there were. */
INLINE double sum_of_quads(vf32 *half, size_t quads)
{
    const size_t there = quads < HALF ? quads : HALF, end = there < HALF / 2 ? there : HALF / 2;
    for (size_t k = 0; k + HALF / 2 < there; k++) half[k] = v_add(half[k], half[k + HALF / 2]);
    vf64 sum = d_zero();
    for (size_t k = 0; k < end; k++) sum = d_add(sum, half[k]);
    return d_hsum(sum) / EXP_SCALE;
}

/* The block at i, of n logits, as floats: where it is, or in room[0 .. n). */
INLINE const float *as_floats(const source *s, size_t i, size_t n, float *room)
{
    if (s->dtype == ENT_F32 && !s->masked) {
        return (const float *)s->row.logits + i;
    }
    for (size_t k = 0; k < n; k += LANES) v_store(room + k, load(s, i + k, n - k));
    return room;
}

/* The sum v of z[0 .. n), all far below M, where the rounding of d alone would show: it is up to
 * 2^-24 of d, and as much of e^d is lost. What was lost is known (D. E. Knuth, The Art of Computer
 * Programming, volume 2, 4.2.2, theorem B), and given back: e^(x + lost) = e^x (1 + lost). */
NOINLINE double far_v(const float *z, size_t n, float max, const ent_scale *scale)
{
    const vf32 M = v_set1(max), per_T = v_set1((float)(1 / scale->T));
    vf32 half[HALF];
    size_t quads = 0;
    for (size_t i = 0; i < n; i += QUAD, quads++) {
        vf32 v = v_set1(0);
        for (size_t k = i; k < n && k < i + QUAD; k += LANES) {
            const vf32 x = load_f32(z + k, n - k), d = v_sub(x, M), minus_M = v_sub(d, x);
            const vf32 lost = v_sub(v_sub(x, v_sub(d, minus_M)), v_add(M, minus_M));
            const vf32 near = v_max(v_set1(scale->floor), d), g = v_mul(near, v_set1(scale->unit));
            vf32 e;
            exp_scaled(&e, &near, 1, v_set1(scale->hi), v_set1(scale->lo), NULL);
            /* of -inf the whole was lost */
            const vf32 part = v_zero_where(v_equal(e, v_set1(0)), v_mul(lost, per_T));
            v = v_fma(g, v_mul(g, v_fma(e, part, e)), v);
        }
        add_quad(half, quads, v);
    }
    return sum_of_quads(half, quads);
}

/* The sum v of the block at i, of n logits, as it came, corrected where it has to be. */
INLINE double corrected_v(double v, const source *s, size_t i, size_t n, double max,
                          const ent_scale *scale, float *room)
{
    const double unit = scale->unit;
    if (v > 0 && v < (double)n * FAR_V) {
        v = far_v(as_floats(s, i, n, room), n, (float)max, scale);
    }
    return v / (unit * unit);
}

/* Adds the block at i, of n logits, to the row, if the sums are what they claim to be: false, and
 * nothing added, if not. `room` is for as_floats. */
INLINE bool add_block(ent_sums *row, const source *s, size_t i, size_t n, const ent_scale *scale,
                      enum pass pass, bool want_v, float *room)
{
    /* A maximum of 0 is taken as -0: z - M is then +0 for zeros of both signs: neither is below. */
    const constants c = {v_set1(row->M == 0 ? -0.0f : (float)row->M), v_set1(scale->floor),
                         v_set1(scale->hi), v_set1(scale->lo), v_set1(scale->unit)};
    lanes sum = {v_set1(0), v_set1(0), v_set1(0), s_all(), 0};
    vf32 r[HALF], w[HALF], v[HALF];
    size_t quads = 0;
    for (size_t k = 0; k < n; k += QUAD, quads++) {
        sum = quad_lanes(s, i + k, n - k, &sum, &c, pass, want_v);
        add_quad(r, quads, sum.r);
        add_quad(w, quads, sum.w);
        if (want_v) add_quad(v, quads, sum.v);
    }
    const double r_sum = sum_of_quads(r, quads), w_sum = sum_of_quads(w, quads);
    const double v_sum = want_v ? sum_of_quads(v, quads) : 0;
    if (pass != CAREFUL && !(s_still_all(sum.below) && fabs(r_sum + w_sum + v_sum) < HUGE_VAL)) {
        return false;
    }
    row->c += sum.ties;
    row->r += r_sum;
    row->w += w_sum;
    row->v += want_v ? corrected_v(v_sum, s, i, n, row->M, scale, room) : 0;
    return true;
}

/* The largest of z[0 .. n), NaN if there is a NaN. */
INLINE float block_max(const float *z, size_t n)
{
    vf32 max[4] = {v_set1(-INFINITY), v_set1(-INFINITY), v_set1(-INFINITY), v_set1(-INFINITY)};
    vmask nan = m_none();
    size_t i = 0;
    for (; n - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const vf32 x = v_load(z + i + j * LANES);
            max[j] = v_max(x, max[j]);
            nan = m_or(nan, v_unordered(x));
        }
    }
    for (; i < n; i += LANES) {
        const vf32 x = load_f32(z + i, n - i);
        max[0] = v_max(x, max[0]);
        nan = m_or(nan, v_unordered(x));
    }
    return m_count(nan) ? NAN : v_hmax(v_max(v_max(max[0], max[1]), v_max(max[2], max[3])));
}

#endif
