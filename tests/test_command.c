/* The command, run as a user runs it: on good files and on every bad one that its manual speaks of.
 */
#define _GNU_SOURCE /* access, unlink */
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

/* ---- Bad files. ---- */

static void test_bad_headers(void **state)
{
    (void)state;
    static const struct {
        const char *dictionary, *what;
    } bad[] = {
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }", "<f8"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", "big-endian"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "Python objects"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", "records"},
        {"{'descr': '<f4\n', 'fortran_order': False, 'shape': (2, 3), }", "not a dtype"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "Fortran"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }", "neither True nor False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "claims 4 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 3), }", "3 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", "empty"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 0), }", "empty"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 6, }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", "truncated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "claims 16 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 2), }",
         "more bytes than any file"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 2), }", "shape"},
        {"{'descr': '<f4', 'fortran_order': False, }", "lacks"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", "twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'x': 1}", "unknown"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), ", "dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x", "goes on"},
        {"['descr']", "dictionary"},
        {"", "dictionary"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_six("bad.npy", bad[i].dictionary);
        expect_complaint("$entropy bad.npy", 1, "bad.npy", bad[i].what);
        expect_complaint("cat bad.npy | $entropy -", 1, "standard input",
                         strcmp(bad[i].what, "claims 16 bytes") == 0  ? "goes on behind"
                         : strcmp(bad[i].what, "claims 4 bytes") == 0 ? "a single number"
                                                                      : bad[i].what);
    }
}

static void test_bad_files(void **state)
{
    (void)state;
    write_file("bad.npy", "", 0, "", 0);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "not a .npy file");
    write_file("bad.npy", "PK\3\4 zip", 8, six, sizeof six);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "not a .npy file");
    write_file("bad.npy", "\x93NUMPY\4\0", 8, six, sizeof six);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "4.0");
    write_file("bad.npy", "\x93NUMPY\1\1", 8, six, sizeof six);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "1.1");
    write_file("bad.npy", "\x93NUMPY\2\0\xff\xff\xff\xff", 12, six, sizeof six);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "claims");
    write_file("bad.npy", "\x93NUMPY\1\0\x76", 9, "", 0);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "ends inside its header");
    write_file("bad.npy", "\x93NUMPY\1\0\x76\0{", 11, "", 0);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "ends inside its header");
    expect_complaint("$entropy missing.npy", 1, "missing.npy", "No such file");
    expect_complaint("$entropy .", 1, ".", "directory");
    expect_complaint("$entropy ''", 1, "''", "No such file");
    expect_complaint("$entropy \"$(printf 'a\\nb\\033c')\"", 1, "a\\x0ab\\x1bc", "No such file");
    write_six("f.npy", TWO_BY_THREE);
    expect_complaint("$entropy f.npy >&-", 1, "standard output", "Bad file");
    expect_complaint("$entropy f.npy - <&-", 1, "standard input", "Bad file");
    expect_complaint("$entropy f.npy missing.npy f.npy", 1, "missing.npy", "No such file");
    if (access("/dev/full", W_OK) == 0) {
        expect_complaint("$entropy f.npy >/dev/full", 1, "standard output", "No space");
        expect_complaint("$entropy --help >/dev/full", 1, "standard output", "No space");
    }
}

static void test_tokens(void **state)
{
    (void)state;
    static const char *const good[] = {
        "[\"a\\u00e9\\ud83d\\ude00\", \"\\u001b[31m\"]",
        "[[\"a\\u00e9\\ud83d\\ude00\"], [\"\\u001b[31m\"]]",
        "{\"x\": [1, -2.5e3, {\"y\": [null, true, false, {}]}], \"tokens\": "
        "[\"a\\u00e9\\ud83d\\ude00\", \"\\u001b[31m\"], \"z\": []}",
        "{\"rows\": 2, \"tokens\": [\"a\\u00e9\\ud83d\\ude00\", \"\\u001b[31m\"]}",
        "{\"rows\": [{\"id\": 3, \"text\": \"a\\u00e9\\ud83d\\ude00\"}, {\"target_text\": "
        "\"\\u001b[31m\", \"p\": {\"text\": \"no\"}}]}",
    };
    write_six("f.npy", TWO_BY_THREE);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        write_text("t.json", good[i]);
        const outcome o = shell("$entropy --tokens t.json f.npy");
        check(o.status == 0, "%s: %s", good[i], o.error);
        check(strstr(o.out, "\"a\xc3\xa9\xf0\x9f\x98\x80\"") && strstr(o.out, "\"\\x1b[31m\"") &&
                  !strchr(o.out, 27),
              "%s", o.out);
    }
    write_text("t.json", good[0]);
    assert_int_equal(shell("cat t.json | $entropy --json --tokens /dev/stdin f.npy").status, 0);
    assert_non_null(strstr(last.out, "\\u001b[31m"));

    static const struct {
        const char *text, *what;
    } bad[] = {
        {"", "expected"},
        {"[\"a\"]", "1 texts for 2 rows"},
        {"[\"a\", \"b\", \"c\"]", "3 texts for 2 rows"},
        {"[\"a\" \"b\"]", "expected"},
        {"[\"a\", \"b\",]", "expected"},
        {"[\"a\", 1]", "text expected"},
        {"[\"a\", \"b\"", "expected"},
        {"[\"a\", \"b\"] x", "follows"},
        {"[\"a\", \"b", "ends inside"},
        {"[\"a\", \"\\q\"]", "escape"},
        {"[\"a\", \"\\u12g4\"]", "hexadecimal"},
        {"[\"a\", {\"id\": 1}]", "without"},
        {"{\"x\": [\"a\", \"b\"]}", "expected"},
        {"{\"tokens\": [\"a\", \"b\"]", "expected"},
        {"{\"tokens\": [\"a\", \"b\"], \"x\": 01}", "expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text("t.json", bad[i].text);
        expect_complaint("$entropy --tokens t.json f.npy", 1, "t.json", bad[i].what);
    }
    expect_complaint("$entropy --tokens . f.npy", 1, ".", "cannot be read");
    expect_complaint("$entropy --tokens missing.json f.npy", 1, "missing.json", "cannot be read");
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
        cmocka_unit_test(test_bad_headers),    cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_tokens),         cmocka_unit_test(test_memory),
        cmocka_unit_test(test_shrinking_file), cmocka_unit_test(test_broken_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
