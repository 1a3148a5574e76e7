#include "row.h"

#include <math.h>

#include "../kernels/half.h"
#include "../kernels/results.h"

ent_sums ent_sums_of_state(const entropy_state *s)
{
    if (s->version != ENTROPY_STATE_VERSION) {
        return (ent_sums){.M = NAN};
    }
    return (ent_sums){s->max,      s->ties,           s->sum, s->first_moment, s->second_moment,
                      ENT_NO_PEAK, (size_t)s->support};
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

/* From the row's first logit on; -1: none. */
static int64_t argmax_of(const entropy_state *before, const ent_sums *sums, const ent_kernels *k,
                         enum ent_dtype dtype, const ent_row *row)
{
    if (isnan(sums->M)) {
        return -1;
    }
    if (sums->peak == ENT_NO_PEAK) {
        return before->argmax;
    }
    const size_t i = k->find[dtype](row, sums->peak, (float)sums->M);
    return (int64_t)((uint64_t)before->length + i);
}

void ent_add_to_state(entropy_state *state, const ent_kernels *k, enum ent_dtype dtype,
                      const ent_row *row, const ent_scale *scale, unsigned want)
{
    ent_sums sums = ent_sums_of_state(state);
    k->sweep[dtype](&sums, row, scale, want);
    if (want & WANT_ARGMAX) {
        state->argmax = argmax_of(state, &sums, k, dtype, row);
    }
    state->max = sums.M;
    state->ties = sums.c;
    state->sum = sums.r;
    state->first_moment = sums.w;
    state->second_moment = sums.v;
    state->support = (int64_t)sums.support;
    state->length = (int64_t)((uint64_t)state->length + row->n);
}

void ent_states_of_rows(entropy_state *states, const ent_kernels *k, const ent_plan *plan,
                        size_t first, size_t rows, unsigned want)
{
    const entropy_args *a = plan->args;
    const enum ent_dtype dtype = (enum ent_dtype)a->dtype;
    const char *logits = a->logits;
    ent_scale scale = {.T = 0};
    for (size_t j = 0; j < rows; j++) {
        const size_t i = first + j;
        entropy_state_init(&states[j]);
        if (ent_skips(a, i)) {
            states[j].flags = STATE_SKIPPED;
            continue;
        }
        const double T = a->temperature != NULL ? a->temperature[i * a->temperature_stride] : 1;
        if (T != scale.T) {
            scale = ent_scale_of(T);
        }
        const ent_row row = {
            .logits = logits + ent_offset(&plan->logits, i) * ent_size_of(dtype),
            .allowed = a->allowed != NULL ? a->allowed + i * a->allowed_stride : NULL,
            .n = a->vocab,
        };
        states[j].temperature = T;
        ent_add_to_state(&states[j], k, dtype, &row, &scale, want);
        if ((want & WANT_TARGET) && a->target != NULL && a->target[i] >= 0) {
            states[j].flags |= STATE_HAS_TARGET;
            states[j].target_logit = ent_logit(dtype, &row, (size_t)a->target[i]) + 0.0;
        }
    }
}

void ent_write_results(const entropy_args *results, size_t first, const entropy_state *states,
                       size_t rows)
{
    ent_sums sums[ROWS_AT_ONCE] = {{0}};
    double log_mass[ROWS_AT_ONCE];
    bool zero[ROWS_AT_ONCE];
    for (size_t j = 0; j < rows; j++) {
        sums[j] = ent_sums_of_state(&states[j]);
        zero[j] = ent_skips(results, first + j) ||
                  ((states[j].flags & STATE_SKIPPED) && states[j].length == 0);
    }
    ent_log_mass(sums, rows, log_mass);

#define EACH_ROW(result, value)                                 \
    if (results->result != NULL) {                              \
        for (size_t j = 0; j < rows; j++) {                     \
            const double T = states[j].temperature;             \
            (void)T;                                            \
            results->result[first + j] = zero[j] ? 0 : (value); \
        }                                                       \
    }
    EACH_ROW(entropy, ent_entropy(&sums[j], T, log_mass[j]))
    EACH_ROW(varentropy, ent_varentropy(&sums[j], T))
    EACH_ROW(logsumexp, ent_logsumexp(&sums[j], T, log_mass[j]))
    EACH_ROW(max_logit, ent_max_logit(&sums[j]))
    EACH_ROW(max_logprob, ent_max_logprob(&sums[j], log_mass[j]))
    EACH_ROW(target_logprob, states[j].flags & STATE_HAS_TARGET
                                 ? ent_logprob(&sums[j], T, log_mass[j], states[j].target_logit)
                                 : 0)
    EACH_ROW(argmax, isnan(sums[j].M) ? -1 : states[j].argmax)
    EACH_ROW(support, states[j].version == ENTROPY_STATE_VERSION ? states[j].support : 0)
#undef EACH_ROW
}
