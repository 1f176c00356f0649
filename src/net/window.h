/* SPDX-License-Identifier: MIT
 * net/window.h: a picture of any size through a network, window by window, to the result of the whole. Windows overlap by what
 * a value of the network sees, and begin where all pools begin a window of their own; at the border of the picture they end
 * with it, so that padding is the picture's. What lies between is everybody's exactly once: the inner part of one window.
 * Features are right in the inner part; gradients of the inner part's features, brought to the pixels of the window, add up
 * over the windows to the gradient of the whole. No costs here, and nothing about how much memory there is. */
#ifndef DQ_NET_WINDOW_H
#define DQ_NET_WINDOW_H

#include "net/executor.h"

/* Pixels before and after the place of a value that it depends on, for the widest tap; `stride`: pixels from value to value
 * at the deepest layer. */
typedef struct dq__reach {
    int before, after, stride;
} dq__reach;

/* False where a layer sees the whole picture (linear, norms of a picture) or makes it larger: then there are no windows. */
bool dq__reach_of(const dq__table *table, const int *tap, int taps, dq__reach *reach);

/* Windows of one size, `rows` × `cols` of them. */
typedef struct dq__grid {
    int h, w;               /* of the picture */
    int rows, cols;
    int window_h, window_w;
    dq__reach reach;
} dq__grid;

/* One window: the picture. */
dq__grid dq__grid_whole(int h, int w);
/* The smallest windows with which `rows` × `cols` of them, or fewer, cover h × w. */
dq__grid dq__grid_make(int h, int w, const dq__reach *reach, int rows, int cols);

typedef struct dq__window {
    int y, x;                     /* where it begins in the picture */
    int top, left, bottom, right; /* its inner part, in the picture; bottom and right are the first beyond */
} dq__window;

dq__window dq__grid_window(const dq__grid *grid, int index);
/* The inner part on a map whose values are `stride` pixels apart and which has h × w of them; y, x count from the window's. */
typedef struct dq__inner {
    int y, x, h, w;
} dq__inner;
dq__inner dq__window_inner(const dq__grid *grid, int index, int stride, int h, int w);

typedef struct dq__frame dq__frame;

/* What is done at tap `tap` with the inner part of window `index`; y, x: where it lies on the map of the whole picture. grad is
 * NULL on the way forward; on the way back gradients are added to it. */
typedef void dq__part_fn(void *user, int index, int tap, int y, int x, const dq__tensor *f, const dq__tensor *grad);

/* options: h and w of the picture, no batches, no training. `keep`: bytes that may be used beyond to keep what windows need on
 * their way back; those that do not fit in run forward again. With one window there is no copy of anything. */
dq_status dq__frame_new(dq__frame **out, dq__pool *pool, const dq__table *table, const dq__packed *packed,
                        const dq__exec_options *options, const dq__grid *grid, size_t keep, dq__error *err);
void dq__frame_free(dq__frame **frame);
/* Bytes of that without what is kept, and bytes to keep one window; 0 if it cannot be. */
size_t dq__frame_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options, const dq__grid *grid,
                       size_t *window);
int dq__frame_windows(const dq__frame *frame);
/* Height and width of the whole map at a tap. */
void dq__frame_map(const dq__frame *frame, int tap, int *h, int *w);

/* rgb: [h][w][3], the whole picture. fn (may be NULL) sees every tap of every window, in one order. */
void dq__frame_forward(dq__frame *frame, const float *rgb, dq__part_fn *fn, void *user);
/* After a forward of the same pixels: windows in the reverse order, taps deepest first; rgb_gradient [h][w][3] is overwritten. */
void dq__frame_backward(dq__frame *frame, const float *rgb, dq__part_fn *fn, void *user, float *rgb_gradient);

#endif
