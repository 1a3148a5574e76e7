#include <float.h>
#include <math.h>

#include "calls.h"
#include "machine.h"
#include "problem.h"
#include "rooms.h"

/* States, each with the logits that it should have seen. */
enum { STATES_AT_ONCE = 3, MOST_SEEN = 4096, MOST_STEPS = 12 };

typedef struct seen {
    double z[MOST_SEEN];
    size_t n;
    double T;
    int64_t target;         /* its place; -1: none */
    bool poisoned, skipped; /* of two temperatures; by row_mask */
} seen;

static entropy_state *state; /* [STATES_AT_ONCE] */
static seen model[STATES_AT_ONCE];

static void forget(size_t i)
{
    entropy_state_init(&state[i]);
    model[i] = (seen){.T = 1, .target = -1};
}

static size_t take_length(input *in)
{
    const unsigned x = take8(in);
    return x < 200 ? x % 50 : x < 240 ? 1024u * (1 + x % 2) : 900 + take8(in);
}

/* The model sees the logits as they count. */
static void see(seen *s, int dtype, const void *logits, const uint32_t *allowed, size_t n)
{
    widen(dtype, s->z + s->n, logits, allowed, n);
    for (size_t i = s->n; i < s->n + n; i++) {
        s->z[i] = dtype != ENTROPY_F16 && fabs(s->z[i]) < FLT_MIN ? 0 : s->z[i];
    }
    s->n += n;
}

static void add(size_t i, input *in, unsigned place)
{
    const int dtype = (int)take_below(in, 3);
    const size_t n = take_length(in);
    if (model[i].n + n > MOST_SEEN) {
        return;
    }
    void *z = room(place, n * dtype_size(dtype), 0);
    if (n > 0) {
        draw_logits(in, dtype, z, n);
    }
    environment_enter((uint16_t)(dtype * 0x2a55));
    const int status = dtype == ENTROPY_F32   ? entropy_state_add_f32(&state[i], z, n)
                       : dtype == ENTROPY_F16 ? entropy_state_add_f16(&state[i], z, n)
                                              : entropy_state_add_bf16(&state[i], z, n);
    environment_leave();
    expect(status == ENTROPY_OK, "add: status %d", status);
    see(&model[i], dtype, z, NULL, n);
}

static void append(seen *to, const seen *from)
{
    if (from->n == 0 || to->n == 0) {
        const bool skipped = to->skipped || from->skipped;
        if (from->n > 0) {
            *to = *from;
        }
        to->skipped = skipped;
        return;
    }
    const size_t n = from->n, before = to->n;
    to->poisoned = to->poisoned || from->poisoned || to->T != from->T;
    to->skipped = to->skipped || from->skipped;
    if (to->target < 0 && from->target >= 0) {
        to->target = (int64_t)before + from->target;
    }
    memmove(to->z + before, from->z, n * sizeof *from->z);
    to->n = before + n;
}

static void merge(size_t into, size_t from)
{
    if (model[into].n + model[from].n > MOST_SEEN) {
        return;
    }
    environment_enter(0x0055);
    entropy_state_merge(&state[into], &state[from]);
    environment_leave();
    append(&model[into], &model[from]);
}

/* A row with a mask and a target. */
static void start(size_t i, input *in, unsigned place)
{
    const int dtype = (int)take_below(in, 3);
    const size_t n = 1 + take_length(in);
    const uint8_t row_mask = take_below(in, 8) != 7, options = take8(in);
    const float T = options & 4 ? 0.625f : 1;
    const int64_t target = options & 1 ? (int64_t)(take16(in) % n) : -1;
    uint8_t *z = room(place, n * dtype_size(dtype), 0);
    uint32_t *allowed = room(place, (n + 31) / 32 * sizeof *allowed, 0);
    rng r = {(uint64_t)options + 1};
    draw_logits(in, dtype, z, n);
    fill_mask(allowed, n, 3, &r);
    entropy_args a = args_of(dtype, z, 1, n);
    a.allowed = options & 2 ? allowed : NULL;
    a.temperature = &T;
    a.target = &target;
    a.row_mask = &row_mask;
    expect(entropy_forward_states(&a, &state[i]) == ENTROPY_OK, "forward_states");
    model[i] = (seen){.T = 1, .target = -1, .skipped = true};
    if (row_mask) {
        model[i] = (seen){.T = T, .target = target};
        see(&model[i], dtype, z, a.allowed, n);
    }
}

static void step(input *in, unsigned place)
{
    const size_t i = take_below(in, STATES_AT_ONCE), j = take_below(in, STATES_AT_ONCE);
    switch (take_below(in, 8)) {
    case 0:
    case 1: add(i, in, place); break;
    case 2:
    case 3: merge(i, j); break;
    case 4: start(i, in, place); break;
    case 5:
        if (state[i].length == 0) {
            double T;
            take_bytes(in, &T, sizeof T);
            state[i].temperature = model[i].T = T >= 0x1p-64 && T <= 0x1p64 ? T : 0.75;
        }
        break;
    case 6:
        state[i] = state[j];
        model[i] = model[j];
        break;
    default: forget(i); break;
    }
}

/* ---- The judgement. ---- */

static void judge_poisoned(const answers *got, size_t i)
{
    expect(isnan(got->entropy[i]) && isnan(got->varentropy[i]) && isnan(got->logsumexp[i]) &&
               isnan(got->max_logit[i]) && isnan(got->max_logprob[i]) && got->argmax[i] == -1,
           "state %zu, of two temperatures, has answers", i);
}

static bool same_float(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void judge_getters(const answers *got, size_t i)
{
    const entropy_state *s = &state[i];
    expect(same_float(entropy_state_entropy(s), got->entropy[i]) &&
               same_float(entropy_state_varentropy(s), got->varentropy[i]) &&
               same_float(entropy_state_logsumexp(s), got->logsumexp[i]) &&
               same_float(entropy_state_max_logit(s), got->max_logit[i]) &&
               same_float(entropy_state_max_logprob(s), got->max_logprob[i]) &&
               entropy_state_argmax(s) == got->argmax[i] &&
               entropy_state_support(s) == got->support[i],
           "state %zu alone has other answers", i);
}

static void judge_states(void)
{
    const answers got = answers_room(ROOM_BEFORE_PAGE, STATES_AT_ONCE);
    entropy_args a = {.size = sizeof a, .batch = 1, .seq = STATES_AT_ONCE};
    a = with_results(&a, &got, 0xff);
    expect(entropy_results_of_states(state, STATES_AT_ONCE, &a) == ENTROPY_OK, "results");
    for (size_t i = 0; i < STATES_AT_ONCE; i++) {
        const seen *s = &model[i];
        expect(state[i].length == (int64_t)s->n && state[i].temperature == s->T,
               "state %zu: length %lld, T %g", i, (long long)state[i].length, state[i].temperature);
        judge_getters(&got, i);
        if (s->poisoned) {
            judge_poisoned(&got, i);
        } else if (s->skipped && s->n == 0) {
            judge_skipped(&got, i);
        } else {
            const reference r = reference_of(s->z, s->n, s->T, s->target, false);
            judge_row(&got, i, &r, s->T, 2);
        }
    }
}

void call_on_pieces(input *in)
{
    static entropy_state first[STATES_AT_ONCE];
    const unsigned steps = 1 + take_below(in, MOST_STEPS), place = take_below(in, ROOM_PLACES);
    for (size_t isa = 0; isa < isas(); isa++) {
        input again = *in;
        use_isa(isa);
        state = room(place, sizeof first, 0);
        for (size_t i = 0; i < STATES_AT_ONCE; i++) forget(i);
        for (unsigned k = 0; k < steps; k++) step(&again, place);
        rooms_check();
        expect(isa == 0 || memcmp(first, state, sizeof first) == 0, "other bits, isa %zu", isa);
        memcpy(first, state, sizeof first);
        if (isa == 0) {
            judge_states();
        }
        rooms_free();
    }
}
