/* SPDX-License-Identifier: MIT
 * train/distil_sheet.c: maps as tiles of one picture. Looks at features, changes none. */
#include "train/distil_sheet.h"

#include "image/image.h"

#include <math.h>
#include <string.h>

enum { ROWS = 6, GAP = 4 };

/* How a teacher's map is shown: three channels, and for each what is black and what is white. */
typedef struct view {
    int channel[3];
    double mean[3], deviation[3];
} view;

static void measure(const dq__tensor *t, int c, double *mean, double *variance) {
    double sum = 0, squares = 0;
    const double n = (double)t->h * t->w;
    for (int y = 0; y < t->h; y++)
        for (int x = 0; x < t->w; x++) {
            const double v = (double)dq__pixel(t, y, x)[c];
            sum += v, squares += v * v;
        }
    *mean = sum / n;
    *variance = squares / n - *mean * *mean;
}

static view choose(const dq__tensor *t) {
    view best = {.channel = {0}};
    double most[3] = {-1, -1, -1};
    for (int c = 0; c < t->c; c++) {
        double mean, variance;
        int at = 0;
        measure(t, c, &mean, &variance);
        while (at < 3 && variance <= most[at]) at++;
        if (at == 3) continue;
        for (int k = 2; k > at; k--) {
            most[k] = most[k - 1];
            best.channel[k] = best.channel[k - 1], best.mean[k] = best.mean[k - 1], best.deviation[k] = best.deviation[k - 1];
        }
        most[at] = variance;
        best.channel[at] = c, best.mean[at] = mean, best.deviation[at] = sqrt(variance > 0 ? variance : 0) + 1e-12;
    }
    return best;
}

static float *sheet_pixel(const dq_image *sheet, int side, int row, int column, int y, int x) {
    const int at_y = row * (side + GAP) + GAP + y, at_x = column * (side + GAP) + GAP + x;
    return sheet->rgb + ((size_t)at_y * (size_t)sheet->width + (size_t)at_x) * 3;
}

static void draw_map(const dq_image *sheet, int side, int row, int column, const dq__tensor *t, const view *lens) {
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            const float *from = dq__pixel(t, y * t->h / side, x * t->w / side);
            float *to = sheet_pixel(sheet, side, row, column, y, x);
            for (int k = 0; k < 3; k++) {
                const double v = 0.35 + 0.25 * ((double)from[lens->channel[k]] - lens->mean[k]) / lens->deviation[k];
                to[k] = (float)(v < 0 ? 0 : v > 1 ? 1 : v);
            }
        }
}

dq_status dq__distil_sheet(const float *rgb, int side, const dq__tensor *const *pair, int pairs, const char *path,
                           dq__error *err) {
    const int rows = pair[0]->n < ROWS ? pair[0]->n : ROWS, columns = 1 + 2 * pairs;
    dq_image *sheet;
    dq_status status = dq__image_new(&sheet, columns * (side + GAP) + GAP, rows * (side + GAP) + GAP, false, err);
    if (status) return status;
    for (int row = 0; row < rows; row++) {
        for (int y = 0; y < side; y++)
            memcpy(sheet_pixel(sheet, side, row, 0, y, 0), rgb + ((size_t)row * (size_t)side + (size_t)y) * (size_t)side * 3,
                   sizeof(float) * 3 * (size_t)side);
        for (int k = 0; k < pairs; k++) {
            const dq__tensor teacher = dq__picture(pair[2 * k], row), student = dq__picture(pair[2 * k + 1], row);
            const view lens = choose(&teacher);
            draw_map(sheet, side, row, 1 + 2 * k, &teacher, &lens);
            draw_map(sheet, side, row, 2 + 2 * k, &student, &lens);
        }
    }
    status = dq__image_write(sheet, path, NULL, err);
    dq__image_free(&sheet);
    return status;
}
