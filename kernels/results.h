/* From the sums of a row to its results, in double, once for all instruction sets. */
#ifndef ENT_RESULTS_H
#define ENT_RESULTS_H

#include "kernels.h"

/* log S, given log1p(r / c): with S = c + r = sum e^(d_i / T), the largest logit has log p = -log
 * S.
 */
double ent_log_mass(const ent_sums *s, double log1p);

float ent_entropy(const ent_sums *s, double T, double log_mass);
float ent_varentropy(const ent_sums *s, double T);
float ent_logsumexp(const ent_sums *s, double T, double log_mass);
float ent_max_logit(const ent_sums *s);
float ent_max_logprob(const ent_sums *s, double log_mass);
float ent_logprob(const ent_sums *s, double T, double log_mass, double z); /* of the logit z */

#endif
