/* The sweep: one pass over a row that gives the sums of kernels.h, in blocks of 1024 logits.
 *
 * A block is summed against the largest logit M of all blocks before it, on the bet that nothing in
 * it reaches M. All signs of d = z - M are ANDed on the way: if one is clear, a logit is >= M and
 * the bet is lost. Then the block's own maximum is found, the row's sums are rescaled to it, and
 * the block is summed again with care: the logits equal to M are left out and counted. In a random
 * row about ln(n) blocks are lost; after one that was, the next is first asked for its maximum, so
 * that an ascending row does not pay twice.
 *
 * Sums: 4 vectors in each of the 16 lanes are a quad; the 16 quads of a block are added in a tree
 * down to 4, and from there on all is in double: the 4, the lanes in a fixed tree, the blocks. An
 * addition of floats is off by at most 2^-24 of the partial sum. On the way of any addend there are
 * 3 in its quad (4 for w, whose products are rounded too; 5 for v) and 2 in the tree: 6 * 2^-24 =
 * 3.6e-7 for w, were every rounding the worst one and all went the same way. One chain through the
 * block could reach ten times that, and rows that come near it can be written down
 * (test_tiny_addends).
 *
 * The bits depend on nothing but the values: a bet that was lost leaves no trace, the end of a row
 * is filled up with -inf, and -inf adds 0. */
#ifndef ENT_OP_ENTROPY_H
#define ENT_OP_ENTROPY_H

#include <math.h>
#include <stdbool.h>

#include "op_exp.h"
#include "op_load.h"
#include "sums.h"

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
    const double unit = scale->unit;
    const double r_sum = sum_of_quads(r, quads), w_sum = sum_of_quads(w, quads);
    double v_sum = want_v ? sum_of_quads(v, quads) : 0;
    if (pass != CAREFUL && !(s_still_all(sum.below) && fabs(r_sum + w_sum + v_sum) < HUGE_VAL)) {
        return false;
    }
    if (want_v && v_sum > 0 && v_sum < (double)n * FAR_V) {
        v_sum = far_v(as_floats(s, i, n, room), n, (float)row->M, scale);
    }
    row->c += sum.ties;
    row->r += r_sum;
    row->w += w_sum;
    row->v += v_sum / (unit * unit);
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

/* How the sweep has gone so far: what it expects of the next block. */
struct mood {
    bool rising;    /* the last block raised M or reached it */
    enum pass fast; /* FAST until a logit was so low that the exponential needs the clamp */
};

/* A block on which the bet was lost, or not made: z[0 .. n), which are the logits from i on. */
INLINE void add_unusual_block(ent_sums *row, const float *z, size_t i, size_t n,
                              const ent_scale *scale, bool want_v, struct mood *mood)
{
    const source s = {.row = {.logits = z, .n = n}};
    const double max = (double)block_max(z, n) + 0.0; /* -0 becomes +0 */
    if (max < row->M || max == -INFINITY) {
        if (!mood->rising) {
            mood->fast = FAST_CLAMPED;
        }
        mood->rising = false;
        if (row->M > -INFINITY) {
            add_block(row, &s, 0, n, scale, FAST_CLAMPED, want_v, NULL);
        }
    } else if (max <= INFINITY) {
        mood->rising = true;
        if (max > row->M) {
            ent_sums_raise(row, max, scale->T);
            row->peak = i;
        }
        if (max < INFINITY) {
            add_block(row, &s, 0, n, scale, CAREFUL, want_v, NULL);
        }
    } else {
        ent_sums_void(row, NAN);
    }
}

NOINLINE void add_unusual_block_with_v(ent_sums *row, const float *z, size_t i, size_t n,
                                       const ent_scale *scale, struct mood *mood)
{
    add_unusual_block(row, z, i, n, scale, true, mood);
}

NOINLINE void add_unusual_block_without_v(ent_sums *row, const float *z, size_t i, size_t n,
                                          const ent_scale *scale, struct mood *mood)
{
    add_unusual_block(row, z, i, n, scale, false, mood);
}

INLINE size_t count_support(const source *s, size_t i, size_t n)
{
    size_t support = 0;
    for (size_t k = 0; k < n; k += LANES) {
        support += (size_t)m_count(v_above(load(s, i + k, n - k), v_set1(-INFINITY)));
    }
    return support;
}

/* None of the n logits at i takes part: they need not be read. */
INLINE bool all_masked(const source *s, size_t i, size_t n)
{
    uint32_t any = 0;
    for (size_t k = 0; k < n; k += 32) any |= s->row.allowed[(i + k) / 32];
    return any == 0;
}

/* ---- A whole row of at most a quad, all of it in registers. ---- */

typedef bool ent_short_row(ent_sums *sums, const ent_row *row, const ent_scale *scale,
                           unsigned want);

INLINE bool is_short(const ent_sums *sums, const ent_row *row)
{
    return row->n <= QUAD && sums->M == -INFINITY && sums->support == 0;
}

INLINE bool short_row_of(ent_sums *row, const source *s, const ent_scale *scale, int count,
                         bool want_v, bool want_support)
{
    const vf32 none = v_set1(-INFINITY);
    vf32 z[4] = {none, none, none, none};
    for (int j = 0; j < count; j++) {
        const size_t i = (size_t)j * LANES;
        z[j] = i < s->row.n ? load(s, i, s->row.n - i) : none;
    }
    const float max = v_hmax(v_max(v_max(z[0], z[1]), v_max(z[2], z[3]))) + 0.0f;
    const constants c = {v_set1(max), v_set1(scale->floor), v_set1(scale->hi), v_set1(scale->lo),
                         v_set1(scale->unit)};
    lanes sum = {v_set1(0), v_set1(0), v_set1(0), s_all(), 0};
    for (int j = 0; j < count; j++) add_vectors(&sum, &z[j], 1, &c, CAREFUL, want_v, NULL);
    const double unit = scale->unit, r = sum_of_quads(&sum.r, 1);
    if (!(fabsf(max) < INFINITY && r < HUGE_VAL)) {
        return false;
    }
    *row = (ent_sums){.M = max, .c = sum.ties, .r = r, .w = sum_of_quads(&sum.w, 1)};
    if (want_v) {
        row->v = sum_of_quads(&sum.v, 1);
        if (row->v > 0 && row->v < (double)s->row.n * FAR_V) {
            float room[QUAD];
            row->v = far_v(as_floats(s, 0, s->row.n, room), s->row.n, max, scale);
        }
        row->v /= unit * unit;
    }
    for (int j = 0; j < count && want_support; j++) {
        row->support += (size_t)m_count(v_above(z[j], none));
    }
    return true;
}

/* False, and nothing done, if it is not an ordinary one. */
VEC_VARIANT bool short_row(ent_sums *row, const source *s, const ent_scale *scale, bool want_v,
                           bool want_support)
{
    return s->row.n <= LANES       ? short_row_of(row, s, scale, 1, want_v, want_support)
           : s->row.n <= 2 * LANES ? short_row_of(row, s, scale, 2, want_v, want_support)
                                   : short_row_of(row, s, scale, 4, want_v, want_support);
}

VEC_VARIANT void sweep(ent_sums *sums, const source *s, const ent_scale *scale, bool want_v,
                       bool want_support)
{
    ent_sums row = *sums;
    struct mood mood = {.rising = !(row.M > -INFINITY),
                        .fast = VEC_POW2_SATURATES ? FAST : FAST_CLAMPED};
    float room[ENT_BLOCK]; /* for a block that is not there as floats */
    for (size_t i = 0; i < s->row.n; i += ENT_BLOCK) {
        const size_t n = s->row.n - i < ENT_BLOCK ? s->row.n - i : ENT_BLOCK;
        if (s->masked && all_masked(s, i, n)) {
            continue;
        }
        if (want_support) {
            row.support += count_support(s, i, n);
        }
        if (row.M < INFINITY && !mood.rising &&
            (VEC_POW2_SATURATES && mood.fast == FAST
                 ? add_block(&row, s, i, n, scale, FAST, want_v, room)
                 : add_block(&row, s, i, n, scale, FAST_CLAMPED, want_v, room))) {
            continue;
        }
        const float *z = as_floats(s, i, n, room);
        if (!(row.M < INFINITY)) {
            if (isnan(block_max(z, n))) {
                ent_sums_void(&row, NAN); /* stronger than the +inf seen before */
            }
        } else if (want_v) {
            add_unusual_block_with_v(&row, z, i, n, scale, &mood);
        } else {
            add_unusual_block_without_v(&row, z, i, n, scale, &mood);
        }
    }
    *sums = row;
}

#endif
