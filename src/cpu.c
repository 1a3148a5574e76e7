#include "cpu.h"

/* Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, 14.3, 14.5.3, 14.7.1
 * and 15.2: a vector extension may be used if the CPU has it and the system saves its registers. */
#define BIT(n) (UINT32_C(1) << (n))
#define LEAF1_FMA BIT(12)
#define LEAF1_OSXSAVE BIT(27)
#define LEAF1_AVX BIT(28)
#define LEAF1_F16C BIT(29)
#define LEAF7_AVX2 BIT(5)
#define LEAF7_AVX512F BIT(16)
#define LEAF7_AVX512DQ BIT(17)
#define LEAF7_AVX512BW BIT(30)
#define LEAF7_AVX512VL BIT(31)
#define XCR0_YMM 0x06 /* xmm and the upper halves of ymm */
#define XCR0_ZMM 0xe6 /* those, the mask registers, the upper halves of zmm, and zmm16 to zmm31 */

ent_level ent_level_of(const ent_cpu *cpu)
{
    const uint32_t leaf1 = LEAF1_OSXSAVE | LEAF1_AVX | LEAF1_FMA | LEAF1_F16C;
    const uint32_t avx512 = LEAF7_AVX512F | LEAF7_AVX512DQ | LEAF7_AVX512BW | LEAF7_AVX512VL;
    if (cpu->max_leaf < 7 || (cpu->leaf1_ecx & leaf1) != leaf1 ||
        (cpu->xcr0 & XCR0_YMM) != XCR0_YMM || !(cpu->leaf7_ebx & LEAF7_AVX2)) {
        return ENT_LEVEL_SCALAR;
    }
    if ((cpu->leaf7_ebx & avx512) != avx512 || (cpu->xcr0 & XCR0_ZMM) != XCR0_ZMM) {
        return ENT_LEVEL_AVX2;
    }
    return ENT_LEVEL_AVX512;
}

#ifdef __x86_64__
#include <cpuid.h>
#include <stddef.h>

static uint64_t xgetbv0(void)
{
    uint32_t eax, edx;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (uint64_t)edx << 32 | eax;
}

ent_cpu ent_this_cpu(void)
{
    ent_cpu cpu = {.max_leaf = (uint32_t)__get_cpuid_max(0, NULL)};
    uint32_t eax, ebx, ecx, edx;
    if (cpu.max_leaf >= 1) {
        __cpuid(1, eax, ebx, ecx, edx);
        cpu.leaf1_ecx = ecx;
    }
    if (cpu.max_leaf >= 7) {
        __cpuid_count(7, 0, eax, ebx, ecx, edx);
        cpu.leaf7_ebx = ebx;
    }
    if (cpu.leaf1_ecx & LEAF1_OSXSAVE) {
        cpu.xcr0 = xgetbv0();
    }
    return cpu;
}
#endif
