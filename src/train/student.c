/* SPDX-License-Identifier: MIT
 * train/student.c: places of weights in the vector, their start, and the network for use. Does not run anything. */
#include "train/student.h"

#include "base/mem.h"
#include "base/rng.h"
#include "net/tensor.h"
#include "train/least_squares.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_STAGES = 9, STREAM = 71 };

static size_t weight_count(const dq__layer *l) { return dq__array_count(l, DQ__WEIGHT); }
static bool has_weights(const dq__layer *l) { return weight_count(l) > 0; }
static bool is_head(const dq__student *s, int i) { return i >= s->chain; }

static void give_places(dq__student *s, int i) {
    const dq__layer *l = &s->table.layer[i];
    if (!has_weights(l)) return;
    s->weight_at[i] = s->parameters;
    s->parameters += weight_count(l);
    s->bias_at[i] = s->parameters;
    if (!is_head(s, i)) s->parameters += (size_t)l->oc;
}

dq_status dq__student_init(dq__student *s, const char *name, const char *shape, dq__error *err) {
    int convs[MAX_STAGES], width[MAX_STAGES], stages = 0, used;
    *s = (dq__student){0};
    for (const char *at = shape; *at; at += used) {
        if (stages == MAX_STAGES || sscanf(at, "%dx%d %n", &convs[stages], &width[stages], &used) != 2 || convs[stages] < 1 ||
            convs[stages] > 6 || width[stages] < 1 || width[stages] > 1024)
            return dq__fail(err, DQ_USAGE, "a network is given as convolutions x channels of each stage, such as 2x32 2x64");
        stages++;
    }
    dq__table_stages(&s->table, name, stages, convs, width);
    s->table.padding = DQ__PAD_REFLECT;
    s->table.input = dq__input_torchvision;
    s->chain = s->table.count;
    for (int i = 0; i < s->chain; i++) give_places(s, i);
    s->no_bias = dq__alloc_zero(sizeof(float) * 2 * DQ__MAX_CHANNELS);
    if (!s->no_bias) return dq__no_memory(err, sizeof(float) * DQ__MAX_CHANNELS, "a network");
    return dq__table_check(&s->table, err);
}

void dq__student_deinit(dq__student *s) {
    dq__free(s->no_bias);
    s->no_bias = NULL;
}

dq_status dq__student_head(dq__student *s, const char *layer, int channels, int *index, dq__error *err) {
    char name[16];
    const int from = dq__table_exact(&s->table, layer);
    if (from < 0 || s->table.layer[from].kind != DQ__RELU || is_head(s, from))
        return dq__fail(err, DQ_USAGE, "%.32s is no layer of the network after a ReLU", layer);
    snprintf(name, sizeof name, "head%d", s->table.count - s->chain + 1);
    *index = s->table.count;
    dq__layer *l = dq__table_add(&s->table, DQ__CONV, s->table.layer[from].oc, channels, name);
    if (!l) return dq__fail(err, DQ_LIMIT, "a network has at most %d layers", DQ__MAX_LAYERS);
    l->from = from, l->kernel = 1, l->pad = 0;
    give_places(s, *index);
    return dq__table_check(&s->table, err);
}

void dq__student_fill(const dq__student *s, uint64_t seed, float *theta) {
    memset(theta, 0, sizeof(float) * s->parameters);
    for (int i = 0; i < s->table.count; i++) {
        const dq__layer *l = &s->table.layer[i];
        if (!has_weights(l)) continue;
        const float sigma = sqrtf((is_head(s, i) ? 0.1f : 2.0f) / (float)(l->ic * l->kernel * l->kernel));
        for (size_t k = 0; k < weight_count(l); k++)
            theta[s->weight_at[i] + k] = sigma * dq__rng_normal(seed, STREAM + (uint64_t)i, k);
    }
}

dq_status dq__student_start(const dq__student *s, const dq_model *m, float *theta, dq__error *err) {
    for (int i = 0; i < s->chain; i++) {
        const dq__layer *l = &s->table.layer[i];
        if (!has_weights(l)) continue;
        const int at = dq__table_exact(&m->table, l->name);
        if (at < 0) continue;
        const dq__layer *other = &m->table.layer[at];
        if (other->kind != l->kind || other->ic != l->ic || other->oc != l->oc || other->kernel != l->kernel)
            return dq__fail(err, DQ_USAGE, "layer %s of the network to start from has another shape", l->name);
        memcpy(theta + s->weight_at[i], m->weights.weight[at], sizeof(float) * weight_count(l));
        memcpy(theta + s->bias_at[i], m->weights.bias[at], sizeof(float) * (size_t)l->oc);
    }
    return DQ_OK;
}

dq_status dq__student_fit(const dq__student *s, int head, const float *gram, const float *cross, float *theta, dq__error *err) {
    const dq__layer *l = &s->table.layer[head];
    const int c = l->ic, cs = dq__map_stride(c);
    double *a = dq__alloc(sizeof(double) * (size_t)c * (size_t)(c + 1));
    if (!a) return dq__no_memory(err, sizeof(double) * (size_t)c * (size_t)c, "a head");
    for (int i = 0; i < c; i++)
        for (int j = 0; j < c; j++) a[i * c + j] = (double)gram[i * cs + j];
    dq__cholesky(a, c, 1e-4);
    double *row = a + (size_t)c * (size_t)c;
    for (int o = 0; o < l->oc; o++) {
        for (int i = 0; i < c; i++) row[i] = (double)cross[o * c + i];
        dq__cholesky_solve(a, c, row);
        for (int i = 0; i < c; i++) theta[s->weight_at[head] + (size_t)(o * c + i)] = (float)row[i];
    }
    dq__free(a);
    return DQ_OK;
}

static dq__weights view(const dq__student *s, float *theta, float *no_bias) {
    dq__weights w = {0};
    for (int i = 0; i < s->table.count; i++) {
        if (!has_weights(&s->table.layer[i])) continue;
        w.weight[i] = theta + s->weight_at[i];
        w.bias[i] = is_head(s, i) ? no_bias : theta + s->bias_at[i];
    }
    return w;
}

dq__weights dq__student_view(const dq__student *s, const float *theta) {
    return view(s, (float *)(uintptr_t)theta, s->no_bias);
}

dq__weights dq__student_gradient(const dq__student *s, float *gradient) {
    return view(s, gradient, s->no_bias + DQ__MAX_CHANNELS);
}

/* ---- for use ---- */

/* sum (c×c) += weight·HᵀH */
static void add_square(double *sum, const float *h, int oc, int c, double weight) {
    for (int o = 0; o < oc; o++)
        for (int i = 0; i < c; i++) {
            const double hi = weight * (double)h[o * c + i];
            for (int j = 0; j < c; j++) sum[i * c + j] += hi * (double)h[o * c + j];
        }
}

/* Adds the root layer of `from` to the model. */
static dq_status add_root(const dq__student *s, const float *theta, const double *weight, int from, dq_model *m, dq__error *err) {
    const int c = s->table.layer[from].oc;
    char name[16];
    double total = 0;
    double *square = dq__alloc_zero(sizeof(double) * (size_t)c * (size_t)c);
    if (!square) return dq__no_memory(err, sizeof(double) * (size_t)c * (size_t)c, "a root");
    for (int i = s->chain; i < s->table.count; i++)
        if (s->table.layer[i].from == from) total += weight[i - s->chain];
    for (int i = s->chain; i < s->table.count; i++)
        if (s->table.layer[i].from == from)
            add_square(square, theta + s->weight_at[i], s->table.layer[i].oc, c, weight[i - s->chain] / total);
    dq__cholesky(square, c, 1e-9);
    snprintf(name, sizeof name, "root%.8s", s->table.layer[from].name + 4);
    const int at = m->table.count;
    dq__layer *l = dq__table_add(&m->table, DQ__CONV, c, c, name);
    m->weights.weight[at] = dq__alloc(sizeof(float) * (size_t)c * (size_t)c);
    m->weights.bias[at] = dq__alloc_zero(sizeof(float) * (size_t)c);
    dq_status status = DQ_OK;
    if (!l || !m->weights.weight[at] || !m->weights.bias[at]) status = dq__no_memory(err, sizeof(float) * (size_t)c, "a root");
    for (int k = 0; !status && k < c * c; k++) m->weights.weight[at][k] = (float)square[k];
    if (l) l->from = from, l->kernel = 1, l->pad = 0;
    dq__free(square);
    return status;
}

static bool has_root(const dq__student *s, const double *weight, int layer) {
    for (int i = s->chain; i < s->table.count; i++)
        if (s->table.layer[i].from == layer && weight[i - s->chain] > 0) return true;
    return false;
}

static dq_status copy_chain(const dq__student *s, const float *theta, int last, dq_model *m, dq__error *err) {
    m->table = s->table;
    m->table.count = last + 1;
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &s->table.layer[i];
        if (!has_weights(l)) continue;
        m->weights.weight[i] = dq__alloc(sizeof(float) * weight_count(l));
        m->weights.bias[i] = dq__alloc(sizeof(float) * (size_t)l->oc);
        if (!m->weights.weight[i] || !m->weights.bias[i]) return dq__no_memory(err, sizeof(float) * weight_count(l), l->name);
        memcpy(m->weights.weight[i], theta + s->weight_at[i], sizeof(float) * weight_count(l));
        memcpy(m->weights.bias[i], theta + s->bias_at[i], sizeof(float) * (size_t)l->oc);
    }
    return DQ_OK;
}

dq_status dq__student_save(const dq__student *s, const float *theta, const double *weight, const char *credit,
                           const char *source, const char *path, dq__error *err) {
    dq_model *m;
    int last = 0;
    dq_status status = dq__model_new(&m, err);
    if (status) return status;
    for (int i = 0; i < s->chain; i++)
        if (has_root(s, weight, i)) last = i;
    status = copy_chain(s, theta, last, m, err);
    for (int i = 0; !status && i <= last; i++)
        if (has_root(s, weight, i)) status = add_root(s, theta, weight, i, m, err);
    snprintf(m->credit, sizeof m->credit, "%s", credit);
    snprintf(m->source, sizeof m->source, "%s", source);
    if (!status) status = dq__model_check(m, path, err);
    if (!status) status = dq__model_write(m, path, true, err);
    dq__model_free(&m);
    return status;
}
