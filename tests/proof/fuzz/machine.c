#include "machine.h"

#include <fenv.h>

#include "entropy.h"
#include "input.h"

#define MOST_ISAS 4

static const char *names[MOST_ISAS];
static size_t count;

size_t isas(void)
{
    static const char *const all[MOST_ISAS] = {"scalar", "avx2", "avx512", "neon"};
    const size_t known = count;
    for (size_t i = 0; known == 0 && i < MOST_ISAS; i++) {
        if (entropy_set_isa(all[i]) == ENTROPY_OK) {
            names[count++] = all[i];
        }
    }
    return count;
}

void use_isa(size_t i)
{
    expect(entropy_set_isa(names[i]) == ENTROPY_OK, "%s is no more", names[i]);
}

static fenv_t before;

#ifdef __x86_64__
#include <xmmintrin.h>

static unsigned entered;

void environment_enter(uint16_t choice)
{
    fegetenv(&before);
    _mm_setcsr(choice);
    entered = choice;
}

void environment_leave(void)
{
    const unsigned left = _mm_getcsr();
    fesetenv(&before);
    expect(left == entered, "MXCSR %04x, now %04x", entered, left);
}
#else
static int rounding, flags;

void environment_enter(uint16_t choice)
{
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    fegetenv(&before);
    fesetround(modes[choice % 4]);
    feclearexcept(FE_ALL_EXCEPT);
    feraiseexcept(choice & FE_ALL_EXCEPT);
    rounding = fegetround();
    flags = fetestexcept(FE_ALL_EXCEPT);
}

void environment_leave(void)
{
    const int left[2] = {fegetround(), fetestexcept(FE_ALL_EXCEPT)};
    fesetenv(&before);
    expect(left[0] == rounding && left[1] == flags, "environment %d %d, now %d %d", rounding, flags,
           left[0], left[1]);
}
#endif
