/* SPDX-License-Identifier: MIT
 * sketch/frame.h: the frame that all faces are drawn in: 200 × 250 pixels, left eye at (75,125), right eye at (125,125), grey
 * values from 0 to 255. Brings a photo into it and a drawing back to the photo. Knows nothing of how a face is drawn. */
#ifndef DQ_SKETCH_FRAME_H
#define DQ_SKETCH_FRAME_H

#include "image/image.h"

enum { DQ__FRAME_W = 200, DQ__FRAME_H = 250, DQ__FRAME_PIXELS = DQ__FRAME_W * DQ__FRAME_H };

/* Eyes in pixels of a picture; "left" is the one on the left of the picture. */
typedef struct dq__eye_pair {
    double x1, y1, x2, y2;
} dq__eye_pair;

/* From a frame to the picture it was taken from: x' = a·x − b·y + tx, y' = b·x + a·y + ty (pixel centres at whole numbers). */
typedef struct dq__similarity {
    double a, b, tx, ty;
} dq__similarity;

/* A face in the frame. */
typedef struct dq__frame {
    float rgb[DQ__FRAME_PIXELS * 3], grey[DQ__FRAME_PIXELS]; /* 0 … 255 */
} dq__frame;

/* The similarity that brings the frame's eyes to these. DQ_USAGE where they are no two eyes, from left to right, within a
 * picture of that size. */
dq_status dq__eye_pair_similarity(dq__similarity *s, const dq__eye_pair *eyes, int width, int height, dq__error *err);
/* "x1,y1,x2,y2" */
dq_status dq__eye_pair_parse(dq__eye_pair *eyes, const char *text, dq__error *err);
/* Is the picture the frame itself? */
bool dq__is_frame(const dq_image *image);
/* 255·(0.299 R + 0.587 G + 0.114 B) */
void dq__rgb_to_grey(const float *rgb, size_t pixels, float *grey);
/* The face that lies in the picture under s, shrunk without aliasing; what is outside the picture is its border, replicated. */
dq_status dq__frame_take(dq__frame *frame, const dq_image *image, const dq__similarity *s, dq__error *err);
/* A picture as a face: the picture must be the frame. Values are rounded as in a file of 8 bits. */
void dq__frame_of(dq__frame *frame, const dq_image *image);
/* A grey drawing of w × h (0 … 255) as a picture. */
dq_status dq__drawing_image(dq_image **out, const float *grey, int width, int height, dq__error *err);
/* The drawing (0 … 255) in the geometry and size of the photo. Where the photo has more pixels, the drawing follows its edges: a
 * straight line from photo to drawing, fitted around every pixel of the frame, is applied to the photo's own pixels (He, Sun:
 * "Fast guided filter", 2015) and what the line does not explain is added, enlarged. Outside the frame is paper. */
dq_status dq__drawing_back(dq_image **out, const float *drawing, const dq__frame *frame, const dq_image *photo,
                           const dq__similarity *s, dq__error *err);
/* Values as in a file of 8 bits. */
void dq__round_grey(float *grey, size_t n);

#endif
