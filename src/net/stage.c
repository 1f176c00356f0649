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

/* A set of layers of a table. */
typedef struct set {
    bool has[DQ__MAX_LAYERS];
} set;

static bool reads_from(const dq__layer *l, const set *s) {
    return (l->from >= 0 && s->has[l->from]) || (dq__reads_two(l) && l->also >= 0 && s->has[l->also]);
}

/* Layers that the taps depend on. */
static set used_layers(const dq__table *t, const int *tap, int taps) {
    set used = {{false}};
    for (int k = 0; k < taps; k++) used.has[tap[k]] = true;
    for (int i = tap[taps - 1]; i >= 0; i--) {
        const dq__layer *l = &t->layer[i];
        if (!used.has[i]) continue;
        if (l->from >= 0) used.has[l->from] = true;
        if (dq__reads_two(l)) used.has[l->also] = true;
    }
    return used;
}

/* Those of the layers `left` that depend on layer i; false where there are none, or where one of them reads another layer that
 * does not. */
static bool after_layer(const dq__table *t, const set *left, int i, set *after) {
    set with = {{false}}; /* and layer i itself */
    bool any = false;
    with.has[i] = true;
    for (int k = i + 1; k < t->count; k++) {
        const dq__layer *l = &t->layer[k];
        with.has[k] = left->has[k] && reads_from(l, &with);
        if (!with.has[k]) continue;
        any = true;
        if (!with.has[l->from] || (dq__reads_two(l) && !with.has[l->also])) return false;
    }
    with.has[i] = false;
    *after = with;
    return any;
}

static bool tapped(const int *tap, int taps, int i) {
    for (int t = 0; t < taps; t++)
        if (tap[t] == i) return true;
    return false;
}

/* Does nothing but convolutions read layer i? */
static bool convolved(const dq__table *t, const set *after, int i) {
    for (int k = i + 1; k < t->count; k++)
        if (after->has[k] && dq__reads(t, k, i) && t->layer[k].kind != DQ__CONV) return false;
    return true;
}

/* May the first stage of the layers `left` end with layer i, so that those `after` it come later? After a pool, or in a long row
 * of convolutions. Not at a tap: there costs and the next stage would add to one gradient in another order. */
static bool may_end(const dq__table *t, const set *left, int i, const int *tap, int taps, set *after) {
    int convolutions = 0;
    if (!left->has[i] || tapped(tap, taps, i) || !after_layer(t, left, i, after)) return false;
    for (int k = 0; k <= i; k++) convolutions += left->has[k] && t->layer[k].kind == DQ__CONV && t->layer[k].kernel > 1;
    if (t->layer[i].kind == DQ__POOL) return convolutions > 0;
    return dq__relu_in_place(t, i) && t->layer[i - 1].kind == DQ__CONV && convolutions >= ENOUGH && convolved(t, after, i);
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

/* Takes those of the layers `left` that do not come `after`. */
static void take_layers(dq__stage *s, const dq__table *table, const dq__packed *packed, const set *left, const set *after) {
    int here[DQ__MAX_LAYERS], n = 0; /* where a layer is in this stage */
    s->table = *table;
    for (int i = 0; i < table->count; i++) {
        here[i] = -1;
        if (!left->has[i] || after->has[i]) continue;
        dq__layer *l = &s->table.layer[n];
        *l = table->layer[i];
        if (l->from >= 0) l->from = here[l->from];
        if (dq__reads_two(l)) l->also = here[l->also];
        if (packed) {
            s->packed.forward[n] = packed->forward[i];
            s->packed.backward[n] = packed->backward[i];
            s->packed.bias[n] = packed->bias[i];
        }
        s->layer[n] = i, here[i] = n++;
    }
    s->table.count = n;
    s->packed.last = n - 1;
}

/* end: the layer of the whole table that the next stage reads, −1 if there is none. */
static void take_taps(dq__stage *s, const int *tap, int taps, int end) {
    s->link = -1;
    for (int k = 0, t = 0; k < s->table.count; k++) {
        while (t < taps && tap[t] < s->layer[k]) t++;
        const bool here = t < taps && tap[t] == s->layer[k];
        if (!here && s->layer[k] != end) continue;
        if (!here) s->link = s->taps;
        s->tap[s->taps] = k, s->number[s->taps++] = here ? t : -1;
    }
    for (int k = 0; k < s->table.count; k++) s->stride = most(s->stride, dq__stage_stride(s, k));
}

/* The layer that the first stage of `left` ends with, −1 if that is all of them. */
static int find_end(const dq__table *table, const set *left, const int *tap, int taps, set *after) {
    for (int i = 0; i < table->count; i++)
        if (may_end(table, left, i, tap, taps, after)) return i;
    *after = (set){{false}};
    return -1;
}

int dq__stages_cut(dq__stage *stages, const dq__table *table, const dq__packed *packed, const int *tap, int taps) {
    set left = used_layers(table, tap, taps), after = {{false}};
    int count = 0, channels = 0;
    for (int i = 0; i < table->count; i++)
        if (left.has[i] && sees_all(&table->layer[i])) return 0;
    for (int end = 0; end >= 0; left = after) {
        dq__stage *s = &stages[count++];
        after = (set){{false}};
        end = count < DQ__MAX_STAGES ? find_end(table, &left, tap, taps, &after) : -1;
        memset(s, 0, sizeof *s);
        take_layers(s, table, packed, &left, &after);
        take_taps(s, tap, taps, end);
        s->channels = channels;
        channels = end >= 0 ? table->layer[end].oc : 0;
        measure(s);
    }
    return count;
}
