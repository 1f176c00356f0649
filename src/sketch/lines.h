/* SPDX-License-Identifier: MIT
 * sketch/lines.h: a drawing without any pairs: differences of Gaussians, measured by the brightness around them, become strokes
 * of pencil. Works at any size. */
#ifndef DQ_SKETCH_LINES_H
#define DQ_SKETCH_LINES_H

#include "base/error.h"

/* grey and drawing: w × h, 0 … 255; may be the same. `width`: of a line in pixels. DQ_LIMIT without memory. */
dq_status dq__lines_draw(const float *grey, int w, int h, double width, float *drawing, dq__error *err);

#endif
