/* SPDX-License-Identifier: MIT
 * image/colour.h: what colours a picture has, moving them to those of another picture, and giving a picture another one's
 * colours while its lightness stays. Knows nothing of files and of painting. */
#ifndef DQ_IMAGE_COLOUR_H
#define DQ_IMAGE_COLOUR_H

#include "image/image.h"

/* Mean and covariance of the pixels as points (R,G,B); each pixel counts as much as can be seen of it. */
typedef struct dq__colours {
    double mean[3], covariance[3][3];
} dq__colours;

/* What is told apart from colour: Y = 0.299 R + 0.587 G + 0.114 B of sRGB values, as in YUV, YIQ and YCbCr; or L of OKLab
 * (Ottosson 2020), which is nearer to what the eye calls lightness. */
typedef enum dq__lightness { DQ__LUMA, DQ__OKLAB } dq__lightness;

/* In all of these `strength` mixes the pixel as it was (0) with what it is to become (1). */

dq__colours dq__colours_of(const dq_image *image);
/* Each pixel p becomes A·(p − μ) + μ', clamped, where A = Σ'^½ Σ^−½ gives the picture the mean μ' and the covariance Σ' that
 * are wanted (Gatys et al. 2016, "Preserving color in neural artistic style transfer"). */
void dq__colour_match(dq_image *image, const dq__colours *wanted, double strength);
/* All three channels become Y. */
void dq__colour_grey(dq_image *image, double strength);
/* `image` keeps its lightness and takes its colours from `photo`, which has the same size. A colour that does not exist at
 * that lightness is paled until it does, so that the lightness holds. */
void dq__colour_take(dq_image *image, const dq_image *photo, dq__lightness lightness, double strength);

#endif
