/* The statuses that entropy.h foretells, from its words alone. Sizes are counted without end. */
#ifndef PREDICT_H
#define PREDICT_H

#include <stdbool.h>

#include "entropy.h"

enum call { SIMPLE, FORWARD, STATES, BACKWARD };

/* Rows of an array, with the strides that are meant. */
typedef struct layout {
    size_t batch, seq, vocab, batch_stride, seq_stride, span; /* in elements */
} layout;

/* False where no array has this shape and these strides. Meaningful only if it is true: *l. */
bool layout_of(layout *l, const entropy_args *a, ptrdiff_t batch_stride, ptrdiff_t seq_stride);

size_t row_start(const layout *l, size_t row);

/* Of at most so many rows, unless one axis has length 1. */
#define MOST_COMPARED 4096
bool rows_overlap(const layout *l);

/* The status as far as it does not depend on what arrays hold. `output`: the simple call's out, the
 * states, or the grads. `grads` of BACKWARD may only be NULL or there. */
int predict_shape(enum call call, const entropy_args *a, const void *output);

/* The whole of it. Reads row_mask, temperature and target. */
int predict(enum call call, const entropy_args *a, const void *output);

#endif
