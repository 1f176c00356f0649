/* SPDX-License-Identifier: MIT
 * net/pack.c: re-ordering of weights; see the kernels' headers for the orders. */
#include "net/pack.h"

#include "base/mem.h"
#include "net/tensor.h"

#include <math.h>
#include <string.h>

/* Element (o,i) of a packed matrix of kernels/gemm.h. */
static float *element(float *packed, int ics, int o, int i) { return packed + ((ptrdiff_t)(o / 16) * ics + i) * 16 + o % 16; }

void dq__pack_conv3x3(float *packed, const float *w, int oc, int ic, int ics, bool flip) {
    /* w: (oc,ic,3,3); packed kernel has `outs` outputs and `ins` inputs */
    const int outs = flip ? ic : oc, ins = flip ? oc : ic;
    memset(packed, 0, sizeof(float) * 9 * (size_t)ics * (size_t)dq__map_stride(outs));
    for (int o = 0; o < outs; o++)
        for (int i = 0; i < ins; i++) {
            const int i0 = i / 32 * 32, ib = ics - i0 < 32 ? ics - i0 : 32;
            const float *from = flip ? w + ((size_t)i * ic + o) * 9 : w + ((size_t)o * ic + i) * 9;
            float *to = packed + ((size_t)(o / 16) * ics + i0) * 9 * 16 + (i - i0) * 16 + o % 16;
            for (int t = 0; t < 9; t++) to[(size_t)t * ib * 16] = from[flip ? 8 - t : t];
        }
}

void dq__turn_conv3x3(float *turned, const float *packed, int outs, int ins, int block) {
    const int i0 = block / 2 * 32, ib = ins - i0 < 32 ? ins - i0 : 32;
    for (int o = 0; o < outs; o += 16) {
        const int o0 = o / 32 * 32, ob = outs - o0 < 32 ? outs - o0 : 32;
        for (int t = 0; t < 9; t++) {
            const float *from = packed + ((ptrdiff_t)(o / 16) * ins * 9 + i0 * 9 + (8 - t) * ib + block % 2 * 16) * 16;
            float *to = turned + ((ptrdiff_t)o0 * 9 + t * ob + o - o0) * 16;
            for (int j = 0; j < 16; j++)
                for (int i = 0; i < 16; i++) to[j * 16 + i] = from[i * 16 + j];
        }
    }
}

/* (oc,3,3,3) → [9][3][ics], turned: kernels/conv3x3.h's way back to a picture. */
static void pack_to_picture(float *packed, const float *w, int oc, int ics) {
    memset(packed, 0, sizeof(float) * 27 * (size_t)ics);
    for (int o = 0; o < oc; o++)
        for (int c = 0; c < 3; c++)
            for (int t = 0; t < 9; t++) packed[((8 - t) * 3 + c) * ics + o] = w[(o * 3 + c) * 9 + t];
}

void dq__pack_taps(float *packed, const float *w, int oc, int ic, int taps, int ics, bool flip) {
    const int outs = flip ? ic : oc, ins = flip ? oc : ic;
    const size_t matrix = (size_t)ics * (size_t)dq__map_stride(outs);
    memset(packed, 0, sizeof(float) * matrix * (size_t)taps);
    for (int o = 0; o < outs; o++)
        for (int i = 0; i < ins; i++) {
            const float *from = w + (flip ? (size_t)i * ic + o : (size_t)o * ic + i) * (size_t)taps;
            float *to = element(packed, ics, o, i);
            for (int t = 0; t < taps; t++) to[(size_t)t * matrix] = from[t];
        }
}

/* Channels of the map that layer i reads, and floats from pixel to pixel of it. */
static int channels_below(const dq__table *table, int i) {
    const int from = table->layer[i].from;
    return from >= 0 ? table->layer[from].oc : 3;
}

static int stride_below(const dq__table *table, int i) {
    const int channels = channels_below(table, i);
    return table->layer[i].from >= 0 ? dq__map_stride(channels) : dq__channel_stride(channels);
}

/* Pixels of the map that a linear layer flattens. */
static int positions_below(const dq__table *table, int i) { return table->layer[i].ic / channels_below(table, i); }

int dq__linear_inputs(const dq__table *table, int i) { return positions_below(table, i) * stride_below(table, i); }

/* A linear layer's weights come in (C,H,W) order of the map below it; the map is kept as (H,W,C) with padded channels. */
static void pack_linear(float *packed, const float *m, const dq__table *table, int i) {
    const int oc = table->layer[i].oc, ic = table->layer[i].ic, positions = positions_below(table, i);
    const int cs = stride_below(table, i), ics = dq__linear_inputs(table, i);
    memset(packed, 0, sizeof(float) * (size_t)ics * (size_t)dq__map_stride(oc));
    for (int o = 0; o < oc; o++)
        for (int k = 0; k < ic; k++) *element(packed, ics, o, k % positions * cs + k / positions) = m[(size_t)o * ic + k];
}

/* The transposed matrix: from outputs to positions × channels of a gradient, whose stride is that of a map. */
static void pack_linear_back(float *packed, const float *m, const dq__table *table, int i) {
    const int oc = table->layer[i].oc, ic = table->layer[i].ic, positions = positions_below(table, i);
    const int cs = dq__map_stride(channels_below(table, i)), ics = dq__map_stride(oc);
    memset(packed, 0, sizeof(float) * (size_t)positions * (size_t)cs * (size_t)ics);
    for (int o = 0; o < oc; o++)
        for (int k = 0; k < ic; k++) *element(packed, ics, k % positions * cs + k / positions, o) = m[(size_t)o * ic + k];
}

static int taps_of(const dq__layer *l) { return l->kernel * l->kernel; }

static size_t forward_floats(const dq__table *table, int i) {
    const dq__layer *l = &table->layer[i];
    const size_t outs = (size_t)dq__map_stride(l->oc);
    switch (l->kind) {
    case DQ__CONV:
    case DQ__CONV_UP: return (size_t)taps_of(l) * (size_t)stride_below(table, i) * outs;
    case DQ__LINEAR: return (size_t)dq__linear_inputs(table, i) * outs;
    case DQ__PRELU: return outs;
    case DQ__INSTANCE_NORM:
    case DQ__BATCH_NORM: return DQ__ROWS * outs;
    default: return 0;
    }
}

static size_t backward_floats(const dq__table *table, int i) {
    const dq__layer *l = &table->layer[i];
    const size_t outs = (size_t)dq__map_stride(l->oc);
    if (l->kind == DQ__LINEAR)
        return (size_t)positions_below(table, i) * (size_t)dq__map_stride(channels_below(table, i)) * outs;
    if (dq__is_conv3x3(l)) return l->from < 0 ? 27 * outs : 0;
    return l->kind == DQ__CONV || l->kind == DQ__CONV_UP ? (size_t)taps_of(l) * outs * (size_t)dq__map_stride(l->ic) : 0;
}

static bool packs(const dq__layer *l) { return dq__array_count(l, DQ__WEIGHT) > 0; }

size_t dq__packed_bytes(const dq__table *table, int last, bool backward) {
    size_t floats = 0;
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &table->layer[i];
        floats += forward_floats(table, i) + (backward ? backward_floats(table, i) : 0);
        if (packs(l)) floats += (size_t)dq__map_stride(l->oc);
    }
    return floats * sizeof(float);
}

static void fill_conv(dq__packed *p, const dq__table *table, const float *w, int i) {
    const dq__layer *l = &table->layer[i];
    if (dq__is_conv3x3(l)) {
        dq__pack_conv3x3(p->forward[i], w, l->oc, l->ic, stride_below(table, i), false);
        if (p->backward[i]) pack_to_picture(p->backward[i], w, l->oc, dq__map_stride(l->oc));
    } else {
        dq__pack_taps(p->forward[i], w, l->oc, l->ic, taps_of(l), stride_below(table, i), false);
        if (p->backward[i]) dq__pack_taps(p->backward[i], w, l->oc, l->ic, taps_of(l), dq__map_stride(l->oc), true);
    }
}

/* Its weights are those of a convolution from oc to ic. */
static void fill_conv_up(dq__packed *p, const dq__layer *l, const float *w, int i) {
    dq__pack_taps(p->forward[i], w, l->ic, l->oc, taps_of(l), dq__map_stride(l->ic), true);
    if (p->backward[i]) dq__pack_taps(p->backward[i], w, l->ic, l->oc, taps_of(l), dq__map_stride(l->oc), false);
}

static void fill_norm(float *rows, const dq__weights *weights, const dq__layer *l, int i) {
    const int cs = dq__map_stride(l->oc);
    memset(rows, 0, sizeof(float) * DQ__ROWS * (size_t)cs);
    for (int c = 0; c < l->oc; c++) {
        rows[DQ__ROW_WEIGHT * cs + c] = weights->weight[i][c];
        if (l->kind != DQ__BATCH_NORM) continue;
        rows[DQ__ROW_MEAN * cs + c] = weights->mean[i][c];
        rows[DQ__ROW_SCALE * cs + c] =
            (float)((double)weights->weight[i][c] / sqrt((double)weights->variance[i][c] + DQ__NORM_EPSILON));
    }
}

static void fill_layer(dq__packed *p, const dq__table *table, const dq__weights *weights, int i) {
    const dq__layer *l = &table->layer[i];
    const float *w = weights->weight[i];
    if (weights->bias[i]) memcpy(p->bias[i], weights->bias[i], sizeof(float) * (size_t)l->oc);
    switch (l->kind) {
    case DQ__CONV: fill_conv(p, table, w, i); break;
    case DQ__CONV_UP: fill_conv_up(p, l, w, i); break;
    case DQ__LINEAR:
        pack_linear(p->forward[i], w, table, i);
        if (p->backward[i]) pack_linear_back(p->backward[i], w, table, i);
        break;
    case DQ__PRELU:
        memset(p->forward[i], 0, sizeof(float) * (size_t)dq__map_stride(l->oc));
        memcpy(p->forward[i], w, sizeof(float) * (size_t)l->oc);
        break;
    default: fill_norm(p->forward[i], weights, l, i);
    }
}

static dq_status alloc_layer(dq__packed *p, const dq__table *table, int i, bool backward, dq__error *err) {
    const dq__layer *l = &table->layer[i];
    const bool back = backward && backward_floats(table, i) > 0;
    p->forward[i] = dq__alloc(sizeof(float) * forward_floats(table, i));
    p->bias[i] = dq__alloc_zero(sizeof(float) * (size_t)dq__map_stride(l->oc));
    if (back) p->backward[i] = dq__alloc(sizeof(float) * backward_floats(table, i));
    if (!p->forward[i] || !p->bias[i] || (back && !p->backward[i]))
        return dq__no_memory(err, sizeof(float) * forward_floats(table, i), "weights");
    return DQ_OK;
}

void dq__packed_update(dq__packed *p, const dq__table *table, const dq__weights *weights) {
    for (int i = 0; i <= p->last; i++)
        if (packs(&table->layer[i])) fill_layer(p, table, weights, i);
}

dq_status dq__packed_new(dq__packed **out, const dq__table *table, const dq__weights *weights, int last, bool backward,
                         dq__error *err) {
    dq__packed *p = dq__alloc_zero(sizeof *p);
    *out = NULL;
    if (!p) return dq__no_memory(err, sizeof *p, "weights");
    p->last = last;
    for (int i = 0; i <= last; i++) {
        dq_status status = packs(&table->layer[i]) ? alloc_layer(p, table, i, backward, err) : DQ_OK;
        if (status) {
            dq__packed_free(&p);
            return status;
        }
    }
    dq__packed_update(p, table, weights);
    *out = p;
    return DQ_OK;
}

void dq__packed_free(dq__packed **packed) {
    dq__packed *p = *packed;
    if (!p) return;
    for (int i = 0; i < DQ__MAX_LAYERS; i++) {
        dq__free(p->forward[i]);
        dq__free(p->backward[i]);
        dq__free(p->bias[i]);
    }
    dq__free(p);
    *packed = NULL;
}
