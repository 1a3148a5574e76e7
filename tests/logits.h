/* Rows of every dtype, and calls on them. */
#ifndef LOGITS_H
#define LOGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "entropy.h"
#include "rows.h"

#define DTYPES 3
extern const char *const dtype_names[DTYPES];

size_t dtype_size(int dtype);

/* to[0 .. n) <- z, rounded to the dtype. */
void narrow(int dtype, void *to, const float *z, size_t n);

/* Element i of an array, as a number. */
double element(int dtype, const void *array, size_t i);

/* The row as numbers, -inf where the mask (NULL: none) has it. */
void widen(int dtype, double *to, const void *row, const uint32_t *allowed, size_t n);

/* A mask of which about one bit in `one_in` is clear; those behind n are whatever they are. */
void fill_mask(uint32_t *allowed, size_t n, unsigned one_in, rng *r);

/* Room for all results of some rows. */
#define MOST_ROWS 64
typedef struct results {
    float entropy[MOST_ROWS], varentropy[MOST_ROWS], logsumexp[MOST_ROWS], max_logit[MOST_ROWS],
        max_logprob[MOST_ROWS], target_logprob[MOST_ROWS];
    int64_t argmax[MOST_ROWS], support[MOST_ROWS];
} results;

/* All bytes of it unlike any result. */
void results_clear(results *r);

/* Bit k of `wanted`: the kth result, in the order of entropy_args. */
#define RESULTS 8
#define ALL_RESULTS 0xffu
void want(entropy_args *args, results *r, unsigned wanted);

/* A dense array [1, rows, vocab] with no option. */
entropy_args args_of(int dtype, const void *logits, size_t rows, size_t vocab);

#endif
