/* SPDX-License-Identifier: MIT
 * net/stage.c: see stage.h. The fast convolution makes tiles of 4×4 values from 6×6, and a wrong number among the 36 changes the
 * roundings of all 16; so what is needed grows by whole tiles. They lie at multiples of 4 of the map, on the way back with
 * padding that copies one before that. */
#include "net/stage.h"

#include <string.h>

enum { TILE = 4, ENOUGH = 2 }; /* convolutions that make a stage */

/* ---- what values need ------------------------------------------------------------------------------------------------ */

/* From the first to before the last, as far as the inner part begins and ends at 0. */
typedef struct range {
    int first, last;
} range;

static int down(int a, int step) { return a >= 0 ? a / step * step : -((-a + step - 1) / step * step); }
static int up(int a, int step) { return -down(-a, step); }
static int half(int a) { return down(a, 2) / 2; }
static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }
static range both(range a, range b) { return (range){least(a.first, b.first), most(a.last, b.last)}; }

/* What values r of a layer read. */
static range read_by(const dq__layer *l, range r) {
    if (dq__is_conv3x3(l)) return (range){down(r.first, TILE) - 1, up(r.last, TILE) + 1};
    if (l->kind == DQ__CONV)
        return (range){r.first * l->stride - l->pad, (r.last - 1) * l->stride - l->pad + l->kernel};
    if (l->kind == DQ__POOL) return (range){2 * r.first, 2 * (r.last - 1) + l->kernel};
    return r;
}

/* The values of a layer whose gradients make that of the values r that it reads. */
static range reached_from(const dq__layer *l, range r) {
    if (dq__is_conv3x3(l))
        return (range){least(down(r.first, TILE), down(r.first + 1, TILE) - 1) - 1,
                       most(up(r.last, TILE), up(r.last + 1, TILE) - 1) + 1};
    if (l->kind == DQ__CONV)
        return (range){down(r.first + l->pad - l->kernel + 1, l->stride) / l->stride,
                       down(r.last - 1 + l->pad, l->stride) / l->stride + 1};
    if (l->kind == DQ__POOL) return (range){half(r.first - l->kernel + 2), half(r.last - 1) + 1};
    return r;
}

static void measure(dq__stage *s) {
    range need[DQ__MAX_LAYERS + 1] = {{0, 0}}, *const at = need + 1; /* what goes in, then the layers */
    const int n = s->tap[s->taps - 1] + 1;
    for (int i = 0; i < n; i++) { /* where gradients must be right, and with them what the way back keeps */
        const dq__layer *l = &s->table.layer[i];
        at[i] = reached_from(l, at[l->from]);
        if (dq__reads_two(l)) at[i] = both(at[i], reached_from(l, at[l->also]));
    }
    for (int i = n - 1; i >= 0; i--) { /* and what that is made of */
        const dq__layer *l = &s->table.layer[i];
        const range r = read_by(l, at[i]);
        at[l->from] = both(at[l->from], r);
        if (dq__reads_two(l)) at[l->also] = both(at[l->also], r);
    }
    s->before = -at[-1].first, s->after = at[-1].last;
}

/* ---- where to cut ---------------------------------------------------------------------------------------------------- */

static bool sees_all(const dq__layer *l) {
    switch (l->kind) {
    case DQ__LINEAR:
    case DQ__INSTANCE_NORM:
    case DQ__GLOBAL_POOL:
    case DQ__UP_NEAREST:
    case DQ__UP_BILINEAR:
    case DQ__CONV_UP: return true;
    default: return false;
    }
}

/* Does all that comes after layer i know of nothing before it? */
static bool parts(const dq__table *t, int i, int last) {
    for (int k = i + 1; k <= last; k++)
        if (t->layer[k].from < i || (dq__reads_two(&t->layer[k]) && t->layer[k].also < i)) return false;
    return true;
}

static bool tapped(const int *tap, int taps, int i) {
    for (int t = 0; t < taps; t++)
        if (tap[t] == i) return true;
    return false;
}

/* May a stage that begins at layer `first` end with layer i? After a pool, or in a long row of convolutions. Not at a tap: there
 * costs and the next stage would add to one gradient in another order. */
static bool may_end(const dq__table *t, int first, int i, const int *tap, int taps) {
    int convolutions = 0;
    const int last = tap[taps - 1];
    if (i >= last || tapped(tap, taps, i) || !parts(t, i, last)) return false;
    for (int k = first; k <= i; k++) convolutions += t->layer[k].kind == DQ__CONV;
    if (t->layer[i].kind == DQ__POOL) return convolutions > 0;
    return dq__relu_in_place(t, i) && t->layer[i - 1].kind == DQ__CONV && t->layer[i + 1].kind == DQ__CONV &&
           convolutions >= ENOUGH;
}

/* ---- a stage --------------------------------------------------------------------------------------------------------- */

int dq__stage_stride(const dq__stage *s, int layer) {
    int stride = 1;
    for (int i = layer; i >= 0; i = s->table.layer[i].from) {
        const dq__layer *l = &s->table.layer[i];
        stride *= l->kind == DQ__POOL ? 2 : l->kind == DQ__CONV ? l->stride : 1;
    }
    return stride;
}

static void take_layers(dq__stage *s, const dq__table *table, const dq__packed *packed, int first, int last) {
    s->first = first;
    s->channels = first > 0 ? table->layer[first - 1].oc : 0;
    s->table = *table;
    s->table.count = last - first + 1;
    for (int k = 0; k < s->table.count; k++) {
        dq__layer *l = &s->table.layer[k];
        *l = table->layer[first + k];
        l->from = l->from < first ? -1 : l->from - first;
        l->also = l->also < first ? -1 : l->also - first;
        if (!packed) continue;
        s->packed.forward[k] = packed->forward[first + k];
        s->packed.backward[k] = packed->backward[first + k];
        s->packed.bias[k] = packed->bias[first + k];
    }
    s->packed.last = last - first;
}

static void take_taps(dq__stage *s, const int *tap, int taps) {
    const int last = s->first + s->table.count - 1;
    for (int t = 0; t < taps; t++)
        if (tap[t] >= s->first && tap[t] <= last) s->tap[s->taps] = tap[t] - s->first, s->number[s->taps++] = t;
    s->link = last < tap[taps - 1];
    if (s->link) s->tap[s->taps] = last - s->first, s->number[s->taps++] = -1;
    for (int k = 0; k < s->table.count; k++) s->stride = most(s->stride, dq__stage_stride(s, k));
}

int dq__stages_cut(dq__stage *stages, const dq__table *table, const dq__packed *packed, const int *tap, int taps) {
    const int last = tap[taps - 1];
    int count = 0;
    for (int i = 0; i <= last; i++)
        if (sees_all(&table->layer[i])) return 0;
    for (int first = 0, i = 0; i <= last; i++) {
        if (i < last && (count == DQ__MAX_STAGES - 1 || !may_end(table, first, i, tap, taps))) continue;
        dq__stage *s = &stages[count++];
        memset(s, 0, sizeof *s);
        take_layers(s, table, packed, first, i);
        take_taps(s, tap, taps);
        measure(s);
        first = i + 1;
    }
    return count;
}
