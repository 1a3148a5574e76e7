/* What callers pass, checked. */
#ifndef ENT_ARGS_H
#define ENT_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "entropy.h"

/* Where the rows of an array [batch, seq, vocab] are. */
typedef struct ent_layout {
    size_t seq, batch_stride, seq_stride; /* in elements */
} ent_layout;

static inline size_t ent_offset(const ent_layout *l, size_t row)
{
    return row < l->seq ? row * l->seq_stride
                        : row / l->seq * l->batch_stride + row % l->seq * l->seq_stride;
}

typedef struct ent_plan {
    const entropy_args *args;
    size_t rows; /* 0: there is nothing to do */
    ent_layout logits, gradient;
} ent_plan;

static inline bool ent_skips(const entropy_args *args, size_t row)
{
    return args->row_mask != NULL && args->row_mask[row] == 0;
}

/* The words of a mask. */
static inline size_t ent_mask_words(size_t vocab)
{
    return vocab / 32 + (vocab % 32 != 0);
}

/* The checks that the calls have in common, in their order. `output` is needed too: for a gradient
 * the entropy_grads, for states the array, for results whatever is not NULL. */
enum ent_call { ENT_RESULTS, ENT_STATES, ENT_GRADIENT };
int ent_plan_of(ent_plan *plan, enum ent_call call, const entropy_args *args, const void *output);

/* n of the given size are more than PTRDIFF_MAX bytes. */
bool ent_too_many(size_t n, size_t size);

bool ent_is_temperature(double T);

#endif
