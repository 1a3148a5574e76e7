/* Rows and everything that goes with them, as the fuzzer wants them: mostly what a caller may pass,
 * with up to three things wrong. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include "input.h"
#include "judge.h"
#include "predict.h"

#define MOST_VOCAB 2200

enum { MOST_INPUTS = 8 };

typedef struct problem {
    entropy_args args; /* no result is wanted yet */
    entropy_grads grads;
    bool without_args, without_grads, without_output; /* NULL is passed */
    bool without_target; /* target is NULL though its results are wanted */
    /* The arrays are there. Where they are not, being impossible or too large for a test, logits is
     * NULL, and what else there is points to where nobody may read or write. */
    bool readable;
    layout in, out; /* where readable */
    size_t rows;    /* likewise; else 0 */
    unsigned place; /* of its arrays: rooms.h */
    uint16_t environment;
    struct {
        const void *at;
        void *copy;
        size_t size;
    } inputs[MOST_INPUTS];
    size_t count;
} problem;

void problem_draw(problem *p, input *in);
void problem_free(problem *p);

/* Nothing has been written where it is read, or beside an array. */
void problem_check(const problem *p);

/* n logits, of any kind. */
void draw_logits(input *in, int dtype, void *row, size_t n);

/* Any number, near those where a size may overflow. */
uint64_t take_number(input *in);

/* Results of n rows, all bytes ROOM_FILL; and whether they still are. */
answers answers_room(unsigned place, size_t n);
bool answers_untouched(const answers *a, size_t n);
bool answers_same(const answers *a, const answers *b, size_t n);

/* The kth result is wanted where bit k is set. */
entropy_args with_results(const entropy_args *args, const answers *to, unsigned wanted);

/* entropy_backward of it, in calls_backward.c. `all`: what entropy_forward had, or NULL. */
void call_on_backward(const problem *p, input *in, const answers *all);

bool all_are(const void *bytes, size_t n, int value);

#endif
