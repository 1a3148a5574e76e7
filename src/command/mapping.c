#define _GNU_SOURCE /* sigaction with siginfo, MAP_ANONYMOUS, MAP_POPULATE */
#include "mapping.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Touching a page that a shrunken file no longer has raises SIGBUS. The handler puts zeros in the
 * place of that page and those behind it, so that the kernel at work, on whatever thread, ends in
 * its ordinary way, and sets a flag. */
static struct {
    char *volatile start; /* the window, NULL where there is none */
    volatile size_t size;
    volatile sig_atomic_t torn;
} current;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)context;
    char *page = (char *)((uintptr_t)info->si_addr & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1));
    char *start = current.start, *end = start + current.size;
    const bool ours = start != NULL && page >= start && page < end;
    if (!ours || mmap(page, (size_t)(end - page), PROT_READ,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
        signal(number, SIG_DFL); /* not ours to mend: repeated, the access ends the process */
        return;
    }
    current.torn = 1;
}

const void *mapping_move(mapping *m, int fd, off_t at, size_t bytes)
{
    mapping_end(m);
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    const off_t before = at % sysconf(_SC_PAGESIZE);
    const size_t size = bytes + (size_t)before;
    void *start = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, at - before);
    if (start == MAP_FAILED) {
        return NULL;
    }
    *m = (mapping){start, size};
    current.size = size;
    current.start = start;
    return (const char *)start + before;
}

bool mapping_was_torn(void)
{
    const bool torn = current.torn;
    current.torn = 0;
    return torn;
}

void mapping_end(mapping *m)
{
    current.start = NULL;
    if (m->start != NULL) {
        munmap(m->start, m->size);
    }
    *m = (mapping){NULL, 0};
}
