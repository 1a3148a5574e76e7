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

#include "../../kernels/kernels.h"
#include "npy_header.h"

#define MAX_HEADER ((size_t)1 << 20)

_Static_assert(NPY_WINDOW / sizeof(float) % ENT_BLOCK == 0, "pieces of a row are whole blocks");

static bool fail(npy *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(npy *f, const char *format, ...)
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
        return fail(f, "cannot be read: %s", strerror(errno));
    }
    if ((size_t)got < n) {
        return fail(f, "ends inside its %s", what);
    }
    f->at += (off_t)n;
    return true;
}

/* ---- Opening. ---- */

static bool read_header(npy *f, npy_header *header)
{
    unsigned char start[8], length[4] = {0};
    const ssize_t got = read_fully(f->fd, start, sizeof start);
    if (got < 0) {
        return fail(f, "cannot be read: %s", strerror(errno));
    }
    if (got < 8 || memcmp(start, "\x93NUMPY", 6) != 0) {
        return fail(f, "not a .npy file");
    }
    f->at = 8;
    if (start[6] < 1 || start[6] > 3 || start[7] != 0) {
        return fail(f, ".npy format %d.%d is not known; 1.0, 2.0 and 3.0 are", start[6], start[7]);
    }
    if (!expect(f, length, start[6] == 1 ? 2 : 4, "header")) {
        return false;
    }
    const size_t n =
        length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (n > MAX_HEADER) {
        return fail(f, "its header claims %zu bytes; at most %zu are read", n, MAX_HEADER);
    }
    char *text = malloc(n + 1);
    if (text == NULL) {
        return fail(f, "out of memory");
    }
    const char *wrong = NULL;
    bool ok = expect(f, text, n, "header");
    if (ok && (wrong = npy_parse_header(header, text, n)) != NULL) {
        ok = header->wrong_dtype ? fail(f, "dtype %s: %s", header->dtype, wrong)
                                 : fail(f, "%s", wrong);
    }
    free(text);
    return ok;
}

static bool take_shape(npy *f, const npy_header *header)
{
    size_t bytes = sizeof(float);
    for (int i = 0; i < header->rank; i++) {
        if (header->shape[i] == 0) {
            return fail(f, "an empty array");
        }
        if (header->shape[i] > (size_t)PTRDIFF_MAX / bytes) {
            return fail(f, "its header claims more bytes than any file has");
        }
        bytes *= header->shape[i];
    }
    const size_t *last = header->shape + header->rank - 1;
    f->rank = header->rank;
    f->vocab = last[0];
    f->seq = f->rank > 1 ? last[-1] : 1;
    f->batch = f->rank > 2 ? last[-2] : 1;
    f->rows = (uint64_t)f->batch * f->seq;
    return true;
}

static bool check_size(npy *f, const struct stat *st)
{
    const uint64_t claimed = f->rows * f->vocab * sizeof(float),
                   there = st->st_size > f->at ? (uint64_t)(st->st_size - f->at) : 0;
    if (there < claimed) {
        return fail(f, "truncated: its header claims %llu bytes of data, and there are %llu",
                    (unsigned long long)claimed, (unsigned long long)there);
    }
    if (there > claimed) {
        return fail(f, "its header claims %llu bytes of data, and there are %llu",
                    (unsigned long long)claimed, (unsigned long long)there);
    }
    return true;
}

bool npy_open(npy *f, const char *path)
{
    const bool standard_input = strcmp(path, "-") == 0;
    *f = (npy){.name = standard_input ? "standard input" : path};
    f->fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0) {
        return fail(f, "cannot be opened: %s", strerror(errno));
    }
    struct stat st;
    npy_header header;
    bool ok = fstat(f->fd, &st) == 0 || fail(f, "cannot be read: %s", strerror(errno));
    ok = ok && (!S_ISDIR(st.st_mode) || fail(f, "is a directory"));
    ok = ok && read_header(f, &header) && take_shape(f, &header);
    /* Standard input may be a file that somebody has read from: where its data starts is then not
     * known. */
    const bool whole_file =
        ok && S_ISREG(st.st_mode) && (!standard_input || lseek(f->fd, 0, SEEK_CUR) == f->at);
    ok = ok && (!whole_file || check_size(f, &st));
    f->mapped = whole_file && f->at % (off_t)sizeof(float) == 0;
    if (ok && !f->mapped) {
        f->buffer = malloc(NPY_WINDOW);
        ok = f->buffer != NULL || fail(f, "out of memory");
    }
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

/* The logits to hand out next: as many whole rows as the window holds, or a piece of one. */
static size_t next_count(const npy *f)
{
    const size_t room = NPY_WINDOW / sizeof(float), left = f->vocab - f->whole;
    if (f->vocab > room) {
        return left < room ? left : room;
    }
    const uint64_t rows = f->rows - f->row, fit = room / f->vocab;
    return (size_t)(rows < fit ? rows : fit) * f->vocab;
}

static const void *map_next(npy *f, size_t bytes)
{
    const void *data = mapping_move(&f->mapping, f->fd, f->at, bytes);
    if (data == NULL) {
        fail(f, "cannot be mapped: %s", strerror(errno));
    }
    return data;
}

static const void *read_next(npy *f, size_t bytes)
{
    const ssize_t got = read_fully(f->fd, f->buffer, bytes);
    if (got < 0) {
        fail(f, "cannot be read: %s", strerror(errno));
    } else if ((size_t)got < bytes) {
        fail(f, "truncated: its header claims %llu rows, and the data ends in row %llu",
             (unsigned long long)f->rows,
             (unsigned long long)(f->row + (uint64_t)got / (f->vocab * sizeof(float))));
    }
    return npy_failed(f) ? NULL : f->buffer;
}

/* Nothing may follow the array. */
static void check_end(npy *f)
{
    char byte;
    const ssize_t got = f->mapped ? 0 : read_fully(f->fd, &byte, 1);
    if (got < 0) {
        fail(f, "cannot be read: %s", strerror(errno));
    } else if (got > 0) {
        fail(f, "goes on behind the %llu rows that its header claims", (unsigned long long)f->rows);
    }
}

/* What was handed out last was not all there: pages are gone, or the end of the last one is (it
 * then reads as zeros). */
static bool shrank(const npy *f)
{
    struct stat st;
    const bool torn = mapping_was_torn();
    return f->mapped && (torn || fstat(f->fd, &st) != 0 || st.st_size < f->at);
}

size_t npy_next(npy *f, const float **logits)
{
    if (shrank(f)) {
        fail(f, "shrank while it was read");
    }
    if (npy_failed(f)) {
        return 0;
    }
    if (f->row == f->rows) {
        check_end(f);
        return 0;
    }
    const size_t n = next_count(f), bytes = n * sizeof(float);
    *logits = f->mapped ? map_next(f, bytes) : read_next(f, bytes);
    if (npy_failed(f)) {
        return 0;
    }
    f->at += (off_t)bytes;
    f->whole += n;
    f->row += f->whole / f->vocab;
    f->whole %= f->vocab;
    return n;
}
