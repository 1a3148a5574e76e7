/* binary16 and bfloat16, one number at a time: the widening against the definition of the formats,
 * the rounding against the widening, for all 65536 of them. The kernels' conversions are compared
 * with these in test_bits. */
#include "suite.h"

#include <math.h>

#include "../kernels/half.h"

/* IEEE 754-2008, 3.4, with 5 bits of exponent; bfloat16 has the 8 of binary32. */
static double defined_value(unsigned h, int fraction_bits, int bias, int largest)
{
    const double sign = h >> 15 ? -1 : 1;
    const int exponent = (int)(h & 0x7fff) >> fraction_bits;
    const double fraction = ldexp((double)(h & ((1u << fraction_bits) - 1)), -fraction_bits);
    if (exponent == largest) {
        return fraction == 0 ? sign * INFINITY : NAN;
    }
    return sign * ldexp(exponent == 0 ? fraction : 1 + fraction, (exponent ? exponent : 1) - bias);
}

static void test_widening(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x10000; h++) {
        const double f16 = defined_value(h, 10, 15, 31), bf16 = defined_value(h, 7, 127, 255);
        const float a = ent_from_f16((uint16_t)h), b = ent_from_bf16((uint16_t)h);
        check(isnan(f16) ? isnan(a) : bits_of(a) == bits_of((float)f16), "f16 %04x: %a, not %a", h,
              a, f16);
        check(isnan(bf16) ? isnan(b) : bits_of(b) == bits_of((float)bf16), "bf16 %04x: %a, not %a",
              h, b, bf16);
    }
}

/* Between two neighbours everything rounds to the nearer one, and the middle to the even one.
 * Behind the largest comes infinity, where the next number would be. */
static void check_between(unsigned h, double low, double high, uint16_t (*narrow)(float),
                          const char *name)
{
    const float middle = (float)((low + high) / 2);
    const unsigned even = h + (h & 1);
    check(narrow((float)low) == h, "%s: %a is %04x, not %04x", name, low, narrow((float)low), h);
    check(narrow(middle) == even, "%s: the middle %a is %04x, not %04x", name, middle,
          narrow(middle), even);
    check(narrow(nextafterf(middle, 0)) == h, "%s: below the middle behind %04x", name, h);
    check(narrow(nextafterf(middle, INFINITY)) == h + 1, "%s: above the middle behind %04x", name,
          h);
    check(narrow(-middle) == (even | 0x8000), "%s: minus the middle behind %04x", name, h);
}

static void test_rounding(void **state)
{
    (void)state;
    for (unsigned h = 0; h < 0x7c00; h++) {
        const double next = h == 0x7bff ? 65536 : defined_value(h + 1, 10, 15, 31);
        check_between(h, defined_value(h, 10, 15, 31), next, ent_to_f16, "f16");
    }
    for (unsigned h = 0; h < 0x7f80; h++) {
        const double next = h == 0x7f7f ? ldexp(1, 128) : defined_value(h + 1, 7, 127, 255);
        check_between(h, defined_value(h, 7, 127, 255), next, ent_to_bf16, "bf16");
    }
    assert_int_equal(ent_to_f16(0x1p-26f), 0);
    assert_int_equal(ent_to_f16(0x1p-149f), 0);
    assert_int_equal(ent_to_f16(-0.0f), 0x8000);
    assert_int_equal(ent_to_f16(1e30f), 0x7c00);
    assert_int_equal(ent_to_f16(INFINITY), 0x7c00);
    assert_int_equal(ent_to_bf16(-INFINITY), 0xff80);
    for (uint32_t low = 1; low < UINT32_C(0x800000); low = low * 2 + 1) { /* NaN, quiet or not */
        const float nan = ent_float_of(UINT32_C(0x7f800000) | low);
        assert_true(isnan(ent_from_f16(ent_to_f16(nan))));
        assert_true(isnan(ent_from_bf16(ent_to_bf16(nan))));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widening),
                                       cmocka_unit_test(test_rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
