/* SPDX-License-Identifier: MIT
 * sketch/metrics.h: how near a drawing is to the artist's, as the field measures it. All pictures are grey, of the frame's size,
 * 0 … 255, rounded to whole numbers. Nothing here draws. */
#ifndef DQ_SKETCH_METRICS_H
#define DQ_SKETCH_METRICS_H

#include "base/pool.h"
#include "model/model.h"

#include <stdbool.h>

/* Structural similarity (Wang et al. 2004), Gaussian window 11 × 11, σ 1.5, C1 = (0.01·255)², C2 = (0.03·255)². `cropped`: the
 * mean leaves out the 5 pixels at the border, where the window does not fit (Wang's own program, scikit-image); else borders are
 * replicated and the mean is over the whole map (MATLAB's ssim). */
double dq__ssim(const float *a, const float *b, int w, int h, bool cropped);
/* Structure co-occurrence texture (Fan et al. 2019). */
double dq__scoot(const float *a, const float *b, int w, int h);

/* Feature similarity (Zhang et al. 2011): phase congruency and gradients. */
typedef struct dq__fsim dq__fsim;
dq_status dq__fsim_new(dq__fsim **out, int w, int h, dq__error *err);
void dq__fsim_free(dq__fsim **fsim);
/* Phase congruency and gradient of a picture: 2·w·h floats. false without memory. May run in several threads at once. */
bool dq__fsim_features(const dq__fsim *fsim, const float *grey, float *features);
double dq__fsim_compare(const dq__fsim *fsim, const float *a, const float *b);

/* Mean over the layers relu1_1 … relu5_1 that the model has of the mean over positions of |f/‖f‖ − g/‖g‖²: what LPIPS measures
 * without its learnt weights. value[i] for pair i; a[i], b[i]: pictures. */
dq_status dq__vgg_distances(dq__pool *pool, const dq_model *model, int count, const float *const *a, const float *const *b, int w,
                            int h, double *value, dq__error *err);

/* Null-space linear discriminant analysis (Chen et al. 2000): recognition of the artist's sketches among the drawings. `train` of
 * the n identities, drawn by seed, train the projection; the rest is recognised, by the nearest drawing; the best number of
 * dimensions counts, after the mean over 20 draws. */
dq_status dq__nlda(dq__pool *pool, int n, const float *const *artist, const float *const *drawn, size_t pixels, int train,
                   double *accuracy, dq__error *err);

#endif
