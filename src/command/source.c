#include "source.h"

#include <math.h>

#include "entropy.h"

#define ROWS 256 /* measured in one call */

const npy *source_open(source *s, const char *path, bool bf16, float temperature,
                       const char *mask_path, const char *targets_path)
{
    *s = (source){.temperature = temperature,
                  .with_mask = mask_path != NULL,
                  .with_targets = targets_path != NULL};
    const logits *z = &s->logits;
    if (logits_open(&s->logits, path, bf16) &&
        (!s->with_mask || mask_open(&s->mask, mask_path, z)) && s->with_targets) {
        targets_open(&s->targets, targets_path, z->rows, z->vocab);
    }
    return source_failed(s);
}

const npy *source_failed(const source *s)
{
    return npy_failed(&s->logits.file)    ? &s->logits.file
           : npy_failed(&s->mask.file)    ? &s->mask.file
           : npy_failed(&s->targets.file) ? &s->targets.file
                                          : NULL;
}

void source_close(source *s)
{
    npy_close(&s->logits.file);
    mask_close(&s->mask);
    npy_close(&s->targets.file);
}

/* A call on rows of n logits. */
static entropy_args call(const source *s, const void *data, size_t rows, size_t n)
{
    return (entropy_args){.size = sizeof(entropy_args),
                          .logits = data,
                          .dtype = s->logits.dtype,
                          .batch = 1,
                          .seq = rows,
                          .vocab = n,
                          .temperature = &s->temperature};
}

/* The masks of those rows, or of that piece of a row. */
static bool apply_mask(source *s, entropy_args *args)
{
    if (s->with_mask) {
        args->allowed = mask_next(&s->mask, args->seq, args->vocab);
        args->allowed_stride = s->mask.shared ? 0 : (args->vocab + 31) / 32;
    }
    return !s->with_mask || args->allowed != NULL;
}

/* What the library has to say of up to ROWS rows. */
typedef struct results {
    float entropy[ROWS], varentropy[ROWS], logprob[ROWS];
} results;

static void ask(entropy_args *args, const source *s, const measures *m, results *r)
{
    args->entropy = r->entropy;
    args->varentropy = m->wanted[VARENTROPY] ? r->varentropy : NULL;
    args->target_logprob = s->with_targets ? r->logprob : NULL;
}

static bool store(measures *m, results *r, const int64_t *target, size_t rows)
{
    for (size_t i = 0; m->wanted[LOGPROB] && i < rows; i++) {
        r->logprob[i] = target[i] < 0 ? NAN : r->logprob[i];
    }
    float *const values[COLUMNS] = {r->entropy, r->varentropy, r->logprob};
    return measures_add(m, values, rows);
}

static bool measure_rows(source *s, const char *data, size_t rows, measures *m)
{
    const size_t vocab = s->logits.vocab;
    for (size_t i = 0; i < rows;) {
        const size_t k = rows - i < ROWS ? rows - i : ROWS;
        int64_t target[ROWS];
        results r;
        entropy_args args = call(s, data + i * vocab * s->logits.file.size, k, vocab);
        args.target = s->with_targets ? target : NULL;
        ask(&args, s, m, &r);
        if (!apply_mask(s, &args) || (s->with_targets && !targets_next(&s->targets, target, k)) ||
            entropy_forward(&args) != ENTROPY_OK || !store(m, &r, target, k)) {
            return false;
        }
        i += k;
    }
    return true;
}

/* A row of which pieces have been seen. */
typedef struct partial {
    entropy_state state;
    int64_t target;
} partial;

static bool measure_piece(source *s, const void *data, size_t n, partial *row, measures *m)
{
    const logits *z = &s->logits;
    const bool is_last = z->whole == 0;
    const size_t before = (is_last ? z->vocab : z->whole) - n;
    if (before == 0) {
        entropy_state_init(&row->state);
        row->target = -1;
        if (s->with_targets && !targets_next(&s->targets, &row->target, 1)) {
            return false;
        }
    }
    const uint64_t place = (uint64_t)row->target - before;
    const int64_t target = row->target >= 0 && place < n ? (int64_t)place : -1;
    entropy_state piece;
    entropy_args args = call(s, data, 1, n);
    args.target = &target;
    if (!apply_mask(s, &args) || entropy_forward_states(&args, &piece) != ENTROPY_OK) {
        return false;
    }
    entropy_state_merge(&row->state, &piece);
    if (!is_last) {
        return true;
    }
    results r;
    ask(&args, s, m, &r);
    return entropy_results_of_states(&row->state, 1, &args) == ENTROPY_OK &&
           store(m, &r, &row->target, 1);
}

bool measure(source *s, measures *m, progress *p)
{
    logits *z = &s->logits;
    partial row;
    const void *data;
    size_t n;
    bool ok = true;
    while (ok && (n = logits_next(z, &data)) > 0) {
        const bool whole_rows = z->vocab <= NPY_WINDOW / z->file.size;
        ok = whole_rows ? measure_rows(s, data, n / z->vocab, m)
                        : measure_piece(s, data, n, &row, m);
        progress_show(p, z->file.name, (double)z->file.taken / (double)z->file.count);
    }
    return ok && !npy_failed(&z->file) && (!s->with_mask || npy_end(&s->mask.file)) &&
           (!s->with_targets || npy_end(&s->targets.file));
}
