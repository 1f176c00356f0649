/* SPDX-License-Identifier: MIT
 * model/read_mat.c: MatConvNet's .mat networks, through libmatio: a cell array `layers` of structs with `name` and `weights`
 * {kernel (kh,kw,ic,oc), bias} (older files: `filters`, `biases`), for RGB from 0 to 255 minus the `averageImage`. Arrays
 * are read one by one after their size was checked. Callers hold the one lock (read.c): libmatio may use libhdf5. */
#include "base/mem.h"
#include "model/tensors.h"

#include <stdio.h>
#include <string.h>

bool dq__is_mat(const dq__file *f) {
    return f->size >= 128 && (memcmp(f->bytes, "MATLAB 5.0 MAT-file", 19) == 0 || memcmp(f->bytes, "MATLAB 7.3 MAT-file", 19) == 0);
}

#ifndef DQ_HAVE_MATIO

dq_status dq__read_mat(const dq__file *f, dq__tensors *list, dq__error *err) {
    (void)list;
    return dq__fail(err, DQ_BAD_MODEL, "%s: a MATLAB file, but this danqing was built without libmatio", f->name);
}

#else

#include <matio.h>

enum { MAX_LAYERS = 256, MAX_RATIO = 1100 };
static const size_t max_bytes = (size_t)2 << 30;

/* What stays open while the views are in use. */
struct mat {
    mat_t *file;
    matvar_t *layers, *meta;
    size_t bytes; /* read so far */
};

static void close_mat(void *keep) {
    struct mat *mat = keep;
    Mat_VarFree(mat->layers);
    Mat_VarFree(mat->meta);
    if (mat->file) Mat_Close(mat->file);
    dq__free(mat);
}

/* ---- leaves ---- */

static matvar_t *field(matvar_t *var, const char *name) {
    if (!var || var->class_type != MAT_C_STRUCT) return NULL;
    return Mat_VarGetStructFieldByName(var, name, 0);
}

static matvar_t *cell(matvar_t *var, int index, int least) {
    if (!var || var->class_type != MAT_C_CELL || !var->data || var->rank != 2 || var->dims[0] * var->dims[1] < (size_t)least) return NULL;
    return Mat_VarGetCell(var, index);
}

/* Reads an array of `element` bytes each if the file can hold it. */
static bool read_leaf(const dq__file *f, struct mat *mat, matvar_t *var, size_t element, size_t *count) {
    size_t bytes;
    *count = 1;
    if (!var || var->rank < 1 || var->rank > DQ__MAX_RANK || var->isComplex) return false;
    for (int d = 0; d < var->rank; d++)
        if (!dq__mul(*count, var->dims[d], count)) return false;
    if (*count == 0 || !dq__mul(*count, element, &bytes) || bytes / MAX_RATIO > f->size || bytes > max_bytes - mat->bytes) return false;
    mat->bytes += bytes;
    if (!var->data && Mat_VarReadDataAll(mat->file, var) != 0) return false;
    return var->data && var->nbytes >= bytes && (size_t)var->data_size == element;
}

static bool read_name(const dq__file *f, struct mat *mat, matvar_t *var, char *name, size_t size) {
    size_t count;
    if (!var || var->class_type != MAT_C_CHAR || var->rank != 2 || var->dims[0] != 1 || var->dims[1] >= size) return false;
    if (!read_leaf(f, mat, var, 1, &count)) {
        if (!var->data || var->data_size != 2 || var->nbytes < 2 * count) return false;
        for (size_t i = 0; i < count; i++) name[i] = ((const char *)var->data)[2 * i]; /* UTF-16, little-endian */
    } else {
        memcpy(name, var->data, count);
    }
    name[count] = 0;
    return true;
}

/* MATLAB stores the first dimension fastest, so the dimensions in reverse are rows of ours: (kh,kw,ic,oc) is read as
 * (oc,ic,kh,kw) with the strides of each. */
static void set_shape(const matvar_t *var, dq__tensor *t) {
    static const int order[4] = {3, 2, 0, 1};
    size_t step[DQ__MAX_RANK], size = 1;
    for (int d = 0; d < var->rank; d++) {
        step[d] = size;
        size *= var->dims[d];
    }
    t->rank = var->rank;
    for (int d = 0; d < var->rank; d++) {
        int from = var->rank == 4 ? order[d] : var->rank - 1 - d;
        t->shape[d] = var->dims[from];
        t->stride[d] = step[from];
    }
}

static dq_status add_array(const dq__file *f, struct mat *mat, matvar_t *var, const char *layer, const char *what,
                           dq__tensors *list, dq__error *err) {
    char name[DQ__MAX_TENSOR_NAME];
    size_t count;
    dq__tensor *t;
    snprintf(name, sizeof name, "%s.%s", layer, what);
    dq_status status = dq__tensors_add(list, &t, name, strlen(name), f, err);
    if (status) return status;
    bool wide = var && var->class_type == MAT_C_DOUBLE;
    if (!var || (!wide && var->class_type != MAT_C_SINGLE) || !read_leaf(f, mat, var, wide ? 8 : 4, &count))
        return dq__fail(err, DQ_BAD_MODEL, "%s: %s is damaged, truncated or no array of numbers", f->name, name);
    set_shape(var, t);
    t->type = wide ? DQ__F64 : DQ__F32;
    t->data = var->data;
    return DQ_OK;
}

/* ---- the network ---- */

static dq_status add_layer(const dq__file *f, struct mat *mat, matvar_t *layer, dq__tensors *list, dq__error *err) {
    char name[64];
    matvar_t *weights = field(layer, "weights"), *filters = field(layer, "filters");
    matvar_t *kernel = filters ? filters : cell(weights, 0, 2), *bias = filters ? field(layer, "biases") : cell(weights, 1, 2);
    if (!kernel && !bias) return DQ_OK; /* relu, pool, softmax */
    if (!read_name(f, mat, field(layer, "name"), name, sizeof name))
        return dq__fail(err, DQ_BAD_MODEL, "%s: a layer with weights has no readable name", f->name);
    dq_status status = add_array(f, mat, kernel, name, "weight", list, err);
    return status ? status : add_array(f, mat, bias, name, "bias", list, err);
}

static dq_status add_layers(const dq__file *f, struct mat *mat, dq__tensors *list, dq__error *err) {
    matvar_t *v = mat->layers;
    if (!v || v->class_type != MAT_C_CELL || !v->data || v->rank != 2 || v->dims[0] != 1 || v->dims[1] > MAX_LAYERS)
        return dq__fail(err, DQ_BAD_MODEL, "%s: no cell array `layers` in it: truncated, or not a network of MatConvNet", f->name);
    for (size_t i = 0; i < v->dims[1]; i++) {
        dq_status status = add_layer(f, mat, Mat_VarGetCell(v, (int)i), list, err);
        if (status) return status;
    }
    return DQ_OK;
}

/* The mean of the average image, H×W×3 or 1×1×3 or three numbers, per channel; Caffe's where the file has none. */
static dq_status read_mean(const dq__file *f, struct mat *mat, double mean[3], dq__error *err) {
    matvar_t *normalization = mat->meta ? field(mat->meta, "normalization") : NULL;
    matvar_t *image = field(normalization ? normalization : mat->meta, "averageImage");
    size_t count;
    if (!image) return DQ_OK;
    bool wide = image->class_type == MAT_C_DOUBLE;
    if ((!wide && image->class_type != MAT_C_SINGLE) || !read_leaf(f, mat, image, wide ? 8 : 4, &count) || count % 3)
        return dq__fail(err, DQ_BAD_MODEL, "%s: the average image is damaged", f->name);
    for (size_t c = 0, i = 0; c < 3; c++) {
        mean[c] = 0;
        for (; i < (c + 1) * (count / 3); i++) mean[c] += wide ? ((const double *)image->data)[i] : (double)((const float *)image->data)[i];
        mean[c] /= (double)(count / 3);
    }
    return DQ_OK;
}

static dq_status set_input(const dq__file *f, struct mat *mat, dq__tensors *list, dq__error *err) {
    double mean[3] = {123.68, 116.779, 103.939};
    mat->meta = Mat_VarReadInfo(mat->file, "meta");
    if (!mat->meta) mat->meta = Mat_VarReadInfo(mat->file, "normalization");
    dq_status status = read_mean(f, mat, mean, err);
    list->input = (dq__input){0};
    list->has_input = true;
    for (int c = 0; c < 3; c++) {
        list->input.matrix[c][c] = 255;
        list->input.offset[c] = (float)-mean[c];
    }
    return status;
}

dq_status dq__read_mat(const dq__file *f, dq__tensors *list, dq__error *err) {
    if (!f->path) return dq__fail(err, DQ_BAD_MODEL, "%s: a MATLAB file can only be read from a file", f->name);
    struct mat *mat = dq__alloc_zero(sizeof *mat);
    if (!mat) return dq__no_memory(err, sizeof *mat, "a MATLAB file");
    list->keep = mat;
    list->release = close_mat;
    mat->file = Mat_Open(f->path, MAT_ACC_RDONLY);
    if (!mat->file) return dq__fail(err, DQ_BAD_MODEL, "%s: damaged MATLAB file", f->name);
    mat->layers = Mat_VarReadInfo(mat->file, "layers");
    dq_status status = add_layers(f, mat, list, err);
    return status ? status : set_input(f, mat, list, err);
}

#endif
