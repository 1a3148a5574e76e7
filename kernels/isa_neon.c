/* NEON: every AArch64 machine. */
#include "kernels.h"

#ifdef __aarch64__
#include "vec_neon.h"

#define ISA neon
#include "isa_table.h"
#endif
