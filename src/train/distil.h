/* SPDX-License-Identifier: MIT
 * train/distil.h: training a small network to see as larger ones do (knowledge distillation: Hinton et al. 2015; on features:
 * Romero et al. 2015). Its loss is in match.h, the network in student.h. */
#ifndef DQ_TRAIN_DISTIL_H
#define DQ_TRAIN_DISTIL_H

#include "base/pool.h"
#include "train/config.h"
#include "train/task.h"

/* Names in a recipe that may be given more than once, ended by NULL. */
extern const char *const dq__distil_lists[];

/* Settings of the recipe:
 *   name = TEXT                   of the network
 *   network = 2x32 2x64 …         convolutions × channels of each stage
 *   start = FILE                  a network whose layers it begins with, where names agree
 *   teacher = NAME FILE           a network to learn from
 *   match = relu1_1 NAME.relu1_1 WEIGHT   the student's layer, through a linear head of its own, is to predict the teacher's
 *                                 with "guide" behind it: in training only, no root of it goes into the file
 *   gram-weight = 0.1             weight of the Gram matrices' distance beside that of the features
 *   images = DIR SHARE, validate-images = DIR, cache-mb = 600
 *   batch = 8, crop = 128, validate-crops = 64
 *   data = DIR                    what relative files and folders are relative to
 *   augment.NAME = VALUE          see augment.h
 *   credit = TEXT, source = TEXT  go into the network's file */
dq_status dq__distil_new(dq__task *out, dq__pool *pool, const dq__config *config, dq__error *err);

#endif
