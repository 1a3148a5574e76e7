#include <math.h>

#include "../kernels/results.h"
#include "../kernels/sums.h"
#include "args.h"
#include "dispatch.h"
#include "fpenv.h"
#include "row.h"

_Static_assert(sizeof(entropy_state) == 128, "the size is part of the interface");

void entropy_state_init(entropy_state *state)
{
    if (state != NULL) {
        *state = (entropy_state){
            .version = ENTROPY_STATE_VERSION, .temperature = 1, .max = -INFINITY, .argmax = -1};
    }
}

static int add(entropy_state *state, const void *logits, size_t n, enum ent_dtype dtype)
{
    if (state == NULL || (logits == NULL && n > 0)) {
        return ENTROPY_ERR_NULL;
    }
    if (state->version != ENTROPY_STATE_VERSION || !ent_is_temperature(state->temperature)) {
        return ENTROPY_ERR_VALUE;
    }
    if (ent_too_many(n, ent_size_of(dtype))) {
        return ENTROPY_ERR_SHAPE;
    }
    if (n > 0) {
        const ent_kernels *k = ent_dispatch();
        const ent_fpenv caller = ent_fpenv_enter();
        const ent_scale scale = ent_scale_of(state->temperature);
        const ent_row row = {.logits = logits, .n = n};
        ent_add_to_state(state, k, dtype, &row, &scale, WANT_ALL);
        ent_fpenv_leave(caller);
    }
    return ENTROPY_OK;
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

/* The argmax of the row in which `right` comes after `left`. */
static int64_t merged_argmax(const entropy_state *left, const entropy_state *right)
{
    if (isnan(left->max) || isnan(right->max)) {
        return -1;
    }
    if (right->argmax < 0 || left->max >= right->max) {
        return left->argmax;
    }
    return (int64_t)((uint64_t)left->length + (uint64_t)right->argmax);
}

static void merge(entropy_state *into, const entropy_state *from)
{
    const entropy_state left = *into, right = *from;
    const bool foreign =
        left.version != ENTROPY_STATE_VERSION || right.version != ENTROPY_STATE_VERSION;
    const uint64_t flags = left.flags | right.flags;
    if (!foreign && left.length == 0) {
        *into = right;
    } else if (foreign || (right.length != 0 && right.temperature != left.temperature)) {
        entropy_state_init(into);
        into->max = NAN;
        into->length = (int64_t)((uint64_t)left.length + (uint64_t)right.length);
    } else if (right.length != 0) {
        ent_sums sums = ent_sums_of_state(&left);
        const ent_sums others = ent_sums_of_state(&right);
        ent_sums_merge(&sums, &others, left.temperature);
        into->max = sums.M;
        into->ties = sums.c;
        into->sum = sums.r;
        into->first_moment = sums.w;
        into->second_moment = sums.v;
        into->argmax = merged_argmax(&left, &right);
        into->support = (int64_t)((uint64_t)left.support + (uint64_t)right.support);
        into->length = (int64_t)((uint64_t)left.length + (uint64_t)right.length);
        into->target_logit = left.flags & STATE_HAS_TARGET ? left.target_logit : right.target_logit;
    }
    into->flags = flags;
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
