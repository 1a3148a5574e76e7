/* The caller's floating-point environment changes no bit of any result, and no call changes it: not
 * the rounding mode, the flush modes, the exception masks or the sticky flags; nothing traps. */
#define _GNU_SOURCE /* feenableexcept */
#include "suite.h"

#include <fenv.h>
#include <math.h>
#include <string.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "logits.h"

/* The control and status registers, to compare. */
static uint64_t fp_registers(void)
{
#ifdef __x86_64__
    return _mm_getcsr();
#else
    uint64_t fpcr, fpsr;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(fpcr), "=r"(fpsr));
    return fpcr << 32 | fpsr;
#endif
}

static void set_flushing(bool on)
{
#ifdef __x86_64__
    _mm_setcsr(on ? _mm_getcsr() | 0x8040u : _mm_getcsr() & ~0x8040u);
#else
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    __asm__ volatile("msr fpcr, %0"
                     :
                     : "r"(on ? fpcr | UINT64_C(1) << 24 : fpcr & ~(UINT64_C(1) << 24)));
#endif
}

/* What every call gives for rows of every kind, and for what it must refuse. */
enum { VOCAB = 2100 };

typedef struct answers {
    results forward;
    entropy_state states[KINDS], merged[KINDS];
    float simple[KINDS], gradient[KINDS][VOCAB], of_state[5];
    int refusals[4];
} answers;

static void call_everything(const float *z, answers *a)
{
    static const float subnormal = 0x1p-140f;
    static const uint32_t signalling_bits = 0x7fa00000;
    float signalling;
    memcpy(&signalling, &signalling_bits, sizeof signalling);
    float temperature[KINDS], g[KINDS];
    int64_t target[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        temperature[i] = i % 2 ? 1 : 0.3f;
        g[i] = 0.7f;
        target[i] = (int64_t)i;
    }
    memset(a, 0, sizeof *a);
    entropy_args args = args_of(ENTROPY_F32, z, KINDS, VOCAB);
    want(&args, &a->forward, ALL_RESULTS);
    args.temperature = temperature;
    args.temperature_stride = 1;
    args.target = target;
    assert_int_equal(entropy_f32(z, 1, KINDS, VOCAB, a->simple), ENTROPY_OK);
    assert_int_equal(entropy_forward(&args), ENTROPY_OK);
    assert_int_equal(entropy_forward_states(&args, a->states), ENTROPY_OK);
    memcpy(a->merged, a->states, sizeof a->states);
    assert_int_equal(entropy_merge_states(a->merged, a->states, KINDS), ENTROPY_OK);
    entropy_state one;
    entropy_state_init(&one);
    assert_int_equal(entropy_state_add_f32(&one, z, 1000), ENTROPY_OK);
    a->of_state[0] = entropy_state_entropy(&one);
    a->of_state[1] = entropy_state_varentropy(&one);
    a->of_state[2] = entropy_state_logsumexp(&one);
    a->of_state[3] = entropy_state_max_logit(&one);
    a->of_state[4] = entropy_state_max_logprob(&one);
    args.entropy = NULL; /* so that the gradient sweeps the rows itself */
    const entropy_grads grads = {
        .size = sizeof grads, .entropy = g, .target_logprob = g, .logits = a->gradient};
    assert_int_equal(entropy_backward(&args, &grads), ENTROPY_OK);
    one.temperature = (double)NAN;
    a->refusals[0] = entropy_state_add_f32(&one, z, 1000);
    args.temperature = &signalling;
    args.temperature_stride = 0;
    a->refusals[1] = entropy_forward(&args);
    args.temperature = &subnormal;
    a->refusals[2] = entropy_forward(&args);
    a->refusals[3] = entropy_backward(&args, &grads);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(a->refusals[i], ENTROPY_ERR_VALUE);
    }
}

static void test_floating_point_environment(void **state)
{
    (void)state;
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static float z[KINDS][VOCAB];
    static answers expected, got;
    rng r = {11};
    for (size_t i = 0; i < KINDS; i++) {
        fill_row((row_kind)i, z[i], VOCAB, &r);
    }
    for (size_t isa = 0; isa_of(isa) != NULL; isa++) {
        entropy_set_isa(isa_of(isa));
        call_everything(z[0], &expected);
        for (int i = 0; i < 16; i++) {
            const bool traps = i & 8;
            fesetround(roundings[i & 3]);
            set_flushing(i & 4);
            feclearexcept(FE_ALL_EXCEPT);
            feraiseexcept(FE_DIVBYZERO); /* a flag of the caller's that must survive */
            if (traps) {
                feenableexcept(FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW | FE_INEXACT);
            }
            const uint64_t before = fp_registers();
            call_everything(z[0], &got);
            const uint64_t after = fp_registers();
            fedisableexcept(FE_ALL_EXCEPT);
            set_flushing(false);
            fesetround(FE_TONEAREST);
            check(before == after, "environment %d: registers %llx before, %llx after", i,
                  (unsigned long long)before, (unsigned long long)after);
            check(memcmp(&expected, &got, sizeof got) == 0, "environment %d gives other bits on %s",
                  i, isa_of(isa));
        }
    }
    entropy_set_isa(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_floating_point_environment)};
    begin("test_fpenv");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
