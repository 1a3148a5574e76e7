#include <math.h>

#include "calls.h"
#include "machine.h"
#include "predict.h"
#include "problem.h"
#include "rooms.h"

enum { MOST = 20 };

/* Bytes, as a network may bring them; mostly of the right version. */
static void draw_state(input *in, entropy_state *s)
{
    const unsigned kind = take8(in);
    const entropy_state fresh = {.version = 1, .temperature = 1, .max = -INFINITY, .argmax = -1};
    uint8_t bytes[sizeof *s];
    take_bytes(in, bytes, sizeof bytes);
    memcpy(s, bytes, sizeof *s);
    if (kind & 1) {
        s->version = ENTROPY_STATE_VERSION;
    }
    if (kind & 2) {
        s->temperature = 1;
    }
    if (kind & 4) {
        *s = fresh;
    }
    if (kind & 8) { /* one that is right but for a few bytes */
        const float z[3] = {1, -2, 1};
        *s = fresh;
        (void)entropy_state_add_f32(s, z, 3);
        memcpy((uint8_t *)s + bytes[0] % sizeof *s, bytes + 1, 1);
        memcpy((uint8_t *)s + bytes[2] % sizeof *s / 8 * 8, bytes + 8, kind & 16 ? 8 : 0);
    }
}

/* What is not a state of this version has no answers. */
static void judge_foreign(const entropy_state *s)
{
    if (s != NULL && s->version == ENTROPY_STATE_VERSION) {
        return;
    }
    expect(isnan(entropy_state_entropy(s)) && isnan(entropy_state_varentropy(s)) &&
               isnan(entropy_state_logsumexp(s)) && isnan(entropy_state_max_logit(s)) &&
               isnan(entropy_state_max_logprob(s)) && entropy_state_argmax(s) == -1 &&
               entropy_state_support(s) == 0,
           "answers of a foreign state");
}

/* Any counts and pointers; what is asked for may be read and written only where both are right. */
static void try_results(input *in, const entropy_state *s, size_t count)
{
    const unsigned kind = take8(in);
    const size_t n = kind & 1 ? take_number(in) : count;
    const answers got = answers_room(ROOM_BEFORE_PAGE, n == count ? count : 0);
    entropy_args a = {.size = sizeof a, .batch = 1, .seq = n, .dtype = 77, .num_threads = -3};
    if (kind & 2) {
        a.batch = take_number(in);
        a.seq = take_number(in);
    }
    if (kind & 4) {
        a.size = take_number(in);
    }
    a = with_results(&a, &got, take8(in));
    const entropy_args *results = kind & 8 ? NULL : &a;
    const entropy_state *states = (kind & 16) || n != count ? NULL : s;
    const bool product = (unsigned __int128)a.batch * a.seq == n;
    const bool too_many = n > PTRDIFF_MAX / sizeof *s;
    const int wanted = results == NULL      ? ENTROPY_ERR_NULL
                       : a.size != sizeof a ? ENTROPY_ERR_VALUE
                       : n == 0             ? ENTROPY_OK
                       : !product           ? ENTROPY_ERR_SHAPE
                       : states == NULL     ? ENTROPY_ERR_NULL
                                            : ENTROPY_OK;
    environment_enter(take16(in));
    const int status = entropy_results_of_states(states, n, results);
    environment_leave();
    rooms_check();
    expect(status == wanted || (too_many && status == ENTROPY_ERR_SHAPE),
           "results of states: status %d, not %d", status, wanted);
    expect(status == ENTROPY_OK || answers_untouched(&got, n == count ? count : 0),
           "an error has written");
}

static void try_merge(input *in, entropy_state *s, size_t count)
{
    const unsigned kind = take8(in);
    const size_t n = kind & 1 ? take_number(in) : take_below(in, (unsigned)count + 1);
    const bool real = n <= count;
    entropy_state *into = (kind & 2) || !real ? NULL : s;
    const entropy_state *from = (kind & 4) || !real ? NULL : s + (count - n);
    const bool too_many = n > PTRDIFF_MAX / sizeof *s, null = into == NULL || from == NULL;
    environment_enter(take16(in));
    const int status = entropy_merge_states(into, from, n);
    entropy_state_merge(into, NULL);
    entropy_state_merge(NULL, from);
    environment_leave();
    rooms_check();
    const int wanted = n == 0 ? ENTROPY_OK : null ? ENTROPY_ERR_NULL : ENTROPY_OK;
    expect(status == wanted || (too_many && status == ENTROPY_ERR_SHAPE),
           "merge_states: status %d, not %d", status, wanted);
}

static void try_add(input *in, entropy_state *s)
{
    enum { N = 40 };
    const int dtype = (int)take_below(in, 3);
    const unsigned kind = take8(in);
    void *z = room(ROOM_BEFORE_PAGE, N * dtype_size(dtype), 0);
    const size_t n = kind & 1 ? take_number(in) : take_below(in, N + 1);
    draw_logits(in, dtype, z, N);
    const bool too_many = n > PTRDIFF_MAX / dtype_size(dtype);
    /* more than there are can only be asked for where it must be refused */
    void *logits = kind & 2 || (n > N && !too_many) ? NULL : z;
    entropy_state *to = kind & 4 ? NULL : s;
    const entropy_state before = *s;
    const int wanted = to == NULL || (logits == NULL && n > 0) ? ENTROPY_ERR_NULL
                       : s->version != ENTROPY_STATE_VERSION ||
                               !(s->temperature >= 0x1p-64 && s->temperature <= 0x1p64)
                           ? ENTROPY_ERR_VALUE
                       : too_many ? ENTROPY_ERR_SHAPE
                                  : ENTROPY_OK;
    environment_enter(take16(in));
    const int status = dtype == ENTROPY_F32   ? entropy_state_add_f32(to, logits, n)
                       : dtype == ENTROPY_F16 ? entropy_state_add_f16(to, logits, n)
                                              : entropy_state_add_bf16(to, logits, n);
    environment_leave();
    rooms_check();
    expect(status == wanted, "add: status %d, not %d", status, wanted);
    expect((status == ENTROPY_OK && n > 0) || memcmp(s, &before, sizeof before) == 0,
           "an error, or nothing, has written");
}

void call_on_garbage(input *in)
{
    const size_t count = 1 + take_below(in, MOST);
    use_isa(take8(in) % isas());
    entropy_state *s = room(take_below(in, ROOM_PLACES), count * sizeof *s, 0);
    for (size_t i = 0; i < count; i++) {
        draw_state(in, &s[i]);
    }
    for (unsigned k = 1 + take_below(in, 6); k > 0; k--) {
        switch (take_below(in, 3)) {
        case 0: try_results(in, s, count); break;
        case 1: try_merge(in, s, count); break;
        default: try_add(in, &s[take8(in) % count]); break;
        }
        judge_foreign(&s[take8(in) % count]);
    }
    judge_foreign(NULL);
    entropy_state_init(NULL);
    rooms_free();
}
