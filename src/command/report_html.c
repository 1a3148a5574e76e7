#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "entropy.h"
#include "escape.h"
#include "html_curve.h"
#include "page.h"
#include "report.h"

/* ---- The summary. ---- */

static void print_tile(const report *p, const char *title, double x)
{
    fprintf(p->file, "<div><dt>%s</dt><dd>%.4g</dd></div>\n", title, x);
}

static void print_places(const report *p, const result *r, const char *title, const place *places)
{
    fprintf(p->file, "<div><dt>%s</dt><dd>", title);
    for (int i = 0; i < r->summary.extremes; i++) {
        fprintf(p->file,
                "<span><a href=\"#r%" PRIu64 "\">[%" PRIu64 ", %" PRIu64 "]</a> %.4g</span> ",
                r->from + places[i].row, places[i].row / r->seq, places[i].row % r->seq,
                in_unit(p, places[i].entropy));
    }
    fputs("</dd></div>\n", p->file);
}

static void print_summary(const report *p, const result *r)
{
    const summary *s = &r->summary;
    fprintf(p->file, "<dl>\n<div><dt>rows</dt><dd>%" PRIu64, s->rows);
    if (s->undefined > 0) {
        fprintf(p->file, " <small>%" PRIu64 " of them without a distribution</small>",
                s->undefined);
    }
    fputs("</dd></div>\n", p->file);
    if (s->extremes > 0) {
        print_tile(p, "mean entropy", in_unit(p, s->mean));
        print_tile(p, "median", in_unit(p, s->median));
        fprintf(p->file, "<div><dt>5th to 95th %%</dt><dd>%.3g to %.3g</dd></div>\n",
                in_unit(p, s->p5), in_unit(p, s->p95));
        if (p->measures->wanted[VARENTROPY]) {
            print_tile(p, "mean varentropy", in_unit(p, in_unit(p, s->varentropy)));
        }
    }
    if (s->targets > 0) {
        print_tile(p, "cross-entropy", in_unit(p, s->cross_entropy));
        print_tile(p, "perplexity of the text", exp(s->cross_entropy));
    }
    fputs("</dl>\n", p->file);
}

/* ---- The histogram. ---- */

static void print_histogram(const report *p, const result *r)
{
    const summary *s = &r->summary;
    uint64_t highest = 1;
    for (int i = 0; i < BINS; i++) {
        highest = s->histogram[i] > highest ? s->histogram[i] : highest;
    }
    const double log_vocab = in_unit(p, log((double)r->vocab));
    fprintf(p->file,
            "<figure><figcaption>Rows, by entropy</figcaption>\n<div class=\"plot bars\"><div "
            "class=\"y\" style=\"bottom:100%%\"><b>%" PRIu64 "</b></div>\n",
            highest);
    for (int i = 0; i < BINS; i++) {
        fprintf(p->file,
                "<i title=\"%.3f to %.3f %s: %" PRIu64 " rows\"><span class=\"c\" "
                "style=\"--s:%.3f;height:%.4g%%\"%s></span></i>\n",
                i * log_vocab / BINS, (i + 1) * log_vocab / BINS, unit_name(p), s->histogram[i],
                (i + 0.5) / BINS, 100 * (double)s->histogram[i] / (double)highest,
                s->histogram[i] == 0 ? " hidden" : "");
    }
    fprintf(p->file,
            "</div>\n<div class=\"scale\"><span>0</span><span>log vocab = "
            "%.4g</span></div></figure>\n",
            log_vocab);
}

/* ---- The text. ---- */

static void print_legend(const report *p, const result *r)
{
    fputs("<p class=\"legend\">certain <span>", p->file);
    for (int i = 0; i <= 32; i++) {
        fprintf(p->file, "<i class=\"c\" style=\"--s:%.3f\"></i>", i / 32.);
    }
    fprintf(p->file, "</span> uniform: log %zu = %.4g %s</p>\n", r->vocab,
            in_unit(p, log((double)r->vocab)), unit_name(p));
}

static void print_values(const report *p, const result *r, const struct row *row)
{
    const double entropy = row->value[ENTROPY];
    if (isnan(entropy)) {
        fputs("no distribution", p->file);
        return;
    }
    fprintf(p->file, "entropy %.9g %s&#10;%.4g%% of log vocab&#10;perplexity %.9g",
            in_unit(p, entropy), unit_name(p), 100 * share_of_log_vocab(r, entropy), exp(entropy));
    if (p->measures->wanted[VARENTROPY]) {
        fprintf(p->file, "&#10;varentropy %.9g %s\u00b2",
                in_unit(p, in_unit(p, row->value[VARENTROPY])), unit_name(p));
    }
    if (!isnan(row->value[LOGPROB])) {
        fprintf(p->file, "&#10;log p %.9g %s", in_unit(p, row->value[LOGPROB]), unit_name(p));
    }
}

static void print_row(const report *p, const result *r, const struct row *row)
{
    const double share = share_of_log_vocab(r, row->value[ENTROPY]);
    if (row->seq == 0) {
        fputs(row->index > 0 ? "</p>\n" : "", p->file);
        if (r->batch > 1) {
            fprintf(p->file, "<h3>batch %" PRIu64 "</h3>", row->batch);
        }
        fprintf(p->file, "<p class=\"text%s\">", row->text == NULL ? " numbers" : "");
    }
    fprintf(p->file, "<span id=\"r%" PRIu64 "\" class=\"%s\" style=\"--s:%.3f\" title=\"",
            r->from + row->index, isnan(share) ? "none" : "c", isnan(share) ? 0 : share);
    if (row->text != NULL) {
        fputs("&quot;", p->file);
        print_html(p->file, row->text, row->length);
        fputs("&quot;&#10;", p->file);
    }
    fprintf(p->file, "[%" PRIu64 ", %" PRIu64 "]&#10;", row->batch, row->seq);
    print_values(p, r, row);
    fputs("\">", p->file);
    if (row->text != NULL) {
        print_html_token(p->file, row->text, row->length);
        fputs("</span>", p->file);
    } else {
        fprintf(p->file, "%" PRIu64 "</span> ", row->seq);
    }
}

/* ---- The page. ---- */

static bool print_section(const report *p, const result *r)
{
    const size_t shape[] = {r->batch, r->seq, r->vocab};
    fputs("<section>\n<h1>Entropy of ", p->file);
    print_html(p->file, r->name, strlen(r->name));
    fputs("</h1>\n<p class=\"sub\">logits [", p->file);
    for (int k = 3 - r->rank; k < 3; k++) {
        fprintf(p->file, "%zu%s", shape[k], k < 2 ? ", " : "]");
    }
    fprintf(p->file, ", in %s, at most log %zu = %.4f", unit_name(p), r->vocab,
            in_unit(p, log((double)r->vocab)));
    if (p->temperature != 1) {
        fprintf(p->file, ", temperature %g", p->temperature);
    }
    fputs("</p>\n", p->file);
    print_summary(p, r);
    if (r->summary.extremes > 0) {
        fputs("<div class=\"charts\">\n", p->file);
        if (!html_curve(p, r)) {
            return false;
        }
        print_histogram(p, r);
        fputs("</div>\n<dl class=\"places\">\n", p->file);
        print_places(p, r, "most certain", r->summary.most);
        print_places(p, r, "least certain", r->summary.least);
        fputs("</dl>\n", p->file);
    }
    print_legend(p, r);
    const bool ok = each_row(p, r, print_row);
    fputs("</p>\n</section>\n", p->file);
    return ok;
}

bool report_html(const report *p)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<title>Entropy of ",
          p->file);
    print_html(p->file, p->results[0].name, strlen(p->results[0].name));
    fputs(p->count > 1 ? " and others</title>\n<style>\n" : "</title>\n<style>\n", p->file);
    fwrite(page_css, 1, sizeof page_css, p->file);
    fputs("</style>\n</head>\n<body>\n<main>\n", p->file);
    bool ok = true;
    for (size_t i = 0; ok && i < p->count; i++) {
        ok = print_section(p, &p->results[i]);
    }
    fprintf(p->file,
            "<footer>libentropy %s</footer>\n</main>\n<div id=\"tip\" hidden></div>\n<script>\n",
            entropy_version());
    fwrite(page_js, 1, sizeof page_js, p->file);
    fputs("</script>\n</body>\n</html>\n", p->file);
    return ok;
}
