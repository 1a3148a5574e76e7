#include "report.h"

#include <math.h>

double in_unit(const options *o, double nats)
{
    return o->bits ? nats * 0x1.71547652b82fep+0 : nats; /* log2(e) */
}

const char *unit_name(const options *o)
{
    return o->bits ? "bits" : "nats";
}

double share_of_log_vocab(const result *r, double nats)
{
    return r->vocab > 1 ? nats / log((double)r->vocab) : 0 * nats;
}

bool each_row(const result *r, spool *entropies, struct tokens *tokens,
              void (*print)(const options *o, const result *r, const struct row *row),
              const options *o)
{
    float values[1024];
    for (uint64_t i = 0; i < r->rows;) {
        const uint64_t left = r->rows - i;
        const size_t n =
            spool_read(entropies, r->from + i, values, left < 1024 ? (size_t)left : 1024);
        if (n == 0) {
            return false;
        }
        for (size_t k = 0; k < n; k++, i++) {
            struct row row = {.batch = i / r->seq, .seq = i % r->seq, .entropy = values[k]};
            if (tokens != NULL) {
                if (!tokens_next(tokens)) {
                    return false;
                }
                row.text = tokens->json.text;
                row.length = tokens->json.length;
            }
            print(o, r, &row);
        }
    }
    return true;
}
