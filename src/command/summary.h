/* What the measures of a file amount to. */
#ifndef ENT_SUMMARY_H
#define ENT_SUMMARY_H

#include "measures.h"

#define EXTREMES 5
#define BINS 16

typedef struct place {
    uint64_t row;
    float entropy;
} place;

typedef struct summary {
    uint64_t rows;                /* all of them */
    uint64_t undefined;           /* those without a distribution; the rest is about the others */
    double mean, median, p5, p95; /* NaN where there are no others */
    int extremes;                 /* how many there are of each of these */
    place least[EXTREMES],
        most[EXTREMES];       /* certain, outermost first; of equal ones the first in the file */
    uint64_t histogram[BINS]; /* over [0, log vocab] */
    double varentropy;        /* its mean; NaN where there are no others, or it is not wanted */
    uint64_t targets;         /* rows with a target and a distribution */
    double cross_entropy;     /* mean of their -log p; NaN where there are none */
} summary;

/* Of rows [from, from + rows). False where they cannot be read. Percentiles are interpolated
 * linearly between the nearest two entropies. */
bool summarise(summary *s, measures *m, uint64_t from, uint64_t rows, double log_vocab);

#endif
