/* The command, run as by a user in a directory of its own: main itself, in this process. */
#define _GNU_SOURCE /* open_memstream, a stdout that can be assigned */
#include "command.h"

#include <dirent.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"

int command_main(int argc, char **argv);
void command_exit(int status) __attribute__((noreturn));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- main, with its streams caught. ---- */

static jmp_buf out_of_main;

void command_exit(int status)
{
    longjmp(out_of_main, 1 + status);
}

typedef struct caught {
    char *out, *error;
    size_t n_out, n_error;
    int status;
} caught;

static caught run(line *l)
{
    static caught c;
    FILE *const own_out = stdout, *const own_error = stderr;
    stdout = open_memstream(&c.out, &c.n_out);
    stderr = open_memstream(&c.error, &c.n_error);
    optind = 0; /* getopt starts afresh */
    const int exited = setjmp(out_of_main);
    c.status = exited != 0 ? exited - 1 : command_main(l->count, l->arguments);
    fclose(stdout);
    fclose(stderr);
    stdout = own_out;
    stderr = own_error;
    return c;
}

/* ---- What is promised of it. ---- */

static size_t lines_of(const char *text, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    return lines;
}

static bool has(const line *l, const char *option)
{
    for (int i = 1; i < l->count; i++) {
        if (strcmp(l->arguments[i], option) == 0) {
            return true;
        }
    }
    return false;
}

static void check_json(const caught *c)
{
    struct json j = {.file = fmemopen(c->out, c->n_out, "r"), .line = 1};
    expect(j.file != NULL, "no stream for the harness");
    expect(json_skip_value(&j, 0) && json_next(&j) == EOF, "not JSON: %s", j.error);
    fclose(j.file);
    free(j.text);
}

static void check(const caught *c, const line *l)
{
    expect(c->status >= 0 && c->status <= 2, "exit status %d", c->status);
    if (c->status == 0) {
        expect(c->n_error == 0 && c->n_out > 0, "success, and a complaint: %s", c->error);
        if (has(l, "--json") && c->out[0] == '{') {
            check_json(c);
        }
    } else {
        expect(c->n_out == 0, "exit status %d, but this was printed: %s", c->status, c->out);
        const size_t lines = lines_of(c->error, c->n_error); /* getopt repeats an option as it is */
        expect(lines == 1 || (c->status == 2 && lines > 1), "complaint: %s", c->error);
    }
    for (size_t i = 0; i < c->n_error; i++) {
        const unsigned char byte = (unsigned char)c->error[i];
        expect(c->status == 2 || byte == '\n' || byte >= ' ', "a control character in: %s",
               c->error);
    }
}

/* What an earlier run, which ended in a finding, has left behind. */
static void clear_directory(void)
{
    DIR *d = opendir(".");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        unlink(e->d_name);
    }
    closedir(d);
}

/* Nothing is left in the directory but the files and, after success, a page that was asked for. */
static void check_directory(const line *l, int status)
{
    DIR *d = opendir(".");
    expect(d != NULL, "no directory");
    int pages = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *name = e->d_name;
        if (name[0] == '.' && (name[1] == '\0' || strcmp(name, "..") == 0)) {
            continue;
        }
        if (strcmp(name, "a.npy") == 0 || strcmp(name, "b.npy") == 0 ||
            strcmp(name, "mask.npy") == 0 || strcmp(name, "targets.npy") == 0 ||
            strcmp(name, "tokens.json") == 0) {
            continue;
        }
        bool named = false;
        for (int i = 1; i < l->count; i++) {
            const char *a = l->arguments[i], *value = strchr(a, '=');
            named =
                named || strcmp(a, name) == 0 || (value != NULL && strcmp(value + 1, name) == 0);
        }
        expect(named && status == 0, "left behind: %s", name);
        unlink(name);
        pages++;
    }
    closedir(d);
    expect(pages <= 1, "%d pages", pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool there;
    if (!there) {
        expect((mkdir("files", 0700) == 0 || access("files", W_OK) == 0) && chdir("files") == 0,
               "no directory for the harness");
        clear_directory();
        there = true;
    }
    input in = {data, data + size};
    line l;
    draw_line(&l, &in);
    caught c = run(&l);
    check(&c, &l);
    check_directory(&l, c.status);
    free(c.out);
    free(c.error);
    return 0;
}
