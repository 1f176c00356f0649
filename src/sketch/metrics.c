/* SPDX-License-Identifier: MIT
 * sketch/metrics.c: SSIM, Scoot and the distance of features. */
#include "sketch/metrics.h"

#include "base/mem.h"
#include "net/executor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- SSIM ---- */

enum { REACH = 5, MAX_MAP = 4096 };

static int clamp(int v, int top) { return v < 0 ? 0 : v > top ? top : v; }

/* The five means that SSIM is made of, at one column of a row of sums. */
typedef struct moments {
    double a, b, aa, bb, ab;
} moments;

static void window(double g[2 * REACH + 1]) {
    double sum = 0;
    for (int i = -REACH; i <= REACH; i++) sum += g[i + REACH] = exp(-i * i / (2 * 1.5 * 1.5));
    for (int i = 0; i <= 2 * REACH; i++) g[i] /= sum;
}

/* Means of column x around row y. */
static moments column(const float *a, const float *b, int w, int h, int x, int y, const double *g) {
    moments m = {0};
    for (int d = -REACH; d <= REACH; d++) {
        const size_t at = (size_t)clamp(y + d, h - 1) * (size_t)w + (size_t)x;
        const double k = g[d + REACH], p = (double)a[at], q = (double)b[at];
        m.a += k * p, m.b += k * q, m.aa += k * p * p, m.bb += k * q * q, m.ab += k * p * q;
    }
    return m;
}

static double similarity(const moments *m) {
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    const double va = m->aa - m->a * m->a, vb = m->bb - m->b * m->b, cov = m->ab - m->a * m->b;
    return (2 * m->a * m->b + c1) * (2 * cov + c2) / ((m->a * m->a + m->b * m->b + c1) * (va + vb + c2));
}

static double row_of_ssim(const moments *c, int w, int margin, const double *g) {
    double sum = 0;
    for (int x = margin; x < w - margin; x++) {
        moments m = {0};
        for (int d = -REACH; d <= REACH; d++) {
            const moments *p = &c[clamp(x + d, w - 1)];
            const double k = g[d + REACH];
            m.a += k * p->a, m.b += k * p->b, m.aa += k * p->aa, m.bb += k * p->bb, m.ab += k * p->ab;
        }
        sum += similarity(&m);
    }
    return sum;
}

double dq__ssim(const float *a, const float *b, int w, int h, bool cropped) {
    const int margin = cropped && w > 2 * REACH && h > 2 * REACH ? REACH : 0;
    double g[2 * REACH + 1], sum = 0;
    moments c[MAX_MAP];
    window(g);
    for (int y = margin; y < h - margin; y++) {
        for (int x = 0; x < w; x++) c[x] = column(a, b, w, h, x, y, g);
        sum += row_of_ssim(c, w, margin, g);
    }
    return sum / ((double)(w - 2 * margin) * (h - 2 * margin));
}

/* ---- Scoot ---- */

enum { LEVELS = 6, GRID = 4, FEATURES = 2 * GRID * GRID };

static int level(float v) { return clamp((int)floor((double)v * LEVELS / 255), LEVELS - 1); }

/* Pairs of levels at an offset within a block. */
static void co_occurrences(const float *p, int w, const int block[4], int dy, int dx, double count[LEVELS][LEVELS]) {
    for (int y = block[0]; y < block[1]; y++)
        for (int x = block[2]; x < block[3]; x++) {
            const int v = y + dy, u = x + dx;
            if (v < block[0] || v >= block[1] || u < block[2] || u >= block[3]) continue;
            count[level(p[y * w + x])][level(p[v * w + u])]++;
        }
}

/* Contrast and energy of a block, of the mean of four directions. */
static void texture(const float *p, int w, const int block[4], double *feature) {
    static const int offset[4][2] = {{0, 1}, {-1, 1}, {-1, 0}, {-1, -1}};
    double count[LEVELS][LEVELS] = {0}, total = 0;
    for (int k = 0; k < 4; k++) co_occurrences(p, w, block, offset[k][0], offset[k][1], count);
    for (int i = 0; i < LEVELS; i++)
        for (int j = 0; j < LEVELS; j++) total += count[i][j] = round(count[i][j] / 4);
    feature[0] = feature[1] = 0;
    for (int i = 0; i < LEVELS; i++)
        for (int j = 0; j < LEVELS; j++) {
            const double share = total > 0 ? count[i][j] / total : 0;
            feature[0] += (i - j) * (i - j) * share;
            feature[1] += share * share;
        }
}

static void textures(const float *p, int w, int h, double feature[FEATURES]) {
    for (int i = 0; i < GRID * GRID; i++) {
        const int row = i / GRID, column_ = i % GRID;
        const int block[4] = {row * (h / GRID), (row + 1) * (h / GRID), column_ * (w / GRID), (column_ + 1) * (w / GRID)};
        texture(p, w, block, feature + 2 * i);
    }
}

double dq__scoot(const float *a, const float *b, int w, int h) {
    double p[FEATURES], q[FEATURES], sum = 0;
    textures(a, w, h, p);
    textures(b, w, h, q);
    for (int i = 0; i < FEATURES; i++) sum += (p[i] - q[i]) * (p[i] - q[i]);
    return 1 / (1 + sqrt(sum));
}

/* ---- distance of features ---- */

enum { LAYERS = 5 };

/* Σ over positions of |f/‖f‖ − g/‖g‖|² = 2 − 2·cos, and 0 or 1 where one of them or none has a length. */
static double turned(const dq__tensor *f, const dq__tensor *g) {
    double sum = 0;
    for (int y = 0; y < f->h; y++)
        for (int x = 0; x < f->w; x++) {
            const float *p = dq__pixel(f, y, x), *q = dq__pixel(g, y, x);
            double pp = 0, qq = 0, pq = 0;
            for (int c = 0; c < f->c; c++) {
                pp += (double)p[c] * (double)p[c];
                qq += (double)q[c] * (double)q[c];
                pq += (double)p[c] * (double)q[c];
            }
            const double u = pp > 0, v = qq > 0;
            sum += u + v - (u * v > 0 ? 2 * pq / sqrt(pp * qq) : 0);
        }
    return sum / ((double)f->h * f->w);
}

static void fill_rgb(const float *grey, size_t pixels, float *rgb) {
    for (size_t i = 0; i < pixels; i++) rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = grey[i] / 255.0f;
}

static int find_layers(const dq__table *table, int tap[LAYERS]) {
    int taps = 0;
    for (int k = 1; k <= LAYERS; k++) {
        char name[16];
        snprintf(name, sizeof name, "relu%d_1", k);
        const int at = dq__table_exact(table, name);
        if (at >= 0) tap[taps++] = at;
    }
    return taps;
}

dq_status dq__vgg_distances(dq__pool *pool, const dq_model *model, int count, const float *const *a, const float *const *b, int w,
                            int h, double *value, dq__error *err) {
    const size_t pixels = (size_t)w * (size_t)h;
    int tap[LAYERS];
    dq__packed *packed = NULL;
    dq__exec *exec = NULL;
    const int taps = find_layers(&model->table, tap);
    if (!taps) return dq__fail(err, DQ_BAD_MODEL, "%s has no layer relu1_1 … relu5_1 to compare by", model->table.name);
    float *rgb = dq__alloc(sizeof(float) * 6 * pixels);
    dq_status status = rgb ? DQ_OK : dq__no_memory(err, sizeof(float) * 6 * pixels, "two pictures");
    const dq__exec_options options = {.h = h, .w = w, .n = 2, .tap = tap, .taps = taps};
    if (!status) status = dq__packed_new(&packed, &model->table, &model->weights, tap[taps - 1], false, err);
    if (!status) status = dq__exec_new(&exec, pool, &model->table, packed, &options, err);
    for (int i = 0; !status && i < count; i++) {
        fill_rgb(a[i], pixels, rgb);
        fill_rgb(b[i], pixels, rgb + 3 * pixels);
        dq__exec_forward(exec, rgb);
        value[i] = 0;
        for (int k = 0; k < taps; k++) {
            const dq__tensor f = dq__picture(dq__exec_tap(exec, k), 0), g = dq__picture(dq__exec_tap(exec, k), 1);
            value[i] += turned(&f, &g) / taps;
        }
    }
    dq__exec_free(&exec);
    dq__packed_free(&packed);
    dq__free(rgb);
    return status;
}
