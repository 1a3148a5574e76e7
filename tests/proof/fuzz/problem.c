#include "problem.h"

#include "rooms.h"

uint64_t take_number(input *in)
{
    const uint64_t near = (uint64_t)take_below(in, 5) - 2;
    switch (take_below(in, 4)) {
    case 0: return take8(in);
    case 1: return (UINT64_C(1) << take_below(in, 64)) + near;
    case 2: return (uint64_t)PTRDIFF_MAX / (1 + (uint64_t)take8(in)) + near;
    default: return take64(in);
    }
}

/* ---- The shape. ---- */

static void draw_shape(entropy_args *a, input *in)
{
    a->dtype = (int)take_below(in, 3);
    a->batch = 1 + take_below(in, 3);
    a->seq = 1 + take_below(in, 5);
    switch (take_below(in, 8)) {
    case 7: /* blocks of 1024, and what is left of them */
        a->vocab = 900 + take16(in) % (MOST_VOCAB - 900);
        a->batch = 1;
        a->seq = 1 + a->seq % 2;
        break;
    case 6: /* more rows than are looked at together */
        a->vocab = 1 + take_below(in, 12);
        a->batch = 1;
        a->seq = 15 + take_below(in, 20);
        break;
    case 5: a->vocab = 1 + take_below(in, 140); break;
    default: a->vocab = 1 + take_below(in, 40); break;
    }
}

static ptrdiff_t draw_stride(const entropy_args *a, size_t transposed, input *in)
{
    const size_t vocab = a->vocab;
    switch (take_below(in, 8)) {
    case 3: return (ptrdiff_t)vocab + (ptrdiff_t)take_below(in, 40);
    case 4: return (ptrdiff_t)transposed;
    case 5: return (ptrdiff_t)vocab + (ptrdiff_t)take_below(in, 3) - 1;
    case 6: return (ptrdiff_t)(vocab * (1 + take_below(in, 6)));
    case 7: return (ptrdiff_t)vocab;
    default: return 0;
    }
}

static void spoil(problem *p, input *in)
{
    entropy_args *a = &p->args;
    entropy_grads *g = &p->grads;
    switch (take_below(in, 18)) {
    case 0: a->size = take8(in) & 1 ? take64(in) : sizeof *a + take_below(in, 17) - 8; break;
    case 1: g->size = take8(in) & 1 ? take64(in) : sizeof *g + take_below(in, 17) - 8; break;
    case 2: a->dtype = (int)take32(in); break;
    case 3: a->num_threads = (int)take32(in); break;
    case 4: a->temperature_stride = take_number(in); break;
    case 5: a->vocab = take_number(in); break;
    case 6: a->batch = take_number(in); break;
    case 7: a->seq = take_number(in); break;
    case 8: a->batch_stride = (ptrdiff_t)take_number(in); break;
    case 9: a->seq_stride = (ptrdiff_t)take_number(in); break;
    case 10: g->batch_stride = (ptrdiff_t)take_number(in); break;
    case 11: g->seq_stride = (ptrdiff_t)take_number(in); break;
    case 12: a->allowed_stride = take_number(in); break;
    case 13: p->without_output = true; break;
    case 14: p->without_target = true; break;
    case 15: p->without_args = true; break;
    case 16: p->without_grads = true; break;
    default: a->batch_stride = (ptrdiff_t)(0 - (size_t)a->batch_stride); break;
    }
}

/* ---- What the arrays hold. ---- */

void draw_logits(input *in, int dtype, void *row, size_t n)
{
    enum { PERIOD = 64 };
    static float z[MOST_VOCAB];
    const size_t size = dtype_size(dtype);
    uint8_t *bytes = row;
    uint8_t raw[PERIOD * sizeof(float)];
    const unsigned style = take8(in), kind = style % (KINDS + 4u);
    rng r = {(uint64_t)take16(in) + 1};
    const size_t period = 1 + take_below(in, PERIOD);
    if (kind < KINDS) {
        fill_row((row_kind)kind, z, n, &r);
        narrow(dtype, row, z, n);
    } else if (kind == KINDS) { /* a number and its neighbours */
        const float base = take_float(in), step = take_float(in);
        for (size_t i = 0; i < n; i++) z[i] = base + step * (float)((int)random_below(&r, 9) - 4);
        narrow(dtype, row, z, n);
    } else { /* any bits, one after another or mixed */
        take_bytes(in, raw, period * size);
        for (size_t i = 0; i < n; i++) {
            const size_t from = kind == KINDS + 1 ? i % period : random_below(&r, period);
            memcpy(bytes + i * size, raw + from * size, size);
        }
    }
    for (unsigned k = style >> 6; k > 0; k--) {
        take_bytes(in, bytes + take16(in) % n * size, size);
    }
}

static void *input_room(problem *p, size_t size, int fill)
{
    expect(p->count < MOST_INPUTS, "too many inputs for the harness");
    void *at = room(p->place, size, fill), *copy = malloc(size + 1);
    p->inputs[p->count].at = at;
    p->inputs[p->count].copy = copy;
    p->inputs[p->count++].size = size;
    return at;
}

static void draw_masks(problem *p, input *in, unsigned options)
{
    entropy_args *a = &p->args;
    if (options & 1) {
        uint8_t *mask = input_room(p, p->rows, 0);
        take_bytes(in, mask, p->rows);
        a->row_mask = mask;
    }
    if (options & 2) {
        const size_t words = (p->rows - 1) * a->allowed_stride + (a->vocab + 31) / 32;
        uint32_t *allowed = input_room(p, words * sizeof *allowed, 0);
        rng r = {(uint64_t)take8(in) + 1};
        fill_mask(allowed, words * 32, 1 + take_below(in, 6), &r);
        take_bytes(in, allowed,
                   take_below(in, 9) < words * 4 ? take_below(in, 9) % (words * 4) : 0);
        a->allowed = allowed;
    }
}

static void draw_values(problem *p, input *in, unsigned options)
{
    entropy_args *a = &p->args;
    static const float usual[] = {1, 0.7f, 2, 0.1f, 30, 0x1p-64f, 0x1p64f};
    if (options & 4) {
        const size_t n = a->temperature_stride ? p->rows : 1;
        float *T = input_room(p, n * sizeof *T, 0);
        for (size_t i = 0; i < n; i++) {
            const unsigned which = take_below(in, 16);
            T[i] = which < 7 ? usual[which] : take_float(in);
            if (which < 15 && !(T[i] >= 0x1p-64f && T[i] <= 0x1p64f)) {
                T[i] = 1; /* another is not in the domain, as it may be */
            }
        }
        a->temperature = T;
    }
    if ((options & 8) && !p->without_target) {
        int64_t *target = input_room(p, p->rows * sizeof *target, 0);
        for (size_t i = 0; i < p->rows; i++) {
            const unsigned which = take_below(in, 32);
            target[i] = which == 31  ? (int64_t)take64(in)
                        : which > 28 ? (int64_t)a->vocab + take_below(in, 3) - 1 /* or too large */
                        : which > 24 ? -1
                                     : (int64_t)(take16(in) % a->vocab);
        }
        a->target = target;
    }
}

static const float *draw_loss(problem *p, input *in)
{
    static const float usual[] = {1, 0, -0.0f, -0.9f, 1e-3f};
    float *g = input_room(p, p->rows * sizeof *g, 0);
    for (size_t i = 0; i < p->rows; i++) {
        const unsigned which = take_below(in, 8);
        g[i] = which < 5 ? usual[which] : which < 7 ? take_float(in) / 0x1p64f : take_float(in);
    }
    return g;
}

static void draw_arrays(problem *p, input *in, unsigned options)
{
    entropy_args *a = &p->args;
    const size_t size = dtype_size(a->dtype);
    uint8_t *logits = input_room(p, p->in.span * size, 0xff); /* NaN in every dtype */
    draw_masks(p, in, options);
    draw_values(p, in, options);
    for (size_t i = 0; i < p->rows; i++) {
        if (a->row_mask == NULL || a->row_mask[i] != 0) {
            draw_logits(in, a->dtype, logits + row_start(&p->in, i) * size, a->vocab);
        }
    }
    a->logits = logits;
    p->grads.entropy = options & 16 ? NULL : draw_loss(p, in);
    p->grads.logsumexp = options & 32 ? draw_loss(p, in) : NULL;
    p->grads.target_logprob =
        (options & 64) && (a->target != NULL || p->without_target) ? draw_loss(p, in) : NULL;
}

/* Pointers that are options are there or not; who follows one of them is found out. */
static void forbid_arrays(problem *p, unsigned options)
{
    void *nowhere = room(ROOM_BEFORE_PAGE, 0, 0);
    entropy_args *a = &p->args;
    a->row_mask = options & 1 ? nowhere : NULL;
    a->allowed = options & 2 ? nowhere : NULL;
    a->temperature = options & 4 ? nowhere : NULL;
    a->target = options & 8 ? nowhere : NULL;
    p->grads.entropy = p->grads.target_logprob = nowhere;
}

static bool is_readable(problem *p, unsigned options)
{
    const entropy_args *a = &p->args;
    const entropy_grads *g = &p->grads;
    if (a->batch == 0 || a->batch > 64 || a->seq == 0 || a->seq > 64 || a->batch * a->seq > 64 ||
        a->vocab == 0 || a->vocab > MOST_VOCAB || a->dtype < 0 || a->dtype > 2 ||
        a->temperature_stride > 1) {
        return false;
    }
    const size_t words = (a->vocab + 31) / 32, most = ROOM_MOST / sizeof(float);
    return (!(options & 2) || a->allowed_stride == 0 ||
            (a->allowed_stride >= words && a->allowed_stride < 256)) &&
           layout_of(&p->in, a, a->batch_stride, a->seq_stride) && p->in.span <= most &&
           layout_of(&p->out, a, g->batch_stride, g->seq_stride) && p->out.span <= most;
}

void problem_draw(problem *p, input *in)
{
    *p = (problem){.args.size = sizeof p->args, .grads.size = sizeof p->grads};
    entropy_args *a = &p->args;
    const unsigned faults = take_below(in, 8), options = take8(in);
    p->place = take_below(in, ROOM_PLACES);
    p->environment = take16(in);
    draw_shape(a, in);
    if (options & 128) {
        a->batch_stride = draw_stride(a, a->vocab, in);
        a->seq_stride = draw_stride(a, a->batch * a->vocab, in);
        p->grads.batch_stride = draw_stride(a, a->vocab, in);
        p->grads.seq_stride = draw_stride(a, a->batch * a->vocab, in);
    }
    const size_t words = (a->vocab + 31) / 32, strides[4] = {0, words, words, words + 1};
    a->allowed_stride = options & 2 ? strides[take_below(in, 4)] : 0;
    a->temperature_stride = options & 4 ? take_below(in, 2) : 0;
    for (unsigned k = faults > 4 ? faults - 4 : 0; k > 0; k--) {
        spoil(p, in);
    }
    p->readable = is_readable(p, options);
    p->rows = p->readable ? a->batch * a->seq : 0;
    if (p->readable) {
        draw_arrays(p, in, options);
    } else {
        forbid_arrays(p, options);
    }
    for (size_t i = 0; i < p->count; i++) {
        memcpy(p->inputs[i].copy, p->inputs[i].at, p->inputs[i].size);
    }
}

void problem_check(const problem *p)
{
    rooms_check();
    for (size_t i = 0; i < p->count; i++) {
        expect(memcmp(p->inputs[i].copy, p->inputs[i].at, p->inputs[i].size) == 0,
               "array %zu, which is read, was written", i);
    }
}

void problem_free(problem *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->inputs[i].copy);
    }
    rooms_free();
}
