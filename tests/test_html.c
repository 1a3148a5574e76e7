/* The page that the command writes: as a file, and as Chromium shows it. */
#define _GNU_SOURCE /* setenv, unlink */
#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logits.h"

#define ROWS 12
#define SEQ 6
#define VOCAB 37

/* What makes trouble in a page; one text a row. */
static const char tokens[] =
    "[[\"Once\", \" upon\", \"</script><b>\", \"\\n\", \"a\\\"'&amp;<!--\", "
    "\"\\u0000\\u001b[31m\"],"
    " [\"\", \"\\u202egnp\", \"\xff\xc3\", \"\\r\\n\\n\", \"\\u05e9\\u05dc\", "
    "\"\\ud83d\\ude00\"]]";
/* What is seen of them, as a URI has it. */
static const char *const seen[ROWS] = {"Once",
                                       "%20upon",
                                       "%3C%2Fscript%3E%3Cb%3E",
                                       "%E2%86%B5%0A",
                                       "a%22'%26amp%3B%3C!--",
                                       "%5Cx00%5Cx1b%5B31m",
                                       "",
                                       "%5Cu202egnp",
                                       "%5Cxff%5Cxc3",
                                       "%5Cr%E2%86%B5%0A%E2%86%B5%0A",
                                       "%D7%A9%D7%9C",
                                       "%F0%9F%98%80"};

static float logits[ROWS][VOCAB];
static int64_t target[ROWS];

static void write_inputs(void)
{
    rng r = {5};
    for (int i = 0; i < ROWS; i++) {
        fill_row(ORDINARY, logits[i], VOCAB, &r);
        for (int k = 0; k < VOCAB; k++) { /* from uniform to nearly certain */
            logits[i][k] = i == 8 ? -INFINITY : logits[i][k] * (float)i / 3;
        }
        target[i] = i == 4 ? -1 : (int64_t)random_below(&r, VOCAB);
    }
    write_array("z.npy", "<f4", "2, 6, 37", logits, sizeof logits);
    write_array("t.npy", "<i8", "2, 6", target, sizeof target);
    write_text("t.json", tokens);
}

/* ---- As a file. ---- */

static void test_errors(void **state)
{
    (void)state;
    write_inputs();
    write_text("kept.html", "kept");
    expect_complaint("$entropy --html missing/out.html z.npy", 1, "missing/out.html", "No such");
    expect_complaint("$entropy --html . z.npy", 1, ".", "directory");
    assert_int_equal(shell("rm -f pipe.html; mkfifo pipe.html").status, 0);
    expect_complaint("$entropy --html pipe.html z.npy", 1, "pipe.html", "Invalid");
    expect_complaint("$entropy --html '' z.npy", 1, "''", "");
    expect_complaint("$entropy --html kept.html missing.npy", 1, "missing.npy", "No such");
    expect_complaint("$entropy --html kept.html --tokens missing.json z.npy", 1, "missing.json",
                     "cannot be read");
    expect_complaint("trap '' XFSZ; ulimit -f 8; $entropy --html kept.html z.npy", 1, "kept.html",
                     "too large");
    char *kept = whole_of("kept.html");
    assert_string_equal(kept, "kept");
    free(kept);
    assert_int_equal(shell("ls *.html.*").out[0], '\0');
    assert_int_equal(
        shell("umask 027; $entropy --html kept.html z.npy && stat -c %a kept.html").status, 0);
    assert_non_null(strstr(last.out, "\n640\n"));
    assert_non_null(strstr(last.out, "least certain")); /* the usual report */
}

/* One page, which wants nothing from elsewhere. */
static void test_self_contained(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"http",  "src=",   "url(",   "@import",
                                            "<link", "fetch(", "import("};
    assert_int_equal(shell("$entropy --html out.html --tokens t.json z.npy").status, 0);
    char *page = whole_of("out.html");
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        check(strstr(page, elsewhere[i]) == NULL, "%s in the page", elsewhere[i]);
    }
    free(page);
}

static void test_memory(void **state)
{
    (void)state;
    write_zeros("many.npy", "<f4", "1000000, 2", 8000000);
    const outcome o = shell(IN_64_MB "$entropy --summary --html many.html many.npy");
    check(o.status == 0, "%s", o.error);
    assert_int_equal(shell("grep -o 'id=\"r[0-9]*\"' many.html | sort -u | wc -l").status, 0);
    assert_int_equal(strtol(last.out, NULL, 10), 1000000);
    unlink("many.npy");
    unlink("many.html");
}

/* ---- In a browser. ---- */

#define CHROMIUM                                                                    \
    "timeout 100 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars " \
    "--user-data-dir=\"$PWD/profile\" "
#define DARK "--blink-settings=preferredColorScheme=0 "

/* Opens a page with tests/probe.js behind it; what that says is in last.out. */
static void probe(const char *page, const char *options)
{
    char line[1024];
    snprintf(line, sizeof line,
             "{ cat %s; echo '<script>'; cat " TEST_DATA
             "/../probe.js; echo '</script>'; } >probe.html; " CHROMIUM
             "--window-size=1000,900 %s--dump-dom \"file://$PWD/probe.html\" 2>chromium.txt | "
             "sed '1,/id=\"probe\"/d'",
             page, options);
    const outcome o = shell(line);
    check(o.status == 0 && o.out[0] != '\0', "%s: %s", line, o.error);
}

/* The line that starts so; what follows in it. */
static const char *line_of(const char *start)
{
    char whole[64];
    snprintf(whole, sizeof whole, "\n%s ", start);
    const char *found = strstr(last.out, whole);
    check(found != NULL, "no %s in\n%s", start, last.out);
    return found != NULL ? found + strlen(whole) : "";
}

/* The next number of a line. */
static void expect_next(const char **p, int row, const char *what, double expected,
                        double tolerance)
{
    char *end;
    const double got = strtod(*p, &end);
    check(end != *p &&
              (isnan(expected) ? isnan(got) : fabs(got - expected) <= tolerance * fabs(expected)),
          "row %d: %s %g, not %g: %.60s", row, what, got, expected, *p);
    *p = end;
}

/* What every token shows on hover is what the library gives; all of it is legible. */
static void expect_tokens(const char *const *texts, const results *r, double unit)
{
    double lightness[ROWS];
    for (int i = 0; i < ROWS; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        const char *p = line_of(id);
        const double H = (double)r->entropy[i];
        expect_next(&p, i, "entropy", H * unit, 1e-8);
        expect_next(&p, i, "share", 100 * H / log(VOCAB), 1e-3);
        expect_next(&p, i, "perplexity", exp(H), 1e-7);
        expect_next(&p, i, "varentropy", (double)r->varentropy[i] * unit * unit, 1e-8);
        expect_next(&p, i, "log p",
                    target[i] < 0 || isnan(H) ? NAN : (double)r->target_logprob[i] * unit, 1e-8);
        char *end;
        const double contrast = strtod(p, &end), area = strtod(end, &end);
        check(contrast >= 4.5, "row %d: contrast %g", i, contrast); /* WCAG 2, AA */
        check(area > 20, "row %d covers %g", i, area);
        lightness[i] = strtod(end, &end);
        check(strncmp(end, " true text=", 11) == 0, "row %d, on hover: %.60s", i, end);
        const char *text = end + 11;
        const size_t n = strlen(texts[i]);
        check(strncmp(text, texts[i], n) == 0 && text[n] == ' ', "row %d: %.60s, not %s", i, text,
              texts[i]);
    }
    const bool dark = strncmp(line_of("dark"), "true", 4) == 0;
    for (int i = 0; i < ROWS; i++) { /* the less certain, the further from the page */
        for (int k = 0; k < ROWS; k++) {
            const double more = (double)(r->entropy[i] - r->entropy[k]);
            check(!(more > 0.1) || (lightness[i] > lightness[k]) == dark,
                  "colours of rows %d and %d", i, k);
        }
    }
}

static void expect_line(const char *line)
{
    check(strstr(last.out, line) != NULL, "no %s in\n%s", line, last.out);
}

static results measured(float *temperature)
{
    results r;
    entropy_args args = args_of(ENTROPY_F32, logits, ROWS, VOCAB);
    args.temperature = temperature;
    args.target = target;
    want(&args, &r, ALL_RESULTS);
    assert_int_equal(entropy_forward(&args), ENTROPY_OK);
    return r;
}

static void test_browser(void **state)
{
    (void)state;
    write_inputs();
    static const char command[] =
        "$entropy --json --html out.html --tokens t.json --targets t.npy --varentropy z.npy";
    for (int dark = 0; dark < 2; dark++) {
        assert_int_equal(shell(command).status, 0);
        char tile[64];
        snprintf(tile, sizeof tile, "\ntile mean entropy = %.4g\n", number_of("\"mean\":", 0));
        int bars[16];
        const char *p = strstr(last.out, "\"histogram\": [") + strlen("\"histogram\": [");
        for (int i = 0; i < 16; i++) {
            bars[i] = (int)strtol(p, (char **)&p, 10);
            p++;
        }
        const results r = measured(NULL);
        probe("out.html", dark ? DARK : "");
        expect_line(dark ? "\ndark true\n" : "\ndark false\n");
        expect_tokens(seen, &r, 1);
        expect_line(tile);
        expect_line("\ntile rows = 12 1 of them without a distribution\n");
        expect_line("\nover row 2: r2 false\na click leads there: true\npoints 11 in lines 3\n");
        expect_line("\nwide false\nscripts 2, fetched 0\nmarkup 0\n");
        p = last.out;
        for (int i = 0; i < 16; i++) {
            p = strstr(p, "\nbar ") + 5;
            assert_int_equal(strtol(p, NULL, 10), bars[i]);
        }
    }
}

static void test_browser_options(void **state)
{
    (void)state;
    static const char *const numbers[ROWS] = {"0", "1", "2", "3", "4", "5",
                                              "0", "1", "2", "3", "4", "5"};
    float T = 0.5f;
    write_inputs();
    assert_int_equal(shell("$entropy --summary --html out.html --targets t.npy --varentropy --bits "
                           "--temperature 0.5 z.npy")
                         .status,
                     0);
    const results r = measured(&T);
    probe("out.html", "");
    expect_tokens(numbers, &r, 1 / log(2));

    write_zeros("many.npy", "<f4", "3000, 2", 24000);
    assert_int_equal(shell("$entropy --summary --html out.html z.npy many.npy").status, 0);
    probe("out.html", "");
    expect_line("\nover row 2: r2 false\na click leads there: true\npoints 11 in lines 3\n");
    expect_line("\nsame ids 0\n");
    expect_line("\nover row 2: r14 false\na click leads there: true\npoints 500 in lines 1\n");
}

/* Of the logits of a language model, to be looked at. */
static void test_screenshots(void **state)
{
    (void)state;
    static const char *const lines[] = {
        CHROMIUM "--window-size=900,860 --screenshot=light.png \"file://$PWD/smollm2.html\"",
        CHROMIUM DARK "--window-size=900,860 --screenshot=dark.png \"file://$PWD/smollm2.html\""};
    static const char *const pictures[] = {"light.png", "dark.png"};
    assert_int_equal(shell("cd " TEST_DATA
                           " && $entropy --html \"$OLDPWD/smollm2.html\" --varentropy --tokens "
                           "smollm2_tokens.json smollm2_f32.npy")
                         .status,
                     0);
    for (int i = 0; i < 2; i++) {
        unlink(pictures[i]);
        assert_int_equal(shell(lines[i]).status, 0);
        struct stat st;
        check(stat(pictures[i], &st) == 0 && st.st_size > 10000, "no picture %s: %s", pictures[i],
              last.error);
    }
}

int main(int argc, char **argv)
{
    const int wrong = enter_directory(argc, argv);
    if (wrong) {
        return wrong;
    }
    const struct CMUnitTest of_file[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_self_contained),
        cmocka_unit_test(test_memory),
    };
    const struct CMUnitTest in_browser[] = {
        cmocka_unit_test(test_browser),
        cmocka_unit_test(test_browser_options),
        cmocka_unit_test(test_screenshots),
    };
    const int failed = cmocka_run_group_tests(of_file, NULL, NULL);
    if (failed == 0 && shell("command -v chromium").status != 0) {
        puts("without Chromium, what it shows was not tested");
        return SKIPPED;
    }
    return failed + cmocka_run_group_tests(in_browser, NULL, NULL);
}
