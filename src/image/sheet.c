/* SPDX-License-Identifier: MIT
 * image/sheet.c: see sheet.h. Lays out and copies pixels; letters are letters.c's. */
#include "image/sheet.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { GAP = 16 };

dq_status dq__grey_field(dq_image **out, int width, int height, float grey, dq__error *err) {
    const dq_status status = dq__image_new(out, width, height, false, err);
    for (size_t k = 0; !status && k < 3 * (size_t)width * (size_t)height; k++) (*out)->rgb[k] = grey;
    return status;
}

dq_status dq__shrink(dq_image **out, const dq_image *image, int longest, dq__error *err) {
    const int most = image->width > image->height ? image->width : image->height;
    if (most <= longest) return dq__image_copy(out, image, err);
    const int width = (int)((int64_t)image->width * longest / most), height = (int)((int64_t)image->height * longest / most);
    return dq__image_resize(out, image, width < 1 ? 1 : width, height < 1 ? 1 : height, err);
}

void dq__paste(const dq_image *to, const dq_image *from, int x, int y) {
    const size_t bytes = sizeof(float) * 3 * (size_t)from->width;
    for (int v = 0; v < from->height; v++)
        memcpy(to->rgb + 3 * ((size_t)(y + v) * (size_t)to->width + (size_t)x),
               from->rgb + 3 * (size_t)v * (size_t)from->width, bytes);
}

void dq__tile_free(dq__tile *tile) {
    dq__image_free(&tile->image);
    dq__free(tile->caption);
    tile->caption = NULL;
}

/* ---- captions ---------------------------------------------------------------------------------------------------- */

/* The start of the next line of a caption, broken at a blank, or within a word that is too long; *length gets the bytes of this
 * line. */
static const char *next_line(const char *text, int fit, int *length) {
    int characters = 0, blank = 0;
    *length = 0;
    while (text[*length] && text[*length] != '\n' && (characters < fit || !characters)) {
        if (text[*length] == ' ') blank = *length;
        ++*length;
        while ((text[*length] & 0xc0) == 0x80) ++*length;
        characters++;
    }
    const char end = text[*length];
    if (end && end != '\n' && end != ' ' && blank) *length = blank;
    return text + *length + (text[*length] == '\n' || text[*length] == ' ');
}

static int count_lines(const char *text, int fit) {
    int lines = 0, length;
    for (; text && *text; lines++) text = next_line(text, fit, &length);
    return lines;
}

static void draw_caption(const dq_image *c, int x, int y, const char *text, int fit) {
    int length;
    for (const char *next; text && *text; text = next, y += dq__letters_line()) {
        char line[512];
        next = next_line(text, fit, &length);
        snprintf(line, sizeof line, "%.*s", length, text);
        dq__letters_draw(c, x, y, line, fit);
    }
}

/* ---- the sheet --------------------------------------------------------------------------------------------------- */

static int cell_width(const dq__tile *tile, int side) {
    return tile->image && tile->image->width > side ? tile->image->width : side;
}

/* One past the last tile of the row that begins with tile `first`. */
static int row_end(const dq__tile *tile, int count, int first) {
    int end = first + 1;
    while (end < count && !tile[end].row) end++;
    return end;
}

/* Height of the pictures of a row, of the text below them, and the width of both. */
typedef struct row_size {
    int picture, text;
    int64_t width;
} row_size;

static row_size measure_row(const dq__tile *tile, int first, int end, int side) {
    row_size size = {.width = GAP};
    for (int i = first; i < end; i++) {
        const int width = cell_width(&tile[i], side), height = tile[i].image ? tile[i].image->height : 0;
        const int text = count_lines(tile[i].caption, dq__letters_fit(width)) * dq__letters_line();
        if (height > size.picture) size.picture = height;
        if (text > size.text) size.text = text;
        size.width += width + GAP;
    }
    if (!size.picture) size.picture = side / 2;
    return size;
}

static void draw_field(const dq_image *c, int x, int y, int width, int height) {
    for (int v = 0; v < height; v++)
        for (int u = 0; u < 3 * width; u++) c->rgb[3 * ((size_t)(y + v) * (size_t)c->width + (size_t)x) + (size_t)u] = 0.85f;
}

static void draw_row(const dq_image *c, const dq__tile *tile, int first, int end, int side, int y) {
    const row_size size = measure_row(tile, first, end, side);
    for (int i = first, x = GAP; i < end; i++) {
        const int width = cell_width(&tile[i], side);
        if (tile[i].image) dq__paste(c, tile[i].image, x, y);
        else draw_field(c, x, y, width, size.picture);
        draw_caption(c, x, y + size.picture + 4, tile[i].caption, dq__letters_fit(width));
        x += width + GAP;
    }
}

dq_status dq__sheet(dq_image **out, const dq__tile *tile, int count, int side, dq__error *err) {
    int64_t width = 0, height = GAP;
    *out = NULL;
    for (int first = 0, end; first < count; first = end) {
        end = row_end(tile, count, first);
        const row_size size = measure_row(tile, first, end, side);
        if (size.width > width) width = size.width;
        height += size.picture + size.text + GAP;
    }
    if (width > DQ__MAX_SIDE || height > DQ__MAX_SIDE)
        return dq__fail(err, DQ_LIMIT, "a sheet of %lld × %lld pixels is too large; show less", (long long)width,
                        (long long)height);
    const dq_status status = dq__grey_field(out, (int)width, (int)height, 1, err);
    for (int first = 0, end, y = GAP; first < count && !status; first = end) {
        end = row_end(tile, count, first);
        const row_size size = measure_row(tile, first, end, side);
        draw_row(*out, tile, first, end, side, y);
        y += size.picture + size.text + GAP;
    }
    return status;
}
