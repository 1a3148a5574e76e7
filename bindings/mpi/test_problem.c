#include "test_problem.h"

#include <math.h>
#include <string.h>

size_t vocab;
float z[ROWS * MOST_VOCAB], temperature[ROWS];
int64_t target[ROWS];
uint8_t row_mask[ROWS];
static uint32_t allowed[MOST_VOCAB / 32];

static uint32_t next_random(void)
{
    static uint32_t x = 1;
    x = x * 1664525u + 1013904223u;
    return x >> 8;
}

void fill(size_t ranks)
{
    vocab = SHARD * ranks;
    for (size_t i = 0; i < ROWS * vocab; i++) {
        z[i] = (float)(next_random() % 65536) / 4096 - 8;
    }
    for (size_t i = 0; i < ROWS; i++) {
        float *row = z + i * vocab;
        temperature[i] = 0.25f + (float)(next_random() % 64) / 16;
        target[i] = (int64_t)(next_random() % (vocab + 1)) - 1;
        row_mask[i] = i % 11 != 3;
        switch (i % 8) {
        case 1: row[next_random() % vocab] = 60; break; /* nearly certain */
        case 2: /* ties at the top, in several shards: argmax is the first */
            for (size_t k = 0; k < 5; k++) row[next_random() % vocab] = 30;
            break;
        case 3: /* all but one shard masked */
            for (size_t v = 0; v < vocab; v++) {
                if (v / SHARD != i / 8 % ranks) row[v] = -INFINITY;
            }
            break;
        case 4:
            for (size_t v = 0; v < vocab; v++) row[v] += 1e4f;
            break;
        case 5: /* one of the special rows */
            for (size_t v = 0; v < vocab && i % 3 == 0; v++) row[v] = -INFINITY;
            if (i % 3 == 1) row[next_random() % vocab] = NAN;
            if (i % 3 == 2) row[next_random() % vocab] = INFINITY;
            break;
        default: break;
        }
    }
    for (size_t w = 0; w < vocab / 32; w++) {
        allowed[w] = next_random() | next_random() << 20;
    }
}

entropy_args whole(results *r)
{
    memset(r, 0x55, sizeof *r);
    return (entropy_args){.size = sizeof(entropy_args),
                          .logits = z,
                          .batch = 3,
                          .seq = ROWS / 3,
                          .vocab = vocab,
                          .temperature = temperature,
                          .temperature_stride = 1,
                          .target = target,
                          .row_mask = row_mask,
                          .allowed = allowed,
                          .entropy = r->entropy,
                          .varentropy = r->varentropy,
                          .logsumexp = r->logsumexp,
                          .max_logit = r->max_logit,
                          .max_logprob = r->max_logprob,
                          .target_logprob = r->target_logprob,
                          .argmax = r->argmax,
                          .support = r->support};
}

entropy_args shard_of(size_t owner, results *r, int64_t *local)
{
    entropy_args a = whole(r);
    a.logits = z + owner * SHARD;
    a.seq_stride = (ptrdiff_t)vocab;
    a.vocab = SHARD;
    a.allowed = allowed + owner * SHARD / 32;
    for (size_t i = 0; i < ROWS; i++) {
        const int64_t t = target[i] - (int64_t)(owner * SHARD);
        local[i] = target[i] >= 0 && t >= 0 && t < SHARD ? t : -1;
    }
    a.target = local;
    return a;
}
