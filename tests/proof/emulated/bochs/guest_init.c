/* The only process that the emulated machine starts: runs the commands that run.sh has left in
 * /guest, one after another, tells what became of each, and switches the machine off.
 *
 * What they print goes to I/O port E9, which Bochs copies to its standard output. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_PORT = 0xe9, SHUTDOWN_PORT = 0x8900 };

static char last_put = '\n';

static void put(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        outb((unsigned char)text[i], OUTPUT_PORT);
        last_put = text[i];
    }
}

/* A line of our own, which starts a line whatever was printed before. */
static void tell(const char *what, const char *value)
{
    if (last_put != '\n') {
        put("\n", 1);
    }
    put("@guest: ", 8);
    put(what, strlen(what));
    put(value, strlen(value));
    put("\n", 1);
}

static void switch_off(void)
{
    for (const char *s = "Shutdown"; *s != 0; s++) {
        outb((unsigned char)*s, SHUTDOWN_PORT);
    }
    for (;;) {
        pause();
    }
}

static void give_up(const char *what)
{
    tell("cannot ", what);
    switch_off();
}

/* The strings in a file, each ended by a zero byte, as an array that ends with NULL. */
static char **strings_of(const char *path)
{
    struct stat file;
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &file) != 0) {
        give_up(path);
    }
    const size_t size = (size_t)file.st_size;
    char *bytes = malloc(size + 1);
    char **strings = malloc((size + 1) * sizeof *strings);
    if (bytes == NULL || strings == NULL || read(fd, bytes, size) != (ssize_t)size) {
        give_up(path);
    }
    close(fd);
    size_t count = 0;
    for (size_t i = 0; i < size; i += strlen(bytes + i) + 1) {
        strings[count++] = bytes + i;
    }
    strings[count] = NULL;
    return strings;
}

/* The model and, of the flags that Linux lists, those of AVX: what the emulator is, in its own words. */
static void tell_cpu(void)
{
    char line[8192], flags[1024] = "";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *value = strchr(line, ':');
        if (value != NULL && strncmp(line, "model name", 10) == 0) {
            value[strcspn(value, "\n")] = 0;
            tell("CPU", value);
        } else if (value != NULL && strncmp(line, "flags", 5) == 0) {
            for (char *flag = strtok(value, ": \n"); flag != NULL; flag = strtok(NULL, " \n")) {
                if (strncmp(flag, "avx", 3) == 0 || strcmp(flag, "fma") == 0) {
                    strcat(strcat(flags, " "), flag);
                }
            }
            tell("the kernel lets programs use", flags[0] != 0 ? flags : " no AVX");
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* As a shell would say it: 128 and the signal's number for a program that a signal ended. */
static int run(char **command, char **environment)
{
    int out[2], status;
    if (pipe(out) != 0) {
        give_up("make a pipe");
    }
    const pid_t child = fork();
    if (child == 0) {
        iopl(0); /* else a program could reach the ports */
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        execve(command[0], command, environment);
        perror(command[0]);
        _exit(127);
    }
    close(out[1]);
    char buffer[4096];
    for (ssize_t n; (n = read(out[0], buffer, sizeof buffer)) > 0;) {
        put(buffer, (size_t)n);
    }
    close(out[0]);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        give_up("start a process");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
    if (iopl(3) != 0) {
        return 1; /* the kernel panics, and run.sh shows that */
    }
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sys", "/sys", "sysfs", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    char **arguments = strings_of("/guest/commands");
    char **environment = strings_of("/guest/environment");
    char **directory = strings_of("/guest/directory");
    if (directory[0] == NULL || chdir(directory[0]) != 0) {
        give_up("enter the working directory");
    }
    tell("started", "");
    tell_cpu();
    while (*arguments != NULL) {
        char **command = arguments;
        while (*arguments != NULL && strcmp(*arguments, "+") != 0) {
            arguments++;
        }
        if (*arguments != NULL) {
            *arguments++ = NULL;
        }
        if (*command != NULL) {
            char status[16];
            tell("run ", *command);
            snprintf(status, sizeof status, "%d", run(command, environment));
            tell("status ", status);
        }
    }
    tell("finished", "");
    switch_off();
}
