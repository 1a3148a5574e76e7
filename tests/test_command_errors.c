/* The command on every bad file that its manual speaks of, and on the good ones that are next to
 * them. */
#define _GNU_SOURCE /* access */
#include "command.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static const float six[6] = {2, 1, 0.5f, 3, -1, 0};

/* ---- Headers, files, and the texts of tokens. ---- */

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
        write_npy("bad.npy", 1, bad[i].dictionary, true, six, sizeof six);
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
    write_array("f.npy", "<f4", "2, 3", six, sizeof six);
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
    write_array("f.npy", "<f4", "2, 3", six, sizeof six);
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

/* ---- Files that do not fit to each other, or to an option. ---- */

static void test_dtypes(void **state)
{
    (void)state;
    static const uint16_t half[6] = {0x3c00, 0x4000, 0x4200, 0xbc00, 0x7c00, 0xfc00};
    write_array("f4.npy", "<f4", "2, 3", six, sizeof six);
    write_array("f2.npy", "<f2", "2, 3", half, sizeof half);
    write_array("u2.npy", "<u2", "2, 3", half, sizeof half);
    expect_complaint("$entropy u2.npy", 1, "u2.npy", "--bf16");
    expect_complaint("cat u2.npy | $entropy -", 1, "standard input", "--bf16");
    expect_complaint("$entropy --bf16 f4.npy", 1, "f4.npy", "only bfloat16");
    expect_complaint("$entropy --bf16 f2.npy", 1, "f2.npy", "only bfloat16");
    expect_complaint("$entropy --bf16 u2.npy f2.npy", 1, "f2.npy", "only bfloat16");
    assert_int_equal(shell("$entropy --json f4.npy f2.npy - <f2.npy").status, 0);
    static const int at[] = {6, 6 + 4}; /* each entropy stands there three times */
    for (int i = 0; i < 2; i++) {
        assert_true(fabs(number_of("\"entropy\":", at[i]) - 0.832395) < 1e-5); /* of 1, 2, 3 */
        assert_true(isnan(number_of("\"entropy\":", at[i] + 1)));              /* +inf */
    }

    static const uint16_t bits[3] = {0x3f80, 0x4000, 0x4040};
    write_array("u2.npy", "<u2", "3,", bits, sizeof bits);
    write_array("V2.npy", "<V2", "3,", bits, sizeof bits);   /* as NumPy writes bfloat16 */
    write_array("void.npy", "|V2", "3,", bits, sizeof bits); /* and what it has read again */
    expect_complaint("$entropy V2.npy", 1, "V2.npy", "--bf16");
    assert_int_equal(shell("$entropy --json --bf16 u2.npy V2.npy void.npy").status, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(number_of("\"entropy\":", 4 * i) - 0.832395) < 1e-5);
    }

    write_array("bad.npy", "<f2", "2, 4", half, sizeof half);
    expect_complaint("$entropy bad.npy", 1, "bad.npy", "claims 16 bytes");
    expect_complaint("cat bad.npy | $entropy -", 1, "standard input", "claims 16 bytes");
    write_array("bad.npy", "<f2", "2, 2", half, sizeof half);
    expect_complaint("cat bad.npy | $entropy -", 1, "standard input", "goes on behind");
    write_npy("odd.npy", 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", false,
              half, sizeof half);
    assert_int_equal(shell("$entropy --json odd.npy").status, 0);
    assert_true(fabs(number_of("\"entropy\":", 0) - 0.832395) < 1e-5);
}

static void test_bad_targets(void **state)
{
    (void)state;
    static const int64_t two[2] = {0, 2}, large[2] = {-1, 3}, huge[2] = {INT64_MAX, 0},
                         three[3] = {0, 1, 2};
    static const int32_t large4[2] = {1, 3};
    write_array("f4.npy", "<f4", "2, 3", six, sizeof six);
    write_array("t.npy", "<i8", "2,", large, sizeof large);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "target 3 of row 1");
    expect_complaint("cat t.npy | $entropy --targets - f4.npy", 1, "standard input", "3 tokens");
    write_array("t.npy", "<i8", "2,", huge, sizeof huge);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "9223372036854775807 of row 0");
    write_array("t.npy", "<i4", "2,", large4, sizeof large4);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "target 3 of row 1");
    write_array("t.npy", "<i8", "3,", three, sizeof three);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "3 targets for 2 rows");
    int64_t many[301] = {0};
    many[300] = 3;
    write_zeros("z.npy", "<f4", "301, 3", sizeof(float) * 301 * 3);
    write_array("t.npy", "<i8", "301,", many, sizeof many);
    expect_complaint("$entropy --targets t.npy z.npy", 1, "t.npy", "target 3 of row 300");
    write_array("t.npy", "<f8", "2,", two, sizeof two);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "int64 or int32");
    write_array("t.npy", ">i8", "2,", two, sizeof two);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "big-endian");
    write_array("t.npy", "<i8", "2,", two, sizeof two - 1);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "truncated");
    expect_complaint("cat t.npy | $entropy --targets - f4.npy", 1, "standard input", "truncated");
    write_array("t.npy", "<i8", "2,", two, sizeof two);
    expect_complaint("{ cat t.npy; echo; } | $entropy --targets - f4.npy", 1, "standard input",
                     "goes on behind");
    expect_complaint("$entropy --targets missing.npy f4.npy", 1, "missing.npy", "No such file");
    expect_complaint("$entropy --targets f4.npy f4.npy", 1, "f4.npy", "int64 or int32");
    expect_complaint("$entropy --targets t.npy f4.npy f4.npy", 2, "--targets", "one FILE");
    write_array("t.npy", "<i8", "", two, 8);
    expect_complaint("$entropy --targets t.npy f4.npy", 1, "t.npy", "1 targets for 2 rows");
}

static void test_bad_masks(void **state)
{
    (void)state;
    static const unsigned char mask[] = {1, 0, 1, 1, 1, 0, 1, 1};
    write_array("f4.npy", "<f4", "2, 3", six, sizeof six);
    static const char *const shapes[] = {"2,", "6,", "3, 2", "1, 3", "1, 2, 3", "4,"};
    static const size_t sizes[] = {2, 6, 6, 3, 6, 4};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        write_array("m.npy", "|b1", shapes[i], mask, sizes[i]);
        expect_complaint("$entropy --mask m.npy f4.npy", 1, "m.npy", "neither [3]");
    }
    write_array("m.npy", "|i1", "3,", mask, 3);
    expect_complaint("$entropy --mask m.npy f4.npy", 1, "m.npy", "bool or uint8");
    write_array("m.npy", "|b1", "2, 3", mask, 5);
    expect_complaint("$entropy --mask m.npy f4.npy", 1, "m.npy", "truncated");
    expect_complaint("cat m.npy | $entropy --mask - f4.npy", 1, "standard input", "truncated");
    write_array("m.npy", "|b1", "2, 3", mask, 7);
    expect_complaint("cat m.npy | $entropy --mask - f4.npy", 1, "standard input", "goes on behind");
    expect_complaint("$entropy --mask missing.npy f4.npy", 1, "missing.npy", "No such file");

    write_array("m.npy", "|b1", "3,", mask, 3);
    assert_int_equal(shell("$entropy --json --mask m.npy f4.npy f4.npy").status, 0);
    for (int i = 0; i < 2; i++) { /* of 2 and 0.5; there are 6 a file */
        assert_true(fabs(number_of("\"entropy\":", 6 * i) - 0.475052) < 1e-5);
    }
}

int main(int argc, char **argv)
{
    const int wrong = enter_directory(argc, argv);
    if (wrong) {
        return wrong;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_headers), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_tokens),      cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_bad_targets), cmocka_unit_test(test_bad_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
