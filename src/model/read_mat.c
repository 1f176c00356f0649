/* SPDX-License-Identifier: MIT
 * model/read_mat.c: MatConvNet's .mat networks: a cell array `layers` of structs with `name` and `weights` {kernel
 * (kh,kw,ic,oc), bias} (older files: `filters`, `biases`), for RGB from 0 to 255 minus the `averageImage`. The container
 * is mat5.c's affair. */
#include "base/mem.h"
#include "model/mat5.h"

#include <stdio.h>
#include <string.h>

enum { HEADER = 128, MAX_LAYERS = 256 };

bool dq__is_mat(const dq__file *f) {
    return f->size >= HEADER &&
           (memcmp(f->bytes, "MATLAB 5.0 MAT-file", 19) == 0 || memcmp(f->bytes, "MATLAB 7.3 MAT-file", 19) == 0);
}

/* (kh,kw,ic,oc), first fastest, seen as (oc,ic,kh,kw); a row or column seen as it is. */
static void set_shape(const dq__mat_array *a, dq__tensor *t) {
    static const int order[4] = {3, 2, 0, 1};
    size_t step[DQ__MAX_RANK], size = 1;
    for (int d = 0; d < a->rank; d++) {
        step[d] = size;
        size *= a->dims[d];
    }
    t->rank = a->rank;
    for (int d = 0; d < a->rank; d++) {
        int from = a->rank == 4 ? order[d] : a->rank - 1 - d;
        t->shape[d] = a->dims[from];
        t->stride[d] = step[from];
    }
}

static dq_status add_array(const dq__file *f, const dq__mat_array *a, const char *layer, const char *what, dq__tensors *list,
                           dq__error *err) {
    char name[DQ__MAX_TENSOR_NAME];
    dq__tensor *t;
    dq__error inner;
    snprintf(name, sizeof name, "%s.%s", layer, what);
    dq_status status = dq__tensors_add(list, &t, name, strlen(name), f, err);
    if (status) return status;
    status = dq__mat_numbers(a, f, &t->type, &t->data, &t->owned, &inner);
    if (status) return dq__fail(err, status, "%s (%s)", inner.text, name);
    set_shape(a, t);
    return DQ_OK;
}

static dq_status add_layer(const dq__file *f, const dq__mat_array *layer, dq__tensors *list, dq__error *err) {
    char text[64];
    dq__mat_array name = dq__mat_field(layer, "name"), weights = dq__mat_field(layer, "weights");
    dq__mat_array kernel = weights.kind ? dq__mat_cell(&weights, 0) : dq__mat_field(layer, "filters");
    dq__mat_array bias = weights.kind ? dq__mat_cell(&weights, 1) : dq__mat_field(layer, "biases");
    if (layer->kind != DQ__MAT_STRUCT) return dq__fail(err, DQ_BAD_MODEL, "%s: one of its layers is damaged", f->name);
    if (!weights.kind && !kernel.kind && !bias.kind) return DQ_OK; /* relu, pool, softmax */
    if (!dq__mat_text(&name, text, sizeof text))
        return dq__fail(err, DQ_BAD_MODEL, "%s: a layer with weights has no name", f->name);
    dq_status status = add_array(f, &kernel, text, "weight", list, err);
    return status ? status : add_array(f, &bias, text, "bias", list, err);
}

/* The mean of the average image, H×W×3 or 1×1×3 or three numbers, per channel. */
static dq_status read_mean(const dq__file *f, const dq__mat_array *image, dq__tensors *list, dq__error *err) {
    dq__tensor plane = {.rank = 1};
    size_t area = image->count / 3;
    void *owned = NULL;
    dq_status status = dq__mat_numbers(image, f, &plane.type, &plane.data, &owned, err);
    float *numbers = NULL;
    if (!status && image->count % 3) status = dq__fail(err, DQ_BAD_MODEL, "%s: the average image has no three channels", f->name);
    if (!status && !(numbers = dq__alloc(image->count * sizeof *numbers)))
        status = dq__no_memory(err, image->count * sizeof *numbers, "the average image");
    if (!status) {
        plane.shape[0] = image->count;
        plane.stride[0] = 1;
        dq__tensor_gather(&plane, numbers);
        for (size_t c = 0; c < 3; c++) {
            double sum = 0;
            for (size_t i = 0; i < area; i++) sum += (double)numbers[c * area + i];
            list->input.offset[c] = (float)(-sum / (double)area);
        }
    }
    dq__free(numbers);
    dq__free(owned);
    return status;
}

/* `meta` has it or, in older files, the top; Caffe's mean where there is none. */
static dq_status set_input(const dq__file *f, dq__tensors *list, dq__error *err) {
    dq__mat_array meta, normalization, image;
    void *block = NULL;
    list->has_input = true;
    list->input = (dq__input){{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}}, {-123.68f, -116.779f, -103.939f}};
    dq_status status = dq__mat_variable(f, "meta", &meta, &block, err);
    normalization = dq__mat_field(&meta, "normalization");
    if (!status && !meta.kind) {
        dq__free(block);
        status = dq__mat_variable(f, "normalization", &normalization, &block, err);
    }
    image = dq__mat_field(&normalization, "averageImage");
    if (!status && image.kind) status = read_mean(f, &image, list, err);
    dq__free(block);
    return status;
}

dq_status dq__read_mat(const dq__file *f, dq__tensors *list, dq__error *err) {
    dq__mat_array layers;
    if (memcmp(f->bytes, "MATLAB 7.3", 10) == 0)
        return dq__fail(err, DQ_BAD_MODEL, "%s: a MATLAB file of version 7.3; save it with -v7", f->name);
    if (memcmp(f->bytes + HEADER - 2, "IM", 2) != 0)
        return dq__fail(err, DQ_BAD_MODEL, "%s: written on a big-endian machine", f->name);
    list->release = dq__free;
    dq_status status = dq__mat_variable(f, "layers", &layers, &list->keep, err);
    if (status) return status;
    if (layers.kind != DQ__MAT_CELL || layers.count > MAX_LAYERS)
        return dq__fail(err, DQ_BAD_MODEL, "%s: no cell array `layers` in it: not a network of MatConvNet", f->name);
    for (size_t i = 0; i < layers.count && !status; i++) {
        dq__mat_array layer = dq__mat_cell(&layers, i);
        status = add_layer(f, &layer, list, err);
    }
    return status ? status : set_input(f, list, err);
}
