#include <float.h>
#include <math.h>
#include <string.h>

#include "../kernels/half.h"
#include "../kernels/scalar_math.h"
#include "args.h"
#include "dispatch.h"
#include "fpenv.h"
#include "row.h"
#include "threads.h"

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

/* What the gradient needs of the row's results. */
typedef struct row_results {
    float entropy, max_logit, max_logprob;
} row_results;

static row_results row_results_of(const entropy_args *a, size_t i, const ent_kernels *k,
                                  enum ent_dtype dtype, const ent_row *row, const ent_scale *scale,
                                  int threads)
{
    if (a->entropy != NULL && a->max_logit != NULL && a->max_logprob != NULL) {
        return (row_results){a->entropy[i], a->max_logit[i], a->max_logprob[i]};
    }
    row_results found;
    ent_record record;
    ent_record_init(&record, scale->T);
    ent_record_add(&record, k, dtype, row, scale, 0, threads);
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

/* The gradient of a row: what it is made of, for whoever writes a part of it. */
typedef struct gradient {
    const ent_kernels *k;
    enum ent_dtype dtype;
    ent_row row;
    char *to;
    double T;
    upstream g;
    row_results s;
    ent_scale scale;
    ent_line line;
    /* ZERO: nothing depends on the row. ALL_NAN: a result is NaN, or too much does. HUGE: the line
     * times e^(d / T) 2^40 could be more than a float holds. */
    enum { ZERO, ALL_NAN, HUGE, BY_LINE } how;
} gradient;

/* Logits in a part, if a row has several. */
#define PART ((size_t)64 * ENT_BLOCK)

static void write_part(void *context, size_t part)
{
    const gradient *a = context;
    const size_t from = part * PART, left = a->row.n - from, n = left < PART ? left : PART;
    const ent_row row = ent_part_of(&a->row, a->dtype, from, n);
    void *to = a->to + from * ent_size_of(a->dtype);
    if (a->how == ZERO) {
        memset(to, 0, n * ent_size_of(a->dtype));
        return;
    }
    const ent_fpenv caller = ent_fpenv_enter();
    if (a->how == BY_LINE) {
        a->k->gradient[a->dtype](to, &row, &a->scale, &a->line);
    }
    for (size_t i = 0; i < n && a->how != BY_LINE; i++) {
        const double z = ent_logit(a->dtype, &row, i);
        write_number(to, a->dtype, i,
                     a->how == HUGE   ? gradient_in_double(&a->g, &a->s, a->T, z, false)
                     : z != -INFINITY ? NAN
                                      : 0);
    }
    ent_fpenv_leave(caller);
}

/* Gradients of more bytes than this will not stay in cache. */
#define BEYOND_CACHE ((size_t)32 << 20)

static void find_line(gradient *a, const ent_plan *plan, size_t i, int threads)
{
    a->T = ent_temperature_of(plan->args, i);
    a->scale = ent_scale_of(a->T);
    a->s = row_results_of(plan->args, i, a->k, a->dtype, &a->row, &a->scale, threads);
    /* -p (log p + H) g_H + ... = p (slope d + offset) */
    const upstream *g = &a->g;
    const double slope = -g->entropy / a->T / a->T / a->scale.unit;
    const double offset =
        (g->logsumexp - g->target_logprob - g->entropy * (a->s.max_logprob + a->s.entropy)) / a->T;
    /* not the offset: what is too large for a float may cancel there, what is not may add up */
    const double most = fmax(fabs(g->entropy), fmax(fabs(g->logsumexp), fabs(g->target_logprob)));
    a->how = !(most / a->T <= FLT_MAX) || isnan(offset)      ? ALL_NAN
             : fabs(slope) < 0x1p78 && fabs(offset) < 0x1p85 ? BY_LINE
                                                             : HUGE;
    a->line = (ent_line){
        .M = a->s.max_logit,
        .mass = (float)ent_exp(a->s.max_logprob),
        .slope = (float)slope,
        .offset = (float)offset,
        /* in place the row has just been read: it is in cache */
        .stream = a->to != a->row.logits &&
                  plan->rows * plan->args->vocab > BEYOND_CACHE / ent_size_of(a->dtype),
    };
}

/* A call, as its threads see it. */
typedef struct call {
    ent_plan plan;
    const ent_kernels *k;
    const entropy_grads *grads;
} call;

static void backward_row(const call *c, size_t i, int threads)
{
    const ent_plan *plan = &c->plan;
    const entropy_args *args = plan->args;
    const enum ent_dtype dtype = (enum ent_dtype)args->dtype;
    gradient a = {
        .k = c->k,
        .dtype = dtype,
        .row = ent_row_of(plan, i),
        .to = (char *)c->grads->logits + ent_offset(&plan->gradient, i) * ent_size_of(dtype),
        .how = ZERO,
    };
    if (!ent_skips(args, i)) {
        a.g = upstream_of(c->grads, args, i);
    }
    if (a.g.entropy != 0 || a.g.logsumexp != 0 || a.g.target_logprob != 0) {
        find_line(&a, plan, i, threads);
    }
    const bool to_target = a.g.target_logprob != 0 && a.how != ALL_NAN;
    const size_t target = to_target ? (size_t)args->target[i] : 0;
    const double z = to_target ? ent_logit(dtype, &a.row, target) : 0;
    ent_run(write_part, &a, (a.row.n + PART - 1) / PART, threads);
    if (to_target) {
        write_number(a.to, dtype, target, gradient_in_double(&a.g, &a.s, a.T, z, true));
    }
}

static void backward_rows(void *context, size_t first, size_t end, int threads)
{
    const call *c = context;
    const ent_fpenv caller = ent_fpenv_enter();
    for (size_t i = first; i < end; i++) {
        backward_row(c, i, threads);
    }
    ent_fpenv_leave(caller);
}

int entropy_backward(const entropy_args *args, const entropy_grads *grads)
{
    call c = {.grads = grads};
    const int status = ent_plan_of(&c.plan, ENT_GRADIENT, args, grads);
    if (c.plan.rows > 0) {
        c.k = ent_dispatch();
        ent_share_rows(backward_rows, &c, c.plan.rows, args->vocab, args->num_threads);
    }
    return status;
}
