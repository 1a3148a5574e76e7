#include "state.h"

#include <math.h>

#include "../kernels/sums.h"
#include "dispatch.h"
#include "fpenv.h"
#include "threads.h"

_Static_assert(sizeof(entropy_state) == 128, "the size is part of the interface");

/* entropy_state.flags */
enum { HAS_TARGET = 1, SKIPPED = 2 };

ent_record ent_record_of_state(const entropy_state *s)
{
    if (s->version != ENTROPY_STATE_VERSION) {
        return (ent_record){.sums = {.M = NAN}, .T = 1, .argmax = -1, .has_target = true};
    }
    return (ent_record){
        .sums = {.M = s->max,
                 .c = s->ties,
                 .r = s->sum,
                 .w = s->first_moment,
                 .v = s->second_moment,
                 .peak = ENT_NO_PEAK,
                 .support = (size_t)s->support},
        .T = s->temperature,
        .length = (size_t)s->length,
        .argmax = s->argmax,
        .target_logit = s->target_logit,
        .has_target = s->flags & HAS_TARGET,
        .skipped = s->flags & SKIPPED,
    };
}

entropy_state ent_state_of_record(const ent_record *r)
{
    return (entropy_state){
        .version = ENTROPY_STATE_VERSION,
        .temperature = r->T,
        .max = r->sums.M,
        .ties = r->sums.c,
        .sum = r->sums.r,
        .first_moment = r->sums.w,
        .second_moment = r->sums.v,
        .argmax = r->argmax,
        .support = (int64_t)r->sums.support,
        .length = (int64_t)r->length,
        .target_logit = r->target_logit,
        .flags = (r->has_target ? HAS_TARGET : 0u) | (r->skipped ? SKIPPED : 0u),
    };
}

void entropy_state_init(entropy_state *state)
{
    if (state != NULL) {
        ent_record empty;
        ent_record_init(&empty, 1);
        *state = ent_state_of_record(&empty);
    }
}

/* In the environment of fpenv.h. */
NOINLINE int check_state(const entropy_state *state, size_t n, enum ent_dtype dtype)
{
    if (state->version != ENTROPY_STATE_VERSION || !ent_is_temperature(state->temperature)) {
        return ENTROPY_ERR_VALUE;
    }
    return ent_too_many(n, ent_size_of(dtype)) ? ENTROPY_ERR_SHAPE : ENTROPY_OK;
}

typedef struct addition {
    entropy_state *state;
    ent_row row;
    enum ent_dtype dtype;
} addition;

/* The only row of a call. */
static void add_row(void *call, size_t first, size_t end, int threads)
{
    (void)first, (void)end;
    const addition *a = call;
    const ent_scale scale = ent_scale_of(a->state->temperature);
    ent_record record = ent_record_of_state(a->state);
    ent_record_add(&record, ent_dispatch(), a->dtype, &a->row, &scale, WANT_ALL, threads);
    *a->state = ent_state_of_record(&record);
}

static int add(entropy_state *state, const void *logits, size_t n, enum ent_dtype dtype)
{
    if (state == NULL || (logits == NULL && n > 0)) {
        return ENTROPY_ERR_NULL;
    }
    const ent_fpenv caller = ent_fpenv_enter();
    const int status = check_state(state, n, dtype);
    if (status == ENTROPY_OK && n > 0) {
        addition a = {state, {.logits = logits, .n = n}, dtype};
        ent_share_rows(add_row, &a, 1, n, 0);
    }
    ent_fpenv_leave(caller);
    return status;
}

int entropy_state_add_f32(entropy_state *state, const float *logits, size_t n)
{
    return add(state, logits, n, ENT_F32);
}

int entropy_state_add_f16(entropy_state *state, const uint16_t *logits, size_t n)
{
    return add(state, logits, n, ENT_F16);
}

int entropy_state_add_bf16(entropy_state *state, const uint16_t *logits, size_t n)
{
    return add(state, logits, n, ENT_BF16);
}

/* ---- Merging. ---- */

static ent_record poisoned(const ent_record *left, const ent_record *right)
{
    return (ent_record){.sums = {.M = NAN},
                        .T = left->T,
                        .length = left->length + right->length,
                        .argmax = -1,
                        .has_target = left->has_target || right->has_target};
}

/* What is poisoned stays so, whatever its length. */
static bool is_empty(const ent_record *r)
{
    return r->length == 0 && !isnan(r->sums.M);
}

/* The row in which `right` comes after `left`. */
static ent_record merged(const ent_record *left, const ent_record *right)
{
    if (is_empty(left) || is_empty(right)) {
        ent_record one = is_empty(right) ? *left : *right;
        one.skipped = left->skipped || right->skipped;
        return one;
    }
    if (left->T != right->T) {
        return poisoned(left, right);
    }
    ent_record both = *left;
    ent_sums_merge(&both.sums, &right->sums, left->T);
    both.sums.support += right->sums.support;
    both.length += right->length;
    if (isnan(both.sums.M)) {
        both.argmax = -1;
    } else if (right->argmax >= 0 && right->sums.M > left->sums.M) {
        both.argmax = (int64_t)(left->length + (size_t)right->argmax);
    }
    if (!left->has_target) {
        both.has_target = right->has_target;
        both.target_logit = right->target_logit;
    }
    both.skipped = left->skipped || right->skipped;
    return both;
}

static void merge(entropy_state *into, const entropy_state *from)
{
    const bool foreign =
        into->version != ENTROPY_STATE_VERSION || from->version != ENTROPY_STATE_VERSION;
    const ent_record left = ent_record_of_state(into), right = ent_record_of_state(from);
    const ent_record both = foreign ? poisoned(&left, &right) : merged(&left, &right);
    *into = ent_state_of_record(&both);
}

int entropy_merge_states(entropy_state *into, const entropy_state *from, size_t n)
{
    if (n == 0) {
        return ENTROPY_OK;
    }
    if (ent_too_many(n, sizeof *into)) {
        return ENTROPY_ERR_SHAPE;
    }
    if (into == NULL || from == NULL) {
        return ENTROPY_ERR_NULL;
    }
    const ent_fpenv caller = ent_fpenv_enter();
    for (size_t i = 0; i < n; i++) {
        merge(&into[i], &from[i]);
    }
    ent_fpenv_leave(caller);
    return ENTROPY_OK;
}

void entropy_state_merge(entropy_state *into, const entropy_state *from)
{
    entropy_merge_states(into, from, 1);
}

/* ---- Results. ---- */

static entropy_args one_row(void)
{
    return (entropy_args){.size = sizeof(entropy_args), .batch = 1, .seq = 1};
}

#define RESULT(type, name, without)                          \
    type entropy_state_##name(const entropy_state *state)    \
    {                                                        \
        type value = without;                                \
        entropy_args results = one_row();                    \
        results.name = &value;                               \
        (void)entropy_results_of_states(state, 1, &results); \
        return value;                                        \
    }

RESULT(float, entropy, NAN)
RESULT(float, varentropy, NAN)
RESULT(float, logsumexp, NAN)
RESULT(float, max_logit, NAN)
RESULT(float, max_logprob, NAN)
RESULT(int64_t, argmax, -1)
RESULT(int64_t, support, 0)
