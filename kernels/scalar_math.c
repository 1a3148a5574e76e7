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
double ent_log1p(double x)
{
    return Sleef_cinz_log1pd1_u10purec(x);
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
double ent_log1p(double x)
{
    return log1p(x);
}
#endif
