/* SPDX-License-Identifier: MIT
 * sketch/net.h: the two networks of learning to draw: the student, a small U-net that makes a grey drawing of a photo, and the
 * judge, which looks at photo and drawing and tells for each patch whether an artist made it. Their weights are one vector. */
#ifndef DQ_SKETCH_NET_H
#define DQ_SKETCH_NET_H

#include "net/executor.h"
#include "sketch/frame.h"

enum {
    DQ__NET_W = DQ__FRAME_W, DQ__NET_H = DQ__FRAME_H + 2, /* a row more at the top and at the bottom: halves twice */
    DQ__NET_PIXELS = DQ__NET_W * DQ__NET_H
};

/* Layers of the student that losses look at: encoder at full size and at half, the middle, decoder at half and at full size, the
 * drawing. */
enum { DQ__SEE_1, DQ__SEE_2, DQ__SEE_MIDDLE, DQ__DRAW_2, DQ__DRAW_1, DQ__DRAWING, DQ__STUDENT_TAPS };

typedef struct dq__trainee {
    dq__table table;
    size_t parameters;
    int tap[DQ__STUDENT_TAPS], taps;
    size_t weight_at[DQ__MAX_LAYERS], bias_at[DQ__MAX_LAYERS];
    dq__packed *packed;
    dq__exec *exec; /* for `n` pictures, to the weights */
} dq__trainee;

/* The tables. */
void dq__student_table(dq__table *table);
void dq__judge_table(dq__table *table);
/* Is this the table of a student? */
bool dq__is_student(const dq__table *table);
/* The layers that losses look at, ascending; returns how many: DQ__STUDENT_TAPS. */
int dq__student_taps(const dq__table *table, int tap[DQ__STUDENT_TAPS]);

/* A network to be trained on batches of n; taps: those of a student, or the last layer alone. */
dq_status dq__trainee_init(dq__trainee *t, dq__pool *pool, const dq__table *table, bool student, int n, bool pixels,
                           dq__error *err);
void dq__trainee_deinit(dq__trainee *t);
/* He-normal weights; residual branches and the last layer small; a student begins with the tone of paper. */
void dq__trainee_fill(const dq__trainee *t, bool student, uint64_t seed, float *theta);
/* The vector seen as weights. */
dq__weights dq__trainee_view(const dq__trainee *t, float *theta);

/* Three values a pixel, as the student takes them: brightness, red against blue, height in the frame, about −2 … 2; input
 * [DQ__NET_PIXELS][3]. */
void dq__student_input(const float *rgb, float *input);
/* Grey (0 … 255) of the frame to [DQ__NET_PIXELS] values as the networks have them, and back. */
void dq__net_grey(const float *grey, float *values);
void dq__net_drawing(const float *values, ptrdiff_t stride, ptrdiff_t row, float *grey);

#endif
