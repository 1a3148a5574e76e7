/* What entropy.h promises of the numbers, held against tests/reference.h. Any breach ends the run. */
#ifndef JUDGE_H
#define JUDGE_H

#include "logits.h"
#include "reference.h"

/* Results of rows, each array with room of its own. */
typedef struct answers {
    float *entropy, *varentropy, *logsumexp, *max_logit, *max_logprob, *target_logprob;
    int64_t *argmax, *support;
} answers;

/* Row i is what the reference has, within so many of its bounds. */
void judge_row(const answers *got, size_t i, const reference *r, double T, int bounds);

/* Row i is a skipped one: +0 everywhere. */
void judge_skipped(const answers *got, size_t i);

/* A row of n logits z (-inf where the mask has it), of which the gradient was computed for these
 * gradients of the loss; target < 0: none. */
typedef struct slope {
    int dtype;
    const double *z;
    size_t n;
    double T;
    int64_t target;
    float g[3]; /* of entropy, logsumexp and target_logprob */
} slope;
void judge_gradient(const slope *s, const void *gradient);

#endif
