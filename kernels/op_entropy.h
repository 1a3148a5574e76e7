/* The sweep: one pass over a row that gives the sums of kernels.h, in blocks of 1024 logits.
 *
 * A block is summed (op_block.h) against the largest logit M of all blocks before it, on the bet
 * that nothing in it reaches M. All signs of d = z - M are ANDed on the way: if one is clear, a logit
 * is >= M and the bet is lost. Then the block's own maximum is found, the row's sums are rescaled to
 * it, and the block is summed again with care: the logits equal to M are left out and counted. In a
 * random row about ln(n) blocks are lost; after one that was, the next is first asked for its
 * maximum, so that an ascending row does not pay twice.
 *
 * The bits depend on nothing but the values: a bet that was lost leaves no trace, the end of a row
 * is filled up with -inf, and -inf adds 0. */
#ifndef ENT_OP_ENTROPY_H
#define ENT_OP_ENTROPY_H

#include "op_block.h"
#include "sums.h"

/* How the sweep has gone so far: what it expects of the next block. */
struct mood {
    bool rising;       /* the last block raised M or reached it */
    enum pass fast;    /* FAST until a logit was so low that the exponential needs the clamp */
    ent_anchor anchor; /* of M, if there is one */
};

/* A block on which the bet was lost, or not made: z[0 .. n), which are the logits from i on. */
INLINE void add_unusual_block(ent_sums *row, const float *z, size_t i, size_t n,
                              const ent_scale *scale, bool want_v, struct mood *mood)
{
    const source s = {.row = {.logits = z, .n = n}};
    const double max = (double)block_max(z, n) + 0.0; /* -0 becomes +0 */
    const size_t peak = max > row->M ? i : row->peak;
    bool numbers; /* and no NaN among them */
    if (max < row->M) {
        if (!mood->rising) {
            mood->fast = FAST_CLAMPED;
        }
        mood->rising = false;
        numbers = add_block(row, &s, 0, n, &mood->anchor, scale, FAST_CLAMPED, want_v, NULL);
    } else if (fabs(max) < HUGE_VAL) {
        mood->rising = true;
        if (max > row->M) {
            ent_sums_raise(row, max, scale->T);
            ent_anchor_init(&mood->anchor, max, scale);
        }
        numbers = add_block(row, &s, 0, n, &mood->anchor, scale, CAREFUL, want_v, NULL);
    } else {
        numbers = !has_nan(z, n);
        ent_sums_void(row, max);
    }
    if (numbers) {
        row->peak = peak;
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

/* None of the n logits at i takes part: they need not be read. */
INLINE bool all_masked(const source *s, size_t i, size_t n)
{
    uint32_t any = 0;
    for (size_t k = 0; k < n; k += 32) any |= s->row.allowed[(i + k) / 32];
    return any == 0;
}

VEC_VARIANT void sweep(ent_sums *sums, const source *s, const ent_scale *scale, bool want_v,
                       bool want_support)
{
    ent_sums row = *sums;
    struct mood mood = {.rising = false, .fast = VEC_POW2_SATURATES ? FAST : FAST_CLAMPED};
    if (fabs(row.M) < HUGE_VAL) {
        ent_anchor_init(&mood.anchor, row.M, scale);
    }
    float room[ENT_BLOCK]; /* for a block that is not there as floats */
    for (size_t i = 0; i < s->row.n; i += ENT_BLOCK) {
        const size_t n = s->row.n - i < ENT_BLOCK ? s->row.n - i : ENT_BLOCK;
        if (s->masked && all_masked(s, i, n)) {
            continue;
        }
        if (want_support) {
            row.support += count_support(s, i, n);
        }
        if (fabs(row.M) < HUGE_VAL && !mood.rising &&
            (VEC_POW2_SATURATES && mood.fast == FAST
                 ? add_block(&row, s, i, n, &mood.anchor, scale, FAST, want_v, room)
                 : add_block(&row, s, i, n, &mood.anchor, scale, FAST_CLAMPED, want_v, room))) {
            continue;
        }
        const float *z = as_floats(s, i, n, room);
        if (!(row.M < INFINITY)) {
            if (has_nan(z, n)) {
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
