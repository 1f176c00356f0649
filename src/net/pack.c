/* SPDX-License-Identifier: MIT
 * net/pack.c: re-ordering of weights; see the kernels' headers for the orders. */
#include "net/pack.h"

#include "base/mem.h"
#include "net/tensor.h"

#include <string.h>

static int round16(int c) { return (c + 15) / 16 * 16; }

/* Floats from pixel to pixel of what a convolution reads. */
static int stride_below(const dq__layer *l) { return l->from < 0 ? dq__channel_stride(l->ic) : dq__map_stride(l->ic); }

void dq__pack_conv3x3(float *packed, const float *w, int oc, int ic, int ics, bool flip) {
    /* w: (oc,ic,3,3); packed kernel has `outs` outputs and `ins` inputs */
    const int outs = flip ? ic : oc, ins = flip ? oc : ic;
    memset(packed, 0, sizeof(float) * 9 * (size_t)ics * (size_t)round16(outs));
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
    const size_t matrix = (size_t)ics * (size_t)round16(outs);
    memset(packed, 0, sizeof(float) * matrix * (size_t)taps);
    for (int o = 0; o < outs; o++)
        for (int i = 0; i < ins; i++) {
            const float *from = w + (flip ? (size_t)i * ic + o : (size_t)o * ic + i) * (size_t)taps;
            float *to = packed + ((size_t)(o / 16) * ics + i) * 16 + o % 16;
            for (int t = 0; t < taps; t++) to[(size_t)t * matrix] = from[t];
        }
}

void dq__pack_gemm(float *packed, const float *m, int oc, int ic, int ics) {
    /* m: (oc,ic) */
    memset(packed, 0, sizeof(float) * (size_t)ics * (size_t)round16(oc));
    for (int o = 0; o < oc; o++)
        for (int i = 0; i < ic; i++) packed[((size_t)(o / 16) * ics + i) * 16 + o % 16] = m[(size_t)o * ic + i];
}

/* Channels of the map that a linear layer flattens. */
static int channels_below(const dq__table *table, int i) {
    const int from = table->layer[i].from;
    return from >= 0 ? table->layer[from].oc : table->layer[i].ic;
}

int dq__linear_inputs(const dq__table *table, int i) {
    const int channels = channels_below(table, i);
    return table->layer[i].ic / channels * dq__map_stride(channels);
}

/* A linear layer's weights come in (C,H,W) order of the map below it; the map is kept as (H,W,C) with padded channels. */
static void pack_linear(float *packed, const float *m, int oc, int ic, int channels) {
    const int positions = ic / channels, cs = dq__map_stride(channels), ics = positions * cs;
    memset(packed, 0, sizeof(float) * (size_t)ics * (size_t)round16(oc));
    for (int o = 0; o < oc; o++)
        for (int i = 0; i < ic; i++) {
            const int at = i % positions * cs + i / positions;
            packed[((size_t)(o / 16) * ics + at) * 16 + o % 16] = m[(size_t)o * ic + i];
        }
}

static int taps_of(const dq__layer *l) { return l->kernel * l->kernel; }

static size_t forward_floats(const dq__table *table, int i) {
    const dq__layer *l = &table->layer[i];
    if (l->kind == DQ__CONV) return (size_t)taps_of(l) * (size_t)stride_below(l) * (size_t)round16(l->oc);
    return l->kind == DQ__LINEAR ? (size_t)dq__linear_inputs(table, i) * round16(l->oc) : 0;
}

static size_t backward_floats(const dq__layer *l) {
    if (l->kind != DQ__CONV || (dq__is_conv3x3(l) && l->from >= 0)) return 0;
    return (size_t)taps_of(l) * (size_t)round16(l->oc) * (size_t)(dq__is_conv3x3(l) ? 3 : round16(l->ic));
}

size_t dq__packed_bytes(const dq__table *table, int last, bool backward) {
    size_t floats = 0;
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &table->layer[i];
        floats += forward_floats(table, i) + (backward ? backward_floats(l) : 0);
        if (l->kind == DQ__CONV || l->kind == DQ__LINEAR) floats += (size_t)round16(l->oc);
    }
    return floats * sizeof(float);
}

static void fill_layer(dq__packed *p, const dq__table *table, const dq__weights *weights, int i) {
    const dq__layer *l = &table->layer[i];
    const float *w = weights->weight[i];
    memcpy(p->bias[i], weights->bias[i], sizeof(float) * (size_t)l->oc);
    if (l->kind == DQ__LINEAR) {
        pack_linear(p->forward[i], w, l->oc, l->ic, channels_below(table, i));
    } else if (dq__is_conv3x3(l)) {
        dq__pack_conv3x3(p->forward[i], w, l->oc, l->ic, stride_below(l), false);
        if (p->backward[i]) pack_to_picture(p->backward[i], w, l->oc, round16(l->oc));
    } else {
        dq__pack_taps(p->forward[i], w, l->oc, l->ic, taps_of(l), stride_below(l), false);
        if (p->backward[i]) dq__pack_taps(p->backward[i], w, l->oc, l->ic, taps_of(l), round16(l->oc), true);
    }
}

static bool packs(const dq__layer *l) { return l->kind == DQ__CONV || l->kind == DQ__LINEAR; }

static dq_status alloc_layer(dq__packed *p, const dq__table *table, int i, bool backward, dq__error *err) {
    const dq__layer *l = &table->layer[i];
    const bool back = backward && backward_floats(l) > 0;
    p->forward[i] = dq__alloc(sizeof(float) * forward_floats(table, i));
    p->bias[i] = dq__alloc_zero(sizeof(float) * (size_t)round16(l->oc));
    if (back) p->backward[i] = dq__alloc(sizeof(float) * backward_floats(l));
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
