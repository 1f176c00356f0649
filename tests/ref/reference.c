/* SPDX-License-Identifier: MIT
 * tests/ref/reference.c: see reference.h. No padding of channels, no packing, no tiles, no threads, no reuse of memory. */
#include "reference.h"

#include <stdlib.h>

ref_map ref_map_new(int c, int h, int w) {
    return (ref_map){c, h, w, calloc((size_t)c * (size_t)h * (size_t)w, sizeof(double))};
}

static double *at(const ref_map *m, int c, int y, int x) { return &m->v[((size_t)c * m->h + y) * m->w + x]; }
static size_t values(const ref_map *m) { return (size_t)m->c * (size_t)m->h * (size_t)m->w; }

/* ---- convolution --------------------------------------------------------------------------------------------------- */

/* The pixel a coordinate outside 0 … n−1 stands for, −1 for none (zero). */
static int padded(int k, int n, dq__padding padding) {
    if (k >= 0 && k < n) return k;
    if (padding == DQ__PAD_ZERO) return -1;
    if (padding == DQ__PAD_REPLICATE || n == 1) return k < 0 ? 0 : n - 1;
    return k < 0 ? -k : 2 * (n - 1) - k;
}

void ref_conv(const ref_map *y, const ref_map *x, const float *weight, const float *bias, dq__padding padding) {
    for (int o = 0; o < y->c; o++)
        for (int r = 0; r < y->h; r++)
            for (int c = 0; c < y->w; c++) {
                double sum = bias ? (double)bias[o] : 0;
                for (int i = 0; i < x->c; i++)
                    for (int t = 0; t < 9; t++) {
                        const int yy = padded(r + t / 3 - 1, x->h, padding), xx = padded(c + t % 3 - 1, x->w, padding);
                        if (yy >= 0 && xx >= 0) sum += (double)weight[((size_t)o * x->c + i) * 9 + t] * *at(x, i, yy, xx);
                    }
                *at(y, o, r, c) = sum;
            }
}

/* The same loops: what was read is added to. */
void ref_conv_transposed(const ref_map *dx, const ref_map *dy, const float *weight, dq__padding padding) {
    for (size_t k = 0; k < values(dx); k++) dx->v[k] = 0;
    for (int o = 0; o < dy->c; o++)
        for (int r = 0; r < dy->h; r++)
            for (int c = 0; c < dy->w; c++)
                for (int i = 0; i < dx->c; i++)
                    for (int t = 0; t < 9; t++) {
                        const int yy = padded(r + t / 3 - 1, dx->h, padding), xx = padded(c + t % 3 - 1, dx->w, padding);
                        if (yy >= 0 && xx >= 0)
                            *at(dx, i, yy, xx) += (double)weight[((size_t)o * dx->c + i) * 9 + t] * *at(dy, o, r, c);
                    }
}

/* ---- the other layers ---------------------------------------------------------------------------------------------- */

static void relu(const ref_map *y, const ref_map *x) {
    for (size_t k = 0; k < values(x); k++) y->v[k] = x->v[k] > 0 ? x->v[k] : 0;
}

static void relu_back(const ref_map *dx, const ref_map *dy, const ref_map *x) {
    for (size_t k = 0; k < values(x); k++) dx->v[k] = x->v[k] > 0 ? dy->v[k] : 0;
}

/* Which of the four pixels of a window is the largest, the first of equals. */
static int largest(const ref_map *x, int c, int r, int col) {
    int best = 0;
    for (int t = 1; t < 4; t++)
        if (*at(x, c, 2 * r + t / 2, 2 * col + t % 2) > *at(x, c, 2 * r + best / 2, 2 * col + best % 2)) best = t;
    return best;
}

static void pool(const ref_map *y, const ref_map *x, dq__pooling pooling) {
    for (int c = 0; c < y->c; c++)
        for (int r = 0; r < y->h; r++)
            for (int col = 0; col < y->w; col++) {
                const int best = largest(x, c, r, col);
                double sum = 0;
                for (int t = 0; t < 4; t++) sum += *at(x, c, 2 * r + t / 2, 2 * col + t % 2);
                *at(y, c, r, col) = pooling == DQ__POOL_AVERAGE ? sum / 4 : *at(x, c, 2 * r + best / 2, 2 * col + best % 2);
            }
}

static void pool_back(const ref_map *dx, const ref_map *dy, const ref_map *x, dq__pooling pooling) {
    for (size_t k = 0; k < values(dx); k++) dx->v[k] = 0;
    for (int c = 0; c < dy->c; c++)
        for (int r = 0; r < dy->h; r++)
            for (int col = 0; col < dy->w; col++)
                for (int t = 0; t < 4; t++) {
                    const double share = pooling == DQ__POOL_AVERAGE ? 0.25 : t == largest(x, c, r, col);
                    *at(dx, c, 2 * r + t / 2, 2 * col + t % 2) = share * *at(dy, c, r, col);
                }
}

static void linear(const ref_map *y, const ref_map *x, const float *weight, const float *bias) {
    const size_t n = values(x);
    for (int o = 0; o < y->c; o++) {
        y->v[o] = (double)bias[o];
        for (size_t i = 0; i < n; i++) y->v[o] += (double)weight[(size_t)o * n + i] * x->v[i];
    }
}

/* ---- network ------------------------------------------------------------------------------------------------------- */

static const ref_map *below(const ref_run *run, int i) { return i ? &run->map[i - 1] : &run->input; }

static ref_map make_input(const dq__input *in, const double *rgb, int h, int w) {
    ref_map x = ref_map_new(3, h, w);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < h * w; p++) {
            x.v[(size_t)c * (size_t)(h * w) + (size_t)p] = (double)in->offset[c];
            for (int k = 0; k < 3; k++)
                x.v[(size_t)c * (size_t)(h * w) + (size_t)p] += (double)in->matrix[c][k] * rgb[p * 3 + k];
        }
    return x;
}

ref_run ref_forward(const dq__table *table, const dq__weights *weights, int last, const double *rgb, int h, int w) {
    ref_run run = {.table = table, .weights = weights, .last = last, .input = make_input(&table->input, rgb, h, w)};
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &table->layer[i];
        const ref_map *x = below(&run, i);
        const int divide = l->kind == DQ__POOL ? 2 : 1;
        const ref_map y = run.map[i] = l->kind == DQ__LINEAR ? ref_map_new(l->oc, 1, 1)
                                                             : ref_map_new(l->oc, x->h / divide, x->w / divide);
        switch (l->kind) {
        case DQ__CONV: ref_conv(&y, x, weights->weight[i], weights->bias[i], table->padding); break;
        case DQ__RELU: relu(&y, x); break;
        case DQ__POOL: pool(&y, x, table->pooling); break;
        case DQ__LINEAR: linear(&y, x, weights->weight[i], weights->bias[i]); break;
        default: break; /* the others: graph.h */
        }
    }
    return run;
}

void ref_free(ref_run *run) {
    free(run->input.v);
    for (int i = 0; i <= run->last; i++) free(run->map[i].v);
    *run = (ref_run){0};
}

/* ---- costs --------------------------------------------------------------------------------------------------------- */

static double gram(const ref_map *f, int a, int b) {
    double sum = 0;
    for (int p = 0; p < f->h * f->w; p++) sum += at(f, a, 0, 0)[p] * at(f, b, 0, 0)[p];
    return sum / (f->h * f->w);
}

/* The costs of one layer; adds their gradient to grad unless it is NULL. */
static double content_cost(const ref_map *f, const ref_map *target, double weight, const ref_map *grad) {
    double sum = 0;
    const double n = (double)values(f);
    for (size_t k = 0; k < values(f); k++) {
        const double d = f->v[k] - target->v[k];
        sum += d * d / n;
        if (grad) grad->v[k] += weight * 2 * d / n;
    }
    return weight * sum;
}

static double style_cost(const ref_map *f, const ref_map *target, double weight, const ref_map *grad) {
    const double scale = weight / ((double)f->c * f->c * f->c * f->c);
    const int n = f->h * f->w;
    double sum = 0;
    for (int a = 0; a < f->c; a++)
        for (int b = 0; b < f->c; b++) {
            const double d = gram(f, a, b) - gram(target, a, b);
            sum += scale * d * d;
            for (int p = 0; grad && p < n; p++) at(grad, a, 0, 0)[p] += 4 * scale / n * d * at(f, b, 0, 0)[p];
        }
    return sum;
}

static double layer_cost(const ref_cost *cost, const ref_run *run, int i, const ref_map *grad) {
    double sum = 0;
    if (cost->content[i] != 0) sum += content_cost(&run->map[i], &cost->content_picture->map[i], cost->content[i], grad);
    if (cost->style[i] != 0) sum += style_cost(&run->map[i], &cost->style_picture->map[i], cost->style[i], grad);
    return sum;
}

double ref_value(const ref_cost *cost, const ref_run *run) {
    double sum = 0;
    for (int i = 0; i <= run->last; i++) sum += layer_cost(cost, run, i, NULL);
    return sum;
}

void ref_gradient(const ref_cost *cost, const ref_run *run, double *rgb_gradient) {
    const dq__table *table = run->table;
    ref_map dy = ref_map_new(run->map[run->last].c, run->map[run->last].h, run->map[run->last].w);
    for (int i = run->last; i >= 0; i--) {
        const ref_map *x = below(run, i);
        ref_map dx = ref_map_new(x->c, x->h, x->w);
        layer_cost(cost, run, i, &dy);
        switch (table->layer[i].kind) {
        case DQ__CONV: ref_conv_transposed(&dx, &dy, run->weights->weight[i], table->padding); break;
        case DQ__RELU: relu_back(&dx, &dy, x); break;
        case DQ__POOL: pool_back(&dx, &dy, x, table->pooling); break;
        default: break; /* the others: graph.h */
        }
        free(dy.v);
        dy = dx;
    }
    for (int p = 0; p < dy.h * dy.w; p++)
        for (int k = 0; k < 3; k++) {
            rgb_gradient[p * 3 + k] = 0;
            for (int c = 0; c < 3; c++) rgb_gradient[p * 3 + k] += (double)table->input.matrix[c][k] * at(&dy, c, 0, 0)[p];
        }
    free(dy.v);
}
