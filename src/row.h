/* Rows between the kernels and the callers: what is known of them, and what they result in. All of
 * it runs in the environment of fpenv.h. */
#ifndef ENT_ROW_H
#define ENT_ROW_H

#include "../kernels/kernels.h"
#include "args.h"

/* What is known of a row, or of a piece of one. entropy_state is its form for others. */
typedef struct ent_record {
    ent_sums sums;
    double T;
    size_t length;
    int64_t argmax;
    double target_logit;
    bool has_target;
    bool skipped; /* by row_mask */
} ent_record;

/* What is kept besides what entropy, logsumexp, max_logit and max_logprob need: bits. The first two
 * are those of kernels.h. */
enum {
    WANT_V = ENT_WANT_V,
    WANT_SUPPORT = ENT_WANT_SUPPORT,
    WANT_ARGMAX = 4,
    WANT_TARGET = 8,
    WANT_ALL = 15
};

/* Rows whose logarithms are taken together. */
#define ROWS_AT_ONCE ENT_SHORT_ROWS

/* Row i, which is not skipped, and its temperature. */
ent_row ent_row_of(const ent_plan *plan, size_t i);
/* n logits of a row, from a multiple of ENT_BLOCK on. */
ent_row ent_part_of(const ent_row *row, enum ent_dtype dtype, size_t from, size_t n);
double ent_temperature_of(const entropy_args *args, size_t i);

/* One logit of a row, as a number: -inf if it takes no part. */
double ent_logit(enum ent_dtype dtype, const ent_row *row, size_t i);

/* An empty row. (Member by member: compilers make a slow instruction of a compound literal.) */
static inline void ent_record_init(ent_record *record, double T)
{
    record->sums = ENT_SUMS_INIT;
    record->T = T;
    record->length = 0;
    record->argmax = -1;
    record->target_logit = 0;
    record->has_target = record->skipped = false;
}

/* Adds logits behind those that the record has seen, on so many threads. */
void ent_record_add(ent_record *record, const ent_kernels *k, enum ent_dtype dtype,
                    const ent_row *row, const ent_scale *scale, unsigned want, int threads);

/* What the kernel's sweep does, with the same bits, on several threads. */
void ent_sweep_shared(ent_sums *sums, const ent_kernels *k, enum ent_dtype dtype,
                      const ent_row *row, const ent_scale *scale, unsigned want, int threads);

/* The records of rows [first, first + rows), each on so many threads. */
void ent_records_of_rows(ent_record *records, const ent_kernels *k, const ent_plan *plan,
                         size_t first, size_t rows, unsigned want, int threads);

/* Writes what `results` wants of rows [first, first + rows), rows <= ROWS_AT_ONCE. */
void ent_write_results(const entropy_args *results, const ent_kernels *k, size_t first,
                       const ent_record *records, size_t rows);

#endif
