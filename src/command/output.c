#define _POSIX_C_SOURCE 200809L /* mkstemp, fdopen, fchmod */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkstemp makes files that nobody else may read. */
static bool allow_others(int fd)
{
    const mode_t mask = umask(0);
    umask(mask);
    return fchmod(fd, 0666 & ~mask) == 0;
}

static void discard(output *o)
{
    const int saved = errno;
    unlink(o->temporary);
    free(o->temporary);
    errno = saved;
}

bool output_open(output *o, const char *path)
{
    static const char suffix[] = ".XXXXXX";
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL; /* a device would be replaced by the file */
        return false;
    }
    const size_t length = strlen(path);
    *o = (output){.path = path, .temporary = malloc(length + sizeof suffix)};
    if (o->temporary == NULL) {
        return false;
    }
    memcpy(o->temporary, path, length);
    memcpy(o->temporary + length, suffix, sizeof suffix);
    const int fd = mkstemp(o->temporary);
    if (fd < 0) {
        free(o->temporary);
        return false;
    }
    o->file = allow_others(fd) ? fdopen(fd, "w") : NULL;
    if (o->file == NULL) {
        close(fd);
        discard(o);
    }
    return o->file != NULL;
}

bool output_close(output *o, bool complete)
{
    errno = 0;
    const bool written = fflush(o->file) == 0 && !ferror(o->file);
    if (!written && errno == 0) {
        errno = EIO; /* an earlier write failed, and this one did not */
    }
    const bool closed = fclose(o->file) == 0;
    if (!complete || !written || !closed || rename(o->temporary, o->path) != 0) {
        discard(o);
        return false;
    }
    free(o->temporary);
    return true;
}
