/* SPDX-License-Identifier: MIT
 * loss/laplacian.h: how far the lines of a picture are from those of the photo (Li et al. 2017, "Laplacian-steered neural style
 * transfer"): the difference of their Laplacians, after means over squares of pixels. Knows pixels only, no features. */
#ifndef DQ_LOSS_LAPLACIAN_H
#define DQ_LOSS_LAPLACIAN_H

#include "base/pool.h"

typedef struct dq__laplacian {
    int h, w, side; /* of the picture; of the squares */
    int rows, cols; /* of squares; what is left over at the right and below does not count */
    float *target, *mean, *difference; /* [rows][cols]: Δ of the photo; means; what differs */
    double *sums;   /* of rows */
} dq__laplacian;

/* photo: [h][w][3]. */
dq_status dq__laplacian_init(dq__laplacian *l, const float *photo, int h, int w, int side, dq__error *err);
void dq__laplacian_deinit(dq__laplacian *l);
size_t dq__laplacian_bytes(int h, int w, int side);
/* Mean over the squares of m·(Δ(x) − Δ(photo))², where Δ is four times the mean of R, G and B of a square less its neighbours'
 * (fewer at the borders). map: m of the squares, NULL: 1. Adds weight times the gradient to grad where weight ≠ 0. */
double dq__laplacian_cost(dq__pool *pool, dq__laplacian *l, const float *x, const float *map, double weight, float *grad);

#endif
