#include "report.h"

#include <math.h>

double in_unit(const report *p, double nats)
{
    return p->bits ? nats * 0x1.71547652b82fep+0 : nats; /* log2(e) */
}

const char *unit_name(const report *p)
{
    return p->bits ? "bits" : "nats";
}

double share_of_log_vocab(const result *r, double nats)
{
    return r->vocab > 1 ? nats / log((double)r->vocab) : 0 * nats;
}

#define CHUNK 1024

/* Up to CHUNK rows from the ith on; how many there were. */
static size_t read_rows(const report *p, const result *r, uint64_t i, float values[COLUMNS][CHUNK])
{
    const uint64_t left = r->rows - i;
    size_t n = left < CHUNK ? (size_t)left : CHUNK;
    for (int c = 0; c < COLUMNS; c++) {
        if (p->measures->wanted[c]) {
            n = spool_read(&p->measures->column[c], r->from + i, values[c], n);
        }
    }
    return n;
}

bool each_row(const report *p, const result *r,
              void (*print)(const report *p, const result *r, const struct row *row))
{
    float values[COLUMNS][CHUNK];
    if (p->tokens != NULL) {
        tokens_rewind(p->tokens);
    }
    for (uint64_t i = 0; i < r->rows;) {
        const size_t n = read_rows(p, r, i, values);
        if (n == 0) {
            return false;
        }
        for (size_t k = 0; k < n; k++, i++) {
            struct row row = {.index = i, .batch = i / r->seq, .seq = i % r->seq};
            for (int c = 0; c < COLUMNS; c++) {
                row.value[c] = p->measures->wanted[c] ? values[c][k] : NAN;
            }
            if (p->tokens != NULL) {
                if (!tokens_next(p->tokens)) {
                    return false;
                }
                row.text = p->tokens->json.text;
                row.length = p->tokens->json.length;
            }
            print(p, r, &row);
        }
    }
    return true;
}
