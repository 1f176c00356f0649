/* SPDX-License-Identifier: MIT
 * loss/gram.h: style cost: how far the Gram matrix of features is from the painting's (Gatys et al. 2015, eq. 3–6). Here
 * G = FᵀF / N with N positions, so that pictures of different sizes compare; the formulas with other factors are scales. */
#ifndef DQ_LOSS_GRAM_H
#define DQ_LOSS_GRAM_H

#include "base/pool.h"
#include "net/tensor.h"

typedef struct dq__gram_space dq__gram_space;

/* Work space for maps of up to `cs` channels; holds the sums of cells, so that they are the same for any number of threads. */
dq_status dq__gram_space_new(dq__gram_space **out, int cs, dq__error *err);
void dq__gram_space_free(dq__gram_space **space);
size_t dq__gram_space_bytes(int cs);

/* From now on positions of the maps count by `guide`, [h][w] with the mean 1, in all that uses this space (Gatys et al. 2017,
 * guided Gram matrices); it is borrowed. NULL: all count alike. */
void dq__gram_guide(dq__gram_space *space, const float *guide);

/* Sums of many numbers, each as two doubles: what is rounded off the first is in the second. So they do not depend on the
 * order in which the numbers came, unless in their hundredth bit. */
typedef struct dq__sums {
    double *high, *low;
} dq__sums;

static inline void dq__sums_add(const dq__sums *sums, size_t k, double v) {
    const double old = sums->high[k], sum = old + v, part = sum - old;
    sums->low[k] += (old - (sum - part)) + (v - part);
    sums->high[k] = sum;
}
static inline double dq__sums_at(const dq__sums *sums, size_t k) { return sums->high[k] + sums->low[k]; }

/* The moments of a whole: FᵀF/N and the mean over N positions (whole.h makes them of parts). */
typedef struct dq__whole {
    int cs;
    double positions;
    float *gram, *mean; /* cs×cs, cs */
    dq__sums sums;      /* of the parts so far: cs×cs, of which those above the diagonal count, then cs */
} dq__whole;
/* From now on maps are parts of this whole, whose moments are taken in place of theirs in all that uses this space; it is
 * borrowed. NULL: every map is a whole. */
void dq__gram_whole(dq__gram_space *space, const dq__whole *whole);
/* Positions that moments of f are over. */
double dq__gram_positions(const dq__gram_space *space, const dq__tensor *f);

/* g: cs×cs, symmetric, = FᵀF / (h·w); with a guide m: Σ m·f·fᵀ / (h·w). */
void dq__gram(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, float *g);
/* Adds the sums over the positions of f, cell by cell of a side (net/split.h), to the half of `sums` above the diagonal. */
void dq__gram_add(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, int side, const dq__sums *sums);
/* g from such sums over n positions. */
void dq__gram_finish(const dq__sums *sums, double n, int cs, float *g);
/* Costs measured through a linear map R of the channels, without making the map R·f: the Gram matrix of R·f is R·G·Rᵀ. */
typedef struct dq__gram_root {
    int cs;
    float *forward, *backward; /* R and Rᵀ, packed for kernels/gemm.h */
    float *scratch;            /* cs×cs */
} dq__gram_root;

/* r: (c,c). */
dq_status dq__gram_root_init(dq__gram_root *root, const float *r, int c, dq__error *err);
void dq__gram_root_deinit(dq__gram_root *root);
size_t dq__gram_root_bytes(int c);
/* g ← R·g·Rᵀ; g: cs×cs, symmetric. */
void dq__gram_through(const dq__gram_root *root, float *g);
/* The way back: g ← Rᵀ·g·R. */
void dq__gram_back_through(const dq__gram_root *root, float *g);
/* v ← R·v, or back: v ← Rᵀ·v; v: cs floats. */
void dq__vector_through(const dq__gram_root *root, float *v);
void dq__vector_back_through(const dq__gram_root *root, float *v);
/* ‖g‖² = Σ g². */
double dq__gram_energy(const float *g, int cs);
/* Adds f·d to grad; d: cs×cs, symmetric. */
void dq__gram_back(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, const float *d, const dq__tensor *grad);
/* Returns scale·‖G(f) − target‖²; adds its gradient times weight, scale·weight·(4/N)·F·(G − target), to grad where
 * weight ≠ 0. target: cs×cs. */
double dq__gram_cost(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, const float *target, double scale,
                     double weight, const dq__tensor *grad);
/* The same through R (NULL: none): scale·‖R·G(f)·Rᵀ − target‖², gradient scale·weight·(4/N)·F·Rᵀ·(R·G·Rᵀ − target)·R. */
double dq__gram_cost_through(dq__pool *pool, dq__gram_space *space, const dq__gram_root *root, const dq__tensor *f,
                             const float *target, double scale, double weight, const dq__tensor *grad);

#endif
