/* Which instruction sets a machine has, as levels: each includes the ones before it. */
#ifndef ENT_CPU_H
#define ENT_CPU_H

#include <stdint.h>

typedef enum ent_level { ENT_LEVEL_SCALAR, ENT_LEVEL_AVX2, ENT_LEVEL_AVX512 } ent_level;

/* What an x86-64 CPU and its operating system say of themselves. */
typedef struct ent_cpu {
    uint32_t max_leaf;  /* CPUID 0, EAX: leaves above it do not exist */
    uint32_t leaf1_ecx; /* CPUID 1 */
    uint32_t leaf7_ebx; /* CPUID 7, subleaf 0 */
    uint64_t xcr0; /* XGETBV 0: the registers that the system saves; meaningless without OSXSAVE */
} ent_cpu;

/* Depends on nothing but its argument. */
ent_level ent_level_of(const ent_cpu *cpu);

#ifdef __x86_64__
ent_cpu ent_this_cpu(void);
#endif

#endif
