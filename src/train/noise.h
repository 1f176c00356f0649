/* SPDX-License-Identifier: MIT
 * train/noise.h: noise as pictures, for augmentation: white, and value noise of several octaves, which is pink when it
 * starts at single pixels and a smooth field when it starts higher. Leaf code: no allocation. */
#ifndef DQ_TRAIN_NOISE_H
#define DQ_TRAIN_NOISE_H

#include "train/draws.h"

#include <stddef.h>

/* Independent, nearly normal values of mean 0 and deviation 1. */
void dq__noise_white(float *out, size_t count, dq__draws *draws);
/* out [side][side][channels], side ≥ 8: as much of cells of `finest` pixels as of twice, four times … as many, up to half the
 * side; then moved and scaled to mean 0 and deviation 1 over this picture. finest = 1 gives an amplitude of about
 * 1/frequency. `grid` holds side·side·channels floats. */
void dq__noise_octaves(float *out, int side, int channels, int finest, dq__draws *draws, float *grid);

#endif
