/* SPDX-License-Identifier: MIT
 * optim/lbfgs.c: the two-loop recursion. A step reads each vector once a loop: what is added to the direction and the next
 * product with it are one pass, by chunks, whose sums in double are added in order: the same bytes for any threads. */
#include "optim/lbfgs.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 16384, LANES = 8 };

static int chunks_of(size_t n) { return (int)((n + CHUNK - 1) / CHUNK); }

size_t dq__lbfgs_bytes(size_t n, int history) {
    return sizeof(float) * n * 2 * ((size_t)history + 1) + sizeof(double) * 2 * (size_t)chunks_of(n);
}

dq_status dq__lbfgs_init(dq__lbfgs *l, size_t n, int history, double rate, dq__error *err) {
    return dq__lbfgs_init_in(l, dq__alloc, n, history, rate, err);
}

dq_status dq__lbfgs_init_in(dq__lbfgs *l, dq__alloc_fn *alloc, size_t n, int history, double rate, dq__error *err) {
    const size_t slots = (size_t)history + 1;
    *l = (dq__lbfgs){.rate = rate, .n = n, .history = history, .h0 = 1};
    l->s = dq__alloc_zero(sizeof(float *) * slots);
    l->y = dq__alloc_zero(sizeof(float *) * slots);
    l->rho = dq__alloc_zero(sizeof(double) * slots);
    l->sums = dq__alloc(sizeof(double) * 2 * (size_t)chunks_of(n));
    bool whole = l->s && l->y && l->rho && l->sums;
    for (size_t k = 0; whole && k < slots; k++) {
        l->s[k] = alloc(sizeof(float) * n);
        l->y[k] = alloc(sizeof(float) * n);
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
    dq__free(l->sums);
    *l = (dq__lbfgs){0};
}

/* ---- passes ---------------------------------------------------------------------------------------------------------- */

/* One pass over some vectors; which are used, and how, is its function's affair. */
typedef struct pass {
    const dq__lbfgs *l;
    float *d;          /* changed */
    const float *u, *v;
    float *x;
    float factor, scale;
    dq__box box;
} pass;

/* The chunk's first element and its length. */
static size_t chunk_at(const pass *p, int chunk, size_t *count) {
    const size_t first = (size_t)chunk * CHUNK, left = p->l->n - first;
    *count = left < CHUNK ? left : CHUNK;
    return first;
}

/* Σ a·b over a chunk, in lanes that do not wait for each other. */
static double dot(const float *a, const float *b, size_t n) {
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += (double)a[i + k] * (double)b[i + k];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    for (; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Runs a chunk and tells that it is done. */
typedef struct chunk_work {
    pass *p;
    dq__task_fn task;
} chunk_work;

static void chunk_task(void *user, int chunk) {
    const chunk_work *work = user;
    const pass *p = work->p;
    const float *const array[] = {p->d, p->u, p->v, p->x};
    size_t n, at = chunk_at(p, chunk, &n);
    work->task(work->p, chunk);
    for (int k = 0; k < 4; k++)
        if (array[k]) dq__release(array[k] + at, sizeof(float) * n);
}

/* Runs a pass; returns the first sums of all chunks, and the second ones where they are wanted. */
static double run(pass *p, dq__task_fn task, double *second) {
    const int chunks = chunks_of(p->l->n);
    double sum = 0, more = 0;
    memset(p->l->sums, 0, sizeof(double) * 2 * (size_t)chunks);
    dq__pool_run(p->l->pool, chunks, chunk_task, &(chunk_work){p, task});
    for (int k = 0; k < chunks; k++) sum += p->l->sums[2 * k], more += p->l->sums[2 * k + 1];
    if (second) *second = more;
    return sum;
}

/* d = u − d, the difference of gradients, with its products with v and itself. */
static void difference_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    float *d = p->d + at;
    for (size_t i = 0; i < n; i++) d[i] = p->u[at + i] - d[i];
    p->l->sums[2 * chunk] = dot(d, p->v + at, n);
    p->l->sums[2 * chunk + 1] = dot(d, d, n);
}

/* d = −u, with its product with v unless that is NULL. */
static void negate_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    float *d = p->d + at;
    for (size_t i = 0; i < n; i++) d[i] = -p->u[at + i];
    if (p->v) p->l->sums[2 * chunk] = dot(d, p->v + at, n);
}

/* d = (d + factor·u)·scale, with its product with v unless that is NULL. */
static void add_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    float *d = p->d + at;
    for (size_t i = 0; i < n; i++) d[i] = (d[i] + p->factor * p->u[at + i]) * p->scale;
    if (p->v) p->l->sums[2 * chunk] = dot(d, p->v + at, n);
}

/* d = u */
static void copy_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    memcpy(p->d + at, p->u + at, sizeof(float) * n);
}

/* Σ |u| and Σ u² */
static void length_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    const float *u = p->u + at;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += fabs((double)u[i]);
    p->l->sums[2 * chunk] = sum;
    p->l->sums[2 * chunk + 1] = dot(u, u, n);
}

/* x = clamp(x + factor·d), and d what x has really moved. */
static void move_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    float *d = p->d + at, *x = p->x + at;
    for (size_t i = 0; i < n; i++) {
        const float old = x[i], free_step = p->factor * d[i];
        x[i] = dq__box_clamp(p->box, old + free_step);
        d[i] = p->box.on ? x[i] - old : free_step;
    }
}

/* x = x + factor·d, d = scale·d. */
static void shorten_task(void *user, int chunk) {
    const pass *p = user;
    size_t n, at = chunk_at(p, chunk, &n);
    float *d = p->d + at, *x = p->x + at;
    for (size_t i = 0; i < n; i++) {
        x[i] += p->factor * d[i];
        d[i] *= p->scale;
    }
}

/* ---- a step ---------------------------------------------------------------------------------------------------------- */

/* Completes the pair in slot `open` with y = g − last g and keeps it if its curvature is positive. */
static void keep_pair(dq__lbfgs *l, const float *gradient) {
    pass p = {.l = l, .d = l->y[l->open], .u = gradient, .v = l->s[l->open]};
    double yy;
    const double ys = run(&p, difference_task, &yy);
    if (!(ys > 1e-10)) return;
    l->rho[l->open] = 1 / ys;
    l->h0 = ys / yy;
    l->newest = l->open;
    if (l->pairs < l->history) l->pairs++;
    l->open = (l->open + 1) % (l->history + 1);
}

/* Slot of the k-th pair, 0 the newest. */
static int slot(const dq__lbfgs *l, int k) { return (l->newest - k + l->history + 1) % (l->history + 1); }

/* −H·g by the two loops, where the step to come is to be kept. */
static float *find_direction(dq__lbfgs *l, const float *gradient) {
    double alpha[256];
    pass p = {.l = l, .d = l->s[l->open], .u = gradient, .v = l->pairs ? l->s[slot(l, 0)] : NULL, .scale = 1};
    double product = run(&p, negate_task, NULL);
    for (int k = 0; k < l->pairs; k++) {
        const bool last = k + 1 == l->pairs;
        alpha[k] = l->rho[slot(l, k)] * product;
        p.u = l->y[slot(l, k)], p.v = last ? l->y[slot(l, k)] : l->s[slot(l, k + 1)];
        p.factor = (float)-alpha[k], p.scale = last ? (float)l->h0 : 1;
        product = run(&p, add_task, NULL);
    }
    p.scale = 1;
    for (int k = l->pairs - 1; k >= 0; k--) {
        const double beta = l->rho[slot(l, k)] * product;
        p.u = l->s[slot(l, k)], p.v = k > 0 ? l->y[slot(l, k - 1)] : NULL;
        p.factor = (float)(alpha[k] - beta);
        product = run(&p, add_task, NULL);
    }
    return p.d;
}

static double first_length(dq__lbfgs *l, const float *gradient) {
    double squares;
    const double sum = run(&(pass){.l = l, .u = gradient}, length_task, &squares);
    if (l->first > 0 && squares > 0) return l->first / sqrt(squares / (double)l->n);
    return sum > 1 ? 1 / sum : 1;
}

void dq__lbfgs_step(dq__lbfgs *l, float *x, const float *gradient, dq__box box) {
    const double length = l->step == 0 ? first_length(l, gradient) * l->rate : l->rate;
    if (l->step++ > 0) keep_pair(l, gradient);
    pass p = {.l = l, .d = find_direction(l, gradient), .x = x, .factor = (float)length, .box = box};
    run(&(pass){.l = l, .d = l->y[l->open], .u = gradient}, copy_task, NULL);
    run(&p, move_task, NULL);
}

void dq__lbfgs_shorten(dq__lbfgs *l, float *x, double share) {
    run(&(pass){.l = l, .d = l->s[l->open], .x = x, .factor = (float)(share - 1), .scale = (float)share}, shorten_task, NULL);
}
