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
 * numbers of the size of the logits. */
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
