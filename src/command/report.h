/* What the command found, as text, JSON, CSV or a page in HTML. */
#ifndef ENT_REPORT_H
#define ENT_REPORT_H

#include "measures.h"
#include "summary.h"
#include "tokens.h"

/* A file whose rows are at [from, from + rows) of the measures. */
typedef struct result {
    const char *name;
    int rank;
    size_t batch, seq, vocab;
    uint64_t rows, from;
    summary summary;
} result;

typedef struct report {
    FILE *file; /* where it is printed to */
    bool bits, summary_only;
    double temperature;
    const result *results;
    size_t count;
    measures *measures;
    struct tokens *tokens; /* NULL where there are none */
} report;

/* False where the measures or the tokens cannot be read any more. */
typedef bool report_function(const report *p);
report_function report_text, report_json, report_csv, report_html;

/* ---- For all of them. ---- */

/* A nat is 1 nat or log2(e) bits. Of varentropy, apply it twice. */
double in_unit(const report *p, double nats);
const char *unit_name(const report *p);

/* Of log(vocab), from 0 to 1. */
double share_of_log_vocab(const result *r, double nats);

struct row {
    uint64_t index, batch, seq;
    double value[COLUMNS]; /* as in measures.h; NaN too in a column that is not wanted */
    const char *text;      /* NULL where there are no tokens */
    size_t length;
};

/* Calls print for every row of a result, in order. */
bool each_row(const report *p, const result *r,
              void (*print)(const report *p, const result *r, const struct row *row));

#endif
