#include "html_curve.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define BUCKETS 500
#define WIDTH 1000. /* of the drawing, which is stretched */
#define HEIGHT 100.

typedef struct bucket {
    double sum;
    float least, most;
    uint64_t count; /* of rows with a distribution */
} bucket;

typedef struct curve {
    const report *p;
    uint64_t rows, seq;
    size_t n;   /* buckets */
    double top; /* of the vertical axis */
    bucket bucket[BUCKETS];
} curve;

static bool collect(curve *c, const result *r)
{
    float values[4096];
    for (uint64_t i = 0; i < r->rows;) {
        const uint64_t left = r->rows - i;
        const size_t k = spool_read(&c->p->measures->column[ENTROPY], r->from + i, values,
                                    left < 4096 ? (size_t)left : 4096);
        if (k == 0) {
            return false;
        }
        for (size_t j = 0; j < k; j++, i++) {
            bucket *b = &c->bucket[i * c->n / c->rows];
            if (!isnan(values[j])) {
                b->least = b->count == 0 || values[j] < b->least ? values[j] : b->least;
                b->most = b->count == 0 || values[j] > b->most ? values[j] : b->most;
                b->sum += values[j];
                b->count++;
            }
        }
    }
    return true;
}

static double x_of(const curve *c, size_t i)
{
    return ((double)i + 0.5) / (double)c->n * WIDTH;
}

static double y_of(const curve *c, double nats)
{
    return HEIGHT * (1 - in_unit(c->p, nats) / c->top);
}

static double mean_of(const bucket *b)
{
    return b->sum / (double)b->count;
}

/* Broken where there is nothing, and, where every row has its own bucket, between batches. */
static void print_line(const curve *c)
{
    fputs("<path d=\"", c->p->file);
    bool broken = true;
    for (size_t i = 0; i < c->n; i++) {
        const bucket *b = &c->bucket[i];
        broken = broken || (c->n == c->rows && i % c->seq == 0);
        if (b->count > 0) {
            fprintf(c->p->file, "%c%.5g %.4g%s", broken ? 'M' : 'L', x_of(c, i),
                    y_of(c, mean_of(b)), broken ? "h0" : "");
        }
        broken = b->count == 0;
    }
    fputs("\"/>\n", c->p->file);
}

static void print_dots(const curve *c)
{
    fputs("<path class=\"dots\" d=\"", c->p->file);
    for (size_t i = 0; i < c->n; i++) {
        if (c->bucket[i].count > 0) {
            fprintf(c->p->file, "M%.5g %.4gh0", x_of(c, i), y_of(c, mean_of(&c->bucket[i])));
        }
    }
    fputs("\"/>\n", c->p->file);
}

/* From the least to the most of each bucket. */
static void print_band(const curve *c)
{
    fputs("<path class=\"band\" d=\"", c->p->file);
    for (size_t i = 0; i < c->n; i++) {
        const bucket *b = &c->bucket[i];
        if (b->count > 0) {
            fprintf(c->p->file, "M%.5g %.4gV%.4gH%.5gV%.4gZ",
                    x_of(c, i) - WIDTH / (2. * (double)c->n), y_of(c, b->least), y_of(c, b->most),
                    x_of(c, i) + WIDTH / (2. * (double)c->n), y_of(c, b->least));
        }
    }
    fputs("\"/>\n", c->p->file);
}

/* 1, 2 or 5 times a power of ten: the smallest of which six reach `most`. */
static double step_of(double most)
{
    const double power = pow(10, floor(log10(most / 6)));
    for (int i = 0; i < 3; i++) {
        const double step = power * (const double[]){1, 2, 5}[i];
        if (6 * step >= most) {
            return step;
        }
    }
    return 10 * power;
}

static void print_axes(const curve *c, double step)
{
    for (int i = 0; i * step <= c->top * 1.001; i++) {
        fprintf(c->p->file, "<div class=\"y\" style=\"bottom:%.4g%%\"><b>%g</b></div>\n",
                100 * i * step / c->top, i * step);
    }
    const uint64_t batches = c->rows / c->seq;
    for (uint64_t i = 1; i < batches && batches <= 8; i++) {
        fprintf(c->p->file,
                "<div class=\"x\" style=\"left:%.5g%%\"><b>batch %" PRIu64 "</b></div>\n",
                100 * (double)i / (double)batches, i);
    }
}

bool html_curve(const report *p, const result *r)
{
    curve *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return false;
    }
    c->p = p;
    c->rows = r->rows;
    c->seq = r->seq;
    c->n = r->rows < BUCKETS ? (size_t)r->rows : BUCKETS;
    const double highest = in_unit(p, r->summary.least[0].entropy);
    const double step = step_of(highest > 1e-9 ? highest : 1e-9);
    c->top = ceil(highest / step) * step;
    c->top = c->top > 0 ? c->top : step;
    const bool ok = collect(c, r);
    if (ok) {
        fprintf(
            p->file,
            "<figure><figcaption>Entropy in %s, over position%s</figcaption>\n<div class=\"plot "
            "curve\" data-first=\"%" PRIu64 "\" data-rows=\"%" PRIu64 "\">\n",
            unit_name(p), c->n < c->rows ? ": mean, least and most" : "", r->from, r->rows);
        print_axes(c, step);
        fprintf(p->file, "<svg viewBox=\"0 0 %g %g\" preserveAspectRatio=\"none\">\n", WIDTH,
                HEIGHT);
        if (c->n < c->rows) {
            print_band(c);
        }
        print_line(c);
        if (c->n <= 200) {
            print_dots(c);
        }
        fprintf(p->file,
                "</svg><div class=\"mark\" hidden></div></div>\n<div class=\"scale\"><span>row "
                "0</span><span>row %" PRIu64 "</span></div></figure>\n",
                r->rows - 1);
    }
    free(c);
    return ok;
}
