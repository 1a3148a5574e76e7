/* Included after the registers of an instruction set, as kernels/isa_table.h is. */
#include "../../kernels/op_exp.h"
#include "exponential.h"

#define NAME_OF(isa) exponential_##isa
#define NAME(isa) NAME_OF(isa)

void NAME(ISA)(float *e, const float *x, size_t n, const ent_anchor *anchor, const ent_scale *scale)
{
    const exp_constants k = exp_constants_of(anchor, scale);
    for (size_t i = 0; i < n; i += 16) {
        const vf32 clamped = v_max(k.floor, v_load(x + i));
        vf32 result;
        exp_scaled(&result, &clamped, 1, &k, scale->lo != 0, NULL);
        v_store(e + i, result);
    }
}
