/* SPDX-License-Identifier: MIT
 * loss/moments.h: mean and covariance of the features of a map over its positions, the way back from a gradient at them to
 * the features, and the style cost on the covariance alone ("centred Gram matrix"). All may be measured through a linear map
 * R of the channels (dq__gram_root): mean R·μ, covariance R·Σ·Rᵀ. */
#ifndef DQ_LOSS_MOMENTS_H
#define DQ_LOSS_MOMENTS_H

#include "loss/gram.h"

typedef struct dq__moments {
    int cs;
    dq__gram_space *gram;
    double *sums;      /* of cells */
    dq__sums total;    /* of all of them */
    float *mean;       /* cs: of the map last measured */
    float *covariance; /* cs×cs: of the same, symmetric */
    float *own;        /* cs: its mean before the root */
    float *slope;      /* cs: of a cost at the mean */
    const float *guide; /* how much positions count, NULL: alike; borrowed */
    const dq__whole *whole; /* that maps are parts of, NULL: they are wholes; borrowed */
} dq__moments;

/* Space for maps of up to `cs` channels. */
dq_status dq__moments_init(dq__moments *m, int cs, dq__error *err);
void dq__moments_deinit(dq__moments *m);
size_t dq__moments_bytes(int cs);

/* As dq__gram_guide, for means too: from now on moments are those of a region. */
void dq__moments_guide(dq__moments *m, const float *guide);
/* As dq__gram_whole, for means too. */
void dq__moments_whole(dq__moments *m, const dq__whole *whole);
/* Adds the sums over the positions of f, cell by cell of a side (net/split.h). */
void dq__mean_add(dq__pool *pool, dq__moments *m, const dq__tensor *f, int side, const dq__sums *sums);
/* mean: cs floats. */
void dq__mean(dq__pool *pool, dq__moments *m, const dq__tensor *f, float *mean);
/* Fills m->mean and m->covariance, FᵀF/N − μμᵀ; of R·f where root is not NULL, as in all that follows. */
void dq__moments_measure(dq__pool *pool, dq__moments *m, const dq__gram_root *root, const dq__tensor *f);
/* From raw moments: matrix = FᵀF/N becomes the covariance. */
void dq__centre(float *matrix, const float *mean, int cs);
/* With a symmetric D = dJ/dΣ (cs×cs) and e = dJ/dμ (cs) of the map that was measured, both overwritten, adds
 * (2/N)·D·(f − μ) + e/N to grad. */
void dq__moments_back(dq__pool *pool, dq__moments *m, const dq__gram_root *root, const dq__tensor *f, float *d, float *e,
                      const dq__tensor *grad);

/* As dq__gram_cost_through, with the covariance in place of the Gram matrix. */
double dq__centred_cost(dq__pool *pool, dq__moments *m, const dq__gram_root *root, const dq__tensor *f, const float *target,
                        double scale, double weight, const dq__tensor *grad);

#endif
