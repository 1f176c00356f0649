/* SPDX-License-Identifier: MIT
 * paint/cost.h: J of one scale: J = α·J_content + β·J_style + w·TV and its gradient at the pixels. Takes its targets from
 * the pictures when made. Knows nothing of optimisers and pyramids. */
#ifndef DQ_PAINT_COST_H
#define DQ_PAINT_COST_H

#include "base/mem.h"
#include "base/ranks.h"
#include "image/image.h"
#include "loss/gram.h"
#include "net/window.h"
#include "paint/maps.h"
#include "paint/options.h"
#include "paint/taps.h"

typedef struct dq__cost dq__cost;

/* What stays the same from scale to scale; everything is borrowed. */
typedef struct dq__cost_setup {
    dq__pool *pool;
    const dq__table *table; /* as wanted: padding, pooling, input scaled for pixel_range */
    const dq__packed *packed;
    const dq__taps *taps;
    const dq__gram_root *roots; /* of the taps, see dq__cost_roots_new; NULL where no tap has one */
    const dq__settings *settings;
    const dq__maps *maps; /* what counts where; NULL: all alike */
    const double *share;  /* of each style, summing to 1 */
    int styles;
    dq__ranks *ranks;     /* that share the windows; NULL: none */
    bool direct;          /* convolve directly, whatever is faster: to compare with */
} dq__cost_setup;

/* How the pictures of a scale go through the network. */
typedef struct dq__cost_plan {
    dq__grid grid;                     /* of the picture */
    dq__grid style[DQ__MAX_PAINTINGS]; /* of the paintings */
    dq__alloc_fn *alloc;               /* where the photo's features come to lie */
} dq__cost_plan;

typedef struct dq__cost_value {
    double total, content, style, tv; /* J; the parts before α, β and the weight of TV */
} dq__cost_value;

/* What style is measured through at taps that have a root layer; roots[t] is all zero at the others. */
dq_status dq__cost_roots_new(dq__gram_root roots[DQ__MAX_TAPS], const dq__taps *taps, const dq__table *table,
                             const dq__weights *weights, dq__error *err);
void dq__cost_roots_free(dq__gram_root roots[DQ__MAX_TAPS]);
size_t dq__cost_roots_bytes(const dq__taps *taps, const dq__table *table);

/* content and styles already have the size of this scale. With ranks all make it at the same time, and fail if one does.
 * plan: NULL for pictures that are whole, all in memory. */
dq_status dq__cost_new(dq__cost **out, const dq__cost_setup *setup, const dq__cost_plan *plan, const dq_image *content,
                       const dq_image *const *styles, dq__error *err);
void dq__cost_free(dq__cost **cost);
/* x, gradient: [h][w][3] in units of pixel_range; the same in all ranks, which are asked at the same time. */
dq__cost_value dq__cost_evaluate(dq__cost *cost, const float *x, float *gradient);
/* Can pictures go through the network in windows? Not where a cost is no sum over positions: histograms go by rank, and the
 * length of a gradient is that of the whole. */
bool dq__cost_in_windows(const dq__cost_setup *setup);
/* Bytes of memory dq__cost_new will need at most at one time, 0 if it cannot be; *file: beyond, in files. */
size_t dq__cost_bytes(const dq__cost_setup *setup, const dq__cost_plan *plan, uint64_t *file);
/* Bytes of the photo's features, which plan->alloc gives. */
size_t dq__cost_features_bytes(const dq__cost_setup *setup, int w, int h);
/* How a picture (`own`: the one that is painted, else a painting) goes through the network; what that takes. */
dq__exec_options dq__cost_options(const dq__cost_setup *setup, int w, int h, bool own);
dq__frame_need dq__cost_needs(const dq__cost_setup *setup, const dq__grid *grid, bool own);

#endif
