/* entropy: the entropies of the logits in .npy files. src/man/entropy.1 is its manual. */
#define _GNU_SOURCE /* getopt_long */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "entropy.h"
#include "escape.h"
#include "progress.h"
#include "report.h"

enum { SUCCESS = 0, BAD_INPUT = 1, BAD_USAGE = 2 };

static const char help[] =
    "Usage: entropy [OPTION]... FILE.npy...\n"
    "The Shannon entropy of every row of logits, float32 [vocab], [seq, vocab] or [batch, seq, "
    "vocab].\n"
    "FILE may be -, standard input. With several files, their means are set side by side at the "
    "end.\n"
    "\n"
    "  --tokens FILE.json   the text of each row, set beside its entropy (one FILE.npy only)\n"
    "  --summary            no line for each row\n"
    "  --json, --csv        for programs\n"
    "  --bits               bits instead of nats\n"
    "  --temperature T      of softmax(logits / T); from 2^-64 to 2^64\n"
    "  --help, --version\n";

/* One line on standard error; `name` is what it is about, or NULL. */
static int complain(int status, const char *name, const char *what)
{
    fputs("entropy: ", stderr);
    if (name != NULL) {
        print_name(stderr, name);
        fputs(": ", stderr);
    }
    fprintf(stderr, "%s\n", what);
    return status;
}

/* The status of a program that has printed all it had to. */
static int finish(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    return errno == EPIPE ? BAD_INPUT : complain(BAD_INPUT, "standard output", strerror(errno));
}

static bool add_rows(const float *logits, size_t rows, size_t vocab, float T, spool *entropies)
{
    float values[256];
    for (size_t i = 0; i < rows;) {
        const size_t k = rows - i < 256 ? rows - i : 256;
        const entropy_args args = {.size = sizeof args,
                                   .logits = logits + i * vocab,
                                   .batch = 1,
                                   .seq = k,
                                   .vocab = vocab,
                                   .temperature = &T,
                                   .entropy = values};
        if (entropy_forward(&args) != ENTROPY_OK || !spool_add(entropies, values, k)) {
            return false;
        }
        i += k;
    }
    return true;
}

/* Adds the entropies of a file to the spool. */
static bool measure(npy *f, float T, spool *entropies, progress *p)
{
    const bool in_pieces = f->vocab * sizeof(float) > NPY_WINDOW;
    entropy_state state;
    entropy_state_init(&state);
    state.temperature = T;
    const float *logits;
    size_t n;
    bool ok = true;
    while (ok && (n = npy_next(f, &logits)) > 0) {
        if (!in_pieces) {
            ok = add_rows(logits, n / f->vocab, f->vocab, T, entropies);
        } else {
            entropy_state_add_f32(&state, logits, n);
            if (f->whole == 0) {
                const float entropy = entropy_state_entropy(&state);
                entropy_state_init(&state);
                state.temperature = T;
                ok = spool_add(entropies, &entropy, 1);
            }
        }
        progress_show(p, f->name,
                      ((double)f->row + (double)f->whole / (double)f->vocab) / (double)f->rows);
    }
    return ok;
}

/* Everything about one file, its entropies at the end of the spool. Complains where it cannot be
 * had. */
static int examine(const char *path, float T, spool *entropies, progress *p, result *r)
{
    npy f;
    if (!npy_open(&f, path)) {
        return complain(BAD_INPUT, f.name, f.error);
    }
    *r = (result){f.name, f.rank, f.batch, f.seq, f.vocab, f.rows, spool_length(entropies), {0}};
    const bool stored = measure(&f, T, entropies, p);
    progress_clear(p);
    npy_close(&f);
    if (npy_failed(&f)) {
        return complain(BAD_INPUT, f.name, f.error);
    }
    if (!stored || !summarise(&r->summary, entropies, r->from, r->rows, log((double)r->vocab))) {
        return complain(BAD_INPUT, f.name,
                        "no room for its entropies: a temporary file could not be written or read");
    }
    return SUCCESS;
}

/* Prints only once every input has been read and found right. */
static int run(const options *o, report_function *report, char **paths, size_t count)
{
    spool entropies;
    result *results = calloc(count, sizeof *results);
    int status = results == NULL || !spool_open(&entropies)
                     ? complain(BAD_INPUT, NULL, "out of memory")
                     : SUCCESS;
    progress p;
    progress_start(&p);
    for (size_t i = 0; status == SUCCESS && i < count; i++) {
        status = examine(paths[i], o->temperature, &entropies, &p, &results[i]);
    }
    struct tokens tokens;
    const bool with_tokens = status == SUCCESS && o->tokens != NULL;
    if (with_tokens && !tokens_open(&tokens, o->tokens, results[0].rows)) {
        status = complain(BAD_INPUT, o->tokens, tokens.json.error);
    }
    if (status == SUCCESS) {
        if (!report(o, results, count, &entropies, with_tokens ? &tokens : NULL)) {
            status =
                complain(BAD_INPUT, NULL, "a temporary file or the tokens could not be read again");
        }
        status = finish(status);
        if (with_tokens) {
            tokens_close(&tokens);
        }
    }
    if (results != NULL) {
        spool_close(&entropies);
        free(results);
    }
    return status;
}

static bool parse_temperature(const char *text, float *T)
{
    char *end;
    *T = strtof(text, &end);
    return end != text && *end == '\0' && *T >= 0x1p-64 && *T <= 0x1p64;
}

/* No file of ours may become a standard stream that the caller has closed. What takes its place
 * fails when it is used. */
static bool keep_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        const int unusable = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", unusable) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    enum { TOKENS = 1, SUMMARY, JSON, CSV, BITS, TEMPERATURE, HELP, VERSION };
    static const struct option known[] = {
        {"tokens", required_argument, NULL, TOKENS},
        {"summary", no_argument, NULL, SUMMARY},
        {"json", no_argument, NULL, JSON},
        {"csv", no_argument, NULL, CSV},
        {"bits", no_argument, NULL, BITS},
        {"temperature", required_argument, NULL, TEMPERATURE},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    if (!keep_standard_streams()) {
        return BAD_INPUT;
    }
    setlocale(LC_CTYPE, "");
    options o = {.temperature = 1};
    report_function *report = report_text;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case TOKENS: o.tokens = optarg; break;
        case SUMMARY: o.summary_only = true; break;
        case JSON: report = report_json; break;
        case CSV: report = report_csv; break;
        case BITS: o.bits = true; break;
        case TEMPERATURE:
            if (!parse_temperature(optarg, &o.temperature)) {
                return complain(BAD_USAGE, "--temperature", "a number from 2^-64 to 2^64 expected");
            }
            break;
        case HELP: fputs(help, stdout); return finish(SUCCESS);
        case VERSION:
            printf("entropy %s (%s)\n", entropy_version(), entropy_isa());
            return finish(SUCCESS);
        default: return BAD_USAGE;
        }
    }
    if (optind == argc) {
        return complain(BAD_USAGE, NULL, "which file? Try entropy --help");
    }
    if (o.tokens != NULL && argc - optind > 1) {
        return complain(BAD_USAGE, "--tokens", "goes with one FILE.npy");
    }
    return run(&o, report, argv + optind, (size_t)(argc - optind));
}
