/* What one writes in C, with the signature of entropy_f32. How it is compiled makes the difference:
 * build.py has the flags, and gives them as NAME. */
#include <math.h>
#include <stddef.h>

#ifdef SLEEF_LANES
#include <sleef.h>
#endif

static float maximum(const float *z, size_t n)
{
    float max = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        max = z[i] > max ? z[i] : max;
    }
    return max;
}

#ifndef SLEEF_LANES

static float row_entropy(const float *z, size_t n)
{
    const float max = maximum(z, n);
    float sum = 0, weighted = 0;
    for (size_t i = 0; i < n; i++) {
        const float e = expf(z[i] - max);
        sum += e;
        weighted += z[i] * e;
    }
    return max + logf(sum) - weighted / sum;
}

#else

#if SLEEF_LANES == 16
typedef __m512 vector;
#define LOAD _mm512_loadu_ps
#define EXP Sleef_expf16_u10
#else
typedef __m256 vector;
#define LOAD _mm256_loadu_ps
#define EXP Sleef_expf8_u10
#endif

static float row_entropy(const float *z, size_t n)
{
    const float max = maximum(z, n);
    vector sums = {0}, weighteds = {0};
    size_t i = 0;
    for (; i + SLEEF_LANES <= n; i += SLEEF_LANES) {
        const vector x = LOAD(z + i), e = EXP(x - max);
        sums += e;
        weighteds += x * e;
    }
    float sum = 0, weighted = 0;
    for (size_t j = 0; j < SLEEF_LANES; j++) {
        sum += sums[j];
        weighted += weighteds[j];
    }
    for (; i < n; i++) {
        const float e = Sleef_expf_u10(z[i] - max);
        sum += e;
        weighted += z[i] * e;
    }
    return max + logf(sum) - weighted / sum;
}

#endif

int rows_entropy(const float *logits, size_t batch, size_t seq, size_t vocab, float *out)
{
#pragma omp parallel for if (batch * seq > 1)
    for (size_t row = 0; row < batch * seq; row++) {
        out[row] = row_entropy(logits + row * vocab, vocab);
    }
    return 0;
}

const char *name(void)
{
    return NAME;
}

/* Whether this machine has the instructions of a generic -march. */
int supported(void)
{
#ifdef __AVX512F__
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif defined __AVX2__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 1;
#endif
}
