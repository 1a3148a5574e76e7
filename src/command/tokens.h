/* The texts that belong to the rows, from a JSON file, read one at a time. Accepted:
 *
 *     ["The", " cat", ...]      one text a row, the rows in their order; nested as deep as the logits are, if wanted
 *     [{"text": "The"}, ...]    the same in objects, under "text", "token" or "target_text"; other members do not matter
 *     {"tokens": ...}           either of these as member "tokens" or "rows" of an object
 */
#ifndef ENT_TOKENS_H
#define ENT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct tokens {
    const char *name;
    FILE *file;
    int depth;     /* of the arrays around the next text */
    bool in_object; /* the outermost array is a member of an object */
    bool first;    /* nothing yet in the innermost array */
    uint64_t line; /* for messages */
    char *text;    /* the last text, UTF-8 */
    size_t length, capacity;
    char error[192];
};

/* Opens the file and checks all of it: it is valid JSON of the form above, and holds `rows` texts. */
bool tokens_open(struct tokens *t, const char *path, uint64_t rows);

/* The next text, in t->text and t->length, valid until the next call; false at the end, or on an error: t->error is not empty. */
bool tokens_next(struct tokens *t);

void tokens_close(struct tokens *t);

#endif
