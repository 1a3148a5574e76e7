#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "report.h"

/* Nine digits give a float back. JSON lacks NaN, which is null, and infinities, which are numbers
 * that are read as such. */
static void print_number(const report *p, const char *key, double x)
{
    if (isnan(x)) {
        fprintf(p->file, "\"%s\": null", key);
    } else if (isinf(x)) {
        fprintf(p->file, "\"%s\": %s1e999", key, x < 0 ? "-" : "");
    } else {
        fprintf(p->file, "\"%s\": %.9g", key, x);
    }
}

static void print_row(const report *p, const result *r, const struct row *row)
{
    fprintf(p->file, "%s\n     {\"batch\": %" PRIu64 ", \"seq\": %" PRIu64 ", ",
            row->index > 0 ? "," : "", row->batch, row->seq);
    print_number(p, "entropy", in_unit(p, row->value[ENTROPY]));
    fprintf(p->file, ", ");
    print_number(p, "share", share_of_log_vocab(r, row->value[ENTROPY]));
    fprintf(p->file, ", ");
    print_number(p, "perplexity", exp(row->value[ENTROPY]));
    if (p->measures->wanted[VARENTROPY]) {
        fprintf(p->file, ", ");
        print_number(p, "varentropy", in_unit(p, in_unit(p, row->value[VARENTROPY])));
    }
    if (p->measures->wanted[LOGPROB]) {
        fprintf(p->file, ", ");
        print_number(p, "logprob", in_unit(p, row->value[LOGPROB]));
    }
    if (row->text != NULL) {
        fprintf(p->file, ", \"token\": ");
        print_json_string(p->file, row->text, row->length);
    }
    putc('}', p->file);
}

static void print_places(const report *p, const result *r, const char *key, const place *places)
{
    fprintf(p->file, "      \"%s\": [", key);
    for (int i = 0; i < r->summary.extremes; i++) {
        fprintf(p->file, "%s{\"batch\": %" PRIu64 ", \"seq\": %" PRIu64 ", ", i ? ", " : "",
                places[i].row / r->seq, places[i].row % r->seq);
        print_number(p, "entropy", in_unit(p, places[i].entropy));
        putc('}', p->file);
    }
    fprintf(p->file, "],\n");
}

static void print_summary(const report *p, const result *r)
{
    const summary *s = &r->summary;
    fprintf(p->file,
            "    \"summary\": {\n      \"rows\": %" PRIu64 ", \"undefined\": %" PRIu64 ",\n      ",
            s->rows, s->undefined);
    print_number(p, "mean", in_unit(p, s->mean));
    fprintf(p->file, ", ");
    print_number(p, "median", in_unit(p, s->median));
    fprintf(p->file, ", ");
    print_number(p, "p5", in_unit(p, s->p5));
    fprintf(p->file, ", ");
    print_number(p, "p95", in_unit(p, s->p95));
    fprintf(p->file, ",\n");
    if (p->measures->wanted[VARENTROPY]) {
        fprintf(p->file, "      ");
        print_number(p, "varentropy", in_unit(p, in_unit(p, s->varentropy)));
        fprintf(p->file, ",\n");
    }
    if (p->measures->wanted[LOGPROB]) {
        fprintf(p->file, "      \"targets\": %" PRIu64 ", ", s->targets);
        print_number(p, "cross_entropy", in_unit(p, s->cross_entropy));
        fprintf(p->file, ", ");
        print_number(p, "perplexity", exp(s->cross_entropy));
        fprintf(p->file, ",\n");
    }
    print_places(p, r, "most_certain", s->most);
    print_places(p, r, "least_certain", s->least);
    fprintf(p->file, "      \"histogram\": [");
    for (int i = 0; i < BINS; i++) {
        fprintf(p->file, "%s%" PRIu64, i ? ", " : "", s->histogram[i]);
    }
    fprintf(p->file, "]\n    }");
}

bool report_json(const report *p)
{
    fprintf(p->file, "{\n \"unit\": \"%s\", ", unit_name(p));
    print_number(p, "temperature", p->temperature);
    fprintf(p->file, ",\n \"files\": [");
    bool ok = true;
    for (size_t i = 0; ok && i < p->count; i++) {
        const result *r = &p->results[i];
        const size_t shape[] = {r->batch, r->seq, r->vocab};
        fprintf(p->file, "%s\n   {\"file\": ", i ? "," : "");
        print_json_string(p->file, r->name, strlen(r->name));
        fprintf(p->file, ",\n    \"shape\": [");
        for (int k = 3 - r->rank; k < 3; k++) {
            fprintf(p->file, "%zu%s", shape[k], k < 2 ? ", " : "],\n    ");
        }
        print_number(p, "log_vocab", in_unit(p, log((double)r->vocab)));
        fprintf(p->file, ",\n");
        if (!p->summary_only) {
            fprintf(p->file, "    \"positions\": [");
            ok = each_row(p, r, print_row);
            fprintf(p->file, "],\n");
        }
        print_summary(p, r);
        putc('}', p->file);
    }
    fprintf(p->file, "\n ]\n}\n");
    return ok;
}
