/* What test_mpi computes on: the same logits on every rank, and the shards of them. */
#ifndef TEST_PROBLEM_H
#define TEST_PROBLEM_H

#include "entropy.h"

/* SHARD is a multiple of 32, for the masks, and not of 1024, for which merging would be too easy. */
enum { ROWS = 1500, SHARD = 160, MOST_RANKS = 4, MOST_VOCAB = SHARD * MOST_RANKS };

extern size_t vocab;
extern float z[ROWS * MOST_VOCAB], temperature[ROWS];
extern int64_t target[ROWS];
extern uint8_t row_mask[ROWS];

/* For so many ranks, each with a shard. */
void fill(size_t ranks);

typedef struct results {
    float entropy[ROWS], varentropy[ROWS], logsumexp[ROWS], max_logit[ROWS], max_logprob[ROWS],
        target_logprob[ROWS];
    int64_t argmax[ROWS], support[ROWS];
} results;

/* All of it, and where its results go. */
entropy_args whole(results *r);

/* The part of it that a rank holds; `local` is room for its targets. */
entropy_args shard_of(size_t owner, results *r, int64_t *local);

#endif
