/* One long row on several threads, with the bits that one thread gives it.
 *
 * One thread adds its blocks in their order, each summed against the largest logit M of those before
 * it. Several threads sum pieces of the row at the same time, on the bet that M is the largest logit
 * of those pieces before theirs that are done by then. The pieces that lost the bet are summed again
 * when all is known; in a random row that is a few for every thread. Then the sums of the blocks are
 * added in their order. */
#include <math.h>
#include <stdatomic.h>

#include "../kernels/sums.h"
#include "fpenv.h"
#include "row.h"
#include "threads.h"

enum { MOST_PIECES = 256, MOST_BLOCKS = 1 << 14, LEAST_PIECE = 8 * ENT_BLOCK };

/* Of the call that has entered the pool. */
static double bet[MOST_PIECES];            /* what M was taken for */
static _Atomic double raised[MOST_PIECES]; /* M behind the piece; -inf until it is done */
static ent_sums block_sums[MOST_BLOCKS];

/* What the threads are given: as much of a row as there is room for. */
typedef struct window {
    const ent_kernels *k;
    enum ent_dtype dtype;
    ent_row row;
    const ent_scale *scale;
    unsigned want;
    double M;     /* of what came before */
    size_t piece; /* logits in one */
} window;

static ent_row part_of(const window *w, size_t from, size_t most)
{
    const size_t left = w->row.n - from;
    return ent_part_of(&w->row, w->dtype, from, left < most ? left : most);
}

/* A NaN is the largest of all. */
static double largest_before(const window *w, size_t piece)
{
    double M = w->M;
    for (size_t i = 0; i < piece && !isnan(M); i++) {
        const double other = atomic_load_explicit(&raised[i], memory_order_relaxed);
        M = other <= M ? M : other;
    }
    return M;
}

static void sum_piece(const window *w, size_t piece, double M)
{
    const size_t from = piece * w->piece, end = from + part_of(w, from, w->piece).n;
    const ent_fpenv caller = ent_fpenv_enter();
    bet[piece] = M;
    for (size_t i = from; i < end; i += ENT_BLOCK) {
        ent_sums *sums = &block_sums[i / ENT_BLOCK];
        const ent_row block = part_of(w, i, ENT_BLOCK);
        *sums = ENT_SUMS_INIT;
        sums->M = M;
        w->k->sweep[w->dtype](sums, &block, w->scale, w->want);
        M = sums->M;
    }
    atomic_store_explicit(&raised[piece], M, memory_order_relaxed);
    ent_fpenv_leave(caller);
}

static void make_bet(void *context, size_t piece)
{
    sum_piece(context, piece, largest_before(context, piece));
}

/* All bets are made, so M is known; and where that is NaN by now, no sum matters any more. */
static void mend_bet(void *context, size_t piece)
{
    const double M = largest_before(context, piece);
    if (bet[piece] != M && !isnan(M)) {
        sum_piece(context, piece, M);
    }
}

static void sum_window(window *w, int threads)
{
    const size_t pieces = (w->row.n + w->piece - 1) / w->piece;
    for (size_t i = 0; i < pieces; i++) {
        atomic_store_explicit(&raised[i], -INFINITY, memory_order_relaxed);
    }
    ent_run(make_bet, w, pieces, threads);
    ent_run(mend_bet, w, pieces, threads);
}

void ent_sweep_shared(ent_sums *sums, const ent_kernels *k, enum ent_dtype dtype,
                      const ent_row *row, const ent_scale *scale, unsigned want, int threads)
{
    const size_t most = (size_t)MOST_BLOCKS * ENT_BLOCK;
    for (size_t from = 0; from < row->n; from += most) {
        const size_t left = row->n - from, n = left < most ? left : most;
        const size_t piece = (n / MOST_PIECES / ENT_BLOCK + 1) * ENT_BLOCK;
        window w = {.k = k,
                    .dtype = dtype,
                    .row = ent_part_of(row, dtype, from, n),
                    .scale = scale,
                    .want = want,
                    .M = sums->M,
                    .piece = piece > LEAST_PIECE ? piece : LEAST_PIECE};
        sum_window(&w, threads);
        for (size_t i = 0; i < n; i += ENT_BLOCK) {
            const ent_sums *block = &block_sums[i / ENT_BLOCK];
            if (block->M > sums->M) {
                sums->peak = from + i;
            }
            sums->support += block->support;
            ent_sums_merge(sums, block, scale->T);
        }
    }
}
