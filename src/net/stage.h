/* SPDX-License-Identifier: MIT
 * net/stage.h: a network cut into stages, each a short network of its own that reads the map which the one before has made. A
 * value of a stage sees little around it, so a stage can go over a large map window by window; and how much around a window is
 * needed so that what is right in its inner part is the same number, to the last bit, as in one go. Runs nothing. */
#ifndef DQ_NET_STAGE_H
#define DQ_NET_STAGE_H

#include "net/executor.h"

enum { DQ__MAX_STAGES = 32 };

typedef struct dq__stage {
    dq__table table;   /* those of its layers that a tap depends on; −1 is the map that it reads */
    dq__packed packed; /* their weights, borrowed */
    int layer[DQ__MAX_LAYERS]; /* which layers of the whole table they are */
    int channels;      /* of the map that it reads; 0: the picture */
    int tap[DQ__MAX_TAPS + 1], number[DQ__MAX_TAPS + 1]; /* its layers with taps; which taps of the whole they are */
    int taps;
    int link;          /* the tap that is what the next stage reads, whose number is −1; −1: this is the last stage */
    int stride;        /* positions of the map it reads to one of the smallest map it makes */
    int before, after; /* positions of the map it reads that are needed around what is to be right, there and back */
} dq__stage;

/* Cuts the layers that the taps need into stages, at most DQ__MAX_STAGES; returns how many. 0: a layer sees the whole picture
 * (linear, norms of a picture) or makes it larger, so there are none. packed may be NULL where nothing will be run. */
int dq__stages_cut(dq__stage *stages, const dq__table *table, const dq__packed *packed, const int *tap, int taps);
/* Positions from value to value of layer `layer` of the stage. */
int dq__stage_stride(const dq__stage *stage, int layer);

#endif
