#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "report.h"

/* Nothing between the commas stands for a row without a distribution. */
static void print_number(double x)
{
    if (isfinite(x)) {
        printf(",%.9g", x);
    } else {
        putchar(',');
    }
}

static void print_row(const options *o, const result *r, const struct row *row)
{
    print_csv_field(r->name, strlen(r->name));
    printf(",%" PRIu64 ",%" PRIu64, row->batch, row->seq);
    print_number(in_unit(o, row->entropy));
    print_number(share_of_log_vocab(r, row->entropy));
    print_number(exp(row->entropy));
    if (row->text != NULL) {
        putchar(',');
        print_csv_field(row->text, row->length);
    }
    printf("\r\n");
}

bool report_csv(const options *o, const result *results, size_t count, spool *entropies,
                struct tokens *tokens)
{
    if (o->summary_only) {
        printf("file,rows,undefined,mean_%s,median_%s,p5_%s,p95_%s\r\n", unit_name(o), unit_name(o),
               unit_name(o), unit_name(o));
    } else {
        printf("file,batch,seq,entropy_%s,share,perplexity%s\r\n", unit_name(o),
               tokens != NULL ? ",token" : "");
    }
    for (size_t i = 0; i < count; i++) {
        const summary *s = &results[i].summary;
        if (!o->summary_only) {
            if (!each_row(&results[i], entropies, tokens, print_row, o)) {
                return false;
            }
            continue;
        }
        print_csv_field(results[i].name, strlen(results[i].name));
        printf(",%" PRIu64 ",%" PRIu64, s->rows, s->undefined);
        print_number(in_unit(o, s->mean));
        print_number(in_unit(o, s->median));
        print_number(in_unit(o, s->p5));
        print_number(in_unit(o, s->p95));
        printf("\r\n");
    }
    return true;
}
