/* SPDX-License-Identifier: MIT
 * explain/filter.h: convolves a picture with a matrix, and draws its lines, in place and in bands of rows, so that beside the
 * picture no more memory is needed than for a band. Knows no files and no names of templates. */
#ifndef DQ_EXPLAIN_FILTER_H
#define DQ_EXPLAIN_FILTER_H

#include "base/pool.h"
#include "explain/kernel.h"
#include "image/image.h"

/* What lies outside the picture; VALID computes only where the matrix lies inside. */
typedef enum dq__border { DQ__BORDER_ZERO, DQ__BORDER_REFLECT, DQ__BORDER_REPLICATE, DQ__BORDER_VALID } dq__border;
/* R, G and B each for itself; Y alone, colours kept; Y alone, grey. Y = 0.299 R + 0.587 G + 0.114 B. */
typedef enum dq__on { DQ__ON_EACH, DQ__ON_LUMINANCE, DQ__ON_GREY } dq__on;

typedef struct dq__filter {
    const dq__kernel *kernel; /* not turned round: out(y,x) = Σ k[i][j]·in(y + i − rows/2, x + j − columns/2) */
    dq__border border;
    dq__on on;
    int stride;
    double gain, offset; /* what is computed becomes gain·v + offset */
} dq__filter;

/* The picture becomes ⌊(n + 2p − f)/s⌋ + 1 a side. Sums are in double, in the order of the matrix's rows, and rounded to float
 * once; nothing is clamped. Alpha goes along unfiltered. DQ_USAGE where VALID has nothing to compute. */
dq_status dq__convolve_image(dq__pool *pool, dq_image *image, const dq__filter *filter, dq__error *err);

/* Extended difference of Gaussians (Winnemöller, Kyprianidis, Olsen 2012) on Y, with a threshold that goes with the brightness
 * around: u = (1 + p)·G_σ∗Y − p·G_1.6σ∗Y − threshold·G_1.6σ∗Y − 0.03 is white from 0 on, 1 + tanh(u/softness) below. So an even
 * area stays white unless it is nearly black, and ink is where the middle is darker than what surrounds it. */
typedef struct dq__lines {
    double sigma, p, threshold, softness; /* pixels; sharpness; 0 … 1; > 0 */
} dq__lines;
dq_status dq__draw_lines(dq__pool *pool, dq_image *image, const dq__lines *lines, dq__error *err);

/* Keeps values in [0,1]. */
void dq__clamp_image(dq_image *image);

#endif
