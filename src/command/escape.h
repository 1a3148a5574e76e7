/* Texts as they may be printed: to a terminal, which must not take them for commands, and into
 * JSON, CSV and HTML. */
#ifndef ENT_ESCAPE_H
#define ENT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* In quotes; control characters and bytes that are not UTF-8 as C escapes. */
void print_quoted(FILE *file, const char *text, size_t n);

/* The name of a file, control characters as C escapes; '' where it is empty. */
void print_name(FILE *file, const char *name);

/* As the text of an HTML element or the value of an attribute; escapes as above. */
void print_html(FILE *file, const char *text, size_t n);

/* As the content of an HTML element: the escapes are elements <i>, and an arrow stands where a line
 * ends. */
void print_html_token(FILE *file, const char *text, size_t n);

/* As a JSON string; bytes that are not UTF-8 become U+FFFD. */
void print_json_string(FILE *file, const char *text, size_t n);

/* As a CSV field (RFC 4180). */
void print_csv_field(FILE *file, const char *text, size_t n);

#endif
