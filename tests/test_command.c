/* The command, run as a user runs it: on good files, on large ones, and on one that shrinks. */
#define _GNU_SOURCE /* unlink */
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference.h"

static const float six[6] = {2, 1, 0.5f, 3, -1, 0};

static void write_six(const char *path, const char *dictionary)
{
    write_npy(path, 1, dictionary, true, six, sizeof six);
}

#define TWO_BY_THREE "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"

/* ---- Good files. ---- */

static void test_shipped_logits(void **state)
{
    (void)state;
    static const char *const words[] = {"0.0024976", "\" ferry\"", "\"\\n\"",  "rows",
                                        "mean",      "median",     "histogram"};
    outcome o =
        shell("$entropy --tokens " TEST_DATA "/smollm2_tokens.json " TEST_DATA "/smollm2_f32.npy");
    assert_int_equal(o.status, 0);
    assert_string_equal(o.error, "");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        check(strstr(o.out, words[i]) != NULL, "no %s in\n%s", words[i], o.out);
    }
    o = shell("$entropy --json " TEST_DATA "/smollm2_f32.npy");
    assert_int_equal(o.status, 0);
    char *shipped = whole_of(TEST_DATA "/smollm2_tokens.json");
    const char *p = shipped;
    for (int i = 0; i < 10; i++) {
        p = strstr(p, "\"entropy\": ") + strlen("\"entropy\": ");
        check(reference_accepts((float)number_of("\"entropy\":", i), strtod(p, NULL)), "row %d: %g",
              i, number_of("\"entropy\":", i));
    }
    free(shipped);
    assert_int_equal(shell("$entropy --csv --tokens " TEST_DATA "/smollm2_tokens.json " TEST_DATA
                           "/smollm2_f32.npy")
                         .status,
                     0);
    check(lines_of(last.out) == 12 && strstr(last.out, "\"istant\"") != NULL, "%s",
          last.out); /* one token is a newline */
    assert_int_equal(shell("$entropy --summary " TEST_DATA "/smollm2_f32.npy").status, 0);
    assert_null(strstr(last.out, "perplexity"));
}

static void test_formats(void **state)
{
    (void)state;
    static const char *const dictionaries[] = {
        TWO_BY_THREE,
        "{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
    };
    const double first = reference_entropy(six, 3, 1), second = reference_entropy(six + 3, 3, 1);
    for (int major = 1; major <= 3; major++) {
        for (size_t i = 0; i < sizeof dictionaries / sizeof *dictionaries; i++) {
            for (int aligned = 0; aligned < 2; aligned++) {
                write_npy("f.npy", major, dictionaries[i], aligned, six, sizeof six);
                static const char *const lines[] = {"$entropy --json f.npy",
                                                    "$entropy --json - <f.npy",
                                                    "cat f.npy | $entropy --json -"};
                for (size_t k = 0; k < 3; k++) {
                    const outcome o = shell(lines[k]);
                    check(o.status == 0, "%s: %s", lines[k], o.error);
                    assert_true(reference_accepts((float)number_of("\"entropy\":", 0), first));
                    assert_true(reference_accepts((float)number_of("\"entropy\":", 1), second));
                }
            }
        }
    }
    write_six("f.npy", "{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }");
    assert_int_equal(shell("$entropy --json f.npy").status, 0);
    assert_true(
        reference_accepts((float)number_of("\"entropy\":", 0), reference_entropy(six, 6, 1)));
}

static void test_options(void **state)
{
    (void)state;
    write_six("f.npy", TWO_BY_THREE);
    shell("$entropy --json --bits f.npy");
    assert_true(reference_accepts((float)(number_of("\"entropy\":", 0) * log(2)),
                                  reference_entropy(six, 3, 1)));
    shell("$entropy --json --temperature 0.25 f.npy");
    assert_true(reference_accepts((float)number_of("\"entropy\":", 1),
                                  reference_entropy(six + 3, 3, 0.25)));
    assert_int_equal(shell("$entropy --help").status, 0);
    assert_non_null(strstr(last.out, "Usage: entropy"));
    assert_int_equal(shell("$entropy --version").status, 0);
    assert_non_null(strstr(last.out, "0.1.0 ("));
    assert_int_equal(shell("ENTROPY_ISA=scalar $entropy --version").status, 0);
    assert_non_null(strstr(last.out, "(scalar)"));

    expect_complaint("$entropy", 2, "entropy:", "which file");
    expect_complaint("$entropy --temperature 0 f.npy", 2, "--temperature", "2^-64");
    expect_complaint("$entropy --temperature 0x1.000002p64 f.npy", 2, "--temperature", "2^-64");
    expect_complaint("$entropy --temperature nan f.npy", 2, "--temperature", "2^-64");
    expect_complaint("$entropy --temperature 1x f.npy", 2, "--temperature", "2^-64");
    expect_complaint("$entropy --tokens t.json f.npy f.npy", 2, "--tokens", "one FILE");
    assert_int_equal(shell("$entropy --nonsense f.npy").status, 2);
}

/* The numbers of a summary, on a file whose entropies are known: log 1, log 2, ... log 9, and one
 * row without a distribution. */
static void test_summary(void **state)
{
    (void)state;
    float z[10][9];
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 9; k++) {
            z[i][k] = i < 9 && k <= i ? 5 : -INFINITY;
        }
    }
    write_npy("s.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 9), }", true, z,
              sizeof z);
    assert_int_equal(shell("$entropy --summary --json s.npy").status, 0);
    double mean = 0;
    for (int i = 1; i <= 9; i++) {
        mean += log(i) / 9;
    }
    assert_true(fabs(number_of("\"rows\":", 0) - 10) < 1e-9 &&
                fabs(number_of("\"undefined\":", 0) - 1) < 1e-9);
    assert_true(fabs(number_of("\"mean\":", 0) - mean) < 1e-6);
    assert_true(fabs(number_of("\"median\":", 0) - log(5)) < 1e-6);
    assert_true(fabs(number_of("\"p5\":", 0) - 0.4 * log(2)) < 1e-6);
    assert_true(fabs(number_of("\"p95\":", 0) - (0.4 * log(8) + 0.6 * log(9))) < 1e-6);
    assert_non_null(strstr(last.out, "\"most_certain\": [{\"batch\": 0, \"seq\": 0,"));
    assert_non_null(strstr(last.out, "\"least_certain\": [{\"batch\": 0, \"seq\": 8,"));
    assert_non_null(strstr(last.out, "[1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 2]"));

    write_six("f.npy", TWO_BY_THREE);
    assert_int_equal(shell("$entropy f.npy s.npy").status, 0);
    assert_non_null(strstr(last.out, "- first"));
    assert_non_null(strstr(last.out, " +0.83229  s.npy\n"));
    assert_int_equal(shell("$entropy --summary --csv f.npy s.npy").status, 0);
    assert_int_equal(lines_of(last.out), 3);
}

/* ---- Large files, and files that change. ---- */

/* Rows of zeros are uniform. */
static void write_uniform(const char *path, size_t rows, size_t vocab)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%zu, %zu", rows, vocab);
    write_zeros(path, "<f4", shape, rows * vocab * sizeof(float));
}

/* Memory stays under 64 MB: many rows, and one row that is larger than that. */
static void test_memory(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{1000, 50000}, {3, 20000000}, {1200000, 8}};
    for (size_t i = 0; i < 3; i++) {
        write_uniform("large.npy", shapes[i][0], shapes[i][1]);
        static const char *const lines[] = {"exec $entropy --summary --json large.npy",
                                            "exec $entropy --summary --json - <large.npy"};
        for (size_t k = 0; k < 2; k++) {
            const outcome o = shell(lines[k]);
            check(o.status == 0, "%s: %s", lines[k], o.error);
            check(o.peak_kilobytes < 64 << 10, "%s: %ld kB", lines[k], o.peak_kilobytes);
            assert_true(fabs(number_of("\"mean\":", 0) - log((double)shapes[i][1])) < 1e-5);
            assert_true(fabs(number_of("\"p95\":", 0) - log((double)shapes[i][1])) < 1e-5);
        }
    }
    unlink("large.npy");
    write_six("f.npy", TWO_BY_THREE);
    assert_int_equal(shell("{ printf '{\"x\": \"'; head -c 80000000 /dev/zero | tr '\\0' x; "
                           "printf '\", \"tokens\": [\"a\", \"b\"]}'; } >large.json")
                         .status,
                     0);
    const outcome o = shell("exec $entropy --tokens large.json f.npy");
    check(o.status == 0 && o.peak_kilobytes < 64 << 10, "%d, %ld kB: %s", o.status,
          o.peak_kilobytes, o.error);
    unlink("large.json");
}

/* Cut at one moment after another while the command reads it: each time it must print the whole
 * result or complain. */
static void test_shrinking_file(void **state)
{
    (void)state;
    int complaints = 0;
    for (int i = 0; i < 40 && complaints < 3; i++) {
        char line[256];
        write_uniform("shrinks.npy", 3000, 50000);
        snprintf(
            line, sizeof line,
            "$entropy --summary shrinks.npy & sleep 0.0%d; truncate -s %d shrinks.npy; wait $!",
            1 + i % 9, i % 2 ? 1000 : 5000000);
        const outcome o = shell(line);
        if (o.status == 0) {
            continue;
        }
        check(o.status == 1 && o.out[0] == '\0' && lines_of(o.error) == 1, "status %d, %s",
              o.status, o.error);
        check(strstr(o.error, "shrank") || strstr(o.error, "truncated") ||
                  strstr(o.error, "not a .npy"),
              "%s", o.error);
        complaints += strstr(o.error, "shrank") != NULL;
    }
    unlink("shrinks.npy");
    check(complaints > 0, "the file was never caught shrinking");
}

static void test_broken_pipe(void **state)
{
    (void)state;
    write_uniform("many.npy", 200000, 2);
    shell("$entropy many.npy | head -n 1");
    assert_string_equal(last.error, "");
    shell("trap '' PIPE; $entropy many.npy | head -n 1");
    assert_string_equal(last.error, "");
    unlink("many.npy");
}

int main(int argc, char **argv)
{
    const int wrong = enter_directory(argc, argv);
    if (wrong) {
        return wrong;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_logits), cmocka_unit_test(test_formats),
        cmocka_unit_test(test_options),        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_memory),         cmocka_unit_test(test_shrinking_file),
        cmocka_unit_test(test_broken_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
