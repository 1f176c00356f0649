/* SPDX-License-Identifier: MIT
 * loss/unit.c: see unit.h. Rows are dealt to a fixed number of tasks, whose sums are added in order. */
#include "loss/unit.h"

#include <math.h>

enum { TASKS = 64 };

typedef struct work {
    const dq__tensor *own, *grad;
    float factor;
    double sum[TASKS];
} work;

static int first_row(const work *w, int task) { return (int)((int64_t)w->own->h * task / TASKS); }

static void sum_task(void *user, int task) {
    work *w = user;
    w->sum[task] = 0;
    for (int y = first_row(w, task); y < first_row(w, task + 1); y++)
        for (int k = 0; k < w->own->w * w->own->cs; k++) w->sum[task] += fabs((double)dq__pixel(w->own, y, 0)[k]);
}

static void add_task(void *user, int task) {
    const work *w = user;
    for (int y = first_row(w, task); y < first_row(w, task + 1); y++) {
        const float *own = dq__pixel(w->own, y, 0);
        float *grad = dq__pixel(w->grad, y, 0);
        for (int k = 0; k < w->own->w * w->own->cs; k++) grad[k] += w->factor * own[k];
    }
}

void dq__add_unit(dq__pool *pool, const dq__tensor *own, double weight, const dq__tensor *grad) {
    work w = {.own = own, .grad = grad};
    double sum = 0;
    dq__pool_run(pool, TASKS, sum_task, &w);
    for (int k = 0; k < TASKS; k++) sum += w.sum[k];
    w.factor = (float)(weight / (sum + 1e-8));
    dq__pool_run(pool, TASKS, add_task, &w);
}
