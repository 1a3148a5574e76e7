#include "problem.h"
#include "rooms.h"

answers answers_room(unsigned place, size_t n)
{
    const size_t floats = n * sizeof(float), integers = n * sizeof(int64_t);
    return (answers){
        .entropy = room(place, floats, ROOM_FILL),
        .varentropy = room(place, floats, ROOM_FILL),
        .logsumexp = room(place, floats, ROOM_FILL),
        .max_logit = room(place, floats, ROOM_FILL),
        .max_logprob = room(place, floats, ROOM_FILL),
        .target_logprob = room(place, floats, ROOM_FILL),
        .argmax = room(place, integers, ROOM_FILL),
        .support = room(place, integers, ROOM_FILL),
    };
}

bool all_are(const void *bytes, size_t n, int value)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < n; i++) {
        if (b[i] != value) {
            return false;
        }
    }
    return true;
}

bool answers_untouched(const answers *a, size_t n)
{
    const size_t floats = n * sizeof(float), integers = n * sizeof(int64_t);
    return all_are(a->entropy, floats, ROOM_FILL) && all_are(a->varentropy, floats, ROOM_FILL) &&
           all_are(a->logsumexp, floats, ROOM_FILL) && all_are(a->max_logit, floats, ROOM_FILL) &&
           all_are(a->max_logprob, floats, ROOM_FILL) &&
           all_are(a->target_logprob, floats, ROOM_FILL) &&
           all_are(a->argmax, integers, ROOM_FILL) && all_are(a->support, integers, ROOM_FILL);
}

bool answers_same(const answers *a, const answers *b, size_t n)
{
    const size_t floats = n * sizeof(float), integers = n * sizeof(int64_t);
    return memcmp(a->entropy, b->entropy, floats) == 0 &&
           memcmp(a->varentropy, b->varentropy, floats) == 0 &&
           memcmp(a->logsumexp, b->logsumexp, floats) == 0 &&
           memcmp(a->max_logit, b->max_logit, floats) == 0 &&
           memcmp(a->max_logprob, b->max_logprob, floats) == 0 &&
           memcmp(a->target_logprob, b->target_logprob, floats) == 0 &&
           memcmp(a->argmax, b->argmax, integers) == 0 &&
           memcmp(a->support, b->support, integers) == 0;
}

entropy_args with_results(const entropy_args *args, const answers *to, unsigned wanted)
{
    entropy_args a = *args;
    a.entropy = wanted & 1 ? to->entropy : NULL;
    a.varentropy = wanted & 2 ? to->varentropy : NULL;
    a.logsumexp = wanted & 4 ? to->logsumexp : NULL;
    a.max_logit = wanted & 8 ? to->max_logit : NULL;
    a.max_logprob = wanted & 16 ? to->max_logprob : NULL;
    a.target_logprob = wanted & 32 ? to->target_logprob : NULL;
    a.argmax = wanted & 64 ? to->argmax : NULL;
    a.support = wanted & 128 ? to->support : NULL;
    return a;
}
