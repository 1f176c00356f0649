/* SPDX-License-Identifier: MIT
 * net/fold.c: takes batch norms out of a trained network: (w∗x + b − mean)·scale + bias is a convolution too. */
#include "net/layers.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static bool convolves(const dq__layer *l) {
    return l->kind == DQ__CONV || l->kind == DQ__CONV_UP || l->kind == DQ__LINEAR;
}

static bool can_fold(const dq__table *t, int i) {
    const int from = t->layer[i].from;
    if (t->layer[i].kind != DQ__BATCH_NORM || from < 0 || !convolves(&t->layer[from])) return false;
    for (int k = 0; k < t->count; k++)
        if (k != i && dq__reads(t, k, from)) return false;
    return true;
}

/* Output channel of weight number k. */
static size_t channel_of(const dq__layer *l, size_t k) {
    const size_t taps = l->kind == DQ__LINEAR ? 1 : (size_t)(l->kernel * l->kernel);
    return l->kind == DQ__CONV_UP ? k / taps % (size_t)l->oc : k / taps / (size_t)l->ic;
}

static double scale_of(const dq__weights *w, int norm, size_t c) {
    return (double)w->weight[norm][c] / sqrt((double)w->variance[norm][c] + DQ__NORM_EPSILON);
}

static void fold(const dq__table *t, dq__weights *w, int norm) {
    const int conv = t->layer[norm].from;
    const dq__layer *l = &t->layer[conv];
    const size_t count = dq__array_count(l, DQ__WEIGHT);
    for (size_t k = 0; k < count; k++)
        w->weight[conv][k] = (float)((double)w->weight[conv][k] * scale_of(w, norm, channel_of(l, k)));
    for (size_t c = 0; c < (size_t)l->oc; c++)
        w->bias[conv][c] = (float)(((double)w->bias[conv][c] - (double)w->mean[norm][c]) * scale_of(w, norm, c) +
                                   (double)w->bias[norm][c]);
}

/* Takes layer i out: who read it reads what it read. */
static void take_out(dq__table *t, dq__weights *w, int i) {
    const int from = t->layer[i].from;
    for (int array = 0; array < DQ__ARRAYS; array++) {
        float **of = dq__array(w, 0, array);
        dq__free(of[i]);
        memmove(of + i, of + i + 1, sizeof *of * (size_t)(DQ__MAX_LAYERS - i - 1));
        of[DQ__MAX_LAYERS - 1] = NULL;
    }
    t->count--;
    memmove(t->layer + i, t->layer + i + 1, sizeof *t->layer * (size_t)(t->count - i));
    for (int k = i; k < t->count; k++) {
        dq__layer *l = &t->layer[k];
        l->from = l->from == i ? from : l->from > i ? l->from - 1 : l->from;
        l->also = l->also == i ? from : l->also > i ? l->also - 1 : l->also;
    }
}

void dq__fold_norms(dq__table *t, dq__weights *w) {
    for (int i = t->count - 1; i >= 0; i--) {
        if (!can_fold(t, i)) continue;
        fold(t, w, i);
        take_out(t, w, i);
    }
}
