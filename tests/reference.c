#include "reference.h"

#include <float.h>
#include <math.h>

double reference_entropy(const float *z, size_t n, double T)
{
    double M = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (isnan(z[i])) {
            return NAN;
        }
        M = z[i] > M ? z[i] : M;
    }
    if (isinf(M)) {
        return NAN;
    }
    double c = 0, r = 0, w = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (z[i] - M) / T;
        if (d == 0) {
            c += 1;
        } else if (z[i] > -INFINITY) {
            r += exp(d);
            w += d * exp(d);
        }
    }
    return log(c) + log1p(r / c) - w / (c + r);
}

bool reference_accepts(float entropy, double H)
{
    if (isnan(H)) {
        return isnan(entropy);
    }
    if (signbit(entropy)) {
        return false;
    }
    if (H < FLT_MIN * (1 - 1e-5)) {
        return entropy == 0;
    }
    const double bound = H * (4e-7 + 7e-8 * fabs(log(H)));
    return fabs(entropy - H) <= bound || (H < FLT_MIN * (1 + 1e-5) && entropy == 0);
}
