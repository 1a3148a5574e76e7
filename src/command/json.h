/* The values of a JSON text (RFC 8259), scanned one after another without being kept. */
#ifndef ENT_JSON_H
#define ENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_MAX_DEPTH 64
#define JSON_MAX_STRING ((size_t)1 << 20) /* bytes of a string that is kept */

struct json {
    FILE *file;
    uint64_t line; /* for messages */
    bool skipping; /* strings are not kept */
    char *text;    /* the last string, UTF-8; it may hold a NUL */
    size_t length, capacity;
    char error[192]; /* empty while all is well */
};

/* Notes what is wrong, with the line, unless something already was. False. */
bool json_fail(struct json *j, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next character that is not white space: taken, or left there. EOF at the end. */
int json_next(struct json *j);
int json_peek(struct json *j);

/* Takes the next character that is not white space, which must be this one. */
bool json_expect(struct json *j, char wanted);

/* The rest of a string whose opening quote has been taken; leaves it in j->text. */
bool json_string(struct json *j);

/* A whole value, of which `depth` others are the parents. */
bool json_skip_value(struct json *j, int depth);

#endif
