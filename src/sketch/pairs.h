/* SPDX-License-Identifier: MIT
 * sketch/pairs.h: a folder of photos and the sketches that an artist made of them: photos/NAME.* and sketches/NAME.*, brought
 * into the frame, and a cache beside it for what is learnt from it. Knows no method of drawing. */
#ifndef DQ_SKETCH_PAIRS_H
#define DQ_SKETCH_PAIRS_H

#include "base/pool.h"
#include "base/tool.h"
#include "sketch/frame.h"

enum { DQ__MAX_PAIRS = 2000, DQ__PAIRS_DIGEST = 32 };

typedef enum dq__direction { DQ__TO_SKETCH, DQ__TO_PHOTO } dq__direction;

/* What is drawn from ("seen") and what is drawn: photos and sketches, or the other way round. */
typedef struct dq__pairs {
    int count;
    char **name;              /* without folder and ending, sorted */
    uint8_t *rgb;             /* seen: [count][DQ__FRAME_PIXELS][3] */
    float *seen, *drawn;      /* grey: [count][DQ__FRAME_PIXELS], whole numbers 0 … 255 */
    char folder[4096];
    unsigned char digest[DQ__PAIRS_DIGEST]; /* of the files' names and bytes and of the direction */
} dq__pairs;

/* Reads all pairs of a folder. Pictures that are not the frame itself are brought into it by the eyes found in the photo.
 * DQ_BAD_IMAGE, with the file: no such folder, no pairs, a photo without a sketch or the reverse, other sizes, no face. */
dq_status dq__pairs_read(dq__pairs **out, dq__pool *pool, const char *folder, dq__direction direction, dq__error *err);
void dq__pairs_free(dq__pairs **pairs);
/* Pair number k. */
const float *dq__pair_seen(const dq__pairs *pairs, int k);
const float *dq__pair_drawn(const dq__pairs *pairs, int k);
void dq__pair_frame(const dq__pairs *pairs, int k, dq__frame *frame);
/* Some of them, in the order given, as pairs of their own. */
dq_status dq__pairs_choose(dq__pairs **out, const dq__pairs *from, const int *which, int count, dq__error *err);
/* The eyes of the largest face of a picture; DQ_BAD_IMAGE when there is none, with a word on how to say where they are. */
dq_status dq__find_eyes(dq__eye_pair *eyes, const dq_image *image, const char *name, dq__error *err);

/* ---- cache.c: what is learnt, kept beside the folder ---- */

/* Fills `values` from the cache of `what` ("rslcr-v1 200 0.5": the method with all that it depends on); false where there is none
 * of these pairs, or none of that size. */
bool dq__cache_read(const dq__pairs *pairs, const char *what, float *values, size_t count);
/* Keeps them in FOLDER/.danqing, or in the user's folder for caches where that cannot be written. What cannot be kept anywhere is
 * learnt again next time: no failure. */
void dq__cache_write(const dq__pairs *pairs, const char *what, const float *values, size_t count);

#endif
