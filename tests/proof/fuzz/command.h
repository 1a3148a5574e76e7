/* Files and a command line for the command, made from an input. */
#ifndef COMMAND_INPUT_H
#define COMMAND_INPUT_H

#include "input.h"

enum { MOST_ARGUMENTS = 24 };

typedef struct line {
    int count;
    char *arguments[MOST_ARGUMENTS + 1];
    char room[MOST_ARGUMENTS][80];
    unsigned wants; /* of the options below, those that are on it, in the plain spelling */
} line;

enum { WANTS_HTML = 1, WANTS_JSON = 2, WANTS_HELP = 4 };

/* Writes the files, and says how they are to be read. Everything is in the working directory, and no
 * argument leads out of it. */
void draw_line(line *l, input *in);

#endif
