/* SPDX-License-Identifier: MIT
 * net/window.h: a picture of any size through a network, stage by stage (net/stage.h) and each stage window by window, to the
 * numbers of the whole picture, bit by bit. Between two stages lies the map of the whole picture, and on the way back its
 * gradient. Windows overlap by what the numbers of their inner part need, and the inner parts cover every map exactly once; at
 * the border of the picture a window ends with it, so that padding is the picture's. Ranks share the windows of every stage in
 * bands of rows, and get the rows around their own from each other. No costs here, and nothing about how much memory there is. */
#ifndef DQ_NET_WINDOW_H
#define DQ_NET_WINDOW_H

#include "net/stage.h"

/* Is what the windows of a stage leave for their way back kept? If not, they run forward again. */
typedef enum dq__keep { DQ__KEEP_NOT, DQ__KEEP_MEMORY, DQ__KEEP_FILE } dq__keep;

/* The inner part of every window of one stage, in positions of the map that the stage reads. */
typedef struct dq__pane {
    int h, w;
    dq__keep keep;
} dq__pane;

typedef struct dq__grid {
    int h, w;    /* of the picture */
    int stages;  /* 0: the picture goes through the network whole */
    bool mapped; /* do the maps between the stages lie in a file (base/mem.h)? */
    dq__pane pane[DQ__MAX_STAGES];
} dq__grid;

dq__grid dq__grid_whole(int h, int w);
/* Windows that take at most `room` bytes of work space, or the smallest there are, none of them kept; options as for
 * dq__frame_new. False where the network has no stages. */
bool dq__grid_make(dq__grid *grid, dq__pool *pool, const dq__table *table, const dq__exec_options *options, size_t room);
/* The same with inner parts of `side` positions on every map, or the next that is possible. */
bool dq__grid_squares(dq__grid *grid, const dq__table *table, const dq__exec_options *options, int side);
/* Windows of the first stage along the picture's sides, and their size. */
void dq__grid_windows(const dq__grid *grid, const dq__table *table, const dq__exec_options *options, int *rows, int *cols, int *h,
                      int *w);

/* What a frame takes. */
typedef struct dq__frame_need {
    size_t work;                 /* bytes of memory to work in, 0: it cannot be */
    size_t positions;            /* of the largest window of any stage */
    size_t maps;                 /* bytes of the maps between the stages */
    size_t kept[DQ__MAX_STAGES]; /* bytes that a stage keeps, or would if it did */
    double again[DQ__MAX_STAGES]; /* of the products of a pass forward, the share that a stage makes again if it does not */
    double there, back;           /* products forward and back, compared with a pass of the whole picture without overlaps */
} dq__frame_need;

dq__frame_need dq__frame_needs(dq__pool *pool, const dq__table *table, const dq__exec_options *options, const dq__grid *grid);

typedef struct dq__frame dq__frame;

/* Where a part of a map lies. */
typedef struct dq__spot {
    int tap, y, x; /* on the map of the whole picture at the tap, */
    int h, w;      /* whose size this is */
    bool first;    /* the first that is shown of this map on this way */
} dq__spot;

/* What is done with a part of the map at a tap. On the way forward grad is NULL, and parts cover the map once, those of one
 * height from left to right; they consist of whole cells (net/split.h). On the way back gradients are added to grad; parts
 * overlap there. */
typedef void dq__part_fn(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad);

/* options: h and w of the picture, no batches, no training. */
dq_status dq__frame_new(dq__frame **out, dq__pool *pool, const dq__table *table, const dq__packed *packed,
                        const dq__exec_options *options, const dq__grid *grid, dq__error *err);
void dq__frame_free(dq__frame **frame);
/* Height and width of the whole map at a tap. */
void dq__frame_map(const dq__frame *frame, int tap, int *h, int *w);

/* With ranks, whose windows are not the same: of a map at a tap that fn has filled on the way forward, a row in so many bytes,
 * a rank gets all rows, or only those that it is shown on the way back. */
void dq__frame_gather(const dq__frame *frame, int tap, void *map, size_t row_bytes);
void dq__frame_trade(const dq__frame *frame, int tap, void *map, size_t row_bytes);

/* rgb: [h][w][3], the whole picture. fn may be NULL; it sees the windows of this rank. The gradient is the whole. What fails
 * here for want of ranks dq__ranks_check knows. */
void dq__frame_forward(dq__frame *frame, const float *rgb, dq__part_fn *fn, void *user);
/* After a forward of the same pixels: taps deepest first; rgb_gradient [h][w][3] is overwritten. */
void dq__frame_backward(dq__frame *frame, const float *rgb, dq__part_fn *fn, void *user, float *rgb_gradient);

#endif
