#include "dispatch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "entropy.h"

/* Worst to best; the machine has the first available() of them. */
static const ent_kernels *const kernels[] = {
    &ent_kernels_scalar,
#if defined __x86_64__
    [ENT_LEVEL_AVX2] = &ent_kernels_avx2,
    [ENT_LEVEL_AVX512] = &ent_kernels_avx512,
#elif defined __aarch64__
    &ent_kernels_neon,
#endif
};

static size_t available(void)
{
#ifdef __x86_64__
    const ent_cpu cpu = ent_this_cpu();
    return (size_t)ent_level_of(&cpu) + 1;
#else
    return sizeof kernels / sizeof *kernels;
#endif
}

/* NULL where the machine lacks it. */
static const ent_kernels *find(const char *name)
{
    for (size_t i = 0, n = available(); i < n; i++) {
        if (strcmp(kernels[i]->name, name) == 0) {
            return kernels[i];
        }
    }
    return NULL;
}

static const ent_kernels *best(void)
{
    return kernels[available() - 1];
}

/* NULL until it is first wanted. Threads that race for the first call all find the same, and each
 * stores one whole pointer to a constant table, so no order stronger than relaxed is needed. */
static _Atomic(const ent_kernels *) in_use;

const ent_kernels *ent_dispatch(void)
{
    const ent_kernels *k = atomic_load_explicit(&in_use, memory_order_relaxed);
    if (k == NULL) {
        const char *name = getenv("ENTROPY_ISA");
        const ent_kernels *wanted = name != NULL ? find(name) : NULL;
        wanted = wanted != NULL ? wanted : best();
        /* entropy_set_isa may have come between; what it chose stays. On failure k is that. */
        if (atomic_compare_exchange_strong_explicit(&in_use, &k, wanted, memory_order_relaxed,
                                                    memory_order_relaxed)) {
            k = wanted;
        }
    }
    return k;
}

const char *entropy_isa(void)
{
    return ent_dispatch()->name;
}

int entropy_set_isa(const char *name)
{
    const ent_kernels *wanted = name != NULL ? find(name) : best();
    if (wanted == NULL) {
        return ENTROPY_ERR_ISA;
    }
    atomic_store_explicit(&in_use, wanted, memory_order_relaxed);
    return ENTROPY_OK;
}
