#include "escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The code point at text[0 .. n), n > 0, and how many bytes it takes; 0 bytes where they are not
 * UTF-8 (RFC 3629). */
static size_t decode(const char *text, size_t n, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *b = (const unsigned char *)text;
    const size_t length = b[0] < 0x80       ? 1
                          : b[0] >> 5 == 6  ? 2
                          : b[0] >> 4 == 14 ? 3
                          : b[0] >> 3 == 30 ? 4
                                            : 0;
    if (length == 0 || length > n) {
        return 0;
    }
    uint32_t c = length == 1 ? b[0] : b[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (b[i] >> 6 != 2) {
            return 0;
        }
        c = c << 6 | (b[i] & 0x3f);
    }
    *code_point = c;
    return c >= smallest[length] && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000) ? length : 0;
}

/* Takes the next character off a text, n > 0. Returns how many bytes of it may be shown as they
 * are: 0 for a control character, for one that turns the direction of writing, and for a byte that
 * is not UTF-8, of which `escape` is the C escape. */
static size_t take(const char **text, size_t *n, char escape[8])
{
    uint32_t c;
    const char *start = *text;
    const size_t length = decode(start, *n, &c);
    *text += length > 0 ? length : 1;
    *n -= length > 0 ? length : 1;
    const char *named = "\n\r\t", *names = "nrt";
    const char *at = length == 1 && c != 0 ? strchr(named, (int)c) : NULL;
    if (at != NULL) {
        snprintf(escape, 8, "\\%c", names[at - named]);
    } else if (length == 0 || c < 0x20 || c == 0x7f) {
        snprintf(escape, 8, "\\x%02x", (unsigned char)*start);
    } else if ((c >= 0x80 && c < 0xa0) || c == 0x200e || c == 0x200f ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
        snprintf(escape, 8, "\\u%04x", c & 0xffff);
    } else {
        return length;
    }
    return 0;
}

void print_quoted(FILE *file, const char *text, size_t n)
{
    putc('"', file);
    while (n > 0) {
        char escape[8];
        const char *start = text;
        const size_t shown = take(&text, &n, escape);
        if (shown == 1 && (*start == '"' || *start == '\\')) {
            putc('\\', file);
        }
        fwrite(shown > 0 ? start : escape, 1, shown > 0 ? shown : strlen(escape), file);
    }
    putc('"', file);
}

/* HTML's own characters as references, valid in texts and in quoted attributes. */
static void print_markup(FILE *file, const char *text, size_t n)
{
    static const char *const references[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < n; i++) {
        const char *special = "&<>\"'";
        const char *at = text[i] != '\0' ? strchr(special, text[i]) : NULL;
        if (at != NULL) {
            fputs(references[at - special], file);
        } else {
            putc(text[i], file);
        }
    }
}

void print_html(FILE *file, const char *text, size_t n)
{
    while (n > 0) {
        char escape[8];
        const char *start = text;
        const size_t shown = take(&text, &n, escape);
        print_markup(file, shown > 0 ? start : escape, shown > 0 ? shown : strlen(escape));
    }
}

void print_html_token(FILE *file, const char *text, size_t n)
{
    while (n > 0) {
        char escape[8];
        const char *start = text;
        const size_t shown = take(&text, &n, escape);
        if (shown > 0) {
            print_markup(file, start, shown);
        } else if (*start == '\n') {
            fputs("<i>\u21b5</i>\n", file); /* an arrow, as on the key, and the end of the line */
        } else {
            fprintf(file, "<i>%s</i>", escape);
        }
    }
}

void print_name(FILE *file, const char *name)
{
    if (*name == '\0') {
        fputs("''", file);
    }
    for (; *name != '\0'; name++) {
        const unsigned char c = (unsigned char)*name;
        if (c < 0x20 || c == 0x7f) {
            fprintf(file, "\\x%02x", c);
        } else {
            putc(c, file);
        }
    }
}

void print_json_string(FILE *file, const char *text, size_t n)
{
    putc('"', file);
    while (n > 0) {
        uint32_t c;
        size_t length = decode(text, n, &c);
        if (length == 0) {
            fputs("\xef\xbf\xbd", file);
            length = 1;
        } else if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            fprintf(file, "\\u%04x", c);
        } else {
            fwrite(text, 1, length, file);
        }
        text += length;
        n -= length;
    }
    putc('"', file);
}

void print_csv_field(FILE *file, const char *text, size_t n)
{
    putc('"', file);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') {
            putc('"', file);
        }
        putc(text[i], file);
    }
    putc('"', file);
}
