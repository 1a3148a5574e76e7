#include "summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 4096

typedef struct range {
    spool *column;
    uint64_t from, rows;
} range;

/* The next values of a range, from its `at`th on. */
static size_t chunk_of(const range *r, uint64_t at, float values[CHUNK])
{
    const uint64_t left = r->rows - at;
    return spool_read(r->column, r->from + at, values, left < CHUNK ? (size_t)left : CHUNK);
}

/* Keeps `places` sorted, outermost first: the smallest of sign * entropy. */
static void keep_extreme(place places[EXTREMES], int count, place p, double sign)
{
    int i = count < EXTREMES ? count : EXTREMES - 1;
    if (count == EXTREMES && !(sign * p.entropy < sign * places[i].entropy)) {
        return;
    }
    for (; i > 0 && sign * p.entropy < sign * places[i - 1].entropy; i--) {
        places[i] = places[i - 1];
    }
    places[i] = p;
}

static uint32_t bits_of(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

/* The kth smallest entropy, exactly, in two passes: as none is negative, they are ordered as their
 * bits are; the first pass counts by the upper 16, the second by the lower 16 of those that share
 * the right upper ones. NaN if reading fails. */
static double order_statistic(const range *r, uint64_t k, uint64_t count[1 << 16])
{
    uint32_t upper = 0, lower = 0;
    for (int pass = 0; pass < 2; pass++) {
        memset(count, 0, sizeof *count << 16);
        float values[CHUNK];
        for (uint64_t at = 0; at < r->rows;) {
            const size_t n = chunk_of(r, at, values);
            if (n == 0) {
                return NAN;
            }
            for (size_t i = 0; i < n; i++) {
                const uint32_t b = bits_of(values[i]);
                if (!isnan(values[i]) && (pass == 0 || b >> 16 == upper)) {
                    count[pass == 0 ? b >> 16 : b & 0xffff]++;
                }
            }
            at += n;
        }
        uint32_t bin = 0;
        for (; k >= count[bin]; bin++) {
            k -= count[bin];
        }
        *(pass == 0 ? &upper : &lower) = bin;
    }
    const uint32_t b = upper << 16 | lower;
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static double percentile(const range *r, uint64_t defined, double share, uint64_t count[1 << 16])
{
    const double position = share * (double)(defined - 1);
    const uint64_t k = (uint64_t)position;
    const double below = order_statistic(r, k, count), rest = position - (double)k;
    return rest > 0 ? below + rest * (order_statistic(r, k + 1, count) - below) : below;
}

static size_t bin_of(float entropy, double log_vocab)
{
    const double bin = log_vocab > 0 ? entropy / log_vocab * BINS : 0;
    return bin < BINS ? (size_t)bin : BINS - 1;
}

/* The mean of the values that are not NaN, NaN if there are none; and their number. */
static bool mean_of(const range *r, double *mean, uint64_t *count)
{
    double sum = 0;
    *count = 0;
    float values[CHUNK];
    for (uint64_t at = 0; at < r->rows;) {
        const size_t n = chunk_of(r, at, values);
        if (n == 0) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            if (!isnan(values[i])) {
                sum += values[i];
                ++*count;
            }
        }
        at += n;
    }
    *mean = *count > 0 ? sum / (double)*count : NAN;
    return true;
}

static bool summarise_others(summary *s, measures *m, uint64_t from, uint64_t rows)
{
    const range varentropies = {&m->column[VARENTROPY], from, rows},
                logprobs = {&m->column[LOGPROB], from, rows};
    uint64_t defined;
    s->varentropy = s->cross_entropy = NAN;
    s->targets = 0;
    if (m->wanted[VARENTROPY] && !mean_of(&varentropies, &s->varentropy, &defined)) {
        return false;
    }
    if (m->wanted[LOGPROB] && !mean_of(&logprobs, &s->cross_entropy, &s->targets)) {
        return false;
    }
    s->cross_entropy = 0 - s->cross_entropy; /* not -0 */
    return true;
}

bool summarise(summary *s, measures *m, uint64_t from, uint64_t rows, double log_vocab)
{
    const range all = {&m->column[ENTROPY], from, rows};
    *s = (summary){.rows = rows, .median = NAN, .p5 = NAN, .p95 = NAN};
    uint64_t defined;
    if (!mean_of(&all, &s->mean, &defined) || !summarise_others(s, m, from, rows)) {
        return false;
    }
    s->undefined = rows - defined;
    float values[CHUNK];
    for (uint64_t at = 0; at < rows;) {
        const size_t n = chunk_of(&all, at, values);
        if (n == 0) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            if (isnan(values[i])) {
                continue;
            }
            s->histogram[bin_of(values[i], log_vocab)]++;
            const place here = {at + i, values[i]};
            keep_extreme(s->least, s->extremes, here, -1);
            keep_extreme(s->most, s->extremes, here, 1);
            s->extremes += s->extremes < EXTREMES;
        }
        at += n;
    }
    if (defined == 0) {
        return true;
    }
    uint64_t *count = malloc(sizeof *count << 16);
    if (count == NULL) {
        return false;
    }
    s->median = percentile(&all, defined, 0.5, count);
    s->p5 = percentile(&all, defined, 0.05, count);
    s->p95 = percentile(&all, defined, 0.95, count);
    free(count);
    return !isnan(s->median) && !isnan(s->p5) && !isnan(s->p95);
}
