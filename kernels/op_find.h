/* The index of a logit. The sweep knows in which block the maximum is; only that one is read again.
 */
#ifndef ENT_OP_FIND_H
#define ENT_OP_FIND_H

#include "op_load.h"

VEC_VARIANT size_t find(const source *s, size_t from, float x)
{
    for (size_t i = from; i < s->row.n; i += LANES) {
        const vf32 z = load(s, i, s->row.n - i);
        if (!m_all(v_unequal(z, v_set1(x)))) {
            float lane[LANES];
            v_store(lane, z);
            while (lane[i % LANES] != x) {
                i++;
            }
            return i;
        }
    }
    return from; /* another thread has written to the row */
}

#endif
