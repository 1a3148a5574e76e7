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
static void print_bar(const report *p, double share, int columns)
{
    static const char *const eighths[] = {"",       "\u258f", "\u258e", "\u258d",
                                          "\u258c", "\u258b", "\u258a", "\u2589"};
    share = share > 0 ? share < 1 ? share : 1 : 0;
    const int steps = utf8() ? 8 : 1, filled = (int)lround(share * columns * steps);
    for (int i = 0; i < filled / steps; i++) {
        fputs(utf8() ? "\u2588" : "#", p->file);
    }
    fputs(eighths[filled % steps], p->file);
    fprintf(p->file, "%*s", columns - (filled + steps - 1) / steps, "");
}

/* To five digits, however small it is; `without` if it is not there. */
static void print_value(const report *p, double x, const char *without)
{
    if (isnan(x)) {
        fprintf(p->file, " %11s", without);
    } else {
        fprintf(p->file, " %11.5g", x);
    }
}

static void print_row(const report *p, const result *r, const struct row *row)
{
    const double entropy = row->value[ENTROPY], perplexity = exp(entropy),
                 share = share_of_log_vocab(r, entropy);
    fprintf(p->file, "%5" PRIu64 " %6" PRIu64, row->batch, row->seq);
    print_value(p, in_unit(p, entropy), "none");
    if (isnan(entropy)) {
        fprintf(p->file, " %6s %11s", "", "");
    } else {
        fprintf(p->file, " %5.1f%% %11.*f", 100 * share, perplexity < 1000 ? 3 : 0, perplexity);
    }
    if (p->measures->wanted[VARENTROPY]) {
        print_value(p, in_unit(p, in_unit(p, row->value[VARENTROPY])), "");
    }
    if (p->measures->wanted[LOGPROB]) {
        print_value(p, in_unit(p, row->value[LOGPROB]), "");
    }
    fprintf(p->file, "  ");
    print_bar(p, share, BAR);
    if (row->text != NULL) {
        fprintf(p->file, "  ");
        print_quoted(p->file, row->text, row->length);
    }
    putc('\n', p->file);
}

static void print_title(const report *p)
{
    fprintf(p->file, "%5s %6s %11s %6s %11s", "batch", "seq", unit_name(p), "share", "perplexity");
    if (p->measures->wanted[VARENTROPY]) {
        fprintf(p->file, " %11s", "varentropy");
    }
    if (p->measures->wanted[LOGPROB]) {
        fprintf(p->file, " %11s", "log p");
    }
    fprintf(p->file, "  0%*s%s\n", BAR - 1, "log vocab", p->tokens != NULL ? "  token" : "");
}

static void print_head(const report *p, const result *r)
{
    const size_t shape[] = {r->batch, r->seq, r->vocab};
    print_name(p->file, r->name);
    fprintf(p->file, ": [");
    for (int k = 3 - r->rank; k < 3; k++) {
        fprintf(p->file, "%zu%s", shape[k], k < 2 ? ", " : "]");
    }
    fprintf(p->file, ", entropy in %s, at most log %zu = %.4f", unit_name(p), r->vocab,
            in_unit(p, log((double)r->vocab)));
    if (p->temperature != 1) {
        fprintf(p->file, ", temperature %g", p->temperature);
    }
    fprintf(p->file, "\n\n");
}

static void print_places(const report *p, const result *r, const char *title, const place *places)
{
    fprintf(p->file, "  %-14s", title);
    for (int i = 0; i < r->summary.extremes; i++) {
        fprintf(p->file, "%s[%" PRIu64 ", %" PRIu64 "] %.4g", i ? ",  " : "",
                places[i].row / r->seq, places[i].row % r->seq, in_unit(p, places[i].entropy));
    }
    putc('\n', p->file);
}

static void print_summary(const report *p, const result *r)
{
    const summary *s = &r->summary;
    fprintf(p->file, "  %-14s%" PRIu64, "rows", s->rows);
    if (s->undefined > 0) {
        fprintf(p->file,
                ", %" PRIu64
                " of them without a distribution (all -inf, a NaN or +inf) and left out below",
                s->undefined);
    }
    putc('\n', p->file);
    if (s->extremes == 0) {
        return;
    }
    fprintf(p->file, "  %-14s%.5g\n  %-14s%.5g\n", "mean", in_unit(p, s->mean), "median",
            in_unit(p, s->median));
    fprintf(p->file, "  %-14s%.5g to %.5g\n", "5th to 95th %", in_unit(p, s->p5),
            in_unit(p, s->p95));
    if (p->measures->wanted[VARENTROPY]) {
        fprintf(p->file, "  %-14s%.5g, the mean\n", "varentropy",
                in_unit(p, in_unit(p, s->varentropy)));
    }
    if (s->targets > 0) {
        fprintf(p->file, "  %-14s%.5g, perplexity %.5g; %" PRIu64 " targets\n", "cross-entropy",
                in_unit(p, s->cross_entropy), exp(s->cross_entropy), s->targets);
    }
    print_places(p, r, "most certain", s->most);
    print_places(p, r, "least certain", s->least);
    uint64_t highest = 1;
    for (int i = 0; i < BINS; i++) {
        highest = s->histogram[i] > highest ? s->histogram[i] : highest;
    }
    fprintf(p->file, "  histogram\n");
    const double width = in_unit(p, log((double)r->vocab)) / BINS;
    for (int i = 0; i < BINS; i++) {
        fprintf(p->file, "  %7.3f .. %7.3f  ", i * width, (i + 1) * width);
        print_bar(p, (double)s->histogram[i] / (double)highest, 2 * BAR);
        fprintf(p->file, " %" PRIu64 "\n", s->histogram[i]);
    }
}

/* Several files side by side, against the first. */
static void print_comparison(const report *p)
{
    fprintf(p->file, "%12s %12s %12s %12s %12s  %s\n", "rows", "mean", "median", "perplexity",
            "- first", "file");
    for (size_t i = 0; i < p->count; i++) {
        const summary *s = &p->results[i].summary;
        fprintf(p->file, "%12" PRIu64 " %12.5g %12.5g %12.5g %+12.5g  ", s->rows,
                in_unit(p, s->mean), in_unit(p, s->median), exp(s->mean),
                in_unit(p, s->mean - p->results[0].summary.mean));
        print_name(p->file, p->results[i].name);
        putc('\n', p->file);
    }
}

bool report_text(const report *p)
{
    for (size_t i = 0; i < p->count; i++) {
        print_head(p, &p->results[i]);
        if (!p->summary_only) {
            print_title(p);
            if (!each_row(p, &p->results[i], print_row)) {
                return false;
            }
            putc('\n', p->file);
        }
        print_summary(p, &p->results[i]);
        if (p->count > 1) {
            putc('\n', p->file);
        }
    }
    if (p->count > 1) {
        print_comparison(p);
    }
    return true;
}
