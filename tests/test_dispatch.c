/* Which instruction set is chosen, on recorded CPUs and on this one, and what may be chosen
 * instead; the number of threads. */
#define _GNU_SOURCE /* setenv, sched_getaffinity */
#include "suite.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/cpu.h"
#include "entropy.h"

static void test_recorded_cpus(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ent_cpu cpu;
        ent_level level;
    } cpus[] = {
        {"Core 2 Penryn: no AVX at all",
         {0x0000000a, 0x0408e3fd, 0x00000000, 0x0},
         ENT_LEVEL_SCALAR},
        {"Nehalem", {0x0000000b, 0x0098e3bd, 0x00000000, 0x0}, ENT_LEVEL_SCALAR},
        {"Sandy Bridge: AVX alone", {0x0000000d, 0x1fbae3ff, 0x00000000, 0x7}, ENT_LEVEL_SCALAR},
        {"Ivy Bridge: AVX and F16C", {0x0000000d, 0x7fbae3ff, 0x00000281, 0x7}, ENT_LEVEL_SCALAR},
        {"Piledriver: AVX, FMA and F16C",
         {0x0000000d, 0x3e98320b, 0x00000008, 0x7},
         ENT_LEVEL_SCALAR},
        {"Haswell", {0x0000000d, 0x7ffafbbf, 0x000027ab, 0x7}, ENT_LEVEL_AVX2},
        {"Haswell, XSAVE off in the system",
         {0x0000000d, 0x77fafbbf, 0x000027ab, 0x0},
         ENT_LEVEL_SCALAR},
        {"Haswell, a guest whose system saves xmm alone",
         {0x0000000d, 0x7ffafbbf, 0x000027ab, 0x3},
         ENT_LEVEL_SCALAR},
        {"Haswell, a guest without F16C",
         {0x0000000d, 0x5ffafbbf, 0x000027ab, 0x7},
         ENT_LEVEL_SCALAR},
        {"Haswell, a guest without FMA",
         {0x0000000d, 0x7ffaebbf, 0x000027ab, 0x7},
         ENT_LEVEL_SCALAR},
        {"Haswell, a guest whose CPUID ends at leaf 4",
         {0x00000004, 0x7ffafbbf, 0x000027ab, 0x7},
         ENT_LEVEL_SCALAR},
        {"Haswell, XSAVE off in the system, what XCR0 then says is nothing",
         {0x0000000d, 0x77fafbbf, 0x000027ab, 0x7},
         ENT_LEVEL_SCALAR},
        {"Haswell, a guest without AVX",
         {0x0000000d, 0x6ffafbbf, 0x000027ab, 0x7},
         ENT_LEVEL_SCALAR},
        {"Zen", {0x0000000d, 0x7ed8320b, 0x209c01a9, 0x7}, ENT_LEVEL_AVX2},
        {"Zen 3", {0x00000010, 0x7efa320b, 0x219c97a9, 0x207}, ENT_LEVEL_AVX2},
        {"Zen 4", {0x00000010, 0x7efa320b, 0xf1bf97a9, 0x2e7}, ENT_LEVEL_AVX512},
        {"Skylake-X", {0x00000016, 0x7ffefbff, 0xd39ffffb, 0x2e7}, ENT_LEVEL_AVX512},
        {"Skylake-X, AVX-512 registers not saved",
         {0x00000016, 0x7ffefbff, 0xd39ffffb, 0x207},
         ENT_LEVEL_AVX2},
        {"Skylake-X, upper zmm not saved",
         {0x00000016, 0x7ffefbff, 0xd39ffffb, 0x67},
         ENT_LEVEL_AVX2},
        {"Skylake-X, mask registers not saved",
         {0x00000016, 0x7ffefbff, 0xd39ffffb, 0xc7},
         ENT_LEVEL_AVX2},
        {"Knights Landing: AVX-512 F without DQ, BW, VL",
         {0x0000000d, 0x7ff8f3bf, 0x1c0d23ab, 0xe7},
         ENT_LEVEL_AVX2},
        {"Skylake-X, a guest without AVX-512 F",
         {0x00000016, 0x7ffefbff, 0xd39efffb, 0x2e7},
         ENT_LEVEL_AVX2},
        {"Skylake-X, a guest without AVX-512 DQ",
         {0x00000016, 0x7ffefbff, 0xd39dfffb, 0x2e7},
         ENT_LEVEL_AVX2},
        {"Skylake-X, a guest without AVX-512 BW",
         {0x00000016, 0x7ffefbff, 0x939ffffb, 0x2e7},
         ENT_LEVEL_AVX2},
        {"Skylake-X, a guest without AVX-512 VL",
         {0x00000016, 0x7ffefbff, 0x539ffffb, 0x2e7},
         ENT_LEVEL_AVX2},
        {"Sapphire Rapids", {0x00000020, 0x7ffefbff, 0xf1bf0ffb, 0x602e7}, ENT_LEVEL_AVX512},
        {"Alder Lake: AVX-512 fused off",
         {0x00000020, 0x7ffafbff, 0x239c27eb, 0x207},
         ENT_LEVEL_AVX2},
    };
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus; i++) {
        check(ent_level_of(&cpus[i].cpu) == cpus[i].level, "%s: level %d", cpus[i].name,
              (int)ent_level_of(&cpus[i].cpu));
    }
}

static void test_this_machine(void **state)
{
    (void)state;
    assert_int_equal(entropy_set_isa(NULL), ENTROPY_OK);
    const char *best = entropy_isa();
#if defined __x86_64__
    /* What the compiler's own detection says. */
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl");
    assert_string_equal(best, avx512 ? "avx512" : avx2 ? "avx2" : "scalar");
    assert_int_equal(entropy_set_isa("neon"), ENTROPY_ERR_ISA);
#else
    assert_string_equal(best, "neon");
    assert_int_equal(entropy_set_isa("avx2"), ENTROPY_ERR_ISA);
#endif
    assert_string_equal(entropy_isa(), best);
    static const char *const wrong[] = {"", "AVX2", "avx", "scalar ", "best"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(entropy_set_isa(wrong[i]), ENTROPY_ERR_ISA);
        assert_string_equal(entropy_isa(), best);
    }
    for (size_t i = 0; isa_of(i) != NULL; i++) {
        assert_int_equal(entropy_set_isa(isa_of(i)), ENTROPY_OK);
        assert_string_equal(entropy_isa(), isa_of(i));
    }
    assert_int_equal(entropy_set_isa(NULL), ENTROPY_OK);
    assert_string_equal(entropy_isa(), best);
}

/* Runs in a child that has not yet made a call: 0 if all is well. */
static void in_child(int (*run)(const char *), const char *argument)
{
    const pid_t child = fork();
    if (child == 0) {
        _exit(run(argument));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "with \"%s\": status %x", argument,
          (unsigned)status);
}

/* The first call with this in ENTROPY_ISA gives what entropy_set_isa gives, or the best where that
 * refuses. */
static int first_call_follows(const char *variable)
{
    setenv("ENTROPY_ISA", variable, 1);
    const char *got = entropy_isa();
    if (entropy_set_isa(variable) != ENTROPY_OK) {
        entropy_set_isa(NULL);
    }
    return strcmp(got, entropy_isa()) != 0;
}

static void *first_call(void *argument)
{
    const float z[4] = {2, 1, 0.5f, 0.3f};
    float *H = argument;
    entropy_f32(z, 1, 1, 4, H);
    return NULL;
}

static int concurrent_first_calls(const char *variable)
{
    setenv("ENTROPY_ISA", variable, 1);
    pthread_t threads[8];
    float H[8] = {0};
    bool ok = true;
    for (int i = 0; i < 8; i++) {
        ok = pthread_create(&threads[i], NULL, first_call, &H[i]) == 0 && ok;
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        ok = bits_of(H[i]) == bits_of(H[0]) && ok;
    }
    return !(ok && H[0] > 1.1442f && H[0] < 1.1443f);
}

static void test_first_call(void **state)
{
    (void)state;
    static const char *const variables[] = {"scalar", "avx2",  "avx512", "neon",
                                            "",       "pdp11", "AVX2"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        in_child(first_call_follows, variables[i]);
        in_child(concurrent_first_calls, variables[i]);
    }
}

/* The number that the environment gives holds until the call gives another. */
static int threads_follow(const char *variable)
{
    setenv("ENTROPY_NUM_THREADS", variable, 1);
    cpu_set_t mask;
    sched_getaffinity(0, sizeof mask, &mask);
    const int expected = strcmp(variable, "5") == 0 ? 5 : CPU_COUNT(&mask);
    bool ok = entropy_get_num_threads() == expected;
    setenv("ENTROPY_NUM_THREADS", "7", 1); /* it is read once */
    ok = ok && entropy_get_num_threads() == expected;
    ok = ok && entropy_set_num_threads(3) == ENTROPY_OK && entropy_get_num_threads() == 3;
    ok = ok && entropy_set_num_threads(0) == ENTROPY_OK && entropy_get_num_threads() == expected;
    return !ok;
}

static void test_number_of_threads(void **state)
{
    (void)state;
    cpu_set_t mask;
    static const char *const variables[] = {"5", "", "0", "-2", "5x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        in_child(threads_follow, variables[i]);
    }
    unsetenv("ENTROPY_NUM_THREADS");
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    assert_int_equal(entropy_get_num_threads(), CPU_COUNT(&mask));
    assert_int_equal(entropy_set_num_threads(3), ENTROPY_OK);
    assert_int_equal(entropy_get_num_threads(), 3);
    assert_int_equal(entropy_set_num_threads(-1), ENTROPY_ERR_VALUE);
    assert_int_equal(entropy_get_num_threads(), 3);
    assert_int_equal(entropy_set_num_threads(0), ENTROPY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_call), /* before this process makes a call */
        cmocka_unit_test(test_recorded_cpus),
        cmocka_unit_test(test_this_machine),
        cmocka_unit_test(test_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
