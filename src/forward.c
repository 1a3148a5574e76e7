#include "args.h"
#include "dispatch.h"
#include "fpenv.h"
#include "row.h"
#include "state.h"
#include "threads.h"

static unsigned wanted(const entropy_args *a)
{
    return (a->varentropy != NULL ? WANT_V : 0) | (a->support != NULL ? WANT_SUPPORT : 0) |
           (a->argmax != NULL ? WANT_ARGMAX : 0) | (a->target_logprob != NULL ? WANT_TARGET : 0);
}

static size_t at_once(size_t left)
{
    return left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
}

/* A call, as its threads see it. */
typedef struct call {
    ent_plan plan;
    const ent_kernels *k;
    unsigned want;
    entropy_state *states; /* NULL: results are wanted */
} call;

static void forward_rows(void *context, size_t first, size_t end, int threads)
{
    const call *c = context;
    const ent_fpenv caller = ent_fpenv_enter();
    for (size_t i = first; i < end; i += ROWS_AT_ONCE) {
        ent_record records[ROWS_AT_ONCE];
        const size_t rows = at_once(end - i);
        ent_records_of_rows(records, c->k, &c->plan, i, rows, c->want, threads);
        if (c->states == NULL) {
            ent_write_results(c->plan.args, c->k, i, records, rows);
        }
        for (size_t j = 0; j < rows && c->states != NULL; j++) {
            c->states[i + j] = ent_state_of_record(&records[j]);
        }
    }
    ent_fpenv_leave(caller);
}

static void forward_all(call *c)
{
    const entropy_args *args = c->plan.args;
    c->k = ent_dispatch();
    ent_share_rows(forward_rows, c, c->plan.rows, args->vocab, args->num_threads);
}

/* `output` is what a simple call needs besides. */
static int forward(const entropy_args *args, const void *output)
{
    call c = {.states = NULL};
    const int status = ent_plan_of(&c.plan, ENT_RESULTS, args, output);
    if (c.plan.rows > 0) {
        c.want = wanted(args);
        forward_all(&c);
    }
    return status;
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
    call c = {.want = WANT_ALL, .states = states};
    const int status = ent_plan_of(&c.plan, ENT_STATES, args, states);
    if (c.plan.rows > 0) {
        forward_all(&c);
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
