/* Running the command as a user runs it, on files that a test has written. */
#ifndef COMMAND_H
#define COMMAND_H

#include "suite.h"

/* Of a test program that is given the command and a directory to work in: goes there. What main
 * returns if that fails; 0. */
int enter_directory(int argc, char **argv);

typedef struct outcome {
    int status; /* exit status, or 128 + signal */
    long peak_kilobytes;
    char *out, *error; /* what it printed; both are freed by the next run */
} outcome;

extern outcome last;

/* Runs a shell command line in which $entropy is the command. */
outcome shell(const char *line);

/* Before a command: not merely what is resident, of which the memory of the test would be a part.
 */
#define IN_64_MB "ulimit -v 65536; exec "

/* One clear line that names the file and what was wrong, and nothing on standard output. */
void expect_complaint(const char *line, int status, const char *name, const char *what);

/* The nth number behind a key of the JSON that was printed; NaN for null. */
double number_of(const char *key, int n);

size_t lines_of(const char *text);

/* ---- Files. ---- */

/* What is in it, terminated; the caller frees it. */
char *whole_of(const char *path);

void write_file(const char *path, const char *header, size_t header_size, const void *data,
                size_t size);
void write_text(const char *path, const char *text);

/* A file of format `major`.0 with this dictionary; padded so that the data starts at a multiple of
 * 64 if `aligned`. */
void write_npy(const char *path, int major, const char *dictionary, bool aligned, const void *data,
               size_t size);

/* A file of format 1.0: a dtype and a shape as NumPy writes them, "<f4" and "2, 3". */
void write_array(const char *path, const char *dtype, const char *shape, const void *data,
                 size_t size);

/* The same, with `size` bytes of nothing: sparse, and zeros. */
void write_zeros(const char *path, const char *dtype, const char *shape, size_t size);

#endif
