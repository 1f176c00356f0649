/* SPDX-License-Identifier: MIT
 * loss/whole.c: see whole.h. */
#include "loss/whole.h"

#include "base/mem.h"

#include <string.h>

static size_t square(int cs) { return (size_t)cs * (size_t)cs; }

static size_t numbers(int cs) { return square(cs) + (size_t)cs; }

/* The sums of the mean. */
static dq__sums mean_of(const dq__whole *w) {
    return (dq__sums){w->sums.high + square(w->cs), w->sums.low + square(w->cs)};
}

size_t dq__whole_bytes(int cs) { return (2 * sizeof(double) + sizeof(float)) * numbers(cs); }

dq_status dq__whole_init(dq__whole *w, int cs, dq__error *err) {
    *w = (dq__whole){.cs = cs};
    w->sums.high = dq__alloc(sizeof(double) * numbers(cs));
    w->sums.low = dq__alloc(sizeof(double) * numbers(cs));
    w->gram = dq__alloc(sizeof(float) * square(cs));
    w->mean = dq__alloc(sizeof(float) * (size_t)cs);
    if (w->sums.high && w->sums.low && w->gram && w->mean) return DQ_OK;
    dq__whole_deinit(w);
    return dq__no_memory(err, dq__whole_bytes(cs), "Gram matrices");
}

void dq__whole_deinit(dq__whole *w) {
    dq__free(w->sums.high);
    dq__free(w->sums.low);
    dq__free(w->gram);
    dq__free(w->mean);
    *w = (dq__whole){0};
}

void dq__whole_clear(dq__whole *w) {
    memset(w->sums.high, 0, sizeof(double) * numbers(w->cs));
    memset(w->sums.low, 0, sizeof(double) * numbers(w->cs));
    w->positions = 0;
}

void dq__whole_add(dq__pool *pool, dq__moments *m, dq__whole *w, const dq__tensor *f, int side, bool means) {
    const dq__sums mean = mean_of(w);
    dq__gram_add(pool, m->gram, f, side, &w->sums);
    if (means) dq__mean_add(pool, m, f, side, &mean);
    w->positions += (double)f->h * f->w;
}

dq_status dq__whole_share(dq__ranks *ranks, dq__whole *w, dq__error *err) {
    double nothing = 0; /* positions are whole numbers */
    const dq_status status = dq__ranks_sum(ranks, w->sums.high, w->sums.low, numbers(w->cs), err);
    return status ? status : dq__ranks_sum(ranks, &w->positions, &nothing, 1, err);
}

void dq__whole_finish(dq__whole *w) {
    const dq__sums mean = mean_of(w);
    dq__gram_finish(&w->sums, w->positions, w->cs, w->gram);
    for (int c = 0; c < w->cs; c++) w->mean[c] = (float)(dq__sums_at(&mean, (size_t)c) / w->positions);
}
