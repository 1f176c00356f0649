/* SPDX-License-Identifier: MIT
 * sketch/finish.h: a last stage that puts the artist's strokes into a drawing that a method has made: painted, with the drawing
 * as content and the matched sketches as style. Works in the frame. */
#ifndef DQ_SKETCH_FINISH_H
#define DQ_SKETCH_FINISH_H

#include "model/model.h"
#include "sketch/pairs.h"

typedef struct dq__finish dq__finish;

/* pool, pairs and model outlive it. */
dq_status dq__finish_new(dq__finish **out, dq__pool *pool, const dq__pairs *pairs, const dq_model *model, dq__error *err);
void dq__finish_free(dq__finish **finish);
/* drawing: what a method has made of the face, replaced by the finished one. */
dq_status dq__finish_draw(dq__finish *finish, const dq__frame *face, float *drawing, dq__error *err);

#endif
