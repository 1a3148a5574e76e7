/* The machine that a call runs on: the instruction set, and the floating-point environment of the
 * caller. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* How many instruction sets this machine has, and one of them in use. */
size_t isas(void);
void use_isa(size_t i);

/* A caller with any rounding mode, flushes, traps and flags. */
void environment_enter(uint16_t choice);

/* Ends it, and expects to find it as it was. */
void environment_leave(void);

#endif
