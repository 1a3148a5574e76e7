#define _POSIX_C_SOURCE 200809L /* nl_langinfo */
#include <inttypes.h>
#include <langinfo.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "report.h"

#define BAR 24 /* columns */

static bool utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* `share` of `columns`, padded; eighths of a column where the terminal can show them. */
static void print_bar(double share, int columns)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    share = share > 0 ? share < 1 ? share : 1 : 0;
    const int steps = utf8() ? 8 : 1, filled = (int)lround(share * columns * steps);
    for (int i = 0; i < filled / steps; i++) {
        fputs(utf8() ? "\u2588" : "#", stdout);
    }
    fputs(eighths[filled % steps], stdout);
    printf("%*s", columns - (filled + steps - 1) / steps, "");
}

/* To five digits, however small it is. */
static void print_entropy(const options *o, double nats)
{
    if (isnan(nats)) {
        printf("%11s", "none");
    } else {
        printf("%11.5g", in_unit(o, nats));
    }
}

static void print_row(const options *o, const result *r, const struct row *row)
{
    printf("%5" PRIu64 " %6" PRIu64 " ", row->batch, row->seq);
    print_entropy(o, row->entropy);
    if (isnan(row->entropy)) {
        printf("%7s %11s  ", "", "");
        print_bar(0, BAR);
    } else {
        const double perplexity = exp(row->entropy), share = share_of_log_vocab(r, row->entropy);
        printf(" %5.1f%% %11.*f  ", 100 * share, perplexity < 1000 ? 3 : 0, perplexity);
        print_bar(share, BAR);
    }
    if (row->text != NULL) {
        printf("  ");
        print_quoted(row->text, row->length);
    }
    putchar('\n');
}

static void print_head(const options *o, const result *r)
{
    const size_t shape[] = {r->batch, r->seq, r->vocab};
    print_name(stdout, r->name);
    printf(": [");
    for (int k = 3 - r->rank; k < 3; k++) {
        printf("%zu%s", shape[k], k < 2 ? ", " : "]");
    }
    printf(", entropy in %s, at most log %zu = %.4f", unit_name(o), r->vocab,
           in_unit(o, log((double)r->vocab)));
    if (o->temperature != 1) {
        printf(", temperature %g", o->temperature);
    }
    printf("\n\n");
}

static void print_places(const options *o, const result *r, const char *title, const place *places)
{
    printf("  %-14s", title);
    for (int i = 0; i < r->summary.extremes; i++) {
        printf("%s[%" PRIu64 ", %" PRIu64 "] %.4g", i ? ",  " : "", places[i].row / r->seq,
               places[i].row % r->seq, in_unit(o, places[i].entropy));
    }
    putchar('\n');
}

static void print_summary(const options *o, const result *r)
{
    const summary *s = &r->summary;
    printf("  %-14s%" PRIu64, "rows", s->rows);
    if (s->undefined > 0) {
        printf(", %" PRIu64
               " of them without a distribution (all -inf, a NaN or +inf) and left out below",
               s->undefined);
    }
    putchar('\n');
    if (s->extremes == 0) {
        return;
    }
    printf("  %-14s%.5g\n  %-14s%.5g\n", "mean", in_unit(o, s->mean), "median",
           in_unit(o, s->median));
    printf("  %-14s%.5g to %.5g\n", "5th to 95th %", in_unit(o, s->p5), in_unit(o, s->p95));
    print_places(o, r, "most certain", s->most);
    print_places(o, r, "least certain", s->least);
    uint64_t highest = 1;
    for (int i = 0; i < BINS; i++) {
        highest = s->histogram[i] > highest ? s->histogram[i] : highest;
    }
    printf("  histogram\n");
    const double width = in_unit(o, log((double)r->vocab)) / BINS;
    for (int i = 0; i < BINS; i++) {
        printf("  %7.3f .. %7.3f  ", i * width, (i + 1) * width);
        print_bar((double)s->histogram[i] / (double)highest, 2 * BAR);
        printf(" %" PRIu64 "\n", s->histogram[i]);
    }
}

/* Several files side by side, against the first. */
static void print_comparison(const options *o, const result *results, size_t count)
{
    printf("%12s %12s %12s %12s %12s  %s\n", "rows", "mean", "median", "perplexity", "- first",
           "file");
    for (size_t i = 0; i < count; i++) {
        const summary *s = &results[i].summary;
        printf("%12" PRIu64 " %12.5g %12.5g %12.5g %+12.5g  ", s->rows, in_unit(o, s->mean),
               in_unit(o, s->median), exp(s->mean), in_unit(o, s->mean - results[0].summary.mean));
        print_name(stdout, results[i].name);
        putchar('\n');
    }
}

bool report_text(const options *o, const result *results, size_t count, spool *entropies,
                 struct tokens *tokens)
{
    for (size_t i = 0; i < count; i++) {
        print_head(o, &results[i]);
        if (!o->summary_only) {
            printf("%5s %6s %11s %6s %11s  0%*s%s\n", "batch", "seq", unit_name(o), "share",
                   "perplexity", BAR - 1, "log vocab", tokens != NULL ? "  token" : "");
            if (!each_row(&results[i], entropies, tokens, print_row, o)) {
                return false;
            }
            putchar('\n');
        }
        print_summary(o, &results[i]);
        if (count > 1) {
            putchar('\n');
        }
    }
    if (count > 1) {
        print_comparison(o, results, count);
    }
    return true;
}
