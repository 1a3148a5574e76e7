/* Plain C: every machine. */
#include "kernels.h"
#include "vec_scalar.h"

#define ISA scalar
#include "isa_table.h"
