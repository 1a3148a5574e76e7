/* As kernels/isa_scalar.c. */
#include "../../kernels/kernels.h"
#include "../../kernels/vec_scalar.h"

#define ISA scalar
#include "body.h"
