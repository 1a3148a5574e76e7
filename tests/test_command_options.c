/* The command's options that change what is measured: other dtypes, targets, varentropy, masks; for
 * rows that are handed over whole and for rows that come in pieces. */
#define _GNU_SOURCE /* unlink */
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logits.h"

static const char *const descr[DTYPES] = {"<f4", "<f2", "<u2"};

/* Random logits, masks and targets, in files and in memory. */
typedef struct data {
    int dtype;
    size_t rows, vocab, words;
    void *logits;
    uint32_t *allowed; /* rows masks; the first is that for all rows */
    int64_t *target;
} data;

static void *allocate(size_t n)
{
    void *p = calloc(n, 1);
    assert_non_null(p);
    return p;
}

/* A mask as bytes, in which any value but 0 stands for 1. */
static void write_mask(const char *path, const char *dtype, const char *shape, const data *d,
                       size_t rows)
{
    unsigned char *bytes = allocate(rows * d->vocab);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < d->vocab; k++) {
            const bool part = d->allowed[i * d->words + k / 32] >> k % 32 & 1;
            bytes[i * d->vocab + k] = part ? strcmp(dtype, "|u1") == 0 ? 128 : 1 : 0;
        }
    }
    write_array(path, dtype, shape, bytes, rows * d->vocab);
    free(bytes);
}

/* Of shape [rows, vocab]; row 1 has no target, row 2 nothing allowed in its own mask, and the
 * target of row 0 is the last token, allowed. */
static data write_data(int dtype, size_t rows, size_t vocab, uint64_t seed)
{
    rng r = {seed};
    const size_t n = rows * vocab, words = (vocab + 31) / 32;
    data d = {dtype,
              rows,
              vocab,
              words,
              allocate(n * dtype_size(dtype)),
              allocate(rows * words * sizeof(uint32_t)),
              allocate(rows * sizeof(int64_t))};
    float *z = allocate(n * sizeof *z);
    int32_t *narrow_target = allocate(rows * sizeof *narrow_target);
    for (size_t i = 0; i < rows; i++) {
        fill_row(ORDINARY, z + i * vocab, vocab, &r);
        fill_mask(d.allowed + i * words, vocab, 2, &r);
        d.target[i] = i == 0 ? (int64_t)vocab - 1 : i == 1 ? -1 : (int64_t)random_below(&r, vocab);
        narrow_target[i] = (int32_t)d.target[i];
    }
    d.allowed[words - 1] |= 1u << (vocab - 1) % 32;
    if (rows > 2) {
        memset(d.allowed + 2 * words, 0, words * sizeof(uint32_t));
    }
    narrow(dtype, d.logits, z, n);
    char shape[64], short_shape[64];
    snprintf(shape, sizeof shape, "%zu, %zu", rows, vocab);
    write_array("z.npy", descr[dtype], shape, d.logits, n * dtype_size(dtype));
    write_mask("each.npy", "|b1", shape, &d, rows);
    snprintf(short_shape, sizeof short_shape, "%zu,", vocab);
    write_mask("all.npy", "|u1", short_shape, &d, 1);
    snprintf(short_shape, sizeof short_shape, "%zu,", rows);
    write_array("t8.npy", "<i8", short_shape, d.target, rows * sizeof *d.target);
    snprintf(short_shape, sizeof short_shape, "1, %zu, 1, 1", rows);
    write_array("t4.npy", "<i4", short_shape, narrow_target, rows * sizeof *narrow_target);
    free(z);
    free(narrow_target);
    return d;
}

static void free_data(data *d)
{
    free(d->logits);
    free(d->allowed);
    free(d->target);
}

/* The number that was printed is that of the library, or close to it; NaN is null. */
static void expect_number(const char *line, const char *key, size_t i, double expected,
                          double tolerance)
{
    const double got = number_of(key, (int)i);
    check(isnan(expected)   ? isnan(got)
          : isinf(expected) ? isinf(got) && (got < 0) == (expected < 0)
                            : fabs(got - expected) <= tolerance * fabs(expected),
          "%s: %s of row %zu is %.9g, not %.9g", line, key, i, got, expected);
}

/* Runs the command with these options and compares with one call on whole rows. */
static void expect_results(const data *d, const char *options, entropy_args args, double tolerance)
{
    char line[256];
    snprintf(line, sizeof line, IN_64_MB "$entropy --json %s z.npy %s",
             d->dtype == ENTROPY_BF16 ? "--bf16" : "", options);
    const outcome o = shell(line);
    check(o.status == 0, "%s: %s", line, o.error);

    results r;
    want(&args, &r, ALL_RESULTS);
    if (args.target == NULL) {
        args.target_logprob = NULL;
    }
    assert_int_equal(entropy_forward(&args), ENTROPY_OK);
    double V = 0, cross_entropy = 0;
    int defined = 0, targets = 0;
    for (size_t i = 0; i < d->rows; i++) {
        expect_number(line, "\"entropy\":", i, (double)r.entropy[i], tolerance);
        expect_number(line, "\"varentropy\":", i, (double)r.varentropy[i], tolerance);
        const bool has = !isnan(r.entropy[i]);
        V += has ? (double)r.varentropy[i] : 0;
        defined += has;
        if (args.target != NULL) {
            expect_number(line, "\"logprob\":", i,
                          d->target[i] < 0 ? NAN : (double)r.target_logprob[i], tolerance);
            cross_entropy -= has && d->target[i] >= 0 ? (double)r.target_logprob[i] : 0;
            targets += has && d->target[i] >= 0;
        }
    }
    expect_number(line, "\"varentropy\":", d->rows, V / defined, tolerance + 1e-8);
    if (args.target != NULL) {
        expect_number(line, "\"targets\":", 0, targets, 0);
        expect_number(line, "\"cross_entropy\":", 0, cross_entropy / targets, tolerance + 1e-8);
        expect_number(line, "\"perplexity\":", d->rows, exp(cross_entropy / targets),
                      tolerance * cross_entropy / targets + 1e-8);
    }
}

/* Printed floats are those of the library; those of rows in pieces are within twice its bounds. */
static void expect_all_options(const data *d, double tolerance)
{
    static const float T = 0.75f;
    const double printed = 1e-8 + tolerance; /* nine digits */
    entropy_args args = args_of(d->dtype, d->logits, d->rows, d->vocab);
    expect_results(d, "--varentropy", args, printed);
    args.target = d->target;
    expect_results(d, "--varentropy --targets t8.npy", args, printed);
    expect_results(d, "--varentropy --targets - <t4.npy", args, printed);
    args.temperature = &T;
    args.allowed = d->allowed;
    expect_results(d, "--varentropy --temperature 0.75 --targets t4.npy --mask all.npy", args,
                   printed);
    args.allowed_stride = d->words;
    expect_results(d, "--varentropy --temperature 0.75 --targets t8.npy --mask each.npy", args,
                   printed);
    expect_results(d, "--varentropy --temperature 0.75 --targets t8.npy --mask - <each.npy", args,
                   printed);
}

static void test_whole_rows(void **state)
{
    (void)state;
    static const size_t vocabs[] = {1, 31, 32, 33, 500, 2049};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        for (size_t i = 0; i < sizeof vocabs / sizeof *vocabs; i++) {
            data d = write_data(dtype, 40, vocabs[i], i);
            expect_all_options(&d, 0);
            free_data(&d);
        }
    }
}

/* Rows of more than 16 MB; the last piece is not a whole block, and a mask of all rows is read
 * again for each. */
static void test_rows_in_pieces(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        const size_t piece = ((size_t)16 << 20) / dtype_size(dtype);
        data d = write_data(dtype, 3, (dtype == ENTROPY_F32 ? 2 : 1) * piece + 1025, 7);
        d.target[2] = (int64_t)piece; /* the first of a piece */
        write_array("t8.npy", "<i8", "3,", d.target, 3 * sizeof *d.target);
        int32_t t[3] = {(int32_t)d.target[0], -7, (int32_t)d.target[2]};
        write_array("t4.npy", "<i4", "3,", t, sizeof t);
        expect_all_options(&d, 1e-6);
        free_data(&d);
    }
    expect_complaint("cat all.npy | $entropy --bf16 --mask - z.npy", 1, "standard input",
                     "second time");
    unlink("z.npy");
    unlink("each.npy");
}

/* ---- How it is shown. ---- */

static void expect_text(const char *line, const char *text)
{
    const outcome o = shell(line);
    check(o.status == 0 && strstr(o.out, text) != NULL, "%s: no %s in\n%s%s", line, text, o.out,
          o.error);
}

/* Two equal logits: H = log 2, V = 0, log p = -log 2; and one of three in 1 : 2 : 1. */
static void test_texts(void **state)
{
    (void)state;
    static const float z[3][3] = {{1, 1, -INFINITY}, {0, 0x1.62e43p-1f, 0}, {1, 1, 1}};
    static const int64_t target[3] = {0, 2, -1}, masked[3] = {2, 0, 0};
    static const unsigned char none[9] = {1, 1, 0, 1, 1, 1, 0, 0, 0};
    write_array("z.npy", "<f4", "3, 3", z, sizeof z);
    write_array("t.npy", "<i8", "3, 1", target, sizeof target);
    write_array("masked.npy", "<i8", "3,", masked, sizeof masked);
    write_array("m.npy", "|u1", "3, 3", none, sizeof none);

    expect_text("$entropy --varentropy --targets t.npy z.npy", " varentropy       log p  0");
    expect_text("$entropy --varentropy --targets t.npy z.npy",
                "\n    0      0     0.69315  63.1%       2.000           0    -0.69315  ");
    expect_text("$entropy --targets t.npy z.npy",
                "  cross-entropy 1.0397, perplexity 2.8284; 2 targets\n");
    expect_text("$entropy --bits --targets t.npy z.npy",
                "  cross-entropy 1.5, perplexity 2.8284; 2 targets\n");
    expect_text("$entropy --bits --varentropy z.npy", "  varentropy    0.083333, the mean\n");
    expect_text("$entropy --bits --varentropy z.npy", " 94.6%       2.828        0.25  ");
    expect_text("$entropy --csv --bits --varentropy z.npy", ",0.25\r\n");
    expect_text("$entropy --csv --bits z.npy", ",0,0,1,0.630929755,2\r\n");
    expect_text("$entropy --targets masked.npy z.npy", "perplexity inf; 3 targets\n");
    expect_text("$entropy --json --targets masked.npy z.npy", "\"logprob\": -1e999}");
    expect_text("$entropy --json --bits --varentropy z.npy", "\"varentropy\": 0.25}");
    expect_text("$entropy --json --targets t.npy z.npy", "\"logprob\": null}");
    expect_text("$entropy --csv --bits --varentropy --targets t.npy z.npy",
                "perplexity,varentropy_bits2,logprob_bits\r\n");
    expect_text("$entropy --csv --bits --varentropy --targets t.npy z.npy", ",2,0,-1\r\n");
    expect_text("$entropy --csv --bits --varentropy --targets t.npy z.npy", ",0,\r\n");
    expect_text("$entropy --csv --targets masked.npy z.npy", ",-inf\r\n");
    expect_text("$entropy --csv --summary --bits --varentropy --targets t.npy z.npy",
                ",varentropy_bits2,targets,cross_entropy_bits,perplexity\r\n");
    expect_text("$entropy --csv --summary --bits --varentropy --targets t.npy z.npy", ",0.0833333");
    expect_text("$entropy --mask m.npy z.npy", "        none");
    expect_text("$entropy --mask m.npy z.npy", "1 of them without a distribution");
}

/* Many rows, each with a mask of its own. */
static void test_memory(void **state)
{
    (void)state;
    write_zeros("z.npy", "<f2", "1200000, 100", 240000000);
    write_zeros("t.npy", "<i8", "1200000, 1", 9600000);
    write_zeros("m.npy", "|b1", "1200000, 100", 120000000);
    const outcome o = shell(IN_64_MB "$entropy --summary --json --varentropy --mask m.npy "
                                     "--targets t.npy z.npy");
    check(o.status == 0, "%s", o.error);
    assert_true(fabs(number_of("\"undefined\":", 0) - 1200000) < 1e-9);
    unlink("z.npy");
    unlink("t.npy");
    unlink("m.npy");
}

int main(int argc, char **argv)
{
    const int wrong = enter_directory(argc, argv);
    if (wrong) {
        return wrong;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_rows),
        cmocka_unit_test(test_rows_in_pieces),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
