#include "rows.h"

#include "dispatch.h"
#include "fpenv.h"

#define ROWS_AT_ONCE 16 /* whose sums wait for their logarithms */

void ent_rows_f32(const float *logits, size_t rows, size_t vocab, double T, float *entropy)
{
    const ent_kernels *k = ent_dispatch();
    const ent_fpenv caller = ent_fpenv_enter();
    const ent_scale scale = ent_scale_of(T);
    ent_sums sums[ROWS_AT_ONCE];
    for (size_t i = 0; i < rows; i += ROWS_AT_ONCE) {
        const size_t count = rows - i < ROWS_AT_ONCE ? rows - i : ROWS_AT_ONCE;
        for (size_t j = 0; j < count; j++) {
            sums[j] = ENT_SUMS_INIT;
            k->sweep_f32(&sums[j], logits + (i + j) * vocab, vocab, &scale);
        }
        ent_entropy_of_sums(sums, count, T, entropy + i);
    }
    ent_fpenv_leave(caller);
}

void ent_add_piece_f32(ent_sums *sums, const float *logits, size_t n, double T)
{
    const ent_kernels *k = ent_dispatch();
    const ent_fpenv caller = ent_fpenv_enter();
    const ent_scale scale = ent_scale_of(T);
    k->sweep_f32(sums, logits, n, &scale);
    ent_fpenv_leave(caller);
}

float ent_entropy_of_pieces(const ent_sums *sums, double T)
{
    float entropy;
    const ent_fpenv caller = ent_fpenv_enter();
    ent_entropy_of_sums(sums, 1, T, &entropy);
    ent_fpenv_leave(caller);
    return entropy;
}
