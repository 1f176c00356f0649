/* SPDX-License-Identifier: MIT
 * loss/histogram.c: ranks by histograms of 256 bins between the least and the greatest value of a channel, interpolated within
 * a bin. Behind a ReLU many values are the same zero: they share the mean of what their ranks stand for. A task is a block of
 * channels, so that no sum depends on the threads. */
#include "loss/histogram.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 16, BINS = DQ__QUANTILES - 1, MAX_BLOCKS = 4096 };

/* Of one channel. */
typedef struct ranks {
    float low, per_unit; /* bins to a unit of value; 0 where all values are the same */
    double lowest;       /* share of positions that have the value `low` */
    double below[BINS + 1]; /* share of positions below each edge of a bin */
} ranks;

typedef struct work {
    const dq__tensor *f, *grad;
    const float *guide, *quantile;
    float *add_to;
    double share, scale, weight;
    double *sum; /* one per block */
} work;

static float guide_at(const work *w, int y, int x) {
    return w->guide ? w->guide[(size_t)y * (size_t)w->f->w + (size_t)x] : 1;
}

static int bin_of(const ranks *r, float v) {
    const float at = (v - r->low) * r->per_unit;
    return at >= 1 ? (at < BINS ? (int)at : BINS - 1) : 0; /* what is no number lands in the first */
}

static void find_range(const work *w, int first, ranks *r) {
    float low[BLOCK], high[BLOCK];
    for (int c = 0; c < BLOCK; c++) low[c] = INFINITY, high[c] = -INFINITY;
    for (int y = 0; y < w->f->h; y++)
        for (int x = 0; x < w->f->w; x++) {
            const float *at = dq__pixel(w->f, y, x) + first;
            if (guide_at(w, y, x) == 0.0f) continue;
            for (int c = 0; c < BLOCK; c++) low[c] = fminf(low[c], at[c]), high[c] = fmaxf(high[c], at[c]);
        }
    for (int c = 0; c < BLOCK; c++) {
        r[c].low = low[c];
        r[c].per_unit = high[c] > low[c] && isfinite(BINS / (high[c] - low[c])) ? BINS / (high[c] - low[c]) : 0;
    }
}

/* Ranks of a block of channels. */
static void find_ranks(const work *w, int first, ranks *r) {
    double all = 0;
    memset(r, 0, sizeof *r * BLOCK);
    find_range(w, first, r);
    for (int y = 0; y < w->f->h; y++)
        for (int x = 0; x < w->f->w; x++) {
            const float *at = dq__pixel(w->f, y, x) + first;
            const double m = (double)guide_at(w, y, x);
            all += m;
            for (int c = 0; m != 0 && c < BLOCK; c++) {
                if (at[c] == r[c].low) r[c].lowest += m;
                else r[c].below[1 + bin_of(&r[c], at[c])] += m;
            }
        }
    for (int c = 0; c < BLOCK; c++) {
        double sum = r[c].lowest;
        for (int k = 0; k <= BINS; k++) r[c].below[k] = (sum += r[c].below[k]) / all;
        r[c].lowest /= all;
    }
}

/* The value below which a share u of the positions lies. */
static double value_at(const ranks *r, double u) {
    int low = 0, high = BINS;
    if (u <= r->lowest || r->per_unit == 0.0f) return (double)r->low;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (r->below[middle] < u) low = middle;
        else high = middle;
    }
    const double within = r->below[high] > r->below[low] ? (u - r->below[low]) / (r->below[high] - r->below[low]) : 1;
    return (double)r->low + (low + fmin(within, 1)) / (double)r->per_unit;
}

static void add_task(void *user, int block) {
    const work *w = user;
    ranks r[BLOCK];
    find_ranks(w, block * BLOCK, r);
    for (int c = 0; c < BLOCK; c++) {
        float *q = w->add_to + (size_t)(block * BLOCK + c) * DQ__QUANTILES;
        for (int k = 0; k < DQ__QUANTILES; k++) q[k] += (float)(w->share * value_at(&r[c], (double)k / BINS));
    }
}

void dq__histogram_add(dq__pool *pool, const dq__tensor *f, const float *guide, double share, float *quantile) {
    work w = {.f = f, .guide = guide, .share = share, .add_to = quantile};
    dq__pool_run(pool, f->cs / BLOCK, add_task, &w);
}

double dq__histogram_energy(const float *quantile, int cs) {
    double sum = 0;
    for (int c = 0; c < cs; c++, quantile += DQ__QUANTILES)
        for (int k = 0; k < DQ__QUANTILES; k++) /* both ends stand for half a bin */
            sum += (double)quantile[k] * (double)quantile[k] * (k == 0 || k == BINS ? 0.5 : 1);
    return sum / BINS;
}

/* The painting's value of rank u. */
static double painted(const float *quantile, double u) {
    const double at = fmin(fmax(u, 0), 1) * BINS;
    const int k = at < BINS ? (int)at : BINS - 1;
    return (double)quantile[k] + (at - k) * ((double)quantile[k + 1] - (double)quantile[k]);
}

/* R at the edges of the bins, and of the least value. */
typedef struct match {
    float edge[BINS + 1], lowest;
} match;

static void make_match(match *m, const ranks *r, const float *quantile) {
    double sum = 0;
    for (int k = 0; k <= BINS; k++) m->edge[k] = (float)painted(quantile, r->below[k]);
    for (int k = 0; k < 32; k++) sum += painted(quantile, r->lowest * (k + 0.5) / 32);
    m->lowest = (float)(sum / 32);
}

static float matched(const match *m, const ranks *r, float v) {
    if (v == r->low) return m->lowest;
    const int bin = bin_of(r, v);
    const float within = (v - r->low) * r->per_unit - (float)bin;
    return m->edge[bin] + within * (m->edge[bin + 1] - m->edge[bin]);
}

static void cost_task(void *user, int block) {
    const work *w = user;
    const int first = block * BLOCK;
    ranks r[BLOCK];
    match m[BLOCK];
    double sum = 0;
    find_ranks(w, first, r);
    for (int c = 0; c < BLOCK; c++) make_match(&m[c], &r[c], w->quantile + (size_t)(first + c) * DQ__QUANTILES);
    for (int y = 0; y < w->f->h; y++)
        for (int x = 0; x < w->f->w; x++) {
            const float *at = dq__pixel(w->f, y, x) + first, counts = guide_at(w, y, x);
            float *grad = w->weight != 0 ? dq__pixel(w->grad, y, x) + first : NULL;
            for (int c = 0; counts != 0.0f && c < BLOCK; c++) {
                const float d = at[c] - matched(&m[c], &r[c], at[c]);
                sum += (double)counts * (double)d * (double)d;
                if (grad) grad[c] += (float)(2 * w->scale * w->weight) * counts * d;
            }
        }
    w->sum[block] = sum;
}

double dq__histogram_cost(dq__pool *pool, const dq__tensor *f, const float *guide, const float *quantile, double scale,
                          double weight, const dq__tensor *grad) {
    double sums[MAX_BLOCKS], total = 0;
    const int blocks = f->cs / BLOCK < MAX_BLOCKS ? f->cs / BLOCK : MAX_BLOCKS;
    work w = {.f = f, .grad = grad, .guide = guide, .quantile = quantile, .scale = scale, .weight = weight, .sum = sums};
    dq__pool_run(pool, blocks, cost_task, &w);
    for (int k = 0; k < blocks; k++) total += sums[k];
    return scale * total;
}
