/* SPDX-License-Identifier: MIT
 * optim/lbfgs.c: the two-loop recursion. Sums are taken in double and in one order. */
#include "optim/lbfgs.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static void add_scaled(float *y, double a, const float *x, size_t n) {
    const float f = (float)a;
    for (size_t i = 0; i < n; i++) y[i] += f * x[i];
}

size_t dq__lbfgs_bytes(size_t n, int history) { return sizeof(float) * n * (2 * ((size_t)history + 1) + 2); }

dq_status dq__lbfgs_init(dq__lbfgs *l, size_t n, int history, double rate, dq__error *err) {
    const size_t slots = (size_t)history + 1;
    *l = (dq__lbfgs){.rate = rate, .n = n, .history = history, .h0 = 1};
    l->s = dq__alloc_zero(sizeof(float *) * slots);
    l->y = dq__alloc_zero(sizeof(float *) * slots);
    l->rho = dq__alloc_zero(sizeof(double) * slots);
    l->direction = dq__alloc(sizeof(float) * n);
    l->last_gradient = dq__alloc(sizeof(float) * n);
    bool whole = l->s && l->y && l->rho && l->direction && l->last_gradient;
    for (size_t k = 0; whole && k < slots; k++) {
        l->s[k] = dq__alloc(sizeof(float) * n);
        l->y[k] = dq__alloc(sizeof(float) * n);
        whole = l->s[k] && l->y[k];
    }
    if (whole) return DQ_OK;
    dq__lbfgs_deinit(l);
    return dq__no_memory(err, dq__lbfgs_bytes(n, history), "the optimiser (a smaller --history needs less)");
}

void dq__lbfgs_deinit(dq__lbfgs *l) {
    for (int k = 0; k <= l->history; k++) {
        if (l->s) dq__free(l->s[k]);
        if (l->y) dq__free(l->y[k]);
    }
    dq__free(l->s);
    dq__free(l->y);
    dq__free(l->rho);
    dq__free(l->direction);
    dq__free(l->last_gradient);
    *l = (dq__lbfgs){0};
}

/* Completes the pair in slot `open` with y = g − last g and keeps it if its curvature is positive. */
static void keep_pair(dq__lbfgs *l, const float *gradient) {
    float *y = l->y[l->open];
    for (size_t i = 0; i < l->n; i++) y[i] = gradient[i] - l->last_gradient[i];
    const double ys = dot(y, l->s[l->open], l->n);
    if (!(ys > 1e-10)) return;
    l->rho[l->open] = 1 / ys;
    l->h0 = ys / dot(y, y, l->n);
    l->newest = l->open;
    if (l->pairs < l->history) l->pairs++;
    l->open = (l->open + 1) % (l->history + 1);
}

/* direction = −H·g by the two loops. */
static void find_direction(dq__lbfgs *l, const float *gradient) {
    double alpha[256];
    const int slots = l->history + 1;
    for (size_t i = 0; i < l->n; i++) l->direction[i] = -gradient[i];
    for (int k = 0; k < l->pairs; k++) {
        const int at = (l->newest - k + slots) % slots;
        alpha[k] = l->rho[at] * dot(l->s[at], l->direction, l->n);
        add_scaled(l->direction, -alpha[k], l->y[at], l->n);
    }
    const float h0 = (float)l->h0;
    for (size_t i = 0; i < l->n; i++) l->direction[i] *= h0;
    for (int k = l->pairs - 1; k >= 0; k--) {
        const int at = (l->newest - k + slots) % slots;
        const double beta = l->rho[at] * dot(l->y[at], l->direction, l->n);
        add_scaled(l->direction, alpha[k] - beta, l->s[at], l->n);
    }
}

static double first_length(const float *gradient, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs((double)gradient[i]);
    return sum > 1 ? 1 / sum : 1;
}

void dq__lbfgs_step(dq__lbfgs *l, float *x, const float *gradient, dq__box box) {
    const double length = l->step == 0 ? first_length(gradient, l->n) * l->rate : l->rate;
    if (l->step++ > 0) keep_pair(l, gradient);
    find_direction(l, gradient);
    memcpy(l->last_gradient, gradient, sizeof(float) * l->n);
    float *s = l->s[l->open];
    const float t = (float)length;
    for (size_t i = 0; i < l->n; i++) {
        const float old = x[i], free_step = t * l->direction[i];
        x[i] = dq__box_clamp(box, old + free_step);
        s[i] = box.on ? x[i] - old : free_step;
    }
}
