/* SPDX-License-Identifier: MIT
 * samples.h: the painters of the seven sample pictures. Each fills a canvas that is already of the right size and may be
 * called at any scale; none reads files or keeps state. */
#ifndef SAMPLES_SAMPLES_H
#define SAMPLES_SAMPLES_H

#include "picture.h"

void paint_portrait1(picture *out); /* 512 × 640 units */
void paint_portrait2(picture *out);
void paint_night(picture *out); /* 640 × 512 units, the five styles */
void paint_inkwash(picture *out);
void paint_woodcut(picture *out);
void paint_mosaic(picture *out);
void paint_pencil(picture *out);

#endif
