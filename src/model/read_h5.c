/* SPDX-License-Identifier: MIT
 * model/read_h5.c: Keras' HDF5 weights, through libhdf5: groups block1_conv1 … fc1, predictions, with the arrays
 * block1_conv1_W_1:0 / _b_1:0 (Keras 1) or block1_conv1/kernel:0 / bias:0 (Keras 2) in them, kernels HWIO. Callers hold the
 * one lock (read.c): libhdf5 is not thread-safe everywhere. */
#include "base/mem.h"
#include "model/tensors.h"

#include <stdio.h>
#include <string.h>

static const unsigned char signature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

/* The signature is at 0, or behind a user block of 512, 1024, 2048, … bytes. */
bool dq__is_h5(const dq__file *f) {
    for (size_t at = 0; at <= f->size && f->size - at >= sizeof signature; at = at ? 2 * at : 512)
        if (memcmp(f->bytes + at, signature, sizeof signature) == 0) return true;
    return false;
}

#ifndef DQ_HAVE_HDF5

dq_status dq__read_h5(const dq__file *f, dq__tensors *list, dq__error *err) {
    (void)list;
    return dq__fail(err, DQ_BAD_MODEL, "%s: an HDF5 file, but this danqing was built without libhdf5", f->name);
}

#else

#include <hdf5.h>

struct layer {
    const dq__file *file;
    dq__tensors *list;
    dq__error *err;
    const char *name;
    bool weight, bias; /* seen */
};

/* ---- one array ---- */

/* Keras order to ours: kernels (kh,kw,ic,oc) and (in,out) become (oc,ic,kh,kw) and (out,in). */
static bool set_shape(dq__tensor *t, int rank, const hsize_t *dims) {
    static const int order[5][4] = {{0}, {0}, {1, 0}, {0}, {3, 2, 0, 1}};
    dq__tensor stored = {.rank = rank};
    if (rank != 1 && rank != 2 && rank != 4) return false;
    for (int d = 0; d < rank; d++) stored.shape[d] = dims[d] > UINT32_MAX ? 0 : (size_t)dims[d];
    if (dq__tensor_count(&stored) == 0) return false;
    dq__tensor_dense(&stored);
    t->rank = rank;
    for (int d = 0; d < rank; d++) {
        t->shape[d] = stored.shape[order[rank][d]];
        t->stride[d] = stored.stride[order[rank][d]];
    }
    return true;
}

static dq__dtype type_of(hid_t set) {
    static const dq__dtype types[] = {DQ__F32, DQ__F64};
    hid_t known[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE}, type = H5Dget_type(set);
    dq__dtype found = DQ__NOT_FLOAT;
    for (int i = 0; i < 2; i++)
        if (type >= 0 && H5Tequal(type, known[i]) > 0) found = types[i];
    if (type >= 0) H5Tclose(type);
    return found;
}

/* Keras stores each array in one piece, so its numbers are a view of the file. Only the place is asked of libhdf5: its
 * H5Dread does not withstand damaged files. */
static dq_status locate(const struct layer *l, hid_t set, dq__tensor *t) {
    size_t bytes;
    haddr_t at = H5Dget_offset(set);
    if (at == HADDR_UNDEF)
        return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s is compressed or in pieces; save the weights without compression", l->file->name, t->name);
    if (!dq__mul(dq__tensor_count(t), dq__dtype_size(t->type), &bytes) || at > l->file->size || bytes > l->file->size - at)
        return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s lies beyond the end: truncated or damaged", l->file->name, t->name);
    t->data = l->file->bytes + at;
    return DQ_OK;
}

static dq_status add_array(struct layer *l, hid_t set) {
    hid_t space = H5Dget_space(set);
    int rank = H5Sget_simple_extent_ndims(space);
    hsize_t dims[DQ__MAX_RANK] = {0};
    dq__dtype type = type_of(set);
    bool good = rank >= 1 && rank <= DQ__MAX_RANK && H5Sget_simple_extent_dims(space, dims, NULL) == rank;
    H5Sclose(space);
    bool *seen = rank == 1 ? &l->bias : &l->weight;
    if (!good || type == DQ__NOT_FLOAT || *seen)
        return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s does not hold one kernel and one bias", l->file->name, l->name);
    *seen = true;
    char name[DQ__MAX_TENSOR_NAME];
    snprintf(name, sizeof name, "%s.%s", l->name, rank == 1 ? "bias" : "weight");
    dq__tensor *t;
    dq_status status = dq__tensors_add(l->list, &t, name, strlen(name), l->file, l->err);
    if (status) return status;
    if (!set_shape(t, rank, dims)) return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s has an impossible shape", l->file->name, name);
    t->type = type;
    return locate(l, set, t);
}

/* ---- the groups ---- */

static dq_status add_group(struct layer *l, hid_t group, int depth);

static dq_status add_child(struct layer *l, hid_t group, hsize_t index, int depth) {
    hid_t child = H5Oopen_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, H5P_DEFAULT);
    if (child < 0) return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s is damaged", l->file->name, l->name);
    dq_status status = DQ_OK;
    H5I_type_t type = H5Iget_type(child);
    if (type == H5I_DATASET) status = add_array(l, child);
    if (type == H5I_GROUP && depth > 0) status = add_group(l, child, depth - 1);
    H5Oclose(child);
    return status;
}

static dq_status add_group(struct layer *l, hid_t group, int depth) {
    H5G_info_t info;
    if (H5Gget_info(group, &info) < 0 || info.nlinks > 16)
        return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s is damaged", l->file->name, l->name);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        dq_status status = add_child(l, group, i, depth);
        if (status) return status;
    }
    return DQ_OK;
}

/* Adds the layer if the file has it. Keras 2 nests one group of the same name in it, or a scope's two. */
static dq_status add_layer(const dq__file *f, hid_t root, const char *name, dq__tensors *list, dq__error *err) {
    struct layer l = {.file = f, .list = list, .err = err, .name = name};
    if (H5Lexists(root, name, H5P_DEFAULT) <= 0) return DQ_OK;
    hid_t group = H5Gopen2(root, name, H5P_DEFAULT);
    if (group < 0) return dq__fail(err, DQ_BAD_MODEL, "%s: %s is no group of weights", f->name, name);
    dq_status status = add_group(&l, group, 2);
    H5Gclose(group);
    return status;
}

static dq_status add_layers(const dq__file *f, hid_t root, dq__tensors *list, dq__error *err) {
    static const char *const heads[] = {"fc1", "fc2", "predictions"};
    char name[24];
    dq_status status = DQ_OK;
    for (int s = 1; s <= 5; s++)
        for (int k = 1; k <= 4 && !status; k++) {
            snprintf(name, sizeof name, "block%c_conv%c", '0' + s, '0' + k);
            status = add_layer(f, root, name, list, err);
        }
    for (size_t i = 0; i < 3 && !status; i++) status = add_layer(f, root, heads[i], list, err);
    if (!status && list->count == 0)
        return dq__fail(err, DQ_BAD_MODEL, "%s: no layers block1_conv1 … in it: not the weights of a Keras VGG", f->name);
    return status;
}

/* Weights alone lie at the root, those of a whole saved model in model_weights. */
static dq_status read_file(const dq__file *f, dq__tensors *list, dq__error *err) {
    hid_t file = H5Fopen(f->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return dq__fail(err, DQ_BAD_MODEL, "%s: damaged or truncated HDF5", f->name);
    bool whole_model = H5Lexists(file, "model_weights", H5P_DEFAULT) > 0;
    hid_t root = H5Gopen2(file, whole_model ? "model_weights" : "/", H5P_DEFAULT);
    dq_status status = root < 0 ? dq__fail(err, DQ_BAD_MODEL, "%s: damaged HDF5", f->name) : add_layers(f, root, list, err);
    if (root >= 0) H5Gclose(root);
    H5Fclose(file);
    return status;
}

dq_status dq__read_h5(const dq__file *f, dq__tensors *list, dq__error *err) {
    H5E_auto2_t print;
    void *print_data;
    if (!f->path) return dq__fail(err, DQ_BAD_MODEL, "%s: HDF5 can only be read from a file", f->name);
    H5Eget_auto2(H5E_DEFAULT, &print, &print_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* libhdf5 would print its reasons */
    list->fc6_hwc = true;
    dq_status status = read_file(f, list, err);
    H5Eset_auto2(H5E_DEFAULT, print, print_data);
    return status;
}

#endif
