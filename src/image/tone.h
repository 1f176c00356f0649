/* SPDX-License-Identifier: MIT
 * image/tone.h: a photo toned as a drawing: grey, with the lightness that the drawings have, on their paper, and with its
 * lines drawn out. What strokes are is left to the painting. Knows nothing of files and of costs. */
#ifndef DQ_IMAGE_TONE_H
#define DQ_IMAGE_TONE_H

#include "image/image.h"

/* share: of each drawing, summing to 1. strength mixes the photo as it was (0) with what it becomes (1). */
dq_status dq__tone_as_drawn(dq_image *photo, const dq_image *const *drawings, const double *share, int count, double strength,
                            dq__error *err);

#endif
