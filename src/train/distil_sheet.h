/* SPDX-License-Identifier: MIT
 * train/distil_sheet.h: a picture of what teacher and student see, to look at while a distillation goes on. */
#ifndef DQ_TRAIN_DISTIL_SHEET_H
#define DQ_TRAIN_DISTIL_SHEET_H

#include "net/tensor.h"

/* A row for each of the first six pictures of rgb [n][side][side][3]: the picture, then for every pair teacher and student
 * side by side, their three channels of largest variance (the teacher's choice and scale) as red, green, blue. */
dq_status dq__distil_sheet(const float *rgb, int side, const dq__tensor *const *pair, int pairs, const char *path,
                           dq__error *err);

#endif
