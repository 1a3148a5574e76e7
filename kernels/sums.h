/* The sums of rows, in double, once for all instruction sets. */
#ifndef ENT_SUMS_H
#define ENT_SUMS_H

#include "kernels.h"

/* M is +inf or NaN: the row has no distribution, and no sums. */
void ent_sums_void(ent_sums *sums, double M);

/* Moves the sums from their M to a larger one. */
void ent_sums_raise(ent_sums *sums, double max, double T);

/* The sums of two parts of a row; the bits are the same in either order. Their peaks and support
 * are left alone. */
void ent_sums_merge(ent_sums *into, const ent_sums *from, double T);

#endif
