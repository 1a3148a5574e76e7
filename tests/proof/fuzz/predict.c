#include "predict.h"

#include "input.h"

/* Numbers that stop growing far above everything that matters. */
typedef unsigned __int128 huge;
#define ENDLESS ((huge)1 << 100)

static huge times(huge a, huge b)
{
    return a != 0 && b > ENDLESS / a ? ENDLESS : a * b;
}

static bool fits(huge elements, size_t size)
{
    return times(elements, size) <= PTRDIFF_MAX;
}

static size_t size_of(int dtype)
{
    return dtype == ENTROPY_F32 ? 4 : 2;
}

bool layout_of(layout *l, const entropy_args *a, ptrdiff_t batch_stride, ptrdiff_t seq_stride)
{
    const huge vocab = a->vocab;
    if ((a->seq > 1 && seq_stride < 0) || (a->batch > 1 && batch_stride < 0)) {
        return false;
    }
    /* even where seq is 1 the dense batch_stride is seq * seq_stride, and that cannot be negative */
    if (a->batch > 1 && batch_stride == 0 && seq_stride < 0) {
        return false;
    }
    const huge inner = seq_stride == 0 ? vocab : seq_stride < 0 ? 0 : (huge)seq_stride;
    const huge outer = batch_stride == 0  ? times(a->seq, inner)
                       : batch_stride < 0 ? 0
                                          : (huge)batch_stride;
    if ((a->seq > 1 && inner < vocab) || (a->batch > 1 && outer < vocab)) {
        return false;
    }
    const huge span = times(a->batch - 1, outer) + times(a->seq - 1, inner) + vocab;
    *l = (layout){a->batch, a->seq, a->vocab, (size_t)outer, (size_t)inner, (size_t)span};
    return fits(span, size_of(a->dtype));
}

size_t row_start(const layout *l, size_t row)
{
    return row / l->seq * l->batch_stride + row % l->seq * l->seq_stride;
}

static int ascending(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

bool rows_overlap(const layout *l)
{
    static size_t start[MOST_COMPARED];
    bool overlap = false;
    if (l->batch == 1 || l->seq == 1) {
        return false; /* they are a stride apart, and that is not below vocab */
    }
    const size_t rows = l->batch * l->seq;
    for (size_t i = 0; i < rows; i++) {
        start[i] = row_start(l, i);
    }
    qsort(start, rows, sizeof *start, ascending);
    for (size_t i = 1; i < rows; i++) {
        overlap = overlap || start[i] - start[i - 1] < l->vocab;
    }
    return overlap;
}

static bool shape_is_wrong(const entropy_args *a, const entropy_grads *g)
{
    layout l;
    const huge rows = times(a->batch, a->seq), words = ((huge)a->vocab + 31) / 32;
    /* The simple calls, too, refuse rows whose states would be too many: 2^56 of them. */
    if (a->vocab == 0 || !fits(rows, sizeof(entropy_state)) ||
        !layout_of(&l, a, a->batch_stride, a->seq_stride)) {
        return true;
    }
    if (a->allowed != NULL && a->allowed_stride != 0 &&
        (a->allowed_stride < words || !fits(times(rows - 1, a->allowed_stride) + words, 4))) {
        return true;
    }
    return g != NULL && (!layout_of(&l, a, g->batch_stride, g->seq_stride) || rows_overlap(&l));
}

int predict_shape(enum call call, const entropy_args *a, const void *output)
{
    const entropy_grads *g = call == BACKWARD ? output : NULL;
    if (a == NULL || (call == BACKWARD && g == NULL)) {
        return ENTROPY_ERR_NULL;
    }
    if (a->size != sizeof *a || (g != NULL && g->size != sizeof *g)) {
        return ENTROPY_ERR_VALUE;
    }
    if (a->batch == 0 || a->seq == 0) {
        return ENTROPY_OK;
    }
    if (a->dtype < 0 || a->dtype > 2 || a->num_threads < 0 || a->temperature_stride > 1) {
        return ENTROPY_ERR_VALUE;
    }
    if (shape_is_wrong(a, g)) {
        return ENTROPY_ERR_SHAPE;
    }
    const bool with_output = call == BACKWARD ? g->logits != NULL : output != NULL;
    const bool needs_target = (call == FORWARD && a->target_logprob != NULL) ||
                              (call == BACKWARD && g->target_logprob != NULL);
    if (a->logits == NULL || (call != FORWARD && !with_output) ||
        (needs_target && a->target == NULL)) {
        return ENTROPY_ERR_NULL;
    }
    return ENTROPY_OK;
}

int predict(enum call call, const entropy_args *a, const void *output)
{
    const int status = predict_shape(call, a, output);
    const size_t rows = status == ENTROPY_OK ? a->batch * a->seq : 0;
    for (size_t i = 0; i < rows; i++) {
        if (a->row_mask != NULL && a->row_mask[i] == 0) {
            continue;
        }
        if (a->temperature != NULL) {
            const double T = a->temperature[a->temperature_stride * i];
            if (!(T >= 0x1p-64 && T <= 0x1p64)) {
                return ENTROPY_ERR_VALUE;
            }
        }
        if (a->target != NULL && a->target[i] >= 0 && (huge)a->target[i] >= a->vocab) {
            return ENTROPY_ERR_VALUE;
        }
    }
    return status;
}
