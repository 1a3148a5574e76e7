#include "calls.h"
#include "machine.h"
#include "problem.h"
#include "rooms.h"

static float value_of(const float *values, size_t i)
{
    return values != NULL ? values[i] : 0;
}

static void judge(const problem *p, const uint8_t *gradient)
{
    static double z[MOST_VOCAB];
    const entropy_args *a = &p->args;
    const size_t size = dtype_size(a->dtype);
    for (size_t i = 0; i < p->rows; i++) {
        const uint8_t *row = gradient + row_start(&p->out, i) * size;
        if (a->row_mask != NULL && a->row_mask[i] == 0) {
            expect(all_are(row, a->vocab * size, 0), "row %zu is skipped and has a gradient", i);
            continue;
        }
        widen(a->dtype, z, (const uint8_t *)a->logits + row_start(&p->in, i) * size,
              a->allowed != NULL ? a->allowed + i * a->allowed_stride : NULL, a->vocab);
        const slope s = {.dtype = a->dtype,
                         .z = z,
                         .n = a->vocab,
                         .T =
                             a->temperature != NULL ? a->temperature[i * a->temperature_stride] : 1,
                         .target = a->target != NULL ? a->target[i] : -1,
                         .g = {value_of(p->grads.entropy, i), value_of(p->grads.logsumexp, i),
                               value_of(p->grads.target_logprob, i)}};
        judge_gradient(&s, row);
    }
}

/* Between the rows nothing was written. */
static void check_gaps(const problem *p, const uint8_t *gradient)
{
    static uint8_t rest[ROOM_MOST];
    const size_t size = dtype_size(p->args.dtype), all = p->out.span * size;
    memcpy(rest, gradient, all);
    for (size_t i = 0; i < p->rows; i++) {
        memset(rest + row_start(&p->out, i) * size, ROOM_FILL, p->args.vocab * size);
    }
    expect(all_are(rest, all, ROOM_FILL), "written between the rows of the gradient");
}

/* The logits are where the gradient goes. */
static void in_place(const problem *p, const uint8_t *expected)
{
    const size_t size = dtype_size(p->args.dtype), all = p->in.span * size;
    uint8_t *both = room(p->place, all, 0);
    memcpy(both, p->args.logits, all);
    entropy_args a = p->args;
    entropy_grads g = p->grads;
    a.logits = g.logits = both;
    g.batch_stride = a.batch_stride;
    g.seq_stride = a.seq_stride;
    expect(entropy_backward(&a, &g) == ENTROPY_OK, "in place: not ENTROPY_OK");
    problem_check(p);
    for (size_t i = 0; i < p->rows; i++) {
        expect(memcmp(both + row_start(&p->in, i) * size, expected + row_start(&p->out, i) * size,
                      p->args.vocab * size) == 0,
               "row %zu: another gradient in place", i);
    }
}

/* Results that nobody computed: whatever comes of them stays where it belongs. */
static void with_garbage(const problem *p, input *in)
{
    answers given = answers_room(p->place, p->rows);
    for (size_t i = 0; i < p->rows; i++) {
        given.entropy[i] = take_float(in);
        given.max_logit[i] = take_float(in);
        given.max_logprob[i] = take_float(in);
    }
    const entropy_args a = with_results(&p->args, &given, 1 | 8 | 16);
    entropy_grads g = p->grads;
    g.logits = room(p->place, p->out.span * dtype_size(a.dtype), ROOM_FILL);
    environment_enter(p->environment);
    const int status = entropy_backward(&a, &g);
    environment_leave();
    expect(status == ENTROPY_OK, "given results: status %d", status);
    problem_check(p);
    check_gaps(p, g.logits);
}

static int backward(const problem *p, const entropy_args *a, void *to)
{
    entropy_grads g = p->grads;
    g.logits = to;
    const entropy_args *args = p->without_args ? NULL : a;
    const entropy_grads *grads = p->without_grads ? NULL : &g;
    environment_enter(p->environment);
    const int status = entropy_backward(args, grads);
    environment_leave();
    problem_check(p);
    const int wanted = predict(BACKWARD, args, grads);
    expect(status == wanted, "backward: status %d, not %d", status, wanted);
    return status;
}

void call_on_backward(const problem *p, input *in, const answers *all)
{
    const unsigned mode = take8(in);
    const size_t size = p->readable ? p->out.span * dtype_size(p->args.dtype) : 0;
    uint8_t *first = NULL;
    int status = ENTROPY_OK;
    if (p->args.batch > 1 && p->args.seq > 1 && p->args.batch > MOST_COMPARED / p->args.seq) {
        return;
    }
    for (size_t isa = 0; isa < isas() && status == ENTROPY_OK; isa++) {
        use_isa(isa);
        uint8_t *to = p->without_output ? NULL : room(p->place, size, ROOM_FILL);
        /* with the results of entropy_forward, with some of them, which are not looked at, without */
        const unsigned given = (mode + isa) % 3 == 0 ? 0xff : (mode + isa) % 3 == 1 ? 0x40 | 9 : 0;
        const entropy_args a = all != NULL ? with_results(&p->args, all, given) : p->args;
        status = backward(p, &a, to);
        if (to == NULL) {
            return;
        }
        expect(status == ENTROPY_OK || all_are(to, size, ROOM_FILL), "an error has written");
        expect(isa == 0 || memcmp(to, first, size) == 0, "other bits, isa %zu", isa);
        first = isa == 0 ? to : first;
    }
    if (status == ENTROPY_OK && p->rows > 0) {
        judge(p, first);
        check_gaps(p, first);
        layout l;
        if (layout_of(&l, &p->args, p->args.batch_stride, p->args.seq_stride) &&
            !rows_overlap(&l)) {
            in_place(p, first);
        }
        if (mode & 0x80) {
            with_garbage(p, in);
        }
    }
}
