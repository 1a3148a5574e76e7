/* The gradient of entropy, logsumexp and target log-probability with respect to the logits, in one
 * sweep (the target's own logit aside, which src/backward.c writes). With d = z - M,
 *
 *     dL / dz = e^(d / T) mass (slope unit d + offset)
 *
 * The factor 2^40 of the exponential stays until the end, so that a p below FLT_MIN counts as long
 * as its gradient is above it. Where the exponential is 0 so is the gradient, however large what is
 * in brackets. Nothing is -0.
 *
 * Error: that of the exponential, 2.0e-7, and 2^-24 each from mass and the two products. */
#ifndef ENT_OP_GRADIENT_H
#define ENT_OP_GRADIENT_H

#include <string.h>

#include "op_exp.h"
#include "op_load.h"

INLINE void store(void *out, enum ent_dtype dtype, vf32 x)
{
    switch (dtype) {
    case ENT_F16: v_store_f16(out, x); break;
    case ENT_BF16: v_store_bf16(out, x); break;
    default: v_store(out, x); break;
    }
}

VEC_VARIANT void gradient_vectors(vf32 *z, int count, const exp_constants *k,
                                  const ent_scale *scale, const ent_line *line, const char *here)
{
    const vf32 zero = v_set1(0);
    vf32 d[VEC_UNROLL], e[VEC_UNROLL];
    for (int j = 0; j < count; j++) {
        d[j] = v_max(k->floor, v_sub(z[j], v_set1(line->M)));
    }
    exp_scaled(e, d, count, k, true, here);
    for (int j = 0; j < count; j++) {
        const vf32 t = v_mul(d[j], v_set1(scale->unit));
        const vf32 x = v_mul(e[j], v_fma(t, v_set1(line->slope), v_set1(line->offset)));
        const vf32 scaled = v_mul(x, v_set1(line->mass / (float)EXP_SCALE));
        z[j] = v_keep(v_unequal(e[j], zero), v_add(scaled, zero));
    }
}

VEC_VARIANT void gradient(void *out, const source *s, const ent_scale *scale, const ent_line *line)
{
    const size_t n = s->row.n, size = ent_size_of(s->dtype), turn = VEC_UNROLL * LANES;
    ent_anchor anchor;
    ent_anchor_init(&anchor, 0, scale);
    const exp_constants k = exp_constants_of(&anchor, scale);
    char *to = out;
    size_t i = 0;
    /* Streaming stores write whole lines of memory without reading them first. */
    const bool stream = line->stream && s->dtype == ENT_F32 && (uintptr_t)to % 64 == 0;
    for (; n - i >= turn; i += turn) {
        vf32 z[VEC_UNROLL];
        if (i % ENT_BLOCK == 0) prefetch_page(address(s, i));
        for (size_t j = 0; j < VEC_UNROLL; j++) z[j] = load(s, i + j * LANES, LANES);
        gradient_vectors(z, VEC_UNROLL, &k, scale, line, address(s, i));
        for (size_t j = 0; j < VEC_UNROLL; j++) {
            void *at = to + (i + j * LANES) * size;
            if (stream) {
                v_stream(at, z[j]);
            } else {
                store(at, s->dtype, z[j]);
            }
        }
    }
    for (; i < n; i += LANES) {
        vf32 z = load(s, i, n - i);
        float part[LANES];
        gradient_vectors(&z, 1, &k, scale, line, NULL);
        store(part, s->dtype, z);
        memcpy(to + i * size, part, (n - i < LANES ? n - i : LANES) * size);
    }
    if (stream) {
        v_stream_end();
    }
}

#endif
