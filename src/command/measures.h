/* What is measured of every row of logits: a column of floats each. */
#ifndef ENT_MEASURES_H
#define ENT_MEASURES_H

#include <stdbool.h>

#include "spool.h"

enum { ENTROPY, VARENTROPY, LOGPROB, COLUMNS };

/* In nats, varentropy in nats^2. NaN where a row has none: it is without a distribution, or without
 * a target. */
typedef struct measures {
    bool wanted[COLUMNS];
    spool column[COLUMNS]; /* those that are wanted */
} measures;

/* False where memory ran out. In any case, measures_close is due. */
bool measures_open(measures *m, bool varentropy, bool logprob);
/* Adds n rows; values of columns that are not wanted are not looked at. False where memory or disk
 * space ran out. */
bool measures_add(measures *m, float *const values[COLUMNS], size_t n);
void measures_close(measures *m);

#endif
