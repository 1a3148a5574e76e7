/* The floating-point environment that kernels run in: round to nearest, all exceptions masked,
 * subnormals taken for zero and results that would be subnormal flushed to zero. Entered once per
 * call (and per thread), left with the caller's own restored, sticky flags included.
 *
 * Flushing is for speed (every e^-inf would otherwise cost a microcode assist on x86, 20 to 50
 * times a logit's share) and for equal bits (vscalefps rounds a subnormal result, an exponent added
 * as an integer does not). */
#ifndef ENT_FPENV_H
#define ENT_FPENV_H

#if defined __x86_64__
#include <xmmintrin.h>

typedef struct ent_fpenv {
    unsigned mxcsr;
} ent_fpenv;

static inline ent_fpenv ent_fpenv_enter(void)
{
    const ent_fpenv caller = {_mm_getcsr()};
    _mm_setcsr(0x1f80 | 0x8000 | 0x0040); /* all masks, flush to zero, denormals are zero */
    return caller;
}

static inline void ent_fpenv_leave(ent_fpenv caller)
{
    _mm_setcsr(caller.mxcsr);
}
#elif defined __aarch64__
#include <stdint.h>

typedef struct ent_fpenv {
    uint64_t fpcr, fpsr;
} ent_fpenv;

static inline ent_fpenv ent_fpenv_enter(void)
{
    ent_fpenv caller;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(caller.fpcr), "=r"(caller.fpsr));
    __asm__ volatile("msr fpcr, %0" : : "r"(UINT64_C(1) << 24) : "memory"); /* FZ alone */
    return caller;
}

static inline void ent_fpenv_leave(ent_fpenv caller)
{
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1"
                     :
                     : "r"(caller.fpcr), "r"(caller.fpsr)
                     : "memory");
}
#else
#error "libentropy knows the floating-point environments of x86-64 and AArch64"
#endif

#endif
