#include "row.h"

#include <math.h>

#include "../kernels/half.h"
#include "../kernels/results.h"

ent_row ent_row_of(const ent_plan *plan, size_t i)
{
    const entropy_args *a = plan->args;
    const size_t size = ent_size_of((enum ent_dtype)a->dtype);
    return (ent_row){
        .logits = (const char *)a->logits + ent_offset(&plan->logits, i) * size,
        .allowed = a->allowed != NULL ? a->allowed + i * a->allowed_stride : NULL,
        .n = a->vocab,
    };
}

ent_row ent_part_of(const ent_row *row, enum ent_dtype dtype, size_t from, size_t n)
{
    return (ent_row){
        .logits = (const char *)row->logits + from * ent_size_of(dtype),
        .allowed = row->allowed != NULL ? row->allowed + from / 32 : NULL,
        .n = n,
    };
}

double ent_temperature_of(const entropy_args *args, size_t i)
{
    return args->temperature != NULL ? args->temperature[i * args->temperature_stride] : 1;
}

double ent_logit(enum ent_dtype dtype, const ent_row *row, size_t i)
{
    if (row->allowed != NULL && !(row->allowed[i / 32] >> i % 32 & 1)) {
        return -INFINITY;
    }
    const uint16_t *half = row->logits;
    switch (dtype) {
    case ENT_F16: return ent_from_f16(half[i]);
    case ENT_BF16: return ent_from_bf16(half[i]);
    default: return ((const float *)row->logits)[i];
    }
}

/* What the record keeps besides the sums. */
static void record_added(ent_record *record, const ent_kernels *k, enum ent_dtype dtype,
                         const ent_row *row, unsigned want)
{
    const ent_sums *sums = &record->sums;
    if ((want & WANT_ARGMAX) && isnan(sums->M)) {
        record->argmax = -1;
    } else if ((want & WANT_ARGMAX) && sums->peak != ENT_NO_PEAK) {
        const size_t i = k->find[dtype](row, sums->peak, (float)sums->M);
        record->argmax = (int64_t)(record->length + i);
    }
    record->length += row->n;
}

void ent_record_add(ent_record *record, const ent_kernels *k, enum ent_dtype dtype,
                    const ent_row *row, const ent_scale *scale, unsigned want, int threads)
{
    if (threads == 1) {
        k->sweep[dtype](&record->sums, row, scale, want);
    } else {
        ent_sweep_shared(&record->sums, k, dtype, row, scale, want, threads);
    }
    record_added(record, k, dtype, row, want);
}

static void add_target(ent_record *record, const entropy_args *a, enum ent_dtype dtype,
                       const ent_row *row, size_t i)
{
    if (a->target != NULL && a->target[i] >= 0) {
        record->has_target = true;
        record->target_logit = ent_logit(dtype, row, (size_t)a->target[i]) + 0.0;
    }
}

void ent_records_of_rows(ent_record *records, const ent_kernels *k, const ent_plan *plan,
                         size_t first, size_t rows, unsigned want, int threads)
{
    const entropy_args *a = plan->args;
    const enum ent_dtype dtype = (enum ent_dtype)a->dtype;
    ent_scale scales[ROWS_AT_ONCE], *scale = scales;
    scale->T = 0;
    ent_short list[ROWS_AT_ONCE];
    size_t n = 0;
    for (size_t j = 0; j < rows; j++) {
        const bool skipped = ent_skips(a, first + j);
        const double T = skipped ? 1 : ent_temperature_of(a, first + j);
        ent_record_init(&records[j], T);
        records[j].skipped = skipped;
        if (!skipped) {
            if (T != scale->T) {
                scale = &scales[n];
                *scale = ent_scale_of(T);
            }
            list[n++] = (ent_short){ent_row_of(plan, first + j), scale, &records[j].sums};
        }
    }
    const uint32_t summed = n > 0 && a->vocab <= ENT_SHORT ? k->sum_short[dtype](list, n, want) : 0;
    for (size_t j = 0, l = 0; j < rows; j++) {
        if (records[j].skipped) {
            continue;
        }
        const ent_row *row = &list[l].row;
        if (summed >> l & 1) {
            record_added(&records[j], k, dtype, row, want);
        } else {
            ent_record_add(&records[j], k, dtype, row, list[l].scale, want, threads);
        }
        if (want & WANT_TARGET) {
            add_target(&records[j], a, dtype, row, first + j);
        }
        l++;
    }
}

static float target_logprob(const ent_record *r, double log_mass)
{
    return r->has_target ? ent_logprob(&r->sums, r->T, log_mass, r->target_logit) : 0;
}

static int64_t argmax(const ent_record *r)
{
    return isnan(r->sums.M) ? -1 : r->argmax;
}

void ent_write_results(const entropy_args *results, const ent_kernels *k, size_t first,
                       const ent_record *records, size_t rows)
{
    double log_mass[ROWS_AT_ONCE];
    bool zero[ROWS_AT_ONCE];
    for (size_t j = 0; j < rows; j++) {
        const ent_record *r = &records[j];
        log_mass[j] = r->sums.r / r->sums.c;
        zero[j] = ent_skips(results, first + j) || (r->skipped && r->length == 0);
    }
    k->log1p(log_mass, rows);
    for (size_t j = 0; j < rows; j++) {
        log_mass[j] = ent_log_mass(&records[j].sums, log_mass[j]);
    }

#define WRITE(result, value)                                       \
    for (size_t j = 0; results->result != NULL && j < rows; j++) { \
        const ent_record *r = &records[j];                         \
        results->result[first + j] = zero[j] ? 0 : (value);        \
    }
    WRITE(entropy, ent_entropy(&r->sums, r->T, log_mass[j]))
    WRITE(varentropy, ent_varentropy(&r->sums, r->T))
    WRITE(logsumexp, ent_logsumexp(&r->sums, r->T, log_mass[j]))
    WRITE(max_logit, ent_max_logit(&r->sums))
    WRITE(max_logprob, ent_max_logprob(&r->sums, log_mass[j]))
    WRITE(target_logprob, target_logprob(r, log_mass[j]))
    WRITE(argmax, argmax(r))
    WRITE(support, (int64_t)r->sums.support)
#undef WRITE
}
