#define _GNU_SOURCE /* wait4 */
#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int enter_directory(int argc, char **argv)
{
    if (argc != 3 || setenv("entropy", argv[1], 1) != 0 ||
        (mkdir(argv[2], 0777) != 0 && errno != EEXIST) || chdir(argv[2]) != 0) {
        fprintf(stderr, "usage: %s COMMAND DIRECTORY\n", argv[0]);
        return 2;
    }
    return 0;
}

/* ---- Running it. ---- */

outcome last;

char *whole_of(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    const size_t n = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, n, f), n);
    text[n] = '\0';
    fclose(f);
    return text;
}

outcome shell(const char *line)
{
    const pid_t child = fork();
    if (child == 0) {
        if (freopen("stdout.txt", "w", stdout) && freopen("stderr.txt", "w", stderr)) {
            execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        }
        _exit(127);
    }
    struct rusage usage;
    int status;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    free(last.out);
    free(last.error);
    last.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    last.peak_kilobytes = usage.ru_maxrss;
    last.out = whole_of("stdout.txt");
    last.error = whole_of("stderr.txt");
    return last;
}

size_t lines_of(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

void expect_complaint(const char *line, int status, const char *name, const char *what)
{
    const outcome o = shell(line);
    check(o.status == status, "%s: exit status %d, not %d; %s", line, o.status, status, o.error);
    check(o.out[0] == '\0', "%s: printed %s", line, o.out);
    check(lines_of(o.error) == 1 && strstr(o.error, name) && strstr(o.error, what),
          "%s: complained in these words: %s", line, o.error);
}

double number_of(const char *key, int n)
{
    const char *p = last.out;
    for (; n >= 0; n--) {
        p = strstr(p, key);
        check(p != NULL, "no %s in %s", key, last.out);
        p = p != NULL ? p + strlen(key) : "";
    }
    return strncmp(p, " null", 5) == 0 ? NAN : strtod(p, NULL);
}

/* ---- Files. ---- */

void write_file(const char *path, const char *header, size_t header_size, const void *data,
                size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(header, 1, header_size, f), header_size);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

void write_npy(const char *path, int major, const char *dictionary, bool aligned, const void *data,
               size_t size)
{
    char header[512] = "\x93NUMPY";
    const size_t start = major == 1 ? 10 : 12, length = strlen(dictionary);
    const size_t end = aligned ? (start + length + 1 + 63) / 64 * 64 : (start + length + 1) | 1;
    header[6] = (char)major;
    header[8] = (char)((end - start) & 0xff);
    header[9] = (char)((end - start) >> 8);
    memset(header + start, ' ', end - start);
    memcpy(header + start, dictionary, length);
    header[end - 1] = '\n';
    write_file(path, header, end, data, size);
}

void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text), "", 0);
}

void write_array(const char *path, const char *dtype, const char *shape, const void *data,
                 size_t size)
{
    char dictionary[256];
    snprintf(dictionary, sizeof dictionary,
             "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, shape);
    write_npy(path, 1, dictionary, true, data, size);
}

void write_zeros(const char *path, const char *dtype, const char *shape, size_t size)
{
    struct stat st;
    write_array(path, dtype, shape, "", 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size + (off_t)size), 0);
}
