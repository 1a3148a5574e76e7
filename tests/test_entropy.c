/* entropy_f32 against the reference, the special values and the errors, on one instruction set. */
#include "suite.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entropy.h"
#include "reference.h"
#include "rows.h"

#define LONG_ROW 151936

static float entropy_of(const float *z, size_t n)
{
    float H = -1;
    check(entropy_f32(z, 1, 1, n, &H) == ENTROPY_OK, "not ENTROPY_OK for a row of %zu", n);
    return H;
}

/* Worked by hand, to 30 digits: the entropies of the logits as floats. */
static void test_worked_rows(void **state)
{
    (void)state;
    static const struct {
        float z[4];
        double H;
    } rows[] = {
        {{2.0f, 1.0f, 0.5f, 0.3f}, 1.14426566680925902073007572092},
        {{0, 0, 0, 0}, 1.38629436111989061883446424292},
        {{1e5f, 1e5f, 1e5f, 1e5f}, 1.38629436111989061883446424292},
        {{3, -INFINITY, 3, -INFINITY}, 0.693147180559945309417232121458},
        {{2, 1, -INFINITY, 0.3f}, 0.876163301946244980451082037246},
        {{20, 19, -FLT_MAX, 0}, 0.582203140126275299165885835375},
        {{20, 0, 0, 0}, 0.000000129852677429807787867880453428},
        {{60, 0, 0, 0}, 1.60244146957346322194343806078e-24},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const float H = entropy_of(rows[i].z, 4);
        check(reference_accepts(H, rows[i].H), "row %zu: %.9g, not %.9g", i, H, rows[i].H);
    }
}

/* Every kind of row, at lengths around lanes, groups and blocks, and at random ones. */
static void test_against_reference(void **state)
{
    (void)state;
    static const size_t edges[] = {1,    2,    15,   16,   17,   31,   32,   33,
                                   127,  128,  129,  143,  1023, 1024, 1025, 1151,
                                   1152, 2047, 2048, 2049, 4096, 5000, 32000};
    enum { EDGES = sizeof edges / sizeof *edges };
    rng r = {20261124};
    float *z = malloc(LONG_ROW * sizeof *z);
    for (int kind = 0; kind < KINDS; kind++) {
        double worst = 0;
        for (size_t i = 0; i < EDGES + divided(150) + 1; i++) {
            const size_t n = i < EDGES                  ? edges[i]
                             : i < EDGES + divided(150) ? 1 + random_below(&r, 3000)
                                                        : LONG_ROW;
            fill_row((row_kind)kind, z, n, &r);
            const float H = entropy_of(z, n);
            const double exact = reference_entropy(z, n, 1);
            check(reference_accepts(H, exact), "%s, row %zu of %zu logits: %.9g, not %.17g",
                  kind_names[kind], i, n, H, exact);
            if (exact >= FLT_MIN) {
                worst = fmax(worst, fabs(H / exact - 1) / (4e-7 + 7e-8 * fabs(log(exact))));
            }
        }
        printf("  %-14s worst error %.2f of the bound\n", kind_names[kind], worst);
    }
    free(z);
}

/* x > 1 with x e^-x = v, or log(1 / v): where an addend of w, or of r, is v. */
static double distance_of_addend(double v, bool of_w)
{
    double low = 1, high = 200;
    for (int i = 0; i < 100; i++) {
        const double x = (low + high) / 2;
        *(x * exp(-x) > v ? &low : &high) = x;
    }
    return of_w ? low : -log(v);
}

/* Rows made to add up badly: in every lane one large addend, and behind it others just over half an
 * ulp of the sum, so that every addition rounds the same way. `spread` says over how many vectors a
 * partial sum runs that should itself be such an addend. */
static void fill_tiny_addends(float z[2048], double large, double factor, size_t spread, bool of_w)
{
    const double tiny = large * 0x1p-24 * factor;
    const float far = (float)-distance_of_addend(large, of_w);
    const float near = (float)-distance_of_addend(tiny, of_w);
    const float shared = (float)-distance_of_addend(tiny / (double)spread, of_w);
    for (size_t i = 0; i < 1024; i++) {
        const size_t vector = i / 16;
        z[i] = i == 0 ? 0 : -INFINITY;
        z[1024 + i] = vector == 0 ? far : vector < spread ? near : shared;
        if (vector / spread % 2 == 1 && vector % spread == 0) {
            z[1024 + i] = -INFINITY; /* a partial sum that meets another before the large one */
        }
    }
}

static void test_tiny_addends(void **state)
{
    (void)state;
    static float z[2048];
    double worst = 0;
    for (size_t i = 0; i < 6336; i += 6336 / divided(6336)) {
        const int k = 1 + (int)(i % 11);
        const double above = ldexp(1e-6, (int)(i / 11 % 16));
        const double factor = 1.0001 + 0.05 * (double)(i / 176 % 6);
        const size_t layout = i / 1056;
        fill_tiny_addends(z, ldexp(1 + above, -k), factor, (size_t)4 << layout / 2, layout % 2);
        const float H = entropy_of(z, 2048);
        const double exact = reference_entropy(z, 2048, 1);
        check(reference_accepts(H, exact), "2^-%d, %g, %g, layout %zu: %.9g, not %.17g", k, above,
              factor, layout, H, exact);
        worst = fmax(worst, fabs(H / exact - 1) / (4e-7 + 7e-8 * fabs(log(exact))));
    }
    printf("  worst error %.2f of the bound\n", worst);
}

/* The logits of a real model, against entropies that were computed in 80-bit arithmetic and are
 * shipped with them. */
static void test_shipped_logits(void **state)
{
    (void)state;
    enum { ROWS = 10, VOCAB = 49152, HEADER = 128 };
    float *z = malloc(sizeof *z * ROWS * VOCAB), H[ROWS];
    FILE *f = fopen(TEST_DATA "/smollm2_f32.npy", "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, HEADER, SEEK_SET), 0);
    assert_int_equal(fread(z, sizeof *z, ROWS * VOCAB, f), ROWS * VOCAB);
    fclose(f);
    assert_int_equal(entropy_f32(z, 2, 5, VOCAB, H), ENTROPY_OK);
    free(z);

    char json[8192];
    f = fopen(TEST_DATA "/smollm2_tokens.json", "rb");
    assert_non_null(f);
    json[fread(json, 1, sizeof json - 1, f)] = '\0';
    fclose(f);
    const char *p = json;
    for (int i = 0; i < ROWS; i++) {
        p = strstr(p, "\"entropy\": ");
        assert_non_null(p);
        p += strlen("\"entropy\": ");
        const double exact = strtod(p, NULL);
        check(reference_accepts(H[i], exact), "row %d: %.9g, not %.17g", i, H[i], exact);
    }
}

/* Exactly, not nearly. */
static void test_special_values(void **state)
{
    (void)state;
    float z[3000];
    for (size_t n = 1; n <= 3000; n += n < 40 ? 1 : 37) {
        for (size_t i = 0; i < n; i++) {
            z[i] = -INFINITY;
        }
        check(isnan(entropy_of(z, n)), "%zu times -inf", n);
        z[n / 2] = -7.5f;
        check(bits_of(entropy_of(z, n)) == 0, "one-hot in %zu", n);
        z[n / 2] = INFINITY;
        check(isnan(entropy_of(z, n)), "+inf among %zu times -inf", n);
        z[n - 1] = NAN;
        check(isnan(entropy_of(z, n)), "NaN at the end of %zu", n);
        z[n / 2] = -INFINITY;
        check(isnan(entropy_of(z, n)), "NaN among %zu times -inf", n);
        for (size_t i = 0; i < n; i++) {
            z[i] = i % 2 ? -0.0f : 0.0f;
        }
        check(bits_of(entropy_of(z, n)) == bits_of((float)log((double)n)),
              "%zu zeros of both signs", n);
        for (size_t i = 0; i < n; i++) {
            z[i] = i % 3 ? -INFINITY : 1e5f;
        }
        check(bits_of(entropy_of(z, n)) == bits_of((float)log((double)((n + 2) / 3))),
              "%zu ties among -inf", n);
        for (size_t i = 0; i < n; i++) {
            z[i] = (float)i;
        }
        z[0] = NAN;
        check(isnan(entropy_of(z, n)), "NaN at the start of %zu", n);
        z[0] = INFINITY;
        check(isnan(entropy_of(z, n)), "+inf at the start of %zu", n);
    }
}

/* Entropies down to FLT_MIN keep their accuracy, and +0 follows: no subnormal, no -0. */
static void test_smallest(void **state)
{
    (void)state;
    for (double d = -70; d > -120; d -= 0.01) {
        const float z[2] = {0, (float)d};
        const double exact = reference_entropy(z, 2, 1);
        const float H = entropy_of(z, 2);
        check(reference_accepts(H, exact), "a logit %.9g below: %.9g, not %.9g", z[1], H, exact);
        check(H == 0 || H >= FLT_MIN, "a logit %.9g below: a subnormal", z[1]);
    }
}

/* All machines agree with this one: a hash of the entropies of the first rows, as scalar code gave
 * it. An emulated run that tests fewer rows compares the hashes that it reaches. */
static void test_hashes(void **state)
{
    (void)state;
    static const row_hash expected[] = {
        {66, UINT64_C(0x9e22d2933a4a1d34)},
        {660, UINT64_C(0xbecc0d4916946e44)},
        {3300, UINT64_C(0xacdd87bc2ad26a35)},
        {0, 0},
    };
    rng r = {1948};
    float *z = malloc(120000 * sizeof *z);
    uint64_t hash = HASH_INIT;
    const size_t rows = divided(3300);
    for (size_t i = 0; i < rows; i++) {
        const size_t n =
            i % 50 == 49 ? 20000 + random_below(&r, 100000) : 1 + random_below(&r, 2500);
        fill_row((row_kind)(i % KINDS), z, n, &r);
        const float H = entropy_of(z, n);
        hash = hash_add(hash, &H, sizeof H);
        hash_check(expected, i + 1, hash);
    }
    free(z);
}

static void test_errors(void **state)
{
    (void)state;
    const size_t half = SIZE_MAX / 2 + 1;
    float z[6] = {1, 2, 3, 4, 5, 6}, out[2] = {-1, -1};
    assert_int_equal(entropy_f32(NULL, 0, 3, 0, NULL), ENTROPY_OK);
    assert_int_equal(entropy_f32(NULL, 3, 0, SIZE_MAX, NULL), ENTROPY_OK);
    assert_int_equal(entropy_f32(z, 1, 1, 0, out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(z, half, 2, 1, out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(z, 2, half, 1, out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(z, 1, half, 2, out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(z, 1, 1, SIZE_MAX / 4 + 1, out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(z, SIZE_MAX, SIZE_MAX, SIZE_MAX, out), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(NULL, 1, 1, 0, NULL), ENTROPY_ERR_SHAPE);
    assert_int_equal(entropy_f32(NULL, 1, 2, 3, out), ENTROPY_ERR_NULL);
    assert_int_equal(entropy_f32(z, 1, 2, 3, NULL), ENTROPY_ERR_NULL);
    assert_true(out[0] == -1 && out[1] == -1);
    assert_int_equal(entropy_f32(z, 1, 2, 3, out), ENTROPY_OK);
    assert_true(out[0] > 0 && out[1] > 0);
}

static void test_words(void **state)
{
    (void)state;
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", ENTROPY_VERSION_MAJOR, ENTROPY_VERSION_MINOR,
             ENTROPY_VERSION_PATCH);
    assert_string_equal(entropy_version(), version);
    for (int status = -6; status <= 1; status++) {
        assert_non_null(entropy_strerror(status));
        for (int other = -5; other < status; other++) {
            if (status <= 0) {
                assert_string_not_equal(entropy_strerror(status), entropy_strerror(other));
            }
        }
    }
    assert_string_equal(entropy_strerror(1), "unknown status");
    assert_string_equal(entropy_strerror(-6), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_rows),    cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_tiny_addends),   cmocka_unit_test(test_shipped_logits),
        cmocka_unit_test(test_special_values), cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_errors),         cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_words),
    };
    begin("test_entropy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
