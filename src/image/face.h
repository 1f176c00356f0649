/* SPDX-License-Identifier: MIT
 * image/face.h: where the faces of a picture are and where their eyes, by the cascades that Debian packages as opencv-data,
 * and a soft map of what matters in a face. The files belong to the system: where they are missing, whoever asks is told so
 * and goes on without faces. */
#ifndef DQ_IMAGE_FACE_H
#define DQ_IMAGE_FACE_H

#include "image/image.h"

enum { DQ__MAX_FACES = 16 };

/* In pixels of the picture; the centre of the first pixel is (0.5, 0.5). */
typedef struct dq__face {
    double x, y, side;  /* centre and side of a square from brow to chin */
    double eye[2][2];   /* centres of the eyes, x and y; first the one on the left of the picture */
    bool eyes_seen;     /* false: none were found, and these are where eyes usually lie in such a square */
    int votes;          /* how many windows agreed: more is surer */
} dq__face;

typedef struct dq__face_finder dq__face_finder;

/* Reads the cascades from `folder`; NULL: from $DANQING_CASCADES, or where systems keep them. DQ_BAD_MODEL where there are
 * none or they are damaged. One finder serves any number of pictures and threads. */
dq_status dq__face_finder_new(dq__face_finder **out, const char *folder, dq__error *err);
void dq__face_finder_free(dq__face_finder **finder);
/* At most `most` faces, the largest first; *count may be 0. */
dq_status dq__face_find(const dq__face_finder *finder, const dq_image *image, dq__face *faces, int most, int *count,
                        dq__error *err);
/* map: [h][w] from 0 (no face) to 1 (eyes, nose, mouth), about 1/2 in the rest of a face, soft at the edges. The faces are
 * those of a picture of image_w×image_h, whatever the size of the map. */
void dq__face_map(float *map, int w, int h, int image_w, int image_h, const dq__face *faces, int count);

#endif
