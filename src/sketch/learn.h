/* SPDX-License-Identifier: MIT
 * sketch/learn.h: training of students that draw, as a task of train/: the plain one, and the ideas of KT, KD, KD+ and DCF. */
#ifndef DQ_SKETCH_LEARN_H
#define DQ_SKETCH_LEARN_H

#include "train/kinds.h"

/* The kind "sketch": its recipe's lists, and the recipe where none is given. */
extern const char *const dq__sketch_lists[];
extern const char dq__sketch_recipe[];
dq_status dq__sketch_task(dq__task *out, dq__pool *pool, const dq__config *config, dq__error *err);

#endif
