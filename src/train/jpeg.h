/* SPDX-License-Identifier: MIT
 * train/jpeg.h: what JPEG does to a picture: 8×8 blocks whose cosine coefficients are rounded. Made here, not by an encoder,
 * so that it is the same with every libvips and needs no bytes of a file. Leaf code: no allocation. */
#ifndef DQ_TRAIN_JPEG_H
#define DQ_TRAIN_JPEG_H

/* rgb [side][side][3] in [0,1] goes through YCbCr (full resolution), the tables of the standard's annex K scaled by
 * `quality` (1 … 100) and back; results may lie a little outside [0,1]. Blocks begin at (−shift_x, −shift_y), 0 … 7. */
void dq__jpeg_blocks(float *rgb, int side, int quality, int shift_x, int shift_y);

#endif
