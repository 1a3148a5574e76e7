#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "command.h"

/* ---- Files. ---- */

static const char *const names[] = {"a.npy", "b.npy", "mask.npy", "targets.npy", "tokens.json"};
enum { A, B, MASK, TARGETS, TOKENS };

static void write_file(const char *name, const void *start, size_t n, const void *more,
                       size_t n_more)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    expect(fd >= 0 && write(fd, start, n) == (ssize_t)n &&
               write(fd, more, n_more) == (ssize_t)n_more && close(fd) == 0,
           "no file for the harness");
}

typedef struct shape {
    unsigned rank, batch, seq, vocab;
} shape;

/* An array, of which data is taken from the input and repeated. */
static void write_array(const char *name, const char *dtype, size_t size, const char *dimensions,
                        size_t count, input *in)
{
    static uint8_t data[32768];
    char header[200] = "\x93NUMPY\1";
    uint8_t raw[64];
    const int n =
        snprintf(header + 10, sizeof header - 10,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, dimensions);
    const size_t end = (take8(in) & 1) ? 128 : (size_t)n + 11; /* the data aligned or not */
    memset(header + 10 + n, ' ', end - 10 - (size_t)n);
    header[end - 1] = '\n';
    header[8] = (char)(end - 10);
    const size_t period = 1 + take_below(in, sizeof raw / 8), off = take_below(in, 16);
    take_bytes(in, raw, period * size);
    size_t bytes = count * size < sizeof data ? count * size : sizeof data;
    for (size_t i = 0; i < bytes; i++) data[i] = raw[i % (period * size)];
    bytes += off == 15 && bytes < sizeof data ? 1 : 0;
    bytes -= off == 14 && bytes > 0 ? 1 : 0;
    write_file(name, header, end, data, bytes);
}

static void write_logits(const char *name, shape s, unsigned dtype, input *in)
{
    static const char *const dtypes[] = {"<f4", "<f2", "<u2", "<f8"};
    static const size_t sizes[] = {4, 2, 2, 8};
    char dimensions[60];
    const size_t count = (size_t)s.vocab * (s.rank > 1 ? s.seq : 1) * (s.rank > 2 ? s.batch : 1);
    const char *const formats[] = {"%3$u,", "%2$u, %3$u", "%1$u, %2$u, %3$u",
                                   "1, %1$u, %2$u, %3$u"};
    snprintf(dimensions, sizeof dimensions, formats[s.rank - 1], s.batch, s.seq, s.vocab);
    write_array(name, dtypes[dtype], sizes[dtype], dimensions, count, in);
}

/* For all rows, or for each of them; bool or uint8; or of another shape. */
static void write_mask(shape s, input *in)
{
    char dimensions[60];
    const unsigned kind = take_below(in, 8);
    const size_t count = (size_t)s.vocab * (s.rank > 1 ? s.seq : 1) * (s.rank > 2 ? s.batch : 1);
    const bool shared = kind < 4;
    const char *const formats[] = {"%3$u,", "%2$u, %3$u", "%1$u, %2$u, %3$u",
                                   "%1$u, %2$u, %3$u, 1"};
    snprintf(dimensions, sizeof dimensions, formats[shared ? 0 : s.rank - 1], s.batch, s.seq,
             s.vocab + (kind == 7));
    write_array(names[MASK], kind & 1 ? "|u1" : "|b1", 1, dimensions, shared ? s.vocab : count, in);
}

static void write_targets(shape s, input *in)
{
    char dimensions[40];
    const unsigned kind = take_below(in, 8),
                   rows = (s.rank > 1 ? s.seq : 1) * (s.rank > 2 ? s.batch : 1);
    snprintf(dimensions, sizeof dimensions, "%u,", rows + (kind == 7));
    int64_t values[4];
    for (int i = 0; i < 4; i++) values[i] = take8(in) % (s.vocab + 1) - 1;
    uint8_t bytes[35] = {0};
    bytes[1] = 3; /* the period of write_array: these numbers */
    if (kind & 1) {
        for (int i = 0; i < 4; i++) memcpy(bytes + 3 + 4 * i, &(int32_t){(int32_t)values[i]}, 4);
    } else {
        memcpy(bytes + 3, values, sizeof values);
    }
    if (kind == 6) {
        take_bytes(in, bytes, sizeof bytes);
    }
    input own = {bytes, bytes + sizeof bytes};
    write_array(names[TARGETS], kind & 1 ? "<i4" : "<i8", kind & 1 ? 4 : 8, dimensions,
                rows + (kind == 7), &own);
}

/* As many texts as there are rows, in one of the forms, with any bytes in them; or any text. */
static void write_tokens(shape s, input *in)
{
    static char text[65536];
    static const char *const before[] = {"[", "{\"tokens\": [", "{\"n\": [1, {}], \"rows\": [[",
                                         "[["};
    static const char *const after[] = {"]", "]}", "]], \"more\": null}", "]]\n"};
    const unsigned form = take_below(in, 6), objects = take_below(in, 4),
                   length = take_below(in, 40);
    const unsigned rows = (s.rank > 1 ? s.seq : 1) * (s.rank > 2 ? s.batch : 1);
    char token[41] = "";
    take_bytes(in, token, length);
    if (form >= 4) {
        size_t n = input_left(in) < sizeof text ? input_left(in) / (form - 3) : 0;
        take_bytes(in, text, n);
        write_file(names[TOKENS], text, n, "", 0);
        return;
    }
    size_t n = (size_t)sprintf(text, "%s", before[form]);
    for (unsigned i = 0; i < rows && n + 200 < sizeof text; i++) {
        static const char *const keys[] = {"", "text", "token", "target_text"};
        n += (size_t)sprintf(text + n, "%s", i > 0 ? ", " : "");
        if (objects) {
            n += (size_t)sprintf(text + n, "{\"id\": -1.5e3, \"%s\": ", keys[objects]);
        }
        text[n++] = '"';
        memcpy(text + n, token, length);
        n += length;
        n += (size_t)sprintf(text + n, "%s", objects ? "\", \"x\": [true]}" : "\"");
    }
    n += (size_t)sprintf(text + n, "%s", after[form]);
    write_file(names[TOKENS], text, n, "", 0);
}

static void write_raw(const char *name, input *in)
{
    static uint8_t bytes[4096];
    const size_t n = take16(in) % sizeof bytes, there = n < input_left(in) ? n : input_left(in);
    take_bytes(in, bytes, there);
    write_file(name, bytes, there, "", 0);
}

/* What standard input is, for the file `-`: the file of that name, or a pipe with its start. */
static void set_standard_input(const char *name, bool piped)
{
    static uint8_t bytes[32768];
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    expect(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO, "no standard input for the harness");
    if (piped) {
        int ends[2];
        const ssize_t n = read(fd, bytes, sizeof bytes);
        expect(pipe(ends) == 0 && write(ends[1], bytes, (size_t)n) == n &&
                   dup2(ends[0], STDIN_FILENO) == STDIN_FILENO,
               "no pipe for the harness");
        close(ends[0]);
        close(ends[1]);
    }
    close(fd);
}

/* ---- The command line. ---- */

static void push(line *l, const char *argument)
{
    if (l->count < MOST_ARGUMENTS) {
        snprintf(l->room[l->count], sizeof l->room[0], "%s", argument);
        l->arguments[l->count] = l->room[l->count];
        l->count++;
    }
}

/* Any text that is not a path. */
static void push_any(line *l, input *in)
{
    char text[24] = "";
    take_bytes(in, text, take_below(in, sizeof text));
    for (char *c = text; *c != '\0'; c++) *c = *c == '/' ? '_' : *c;
    push(l, text);
}

static void push_option(line *l, input *in)
{
    static const char *const flags[] = {"--varentropy", "--summary", "--json",
                                        "--csv",        "--bits",    "--bf16"};
    static const char *const temperatures[] = {"1",   "0.5", "1e-3", "18446744073709551616",
                                               "nan", "0",   "2x",   ""};
    const unsigned which = take_below(in, 16);
    if (which < 6) {
        push(l, flags[which]);
        return;
    }
    switch (which) {
    case 6:
        push(l, "--temperature");
        push(l, temperatures[take_below(in, 8)]);
        break;
    case 7:
        push(l, "--tokens");
        push(l, names[TOKENS]);
        break;
    case 8:
        push(l, "--targets");
        push(l, names[TARGETS]);
        break;
    case 9:
        push(l, "--mask");
        push(l, names[MASK]);
        break;
    case 10:
        push(l, "--html");
        push(l, take8(in) & 1 ? "page.html" : names[take_below(in, 5)]);
        break;
    case 11: push(l, take8(in) & 1 ? "--help" : "--version"); break;
    case 12: push(l, take8(in) & 1 ? "--html=." : "--tokens=."); break;
    case 13: push_any(l, in); break;
    case 14:
        push(l, "--temperature");
        push_any(l, in);
        break;
    default:
        push(l, "--html");
        push_any(l, in);
        break;
    }
}

void draw_line(line *l, input *in)
{
    memset(l, 0, sizeof *l);
    const unsigned options = take_below(in, 7), files = take_below(in, 16);
    push(l, "entropy");
    for (unsigned i = 0; i < options; i++) push_option(l, in);
    if (files == 10) {
        return; /* which file? */
    }
    push(l, files == 15 ? "none.npy" : files == 14 ? "-" : files == 13 ? "." : names[A]);
    if (files == 12 || files == 11) {
        push(l, names[B]);
    }
    shape s = {1 + take_below(in, 4), 1 + take_below(in, 3), 1 + take_below(in, 40),
               1 + take_below(in, 60)};
    const unsigned dtype = take_below(in, 4), form = take8(in);
    if ((form & 0xf0) == 0xf0) { /* many rows, or long ones: more than a window */
        s = form & 1 ? (shape){2, 1, 900 + take8(in), 2} : (shape){2, 1, 2, 1500 + take8(in) * 4u};
    }
    write_logits(names[A], s, dtype, in);
    write_mask(s, in);
    write_targets(s, in);
    write_logits(names[B], s, dtype, in);
    write_tokens(s, in);
    if ((form & 7) == 7) {
        write_raw(names[(form >> 3) % 5], in);
    }
    set_standard_input(names[A], form & 8);
}
