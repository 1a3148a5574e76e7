#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "report.h"

/* Nine digits give a float back. NaN, which JSON lacks, is null. */
static void print_number(const char *key, double x)
{
    if (isfinite(x)) {
        printf("\"%s\": %.9g", key, x);
    } else {
        printf("\"%s\": null", key);
    }
}

static void print_row(const options *o, const result *r, const struct row *row)
{
    printf("%s\n     {\"batch\": %" PRIu64 ", \"seq\": %" PRIu64 ", ",
           row->batch + row->seq ? "," : "", row->batch, row->seq);
    print_number("entropy", in_unit(o, row->entropy));
    printf(", ");
    print_number("share", share_of_log_vocab(r, row->entropy));
    printf(", ");
    print_number("perplexity", exp(row->entropy));
    if (row->text != NULL) {
        printf(", \"token\": ");
        print_json_string(row->text, row->length);
    }
    putchar('}');
}

static void print_places(const options *o, const result *r, const char *key, const place *places)
{
    printf("      \"%s\": [", key);
    for (int i = 0; i < r->summary.extremes; i++) {
        printf("%s{\"batch\": %" PRIu64 ", \"seq\": %" PRIu64 ", ", i ? ", " : "",
               places[i].row / r->seq, places[i].row % r->seq);
        print_number("entropy", in_unit(o, places[i].entropy));
        putchar('}');
    }
    printf("],\n");
}

static void print_summary(const options *o, const result *r)
{
    const summary *s = &r->summary;
    printf("    \"summary\": {\n      \"rows\": %" PRIu64 ", \"undefined\": %" PRIu64 ",\n      ",
           s->rows, s->undefined);
    print_number("mean", in_unit(o, s->mean));
    printf(", ");
    print_number("median", in_unit(o, s->median));
    printf(", ");
    print_number("p5", in_unit(o, s->p5));
    printf(", ");
    print_number("p95", in_unit(o, s->p95));
    printf(",\n");
    print_places(o, r, "most_certain", s->most);
    print_places(o, r, "least_certain", s->least);
    printf("      \"histogram\": [");
    for (int i = 0; i < BINS; i++) {
        printf("%s%" PRIu64, i ? ", " : "", s->histogram[i]);
    }
    printf("]\n    }");
}

bool report_json(const options *o, const result *results, size_t count, spool *entropies,
                 struct tokens *tokens)
{
    printf("{\n \"unit\": \"%s\", ", unit_name(o));
    print_number("temperature", o->temperature);
    printf(",\n \"files\": [");
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        const result *r = &results[i];
        const size_t shape[] = {r->batch, r->seq, r->vocab};
        printf("%s\n   {\"file\": ", i ? "," : "");
        print_json_string(r->name, strlen(r->name));
        printf(",\n    \"shape\": [");
        for (int k = 3 - r->rank; k < 3; k++) {
            printf("%zu%s", shape[k], k < 2 ? ", " : "],\n    ");
        }
        print_number("log_vocab", in_unit(o, log((double)r->vocab)));
        printf(",\n");
        if (!o->summary_only) {
            printf("    \"positions\": [");
            ok = each_row(r, entropies, tokens, print_row, o);
            printf("],\n");
        }
        print_summary(o, r);
        putchar('}');
    }
    printf("\n ]\n}\n");
    return ok;
}
