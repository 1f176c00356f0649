/* SPDX-License-Identifier: MIT
 * model/read_h5.c: Keras' HDF5 weights: groups block1_conv1 … fc1, predictions, with the arrays block1_conv1_W_1:0 / _b_1:0
 * (Keras 1) or block1_conv1/kernel:0 / bias:0 (Keras 2) in them, kernels HWIO. The container is hdf5.c's affair. */
#include "model/hdf5.h"

#include <stdio.h>
#include <string.h>

struct layer {
    dq__h5 *h5;
    dq__tensors *list;
    dq__error *err;
    char name[24];
    bool weight, bias; /* seen */
    dq_status status;
};

/* Keras' order seen as ours: kernels (kh,kw,ic,oc) and (in,out) as (oc,ic,kh,kw) and (out,in). */
static void set_shape(dq__tensor *t, const dq__h5_object *o) {
    static const int order[5][4] = {{0}, {0}, {1, 0}, {2, 1, 0}, {3, 2, 0, 1}};
    dq__tensor stored = {.rank = o->rank};
    memcpy(stored.shape, o->dims, sizeof stored.shape);
    dq__tensor_dense(&stored);
    t->rank = o->rank;
    for (int d = 0; d < o->rank; d++) {
        t->shape[d] = stored.shape[order[o->rank][d]];
        t->stride[d] = stored.stride[order[o->rank][d]];
    }
}

/* A vector is the layer's bias, anything else its kernel. */
static dq_status add_array(struct layer *l, const dq__h5_object *o) {
    const dq__file *f = l->h5->file;
    bool *seen = o->rank == 1 ? &l->bias : &l->weight;
    char name[DQ__MAX_TENSOR_NAME];
    dq__tensor *t;
    snprintf(name, sizeof name, "%s.%s", l->name, o->rank == 1 ? "bias" : "weight");
    if (o->type == DQ__NOT_FLOAT || *seen)
        return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s does not hold one kernel and one bias", f->name, l->name);
    if (!o->data)
        return dq__fail(l->err, DQ_BAD_MODEL, "%s: %s is compressed or in pieces; save the weights without compression",
                        f->name, name);
    *seen = true;
    dq_status status = dq__tensors_add(l->list, &t, name, strlen(name), f, l->err);
    if (status) return status;
    t->type = o->type;
    t->data = o->data;
    set_shape(t, o);
    return DQ_OK;
}

/* Reads the member; `inner` visits the members of a group, or is NULL to leave groups alone. */
static bool add_member(struct layer *l, uint64_t address, dq__h5_visit inner) {
    dq__h5_object o;
    l->status = dq__h5_object_at(l->h5, address, &o, l->err);
    if (!l->status && o.kind == DQ__H5_ARRAY) l->status = add_array(l, &o);
    if (!l->status && o.kind == DQ__H5_GROUP && inner) {
        dq_status status = dq__h5_members(l->h5, &o, inner, l, l->err);
        if (!l->status) l->status = status;
    }
    return l->status != DQ_OK;
}

/* Arrays lie in the layer's group or, in Keras 2, in a group within it. */
static bool add_inner(void *user, const char *name, uint64_t address) {
    (void)name;
    return add_member(user, address, NULL);
}

static bool add_outer(void *user, const char *name, uint64_t address) {
    (void)name;
    return add_member(user, address, add_inner);
}

/* Adds the layer if the file has it. */
static dq_status add_layer(dq__h5 *h5, const dq__h5_object *root, const char *name, dq__tensors *list, dq__error *err) {
    struct layer l = {.h5 = h5, .list = list, .err = err};
    uint64_t address;
    dq__h5_object group;
    snprintf(l.name, sizeof l.name, "%s", name);
    dq_status status = dq__h5_find(h5, root, name, &address, err);
    if (status || !address) return status;
    status = dq__h5_object_at(h5, address, &group, err);
    if (!status) status = dq__h5_members(h5, &group, add_outer, &l, err);
    return l.status ? l.status : status;
}

/* Weights alone lie at the root, those of a whole saved model in model_weights. */
static dq_status find_root(dq__h5 *h5, dq__h5_object *root, dq__error *err) {
    uint64_t address;
    dq_status status = dq__h5_object_at(h5, h5->root, root, err);
    if (!status) status = dq__h5_find(h5, root, "model_weights", &address, err);
    return status || !address ? status : dq__h5_object_at(h5, address, root, err);
}

dq_status dq__read_h5(const dq__file *f, dq__tensors *list, dq__error *err) {
    static const char *const heads[] = {"fc1", "fc2", "predictions"};
    dq__h5 h5;
    dq__h5_object root;
    dq_status status = dq__h5_open(&h5, f, err);
    if (!status) status = find_root(&h5, &root, err);
    for (int s = 1; s <= 5; s++)
        for (int k = 1; k <= 4 && !status; k++) {
            char name[24];
            snprintf(name, sizeof name, "block%c_conv%c", '0' + s, '0' + k);
            status = add_layer(&h5, &root, name, list, err);
        }
    for (size_t i = 0; i < 3 && !status; i++) status = add_layer(&h5, &root, heads[i], list, err);
    list->fc6_hwc = true;
    if (!status && list->count == 0)
        return dq__fail(err, DQ_BAD_MODEL, "%s: no layers block1_conv1 … in it: not the weights of a Keras VGG", f->name);
    return status;
}
