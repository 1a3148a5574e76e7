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
#include "output.h"
#include "report.h"
#include "source.h"

enum { SUCCESS = 0, BAD_INPUT = 1, BAD_USAGE = 2 };

static const char help[] =
    "Usage: entropy [OPTION]... FILE.npy...\n"
    "The Shannon entropy of every row of logits, float32 or float16, [vocab], [seq, vocab] or "
    "[batch, seq, vocab].\n"
    "FILE may be -, standard input. With several files, their means are set side by side at the "
    "end.\n"
    "\n"
    "  --tokens FILE.json   the text of each row, set beside its entropy (one FILE.npy only)\n"
    "  --targets FILE.npy   the token that followed each row: its log-probability, cross-entropy\n"
    "                       and perplexity (one FILE.npy only)\n"
    "  --varentropy         the variance of -log p, too\n"
    "  --mask FILE.npy      the tokens that take part, [vocab] or one mask for each row\n"
    "  --html OUT.html      a page, too: the text, coloured by entropy\n"
    "  --summary            no line for each row\n"
    "  --json, --csv        for programs\n"
    "  --bits               bits instead of nats\n"
    "  --temperature T      of softmax(logits / T); from 2^-64 to 2^64\n"
    "  --bf16               the files hold bfloat16, as uint16 or of ml_dtypes\n"
    "  --help, --version\n";

typedef struct options {
    bool bf16, varentropy;
    float temperature;
    const char *tokens, *targets, *mask, *html; /* paths, or NULL */
    report_function *print;
    report report; /* what concerns it */
} options;

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

/* Everything about one file, its rows at the end of the measures. Complains where it cannot be
 * had. */
static int examine(const char *path, const options *o, measures *m, progress *p, result *r)
{
    source s;
    const npy *bad = source_open(&s, path, o->bf16, o->temperature, o->mask, o->targets);
    const logits *z = &s.logits;
    int status = SUCCESS;
    if (bad == NULL) {
        *r = (result){.name = z->file.name,
                      .rank = z->rank,
                      .batch = z->batch,
                      .seq = z->seq,
                      .vocab = z->vocab,
                      .rows = z->rows,
                      .from = spool_length(&m->column[ENTROPY])};
        const bool stored = measure(&s, m, p);
        progress_clear(p);
        bad = source_failed(&s);
        if (bad == NULL &&
            !(stored && summarise(&r->summary, m, r->from, r->rows, log((double)r->vocab)))) {
            status = complain(BAD_INPUT, r->name,
                              "no room for what was measured: a temporary file "
                              "could not be written or read");
        }
    }
    if (bad != NULL) {
        status = complain(BAD_INPUT, bad->name, bad->error);
    }
    source_close(&s);
    return status;
}

static const char unreadable[] = "a temporary file or the tokens could not be read again";

static int write_page(const char *path, const report *p)
{
    output page;
    if (!output_open(&page, path)) {
        return complain(BAD_INPUT, path, strerror(errno));
    }
    report to_page = *p;
    to_page.file = page.file;
    const bool complete = report_html(&to_page);
    if (!output_close(&page, complete)) {
        return complain(BAD_INPUT, path, complete ? strerror(errno) : unreadable);
    }
    return SUCCESS;
}

/* Prints only once every input has been read and found right. */
static int print_results(const options *o, report *p)
{
    struct tokens tokens;
    if (o->tokens != NULL) {
        if (!tokens_open(&tokens, o->tokens, p->results[0].rows)) {
            return complain(BAD_INPUT, o->tokens, tokens.json.error);
        }
        p->tokens = &tokens;
    }
    int status = o->html != NULL ? write_page(o->html, p) : SUCCESS;
    if (status == SUCCESS && !o->print(p)) {
        status = complain(BAD_INPUT, NULL, unreadable);
    }
    if (p->tokens != NULL) {
        tokens_close(&tokens);
    }
    return finish(status);
}

static int run(const options *o, char **paths, size_t count)
{
    measures m;
    result *results = calloc(count, sizeof *results);
    int status = measures_open(&m, o->varentropy, o->targets != NULL) && results != NULL
                     ? SUCCESS
                     : complain(BAD_INPUT, NULL, "out of memory");
    progress bar;
    progress_start(&bar);
    for (size_t i = 0; status == SUCCESS && i < count; i++) {
        status = examine(paths[i], o, &m, &bar, &results[i]);
    }
    if (status == SUCCESS) {
        report p = o->report;
        p.results = results;
        p.count = count;
        p.measures = &m;
        status = print_results(o, &p);
    }
    measures_close(&m);
    free(results);
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

/* False where the command line is wrong, which it has complained about. Exits for --help and
 * --version. */
static bool parse_options(options *o, int argc, char **argv)
{
    enum {
        TOKENS = 1,
        TARGETS,
        VARENTROPY_TOO,
        MASK,
        HTML,
        SUMMARY,
        JSON,
        CSV,
        BITS,
        TEMPERATURE,
        BF16,
        HELP,
        VERSION
    };
    static const struct option known[] = {
        {"tokens", required_argument, NULL, TOKENS},
        {"targets", required_argument, NULL, TARGETS},
        {"varentropy", no_argument, NULL, VARENTROPY_TOO},
        {"mask", required_argument, NULL, MASK},
        {"html", required_argument, NULL, HTML},
        {"summary", no_argument, NULL, SUMMARY},
        {"json", no_argument, NULL, JSON},
        {"csv", no_argument, NULL, CSV},
        {"bits", no_argument, NULL, BITS},
        {"temperature", required_argument, NULL, TEMPERATURE},
        {"bf16", no_argument, NULL, BF16},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case TOKENS: o->tokens = optarg; break;
        case TARGETS: o->targets = optarg; break;
        case VARENTROPY_TOO: o->varentropy = true; break;
        case MASK: o->mask = optarg; break;
        case HTML: o->html = optarg; break;
        case SUMMARY: o->report.summary_only = true; break;
        case JSON: o->print = report_json; break;
        case CSV: o->print = report_csv; break;
        case BITS: o->report.bits = true; break;
        case TEMPERATURE:
            if (!parse_temperature(optarg, &o->temperature)) {
                complain(BAD_USAGE, "--temperature", "a number from 2^-64 to 2^64 expected");
                return false;
            }
            break;
        case BF16: o->bf16 = true; break;
        case HELP: fputs(help, stdout); exit(finish(SUCCESS));
        case VERSION:
            printf("entropy %s (%s)\n", entropy_version(), entropy_isa());
            exit(finish(SUCCESS));
        default: return false;
        }
    }
    o->report.temperature = o->temperature;
    if (optind == argc) {
        complain(BAD_USAGE, NULL, "which file? Try entropy --help");
        return false;
    }
    const char *for_one = o->tokens != NULL ? "--tokens" : o->targets != NULL ? "--targets" : NULL;
    if (for_one != NULL && argc - optind > 1) {
        complain(BAD_USAGE, for_one, "goes with one FILE.npy");
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!keep_standard_streams()) {
        return BAD_INPUT;
    }
    setlocale(LC_CTYPE, "");
    options o = {.temperature = 1, .print = report_text, .report.file = stdout};
    return parse_options(&o, argc, argv) ? run(&o, argv + optind, (size_t)(argc - optind))
                                         : BAD_USAGE;
}
