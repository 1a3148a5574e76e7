#include "npy_header.h"

#include <stdint.h>
#include <string.h>

/* The dictionary is a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 5,
 * 49152), }. */
typedef struct scanner {
    const char *p, *end;
} scanner;

static void skip_space(scanner *s)
{
    while (s->p < s->end && strchr(" \t\r\n", *s->p) != NULL && *s->p != '\0') {
        s->p++;
    }
}

static bool accept(scanner *s, const char *word)
{
    skip_space(s);
    const size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) {
        return false;
    }
    s->p += n;
    return true;
}

/* A quoted string without escapes, of printable characters. */
static bool accept_string(scanner *s, char *text, size_t size)
{
    skip_space(s);
    if (s->p == s->end || (*s->p != '\'' && *s->p != '"')) {
        return false;
    }
    const char quote = *s->p;
    const char *start = s->p + 1;
    const char *stop = memchr(start, quote, (size_t)(s->end - start));
    if (stop == NULL || (size_t)(stop - start) >= size) {
        return false;
    }
    for (const char *c = start; c < stop; c++) {
        if (*c < ' ' || *c > '~') {
            return false;
        }
    }
    memcpy(text, start, (size_t)(stop - start));
    text[stop - start] = '\0';
    s->p = stop + 1;
    return true;
}

static bool accept_size(scanner *s, size_t *n)
{
    skip_space(s);
    const char *start = s->p;
    *n = 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        const size_t digit = (size_t)(*s->p - '0');
        if (*n > (SIZE_MAX - digit) / 10) {
            return false;
        }
        *n = *n * 10 + digit;
    }
    return s->p > start;
}

static const char *parse_shape(scanner *s, npy_header *header)
{
    if (!accept(s, "(")) {
        return "the shape in its header is not a tuple";
    }
    header->rank = 0;
    while (!accept(s, ")")) {
        size_t n;
        if (!accept_size(s, &n)) {
            return "the shape in its header is not a tuple of sizes";
        }
        if (header->rank == NPY_MAX_RANK) {
            return "the shape in its header has more than 64 dimensions";
        }
        header->shape[header->rank++] = n;
        accept(s, "L"); /* a long of Python 2 */
        if (!accept(s, ",") && (header->rank == 1 || !(s->p < s->end && *s->p == ')'))) {
            return "the shape in its header is not a tuple of sizes";
        }
    }
    return NULL;
}

const char *npy_parse_header(npy_header *header, const char *text, size_t n)
{
    scanner s = {text, text + n};
    bool has_dtype = false, has_order = false, has_shape = false;
    *header = (npy_header){0};
    if (!accept(&s, "{")) {
        return "its header is not a dictionary";
    }
    while (!accept(&s, "}")) {
        char key[32];
        const char *wrong = NULL;
        if (!accept_string(&s, key, sizeof key) || !accept(&s, ":")) {
            return "its header is not a dictionary of descr, fortran_order and shape";
        }
        if (strcmp(key, "descr") == 0 && !has_dtype) {
            has_dtype = true;
            if (!accept_string(&s, header->dtype, sizeof header->dtype)) {
                return s.p < s.end && *s.p == '[' ? "an array of records"
                                                  : "descr in its header is not a dtype";
            }
        } else if (strcmp(key, "fortran_order") == 0 && !has_order) {
            has_order = true;
            header->fortran = accept(&s, "True");
            if (!header->fortran && !accept(&s, "False")) {
                return "fortran_order in its header is neither True nor False";
            }
        } else if (strcmp(key, "shape") == 0 && !has_shape) {
            has_shape = true;
            wrong = parse_shape(&s, header);
        } else {
            return "its header has a key that is unknown or there twice";
        }
        if (wrong != NULL) {
            return wrong;
        }
        if (!accept(&s, ",") && !(s.p < s.end && *s.p == '}')) {
            return "its header is not a dictionary of descr, fortran_order and shape";
        }
    }
    skip_space(&s);
    if (s.p != s.end) {
        return "its header goes on behind its dictionary";
    }
    if (!has_dtype || !has_order || !has_shape) {
        return "its header lacks descr, fortran_order or shape";
    }
    return NULL;
}
