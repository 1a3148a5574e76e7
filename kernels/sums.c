#include "sums.h"

#include <math.h>

#include "scalar_math.h"

ent_scale ent_scale_of(double T)
{
    const double per_T = 0x1.71547652b82fep+0 / T; /* log2(e) / T */
    const float hi = (float)per_T;
    return (ent_scale){
        .hi = hi, .lo = (float)(per_T - hi), .unit = (float)ldexp(1, -ilogb(T)), .T = T};
}

void ent_sums_void(ent_sums *sums, double M)
{
    sums->M = M;
    sums->c = sums->r = sums->w = sums->v = 0;
}

/* With delta = M - max < 0, every d grows by delta; the logits that were equal to M join the
 * others.
 */
void ent_sums_raise(ent_sums *sums, double max, double T)
{
    if (max == INFINITY) {
        ent_sums_void(sums, max);
    } else if (sums->M > -INFINITY) {
        const double delta = sums->M - max, shrink = ent_exp(delta / T), q = sums->c + sums->r;
        sums->v = (sums->v + 2 * delta * sums->w + delta * delta * q) * shrink;
        sums->w = (sums->w + delta * q) * shrink;
        sums->r = q * shrink;
        sums->c = 0;
    }
    sums->M = max;
}

void ent_sums_merge(ent_sums *into, const ent_sums *from, double T)
{
    ent_sums other = *from;
    if (isnan(into->M) || isnan(other.M)) {
        ent_sums_void(into, NAN);
        return;
    }
    if (other.M > into->M) {
        ent_sums_raise(into, other.M, T);
    } else if (into->M > other.M) {
        ent_sums_raise(&other, into->M, T);
    }
    into->c += other.c;
    into->r += other.r;
    into->w += other.w;
    into->v += other.v;
}
