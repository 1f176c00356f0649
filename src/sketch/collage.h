/* SPDX-License-Identifier: MIT
 * sketch/collage.h: for a face the artist's sketches of what looks like it, put together from large pieces: not a drawing of
 * this person, but the hand, tones and strokes that belong at each place. */
#ifndef DQ_SKETCH_COLLAGE_H
#define DQ_SKETCH_COLLAGE_H

#include "sketch/pairs.h"

enum { DQ__COLLAGES = 3 };

/* As many collages as there are pairs for, at most DQ__COLLAGES: in the first each piece is from the pair that is nearest there,
 * in the second from the next pair, … pictures: [DQ__COLLAGES][DQ__FRAME_PIXELS]. Returns how many. */
int dq__collages(dq__pool *pool, const dq__pairs *pairs, const float *grey, float *pictures);

#endif
