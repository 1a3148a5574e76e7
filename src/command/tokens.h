/* The texts that belong to the rows, from a JSON file, read one at a time. Accepted:
 *
 *     ["The", " cat", ...]      one text a row, the rows in their order; nested as deep as the
 * logits are, if wanted
 *     [{"text": "The"}, ...]    the same in objects, under "text", "token" or "target_text"; other
 * members do not matter
 *     {"tokens": ...}           either of these as member "tokens" or "rows" of an object
 */
#ifndef ENT_TOKENS_H
#define ENT_TOKENS_H

#include "json.h"

struct tokens {
    struct json json; /* json.text is the last text, json.error what is wrong */
    int depth;        /* of the arrays around the next text */
    bool in_object;   /* the outermost array is a member of an object */
    bool first;       /* nothing yet in the innermost array */
};

/* Opens the file and checks all of it: it has the form above, and holds `rows` texts. Next is
 * tokens_rewind. */
bool tokens_open(struct tokens *t, const char *path, uint64_t rows);

/* Back to the first text. */
void tokens_rewind(struct tokens *t);

/* The next text, in t->json.text, valid until the next call; false at the end, or on an error. */
bool tokens_next(struct tokens *t);

void tokens_close(struct tokens *t);

#endif
