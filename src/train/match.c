/* SPDX-License-Identifier: MIT
 * train/match.c: sums per picture in a fixed order, so that threads do not change them. */
#include "train/match.h"

enum { MAX_PICTURES = 1024 };

typedef struct work {
    const dq__tensor *f, *target, *grad;
    float factor;
    double *sum;
} work;

static void energy_task(void *user, int picture) {
    const work *w = user;
    const dq__tensor t = dq__picture(w->target, picture);
    double sum = 0;
    for (int y = 0; y < t.h; y++) {
        const float *row = dq__pixel(&t, y, 0);
        float part[16] = {0};
        for (ptrdiff_t k = 0; k < (ptrdiff_t)t.w * t.cs; k += 16)
            for (int j = 0; j < 16; j++) part[j] += row[k + j] * row[k + j];
        for (int j = 0; j < 16; j++) sum += (double)part[j];
    }
    w->sum[picture] = sum;
}

static void distance_task(void *user, int picture) {
    const work *w = user;
    const dq__tensor f = dq__picture(w->f, picture), t = dq__picture(w->target, picture);
    const dq__tensor grad = w->grad ? dq__picture(w->grad, picture) : f;
    double sum = 0;
    for (int y = 0; y < f.h; y++) {
        const float *a = dq__pixel(&f, y, 0), *b = dq__pixel(&t, y, 0);
        float *to = w->grad ? dq__pixel(&grad, y, 0) : NULL;
        float part[16] = {0};
        for (ptrdiff_t k = 0; k < (ptrdiff_t)f.w * f.cs; k += 16)
            for (int j = 0; j < 16; j++) {
                const float d = a[k + j] - b[k + j];
                part[j] += d * d;
                if (to) to[k + j] += w->factor * d;
            }
        for (int j = 0; j < 16; j++) sum += (double)part[j];
    }
    w->sum[picture] = sum;
}

static double add_up(const double *sum, int n) {
    double total = 0;
    for (int k = 0; k < n; k++) total += sum[k];
    return total;
}

dq__match_cost dq__match(dq__pool *pool, dq__gram_space *space, float *grams, const dq__tensor *f, const dq__tensor *target,
                         double weight, double gram_weight, const dq__tensor *grad) {
    double sum[MAX_PICTURES], energy, gram_energy = 0;
    const size_t square = (size_t)f->cs * (size_t)f->cs;
    work w = {.f = f, .target = target, .grad = grad, .sum = sum};
    dq__match_cost cost = {0};
    dq__pool_run(pool, f->n, energy_task, &w);
    energy = add_up(sum, f->n) + 1e-30;
    w.factor = (float)(2 * weight / energy);
    dq__pool_run(pool, f->n, distance_task, &w);
    cost.value = add_up(sum, f->n) / energy;
    for (int k = 0; k < f->n; k++) {
        const dq__tensor t = dq__picture(target, k);
        dq__gram(pool, space, &t, grams + (size_t)k * square);
        gram_energy += dq__gram_energy(grams + (size_t)k * square, f->cs);
    }
    for (int k = 0; k < f->n; k++) {
        const dq__tensor one = dq__picture(f, k), to = dq__picture(grad ? grad : f, k);
        cost.gram += dq__gram_cost(pool, space, &one, grams + (size_t)k * square, 1 / (gram_energy + 1e-30),
                                   grad ? weight * gram_weight : 0, &to);
    }
    return cost;
}

static void rectify_task(void *user, int picture) {
    const dq__tensor f = dq__picture(user, picture);
    for (int y = 0; y < f.h; y++) {
        float *row = dq__pixel(&f, y, 0);
        for (ptrdiff_t k = 0; k < (ptrdiff_t)f.w * f.cs; k++) row[k] = row[k] > 0 ? row[k] : 0;
    }
}

void dq__match_rectify(dq__pool *pool, const dq__tensor *f) {
    dq__tensor t = *f;
    dq__pool_run(pool, t.n, rectify_task, &t);
}
