/* The largest logit of a row, or of a piece of one: what the later pieces of a row must know before
 * they can be summed at the same time as the first. */
#ifndef ENT_OP_MAX_H
#define ENT_OP_MAX_H

#include "op_block.h"

/* NaN if there is a NaN, -inf if there is nothing else. */
VEC_VARIANT float max_of(const source *s)
{
    float max = -INFINITY, room[ENT_BLOCK];
    for (size_t i = 0; i < s->row.n && !isnan(max); i += ENT_BLOCK) {
        const size_t n = s->row.n - i < ENT_BLOCK ? s->row.n - i : ENT_BLOCK;
        const float of_block = block_max(as_floats(s, i, n, room), n);
        max = of_block <= max ? max : of_block;
    }
    return max;
}

#endif
