/* SPDX-License-Identifier: MIT
 * sketch/sketch.h: the tools of this part: a photo drawn, and methods measured. */
#ifndef DQ_SKETCH_SKETCH_H
#define DQ_SKETCH_SKETCH_H

#include "base/tool.h"

dq_status dq__sketch_tool(const dq__call *call, dq__error *err);
dq_status dq__sketch_eval_tool(const dq__call *call, dq__error *err);

#endif
