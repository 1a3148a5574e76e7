/* The fused multiply-add of the scalar vector, which machines without the instruction compute from
 * doubles, against the C library's. */
#include "suite.h"

#include <math.h>

#undef FP_FAST_FMAF /* what such a machine lacks */
#include "../kernels/kernels.h"
#include "../kernels/vec_scalar.h"
#include "rows.h"

static void compare(float a, float b, float c)
{
    const float fused = v_fma(v_set1(a), v_set1(b), v_set1(c)).lane[7], exact = fmaf(a, b, c);
    check(bits_of(fused) == bits_of(exact) || (isnan(fused) && isnan(exact)),
          "%a * %a + %a: %a, not %a", a, b, c, fused, exact);
    const float negated = v_fnma(v_set1(a), v_set1(b), v_set1(c)).lane[0], exactly = fmaf(-a, b, c);
    check(bits_of(negated) == bits_of(exactly) || (isnan(negated) && isnan(exactly)),
          "-%a * %a + %a: %a, not %a", a, b, c, negated, exactly);
}

/* c + p with p half an ulp of c, less 2^-46 of it: the sum rounds to the middle of two floats in
 * double, and ties to even would then go the wrong way for every odd c, on either side and with
 * either sign. */
static void test_halfway(void **state)
{
    (void)state;
    rng r = {1};
    for (size_t i = 0; i < divided(200000); i++) {
        const float c = (float)((random_unit(&r) + 1) * (random_unit(&r) < 0.5 ? 1 : -1)),
                    half_ulp = 0x1p-24f;
        const float b = half_ulp * (1 - 0x1p-23f);
        compare(1 + 0x1p-23f, b, c);
        compare(-(1 + 0x1p-23f), b, c);
        compare(1, half_ulp, c); /* true ties */
        compare(-1, half_ulp, c);
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
