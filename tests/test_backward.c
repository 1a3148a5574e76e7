/* entropy_backward against the reference, which is held against finite differences, on one
 * instruction set. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logits.h"
#include "reference.h"

#define MOST 3000

/* The reference's gradient is the slope of the reference's loss. */
static void test_reference(void **state)
{
    (void)state;
    enum { N = 40 };
    static const double temperatures[] = {1, 0.5, 3};
    rng r = {9};
    double worst = 0;
    for (size_t round = 0; round < divided(300); round++) {
        float z[N];
        double wide[N];
        const double T = temperatures[round % 3];
        const double g[3] = {random_unit(&r) - 0.5, random_unit(&r) - 0.5, random_unit(&r) - 0.5};
        fill_row(round % 2 ? ORDINARY : HALF_MASKED, z, N, &r);
        z[0] = 1;
        widen(ENTROPY_F32, wide, z, NULL, N);
        const int64_t target = (int64_t)(round % 5 == 0 ? 0 : random_below(&r, N));
        const reference exact = reference_of(wide, N, T, target, false);
        if (isinf(exact.target_logprob)) {
            continue;
        }
        for (size_t i = 0; i < N; i++) {
            if (isinf(wide[i])) {
                continue;
            }
            const double at = wide[i], h = 0x1p-15;
            long double loss[2];
            for (int side = 0; side < 2; side++) {
                wide[i] = side ? at + h : at - h;
                const reference moved = reference_of(wide, N, T, target, false);
                loss[side] =
                    g[0] * moved.entropy + g[1] * moved.logsumexp + g[2] * moved.target_logprob;
            }
            wide[i] = at;
            const long double slope = (loss[1] - loss[0]) / (2 * h);
            const long double gradient = reference_gradient(&exact, wide, i, T, target, g);
            check(fabsl(slope - gradient) < 1e-8L, "logit %zu: slope %.12Lg, gradient %.12Lg", i,
                  slope, gradient);
            worst = fmax(worst, (double)fabsl(slope - gradient));
        }
    }
    printf("  worst difference %.1e\n", worst);
}

typedef struct problem {
    int dtype;
    size_t n;
    float T;
    int64_t target;
    bool masked;
    float g[3];
    uint8_t row[MOST * sizeof(float)];
    uint32_t allowed[MOST / 32 + 1];
} problem;

static void make(problem *p, size_t i, row_kind kind, rng *r)
{
    static const float temperatures[] = {1, 1, 0.7f, 2, 0.05f, 0x1p-60f, 0x1p60f};
    static float z[MOST];
    p->dtype = (int)(i % DTYPES);
    p->n = 1 + random_below(r, i % 4 ? 100 : MOST);
    p->T = temperatures[random_below(r, 7)];
    p->masked = random_below(r, 4) == 0;
    p->target = (int64_t)random_below(r, p->n + 1) - 1;
    for (int k = 0; k < 3; k++) {
        p->g[k] = random_below(r, 3) ? (float)(2 * random_unit(r) - 1) : 0;
    }
    fill_row(kind, z, p->n, r);
    narrow(p->dtype, p->row, z, p->n);
    fill_mask(p->allowed, p->n, 4, r);
}

static entropy_args args_of_problem(const problem *p)
{
    entropy_args a = args_of(p->dtype, p->row, 1, p->n);
    a.temperature = &p->T;
    a.target = &p->target;
    a.allowed = p->masked ? p->allowed : NULL;
    return a;
}

static entropy_grads grads_of_problem(const problem *p, void *to)
{
    return (entropy_grads){.size = sizeof(entropy_grads),
                           .entropy = &p->g[0],
                           .logsumexp = &p->g[1],
                           .target_logprob = &p->g[2],
                           .logits = to};
}

static void compare(const problem *p, const uint8_t *gradient, const char *kind, double *worst)
{
    static double wide[MOST];
    widen(p->dtype, wide, p->row, p->masked ? p->allowed : NULL, p->n);
    const reference exact = reference_of(wide, p->n, p->T, p->target, p->dtype != ENTROPY_F16);
    const double g[3] = {p->g[0], p->g[1], p->target >= 0 ? p->g[2] : 0};
    const bool none = g[0] == 0 && g[1] == 0 && g[2] == 0;
    for (size_t i = 0; i < p->n; i++) {
        const double z = p->dtype != ENTROPY_F16 && fabs(wide[i]) < FLT_MIN ? 0 : wide[i];
        wide[i] = z;
        const double got = element(p->dtype, gradient, i);
        long double x = none ? 0 : reference_gradient(&exact, wide, i, p->T, p->target, g);
        if (isnan(x)) {
            check(isnan(got), "%s, %s: logit %zu of %zu: %g, not NaN", kind, dtype_names[p->dtype],
                  i, p->n, got);
            continue;
        }
        check(!(got == 0 && signbit(got)), "%s: -0", kind);
        if (none || z == -INFINITY) {
            check(got == 0, "%s, %s: logit %zu of %zu: %g, not 0", kind, dtype_names[p->dtype], i,
                  p->n, got);
            continue;
        }
        long double bound = gradient_bound(&exact, wide, i, p->T, p->target, g, p->dtype);
        if (fabsl(x) < 2 * FLT_MIN) {
            bound += FLT_MIN; /* or 0 */
        }
        const long double largest = p->dtype == ENTROPY_F16 ? 65504 : FLT_MAX;
        check(fabsl(got - x) <= bound || (fabsl(x) + bound > largest && isinf(got)),
              "%s, %s, T %g: logit %zu of %zu: %.9g, not %.9Lg; %.3Lg of the bound", kind,
              dtype_names[p->dtype], p->T, i, p->n, got, x, fabsl(got - x) / bound);
        if (p->dtype == ENTROPY_F32 && fabsl(x) > 4 * FLT_MIN && isfinite(got)) {
            *worst = fmax(*worst, (double)(fabsl(got - x) / bound));
        }
    }
}

static void test_against_reference(void **state)
{
    (void)state;
    static problem p;
    static uint8_t gradient[MOST * sizeof(float)], other[MOST * sizeof(float)];
    rng r = {31};
    double worst = 0;
    for (size_t i = 0; i < KINDS * divided(120); i++) {
        const row_kind kind = (row_kind)(i % KINDS);
        make(&p, i / KINDS, kind, &r);
        entropy_args a = args_of_problem(&p);
        entropy_grads g = grads_of_problem(&p, gradient);
        memset(gradient, 0x5a, sizeof gradient);
        assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);
        const size_t bytes = p.n * dtype_size(p.dtype);
        for (size_t k = bytes; k < sizeof gradient; k++) {
            check(gradient[k] == 0x5a, "written behind the row");
        }
        compare(&p, gradient, kind_names[kind], &worst);
        /* the same with the results of entropy_forward, and in place */
        results forward;
        want(&a, &forward, ALL_RESULTS);
        assert_int_equal(entropy_forward(&a), ENTROPY_OK);
        const results before = forward;
        memcpy(other, p.row, bytes);
        a.logits = other;
        g.logits = other;
        assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);
        check(memcmp(gradient, other, bytes) == 0, "%s: other bits in place, with given results",
              kind_names[kind]);
        check(memcmp(&before, &forward, sizeof before) == 0, "the given results were written");
        /* some of them only: they are not looked at */
        memcpy(other, p.row, bytes);
        results_clear(&forward);
        want(&a, &forward, 1u << 3 * (i % 2) | 1u << 4 * (i % 3 == 0));
        assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);
        check(memcmp(gradient, other, bytes) == 0, "%s: other bits with some results given",
              kind_names[kind]);
    }
    printf("  worst error %.2f of the bound\n", worst);
}

/* Nearly certain rows whose distances are not floats. */
static void test_peaks(void **state)
{
    (void)state;
    static problem p;
    static uint8_t gradient[MOST * sizeof(float)];
    rng r = {65};
    double worst = 0;
    for (size_t i = 0; i < divided(60000); i++) {
        float z[6];
        make(&p, 0, ONE_HOT, &r);
        p.dtype = ENTROPY_F32;
        p.masked = false;
        p.n = 2 + random_below(&r, 5);
        p.target %= (int64_t)p.n;
        p.T = i % 3 ? 1 : (float)(0.01 + random_unit(&r));
        const double shift = 300 * random_unit(&r) - 150;
        for (size_t k = 0; k < p.n; k++) {
            z[k] = (float)(3 * random_unit(&r) + shift);
        }
        z[p.n / 2] = (float)(shift + 110 * (double)p.T * random_unit(&r));
        narrow(p.dtype, p.row, z, p.n);
        const entropy_args a = args_of_problem(&p);
        const entropy_grads g = grads_of_problem(&p, gradient);
        memset(gradient, 0x5a, sizeof gradient);
        assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);
        compare(&p, gradient, "a random peak", &worst);
    }
    printf("  worst error %.2f of the bound\n", worst);
}

/* Gradients of the loss as large as they come: nothing on the way to the result overflows. */
static void test_huge_losses(void **state)
{
    (void)state;
    static problem p;
    static uint8_t gradient[MOST * sizeof(float)];
    rng r = {38};
    double worst = 0;
    for (size_t i = 0; i < divided(1200); i++) {
        static const row_kind kinds[] = {ORDINARY, HALF_MASKED, ONE_HOT}; /* no p counts as 0 */
        const row_kind kind = kinds[i / 2 % 3];
        make(&p, i, kind, &r);
        p.T = i % 5 ? 1 : 0.5f;
        for (int k = 0; k < 3; k++) {
            p.g[k] *= 0x1p100f * (float)random_unit(&r);
        }
        if (i % 7 == 0) { /* small beside the first, and all there is of a certain row */
            p.g[1] = 0x1p-90f;
            p.g[2] = 0;
        }
        const entropy_args a = args_of_problem(&p);
        const entropy_grads g = grads_of_problem(&p, gradient);
        memset(gradient, 0x5a, sizeof gradient);
        assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);
        compare(&p, gradient, kind_names[kind], &worst);
    }
    printf("  worst error %.2f of the bound\n", worst);
    /* 100 below the top: far larger than p is small */
    const float z[2] = {0, -100}, steep = 0x1p125f, x = (float)(100 * exp(-100) * 0x1p125);
    float got[2];
    const entropy_args a = args_of(ENTROPY_F32, z, 1, 2);
    const entropy_grads g = {.size = sizeof g, .entropy = &steep, .logits = got};
    assert_int_equal(entropy_backward(&a, &g), ENTROPY_OK);
    check(fabsf(got[1] - x) < 2e-5f * x, "%g, not %g", got[1], x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_peaks),
        cmocka_unit_test(test_huge_losses),
    };
    begin("test_backward");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
