/* SPDX-License-Identifier: MIT
 * model/model.c: the model object: made, checked, described, and filled with seeded random weights. No files here. */
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "model/tensors.h"

#include <glib.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dq_status dq__model_new(dq_model **out, dq__error *err) {
    *out = dq__alloc_zero(sizeof **out);
    return *out ? DQ_OK : dq__no_memory(err, sizeof **out, "a model");
}

void dq__model_free(dq_model **model) {
    dq_model *m = *model;
    if (!m) return;
    for (int i = 0; i < DQ__MAX_LAYERS; i++)
        for (int array = 0; array < DQ__ARRAYS; array++) dq__free(*dq__array(&m->weights, i, array));
    dq__free(m->info);
    dq__free(m);
    *model = NULL;
}

/* ---- checking ---- */

/* The index of the first number that is not finite, or `count`. */
static size_t first_bad(const float *x, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i])) return i;
    return count;
}

static dq_status check_finite(const float *x, size_t count, const char *layer, const char *what, const char *path,
                              dq__error *err) {
    size_t i = first_bad(x, count);
    if (i == count) return DQ_OK;
    return dq__fail(err, DQ_BAD_MODEL, "%s: %s has a %s that is %s (number %zu): a damaged file", path, layer, what,
                    isnan(x[i]) ? "NaN" : "infinite", i);
}

static dq_status check_layer(const dq_model *m, int i, const char *path, dq__error *err) {
    const dq__layer *l = &m->table.layer[i];
    dq__weights arrays = m->weights;
    dq_status status = DQ_OK;
    for (int array = 0; array < DQ__ARRAYS && !status; array++) {
        const size_t count = dq__array_count(l, array);
        const float *x = *dq__array(&arrays, i, array);
        if (!count) continue;
        if (!x) return dq__fail(err, DQ_BAD_MODEL, "%s: %s has no weights", path, l->name);
        status = check_finite(x, count, l->name, dq__array_name(array), path, err);
        for (size_t k = 0; array == DQ__BIAS && dq__is_root(&m->table, i) && !status && k < count; k++)
            if (x[k] != 0) status = dq__fail(err, DQ_BAD_MODEL, "%s: %s has a bias; a root has none", path, l->name);
        for (size_t k = 0; array == DQ__VARIANCE && !status && k < count; k++)
            if (x[k] < 0) status = dq__fail(err, DQ_BAD_MODEL, "%s: %s has a negative variance: a damaged file", path, l->name);
    }
    return status;
}

dq_status dq__model_check(const dq_model *m, const char *path, dq__error *err) {
    dq__error inner;
    if (dq__table_check(&m->table, &inner)) return dq__fail(err, DQ_BAD_MODEL, "%s: %s", path, inner.text);
    if (first_bad(&m->table.input.matrix[0][0], 9) < 9 || first_bad(m->table.input.offset, 3) < 3)
        return dq__fail(err, DQ_BAD_MODEL, "%s: what it does to its input (mean, 1×1 convolution) is not finite: a damaged file",
                        path);
    dq_status status = DQ_OK;
    for (int i = 0; i < m->table.count && !status; i++) status = check_layer(m, i, path, err);
    return status;
}

/* ---- describing ---- */

const char *dq__kind_name(dq__kind kind) {
    static const char *const names[DQ__KINDS] = {
        [DQ__CONV] = "conv", [DQ__RELU] = "relu", [DQ__POOL] = "pool", [DQ__LINEAR] = "linear", [DQ__LEAKY_RELU] = "leaky_relu",
        [DQ__PRELU] = "prelu", [DQ__TANH] = "tanh", [DQ__SIGMOID] = "sigmoid", [DQ__INSTANCE_NORM] = "instance_norm",
        [DQ__BATCH_NORM] = "batch_norm", [DQ__GLOBAL_POOL] = "global_pool", [DQ__UP_NEAREST] = "up_nearest",
        [DQ__UP_BILINEAR] = "up_bilinear", [DQ__CONV_UP] = "conv_up", [DQ__ADD] = "add", [DQ__CONCAT] = "concat"};
    return names[kind];
}

const char *dq__padding_name(dq__padding padding) {
    static const char *const names[] =
        {[DQ__PAD_ZERO] = "zero", [DQ__PAD_REFLECT] = "reflect", [DQ__PAD_REPLICATE] = "replicate"};
    return names[padding];
}

const char *dq__pooling_name(dq__pooling pooling) { return pooling == DQ__POOL_AVERAGE ? "average" : "max"; }

json_t *dq__layers_json(const dq__table *t) {
    json_t *layers = json_array();
    for (int i = 0; i < t->count; i++) {
        const dq__layer *l = &t->layer[i];
        json_t *layer = json_pack("{s:s, s:s, s:i, s:i}", "name", l->name, "kind", dq__kind_name(l->kind), "in", l->ic, "out",
                                  l->oc);
        if (l->from != i - 1) json_object_set_new(layer, "from", json_string(l->from < 0 ? "" : t->layer[l->from].name));
        if (dq__reads_two(l)) json_object_set_new(layer, "also", json_string(t->layer[l->also].name));
        if ((l->kind == DQ__CONV && !dq__is_conv3x3(l)) || l->kind == DQ__CONV_UP || (l->kind == DQ__POOL && l->kernel != 2)) {
            json_object_set_new(layer, "kernel", json_integer(l->kernel));
            json_object_set_new(layer, "stride", json_integer(l->stride));
            json_object_set_new(layer, "pad", json_integer(l->pad));
        }
        if (l->kind == DQ__LEAKY_RELU) json_object_set_new(layer, "slope", json_real((double)l->slope));
        json_array_append_new(layers, layer);
    }
    return layers;
}

static json_t *three(const float *x) { return json_pack("[f,f,f]", (double)x[0], (double)x[1], (double)x[2]); }

json_t *dq__input_json(const dq__input *in) {
    return json_pack("{s:[o,o,o], s:o}", "matrix", three(in->matrix[0]), three(in->matrix[1]), three(in->matrix[2]), "offset",
                     three(in->offset));
}

static const char *deepest(const dq__table *t) {
    const int layer = dq__table_deepest(t);
    return layer < 0 ? "" : t->layer[layer].name;
}

static size_t count_parameters(const dq__table *t) {
    size_t sum = 0;
    for (int i = 0; i < t->count; i++)
        for (int array = 0; array < DQ__ARRAYS; array++) sum += dq__array_count(&t->layer[i], array);
    return sum;
}

const char *dq__model_describe(dq_model *m) {
    if (m->info) return m->info;
    json_int_t parameters = (json_int_t)count_parameters(&m->table);
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I}", "name", m->table.name, "format",
                             m->format, "source", m->source, "sha256", m->sha256, "credit", m->credit, "padding",
                             dq__padding_name(m->table.padding), "pooling", dq__pooling_name(m->table.pooling), "deepest",
                             deepest(&m->table), "input", dq__input_json(&m->table.input), "layers", dq__layers_json(&m->table),
                             "parameters", parameters, "bytes", parameters * 4);
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (text) m->info = dq__strdup(text);
    free(text);
    json_decref(root);
    return m->info ? m->info : "{}";
}

/* ---- random weights ---- */

/* One task fills up to this many numbers. */
enum { CHUNK = 1 << 16 };

struct fill {
    dq_model *model;
    uint64_t seed;
    float bias; /* deviation of the biases */
    int first_task[DQ__MAX_LAYERS + 1];
};

static size_t chunks(const dq__layer *l) { return dq__has_arrays(l) ? (dq__weight_count(l) + CHUNK - 1) / CHUNK : 0; }

static uint64_t ordinal(const dq__table *t, int layer) {
    uint64_t k = 0;
    for (int i = 0; i < layer; i++) k += t->layer[i].kind == DQ__CONV;
    return k;
}

static void fill_chunk(void *work, int task) {
    const struct fill *f = work;
    int i = 0;
    while (f->first_task[i + 1] <= task) i++;
    const dq__layer *l = &f->model->table.layer[i];
    uint64_t k = ordinal(&f->model->table, i);
    size_t begin = (size_t)(task - f->first_task[i]) * CHUNK, end = begin + CHUNK, count = dq__weight_count(l);
    float scale = sqrtf(2.0f / (9.0f * (float)l->ic));
    for (size_t n = begin; n < end && n < count; n++) f->model->weights.weight[i][n] = scale * dq__rng_normal(f->seed, 2 * k, n);
    if (begin > 0) return;
    for (size_t n = 0; n < (size_t)l->oc; n++)
        f->model->weights.bias[i][n] = f->bias > 0 ? f->bias * dq__rng_normal(f->seed, 2 * k + 1, n) : 0;
}

static dq_status allocate(dq_model *m, dq__error *err) {
    for (int i = 0; i < m->table.count; i++) {
        const dq__layer *l = &m->table.layer[i];
        if (!dq__has_arrays(l)) continue;
        m->weights.weight[i] = dq__alloc(dq__weight_count(l) * sizeof(float));
        m->weights.bias[i] = dq__alloc((size_t)l->oc * sizeof(float));
        if (!m->weights.weight[i] || !m->weights.bias[i]) return dq__no_memory(err, dq__weight_count(l) * sizeof(float), l->name);
    }
    return DQ_OK;
}

static void hash_weights(dq_model *m) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    for (int k = 0; k < DQ__ARRAYS * m->table.count; k++) {
        const size_t count = dq__array_count(&m->table.layer[k / DQ__ARRAYS], k % DQ__ARRAYS);
        const float *x = *dq__array(&m->weights, k / DQ__ARRAYS, k % DQ__ARRAYS);
        if (count) g_checksum_update(sum, (const guchar *)x, (gssize)(count * sizeof(float)));
    }
    snprintf(m->sha256, sizeof m->sha256, "%s", g_checksum_get_string(sum));
    g_checksum_free(sum);
}

/* He-normal weights (deviation sqrt(2/(9·ic))), normal biases of deviation `bias`. */
static dq_status fill_random(dq_model *m, uint64_t seed, float bias, dq__error *err) {
    struct fill fill = {.model = m, .seed = seed, .bias = bias};
    dq__pool *pool;
    dq_status status = allocate(m, err);
    if (!status) status = dq__pool_new(&pool, 0, err);
    if (status) return status;
    for (int i = 0; i < m->table.count; i++) fill.first_task[i + 1] = fill.first_task[i] + (int)chunks(&m->table.layer[i]);
    dq__pool_run(pool, fill.first_task[m->table.count], fill_chunk, &fill);
    dq__pool_free(&pool);
    hash_weights(m);
    snprintf(m->source, sizeof m->source, "seed %llu", (unsigned long long)seed);
    snprintf(m->format, sizeof m->format, "random");
    return DQ_OK;
}

static dq_status new_random(dq_model **out, const dq__table *table, uint64_t seed, float bias, dq__error *err) {
    dq_status status = dq__model_new(out, err);
    if (status) return status;
    (*out)->table = *table;
    (*out)->table.input = dq__input_torchvision; /* activations of the order of 1 */
    status = fill_random(*out, seed, bias, err);
    if (status) dq__model_free(out);
    return status;
}

/* Smoothing, first and second difference. */
static const float profile[3][3] = {{.25f, .5f, .25f}, {-.5f, 0, .5f}, {.25f, -.5f, .25f}};

/* Turns a filter of normal numbers into a smooth one: a blur, or a slope at `angle`, with some curvature if asked for. White
 * 3×3 filters answer noise as loudly as strokes, and the painting would be noise. */
static void smooth_filter(float w[9], bool blur, bool curved, float angle) {
    const float slope = w[2], along = 2 * slope * cosf(angle), across = 2 * slope * sinf(angle);
    const float xx = curved ? 2 * w[3] : 0, yy = curved ? 2 * w[4] : 0, xy = curved ? 2 * w[5] : 0;
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 3; x++)
            w[y * 3 + x] = blur ? 3 * slope * profile[0][y] * profile[0][x]
                                : along * profile[0][y] * profile[1][x] + across * profile[1][y] * profile[0][x] +
                                      xx * profile[0][y] * profile[2][x] + yy * profile[2][y] * profile[0][x] +
                                      xy * profile[1][y] * profile[1][x];
}

static void smooth_layer(dq_model *m, int i, int conv, uint64_t seed) {
    const dq__layer *l = &m->table.layer[i];
    for (int o = 0; o < l->oc; o++) {
        const float angle = 6.2831853f * dq__rng_uniform(seed, 1000 + (uint64_t)conv, (uint64_t)o);
        const bool blur = conv == 0 ? o % 4 == 0 : o % 2 == 0;
        for (int k = 0; k < l->ic; k++)
            smooth_filter(m->weights.weight[i] + ((size_t)o * (size_t)l->ic + (size_t)k) * 9, blur, o % 4 == 3, angle);
    }
}

dq_status dq__model_random(dq_model **out, uint64_t seed, dq__error *err) {
    static const int convs[] = {2, 2, 2, 2, 1}, width[] = {32, 64, 128, 192, 192};
    dq__table table;
    dq__table_stages(&table, "random", 5, convs, width);
    table.padding = DQ__PAD_REFLECT;
    dq_status status = new_random(out, &table, seed, 0, err);
    for (int i = 0, conv = 0; i < table.count && !status; i++)
        if (table.layer[i].kind == DQ__CONV) smooth_layer(*out, i, conv++, seed);
    if (!status) hash_weights(*out);
    return status;
}

dq_status dq__model_random_vgg(dq_model **out, int depth, uint64_t seed, dq__error *err) {
    dq__table table;
    dq__table_vgg(&table, depth);
    dq__table_truncate(&table, dq__table_exact(&table, depth == 19 ? "conv5_4" : "conv5_3") + 1);
    return new_random(out, &table, seed, 0.1f, err);
}
