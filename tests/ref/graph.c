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
                const double w = g->array[i][0][((size_t)o * x->c + in) * size * size + t];
                if (row >= 0 && col >= 0) sum += w * *at(x, k, in, row, col);
            }
        *at(y, k, o, r, c) = sum;
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
        if (g->table->pooling == DQ__POOL_MAX && most != 0) near_kink(g, most - second); /* rectified zeros have no slope */
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

/* ---- value by value -------------------------------------------------------------------------------------------------- */

static void each(ref_graph *g, int i, const ref_batch *x, ref_batch *y) {
    const dq__layer *l = &g->table->layer[i];
    shape(y, x->n, x->c, x->h, x->w);
    EACH(x, k, c, r, col) {
        const double v = *at(x, k, c, r, col);
        const double below = l->kind == DQ__PRELU ? g->array[i][0][c] : l->kind == DQ__LEAKY_RELU ? (double)l->slope : 0;
        if (l->kind != DQ__TANH && l->kind != DQ__SIGMOID) near_kink(g, fabs(v));
        *at(y, k, c, r, col) = l->kind == DQ__TANH      ? tanh(v)
                               : l->kind == DQ__SIGMOID ? 1 / (1 + exp(-v))
                               : v > 0                  ? v
                                                        : below * v;
    }
}

static void join(bool concat, const ref_batch *a, const ref_batch *b, ref_batch *y) {
    shape(y, a->n, concat ? a->c + b->c : a->c, a->h, a->w);
    EACH(y, k, c, r, col) {
        if (concat) *at(y, k, c, r, col) = c < a->c ? *at(a, k, c, r, col) : *at(b, k, c - a->c, r, col);
        else *at(y, k, c, r, col) = *at(a, k, c, r, col) + *at(b, k, c, r, col);
    }
}

/* ---- norms ----------------------------------------------------------------------------------------------------------- */

/* Mean of a channel's x^power over pictures first … first+count−1, x less `zero`. */
static double moment(const ref_batch *x, int c, int first, int count, double zero, int power) {
    double sum = 0;
    for (int k = first; k < first + count; k++)
        for (int p = 0; p < x->h * x->w; p++) sum += pow(at(x, k, c, 0, 0)[p] - zero, power);
    return sum / (count * x->h * x->w);
}

static void norm(ref_graph *g, int i, const ref_batch *x, ref_batch *y) {
    const bool batch = g->table->layer[i].kind == DQ__BATCH_NORM;
    shape(y, x->n, x->c, x->h, x->w);
    for (int k = 0; k < x->n; k++)
        for (int c = 0; c < x->c; c++) {
            const int first = batch ? 0 : k, count = batch ? x->n : 1;
            const bool kept = batch && !g->train;
            const double mean = kept ? g->array[i][2][c] : moment(x, c, first, count, 0, 1);
            const double variance = kept ? g->array[i][3][c] : moment(x, c, first, count, mean, 2);
            for (int p = 0; p < x->h * x->w; p++)
                at(y, k, c, 0, 0)[p] =
                    (at(x, k, c, 0, 0)[p] - mean) / sqrt(variance + 1e-5) * g->array[i][0][c] + g->array[i][1][c];
        }
}

/* ---- other sizes ----------------------------------------------------------------------------------------------------- */

static void global_pool(const ref_batch *x, ref_batch *y) {
    shape(y, x->n, x->c, 1, 1);
    for (int k = 0; k < x->n; k++)
        for (int c = 0; c < x->c; c++) *at(y, k, c, 0, 0) = moment(x, c, k, 1, 0, 1);
}

/* Between the middles of the small pixels in a straight line, beyond the outermost the same. */
static double between(const ref_batch *x, int k, int c, double row, double col) {
    const double r = fmin(fmax(row, 0), x->h - 1), s = fmin(fmax(col, 0), x->w - 1);
    const int r0 = (int)r, s0 = (int)s, r1 = r0 + 1 < x->h ? r0 + 1 : r0, s1 = s0 + 1 < x->w ? s0 + 1 : s0;
    const double a = r - r0, b = s - s0;
    return (1 - a) * ((1 - b) * *at(x, k, c, r0, s0) + b * *at(x, k, c, r0, s1)) +
           a * ((1 - b) * *at(x, k, c, r1, s0) + b * *at(x, k, c, r1, s1));
}

static void up(bool bilinear, const ref_batch *x, ref_batch *y) {
    shape(y, x->n, x->c, 2 * x->h, 2 * x->w);
    EACH(y, k, c, r, col)
        *at(y, k, c, r, col) =
            bilinear ? between(x, k, c, (r + 0.5) / 2 - 0.5, (col + 0.5) / 2 - 0.5) : *at(x, k, c, r / 2, col / 2);
}

/* Every value is spread over kernel × kernel pixels, by steps of two. */
static void conv_up(ref_graph *g, int i, const ref_batch *x, ref_batch *y) {
    const dq__layer *l = &g->table->layer[i];
    const int size = l->kernel;
    shape(y, x->n, l->oc, 2 * x->h, 2 * x->w);
    EACH(y, k, o, r, c) *at(y, k, o, r, c) = g->array[i][1][o];
    EACH(x, k, in, r, c)
        for (int o = 0; o < l->oc; o++)
            for (int t = 0; t < size * size; t++) {
                const int row = 2 * r + t / size - l->pad, col = 2 * c + t % size - l->pad;
                if (row < 0 || col < 0 || row >= y->h || col >= y->w) continue;
                *at(y, k, o, row, col) += *at(x, k, in, r, c) * g->array[i][0][((size_t)in * l->oc + o) * size * size + t];
            }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------- */

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
        case DQ__CONV_UP: conv_up(g, i, x, y); break;
        case DQ__POOL: pool(g, x, y, l->kernel); break;
        case DQ__LINEAR: linear(g, i, x, y); break;
        case DQ__INSTANCE_NORM:
        case DQ__BATCH_NORM: norm(g, i, x, y); break;
        case DQ__GLOBAL_POOL: global_pool(x, y); break;
        case DQ__UP_NEAREST:
        case DQ__UP_BILINEAR: up(l->kind == DQ__UP_BILINEAR, x, y); break;
        case DQ__ADD:
        case DQ__CONCAT: join(l->kind == DQ__CONCAT, x, &g->map[l->also], y); break;
        default: each(g, i, x, y);
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
