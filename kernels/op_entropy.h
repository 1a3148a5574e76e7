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
 * 3 in its quad (4 for w, whose products are rounded too) and 2 in the tree: 6 * 2^-24 = 3.6e-7,
 * were every rounding the worst one and all went the same way. One chain through the block could
 * reach ten times that, and rows that come near it can be written down (test_tiny_addends).
 *
 * The bits depend on nothing but the values: a bet that was lost leaves no trace, the end of a row
 * is filled up with -inf, and -inf adds 0. */
#ifndef ENT_OP_ENTROPY_H
#define ENT_OP_ENTROPY_H

#include <math.h>
#include <stdbool.h>

#include "op_exp.h"
#include "scalar_math.h"

/* A compiler that unrolls a quad runs out of registers on AVX2. */
#ifdef __clang__
#define NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define NO_UNROLL _Pragma("GCC unroll 1")
#endif

#define LANES 16
#define QUAD (4 * LANES)
#define QUADS (ENT_BLOCK / QUAD)

_Static_assert(4 % VEC_UNROLL == 0, "a quad is a whole number of turns");
_Static_assert(QUADS == 16, "the error above counts two levels of a tree, down to 4");

enum pass { FAST, FAST_CLAMPED, CAREFUL };

/* The sums of a quad, lane by lane. */
typedef struct lanes {
    vf32 r, w;
    vsign below; /* all set: every logit was < M. Not kept by CAREFUL */
    int ties;    /* logits equal to M. Kept by CAREFUL alone */
} lanes;

typedef struct constants {
    vf32 M, floor, hi, lo;
} constants;

/* FAST may leave NaN or infinity where d is below scale->floor; a NaN logit leaves NaN in every
 * pass. */
INLINE void add_vectors(lanes *s, const vf32 *z, int count, const constants *c, enum pass pass,
                        const char *here)
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
}

/* 16 logits, those past the end as -inf. */
INLINE vf32 load_up_to(const float *z, size_t n)
{
    return n < LANES ? v_load_n(z, n, -INFINITY) : v_load(z);
}

/* A quad of z[0 .. n), n > 0; what it finds of signs and ties is added to what `before` had. */
INLINE lanes quad_lanes(const float *z, size_t n, const lanes *before, const constants *c,
                        enum pass pass)
{
    lanes sum = {v_set1(0), v_set1(0), before->below, before->ties};
    if (n >= QUAD) {
        NO_UNROLL
        for (size_t k = 0; k < QUAD; k += VEC_UNROLL * LANES) {
            vf32 x[VEC_UNROLL];
            for (size_t j = 0; j < VEC_UNROLL; j++) x[j] = v_load(z + k + j * LANES);
            add_vectors(&sum, x, VEC_UNROLL, c, pass, (const char *)(z + k));
        }
    } else {
        for (size_t k = 0; k < n; k += LANES) {
            const vf32 x = load_up_to(z + k, n - k);
            add_vectors(&sum, &x, 1, c, pass, NULL);
        }
    }
    return sum;
}

/* Adds a block of z[0 .. n) to the row, if the sums are what they claim to be: false, and nothing
 * added, if not. */
INLINE bool add_block(ent_sums *row, const float *z, size_t n, const ent_scale *scale,
                      enum pass pass)
{
    /* A maximum of 0 is taken as -0: z - M is then +0 for zeros of both signs: neither is below. */
    const constants c = {v_set1(row->M == 0 ? -0.0f : (float)row->M), v_set1(scale->floor),
                         v_set1(scale->hi), v_set1(scale->lo)};
    lanes sum = {v_set1(0), v_set1(0), s_all(), 0};
    vf32 r[QUADS], w[QUADS];
    size_t quads = 0;
    for (size_t i = 0; i < n; i += QUAD, quads++) {
        sum = quad_lanes(z + i, n - i, &sum, &c, pass);
        r[quads] = sum.r;
        w[quads] = sum.w;
    }
    for (size_t half = QUADS / 2; half >= 4; half /= 2) {
        for (size_t k = 0; k + half < quads; k++) {
            r[k] = v_add(r[k], r[k + half]);
            w[k] = v_add(w[k], w[k + half]);
        }
        quads = quads < half ? quads : half;
    }
    vf64 r_lanes = d_zero(), w_lanes = d_zero();
    for (size_t k = 0; k < quads; k++) {
        r_lanes = d_add(r_lanes, r[k]);
        w_lanes = d_add(w_lanes, w[k]);
    }
    const double r_sum = d_hsum(r_lanes) / EXP_SCALE, w_sum = d_hsum(w_lanes) / EXP_SCALE;
    if (pass != CAREFUL && !(s_still_all(sum.below) && fabs(r_sum + w_sum) < HUGE_VAL)) {
        return false;
    }
    row->c += sum.ties;
    row->r += r_sum;
    row->w += w_sum;
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
        const vf32 x = load_up_to(z + i, n - i);
        max[0] = v_max(x, max[0]);
        nan = m_or(nan, v_unordered(x));
    }
    return m_count(nan) ? NAN : v_hmax(v_max(v_max(max[0], max[1]), v_max(max[2], max[3])));
}

/* Moves the sums from their M to a larger one: with delta = M - max < 0, every d grows by delta. */
INLINE void raise_max(ent_sums *row, double max, double T)
{
    if (row->M > -INFINITY) {
        const double delta = row->M - max, shrink = ent_exp(delta / T), q = row->c + row->r;
        row->w = (row->w + delta * q) * shrink;
        row->r = q * shrink;
        row->c = 0;
    }
    row->M = max;
}

/* How the sweep has gone so far: what it expects of the next block. */
struct mood {
    bool rising;    /* the last block raised M or reached it */
    enum pass fast; /* FAST until a logit was so low that the exponential needs the clamp */
};

/* A block on which the bet was lost, or not made. */
static __attribute__((noinline)) void add_unusual_block(ent_sums *row, const float *z, size_t n,
                                                        const ent_scale *scale, struct mood *mood)
{
    const double max = (double)block_max(z, n) + 0.0; /* -0 becomes +0 */
    if (max < row->M || max == -INFINITY) {
        if (!mood->rising) {
            mood->fast = FAST_CLAMPED;
        }
        mood->rising = false;
        if (row->M > -INFINITY) {
            add_block(row, z, n, scale, FAST_CLAMPED);
        }
    } else if (max < INFINITY) {
        mood->rising = true;
        if (max > row->M) {
            raise_max(row, max, scale->T);
        }
        add_block(row, z, n, scale, CAREFUL);
    } else {
        row->M = max; /* +inf or NaN: the row has no distribution */
    }
}

INLINE void sweep(ent_sums *sums, const float *z, size_t n, const ent_scale *scale)
{
    ent_sums row = *sums;
    struct mood mood = {.rising = !(row.M > -INFINITY),
                        .fast = VEC_POW2_SATURATES ? FAST : FAST_CLAMPED};
    for (size_t i = 0; i < n; i += ENT_BLOCK) {
        const size_t m = n - i < ENT_BLOCK ? n - i : ENT_BLOCK;
        if (row.M < INFINITY) {
            if (mood.rising || !(VEC_POW2_SATURATES && mood.fast == FAST
                                     ? add_block(&row, z + i, m, scale, FAST)
                                     : add_block(&row, z + i, m, scale, FAST_CLAMPED))) {
                add_unusual_block(&row, z + i, m, scale, &mood);
            }
        } else if (isnan(block_max(z + i, m))) {
            row.M = NAN; /* stronger than the +inf seen before */
        }
    }
    *sums = row;
}

#endif
