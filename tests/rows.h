/* Rows of logits that are hard in one way each, the same on every machine: no function of the C
 * library goes into them. */
#ifndef ROWS_H
#define ROWS_H

#include <stddef.h>
#include <stdint.h>

typedef struct rng {
    uint64_t state;
} rng;

uint64_t random_bits(rng *r);
double random_unit(rng *r); /* [0, 1) */
size_t random_below(rng *r, size_t n);

typedef enum row_kind {
    ORDINARY,      /* like a language model's: bell-shaped, width 3 */
    SCALED,        /* bell-shaped, width 2^-10 to 2^10 */
    SHIFTED,       /* ordinary plus 430, 1e4, 1e5 or -1e6 */
    PEAK,          /* one logit 1 to 110 above the bell */
    PEAK_ON_TIES,  /* one logit above equal ones: every rounding of their sum goes the same way */
    PEAK_ACROSS,   /* one logit above 0 and equal ones below: every z - max rounded alike */
    TIES,          /* 2 to n equal winners, the rest -inf */
    QUANTISED,     /* integers: many ties at and below the top */
    HALF_MASKED,   /* half of them -inf */
    MOSTLY_MASKED, /* one in 1000 left */
    LOWEST_MASK,   /* half of them -FLT_MAX */
    ASCENDING,     /* the maximum moves with every logit, and comes last */
    DESCENDING,
    ZIGZAG,      /* ascending and descending by turns, with growing height */
    CUT_OFF,     /* around the distance at which exp becomes 0: 80 to 118 below the top */
    ANY_FINITE,  /* every exponent and sign */
    HUGE_LOGITS, /* near FLT_MAX, both signs: differences overflow */
    SUBNORMAL,   /* subnormals and zeros of both signs */
    ONE_HOT,     /* one logit, the rest -inf */
    ALL_MASKED,  /* -inf */
    WITH_NAN,    /* ordinary, with a NaN somewhere */
    WITH_INF,    /* ordinary, with one to three +inf */
    KINDS
} row_kind;

extern const char *const kind_names[KINDS];

void fill_row(row_kind kind, float *z, size_t n, rng *r);

#endif
