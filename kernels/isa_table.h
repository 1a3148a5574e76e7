/* Included last by every isa_ISA.c, after its registers: instantiates each operation, for each
 * dtype and with and without what may be absent, and lists them in the table ent_kernels_ISA. */
#include "op_entropy.h"
#include "op_find.h"
#include "op_gradient.h"

INLINE void sweep_source(ent_sums *sums, const source *s, const ent_scale *scale, unsigned want)
{
    const bool support = want & ENT_WANT_SUPPORT;
    if (want & ENT_WANT_V) {
        sweep(sums, s, scale, true, support);
    } else {
        sweep(sums, s, scale, false, support);
    }
}

#define INSTANTIATE(name, type)                                                          \
    static void sweep_##name(ent_sums *sums, const ent_row *row, const ent_scale *scale, \
                             unsigned want)                                              \
    {                                                                                    \
        if (row->allowed != NULL) {                                                      \
            sweep_source(sums, &(source){*row, type, true}, scale, want);                \
        } else {                                                                         \
            sweep_source(sums, &(source){*row, type, false}, scale, want);               \
        }                                                                                \
    }                                                                                    \
    static size_t find_##name(const ent_row *row, size_t from, float x)                  \
    {                                                                                    \
        return find(&(source){*row, type, row->allowed != NULL}, from, x);               \
    }                                                                                    \
    static void gradient_##name(void *out, const ent_row *row, const ent_scale *scale,   \
                                const ent_line *line)                                    \
    {                                                                                    \
        if (row->allowed != NULL) {                                                      \
            gradient(out, &(source){*row, type, true}, scale, line);                     \
        } else {                                                                         \
            gradient(out, &(source){*row, type, false}, scale, line);                    \
        }                                                                                \
    }

INSTANTIATE(f32, ENT_F32)
INSTANTIATE(f16, ENT_F16)
INSTANTIATE(bf16, ENT_BF16)

#define TABLE_OF(isa) ent_kernels_##isa
#define TABLE(isa) TABLE_OF(isa)
#define NAME_OF(isa) #isa
#define NAME(isa) NAME_OF(isa)

const ent_kernels TABLE(ISA) = {
    .name = NAME(ISA),
    .sweep = {sweep_f32, sweep_f16, sweep_bf16},
    .find = {find_f32, find_f16, find_bf16},
    .gradient = {gradient_f32, gradient_f16, gradient_bf16},
};
