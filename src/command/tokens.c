#define _POSIX_C_SOURCE 200809L /* fseeko, for a stream that cannot seek */
#include "tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool names_a_text(const char *key)
{
    return strcmp(key, "text") == 0 || strcmp(key, "token") == 0 || strcmp(key, "target_text") == 0;
}

/* Behind the '{' of an object that holds a text; leaves it in t->json.text. */
static bool text_of_object(struct tokens *t)
{
    char *found = NULL;
    size_t length = 0;
    bool ok = true;
    do {
        ok = json_expect(&t->json, '"') && json_string(&t->json) && json_expect(&t->json, ':');
        if (ok && found == NULL && names_a_text(t->json.text) && json_peek(&t->json) == '"') {
            ok = json_expect(&t->json, '"') && json_string(&t->json);
            found = t->json.text;
            length = t->json.length;
            t->json.text = NULL;
            t->json.capacity = 0;
        } else {
            ok = ok && json_skip_value(&t->json, 1);
        }
    } while (ok && json_peek(&t->json) == ',' && json_expect(&t->json, ','));
    ok = ok && json_expect(&t->json, '}') &&
         (found != NULL ||
          json_fail(&t->json, "an object without \"text\", \"token\" or \"target_text\""));
    if (found != NULL) {
        free(t->json.text);
        t->json.text = found;
        t->json.length = length;
        t->json.capacity = length + 1;
    }
    return ok;
}

/* From the start of the file to behind the '[' of the outermost array of texts. */
static bool enter(struct tokens *t)
{
    t->json.line = 1;
    t->depth = 1;
    t->first = true;
    t->in_object = json_peek(&t->json) == '{';
    if (t->in_object) {
        json_expect(&t->json, '{');
        for (;;) {
            if (!(json_expect(&t->json, '"') && json_string(&t->json) &&
                  json_expect(&t->json, ':'))) {
                return json_fail(&t->json, "no member \"tokens\" or \"rows\"");
            }
            if ((strcmp(t->json.text, "tokens") == 0 || strcmp(t->json.text, "rows") == 0) &&
                json_peek(&t->json) == '[') {
                break;
            }
            if (!json_skip_value(&t->json, 1) || !json_expect(&t->json, ',')) {
                return false;
            }
        }
    }
    return json_expect(&t->json, '[');
}

/* From behind the outermost array to the end of the file. */
static bool leave(struct tokens *t)
{
    while (t->in_object && json_peek(&t->json) == ',') {
        if (!(json_expect(&t->json, ',') && json_expect(&t->json, '"') && json_string(&t->json) &&
              json_expect(&t->json, ':') && json_skip_value(&t->json, 1))) {
            return false;
        }
    }
    if (t->in_object && !json_expect(&t->json, '}')) {
        return false;
    }
    return json_next(&t->json) == EOF || json_fail(&t->json, "something follows the JSON value");
}

bool tokens_next(struct tokens *t)
{
    while (t->depth > 0) {
        int c = json_next(&t->json);
        if (c == ']') {
            t->first = false;
            if (--t->depth == 0) {
                leave(t);
            }
            continue;
        }
        if (!t->first) {
            if (c != ',') {
                return json_fail(&t->json, "',' or ']' expected");
            }
            c = json_next(&t->json);
        }
        t->first = false;
        if (c == '"') {
            return json_string(&t->json);
        }
        if (c == '{') {
            return text_of_object(t);
        }
        if (c != '[' || t->depth == JSON_MAX_DEPTH) {
            return json_fail(&t->json, "a text expected");
        }
        t->depth++;
        t->first = true;
    }
    return false;
}

/* What cannot seek is copied to a file that can. */
static FILE *seekable(FILE *file)
{
    if (fseeko(file, 0, SEEK_SET) == 0) {
        return file;
    }
    FILE *copy = tmpfile();
    char buffer[4096];
    size_t n;
    bool ok = copy != NULL;
    while (ok && (n = fread(buffer, 1, sizeof buffer, file)) > 0) {
        ok = fwrite(buffer, 1, n, copy) == n;
    }
    ok = ok && !ferror(file) && fseeko(copy, 0, SEEK_SET) == 0;
    const int saved = errno;
    fclose(file);
    if (!ok && copy != NULL) {
        fclose(copy);
    }
    errno = saved;
    return ok ? copy : NULL;
}

bool tokens_open(struct tokens *t, const char *path, uint64_t rows)
{
    *t = (struct tokens){.json.file = fopen(path, "r")};
    t->json.file = t->json.file != NULL ? seekable(t->json.file) : NULL;
    if (t->json.file == NULL) {
        snprintf(t->json.error, sizeof t->json.error, "cannot be read: %s", strerror(errno));
        return false;
    }
    uint64_t count = 0;
    if (enter(t)) {
        while (tokens_next(t)) {
            count++;
        }
    }
    if (ferror(t->json.file)) {
        snprintf(t->json.error, sizeof t->json.error, "cannot be read: %s", strerror(errno));
    }
    if (t->json.error[0] == '\0' && count != rows) {
        snprintf(t->json.error, sizeof t->json.error,
                 "holds %" PRIu64 " texts for %" PRIu64 " rows", count, rows);
    }
    if (t->json.error[0] != '\0') {
        tokens_close(t);
        return false;
    }
    return true;
}

void tokens_rewind(struct tokens *t)
{
    rewind(t->json.file);
    enter(t);
}

void tokens_close(struct tokens *t)
{
    free(t->json.text);
    if (t->json.file != NULL) {
        fclose(t->json.file);
    }
    t->json.text = NULL;
    t->json.file = NULL;
}
