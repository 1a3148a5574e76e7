#include "rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

const char *const kind_names[KINDS] = {
    "ordinary",   "scaled",     "shifted",     "peak",          "peak on ties", "peak across",
    "ties",       "quantised",  "half masked", "mostly masked", "lowest mask",  "ascending",
    "descending", "zigzag",     "cut-off",     "any finite",    "huge",         "subnormal",
    "one-hot",    "all masked", "with NaN",    "with +inf",
};

/* G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003; the state must not be
 * 0. */
uint64_t random_bits(rng *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state;
}

double random_unit(rng *r)
{
    return (double)(random_bits(r) >> 11) * 0x1p-53;
}

size_t random_below(rng *r, size_t n)
{
    return (size_t)(random_bits(r) >> 16) % n;
}

/* Bell-shaped, mean 0, variance 1. */
static double bell(rng *r)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += random_unit(r);
    }
    return sum;
}

static double power_of_two(rng *r, int low, int high)
{
    double x = 1;
    for (int e = low + (int)random_below(r, (size_t)(high - low + 1)); e != 0;
         e -= e > 0 ? 1 : -1) {
        x *= e > 0 ? 2 : 0.5;
    }
    return x;
}

static float any_finite(rng *r)
{
    float x;
    do {
        const uint32_t b = (uint32_t)random_bits(r);
        memcpy(&x, &b, sizeof x);
    } while (!isfinite(x));
    return x;
}

static float subnormal(rng *r)
{
    const uint32_t b = (uint32_t)random_bits(r) &
                       (random_unit(r) < 0.2 ? UINT32_C(0x80000000) : UINT32_C(0x807fffff));
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static float logit(row_kind kind, size_t i, size_t n, double scale, double shift, rng *r)
{
    switch (kind) {
    case SCALED: return (float)(scale * bell(r));
    case SHIFTED: return (float)(3 * bell(r) + shift);
    case PEAK_ON_TIES:
    case PEAK_ACROSS: return (float)shift;
    case TIES: return random_unit(r) < 0.3 ? (float)shift : -INFINITY;
    case QUANTISED: return (float)(int)(2 * bell(r));
    case HALF_MASKED: return random_unit(r) < 0.5 ? -INFINITY : (float)(3 * bell(r));
    case MOSTLY_MASKED: return random_unit(r) < 0.999 ? -INFINITY : (float)(3 * bell(r));
    case LOWEST_MASK: return random_unit(r) < 0.5 ? -FLT_MAX : (float)(3 * bell(r));
    case ASCENDING: return (float)((double)i * 0.0009765625);
    case DESCENDING: return (float)((double)(n - i) * 0.0009765625);
    case ZIGZAG: return (float)((i & 1 ? 1 : -1) * (double)i * 0.001953125);
    case CUT_OFF: return (float)-(80 + 38 * random_unit(r));
    case ANY_FINITE: return any_finite(r);
    case HUGE_LOGITS:
        return (float)((random_unit(r) < 0.5 ? -1 : 1) * (double)FLT_MAX *
                       (1 - 0.001 * random_unit(r)));
    case SUBNORMAL: return subnormal(r);
    case ONE_HOT:
    case ALL_MASKED: return -INFINITY;
    default: return (float)(3 * bell(r));
    }
}

void fill_row(row_kind kind, float *z, size_t n, rng *r)
{
    static const double shifts[] = {430, 1e4, 1e5, -1e6};
    const double scale = power_of_two(r, -10, 10);
    const double shift = kind == PEAK_ACROSS ? -20 * random_unit(r) : shifts[random_below(r, 4)];
    for (size_t i = 0; i < n; i++) {
        z[i] = logit(kind, i, n, scale, shift, r);
    }
    float *one = z + random_below(r, n);
    switch (kind) {
    case PEAK: *one = (float)(10 + 109 * random_unit(r)); break;
    case PEAK_ACROSS: *one = (float)(random_unit(r) * 30); break;
    case PEAK_ON_TIES: *one = (float)(shift + 30 * random_unit(r)); break;
    case TIES:
    case ONE_HOT: *one = (float)shift; break;
    case MOSTLY_MASKED: *one = (float)bell(r); break;
    case CUT_OFF: *one = 0; break;
    case WITH_NAN: *one = random_unit(r) < 0.5 ? NAN : -NAN; break;
    case WITH_INF:
        for (size_t k = 1 + random_below(r, 3); k > 0; k--) {
            z[random_below(r, n)] = INFINITY;
        }
        break;
    default: break;
    }
}
