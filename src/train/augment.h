/* SPDX-License-Identifier: MIT
 * train/augment.h: how a crop for training is varied: where it is cut, its colours, and the ways that lead away from
 * photographs (noise, sharpening, mixes, JPEG), where painting goes too. Works on floats [side][side][3] in memory; knows
 * no files. Everything depends on (seed, number of the crop) alone: each step draws from its own place, so that switching
 * one step on or off does not change what another draws. */
#ifndef DQ_TRAIN_AUGMENT_H
#define DQ_TRAIN_AUGMENT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Probabilities are in [0,1], each step independent of the others. All zero is a plain random crop. "Up to" is drawn
 * uniformly from 0. The steps happen in the order they stand here; the result is clamped to [0,1]. */
typedef struct dq__augment {
    /* The window that is cut has side·s pixels, s log-uniform in [scale_min, scale_max] (0 and 0: s = 1), and at most the
     * shorter side of the picture; it is resized to the crop. */
    double scale_min, scale_max;
    double flip;              /* probability: left and right change places */
    double cutmix;            /* probability: two or three pictures in regions, hard or soft, as often each */
    double blend;             /* probability: (1−a)·picture + a·another, a in [¼, ¾] */
    double gain, offset;      /* every channel: times 1 ± up to gain, plus ± up to offset */
    double saturation, gamma; /* distance from grey times 1 ± up to saturation; to the power (1 + gamma)^(−1 … 1) */
    double permute;           /* probability: channels change places and may be inverted (never both left alone) */
    double sharpen;           /* probability: plus strength·(picture − blurred), … */
    double sharpen_max;       /* … strength up to this */
    double noise;             /* probability: plus noise, white or pink (1/f), as often each, … */
    double noise_max;         /* … its deviation up to this */
    double noise_blend;       /* probability: (1−a)·picture + a·(½ + noise of deviation up to noise_max), … */
    double noise_blend_max;   /* … a up to this */
    double jpeg;              /* probability: 8×8 blocks as JPEG rounds them, of a quality … */
    double jpeg_min, jpeg_max; /* … uniform between these, 1 … 100 (below 1 counts as 1) */
} dq__augment;

/* flip ½, scale ½ … 2, mild colours, and seven ways off the manifold of 7 % each: together 40 % of the crops. */
dq__augment dq__augment_default(void);
/* Sets the field of this name from text. DQ_USAGE for an unknown name or a value outside its range. */
dq_status dq__augment_set(dq__augment *augment, const char *name, const char *value, dq__error *err);
/* DQ_USAGE where a field is outside its range or a minimum above its maximum. */
dq_status dq__augment_check(const dq__augment *augment, dq__error *err);

/* ---- what images.c asks while it makes crop number `crop` ---- */
enum { DQ__PARTS_MAX = 4 }; /* the picture itself, two for cut-mix, one for the blend */

/* How many pictures crop number `crop` is made of: 1 … DQ__PARTS_MAX. */
int dq__augment_parts(const dq__augment *augment, uint64_t seed, int64_t crop);
/* The square of width `size` to cut for part number `part`. */
typedef struct dq__window {
    int x, y, size;
    bool flip;
} dq__window;
dq__window dq__augment_window(const dq__augment *augment, uint64_t seed, int64_t crop, int part, int width, int height,
                              int side);
/* Everything after the cutting: mixes part[0 … parts−1] (values in [0,1]) into part[0] and varies it. `scratch` holds
 * 2·side·side·3 floats. */
void dq__augment_apply(const dq__augment *augment, uint64_t seed, int64_t crop, float *const *part, int side,
                       float *scratch);

#endif
