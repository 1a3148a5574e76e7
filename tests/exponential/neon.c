/* As kernels/isa_neon.c. */
#include "../../kernels/kernels.h"

#ifdef __aarch64__
#include "../../kernels/vec_neon.h"

#define ISA neon
#include "body.h"
#endif
