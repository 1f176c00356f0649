/* SPDX-License-Identifier: MIT
 * cli/sheet.c: see sheet.h. Lays out and copies pixels; letters are letters.c's. */
#include "sheet.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 16 };

/* ---- smaller pictures ------------------------------------------------------------------------------------------------ */

/* The mean of the pixels that fall on one of `to` among `from`. */
static void average(const dq_image *image, float *out, int x, int y, int width, int height) {
    const int w = dq_image_width(image), h = dq_image_height(image);
    const int left = (int)((int64_t)x * w / width), right = (int)((int64_t)(x + 1) * w / width);
    const int top = (int)((int64_t)y * h / height), bottom = (int)((int64_t)(y + 1) * h / height);
    double sum[3] = {0};
    for (int v = top; v < bottom; v++) {
        const float *row = dq_image_pixels(image) + 3 * (size_t)v * (size_t)w;
        for (int i = 3 * left; i < 3 * right; i++) sum[i % 3] += (double)row[i];
    }
    for (int k = 0; k < 3; k++) out[k] = (float)(sum[k] / ((double)(right - left) * (bottom - top)));
}

dq_status cli_shrink(dq_context *ctx, dq_image **out, const dq_image *image, int longest) {
    const int w = dq_image_width(image), h = dq_image_height(image), most = w > h ? w : h;
    const double factor = most > longest ? (double)longest / most : 1;
    const int width = w * factor < 1 ? 1 : (int)(w * factor), height = h * factor < 1 ? 1 : (int)(h * factor);
    *out = NULL;
    float *rgb = malloc(sizeof(float) * 3 * (size_t)width * (size_t)height);
    if (!rgb) return DQ_LIMIT;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) average(image, rgb + 3 * ((size_t)y * (size_t)width + (size_t)x), x, y, width, height);
    const dq_status status = dq_image_from_pixels(ctx, out, width, height, rgb, NULL);
    free(rgb);
    return status;
}

/* ---- captions -------------------------------------------------------------------------------------------------------- */

/* The start of the next line of a caption, broken after `fit` characters; *length gets the bytes of this one. */
static const char *next_line(const char *text, int fit, int *length) {
    int characters = 0;
    *length = 0;
    while (text[*length] && text[*length] != '\n' && characters < fit) {
        ++*length;
        while ((text[*length] & 0xc0) == 0x80) ++*length;
        characters++;
    }
    return text + *length + (text[*length] == '\n');
}

static int count_lines(const char *text, int fit) {
    int lines = 0, length;
    for (; *text; lines++) text = next_line(text, fit, &length);
    return lines;
}

static void draw_caption(cli_canvas *c, int x, int y, const char *text, int fit) {
    int length;
    for (const char *next; *text; text = next, y += cli_letters_line()) {
        next = next_line(text, fit, &length);
        char line[512];
        snprintf(line, sizeof line, "%.*s", length, text);
        cli_letters_draw(c, x, y, line, fit);
    }
}

/* ---- the sheet ------------------------------------------------------------------------------------------------------- */

typedef struct layout {
    const cli_tile *tile;
    int count, heads, columns, side, fit;
} layout;

static int rows_of(const layout *l) { return (l->heads > 0) + (l->count - l->heads + l->columns - 1) / l->columns; }

/* The tiles of a row: first and one past the last. */
static void row_range(const layout *l, int row, int *first, int *end) {
    const int grid_row = row - (l->heads > 0);
    *first = grid_row < 0 ? 0 : l->heads + grid_row * l->columns;
    *end = grid_row < 0 ? l->heads : *first + l->columns;
    if (*end > l->count) *end = l->count;
}

/* Height of the pictures of a row, and of the text below them. */
static void measure_row(const layout *l, int row, int *picture, int *text) {
    int first, end;
    row_range(l, row, &first, &end);
    *picture = *text = 0;
    for (int i = first; i < end; i++) {
        const int h = l->tile[i].image ? dq_image_height(l->tile[i].image) : 0;
        const int t = count_lines(l->tile[i].caption, l->fit) * cli_letters_line();
        if (h > *picture) *picture = h;
        if (t > *text) *text = t;
    }
    if (*picture == 0) *picture = l->side / 2;
}

static void draw_tile(cli_canvas *c, const cli_tile *tile, int x, int y, int side, int height) {
    const int w = tile->image ? dq_image_width(tile->image) : side, h = tile->image ? dq_image_height(tile->image) : height;
    for (int v = 0; v < h; v++) {
        float *to = c->rgb + 3 * ((size_t)(y + v) * (size_t)c->width + (size_t)x);
        if (tile->image) memcpy(to, dq_image_pixels(tile->image) + 3 * (size_t)v * (size_t)w, sizeof(float) * 3 * (size_t)w);
        else
            for (int u = 0; u < 3 * w; u++) to[u] = 0.85f;
    }
}

static void draw(cli_canvas *c, const layout *l) {
    int y = GAP, picture, text, first, end;
    for (size_t k = 0; k < 3 * (size_t)c->width * (size_t)c->height; k++) c->rgb[k] = 1;
    for (int row = 0; row < rows_of(l); row++, y += picture + text + GAP) {
        row_range(l, row, &first, &end);
        measure_row(l, row, &picture, &text);
        for (int i = first, x = GAP; i < end; i++, x += l->side + GAP) {
            draw_tile(c, &l->tile[i], x, y, l->side, picture);
            draw_caption(c, x, y + picture + 4, l->tile[i].caption, l->fit);
        }
    }
}

dq_status cli_sheet(dq_context *ctx, dq_image **out, const cli_tile *tile, int count, int heads, int columns, int side) {
    const layout l = {tile, count, heads, columns, side, cli_letters_fit(side)};
    const int across = columns > heads ? columns : heads;
    cli_canvas c = {.width = GAP + across * (side + GAP), .height = GAP};
    int picture, text;
    *out = NULL;
    for (int row = 0; row < rows_of(&l); row++) {
        measure_row(&l, row, &picture, &text);
        c.height += picture + text + GAP;
    }
    c.rgb = malloc(sizeof(float) * 3 * (size_t)c.width * (size_t)c.height);
    if (!c.rgb) return DQ_LIMIT;
    draw(&c, &l);
    const dq_status status = dq_image_from_pixels(ctx, out, c.width, c.height, c.rgb, NULL);
    free(c.rgb);
    return status;
}

void cli_tile_free(cli_tile *tile) {
    dq_image_free(&tile->image);
    free(tile->caption);
    tile->caption = NULL;
}
