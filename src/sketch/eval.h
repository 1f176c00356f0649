/* SPDX-License-Identifier: MIT
 * sketch/eval.h: draws the photos of test folders and measures the drawings against the artist's, beside the two floors. */
#ifndef DQ_SKETCH_EVAL_H
#define DQ_SKETCH_EVAL_H

#include "sketch/drawing.h"

typedef struct dq__scores {
    double ssim, ssim_cropped, fsim, scoot, vgg; /* metrics.h; vgg is a distance: less is better */
} dq__scores;

enum dq__shown { DQ__MADE, DQ__FLOOR_PHOTO, DQ__FLOOR_MEAN, DQ__SHOWN }; /* the drawing; the photo itself; the mean sketch */

/* Pictures that are measured together. */
typedef struct dq__trial {
    int count;
    char **name;               /* "FOLDER/NAME" */
    float *artist;             /* [count][DQ__FRAME_PIXELS] */
    float *shown[DQ__SHOWN];   /* the same */
    dq__scores *score[DQ__SHOWN];
    int measured;              /* the first so many of dq__shown: all of them */
    double mean_seconds;       /* of a drawing */
    dq__scores mean[DQ__SHOWN];
    double recognised[DQ__SHOWN]; /* NLDA, share; below 0: too few pictures to tell */
} dq__trial;

/* Room for `count` pictures. */
dq_status dq__trial_new(dq__trial **out, int count, dq__error *err);
void dq__trial_free(dq__trial **trial);
/* Pictures `first` … of the trial: the test pairs as an artist draws them who has learnt. */
dq_status dq__trial_draw(dq__trial *trial, int first, const dq__pairs *test, const dq__artist *artist, const dq__call *call,
                         dq__error *err);
/* Fills scores, means and recognition. */
dq_status dq__trial_measure(dq__trial *trial, dq__pool *pool, const dq_model *model, dq__error *err);

#endif
