#include "args.h"
#include "dispatch.h"
#include "fpenv.h"
#include "row.h"
#include "state.h"

static unsigned wanted(const entropy_args *a)
{
    return (a->varentropy != NULL ? WANT_V : 0) | (a->support != NULL ? WANT_SUPPORT : 0) |
           (a->argmax != NULL ? WANT_ARGMAX : 0) | (a->target_logprob != NULL ? WANT_TARGET : 0);
}

static size_t at_once(size_t left)
{
    return left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
}

/* `output` is what a simple call needs besides. */
static int forward(const entropy_args *args, const void *output)
{
    ent_plan plan;
    const int status = ent_plan_of(&plan, ENT_RESULTS, args, output);
    if (plan.rows == 0) {
        return status;
    }
    const ent_kernels *k = ent_dispatch();
    const unsigned want = wanted(args);
    const ent_fpenv caller = ent_fpenv_enter();
    for (size_t i = 0; i < plan.rows; i += ROWS_AT_ONCE) {
        ent_record records[ROWS_AT_ONCE];
        const size_t rows = at_once(plan.rows - i);
        ent_records_of_rows(records, k, &plan, i, rows, want);
        ent_write_results(args, k, i, records, rows);
    }
    ent_fpenv_leave(caller);
    return ENTROPY_OK;
}

int entropy_forward(const entropy_args *args)
{
    return forward(args, args);
}

static int entropy_of(const void *logits, int dtype, size_t batch, size_t seq, size_t vocab,
                      float *out)
{
    const entropy_args args = {.size = sizeof args,
                               .logits = logits,
                               .dtype = dtype,
                               .batch = batch,
                               .seq = seq,
                               .vocab = vocab,
                               .entropy = out};
    return forward(&args, out);
}

int entropy_f32(const float *logits, size_t batch, size_t seq, size_t vocab, float *out)
{
    return entropy_of(logits, ENTROPY_F32, batch, seq, vocab, out);
}

int entropy_f16(const uint16_t *logits, size_t batch, size_t seq, size_t vocab, float *out)
{
    return entropy_of(logits, ENTROPY_F16, batch, seq, vocab, out);
}

int entropy_bf16(const uint16_t *logits, size_t batch, size_t seq, size_t vocab, float *out)
{
    return entropy_of(logits, ENTROPY_BF16, batch, seq, vocab, out);
}

int entropy_forward_states(const entropy_args *args, entropy_state *states)
{
    ent_plan plan;
    const int status = ent_plan_of(&plan, ENT_STATES, args, states);
    if (plan.rows > 0) {
        const ent_kernels *k = ent_dispatch();
        const ent_fpenv caller = ent_fpenv_enter();
        for (size_t i = 0; i < plan.rows; i++) {
            ent_record record;
            ent_records_of_rows(&record, k, &plan, i, 1, WANT_ALL);
            states[i] = ent_state_of_record(&record);
        }
        ent_fpenv_leave(caller);
    }
    return status;
}

int entropy_results_of_states(const entropy_state *states, size_t n, const entropy_args *results)
{
    if (results == NULL) {
        return ENTROPY_ERR_NULL;
    }
    if (results->size != sizeof *results) {
        return ENTROPY_ERR_VALUE;
    }
    if (n == 0) {
        return ENTROPY_OK;
    }
    if (results->batch == 0 || n % results->batch != 0 || n / results->batch != results->seq ||
        ent_too_many(n, sizeof *states)) {
        return ENTROPY_ERR_SHAPE;
    }
    if (states == NULL) {
        return ENTROPY_ERR_NULL;
    }
    const ent_kernels *k = ent_dispatch();
    const ent_fpenv caller = ent_fpenv_enter();
    for (size_t i = 0; i < n; i += ROWS_AT_ONCE) {
        ent_record records[ROWS_AT_ONCE];
        const size_t rows = at_once(n - i);
        for (size_t j = 0; j < rows; j++) {
            records[j] = ent_record_of_state(&states[i + j]);
        }
        ent_write_results(results, k, i, records, rows);
    }
    ent_fpenv_leave(caller);
    return ENTROPY_OK;
}
