#define _POSIX_C_SOURCE 200809L /* open with O_CLOEXEC, fstat */
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HEADER ((size_t)1 << 20)

bool npy_fail(npy *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(f->error, sizeof f->error, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Bytes from a file that may be a pipe. ---- */

/* How many could be read: less than n only at the end of the file; -1 on an error. */
static ssize_t read_fully(int fd, void *buffer, size_t n)
{
    size_t got = 0;
    while (got < n) {
        const ssize_t k = read(fd, (char *)buffer + got, n - got);
        if (k < 0 && errno == EINTR) {
            continue;
        }
        if (k < 0) {
            return -1;
        }
        if (k == 0) {
            break;
        }
        got += (size_t)k;
    }
    return (ssize_t)got;
}

static bool expect(npy *f, void *buffer, size_t n, const char *what)
{
    const ssize_t got = read_fully(f->fd, buffer, n);
    if (got < 0) {
        return npy_fail(f, "cannot be read: %s", strerror(errno));
    }
    if ((size_t)got < n) {
        return npy_fail(f, "ends inside its %s", what);
    }
    f->data += (off_t)n;
    return true;
}

/* ---- Opening. ---- */

static bool read_header(npy *f)
{
    unsigned char start[8], length[4] = {0};
    const ssize_t got = read_fully(f->fd, start, sizeof start);
    if (got < 0) {
        return npy_fail(f, "cannot be read: %s", strerror(errno));
    }
    if (got < 8 || memcmp(start, "\x93NUMPY", 6) != 0) {
        return npy_fail(f, "not a .npy file");
    }
    f->data = 8;
    if (start[6] < 1 || start[6] > 3 || start[7] != 0) {
        return npy_fail(f, ".npy format %d.%d is not known; 1.0, 2.0 and 3.0 are", start[6],
                        start[7]);
    }
    if (!expect(f, length, start[6] == 1 ? 2 : 4, "header")) {
        return false;
    }
    const size_t n =
        length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (n > MAX_HEADER) {
        return npy_fail(f, "its header claims %zu bytes; at most %zu are read", n, MAX_HEADER);
    }
    char *text = malloc(n + 1);
    if (text == NULL) {
        return npy_fail(f, "out of memory");
    }
    bool ok = expect(f, text, n, "header");
    const char *wrong = ok ? npy_parse_header(&f->header, text, n) : NULL;
    ok = ok && (wrong == NULL || npy_fail(f, "%s", wrong));
    free(text);
    return ok;
}

static bool check_dtype(npy *f, const char *const *dtypes, const char *expected)
{
    const char *dtype = f->header.dtype;
    for (; *dtypes != NULL; dtypes++) {
        if (strcmp(dtype, *dtypes) == 0) {
            f->size = (size_t)(dtype[2] - '0');
            return true;
        }
    }
    return npy_fail(f, "dtype %s: %s%s", dtype,
                    dtype[0] == '>'            ? "big-endian; "
                    : strcmp(dtype, "|O") == 0 ? "Python objects; "
                                               : "",
                    expected);
}

static bool check_shape(npy *f)
{
    if (f->header.fortran && f->header.rank > 1) {
        return npy_fail(f, "in Fortran order; only C order is read");
    }
    f->count = 1;
    for (int i = 0; i < f->header.rank; i++) {
        const size_t n = f->header.shape[i];
        if (n == 0) {
            return npy_fail(f, "an empty array");
        }
        if (n > (size_t)PTRDIFF_MAX / f->size / f->count) {
            return npy_fail(f, "its header claims more bytes than any file has");
        }
        f->count *= n;
    }
    return true;
}

static bool wrong_size(npy *f, uint64_t there)
{
    const uint64_t claimed = f->count * f->size;
    return npy_fail(f, "%sits header claims %llu bytes of data, and there are %llu",
                    there < claimed ? "truncated: " : "", (unsigned long long)claimed,
                    (unsigned long long)there);
}

static bool check_size(npy *f, const struct stat *st)
{
    const uint64_t there = st->st_size > f->data ? (uint64_t)(st->st_size - f->data) : 0;
    return there == f->count * f->size || wrong_size(f, there);
}

bool npy_open(npy *f, const char *path, const char *const *dtypes, const char *expected)
{
    const bool standard_input = strcmp(path, "-") == 0;
    *f = (npy){.name = standard_input ? "standard input" : path};
    f->fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0) {
        return npy_fail(f, "cannot be opened: %s", strerror(errno));
    }
    struct stat st;
    bool ok = fstat(f->fd, &st) == 0 || npy_fail(f, "cannot be read: %s", strerror(errno));
    ok = ok && (!S_ISDIR(st.st_mode) || npy_fail(f, "is a directory"));
    ok = ok && read_header(f) && check_dtype(f, dtypes, expected) && check_shape(f);
    /* Standard input may be a file that somebody has read from: where its data starts is then not
     * known. */
    const bool whole_file =
        ok && S_ISREG(st.st_mode) && (!standard_input || lseek(f->fd, 0, SEEK_CUR) == f->data);
    ok = ok && (!whole_file || check_size(f, &st));
    f->mapped = whole_file && f->data % (off_t)f->size == 0;
    if (!ok) {
        npy_close(f);
    }
    return ok;
}

void npy_close(npy *f)
{
    mapping_end(&f->mapping);
    free(f->buffer);
    f->buffer = NULL;
    if (f->fd > STDIN_FILENO) {
        close(f->fd);
    }
    f->fd = -1;
}

/* ---- Reading. ---- */

bool npy_failed(const npy *f)
{
    return f->error[0] != '\0';
}

/* Pages of what was handed out last are gone, or the end of the last one is (it then reads as
 * zeros). */
static bool shrank(const npy *f)
{
    struct stat st;
    const off_t end = f->data + (off_t)(f->taken * f->size);
    const bool torn = mapping_was_torn();
    return f->mapping.start != NULL && (torn || fstat(f->fd, &st) != 0 || st.st_size < end);
}

static bool check_last(npy *f)
{
    return !npy_failed(f) && (!shrank(f) || npy_fail(f, "shrank while it was read"));
}

const void *npy_next(npy *f, size_t n)
{
    if (!check_last(f)) {
        return NULL;
    }
    if (f->mapped) {
        const off_t at = f->data + (off_t)(f->taken * f->size);
        f->taken += n;
        const void *data = mapping_move(&f->mapping, f->fd, at, n * f->size);
        if (data == NULL) {
            npy_fail(f, "cannot be mapped: %s", strerror(errno));
        }
        return data;
    }
    if (f->buffer == NULL && (f->buffer = malloc(NPY_WINDOW)) == NULL) {
        npy_fail(f, "out of memory");
        return NULL;
    }
    return npy_read(f, f->buffer, n) ? f->buffer : NULL;
}

bool npy_read(npy *f, void *buffer, size_t n)
{
    const ssize_t got = read_fully(f->fd, buffer, n * f->size);
    if (got < 0) {
        return npy_fail(f, "cannot be read: %s", strerror(errno));
    }
    if ((size_t)got < n * f->size) {
        return wrong_size(f, f->taken * f->size + (uint64_t)got);
    }
    f->taken += n;
    return true;
}

bool npy_rewind(npy *f)
{
    if (lseek(f->fd, -(off_t)(f->taken * f->size), SEEK_CUR) < 0) {
        return npy_fail(f, "cannot be read a second time: %s", strerror(errno));
    }
    f->taken = 0;
    return true;
}

bool npy_end(npy *f)
{
    char byte;
    if (!check_last(f)) {
        return false;
    }
    const ssize_t got = f->mapping.start != NULL ? 0 : read_fully(f->fd, &byte, 1);
    return got == 0 ||
           (got < 0 ? npy_fail(f, "cannot be read: %s", strerror(errno))
                    : npy_fail(f, "goes on behind the %llu bytes that its header claims",
                               (unsigned long long)(f->count * f->size)));
}
