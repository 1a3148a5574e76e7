/* The reader of .npy files, on any bytes: as a file, as a pipe, as standard input, and as a file
 * that shrinks while it is read. What it hands out must be what is in the file. */
#define _GNU_SOURCE /* memfd_create, pipe2 */
#include "npy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"

enum { MOST = 60000, FILE_PATH = 0, PIPE_PATH, STANDARD_INPUT, SHRINKING };

static const char *const lists[][4] = {
    {"<f4", "<f2", NULL}, {"<u2", NULL}, {"|b1", "|u1", NULL}, {"<i8", "<i4", NULL}};

static uint8_t bytes[MOST];
static size_t size;

/* What a header that is written as it should be says. */
static struct {
    bool known, readable; /* it was; such an array is read */
    npy_header header;
} meant;

static void put(const void *from, size_t n)
{
    n = n < MOST - size ? n : MOST - size;
    memcpy(bytes + size, from, n);
    size += n;
}

static void put_header(unsigned version, const char *text, size_t n)
{
    const uint8_t length[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), 0};
    const uint8_t format[2] = {(uint8_t)version, 0};
    put("\x93NUMPY", 6);
    put(format, 2);
    put(length, version == 1 ? 2 : 4);
    put(text, n);
}

/* An array whose header is right, with data of the right length or a few bytes off. */
static void write_array(input *in, unsigned list)
{
    static const char *const dtypes[] = {"<f4", "<f2", "<u2", "|b1", "|u1", "<i8",
                                         "<i4", ">f4", "|O",  "<f8", "<c16"};
    static const size_t sizes[] = {4, 2, 2, 1, 1, 8, 4, 4, 8, 8, 16};
    char text[300];
    npy_header *h = &meant.header;
    const unsigned dtype = take_below(in, 11), style = take8(in);
    h->rank = (int)take_below(in, 5);
    h->fortran = style >= 240;
    strcpy(h->dtype, dtypes[dtype]);
    size_t count = 1, n;
    n = (size_t)snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': %s, 'shape': (",
                         h->dtype, h->fortran ? "True" : "False");
    for (int i = 0; i < h->rank; i++) {
        h->shape[i] = take_below(in, i == 0 ? 256 : 6);
        count *= h->shape[i];
        n += (size_t)snprintf(text + n, sizeof text - n, i == 0 ? "%zu," : " %zu,", h->shape[i]);
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    const size_t start = style & 1 ? 10 : 12,
                 spaces = style & 2 ? 63 - (start + n) % 64 : style % 7;
    memset(text + n, ' ', spaces);
    text[n + spaces] = '\n';
    put_header(style & 1 ? 1 : 2 + (style >> 2) % 2, text, n + spaces + 1);
    bool listed = false;
    for (const char *const *d = lists[list]; *d != NULL; d++) {
        listed = listed || strcmp(*d, h->dtype) == 0;
    }
    const size_t off = take_below(in, 8), right = count * sizes[dtype];
    const size_t n_data = off < 6 ? right : off == 6 ? right + 1 + take8(in) : right - right / 3;
    meant.known = true;
    meant.readable = listed && count > 0 && !(h->fortran && h->rank > 1) && n_data == right &&
                     size + n_data <= MOST;
    for (size_t i = 0; i < n_data && size < MOST; i++) {
        bytes[size++] = (uint8_t)(i * 37 + i / 256);
    }
}

static void write_bytes(input *in, unsigned list)
{
    size = 0;
    meant.known = meant.readable = false;
    memset(&meant.header, 0, sizeof meant.header);
    const unsigned kind = take_below(in, 3);
    if (kind == 0) {
        put(in->at, input_left(in));
    } else if (kind == 1) { /* a dictionary and data of any kind, behind the right length */
        const unsigned version = 1 + take_below(in, 3);
        const size_t most = input_left(in), n = take16(in) % (most + 1);
        const size_t header = n < input_left(in) ? n : input_left(in);
        put_header(version, (const char *)in->at, header);
        put(in->at + header, input_left(in) - header);
    } else {
        write_array(in, list);
    }
}

/* ---- Where it is read from. ---- */

static int memory(void)
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("npy", MFD_CLOEXEC);
    }
    expect(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size &&
               lseek(fd, 0, SEEK_SET) == 0,
           "no file for the harness");
    return fd;
}

static int full_pipe(void)
{
    int ends[2];
    expect(pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], bytes, size) == (ssize_t)size,
           "no pipe for the harness");
    close(ends[1]);
    return ends[0];
}

/* ---- Reading. ---- */

/* Of a file that lost its end, zeros stand for what is gone, and reading must fail. */
static void shrink(npy *f, int fd, size_t taken, const uint8_t *data, size_t n)
{
    const size_t keep = taken / 2;
    expect(ftruncate(fd, (off_t)keep) == 0, "cannot be truncated");
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = (uint8_t)(sum + data[i]);
    expect(!npy_end(f) && npy_failed(f), "shrank, and nobody noticed");
}

static void read_all(npy *f, input *in, unsigned path, int fd)
{
    static uint8_t buffer[NPY_WINDOW];
    const size_t start = (size_t)f->data, claimed = (size_t)f->count * f->size;
    const unsigned style = take8(in);
    bool next = style & 1, rewound = !(style & 2) || next || path == PIPE_PATH;
    const bool whole = start + claimed <= size;
    while (f->taken < f->count) {
        const size_t left = (size_t)(f->count - f->taken), most = NPY_WINDOW / f->size;
        size_t n = style & 4 ? 1 + take8(in) : most;
        n = n < left ? n : left;
        n = n < most ? n : most;
        const size_t at = start + (size_t)f->taken * f->size;
        const uint8_t *data = next ? npy_next(f, n) : npy_read(f, buffer, n) ? buffer : NULL;
        if (data == NULL) {
            expect(npy_failed(f) && !whole, "cannot be read: %s", f->error);
            return;
        }
        expect(at + n * f->size <= size && memcmp(data, bytes + at, n * f->size) == 0,
               "other bytes than the file's at %zu", at);
        if (path == SHRINKING && f->mapped && next) {
            shrink(f, fd, at + n * f->size, data, n * f->size);
            return;
        }
        if (!rewound) {
            rewound = true;
            expect(npy_rewind(f) && f->taken == 0, "cannot be rewound: %s", f->error);
        }
    }
    expect(npy_end(f) == (start + claimed == size), "its end: '%s'", f->error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    input in = {data, data + n};
    const unsigned list = take_below(&in, 4), path = take_below(&in, 4);
    write_bytes(&in, list);
    char name[40] = "-";
    const int fd = path == PIPE_PATH ? full_pipe() : memory();
    if (path == STANDARD_INPUT) {
        expect(dup2(fd, STDIN_FILENO) == STDIN_FILENO, "no standard input for the harness");
    } else {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    }
    npy f;
    const bool ok = npy_open(&f, name, lists[list], "something else is expected");
    expect(ok == !npy_failed(&f) && memchr(f.error, '\0', sizeof f.error) != NULL, "error '%s'",
           f.error);
    expect(!meant.known || path == PIPE_PATH || ok == meant.readable, "%s: '%s'",
           ok ? "accepted" : "refused", f.error);
    if (ok) {
        const npy_header *h = &meant.header;
        expect(!meant.known ||
                   (f.header.rank == h->rank && f.header.fortran == h->fortran &&
                    memcmp(f.header.shape, h->shape, (size_t)h->rank * sizeof *h->shape) == 0 &&
                    strcmp(f.header.dtype, h->dtype) == 0),
               "another header");
        read_all(&f, &in, path, fd);
        npy_close(&f);
    }
    if (path == PIPE_PATH) {
        close(fd);
    }
    return 0;
}
