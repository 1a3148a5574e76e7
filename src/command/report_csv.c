#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "report.h"

/* Nothing between the commas stands for what is not there. */
static void print_number(const report *p, double x)
{
    fprintf(p->file, isnan(x) ? "," : ",%.9g", x);
}

static void print_row(const report *p, const result *r, const struct row *row)
{
    print_csv_field(p->file, r->name, strlen(r->name));
    fprintf(p->file, ",%" PRIu64 ",%" PRIu64, row->batch, row->seq);
    print_number(p, in_unit(p, row->value[ENTROPY]));
    print_number(p, share_of_log_vocab(r, row->value[ENTROPY]));
    print_number(p, exp(row->value[ENTROPY]));
    if (p->measures->wanted[VARENTROPY]) {
        print_number(p, in_unit(p, in_unit(p, row->value[VARENTROPY])));
    }
    if (p->measures->wanted[LOGPROB]) {
        print_number(p, in_unit(p, row->value[LOGPROB]));
    }
    if (row->text != NULL) {
        putc(',', p->file);
        print_csv_field(p->file, row->text, row->length);
    }
    fputs("\r\n", p->file);
}

static void print_summary(const report *p, const result *r)
{
    const summary *s = &r->summary;
    print_csv_field(p->file, r->name, strlen(r->name));
    fprintf(p->file, ",%" PRIu64 ",%" PRIu64, s->rows, s->undefined);
    print_number(p, in_unit(p, s->mean));
    print_number(p, in_unit(p, s->median));
    print_number(p, in_unit(p, s->p5));
    print_number(p, in_unit(p, s->p95));
    if (p->measures->wanted[VARENTROPY]) {
        print_number(p, in_unit(p, in_unit(p, s->varentropy)));
    }
    if (p->measures->wanted[LOGPROB]) {
        fprintf(p->file, ",%" PRIu64, s->targets);
        print_number(p, in_unit(p, s->cross_entropy));
        print_number(p, exp(s->cross_entropy));
    }
    fputs("\r\n", p->file);
}

bool report_csv(const report *p)
{
    const char *unit = unit_name(p);
    const bool *wanted = p->measures->wanted;
    if (p->summary_only) {
        fprintf(p->file, "file,rows,undefined,mean_%s,median_%s,p5_%s,p95_%s", unit, unit, unit,
                unit);
        if (wanted[VARENTROPY]) {
            fprintf(p->file, ",varentropy_%s2", unit);
        }
        if (wanted[LOGPROB]) {
            fprintf(p->file, ",targets,cross_entropy_%s,perplexity", unit);
        }
    } else {
        fprintf(p->file, "file,batch,seq,entropy_%s,share,perplexity", unit);
        if (wanted[VARENTROPY]) {
            fprintf(p->file, ",varentropy_%s2", unit);
        }
        if (wanted[LOGPROB]) {
            fprintf(p->file, ",logprob_%s", unit);
        }
        fputs(p->tokens != NULL ? ",token" : "", p->file);
    }
    fputs("\r\n", p->file);
    for (size_t i = 0; i < p->count; i++) {
        if (p->summary_only) {
            print_summary(p, &p->results[i]);
        } else if (!each_row(p, &p->results[i], print_row)) {
            return false;
        }
    }
    return true;
}
