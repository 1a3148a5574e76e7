#include "args.h"

#include "../kernels/kernels.h"
#include "fpenv.h"

bool ent_too_many(size_t n, size_t size)
{
    return n > PTRDIFF_MAX / size;
}

bool ent_is_temperature(double T)
{
    return T >= 0x1p-64 && T <= 0x1p64;
}

/* (length - 1) stride + rest is at most `most`. */
static bool reaches(size_t length, size_t stride, size_t rest, size_t most)
{
    return rest <= most && (stride == 0 || length - 1 <= (most - rest) / stride);
}

/* False if no array has these strides, with elements of the given size. */
static bool take_layout(ent_layout *l, const entropy_args *a, ptrdiff_t batch_stride,
                        ptrdiff_t seq_stride, size_t size)
{
    const size_t most = PTRDIFF_MAX / size;
    if (seq_stride == 0 && a->vocab <= most) {
        seq_stride = (ptrdiff_t)a->vocab;
    }
    if (batch_stride == 0 && a->batch > 1 && seq_stride > 0 &&
        a->seq <= most / (size_t)seq_stride) {
        batch_stride = (ptrdiff_t)a->seq * seq_stride;
    }
    /* of an axis of length 1 none is needed */
    const size_t inner = a->seq == 1 ? 0 : (size_t)seq_stride;
    const size_t outer = a->batch == 1 ? 0 : (size_t)batch_stride;
    if ((a->seq > 1 && (seq_stride <= 0 || inner < a->vocab)) ||
        (a->batch > 1 && (batch_stride <= 0 || outer < a->vocab)) ||
        !reaches(a->seq, inner, a->vocab, most) ||
        !reaches(a->batch, outer, (a->seq - 1) * inner + a->vocab, most)) {
        return false;
    }
    if (a->seq == 1) {
        *l = (ent_layout){.seq = a->batch, .seq_stride = outer};
    } else if (outer == a->seq * inner) { /* one axis is as good, and quicker to walk */
        *l = (ent_layout){.seq = a->batch * a->seq, .seq_stride = inner};
    } else {
        *l = (ent_layout){a->seq, outer, inner};
    }
    return true;
}

/* Two rows have an element in common. Rows that are a batches and b positions apart, forward and
 * back, start |a batch_stride - b seq_stride| elements from each other; for each a of the shorter
 * axis only the two b that bring them nearest can matter. */
static bool rows_overlap(const ent_layout *l, size_t rows, size_t vocab)
{
    const size_t batch = rows / l->seq;
    const bool by_batch = batch <= l->seq;
    const size_t outer = by_batch ? batch : l->seq, inner = by_batch ? l->seq : batch;
    const size_t far = by_batch ? l->batch_stride : l->seq_stride;
    const size_t near = by_batch ? l->seq_stride : l->batch_stride;
    for (size_t a = 1; a < outer && inner > 1; a++) {
        const size_t b = a * far / near, rest = a * far % near;
        if ((b < inner && rest < vocab) || (b + 1 < inner && near - rest < vocab)) {
            return true;
        }
    }
    return false;
}

/* How many rows there are; 0 if there cannot be such an array. */
static size_t check_shape(ent_plan *plan, const entropy_args *a, const entropy_grads *g)
{
    const size_t size = ent_size_of((enum ent_dtype)a->dtype), words = ent_mask_words(a->vocab);
    if (a->vocab == 0 || a->batch > PTRDIFF_MAX / sizeof(entropy_state) / a->seq ||
        !take_layout(&plan->logits, a, a->batch_stride, a->seq_stride, size)) {
        return 0;
    }
    const size_t rows = a->batch * a->seq;
    if (a->allowed != NULL && a->allowed_stride != 0 &&
        (a->allowed_stride < words ||
         rows - 1 > (PTRDIFF_MAX / sizeof *a->allowed - words) / a->allowed_stride)) {
        return 0;
    }
    if (g != NULL && (!take_layout(&plan->gradient, a, g->batch_stride, g->seq_stride, size) ||
                      rows_overlap(&plan->gradient, rows, a->vocab))) {
        return 0;
    }
    return rows;
}

/* In the environment of fpenv.h, where looking at a NaN has no consequences. */
NOINLINE int check_values(const entropy_args *a, size_t rows)
{
    for (size_t i = 0; i < rows && (a->temperature != NULL || a->target != NULL); i++) {
        if (ent_skips(a, i)) {
            continue;
        }
        if (a->temperature != NULL &&
            !ent_is_temperature(a->temperature[i * a->temperature_stride])) {
            return ENTROPY_ERR_VALUE;
        }
        if (a->target != NULL && a->target[i] >= 0 && (uint64_t)a->target[i] >= a->vocab) {
            return ENTROPY_ERR_VALUE;
        }
    }
    return ENTROPY_OK;
}

int ent_plan_of(ent_plan *plan, enum ent_call call, const entropy_args *args, const void *output)
{
    const entropy_grads *grads = call == ENT_GRADIENT ? output : NULL;
    *plan = (ent_plan){.args = args};
    if (args == NULL || (call == ENT_GRADIENT && grads == NULL)) {
        return ENTROPY_ERR_NULL;
    }
    if (args->size != sizeof *args || (grads != NULL && grads->size != sizeof *grads)) {
        return ENTROPY_ERR_VALUE;
    }
    if (args->batch == 0 || args->seq == 0) {
        return ENTROPY_OK;
    }
    if (args->dtype < ENTROPY_F32 || args->dtype > ENTROPY_BF16 || args->num_threads < 0 ||
        args->temperature_stride > 1) {
        return ENTROPY_ERR_VALUE;
    }
    const size_t rows = check_shape(plan, args, grads);
    if (rows == 0) {
        return ENTROPY_ERR_SHAPE;
    }
    const float *of_target = call == ENT_RESULTS  ? args->target_logprob
                             : call == ENT_STATES ? NULL
                                                  : grads->target_logprob;
    if (args->logits == NULL || output == NULL || (grads != NULL && grads->logits == NULL) ||
        (of_target != NULL && args->target == NULL)) {
        return ENTROPY_ERR_NULL;
    }
    const ent_fpenv caller = ent_fpenv_enter();
    const int status = check_values(args, rows);
    ent_fpenv_leave(caller);
    plan->rows = status == ENTROPY_OK ? rows : 0;
    return status;
}
