/* Included last by every isa_ISA.c, after its registers: instantiates each operation and lists it
 * in the table ent_kernels_ISA. */
#include "op_entropy.h"

static void sweep_f32(ent_sums *sums, const float *logits, size_t n, const ent_scale *scale)
{
    sweep(sums, logits, n, scale);
}

#define TABLE_OF(isa) ent_kernels_##isa
#define TABLE(isa) TABLE_OF(isa)
#define NAME_OF(isa) #isa
#define NAME(isa) NAME_OF(isa)

const ent_kernels TABLE(ISA) = {
    .name = NAME(ISA),
    .sweep_f32 = sweep_f32,
};
