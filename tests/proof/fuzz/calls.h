/* The parts of the interface, each as one input wants to see it called. */
#ifndef CALLS_H
#define CALLS_H

#include "input.h"

void call_on_rows(input *in);    /* entropy_f32 and so on, forward, backward, states of rows */
void call_on_pieces(input *in);  /* states that are added to and merged, against what they saw */
void call_on_garbage(input *in); /* bytes that claim to be states */
void call_machine(input *in);    /* instruction sets, threads, texts */

#endif
