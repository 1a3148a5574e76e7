/* The kernels' exponential: its error, where it becomes 0, and the same bits on every instruction
 * set.
 *
 *     test_exp [EVERY [MAXIMUM]]
 *
 * Goes through every EVERYth of the floats up to each maximum (1: all of them), or of those from 0 up
 * to a MAXIMUM above 0. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef WITH_MPFR
#include <mpfr.h>
#endif

#include "../src/fpenv.h"
#include "entropy.h"
#include "exponential/exponential.h"

#define CHUNK 4096

static size_t every = 4096;
/* No base, and almost the highest and the lowest of anchor.h. */
static double maxima[] = {0, 96, -59};
static size_t maxima_count = 3;

static exponential *exponential_on(const char *isa)
{
#ifdef __x86_64__
    return strcmp(isa, "avx2") == 0     ? exponential_avx2
           : strcmp(isa, "avx512") == 0 ? exponential_avx512
                                        : exponential_scalar;
#else
    return strcmp(isa, "neon") == 0 ? exponential_neon : exponential_scalar;
#endif
}

/* The order of the floats, as integers without a gap: 0 for +0, -1 for -0. */
static float float_at(int64_t i)
{
    const uint32_t b = i >= 0 ? (uint32_t)i : UINT32_C(0x80000000) + (uint32_t)(-1 - i);
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static int64_t place_of(float x)
{
    const uint32_t b = bits_of(x);
    return b >> 31 ? -1 - (int64_t)(b & 0x7fffffff) : b;
}

static void compute(exponential *f, float *e, const float *x, const ent_anchor *anchor,
                    const ent_scale *scale)
{
    const ent_fpenv caller = ent_fpenv_enter();
    f(e, x, CHUNK, anchor, scale);
    ent_fpenv_leave(caller);
    for (size_t i = 0; i < CHUNK; i++) {
        e[i] = fabsf(e[i]) < FLT_MIN ? 0 : e[i]; /* as every operation takes it */
    }
}

/* What was worst in a binade of x. */
typedef struct worst {
    float x, e;
    double error;
} worst;

/* 40, less the base of a row with this maximum. */
static int power(double M, double T)
{
    return 40 - (int)lrint(M / T * 0x1.71547652b82fep+0);
}

#ifdef WITH_MPFR
/* The error of the worst one of each binade, from scratch. */
static double exact_error(const worst *w, double T, double M)
{
    mpfr_t x;
    mpfr_init2(x, 300);
    mpfr_set_flt(x, w->x, MPFR_RNDN);
    mpfr_div_d(x, x, T, MPFR_RNDN);
    mpfr_exp(x, x, MPFR_RNDN);
    mpfr_mul_2si(x, x, power(M, T), MPFR_RNDN);
    mpfr_d_div(x, w->e, x, MPFR_RNDN);
    mpfr_sub_ui(x, x, 1, MPFR_RNDN);
    const double error = fabs(mpfr_get_d(x, MPFR_RNDN));
    mpfr_clear(x);
    return error;
}
#endif

static void check_chunk(const float *x, const float *e, double T, double M, worst *binades)
{
    const double scale = ldexp(1, power(M, T));
    for (size_t i = 0; i < CHUNK; i++) {
        const double d = (x[i] - M) / T;
        if (d < -116) {
            check(e[i] == 0, "exp %a at %g is %a, not 0", x[i], M, e[i]);
        } else if (d > -114.7) { /* (166 - 1/2) log 2 */
            const double error = fabs(e[i] / (exp(x[i] / T) * scale) - 1);
            check(error <= 2.0e-7, "exp %a at %g, T %g: %a, off by %g", x[i], M, T, e[i], error);
            worst *w = &binades[fabsf(x[i]) < FLT_MIN ? 0 : 150 + ilogbf(x[i])];
            if (error > w->error) {
                *w = (worst){x[i], e[i], error};
            }
        }
    }
}

/* Every `step`th float from M down to `lowest`. */
static void check_all(double M, double T, float lowest, size_t step)
{
    static float x[CHUNK], e[CHUNK], other[CHUNK];
    static worst binades[300];
    memset(binades, 0, sizeof binades);
    const ent_scale scale = ent_scale_of(T);
    ent_anchor anchor;
    ent_anchor_init(&anchor, M, &scale);
    check(!anchor.far, "%g is far", M);
    const int64_t last = place_of(lowest);
    float before = INFINITY;
    size_t back = 0;
    for (int64_t at = place_of((float)M); at >= last; at -= (int64_t)(CHUNK * step)) {
        for (size_t i = 0; i < CHUNK; i++) {
            const int64_t place = at - (int64_t)(i * step);
            x[i] = float_at(place < last ? last : place);
            x[i] = fabsf(x[i]) < FLT_MIN ? 0 : x[i]; /* as a row's logits are taken */
        }
        compute(exponential_on(isa_of(isa_of(1) != NULL)), e, x, &anchor, &scale);
        check_chunk(x, e, T, M, binades);
        for (size_t i = 0; i < CHUNK; before = e[i++]) {
            back += e[i] > before;
            check(e[i] <= nextafterf(before, INFINITY), "exp rises by more than an ulp before %a",
                  x[i]);
        }
        for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
            compute(exponential_on(isa_of(isa)), other, x, &anchor, &scale);
            for (size_t i = 0; memcmp(e, other, sizeof e) != 0 && i < CHUNK; i++) {
                check(bits_of(e[i]) == bits_of(other[i]), "exp %a at %g on %s: %a, not %a", x[i], M,
                      isa_of(isa), other[i], e[i]);
            }
        }
    }
    worst most = {0, 0, 0};
    for (size_t i = 0; i < 300; i++) {
#ifdef WITH_MPFR
        if (binades[i].error > 0) {
            const double error = exact_error(&binades[i], T, M);
            check(error <= 2.0e-7, "exp %a is off by %g", binades[i].x, error);
            check(fabs(error - binades[i].error) < 1e-13, "exp %a: error %g, MPFR's %g",
                  binades[i].x, binades[i].error, error);
        }
#endif
        most = binades[i].error > most.error ? binades[i] : most;
    }
    printf("  maximum %g, T %g: worst error %.3g, at %a; not monotone %zu times\n", M, T,
           most.error, most.x, back);
    fflush(stdout);
}

static void test_floats(void **state)
{
    (void)state;
    for (size_t i = 0; i < maxima_count; i++) {
        check_all(maxima[i], 1, maxima_count == 1 && maxima[i] > 0 ? 0 : -INFINITY, every);
    }
}

static void test_temperatures(void **state)
{
    (void)state;
    static const float temperatures[] = {0.7f, 3.7f, 0x1p-20f};
    for (size_t i = 0; i < 3; i++) {
        check_all(0, temperatures[i], -INFINITY, 4096 * divided(64));
        check_all(80 * temperatures[i], temperatures[i], -INFINITY, 4096 * divided(64));
    }
}

/* Where log2(e) / T is a float, nothing is lost without `lo`. */
static void test_without_lo(void **state)
{
    (void)state;
    for (int power = -3; power <= 3; power += 3) {
        const double T = ldexp(0x1.71547652b82fep+0, power);
        assert_true(ent_scale_of(T).lo == 0);
        check_all(0, T, -INFINITY, 4096 * divided(64));
        check_all((float)(80 * T), T, -INFINITY, 4096 * divided(64));
    }
}

/* The code that is tested here is the library's: in a row of two logits the sum is an exponential.
 */
static void test_library(void **unused)
{
    (void)unused;
    static float x[CHUNK], e[CHUNK];
    const ent_scale scale = ent_scale_of(1);
    for (size_t k = 0; k < 3; k++) {
        const double M = (double[]){0, 96, -59}[k];
        ent_anchor anchor;
        ent_anchor_init(&anchor, M, &scale);
        const int64_t top = place_of((float)M), step = (top - place_of(-INFINITY)) / CHUNK;
        for (int64_t i = 0; i < CHUNK; i++) {
            x[i] = float_at(top - 1 - i * step);
            x[i] = fabsf(x[i]) < FLT_MIN ? (float)(M - 1) : x[i];
        }
        compute(exponential_on(isa_of(0)), e, x, &anchor, &scale);
        for (size_t i = 0; i < CHUNK; i += 1 + CHUNK / divided(CHUNK) / 8) {
            entropy_state s;
            entropy_state_init(&s);
            const float row[] = {(float)M, x[i]};
            assert_int_equal(entropy_state_add_f32(&s, row, 2), ENTROPY_OK);
            check(s.sum == e[i] * anchor.unit, "exp %a at %g: %a, in the library %a", x[i], M,
                  e[i] * anchor.unit, s.sum);
            /* in a later piece it is taken without `lo`, which is given back to its sum */
            const double exact = exp(x[i] - M);
            entropy_state_init(&s);
            assert_int_equal(entropy_state_add_f32(&s, row, 1), ENTROPY_OK);
            assert_int_equal(entropy_state_add_f32(&s, row + 1, 1), ENTROPY_OK);
            check(x[i] - M > -114.7 ? fabs(s.sum / exact - 1) <= 2.0e-7 : s.sum <= exact * 1.1,
                  "exp %a at %g: %a in another piece", x[i], M, s.sum);
        }
    }
}

int main(int argc, char **argv)
{
    every = argc > 1 ? strtoul(argv[1], NULL, 10) : every;
    if (argc > 2) {
        maxima[0] = strtod(argv[2], NULL);
        maxima_count = 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_temperatures),
        cmocka_unit_test(test_without_lo),
        cmocka_unit_test(test_library),
    };
    begin("test_exp");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
