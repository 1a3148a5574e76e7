#include "results.h"

#include <float.h>
#include <math.h>

#include "scalar_math.h"

/* What rounds to less than FLT_MIN is 0 everywhere: CPUs that flush to zero disagree just below it.
 */
static float result(double x)
{
    return fabs(x) < FLT_MIN ? 0 : (float)x;
}

/* The row has a distribution. */
static bool defined(const ent_sums *s)
{
    return fabs(s->M) < HUGE_VAL;
}

/* Both terms are >= 0, so nothing cancels. */
double ent_log_mass(const ent_sums *s, double log1p)
{
    return s->c > 1 ? ent_log(s->c) + log1p : log1p;
}

/* With -log p_i = log S - d_i / T, H = -sum p_i log p_i = log S - (w / T) / S. Both terms are >= 0:
 * H keeps its relative accuracy as it goes to 0, is 0 when one logit holds all the mass and log c
 * when c of them share it. The textbook form logsumexp(z) - sum p_i z_i is the difference of two
 * numbers of the size of the logits.
 *
 * Error. Let t_i = -d_i / T, m = sum p_i t_i = -(w / T) / S and q = r / S, so that H = log S + m. If
 * each e^(-t_i) is off by the relative error a_i, and the sums r and w by b and g,
 *
 *     dH = sum_i p_i (1 + t_i - m) a_i + (1 - m) q b + m g        over the logits below M
 *
 * with |a_i| <= 2.0e-7, |b| <= 5 u and |g| <= 7 u (op_block.h). The first term is at most 2.0e-7 H
 * (up to 2^18 logits, and 1.1 times that up to 2^32): where m <= 2 since sum p_i |1 + t_i - m| <=
 * m + q and q <= -log(1 - q) <= log S; where m > 2 since m is then at most what logits of the mass
 * that lies beyond m could have. The others are at most 9 u H: worst where one logit has a fifth of
 * the mass and the rest lies 10 T below it.
 *
 * Without `lo` (op_block.h), every block's mean of t is off by k times its variance, k = |lo / hi|,
 * and m by the blocks' mean of that. It is at most 3.6 k H, as a search among blocks of up to three
 * values found: worst where one logit of a block is just below M and all others are 8.5 T lower. k
 * is 2^-24 at the worst T, and 1.3e-8 at T = 1.
 *
 * Together 9.5e-7 of H, and 7.9e-7 at T = 1, if every rounding of a row were the worst one and all
 * went the same way. The rows that come nearest reach 0.84 of the promised 4e-7 + 7e-8 |log H|
 * (tests/README.md), most stay below a quarter. */
float ent_entropy(const ent_sums *s, double T, double log_mass)
{
    return defined(s) ? result(log_mass - s->w / T / (s->c + s->r)) : NAN;
}

/* V is the variance of d / T, (v / T^2) / S - ((w / T) / S)^2. In a row that is nearly certain the
 * second term is nothing beside the first. In others it may be: the c winners, at 0, have mass P =
 * c / S; the others have Q = r / S, the mean m = (w / T) / r and the variance u = (v / T^2) / r -
 * m^2, which alone cancels, and which is small where its error matters least: V = P Q m^2 + Q u. */
float ent_varentropy(const ent_sums *s, double T)
{
    if (!defined(s)) {
        return NAN;
    }
    if (s->r == 0) {
        return 0;
    }
    const double S = s->c + s->r, m = s->w / T / s->r, v = s->v / T / T, u = v / s->r - m * m;
    if (s->r < s->c / 1024) {
        return result(v / S - s->r / S * m * (s->r / S * m));
    }
    return result(s->r / S * (s->c / S * m * m + (u > 0 ? u : 0)));
}

float ent_logsumexp(const ent_sums *s, double T, double log_mass)
{
    return defined(s) ? result(s->M / T + log_mass) : (float)s->M;
}

float ent_max_logit(const ent_sums *s)
{
    return (float)s->M;
}

float ent_max_logprob(const ent_sums *s, double log_mass)
{
    return defined(s) ? result(-log_mass) : NAN;
}

float ent_logprob(const ent_sums *s, double T, double log_mass, double z)
{
    if (!defined(s)) {
        return NAN;
    }
    if ((float)(z - s->M) == -INFINITY) { /* as the kernels have it */
        return -INFINITY;
    }
    const double log_p = (z - s->M) / T - log_mass;
    return log_p < -FLT_MAX ? -FLT_MAX : result(log_p);
}
