#define _POSIX_C_SOURCE 200809L /* getc_unlocked */
#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool json_fail(struct json *j, const char *format, ...)
{
    if (j->error[0] == '\0') {
        const int n = snprintf(j->error, sizeof j->error, "line %" PRIu64 ": ", j->line);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(j->error + n, sizeof j->error - (size_t)n, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---- Characters. ---- */

static int next(struct json *j)
{
    const int c = getc_unlocked(j->file);
    j->line += c == '\n';
    return c;
}

static void put_back(struct json *j, int c)
{
    if (c != EOF) {
        j->line -= c == '\n';
        ungetc(c, j->file);
    }
}

int json_next(struct json *j)
{
    int c;
    do {
        c = next(j);
    } while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    return c;
}

int json_peek(struct json *j)
{
    const int c = json_next(j);
    put_back(j, c);
    return c;
}

bool json_expect(struct json *j, char wanted)
{
    return json_next(j) == wanted || json_fail(j, "'%c' expected", wanted);
}

static bool append(struct json *j, int byte)
{
    if (j->skipping) {
        return true;
    }
    if (j->length == JSON_MAX_STRING) {
        return json_fail(j, "a string of more than %zu bytes", JSON_MAX_STRING);
    }
    if (j->length + 1 >= j->capacity) {
        const size_t capacity = j->capacity ? 2 * j->capacity : 256;
        char *text = realloc(j->text, capacity);
        if (text == NULL) {
            return json_fail(j, "out of memory");
        }
        j->text = text;
        j->capacity = capacity;
    }
    j->text[j->length++] = (char)byte;
    j->text[j->length] = '\0';
    return true;
}

static bool append_code_point(struct json *j, uint32_t c)
{
    if (c < 0x80) {
        return append(j, (int)c);
    }
    if (c < 0x800) {
        return append(j, (int)(0xc0 | c >> 6)) && append(j, (int)(0x80 | (c & 0x3f)));
    }
    if (c < 0x10000) {
        return append(j, (int)(0xe0 | c >> 12)) && append(j, (int)(0x80 | (c >> 6 & 0x3f))) &&
               append(j, (int)(0x80 | (c & 0x3f)));
    }
    return append(j, (int)(0xf0 | c >> 18)) && append(j, (int)(0x80 | (c >> 12 & 0x3f))) &&
           append(j, (int)(0x80 | (c >> 6 & 0x3f))) && append(j, (int)(0x80 | (c & 0x3f)));
}

/* ---- Values (RFC 8259). ---- */

static bool hex4(struct json *j, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const int c = next(j);
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *at = c > 0 ? strchr(digits, c) : NULL;
        if (at == NULL) {
            return json_fail(j, "four hexadecimal digits expected after \\u");
        }
        *unit = *unit << 4 | (uint32_t)((at - digits) & 15);
    }
    return true;
}

/* Behind the opening quote; the text is left in j->text. A surrogate that is not half of a pair
 * becomes U+FFFD, the replacement character. */
bool json_string(struct json *j)
{
    uint32_t high = 0; /* half of a pair that waits for the other */
    j->length = 0;
    for (;;) {
        int c = next(j);
        const bool escaped = c == '\\';
        if (escaped && (c = next(j)) == 'u') {
            uint32_t unit;
            if (!hex4(j, &unit)) {
                return false;
            }
            const bool is_high = unit >= 0xd800 && unit < 0xdc00,
                       is_low = unit >= 0xdc00 && unit < 0xe000;
            const bool pair = high != 0 && is_low;
            if (high != 0 &&
                !append_code_point(j, pair ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00)
                                           : 0xfffd)) {
                return false;
            }
            high = is_high ? unit : 0;
            if (!pair && !is_high && !append_code_point(j, is_low ? 0xfffd : unit)) {
                return false;
            }
            continue;
        }
        if (high != 0 && !append_code_point(j, 0xfffd)) {
            return false;
        }
        high = 0;
        if (c == '"' && !escaped) {
            return j->skipping || (append(j, '\0') && j->length--); /* never NULL, and terminated */
        }
        if (c == EOF || c < 0x20) {
            return json_fail(j,
                             c == EOF ? "ends inside a string" : "control character in a string");
        }
        if (escaped) {
            const char *escapes = "\"\\/bfnrt", *meanings = "\"\\/\b\f\n\r\t";
            const char *at = strchr(escapes, c);
            if (at == NULL) {
                return json_fail(j, "unknown escape");
            }
            c = meanings[at - escapes];
        }
        if (!append(j, c)) {
            return false;
        }
    }
}

static bool word(struct json *j, const char *rest)
{
    for (; *rest != '\0'; rest++) {
        if (next(j) != *rest) {
            return json_fail(j, "a JSON value expected");
        }
    }
    return true;
}

static bool digits(struct json *j)
{
    int c = next(j), n = 0;
    for (; c >= '0' && c <= '9'; c = next(j)) {
        n = 1;
    }
    put_back(j, c);
    return n || json_fail(j, "a digit expected");
}

/* Behind its first character. */
static bool number(struct json *j, int c)
{
    if (c == '-') {
        c = next(j);
    }
    if (c < '0' || c > '9') {
        return json_fail(j, "a JSON value expected");
    }
    if (c != '0') {
        put_back(j, c);
        if (!digits(j)) {
            return false;
        }
    }
    c = next(j);
    if (c == '.') {
        if (!digits(j)) {
            return false;
        }
        c = next(j);
    }
    if (c == 'e' || c == 'E') {
        c = next(j);
        if (c != '+' && c != '-') {
            put_back(j, c);
        }
        return digits(j);
    }
    put_back(j, c);
    return true;
}

static bool skip_value(struct json *j, int depth);

/* Behind '{' or '['. */
static bool skip_members(struct json *j, char close, int depth)
{
    if (depth == JSON_MAX_DEPTH) {
        return json_fail(j, "nested more than %d deep", JSON_MAX_DEPTH);
    }
    if (json_peek(j) == close) {
        return json_expect(j, close);
    }
    for (;;) {
        if (close == '}' && !(json_expect(j, '"') && json_string(j) && json_expect(j, ':'))) {
            return false;
        }
        if (!skip_value(j, depth + 1)) {
            return false;
        }
        if (json_peek(j) == close) {
            return json_expect(j, close);
        }
        if (!json_expect(j, ',')) {
            return false;
        }
    }
}

static bool skip_value(struct json *j, int depth)
{
    const int c = json_next(j);
    switch (c) {
    case '"': return json_string(j);
    case '{': return skip_members(j, '}', depth);
    case '[': return skip_members(j, ']', depth);
    case 't': return word(j, "rue");
    case 'f': return word(j, "alse");
    case 'n': return word(j, "ull");
    default: return number(j, c);
    }
}

bool json_skip_value(struct json *j, int depth)
{
    j->skipping = true;
    const bool ok = skip_value(j, depth);
    j->skipping = false;
    return ok;
}
