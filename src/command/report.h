/* What the command found, as text, JSON or CSV. */
#ifndef ENT_REPORT_H
#define ENT_REPORT_H

#include "npy.h"
#include "summary.h"
#include "tokens.h"

typedef struct options {
    bool bits, summary_only;
    float temperature;
    const char *tokens; /* a path, or NULL */
} options;

/* A file whose entropies, in nats, are at [from, from + rows) of the spool. */
typedef struct result {
    const char *name;
    int rank;
    size_t batch, seq, vocab;
    uint64_t rows, from;
    summary summary;
} result;

/* Prints to standard output. `tokens` is NULL where there are none. False where the spool or the
 * tokens cannot be read any more. */
typedef bool report_function(const options *o, const result *results, size_t count,
                             spool *entropies, struct tokens *tokens);
report_function report_text, report_json, report_csv;

/* ---- For the three of them. ---- */

/* A nat is 1 nat or log2(e) bits. */
double in_unit(const options *o, double nats);
const char *unit_name(const options *o);

/* Of log(vocab), from 0 to 1. */
double share_of_log_vocab(const result *r, double nats);

/* Calls print for every row of a result, in order. */
struct row {
    uint64_t batch, seq;
    double entropy;   /* nats */
    const char *text; /* NULL where there are no tokens */
    size_t length;
};
bool each_row(const result *r, spool *entropies, struct tokens *tokens,
              void (*print)(const options *o, const result *r, const struct row *row),
              const options *o);

#endif
