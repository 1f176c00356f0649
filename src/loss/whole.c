/* SPDX-License-Identifier: MIT
 * loss/whole.c: see whole.h. Sums in double, in the order of the parts. */
#include "loss/whole.h"

#include "base/mem.h"

#include <string.h>

static size_t square(int cs) { return (size_t)cs * (size_t)cs; }

size_t dq__whole_bytes(int cs) { return (sizeof(double) + sizeof(float)) * (square(cs) + (size_t)cs); }

dq_status dq__whole_init(dq__whole *w, int cs, dq__error *err) {
    *w = (dq__whole){.cs = cs};
    w->sums = dq__alloc(sizeof(double) * (square(cs) + (size_t)cs));
    w->gram = dq__alloc(sizeof(float) * square(cs));
    w->mean = dq__alloc(sizeof(float) * (size_t)cs);
    if (w->sums && w->gram && w->mean) return DQ_OK;
    dq__whole_deinit(w);
    return dq__no_memory(err, dq__whole_bytes(cs), "Gram matrices");
}

void dq__whole_deinit(dq__whole *w) {
    dq__free(w->sums);
    dq__free(w->gram);
    dq__free(w->mean);
    *w = (dq__whole){0};
}

void dq__whole_clear(dq__whole *w) {
    memset(w->sums, 0, sizeof(double) * (square(w->cs) + (size_t)w->cs));
    w->positions = 0;
}

void dq__whole_add(dq__pool *pool, dq__moments *m, dq__whole *w, const dq__tensor *f) {
    const double n = (double)f->h * f->w;
    double *mean = w->sums + square(w->cs);
    dq__gram(pool, m->gram, f, w->gram);
    dq__mean(pool, m, f, w->mean);
    for (size_t k = 0; k < square(w->cs); k++) w->sums[k] += n * (double)w->gram[k];
    for (int c = 0; c < w->cs; c++) mean[c] += n * (double)w->mean[c];
    w->positions += n;
}

void dq__whole_finish(dq__whole *w) {
    const double *mean = w->sums + square(w->cs);
    for (size_t k = 0; k < square(w->cs); k++) w->gram[k] = (float)(w->sums[k] / w->positions);
    for (int c = 0; c < w->cs; c++) w->mean[c] = (float)(mean[c] / w->positions);
}
