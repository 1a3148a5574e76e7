/* Short rows, of one quad or two, side by side: what one of them waits for, the others need not. The
 * sums are those of the sweep, which has the same operations in the same order. */
#ifndef ENT_OP_SHORT_H
#define ENT_OP_SHORT_H

#include "op_block.h"

_Static_assert(ENT_SHORT == 2 * QUAD, "short_rows has room for two quads");

/* Vector j of a row, whether it has so many or not. */
INLINE vf32 load_short(const source *s, int j)
{
    const size_t i = (size_t)j * LANES;
    return i < s->row.n ? load(s, i, s->row.n - i) : v_set1(-INFINITY);
}

/* -0 becomes +0 */
INLINE float max_short(const source *s, int count)
{
    vf32 max = load(s, 0, s->row.n);
    for (int j = 1; j < count; j++) max = v_max(load_short(s, j), max);
    return v_hmax(max) + 0.0f;
}

/* The anchors of several rows, as arrays, of which compilers make vectors. Of a row that is far, or
 * has no finite maximum, nothing else is right. A cold one counts as far. */
typedef struct anchors {
    double unit[ENT_SHORT_ROWS];
    float M[ENT_SHORT_ROWS], floor[ENT_SHORT_ROWS], c[EXP_TERMS][ENT_SHORT_ROWS];
    bool far[ENT_SHORT_ROWS];
} anchors;

NOINLINE void find_anchors(anchors *a, const ent_short *rows, size_t n)
{
    double y[ENT_SHORT_ROWS] = {0}, base[ENT_SHORT_ROWS] = {0}, T[ENT_SHORT_ROWS] = {0};
    for (size_t i = 0; i < n; i++) {
        const ent_scale *scale = rows[i].scale;
        y[i] = (double)a->M[i] * ((double)scale->hi + scale->lo);
        a->far[i] = ent_is_far(y[i]) || is_cold(scale);
        base[i] = a->far[i] ? 0 : nearest(y[i]);
        T[i] = scale->T;
    }
    for (size_t i = 0; i < ENT_SHORT_ROWS; i++) a->floor[i] = ent_floor(base[i], T[i]);
    for (size_t i = 0; i < ENT_SHORT_ROWS; i++) a->unit[i] = ent_unit(y[i], base[i]);
    for (int k = 0; k < EXP_TERMS; k++) {
        for (size_t i = 0; i < ENT_SHORT_ROWS; i++) a->c[k][i] = ent_coefficient(k, base[i]);
    }
}

INLINE constants short_constants(const anchors *a, size_t i, const ent_scale *scale)
{
    constants c = {
        .exp = {.hi = v_set1(scale->hi), .lo = v_set1(scale->lo), .floor = v_set1(a->floor[i])},
        .M = v_set1(a->M[i]),
        .unit = v_set1(scale->unit)};
    for (int k = 0; k < EXP_TERMS; k++) c.exp.c[k] = v_set1(a->c[k][i]);
    return c;
}

/* The sums of all quads of all rows. */
typedef struct short_sums {
    vf32 r[ENT_SHORT_ROWS], w[ENT_SHORT_ROWS], v[ENT_SHORT_ROWS];
    int ties[ENT_SHORT_ROWS];
} short_sums;

/* Row i, of at most `count` vectors. */
INLINE void sum_short(short_sums *sum, size_t i, const source *s, const constants *c, int count,
                      bool want_v)
{
    vcount other = n_none();
    for (int j = 0; j < count; j += 4) {
        lanes quad = {v_set1(0), v_set1(0), v_set1(0), s_all(), other};
        for (int k = j; k < count && k < j + 4; k++) {
            const vf32 z = load_short(s, k);
            add_vectors(&quad, &z, 1, c, CAREFUL, false, want_v, NULL);
        }
        sum->r[i + (size_t)j / 4] = quad.r;
        sum->w[i + (size_t)j / 4] = quad.w;
        sum->v[i + (size_t)j / 4] = quad.v;
        other = quad.other;
    }
    sum->ties[i] = count * LANES - n_sum(other);
}

/* False, and nothing written, if the row has a NaN. */
INLINE bool finish_short(const ent_short *row, short_sums *sum, size_t i, size_t quads, double M,
                         double unit, bool want_v)
{
    const double r = sum_of_quads(&sum->r[i], quads), w = sum_of_quads(&sum->w[i], quads);
    if (!(fabs(r + w) < HUGE_VAL)) { /* a NaN may leave r finite, not w */
        return false;
    }
    const double size = want_v ? row->scale->unit : 1;
    *row->sums = (ent_sums){.M = M, .c = sum->ties[i], .r = r * unit, .w = w * unit / size + 0.0};
    if (want_v) {
        row->sums->v = sum_of_quads(&sum->v[i], quads) * unit / (size * size);
    }
    return true;
}

/* In stages, each of them short enough that the CPU has several rows in hand. There is room for
 * ENT_SHORT_ROWS quads. */
INLINE uint32_t short_rows_of(const ent_short *rows, size_t n, enum ent_dtype dtype, bool masked,
                              int count, bool want_v, bool want_support)
{
    const size_t quads = count > 4 ? 2 : 1;
    anchors a;
    short_sums sum;
    for (size_t i = 0; i < n; i++) {
        a.M[i] = max_short(&(source){rows[i].row, dtype, masked}, count);
    }
    find_anchors(&a, rows, n);
    for (size_t i = 0; i < n; i++) {
        const source s = {rows[i].row, dtype, masked};
        const constants c = short_constants(&a, i, rows[i].scale);
        sum_short(&sum, i * quads, &s, &c, count, want_v);
    }
    uint32_t done = 0;
    for (size_t i = 0; i < n; i++) {
        const bool ok =
            !a.far[i] && finish_short(&rows[i], &sum, i * quads, quads, a.M[i], a.unit[i], want_v);
        done |= (uint32_t)ok << i;
    }
    for (size_t i = 0; i < n && want_support; i++) {
        const source s = {rows[i].row, dtype, masked};
        rows[i].sums->support = done >> i & 1 ? count_support(&s, 0, s.row.n) : 0;
    }
    return done;
}

/* Rows of two quads, half as many at a time. */
INLINE uint32_t short_rows_of_two(const ent_short *rows, size_t n, enum ent_dtype dtype,
                                  bool masked, bool want_v, bool want_support)
{
    uint32_t done = 0;
    for (size_t i = 0; i < n; i += ENT_SHORT_ROWS / 2) {
        const size_t rest = n - i < ENT_SHORT_ROWS / 2 ? n - i : ENT_SHORT_ROWS / 2;
        done |= short_rows_of(rows + i, rest, dtype, masked, 8, want_v, want_support) << i;
    }
    return done;
}

/* Which of the n <= ENT_SHORT_ROWS rows, all of one length, have been summed: a bit for each. */
VEC_VARIANT uint32_t short_rows(const ent_short *rows, size_t n, enum ent_dtype dtype, bool masked,
                                bool want_v, bool want_support)
{
    const size_t length = rows[0].row.n;
    return length <= LANES       ? short_rows_of(rows, n, dtype, masked, 1, want_v, want_support)
           : length <= 2 * LANES ? short_rows_of(rows, n, dtype, masked, 2, want_v, want_support)
           : length <= QUAD      ? short_rows_of(rows, n, dtype, masked, 4, want_v, want_support)
                                 : short_rows_of_two(rows, n, dtype, masked, want_v, want_support);
}

#endif
