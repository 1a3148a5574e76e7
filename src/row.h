/* Rows between the kernels and the callers: their states, and the results of these. All of it runs
 * in the environment of fpenv.h. */
#ifndef ENT_ROW_H
#define ENT_ROW_H

#include "../kernels/kernels.h"
#include "args.h"

/* What a state holds besides what entropy, logsumexp, max_logit and max_logprob need: bits. The
 * first two are those of kernels.h. */
enum {
    WANT_V = ENT_WANT_V,
    WANT_SUPPORT = ENT_WANT_SUPPORT,
    WANT_ARGMAX = 4,
    WANT_TARGET = 8,
    WANT_ALL = 15
};

/* entropy_state.flags */
enum { STATE_HAS_TARGET = 1, STATE_SKIPPED = 2 };

/* Rows whose logarithms are taken together. */
#define ROWS_AT_ONCE 16

ent_sums ent_sums_of_state(const entropy_state *state);

/* Adds logits to the row that the state has seen. */
void ent_add_to_state(entropy_state *state, const ent_kernels *k, enum ent_dtype dtype,
                      const ent_row *row, const ent_scale *scale, unsigned want);

/* The states of rows [first, first + rows). */
void ent_states_of_rows(entropy_state *states, const ent_kernels *k, const ent_plan *plan,
                        size_t first, size_t rows, unsigned want);

/* Writes what `results` wants of rows [first, first + rows), rows <= ROWS_AT_ONCE. */
void ent_write_results(const entropy_args *results, size_t first, const entropy_state *states,
                       size_t rows);

/* One logit of a row, as a number: -inf if it takes no part. */
double ent_logit(enum ent_dtype dtype, const ent_row *row, size_t i);

#endif
