#ifndef ENT_DISPATCH_H
#define ENT_DISPATCH_H

#include "../kernels/kernels.h"

/* The kernels in use. The first call looks at the machine and at ENTROPY_ISA. */
const ent_kernels *ent_dispatch(void);

#endif
