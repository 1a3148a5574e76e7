/* From the sums of a row to its results. With S = c + r = sum e^(d_i / T) and p_i = e^(d_i / T) /
 * S:
 *
 *     -log p_i = log S - d_i / T      H = -sum p_i log p_i = log c + log1p(r / c) - (w / T) / S
 *
 * All three terms are >= 0, so nothing cancels: H keeps its relative accuracy as it goes to 0, is 0
 * when one logit holds all the mass and log c when c of them share it. The textbook form
 * logsumexp(z) - sum p_i z_i is the difference of two numbers of the size of the logits. */
#include <float.h>
#include <math.h>

#include "kernels.h"
#include "scalar_math.h"

ent_scale ent_scale_of(double T)
{
    const double per_T = 0x1.71547652b82fep+0 / T; /* log2(e) / T */
    const float hi = (float)per_T;
    return (ent_scale){
        .hi = hi, .lo = (float)(per_T - hi), .floor = (float)(-166.75 / per_T), .T = T};
}

/* x >= 0 as a float. What rounds to less than FLT_MIN is 0 everywhere: CPUs that flush to zero
 * disagree just below it. */
static float result(double x)
{
    return x < FLT_MIN ? 0 : (float)x;
}

void ent_entropy_of_sums(const ent_sums *sums, size_t count, double T, float *entropy)
{
    for (size_t i = 0; i < count; i++) {
        const ent_sums s = sums[i];
        if (fabs(s.M) < HUGE_VAL) {
            const double log_c = s.c > 1 ? ent_log(s.c) : 0;
            entropy[i] = result(log_c + ent_log1p(s.r / s.c) - s.w / T / (s.c + s.r));
        } else {
            entropy[i] = NAN;
        }
    }
}
