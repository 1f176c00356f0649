/* SPDX-License-Identifier: MIT
 * cli/sheet.h: a contact sheet: pictures in rows, each with lines of text below it. */
#ifndef DQ_CLI_SHEET_H
#define DQ_CLI_SHEET_H

#include "cli.h"

typedef struct cli_tile {
    dq_image *image; /* no larger than the sheet's tiles; NULL for a grey field; cli_tile_free frees it */
    char *caption;   /* lines; freed too */
} cli_tile;

/* A canvas of floats, H×W×3. */
typedef struct cli_canvas {
    int width, height;
    float *rgb;
} cli_canvas;

/* A copy of a picture whose longest side is at most `longest`. */
dq_status cli_shrink(dq_context *ctx, dq_image **out, const dq_image *image, int longest);
/* Draws the tiles `columns` to a row, each `side` pixels wide; the first `heads` have a row of their own. */
dq_status cli_sheet(dq_context *ctx, dq_image **out, const cli_tile *tile, int count, int heads, int columns, int side);
void cli_tile_free(cli_tile *tile);

/* ---- letters.c ---- */

/* Height of a line of text, and characters that fit into a width. */
int cli_letters_line(void);
int cli_letters_fit(int width);
/* Draws one line, at most `most` characters, with its upper left corner at (x, y). */
void cli_letters_draw(cli_canvas *canvas, int x, int y, const char *text, int most);

#endif
