/* SPDX-License-Identifier: MIT
 * sketch/fft.h: discrete Fourier transform of pictures of any size, in floats, real and imaginary parts in planes of their
 * own. */
#ifndef DQ_SKETCH_FFT_H
#define DQ_SKETCH_FFT_H

#include "base/error.h"

typedef struct dq__fft {
    int n;
    float *cosine, *sine; /* of 2πk/n */
} dq__fft;

dq_status dq__fft_init(dq__fft *f, int n, dq__error *err);
void dq__fft_deinit(dq__fft *f);
/* Along the rows' index, for every one of `width` columns at once: out[k][x] = Σ_j in[j][x]·exp(∓2πi·jk/n); sign +1 forward, −1
 * back (not divided by n). re, im: [n][width], replaced; scratch: 80·n floats. */
void dq__fft_columns(const dq__fft *f, int sign, int width, float *re, float *im, float *scratch);

#endif
