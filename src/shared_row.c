/* One long row on several threads, with the bits that one thread gives it.
 *
 * One thread adds its blocks in their order, each summed against the largest logit M of those before
 * it. So the threads first find the largest logit of every piece; then M is known wherever a piece
 * begins, and the threads sum its blocks as they are summed otherwise; then the sums of the blocks
 * are added in their order. The second reading finds the row in cache. */
#include <math.h>

#include "../kernels/sums.h"
#include "fpenv.h"
#include "row.h"
#include "threads.h"

enum { BLOCKS_IN_PIECE = 16, PIECES = 256, PIECE = BLOCKS_IN_PIECE * ENT_BLOCK };

/* Of the call that has entered the pool. */
static float maximum[PIECES];
static ent_sums block_sums[PIECES * BLOCKS_IN_PIECE];

/* What the threads are given: at most PIECES pieces of a row. */
typedef struct window {
    const ent_kernels *k;
    enum ent_dtype dtype;
    ent_row row;
    const ent_scale *scale;
    unsigned want;
    double M; /* of what came before */
} window;

static ent_row piece_of(const window *w, size_t from, size_t most)
{
    const size_t left = w->row.n - from;
    return ent_part_of(&w->row, w->dtype, from, left < most ? left : most);
}

static void find_maximum(void *context, size_t piece)
{
    const window *w = context;
    const ent_row row = piece_of(w, piece * PIECE, PIECE);
    const ent_fpenv caller = ent_fpenv_enter();
    maximum[piece] = w->k->max[w->dtype](&row);
    ent_fpenv_leave(caller);
}

/* Before it: what of NaN and infinity is stronger than any number stays. */
static double maximum_before(const window *w, size_t piece)
{
    double M = w->M;
    for (size_t i = 0; i < piece && !isnan(M); i++) {
        M = maximum[i] <= M ? M : maximum[i] + 0.0; /* -0 becomes +0 */
    }
    return M;
}

static void sum_blocks(void *context, size_t piece)
{
    const window *w = context;
    const size_t from = piece * PIECE, end = piece_of(w, from, PIECE).n + from;
    const ent_fpenv caller = ent_fpenv_enter();
    double M = maximum_before(w, piece);
    for (size_t i = from; i < end; i += ENT_BLOCK) {
        ent_sums *sums = &block_sums[i / ENT_BLOCK];
        const ent_row block = piece_of(w, i, ENT_BLOCK);
        *sums = ENT_SUMS_INIT;
        sums->M = M;
        w->k->sweep[w->dtype](sums, &block, w->scale, w->want);
        M = sums->M;
    }
    ent_fpenv_leave(caller);
}

void ent_sweep_shared(ent_sums *sums, const ent_kernels *k, enum ent_dtype dtype,
                      const ent_row *row, const ent_scale *scale, unsigned want, int threads)
{
    for (size_t from = 0; from < row->n; from += PIECES * PIECE) {
        const size_t left = row->n - from, n = left < PIECES * PIECE ? left : PIECES * PIECE;
        window w = {k, dtype, ent_part_of(row, dtype, from, n), scale, want, sums->M};
        const size_t pieces = (n + PIECE - 1) / PIECE;
        ent_run(find_maximum, &w, pieces, threads);
        ent_run(sum_blocks, &w, pieces, threads);
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
