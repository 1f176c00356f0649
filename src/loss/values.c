/* SPDX-License-Identifier: MIT
 * loss/values.c: see values.h. Rows are dealt to a fixed number of tasks, whose sums are added in order, so that the sum does
 * not depend on the threads. */
#include "loss/values.h"

enum { TASKS = 64 };

typedef struct work {
    dq__value_fn *fn;
    const dq__tensor *f, *target, *grad;
    double scale, weight, sum[TASKS];
} work;

static double add_row(const work *w, int row) {
    const dq__tensor *t = w->target;
    const float *f = dq__map_row(w->f, row), *target = t ? dq__map_row(t, row) : NULL;
    float *grad = w->weight != 0 ? dq__map_row(w->grad, row) : NULL;
    double sum = 0;
    for (int x = 0; x < w->f->w; x++)
        for (int c = 0; c < w->f->c; c++) {
            double slope;
            sum += w->fn(f[x * w->f->cs + c], target ? target[x * t->cs + c] : 0, &slope);
            if (grad) grad[x * w->grad->cs + c] += (float)(w->scale * w->weight * slope);
        }
    return sum;
}

static void rows_task(void *user, int task) {
    work *w = user;
    const int64_t rows = (int64_t)w->f->n * w->f->h;
    w->sum[task] = 0;
    for (int row = (int)(rows * task / TASKS); row < (int)(rows * (task + 1) / TASKS); row++) w->sum[task] += add_row(w, row);
}

double dq__sum_values(dq__pool *pool, dq__value_fn *fn, const dq__tensor *f, const dq__tensor *target, double scale,
                      double weight, const dq__tensor *grad) {
    work w = {.fn = fn, .f = f, .target = target, .grad = grad, .scale = scale, .weight = weight};
    double total = 0;
    dq__pool_run(pool, TASKS, rows_task, &w);
    for (int k = 0; k < TASKS; k++) total += w.sum[k];
    return scale * total;
}
