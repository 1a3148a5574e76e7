#ifndef ENT_ROWS_H
#define ENT_ROWS_H

#include <stddef.h>

#include "../kernels/kernels.h"

/* The entropies of `rows` dense rows of softmax(z / T). Arguments have been checked. */
void ent_rows_f32(const float *logits, size_t rows, size_t vocab, double T, float *entropy);

/* A row that comes in pieces: its sums start as ENT_SUMS_INIT. The bits are those of the whole row
 * if every piece but the last is a multiple of ENT_BLOCK logits. */
void ent_add_piece_f32(ent_sums *sums, const float *logits, size_t n, double T);
float ent_entropy_of_pieces(const ent_sums *sums, double T);

#endif
