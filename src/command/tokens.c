#define _POSIX_C_SOURCE 200809L /* fseeko, for a stream that cannot seek */
#include "tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64

static bool fail(struct tokens *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct tokens *t, const char *format, ...)
{
    if (t->error[0] == '\0') {
        const int n = snprintf(t->error, sizeof t->error, "line %" PRIu64 ": ", t->line);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(t->error + n, sizeof t->error - (size_t)n, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---- Characters. ---- */

static int next(struct tokens *t)
{
    const int c = getc_unlocked(t->file);
    t->line += c == '\n';
    return c;
}

static void put_back(struct tokens *t, int c)
{
    if (c != EOF) {
        t->line -= c == '\n';
        ungetc(c, t->file);
    }
}

static int next_after_space(struct tokens *t)
{
    int c;
    do {
        c = next(t);
    } while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    return c;
}

static int peek(struct tokens *t)
{
    const int c = next_after_space(t);
    put_back(t, c);
    return c;
}

static bool expect(struct tokens *t, char wanted)
{
    return next_after_space(t) == wanted || fail(t, "'%c' expected", wanted);
}

static bool append(struct tokens *t, int byte)
{
    if (t->length + 1 >= t->capacity) {
        const size_t capacity = t->capacity ? 2 * t->capacity : 256;
        char *text = realloc(t->text, capacity);
        if (text == NULL) {
            return fail(t, "out of memory");
        }
        t->text = text;
        t->capacity = capacity;
    }
    t->text[t->length++] = (char)byte;
    t->text[t->length] = '\0';
    return true;
}

static bool append_code_point(struct tokens *t, uint32_t c)
{
    if (c < 0x80) {
        return append(t, (int)c);
    }
    if (c < 0x800) {
        return append(t, (int)(0xc0 | c >> 6)) && append(t, (int)(0x80 | (c & 0x3f)));
    }
    if (c < 0x10000) {
        return append(t, (int)(0xe0 | c >> 12)) && append(t, (int)(0x80 | (c >> 6 & 0x3f))) && append(t, (int)(0x80 | (c & 0x3f)));
    }
    return append(t, (int)(0xf0 | c >> 18)) && append(t, (int)(0x80 | (c >> 12 & 0x3f))) &&
           append(t, (int)(0x80 | (c >> 6 & 0x3f))) && append(t, (int)(0x80 | (c & 0x3f)));
}

/* ---- Values (RFC 8259). ---- */

static bool hex4(struct tokens *t, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const int c = next(t);
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *at = c > 0 ? strchr(digits, c) : NULL;
        if (at == NULL) {
            return fail(t, "four hexadecimal digits expected after \\u");
        }
        *unit = *unit << 4 | (uint32_t)((at - digits) & 15);
    }
    return true;
}

/* Behind the opening quote; the text is left in t->text. A surrogate that is not half of a pair becomes U+FFFD, the replacement
 * character. */
static bool string(struct tokens *t)
{
    uint32_t high = 0; /* half of a pair that waits for the other */
    t->length = 0;
    for (;;) {
        int c = next(t);
        const bool escaped = c == '\\';
        if (escaped && (c = next(t)) == 'u') {
            uint32_t unit;
            if (!hex4(t, &unit)) {
                return false;
            }
            const bool is_high = unit >= 0xd800 && unit < 0xdc00, is_low = unit >= 0xdc00 && unit < 0xe000;
            const bool pair = high != 0 && is_low;
            if (high != 0 && !append_code_point(t, pair ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : 0xfffd)) {
                return false;
            }
            high = is_high ? unit : 0;
            if (!pair && !is_high && !append_code_point(t, is_low ? 0xfffd : unit)) {
                return false;
            }
            continue;
        }
        if (high != 0 && !append_code_point(t, 0xfffd)) {
            return false;
        }
        high = 0;
        if (c == '"' && !escaped) {
            return append(t, '\0') && t->length--; /* never NULL, and terminated */
        }
        if (c == EOF || c < 0x20) {
            return fail(t, c == EOF ? "ends inside a string" : "control character in a string");
        }
        if (escaped) {
            const char *escapes = "\"\\/bfnrt", *meanings = "\"\\/\b\f\n\r\t";
            const char *at = strchr(escapes, c);
            if (at == NULL) {
                return fail(t, "unknown escape");
            }
            c = meanings[at - escapes];
        }
        if (!append(t, c)) {
            return false;
        }
    }
}

static bool word(struct tokens *t, const char *rest)
{
    for (; *rest != '\0'; rest++) {
        if (next(t) != *rest) {
            return fail(t, "a JSON value expected");
        }
    }
    return true;
}

static bool digits(struct tokens *t)
{
    int c = next(t), n = 0;
    for (; c >= '0' && c <= '9'; c = next(t)) {
        n = 1;
    }
    put_back(t, c);
    return n || fail(t, "a digit expected");
}

/* Behind its first character. */
static bool number(struct tokens *t, int c)
{
    if (c == '-') {
        c = next(t);
    }
    if (c < '0' || c > '9') {
        return fail(t, "a JSON value expected");
    }
    if (c != '0') {
        put_back(t, c);
        if (!digits(t)) {
            return false;
        }
    }
    c = next(t);
    if (c == '.') {
        if (!digits(t)) {
            return false;
        }
        c = next(t);
    }
    if (c == 'e' || c == 'E') {
        c = next(t);
        if (c != '+' && c != '-') {
            put_back(t, c);
        }
        return digits(t);
    }
    put_back(t, c);
    return true;
}

static bool skip_value(struct tokens *t, int depth);

/* Behind '{' or '['. */
static bool skip_members(struct tokens *t, char close, int depth)
{
    if (depth == MAX_DEPTH) {
        return fail(t, "nested more than %d deep", MAX_DEPTH);
    }
    if (peek(t) == close) {
        return expect(t, close);
    }
    for (;;) {
        if (close == '}' && !(expect(t, '"') && string(t) && expect(t, ':'))) {
            return false;
        }
        if (!skip_value(t, depth + 1)) {
            return false;
        }
        if (peek(t) == close) {
            return expect(t, close);
        }
        if (!expect(t, ',')) {
            return false;
        }
    }
}

static bool skip_value(struct tokens *t, int depth)
{
    const int c = next_after_space(t);
    switch (c) {
    case '"': return string(t);
    case '{': return skip_members(t, '}', depth);
    case '[': return skip_members(t, ']', depth);
    case 't': return word(t, "rue");
    case 'f': return word(t, "alse");
    case 'n': return word(t, "ull");
    default: return number(t, c);
    }
}

/* ---- The texts. ---- */

static bool names_a_text(const char *key)
{
    return strcmp(key, "text") == 0 || strcmp(key, "token") == 0 || strcmp(key, "target_text") == 0;
}

/* Behind the '{' of an object that holds a text; leaves it in t->text. */
static bool text_of_object(struct tokens *t)
{
    char *found = NULL;
    size_t length = 0;
    bool ok = true;
    do {
        ok = expect(t, '"') && string(t) && expect(t, ':');
        if (ok && found == NULL && names_a_text(t->text) && peek(t) == '"') {
            ok = expect(t, '"') && string(t);
            found = t->text;
            length = t->length;
            t->text = NULL;
            t->capacity = 0;
        } else {
            ok = ok && skip_value(t, 1);
        }
    } while (ok && peek(t) == ',' && expect(t, ','));
    ok = ok && expect(t, '}') && (found != NULL || fail(t, "an object without \"text\", \"token\" or \"target_text\""));
    if (found != NULL) {
        free(t->text);
        t->text = found;
        t->length = length;
        t->capacity = length + 1;
    }
    return ok;
}

/* From the start of the file to behind the '[' of the outermost array of texts. */
static bool enter(struct tokens *t)
{
    t->line = 1;
    t->depth = 1;
    t->first = true;
    t->in_object = peek(t) == '{';
    if (t->in_object) {
        expect(t, '{');
        for (;;) {
            if (!(expect(t, '"') && string(t) && expect(t, ':'))) {
                return fail(t, "no member \"tokens\" or \"rows\"");
            }
            if (strcmp(t->text, "tokens") == 0 || strcmp(t->text, "rows") == 0) {
                break;
            }
            if (!skip_value(t, 1) || !expect(t, ',')) {
                return false;
            }
        }
    }
    return expect(t, '[');
}

/* From behind the outermost array to the end of the file. */
static bool leave(struct tokens *t)
{
    while (t->in_object && peek(t) == ',') {
        if (!(expect(t, ',') && expect(t, '"') && string(t) && expect(t, ':') && skip_value(t, 1))) {
            return false;
        }
    }
    if (t->in_object && !expect(t, '}')) {
        return false;
    }
    return next_after_space(t) == EOF || fail(t, "something follows the JSON value");
}

bool tokens_next(struct tokens *t)
{
    while (t->depth > 0) {
        int c = next_after_space(t);
        if (c == ']') {
            t->first = false;
            if (--t->depth == 0) {
                leave(t);
            }
            continue;
        }
        if (!t->first) {
            if (c != ',') {
                return fail(t, "',' or ']' expected");
            }
            c = next_after_space(t);
        }
        t->first = false;
        if (c == '"') {
            return string(t);
        }
        if (c == '{') {
            return text_of_object(t);
        }
        if (c != '[' || t->depth == MAX_DEPTH) {
            return fail(t, "a text expected");
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
    *t = (struct tokens){.name = path, .file = fopen(path, "r")};
    t->file = t->file != NULL ? seekable(t->file) : NULL;
    if (t->file == NULL) {
        snprintf(t->error, sizeof t->error, "cannot be read: %s", strerror(errno));
        return false;
    }
    uint64_t count = 0;
    if (enter(t)) {
        while (tokens_next(t)) {
            count++;
        }
    }
    if (ferror(t->file)) {
        snprintf(t->error, sizeof t->error, "cannot be read");
    }
    if (t->error[0] == '\0' && count != rows) {
        snprintf(t->error, sizeof t->error, "holds %" PRIu64 " texts for %" PRIu64 " rows", count, rows);
    }
    if (t->error[0] == '\0') {
        rewind(t->file);
        enter(t);
    }
    if (t->error[0] != '\0') {
        tokens_close(t);
        return false;
    }
    return true;
}

void tokens_close(struct tokens *t)
{
    free(t->text);
    if (t->file != NULL) {
        fclose(t->file);
    }
    t->text = NULL;
    t->file = NULL;
}
