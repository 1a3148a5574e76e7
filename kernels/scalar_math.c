#include "scalar_math.h"

#ifdef ENTROPY_WITH_SLEEF
/* Of SLEEF's families `cinz` is the one without fused multiply-add: it is the same on every CPU and
 * declared for all. */
#include <sleef.h>

double ent_log(double x)
{
    return Sleef_cinz_logd1_u10purec(x);
}
double ent_exp(double x)
{
    return Sleef_cinz_expd1_u10purec(x);
}
double ent_expm1(double x)
{
    return Sleef_cinz_expm1d1_u10purec(x);
}
static void log1p_of_pair(double *x)
{
#if defined __x86_64__
    _mm_storeu_pd(x, Sleef_cinz_log1pd2_u10sse2(_mm_loadu_pd(x)));
#elif defined __aarch64__
    vst1q_f64(x, Sleef_cinz_log1pd2_u10advsimdnofma(vld1q_f64(x)));
#endif
}
void ent_log1p_each(double *x, size_t n)
{
    size_t i = 0;
    for (; n - i >= 2; i += 2) {
        log1p_of_pair(x + i);
    }
    if (i < n) {
        double pair[2] = {x[i], 0};
        log1p_of_pair(pair);
        x[i] = pair[0];
    }
}
#else
#include <math.h>

double ent_log(double x)
{
    return log(x);
}
double ent_exp(double x)
{
    return exp(x);
}
double ent_expm1(double x)
{
    return expm1(x);
}
void ent_log1p_each(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = log1p(x[i]);
    }
}
#endif
