#include "logits.h"

#include <math.h>
#include <string.h>

#include "../kernels/half.h"

const char *const dtype_names[DTYPES] = {"f32", "f16", "bf16"};

size_t dtype_size(int dtype)
{
    return dtype == ENTROPY_F32 ? sizeof(float) : sizeof(uint16_t);
}

void narrow(int dtype, void *to, const float *z, size_t n)
{
    uint16_t *half = to;
    for (size_t i = 0; i < n; i++) {
        switch (dtype) {
        case ENTROPY_F16: half[i] = ent_to_f16(z[i]); break;
        case ENTROPY_BF16: half[i] = ent_to_bf16(z[i]); break;
        default: ((float *)to)[i] = z[i]; break;
        }
    }
}

double element(int dtype, const void *array, size_t i)
{
    const uint16_t *half = array;
    switch (dtype) {
    case ENTROPY_F16: return ent_from_f16(half[i]);
    case ENTROPY_BF16: return ent_from_bf16(half[i]);
    default: return ((const float *)array)[i];
    }
}

void widen(int dtype, double *to, const void *row, const uint32_t *allowed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bool part = allowed == NULL || allowed[i / 32] >> i % 32 & 1;
        to[i] = part ? element(dtype, row, i) : -INFINITY;
    }
}

void fill_mask(uint32_t *allowed, size_t n, unsigned one_in, rng *r)
{
    for (size_t word = 0; word < (n + 31) / 32; word++) {
        allowed[word] = 0;
        for (unsigned bit = 0; bit < 32; bit++) {
            allowed[word] |= (uint32_t)(random_below(r, one_in) != 0) << bit;
        }
    }
}

void results_clear(results *r)
{
    memset(r, 0x5a, sizeof *r);
}

void want(entropy_args *args, results *r, unsigned wanted)
{
    args->entropy = wanted & 1 ? r->entropy : NULL;
    args->varentropy = wanted & 2 ? r->varentropy : NULL;
    args->logsumexp = wanted & 4 ? r->logsumexp : NULL;
    args->max_logit = wanted & 8 ? r->max_logit : NULL;
    args->max_logprob = wanted & 16 ? r->max_logprob : NULL;
    args->target_logprob = wanted & 32 ? r->target_logprob : NULL;
    args->argmax = wanted & 64 ? r->argmax : NULL;
    args->support = wanted & 128 ? r->support : NULL;
}

entropy_args args_of(int dtype, const void *logits, size_t rows, size_t vocab)
{
    return (entropy_args){.size = sizeof(entropy_args),
                          .logits = logits,
                          .dtype = dtype,
                          .batch = 1,
                          .seq = rows,
                          .vocab = vocab};
}
