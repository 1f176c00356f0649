/* SPDX-License-Identifier: MIT
 * sketch/net.c: tables of layers, places of weights, and pictures as the networks take them. Knows no loss. */
#include "sketch/net.h"

#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STREAM = 2203, W = DQ__FRAME_W, H = DQ__FRAME_H, BLOCKS = 4 };

/* ---- tables ---- */

static int last(const dq__table *t) { return t->count - 1; }

static dq__layer *conv(dq__table *t, int ic, int oc, int stride, const char *name) {
    dq__layer *l = dq__table_add(t, DQ__CONV, ic, oc, name);
    l->stride = stride;
    return l;
}

/* A convolution and its ReLU; `number` names both. */
static int conv_relu(dq__table *t, int ic, int oc, int stride, const char *number) {
    char name[16];
    snprintf(name, sizeof name, "conv%.8s", number);
    conv(t, ic, oc, stride, name);
    snprintf(name, sizeof name, "relu%.8s", number);
    dq__table_add(t, DQ__RELU, oc, oc, name);
    return last(t);
}

static int join(dq__table *t, dq__kind kind, int also, int channels, const char *name) {
    dq__table_add(t, kind, channels, channels, name)->also = also;
    return last(t);
}

static void begin(dq__table *t, const char *name) {
    *t = (dq__table){.padding = DQ__PAD_ZERO, .pooling = DQ__POOL_MAX};
    snprintf(t->name, sizeof t->name, "%s", name);
    for (int c = 0; c < 3; c++) t->input.matrix[c][c] = 1;
}

void dq__student_table(dq__table *t) {
    begin(t, "sketch-student");
    const int full = conv_relu(t, 3, 16, 1, "1"), half = conv_relu(t, 16, 32, 2, "2");
    int at = conv_relu(t, 32, 64, 2, "3");
    for (int k = 0; k < BLOCKS; k++) {
        char name[16];
        snprintf(name, sizeof name, "%d_1", 4 + k);
        conv_relu(t, 64, 64, 1, name);
        snprintf(name, sizeof name, "conv%d_2", 4 + k);
        conv(t, 64, 64, 1, name);
        snprintf(name, sizeof name, "add%d", 4 + k);
        at = join(t, DQ__ADD, at, 64, name);
    }
    dq__table_add(t, DQ__UP_NEAREST, 64, 64, "up8");
    join(t, DQ__CONCAT, half, 96, "join8");
    conv_relu(t, 96, 32, 1, "8");
    dq__table_add(t, DQ__UP_NEAREST, 32, 32, "up9");
    join(t, DQ__CONCAT, full, 48, "join9");
    conv_relu(t, 48, 16, 1, "9");
    conv(t, 16, 1, 1, "drawing");
}

void dq__judge_table(dq__table *t) {
    static const int width[] = {3, 16, 32, 64};
    begin(t, "sketch-judge");
    for (int k = 0; k < 3; k++) {
        char name[16];
        snprintf(name, sizeof name, "conv%d", k + 1);
        conv(t, width[k], width[k + 1], 2, name)->kernel = 4;
        snprintf(name, sizeof name, "leaky%d", k + 1);
        dq__table_add(t, DQ__LEAKY_RELU, width[k + 1], width[k + 1], name)->slope = 0.2f;
    }
    conv(t, 64, 1, 1, "answer");
}

bool dq__is_student(const dq__table *t) {
    dq__table own;
    dq__student_table(&own);
    bool same = t->count == own.count;
    for (int i = 0; same && i < own.count; i++) {
        const dq__layer *a = &t->layer[i], *b = &own.layer[i];
        same = a->kind == b->kind && a->ic == b->ic && a->oc == b->oc && a->from == b->from && a->also == b->also &&
               a->kernel == b->kernel && a->stride == b->stride;
    }
    return same;
}

int dq__student_taps(const dq__table *t, int tap[DQ__STUDENT_TAPS]) {
    static const char *const name[DQ__STUDENT_TAPS] = {"relu1", "relu2", "add7", "relu8", "relu9", "drawing"};
    for (int k = 0; k < DQ__STUDENT_TAPS; k++) tap[k] = dq__table_exact(t, name[k]);
    return DQ__STUDENT_TAPS;
}

/* ---- weights ---- */

static bool has_weights(const dq__table *t, int i) { return t->layer[i].kind == DQ__CONV; }

static void give_places(dq__trainee *t) {
    for (int i = 0; i < t->table.count; i++) {
        if (!has_weights(&t->table, i)) continue;
        t->weight_at[i] = t->parameters;
        t->parameters += dq__array_count(&t->table.layer[i], DQ__WEIGHT);
        t->bias_at[i] = t->parameters;
        t->parameters += dq__array_count(&t->table.layer[i], DQ__BIAS);
    }
}

dq__weights dq__trainee_view(const dq__trainee *t, float *theta) {
    dq__weights w = {0};
    for (int i = 0; i < t->table.count; i++) {
        if (!has_weights(&t->table, i)) continue;
        w.weight[i] = theta + t->weight_at[i];
        w.bias[i] = theta + t->bias_at[i];
    }
    return w;
}

/* 1, or less for the end of a residual branch and for the last layer. */
static float share_of(const dq__table *t, int i) {
    if (i == last(t)) return 0.1f;
    return t->layer[i + 1].kind == DQ__ADD ? 0.3f : 1;
}

void dq__trainee_fill(const dq__trainee *t, bool student, uint64_t seed, float *theta) {
    memset(theta, 0, sizeof(float) * t->parameters);
    for (int i = 0; i < t->table.count; i++) {
        const dq__layer *l = &t->table.layer[i];
        if (!has_weights(&t->table, i)) continue;
        const float sigma = share_of(&t->table, i) * sqrtf(2.0f / (float)(l->ic * l->kernel * l->kernel));
        const size_t count = dq__array_count(l, DQ__WEIGHT);
        for (size_t k = 0; k < count; k++) theta[t->weight_at[i] + k] = sigma * dq__rng_normal(seed, STREAM + (uint64_t)i, k);
    }
    if (student) theta[t->bias_at[last(&t->table)]] = 1;
}

dq_status dq__trainee_init(dq__trainee *t, dq__pool *pool, const dq__table *table, bool student, int n, bool pixels,
                           dq__error *err) {
    *t = (dq__trainee){.table = *table};
    give_places(t);
    t->taps = student ? dq__student_taps(table, t->tap) : 1;
    if (!student) t->tap[0] = last(table);
    float *theta = dq__alloc_zero(sizeof(float) * t->parameters);
    if (!theta) return dq__no_memory(err, sizeof(float) * t->parameters, "a network");
    const dq__weights weights = dq__trainee_view(t, theta);
    const dq__exec_options options = {.h = DQ__NET_H, .w = DQ__NET_W, .n = n, .tap = t->tap, .taps = t->taps, .train = true,
                                      .backward = pixels};
    dq_status status = dq__packed_new(&t->packed, &t->table, &weights, last(table), true, err);
    if (!status) status = dq__exec_new(&t->exec, pool, &t->table, t->packed, &options, err);
    dq__free(theta);
    return status;
}

void dq__trainee_deinit(dq__trainee *t) {
    dq__exec_free(&t->exec);
    dq__packed_free(&t->packed);
}

/* ---- pictures ---- */

static int inner_row(int y) { return y < 1 ? 0 : y > H ? H - 1 : y - 1; }

void dq__student_input(const float *rgb, float *input) {
    for (int y = 0; y < DQ__NET_H; y++)
        for (int x = 0; x < W; x++) {
            const float *p = rgb + 3 * (inner_row(y) * W + x);
            float *to = input + 3 * (y * W + x);
            to[0] = (0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2] - 128) / 64;
            to[1] = (p[0] - p[2]) / 64;
            to[2] = (float)(2 * y - DQ__NET_H) / DQ__NET_H;
        }
}

void dq__net_grey(const float *grey, float *values) {
    for (int y = 0; y < DQ__NET_H; y++)
        for (int x = 0; x < W; x++) values[y * W + x] = (grey[inner_row(y) * W + x] - 128) / 64;
}

void dq__net_drawing(const float *values, ptrdiff_t stride, ptrdiff_t row, float *grey) {
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) grey[y * W + x] = 128 + 64 * values[(y + 1) * row + x * stride];
}
