/* Included last by every isa_ISA.c, after its registers: instantiates each operation, for each
 * dtype and with and without what may be absent, and lists them in the table ent_kernels_ISA. */
#include "op_entropy.h"
#include "op_find.h"
#include "op_gradient.h"
#include "op_log1p.h"
#include "op_short.h"

/* One function each: in a larger one the compiler finds fewer registers for the loops. */
#define SWEEP(name, type, masked, want_v)                                                  \
    NOINLINE void sweep_##name(ent_sums *sums, const ent_row *row, const ent_scale *scale, \
                               unsigned want)                                              \
    {                                                                                      \
        const source s = {*row, type, masked};                                             \
        sweep(sums, &s, scale, want_v, (want & ENT_WANT_SUPPORT) != 0);                    \
    }                                                                                      \
    NOINLINE uint32_t short_rows_##name(const ent_short *rows, size_t n, unsigned want)    \
    {                                                                                      \
        return short_rows(rows, n, type, masked, want_v, (want & ENT_WANT_SUPPORT) != 0);  \
    }

#define INSTANTIATE(name, type)                                                                    \
    SWEEP(name##_all, type, false, false)                                                          \
    SWEEP(name##_all_v, type, false, true)                                                         \
    SWEEP(name##_masked, type, true, false)                                                        \
    SWEEP(name##_masked_v, type, true, true)                                                       \
    static void sweep_##name(ent_sums *sums, const ent_row *row, const ent_scale *scale,           \
                             unsigned want)                                                        \
    {                                                                                              \
        static ent_sweep *const sweeps[2][2] = {{sweep_##name##_all, sweep_##name##_all_v},        \
                                                {sweep_##name##_masked, sweep_##name##_masked_v}}; \
        const bool want_v = (want & ENT_WANT_V) || is_cold(scale);                                 \
        sweeps[row->allowed != NULL][want_v](sums, row, scale, want);                              \
    }                                                                                              \
    static uint32_t short_rows_##name(const ent_short *rows, size_t n, unsigned want)              \
    {                                                                                              \
        static ent_sum_short *const sums[2][2] = {                                                 \
            {short_rows_##name##_all, short_rows_##name##_all_v},                                  \
            {short_rows_##name##_masked, short_rows_##name##_masked_v}};                           \
        return sums[rows[0].row.allowed != NULL][want & ENT_WANT_V](rows, n, want);                \
    }                                                                                              \
    static size_t find_##name(const ent_row *row, size_t from, float x)                            \
    {                                                                                              \
        return find(&(source){*row, type, row->allowed != NULL}, from, x);                         \
    }                                                                                              \
    NOINLINE void gradient_##name##_all(void *out, const ent_row *row, const ent_scale *scale,     \
                                        const ent_line *line)                                      \
    {                                                                                              \
        gradient(out, &(source){*row, type, false}, scale, line);                                  \
    }                                                                                              \
    NOINLINE void gradient_##name##_masked(void *out, const ent_row *row, const ent_scale *scale,  \
                                           const ent_line *line)                                   \
    {                                                                                              \
        gradient(out, &(source){*row, type, true}, scale, line);                                   \
    }                                                                                              \
    static void gradient_##name(void *out, const ent_row *row, const ent_scale *scale,             \
                                const ent_line *line)                                              \
    {                                                                                              \
        (row->allowed != NULL ? gradient_##name##_masked : gradient_##name##_all)(out, row, scale, \
                                                                                  line);           \
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
    .sum_short = {short_rows_f32, short_rows_f16, short_rows_bf16},
    .find = {find_f32, find_f16, find_bf16},
    .gradient = {gradient_f32, gradient_f16, gradient_bf16},
    .log1p = log1p_each,
};
