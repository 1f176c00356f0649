/* SPDX-License-Identifier: MIT
 * optim/lbfgs.h: limited-memory BFGS without line search, one gradient per step, as style transfer uses it (Nocedal 1980;
 * torch's optim.lbfgs): the first step is along −g, later ones rate along the quasi-Newton direction; a pair is kept only if
 * yᵀs > 1e-10. Knows nothing of images. */
#ifndef DQ_OPTIM_LBFGS_H
#define DQ_OPTIM_LBFGS_H

#include "base/mem.h"
#include "base/pool.h"
#include "optim/box.h"

typedef struct dq__lbfgs {
    dq__pool *pool; /* threads for the passes over the vectors; NULL after dq__lbfgs_init: the caller alone */
    double rate;
    double first; /* root mean square of the first step (times rate), in units of x; 0: torch's min(1, 1/‖g‖₁), so short a step
                     that the curvature it finds is mostly rounding */
    size_t n;
    int history, pairs, newest; /* pairs kept; slot of the newest */
    int64_t step;
    float **s, **y; /* [history+1] vectors each; slot `open` takes the pair in the making: s, and the last gradient as y */
    int open;
    double *rho; /* 1 / yᵀs by slot */
    double h0;   /* yᵀs / yᵀy of the newest pair */
    double *sums; /* two of each chunk of a pass */
} dq__lbfgs;

dq_status dq__lbfgs_init(dq__lbfgs *l, size_t n, int history, double rate, dq__error *err);
/* The same with the vectors in memory of `alloc`. */
dq_status dq__lbfgs_init_in(dq__lbfgs *l, dq__alloc_fn *alloc, size_t n, int history, double rate, dq__error *err);
void dq__lbfgs_deinit(dq__lbfgs *l);
void dq__lbfgs_step(dq__lbfgs *l, float *x, const float *gradient, dq__box box);
/* Takes the last step back in part: of it `share` is left, for x and for the pair in the making. There is no line search: this is
 * for steps that turn out to have gone much too far. */
void dq__lbfgs_shorten(dq__lbfgs *l, float *x, double share);
/* Bytes for n variables. */
size_t dq__lbfgs_bytes(size_t n, int history);

#endif
