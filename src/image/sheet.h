/* SPDX-License-Identifier: MIT
 * image/sheet.h: a contact sheet: pictures in rows, each with lines of text below it, and the letters that they are written
 * with. Reads and writes no files. */
#ifndef DQ_IMAGE_SHEET_H
#define DQ_IMAGE_SHEET_H

#include "image/image.h"

typedef struct dq__tile {
    dq_image *image; /* NULL: a grey field */
    char *caption;   /* UTF-8, lines parted by '\n', broken where they are too long; NULL: none. dq__tile_free frees both */
    bool row;        /* begins a row; so does the first */
} dq__tile;

/* Draws the tiles on white, each in a cell as wide as its picture, and at least `side` pixels. */
dq_status dq__sheet(dq_image **out, const dq__tile *tile, int count, int side, dq__error *err);
void dq__tile_free(dq__tile *tile);
/* A copy whose longest side is at most `longest`. */
dq_status dq__shrink(dq_image **out, const dq_image *image, int longest, dq__error *err);
/* Copies `from` into `to` with its upper left corner at (x, y), where it must fit. */
void dq__paste(const dq_image *to, const dq_image *from, int x, int y);
/* A picture of one grey. */
dq_status dq__grey_field(dq_image **out, int width, int height, float grey, dq__error *err);

/* ---- letters.c ---- */

/* Height of a line of text, and characters that fit into a width. */
int dq__letters_line(void);
int dq__letters_fit(int width);
/* Draws one line, at most `most` characters, with its upper left corner at (x, y). */
void dq__letters_draw(const dq_image *canvas, int x, int y, const char *text, int most);

#endif
