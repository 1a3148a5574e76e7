/* The fused multiply-add of the scalar vector, which machines without the instruction compute from
 * doubles, against the C library's. */
#include "suite.h"

#include <math.h>

#undef FP_FAST_FMAF /* what such a machine lacks */
#include "../kernels/kernels.h"
#include "../kernels/vec_scalar.h"
#include "rows.h"

static void compare_lane(float fused, float exact, float a, float b, float c)
{
    check(bits_of(fused) == bits_of(exact) || (isnan(fused) && isnan(exact)),
          "%a * %a + %a: %a, not %a", a, b, c, fused, exact);
}

static void compare_lanes(vf32 a, vf32 b, vf32 c)
{
    const vf32 fused = v_fma(a, b, c), negated = v_fnma(a, b, c);
    for (int k = 0; k < 16; k++) {
        const float x = a.lane[k], y = b.lane[k], z = c.lane[k];
        compare_lane(fused.lane[k], fmaf(x, y, z), x, y, z);
        compare_lane(negated.lane[k], fmaf(-x, y, z), -x, y, z);
    }
}

static void compare(float a, float b, float c)
{
    compare_lanes(v_set1(a), v_set1(b), v_set1(c));
}

/* c + p with p half an ulp of c, less (i / 512)^2 ulps that it would have as a double: up to i =
 * 362 the sum rounds to the middle of two floats in double, and ties to even would then go the
 * wrong way for every odd c; from there on it rounds to a double near the middle, which is to be
 * left alone, whatever the other lanes need. With i = 0 it is a true tie. */
static void test_halfway(void **state)
{
    (void)state;
    rng r = {1};
    for (size_t n = 0; n < divided(50000); n++) {
        vf32 a, b, c;
        for (int k = 0; k < 16; k++) {
            const float i = (float)random_below(&r, k % 2 ? 3 : 1200);
            a.lane[k] = 1 + 0x1p-23f * i;
            b.lane[k] = 0x1p-24f * (1 - 0x1p-23f * i);
            c.lane[k] = (float)((random_unit(&r) + 1) * (random_unit(&r) < 0.5 ? 1 : -1));
        }
        compare_lanes(a, b, c);
    }
}

static void test_random(void **state)
{
    (void)state;
    rng r = {2};
    for (size_t i = 0; i < divided(200000); i++) {
        float x[3];
        for (int k = 0; k < 3; k++) {
            x[k] = (float)((random_unit(&r) - 0.5) * (double)(1 << random_below(&r, 20)));
        }
        compare(x[0], x[1], x[2]);
        compare(x[0], x[1], -x[0] * x[1]);
    }
    compare(INFINITY, 1, 1);
    compare(INFINITY, 0, 1);
    compare(NAN, 1, 1);
    compare(1, 1, -INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_halfway),
                                       cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
