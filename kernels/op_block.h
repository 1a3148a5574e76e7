/* The sums of a block of 1024 logits, which the sweep over a row is made of.
 *
 * Lane by lane, 4 vectors are a quad; the 16 quads of a block are added in a tree down to 4, and from
 * there on all is in double: the 4, the lanes in a fixed tree, the blocks.
 *
 * Error: every exponential is off by at most 2.0e-7 of itself (op_exp.h). An addition of floats is
 * off by at most u = 2^-24 of the partial sum. On the way of any addend of r there are 3 in its quad
 * and 2 in the tree, 5 u in all; of w, whose d and whose products are rounded too, 7 u; of v 9 u.
 * One chain through the block could reach ten times that, and rows that come near it can be written
 * down (test_tiny_addends). results.c tells what becomes of a result. */
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

_Static_assert(4 % VEC_UNROLL == 0, "a quad is a whole number of turns");
_Static_assert(HALF == 8, "the error above counts two levels of a tree, down to 4");

enum pass { FAST, FAST_CLAMPED, CAREFUL };

/* Most blocks are summed without it, and add_sums makes up for that. */
INLINE bool takes_lo(enum pass pass, bool far)
{
    return pass == CAREFUL || far;
}

/* The sums of a quad, lane by lane. */
typedef struct lanes {
    vf32 r, w, v;
    vsign below;  /* all set: every logit was < M. Not kept by CAREFUL */
    vcount other; /* lanes other than M, those behind the end too. Kept by CAREFUL alone */
} lanes;

typedef struct constants {
    exp_constants exp;
    vf32 M, unit, per_T, rest;
} constants;

/* So small a T that d e^(d / T) EXP_SCALE can be below FLT_MIN where the sum of 2^32 such addends
 * is not. Then v has to be wanted, for the sake of w. */
INLINE bool is_cold(const ent_scale *scale)
{
    return scale->T < 0x1p-8;
}

/* 1 / T = hi log(2) + rest */
INLINE double rest_of(const ent_scale *scale)
{
    return LOG_2 * scale->lo;
}

/* A maximum of 0 is taken as -0: z - M is then +0 for zeros of both signs: neither is below. */
INLINE constants constants_of(const ent_anchor *anchor, const ent_scale *scale)
{
    return (constants){.exp = exp_constants_of(anchor, scale),
                       .M = v_set1(anchor->M == 0 ? -0.0f : anchor->M),
                       .unit = v_set1(scale->unit),
                       .per_T = v_set1((float)(1 / scale->T)),
                       .rest = v_set1((float)(rest_of(scale) / scale->unit))};
}

/* e^((z - M) / T) from e, that of the rounded difference. What was lost is known (D. E. Knuth, The
 * Art of Computer Programming, volume 2, 4.2.2, theorem B), and given back: e^(d + lost) = e^d (1 +
 * lost). Of -inf the whole was lost. */
INLINE vf32 with_what_was_lost(vf32 e, vf32 z, const constants *c)
{
    const vf32 d = v_sub(z, c->M), minus_M = v_sub(d, z);
    const vf32 lost = v_sub(v_sub(z, v_sub(d, minus_M)), v_add(c->M, minus_M));
    return v_fma(e, v_keep(v_unequal(e, v_set1(0)), v_mul(lost, c->per_T)), e);
}

/* FAST may leave NaN or infinity where z is below the anchor's floor; a NaN logit leaves NaN in
 * every pass. Where v is wanted, d is taken in units of scale->unit: d^2 may be more than a float
 * holds. */
VEC_VARIANT void add_vectors(lanes *s, const vf32 *z, int count, const constants *c, enum pass pass,
                             bool far, bool want_v, const char *here)
{
    vf32 x[VEC_UNROLL], d[VEC_UNROLL], e[VEC_UNROLL];
    for (int j = 0; j < count; j++) x[j] = far ? v_sub(z[j], c->M) : z[j];
    if (pass != FAST) {
        for (int j = 0; j < count; j++) x[j] = v_max(c->exp.floor, x[j]);
    }
    const bool with_lo = takes_lo(pass, far);
    exp_scaled(e, x, count, &c->exp, with_lo, here);
    if (far) {
        for (int j = 0; j < count; j++) e[j] = with_what_was_lost(e[j], z[j], c);
    }
    for (int j = 0; j < count; j++) d[j] = far ? x[j] : v_sub(x[j], c->M);
    if (pass == CAREFUL) {
        for (int j = 0; j < count; j++) {
            const vmask other = v_unequal(z[j], c->M);
            s->other = n_add(s->other, other);
            s->r = v_add_where(other, s->r, e[j]); /* of M, d is 0: w and v stay what they are */
        }
    } else {
        const bool whole = VEC_UNROLL == 4 && count == 4; /* a quad: s->r is still 0 */
        s->below = s_and(s->below, d, count);
        for (int j = 0; j < count; j++) s->r = whole && j == 0 ? e[0] : v_add(s->r, e[j]);
    }
    for (int j = 0; j < count && want_v; j++) d[j] = v_mul(d[j], c->unit);
    for (int j = 0; j < count; j++) s->w = v_fma(d[j], e[j], s->w);
    if (want_v) {
        if (!with_lo) {
            for (int j = 0; j < count; j++) e[j] = v_mul(e[j], v_fma(d[j], c->rest, v_set1(1)));
        }
        for (int j = 0; j < count; j++) s->v = v_fma(d[j], v_mul(d[j], e[j]), s->v);
    }
}

/* The quad at i, of which n > 0 logits are there; what it finds of signs and of logits other than M
 * is added to what `before` had. */
INLINE lanes quad_lanes(const source *s, size_t i, size_t n, const lanes *before,
                        const constants *c, enum pass pass, bool far, bool want_v)
{
    lanes sum = {v_set1(0), v_set1(0), v_set1(0), before->below, before->other};
    if (n >= QUAD) {
        NO_UNROLL
        for (size_t k = 0; k < QUAD; k += VEC_UNROLL * LANES) {
            vf32 z[VEC_UNROLL];
            for (size_t j = 0; j < VEC_UNROLL; j++) z[j] = load(s, i + k + j * LANES, LANES);
            add_vectors(&sum, z, VEC_UNROLL, c, pass, far, want_v, address(s, i + k));
        }
    } else {
        for (size_t k = 0; k < n; k += LANES) {
            const vf32 z = load(s, i + k, n - k);
            add_vectors(&sum, &z, 1, c, pass, far, want_v, NULL);
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
    vf64 sum = d_of(&half[0]);
    for (size_t k = 1; k < end; k++) sum = d_add(sum, &half[k]);
    return d_hsum(sum);
}

/* The sums of a block join those of its row, in units of the row's. Without `lo` every exponential
 * lacks e^(rest d). r and w are given that of the mean d: r is then right to the first order, and
 * so is w but for the variance of d (results.c). In v every exponential has had its own. */
INLINE void add_sums(ent_sums *row, int ties, double r, double w, double v,
                     const ent_anchor *anchor, const ent_scale *scale, bool with_lo, bool want_v)
{
    const double size = want_v ? scale->unit : 1, mean = r > 0 ? w / r / size : 0;
    const double unit = with_lo ? anchor->unit : anchor->unit_hi;
    const double given = with_lo ? unit : unit * (1 + rest_of(scale) * mean);
    row->c += ties;
    row->r += r * given;
    row->w += w * given / size;
    row->v += v * unit / (size * size);
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

/* Adds the block at i, of n > 0 logits, to the row, if the sums are what they claim to be: false,
 * and nothing added, if not. */
VEC_VARIANT bool add_block_of(ent_sums *row, const source *s, size_t i, size_t n,
                              const ent_anchor *anchor, const ent_scale *scale, enum pass pass,
                              bool far, bool want_v)
{
    const constants c = constants_of(anchor, scale);
    lanes sum = {v_set1(0), v_set1(0), v_set1(0), s_all(), n_none()};
    vf32 r[HALF], w[HALF], v[HALF];
    size_t quads = 0;
    prefetch_page(address(s, i));
    do {
        const size_t k = quads * QUAD;
        sum = quad_lanes(s, i + k, n - k, &sum, &c, pass, far, want_v);
        add_quad(r, quads, sum.r);
        add_quad(w, quads, sum.w);
        if (want_v) add_quad(v, quads, sum.v);
    } while (++quads * QUAD < n);
    const double r_sum = sum_of_quads(r, quads), w_sum = sum_of_quads(w, quads);
    const double v_sum = want_v ? sum_of_quads(v, quads) : 0;
    const bool right = pass == CAREFUL || s_still_all(sum.below);
    if (!(right && fabs(r_sum + w_sum + v_sum) < HUGE_VAL)) {
        return false;
    }
    const int lanes_read = (int)((n + LANES - 1) / LANES * LANES); /* -inf behind the end */
    const int ties = pass == CAREFUL ? lanes_read - n_sum(sum.other) : 0;
    add_sums(row, ties, r_sum, w_sum, v_sum, anchor, scale, takes_lo(pass, far), want_v);
    return true;
}

NOINLINE bool add_far_block(ent_sums *row, const float *z, size_t n, const ent_anchor *anchor,
                            const ent_scale *scale, bool careful)
{
    const source s = {.row = {.logits = z, .n = n}};
    return careful ? add_block_of(row, &s, 0, n, anchor, scale, CAREFUL, true, true)
                   : add_block_of(row, &s, 0, n, anchor, scale, FAST_CLAMPED, true, true);
}

/* The same, whatever the anchor. `room` is for as_floats. */
INLINE bool add_block(ent_sums *row, const source *s, size_t i, size_t n, const ent_anchor *anchor,
                      const ent_scale *scale, enum pass pass, bool want_v, float *room)
{
    if (anchor->far) {
        return add_far_block(row, as_floats(s, i, n, room), n, anchor, scale, pass == CAREFUL);
    }
    return add_block_of(row, s, i, n, anchor, scale, pass, false, want_v);
}

/* The logits at i, of which n are there, that take part. */
INLINE size_t count_support(const source *s, size_t i, size_t n)
{
    vcount support = n_none();
    for (size_t k = 0; k < n; k += LANES) {
        support = n_add(support, v_above(load(s, i + k, n - k), v_set1(-INFINITY)));
    }
    return (size_t)n_sum(support);
}

/* The largest of z[0 .. n); if there is a NaN, it may be NaN, or the largest of the others. */
INLINE float block_max(const float *z, size_t n)
{
    vf32 max[4] = {v_set1(-INFINITY), v_set1(-INFINITY), v_set1(-INFINITY), v_set1(-INFINITY)};
    size_t i = 0;
    for (; n - i >= QUAD; i += QUAD) {
        for (size_t j = 0; j < 4; j++) max[j] = v_max(v_load(z + i + j * LANES), max[j]);
    }
    for (; i < n; i += LANES) max[0] = v_max(load_f32(z + i, n - i), max[0]);
    return v_hmax(v_max(v_max(max[0], max[1]), v_max(max[2], max[3])));
}

INLINE bool has_nan(const float *z, size_t n)
{
    vcount nan = n_none();
    for (size_t i = 0; i < n; i += LANES) {
        const vf32 x = load_f32(z + i, n - i);
        nan = n_add(nan, v_unequal(x, x));
    }
    return n_sum(nan) > 0;
}

#endif
