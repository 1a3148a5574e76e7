#include <math.h>

#include "calls.h"
#include "machine.h"
#include "problem.h"
#include "rooms.h"

/* The row as numbers, -inf where the mask has it. */
static void widen_row(const problem *p, size_t i, double *z)
{
    const entropy_args *a = &p->args;
    const uint8_t *logits = a->logits;
    widen(a->dtype, z, logits + row_start(&p->in, i) * dtype_size(a->dtype),
          a->allowed != NULL ? a->allowed + i * a->allowed_stride : NULL, a->vocab);
}

static bool skips(const problem *p, size_t i)
{
    return p->args.row_mask != NULL && p->args.row_mask[i] == 0;
}

static double temperature_of(const problem *p, size_t i)
{
    const entropy_args *a = &p->args;
    return a->temperature != NULL ? a->temperature[i * a->temperature_stride] : 1;
}

static int64_t target_of(const problem *p, size_t i)
{
    return p->args.target != NULL ? p->args.target[i] : -1;
}

/* ---- entropy_forward ---- */

static void judge_rows(const problem *p, const answers *got)
{
    static double z[MOST_VOCAB];
    for (size_t i = 0; i < p->rows; i++) {
        if (skips(p, i)) {
            judge_skipped(got, i);
            continue;
        }
        const double T = temperature_of(p, i);
        widen_row(p, i, z);
        const reference r =
            reference_of(z, p->args.vocab, T, target_of(p, i), p->args.dtype != ENTROPY_F16);
        judge_row(got, i, &r, T, 1);
    }
}

/* Returns the status; where it is ENTROPY_OK, *got are the results. */
static int forward(const problem *p, answers *got)
{
    int status = ENTROPY_OK;
    for (size_t isa = 0; isa < isas() && status == ENTROPY_OK; isa++) {
        use_isa(isa);
        const answers here = answers_room(p->place, p->rows);
        const bool with_target = p->args.target != NULL || p->without_target;
        const entropy_args a = with_results(&p->args, &here, with_target ? 0xff : 0xdf);
        const entropy_args *passed = p->without_args ? NULL : &a;
        environment_enter(p->environment);
        status = entropy_forward(passed);
        environment_leave();
        const int wanted = predict(FORWARD, passed, NULL);
        expect(status == wanted, "forward: status %d, not %d", status, wanted);
        if (!with_target && status == ENTROPY_OK) {
            expect(all_are(here.target_logprob, p->rows * sizeof(float), ROOM_FILL), "not wanted");
            memset(here.target_logprob, 0, p->rows * sizeof(float)); /* as without a target */
        }
        problem_check(p);
        expect(status == ENTROPY_OK || answers_untouched(&here, p->rows), "an error has written");
        expect(isa == 0 || answers_same(&here, got, p->rows), "other bits, isa %zu", isa);
        *got = isa == 0 ? here : *got;
    }
    return status;
}

/* Some of the results only: the others stay as they were, and these have the same bits. */
static void forward_some(const problem *p, const answers *all, unsigned wanted)
{
    const answers some = answers_room(p->place, p->rows);
    wanted &= p->args.target != NULL ? 0xff : 0xdf;
    const entropy_args a = with_results(&p->args, &some, wanted);
    expect(entropy_forward(&a) == ENTROPY_OK, "some results: not ENTROPY_OK");
    problem_check(p);
    const size_t floats = p->rows * sizeof(float), integers = p->rows * sizeof(int64_t);
#define SAME(bit, result, size)                                      \
    expect(wanted &bit ? memcmp(some.result, all->result, size) == 0 \
                       : all_are(some.result, size, ROOM_FILL),      \
           "of the results %02x " #result " has other bits, or was written", wanted)
    SAME(1, entropy, floats);
    SAME(2, varentropy, floats);
    SAME(4, logsumexp, floats);
    SAME(8, max_logit, floats);
    SAME(16, max_logprob, floats);
    SAME(32, target_logprob, floats);
    SAME(64, argmax, integers);
    SAME(128, support, integers);
#undef SAME
}

/* ---- entropy_f32 and its like ---- */

static void simple(const problem *p, const answers *all)
{
    const entropy_args *a = &p->args;
    if (a->dtype < 0 || a->dtype > 2) {
        return;
    }
    const entropy_args plain = {.size = sizeof plain,
                                .logits = a->logits,
                                .dtype = a->dtype,
                                .batch = a->batch,
                                .seq = a->seq,
                                .vocab = a->vocab};
    layout l;
    const bool dense = p->readable && layout_of(&l, &plain, 0, 0) && l.span <= p->in.span;
    if (p->readable && !dense) {
        return;
    }
    float *out = p->without_output ? NULL : room(p->place, p->rows * sizeof *out, ROOM_FILL);
    environment_enter(p->environment);
    const int status =
        a->dtype == ENTROPY_F32   ? entropy_f32(a->logits, a->batch, a->seq, a->vocab, out)
        : a->dtype == ENTROPY_F16 ? entropy_f16(a->logits, a->batch, a->seq, a->vocab, out)
                                  : entropy_bf16(a->logits, a->batch, a->seq, a->vocab, out);
    environment_leave();
    problem_check(p);
    const int wanted = predict(SIMPLE, &plain, out);
    expect(status == wanted, "simple: status %d, not %d", status, wanted);
    const bool same_rows = a->batch_stride == 0 && a->seq_stride == 0 && a->row_mask == NULL &&
                           a->allowed == NULL && a->temperature == NULL;
    if (status == ENTROPY_OK && all != NULL && same_rows) {
        expect(memcmp(out, all->entropy, p->rows * sizeof *out) == 0, "simple: other bits");
    } else if (status != ENTROPY_OK && out != NULL) {
        expect(all_are(out, p->rows * sizeof *out, ROOM_FILL), "an error has written");
    }
}

/* ---- entropy_forward_states ---- */

static void judge_states(const problem *p, const entropy_state *states, const answers *all)
{
    static const uint64_t none[4];
    for (size_t i = 0; i < p->rows; i++) {
        const entropy_state *s = &states[i];
        const bool skipped = skips(p, i);
        expect(s->version == ENTROPY_STATE_VERSION && memcmp(s->reserved, none, sizeof none) == 0 &&
                   s->temperature == (skipped ? 1 : temperature_of(p, i)) &&
                   s->length == (skipped ? 0 : (int64_t)p->args.vocab) &&
                   s->flags == (skipped ? 2u : target_of(p, i) >= 0),
               "row %zu: not the state of such a row", i);
    }
    const answers got = answers_room(p->place, p->rows);
    entropy_args a = {.size = sizeof a, .batch = p->args.batch, .seq = p->args.seq};
    a = with_results(&a, &got, 0xff);
    environment_enter(p->environment);
    const int status = entropy_results_of_states(states, p->rows, &a);
    environment_leave();
    rooms_check();
    expect(status == ENTROPY_OK && (all == NULL || answers_same(&got, all, p->rows)),
           "results of states: status %d, or other bits than the rows'", status);
}

static void states(const problem *p, const answers *all)
{
    const entropy_state *first = NULL;
    int status = ENTROPY_OK;
    for (size_t isa = 0; isa < isas() && status == ENTROPY_OK; isa++) {
        use_isa(isa);
        const size_t size = p->rows * sizeof(entropy_state);
        entropy_state *s = p->without_output ? NULL : room(p->place, size, ROOM_FILL);
        const entropy_args *passed = p->without_args ? NULL : &p->args;
        environment_enter(p->environment);
        status = entropy_forward_states(passed, s);
        environment_leave();
        problem_check(p);
        const int wanted = predict(STATES, passed, s);
        expect(status == wanted, "states: status %d, not %d", status, wanted);
        expect(status == ENTROPY_OK || s == NULL || all_are(s, size, ROOM_FILL),
               "an error has written");
        expect(first == NULL || s == NULL || memcmp(s, first, size) == 0, "other bits, isa %zu",
               isa);
        first = first == NULL ? s : first;
    }
    if (status == ENTROPY_OK && p->rows > 0) {
        judge_states(p, first, all);
    }
}

void call_on_rows(input *in)
{
    problem p;
    answers all;
    problem_draw(&p, in);
    const bool ok = forward(&p, &all) == ENTROPY_OK && p.rows > 0;
    if (ok) {
        judge_rows(&p, &all);
        forward_some(&p, &all, take8(in));
    }
    const answers *known = ok ? &all : NULL;
    simple(&p, known);
    states(&p, known);
    call_on_backward(&p, in, known);
    problem_free(&p);
}
