/* SPDX-License-Identifier: MIT
 * bench/judge.h: a network that measures how near a picture is to a photo and to a painting, shared by `gates` and `quality`.
 * It paints nothing and reads no files. */
#ifndef DQ_BENCH_JUDGE_H
#define DQ_BENCH_JUDGE_H

#include "gates.h"
#include "image/face.h"

/* Relative to the targets: style is the mean over layers of ‖G − G*‖²/‖G*‖², outside the same where no face is, content is
 * |F − F*|²/|F*|², face the same with every position weighted by the map of the faces (both NaN without one). */
typedef struct losses {
    double style, outside, content, face;
} losses;

/* Style is measured at all layers but that of the content, unless it is for both. */
typedef struct judge {
    net net;
    int content; /* number of the tap of content */
    bool both;   /* it is a style layer too */
    float *gram[MAX_LOOK], *features, *map;
    float *outside[MAX_LOOK]; /* guides, 0 in the faces; NULL: no faces */
    double gram_energy[MAX_LOOK], energy, map_energy;
} judge;

void judge_open(judge *j, const dq_model *model, const char *layers, int content, bool both);
void judge_close(judge *j);
/* From now on pictures are compared with these. */
void set_targets(gates *g, judge *j, const dq_image *content, const dq_image *style);
/* Where the faces of the photo are; right after set_targets. */
void set_faces(gates *g, judge *j, const dq_image *content, const dq__face *faces, int count);
/* The picture has the size of the content. */
losses judge_picture(gates *g, judge *j, const dq_image *picture);

#endif
