/* SPDX-License-Identifier: MIT
 * tests/ref/graph.c: see graph.h. One function a kind of layer; nothing shared with the library but the table. */
#include "graph.h"

#include <math.h>
#include <stdlib.h>

static double *at(const ref_batch *m, int k, int c, int y, int x) {
    return &m->v[(((size_t)k * m->c + c) * m->h + y) * m->w + x];
}

size_t ref_batch_values(const ref_batch *m) { return (size_t)m->n * (size_t)m->c * (size_t)m->h * (size_t)m->w; }

static void shape(ref_batch *m, int n, int c, int h, int w) {
    if (m->v) return;
    *m = (ref_batch){n, c, h, w, NULL};
    m->v = calloc(ref_batch_values(m), sizeof(double));
}

static void near_kink(ref_graph *g, double distance) {
    if (distance < g->kink) g->kink = distance;
}

/* Where a loop over pictures, channels, rows and columns of a map stands. */
#define EACH(map, K, C, Y, X) \
    for (int K = 0; K < (map)->n; K++) \
        for (int C = 0; C < (map)->c; C++) \
            for (int Y = 0; Y < (map)->h; Y++) \
                for (int X = 0; X < (map)->w; X++)

/* The pixel a coordinate outside 0 … n−1 stands for, −1 for none (zero). */
static int padded(int k, int n, dq__padding padding) {
    if (k >= 0 && k < n) return k;
    if (padding == DQ__PAD_ZERO) return -1;
    if (padding == DQ__PAD_REPLICATE || n == 1) return k < 0 ? 0 : n - 1;
    return padded(k < 0 ? -k : 2 * (n - 1) - k, n, padding);
}

static void conv(ref_graph *g, int i, const ref_batch *x, ref_batch *y) {
    const dq__layer *l = &g->table->layer[i];
    const int size = l->kernel;
    const dq__padding padding = g->table->padding;
    shape(y, x->n, l->oc, (x->h + 2 * l->pad - size) / l->stride + 1, (x->w + 2 * l->pad - size) / l->stride + 1);
    EACH(y, k, o, r, c) {
        double sum = g->array[i][1][o];
        for (int in = 0; in < x->c; in++)
            for (int t = 0; t < size * size; t++) {
                const int row = padded(r * l->stride + t / size - l->pad, x->h, padding);
                const int col = padded(c * l->stride + t % size - l->pad, x->w, padding);
                if (row >= 0 && col >= 0) sum += g->array[i][0][((size_t)o * x->c + in) * size * size + t] * *at(x, k, in, row, col);
            }
        *at(y, k, o, r, c) = sum;
    }
}

static void relu(ref_graph *g, const ref_batch *x, ref_batch *y) {
    shape(y, x->n, x->c, x->h, x->w);
    for (size_t k = 0; k < ref_batch_values(x); k++) {
        near_kink(g, fabs(x->v[k]));
        y->v[k] = x->v[k] > 0 ? x->v[k] : 0;
    }
}

/* A window of size × size pixels, as far as it lies inside the map. */
static void pool(ref_graph *g, const ref_batch *x, ref_batch *y, int size) {
    shape(y, x->n, x->c, x->h / 2, x->w / 2);
    EACH(y, k, o, r, c) {
        double sum = 0, most = -INFINITY, second = -INFINITY;
        int count = 0;
        for (int t = 0; t < size * size; t++) {
            const int row = 2 * r + t / size, col = 2 * c + t % size;
            if (row >= x->h || col >= x->w) continue;
            const double v = *at(x, k, o, row, col);
            sum += v, count++;
            if (v > most) second = most, most = v;
            else if (v > second) second = v;
        }
        *at(y, k, o, r, c) = g->table->pooling == DQ__POOL_AVERAGE ? sum / count : most;
        if (g->table->pooling == DQ__POOL_MAX && most != 0) near_kink(g, most - second); /* rectified: zeros are equal, with slope 0 */
    }
}

static void linear(ref_graph *g, int i, const ref_batch *x, ref_batch *y) {
    const size_t n = ref_batch_values(x) / (size_t)x->n;
    shape(y, x->n, g->table->layer[i].oc, 1, 1);
    EACH(y, k, o, r, c) {
        double sum = g->array[i][1][o];
        for (size_t in = 0; in < n; in++) sum += g->array[i][0][(size_t)o * n + in] * x->v[(size_t)k * n + in];
        *at(y, k, o, r, c) = sum;
    }
}

static void input(ref_graph *g, const double *rgb, int n, int h, int w) {
    const dq__input *in = &g->table->input;
    shape(&g->input, n, 3, h, w);
    EACH(&g->input, k, c, y, x) {
        const double *pixel = rgb + (((size_t)k * h + y) * w + x) * 3;
        double sum = (double)in->offset[c];
        for (int j = 0; j < 3; j++) sum += (double)in->matrix[c][j] * pixel[j];
        *at(&g->input, k, c, y, x) = sum;
    }
}

void ref_graph_run(ref_graph *g, int first, const double *rgb, int n, int h, int w) {
    g->kink = INFINITY;
    if (first == 0) input(g, rgb, n, h, w);
    for (int i = first; i < g->table->count; i++) {
        const dq__layer *l = &g->table->layer[i];
        const ref_batch *x = l->from < 0 ? &g->input : &g->map[l->from];
        ref_batch *y = &g->map[i];
        switch (l->kind) {
        case DQ__CONV: conv(g, i, x, y); break;
        case DQ__RELU: relu(g, x, y); break;
        case DQ__POOL: pool(g, x, y, 2); break;
        case DQ__LINEAR: linear(g, i, x, y); break;
        }
    }
}

void ref_graph_free(ref_graph *g) {
    free(g->input.v);
    g->input = (ref_batch){0};
    for (int i = 0; i < DQ__MAX_LAYERS; i++) {
        free(g->map[i].v);
        g->map[i] = (ref_batch){0};
    }
}
