#include <float.h>
#include <math.h>
#include <string.h>

#include "../kernels/half.h"
#include "../kernels/scalar_math.h"
#include "args.h"
#include "dispatch.h"
#include "fpenv.h"
#include "row.h"

/* The gradients of the loss with respect to the results of a row. */
typedef struct upstream {
    double entropy, logsumexp, target_logprob;
} upstream;

static double at(const float *gradient, size_t i)
{
    return gradient != NULL ? gradient[i] : 0;
}

static upstream upstream_of(const entropy_grads *g, const entropy_args *a, size_t i)
{
    const bool target = g->target_logprob != NULL && a->target[i] >= 0;
    return (upstream){at(g->entropy, i), at(g->logsumexp, i),
                      target ? at(g->target_logprob, i) : 0};
}

static void write_number(void *to, enum ent_dtype dtype, size_t i, float x)
{
    const uint16_t half = dtype == ENT_F16 ? ent_to_f16(x) : ent_to_bf16(x);
    if (dtype == ENT_F32) {
        ((float *)to)[i] = x;
    } else {
        ((uint16_t *)to)[i] = half == 0x8000 ? 0 : half;
    }
}

/* NaN for every logit that takes part, 0 for the others. */
static void write_nan(void *to, enum ent_dtype dtype, const ent_row *row)
{
    for (size_t i = 0; i < row->n; i++) {
        const bool part = ent_logit(dtype, row, i) != -INFINITY;
        write_number(to, dtype, i, part ? NAN : 0);
    }
}

/* What the gradient needs of the row's results. */
typedef struct row_results {
    float entropy, max_logit, max_logprob;
} row_results;

static row_results row_results_of(const entropy_args *a, size_t i, const ent_kernels *k,
                                  enum ent_dtype dtype, const ent_row *row, const ent_scale *scale)
{
    if (a->entropy != NULL && a->max_logit != NULL && a->max_logprob != NULL) {
        return (row_results){a->entropy[i], a->max_logit[i], a->max_logprob[i]};
    }
    row_results found;
    ent_record record;
    ent_record_init(&record, scale->T);
    ent_record_add(&record, k, dtype, row, scale, 0);
    const entropy_args results = {.entropy = &found.entropy,
                                  .max_logit = &found.max_logit,
                                  .max_logprob = &found.max_logprob};
    ent_write_results(&results, k, 0, &record, 1);
    return found;
}

/* In double: for the target, where the kernel would lose the digits of 1 - p, and where it would
 * overflow. */
static float gradient_in_double(const upstream *g, const row_results *s, double T, double z,
                                bool is_target)
{
    if ((float)(z - s->max_logit) == -INFINITY) { /* it takes no part */
        return 0;
    }
    const double log_p = (z - s->max_logit) / T + s->max_logprob, p = ent_exp(log_p);
    const double others = g->logsumexp - g->entropy * (log_p + s->entropy);
    const double x = (p * others - g->target_logprob * (is_target ? ent_expm1(log_p) : p)) / T;
    return fabs(x) < FLT_MIN ? 0 : (float)x;
}

/* Gradients of more bytes than this will not stay in cache. */
#define BEYOND_CACHE ((size_t)32 << 20)

static void backward_row(const ent_kernels *k, const ent_plan *plan, const entropy_grads *grads,
                         size_t i)
{
    const entropy_args *a = plan->args;
    const enum ent_dtype dtype = (enum ent_dtype)a->dtype;
    const size_t size = ent_size_of(dtype);
    void *to = (char *)grads->logits + ent_offset(&plan->gradient, i) * size;
    upstream g = {0, 0, 0};
    if (!ent_skips(a, i)) {
        g = upstream_of(grads, a, i);
    }
    if (g.entropy == 0 && g.logsumexp == 0 && g.target_logprob == 0) {
        memset(to, 0, a->vocab * size);
        return;
    }
    const ent_row row = ent_row_of(plan, i);
    const double T = ent_temperature_of(a, i);
    const ent_scale scale = ent_scale_of(T);
    const row_results s = row_results_of(a, i, k, dtype, &row, &scale);
    /* -p (log p + H) g_H + ... = p (slope d + offset) */
    const double slope = -g.entropy / T / T / scale.unit;
    const double offset =
        (g.logsumexp - g.target_logprob - g.entropy * (s.max_logprob + s.entropy)) / T;
    if (!(fabs(slope) <= FLT_MAX && fabs(offset) <= FLT_MAX)) { /* or one of the results is NaN */
        write_nan(to, dtype, &row);
        return;
    }
    const size_t target = g.target_logprob != 0 ? (size_t)a->target[i] : 0;
    const double z = g.target_logprob != 0 ? ent_logit(dtype, &row, target) : 0;
    const ent_line line = {
        .M = s.max_logit,
        .mass = (float)ent_exp(s.max_logprob),
        .slope = (float)slope,
        .offset = (float)offset,
        /* in place the row has just been read: it is in cache */
        .stream = to != row.logits && plan->rows * a->vocab > BEYOND_CACHE / size,
    };
    if (fabs(slope) < 0x1p78 && fabs(offset) < 0x1p85) {
        k->gradient[dtype](to, &row, &scale, &line);
    } else { /* times e^(d / T) 2^40 that could be more than a float holds */
        for (size_t j = 0; j < row.n; j++) {
            write_number(to, dtype, j,
                         gradient_in_double(&g, &s, T, ent_logit(dtype, &row, j), false));
        }
    }
    if (g.target_logprob != 0) {
        write_number(to, dtype, target, gradient_in_double(&g, &s, T, z, true));
    }
}

int entropy_backward(const entropy_args *args, const entropy_grads *grads)
{
    ent_plan plan;
    const int status = ent_plan_of(&plan, ENT_GRADIENT, args, grads);
    if (plan.rows > 0) {
        const ent_kernels *k = ent_dispatch();
        const ent_fpenv caller = ent_fpenv_enter();
        for (size_t i = 0; i < plan.rows; i++) {
            backward_row(k, &plan, grads, i);
        }
        ent_fpenv_leave(caller);
    }
    return status;
}
