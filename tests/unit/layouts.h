/* SPDX-License-Identifier: MIT
 * tests/unit/layouts.h: narrow VGGs in the exact layout of every weight format, made byte by byte (or by the format's own
 * library), for the tests of the readers and the seeds of the fuzz targets. Knows nothing of the readers. */
#ifndef DQ_TEST_LAYOUTS_H
#define DQ_TEST_LAYOUTS_H

#include "net/layers.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- a growing row of bytes ---- */

struct bytes {
    unsigned char *p;
    size_t n, room;
};

static inline void put(struct bytes *b, const void *data, size_t n) {
    if (b->n + n > b->room) {
        b->room = 2 * (b->n + n) + 64;
        b->p = realloc(b->p, b->room);
        if (!b->p) abort();
    }
    if (n) memcpy(b->p + b->n, data, n);
    b->n += n;
}

static inline void put_byte(struct bytes *b, int byte) { put(b, &(unsigned char){(unsigned char)byte}, 1); }
static inline void put_text(struct bytes *b, const char *text) { put(b, text, strlen(text)); }
static inline void put_le(struct bytes *b, uint64_t value, int count) {
    for (int i = 0; i < count; i++) put_byte(b, i < 8 ? (int)(value >> 8 * i & 255) : 0);
}
static inline void free_bytes(struct bytes *b) {
    free(b->p);
    *b = (struct bytes){0};
}

/* ---- a narrow network ---- */

enum { MAX_ARRAYS = 64 };

struct array {
    char layer[16];
    bool bias, linear;
    int rank;
    size_t shape[4], count;
    float *data; /* logical order: (oc,ic,kh,kw), (oc,ic), (oc) */
};

struct network {
    dq__table table;
    struct array item[MAX_ARRAYS];
    int count;
};

/* Numbers that every float type here holds exactly: ±1.m·2^e with 7 bits of m. Each place has its own. */
static inline float number_at(const char *layer, bool bias, size_t index) {
    uint32_t h = 2166136261u ^ (uint32_t)bias;
    for (; *layer; layer++) h = (h ^ (unsigned char)*layer) * 16777619u;
    h = (h ^ (uint32_t)index) * 2654435761u;
    h ^= h >> 15;
    float value = (float)(128 + (h & 127)) * (h & 128 ? 1.0f : 0.25f) / 256.0f;
    return h & 256 ? -value : value;
}

static inline void add_array(struct network *n, const dq__layer *l, bool bias) {
    struct array *a = &n->item[n->count++];
    *a = (struct array){.bias = bias, .linear = l->kind == DQ__LINEAR, .rank = bias ? 1 : l->kind == DQ__CONV ? 4 : 2};
    snprintf(a->layer, sizeof a->layer, "%s", l->name);
    size_t shape[4] = {(size_t)l->oc, (size_t)l->ic, (size_t)l->kernel, (size_t)l->kernel};
    a->count = 1;
    for (int d = 0; d < a->rank; d++) a->count *= a->shape[d] = shape[d];
    a->data = malloc(a->count * sizeof(float));
    if (!a->data) abort();
    for (size_t i = 0; i < a->count; i++) a->data[i] = number_at(a->layer, bias, i);
}

/* VGG-`depth` of widths w[5] up to and with layer `last` ("conv3_1", "fc8"). fc6 and fc7 have 10 rows, fc8 has 6. */
static inline void make_network(struct network *n, int depth, const int *w, const char *last) {
    int channels = 3, linear = 0;
    *n = (struct network){0};
    dq__table_vgg(&n->table, depth);
    for (int i = 0; i < n->table.count; i++) {
        dq__layer *l = &n->table.layer[i];
        l->ic = l->kind == DQ__LINEAR && linear == 0 ? 49 * channels : channels;
        if (l->kind == DQ__CONV) l->oc = w[l->name[4] - '1'];
        else if (l->kind == DQ__LINEAR) l->oc = linear++ < 2 ? 10 : 6;
        else l->oc = channels;
        channels = l->oc;
        if (l->kind != DQ__CONV && l->kind != DQ__LINEAR) continue;
        add_array(n, l, false);
        add_array(n, l, true);
        if (strcmp(l->name, last) != 0) continue;
        if (i + 1 < n->table.count) l[1].ic = l[1].oc = channels;
        dq__table_truncate(&n->table, i + 1);
        return;
    }
}

/* A 1×1 convolution beside the chain: head2_1 reads relu2_1. */
static inline void add_head(struct network *n, const char *place, int ic, int oc) {
    char name[16];
    snprintf(name, sizeof name, "relu%.8s", place);
    int from = dq__table_exact(&n->table, name);
    snprintf(name, sizeof name, "head%.8s", place);
    dq__layer *l = dq__table_add(&n->table, DQ__CONV, ic, oc, name);
    if (!l) abort();
    l->from = from, l->kernel = 1, l->pad = 0;
    add_array(n, l, false);
    add_array(n, l, true);
}

static inline void free_network(struct network *n) {
    for (int i = 0; i < n->count; i++) free(n->item[i].data);
    *n = (struct network){0};
}

static inline struct array *array_of(struct network *n, const char *layer, bool bias) {
    for (int i = 0; i < n->count; i++)
        if (strcmp(n->item[i].layer, layer) == 0 && n->item[i].bias == bias) return &n->item[i];
    return NULL;
}

/* Takes an array out. */
static inline void drop_array(struct network *n, const char *layer, bool bias) {
    struct array *a = array_of(n, layer, bias);
    free(a->data);
    n->count--;
    memmove(a, a + 1, (size_t)(&n->item[n->count] - a) * sizeof *a);
}

/* The 1×1 convolution in front that some networks have: channel c = Σ matrix[c][k]·rgb[k] + offset[c]. */
static inline void add_input(struct network *n, const float matrix[9], const float offset[3]) {
    struct array *w = &n->item[n->count++], *b = &n->item[n->count++];
    *w = (struct array){.layer = "input", .rank = 4, .shape = {3, 3, 1, 1}, .count = 9, .data = malloc(9 * sizeof(float))};
    *b = (struct array){.layer = "input", .bias = true, .rank = 1, .shape = {3}, .count = 3, .data = malloc(3 * sizeof(float))};
    if (!w->data || !b->data) abort();
    memcpy(w->data, matrix, 9 * sizeof(float));
    memcpy(b->data, offset, 3 * sizeof(float));
}

/* ---- what layers are called ---- */

enum naming { CAFFE, TORCHVISION, SEQUENTIAL, PACKED };

/* features.N as in torchvision (conv, ReLU, …, pool); N alone with a 1×1 convolution first and reflection padding before each
 * convolution; conv11. */
static inline void name_of(const struct network *n, const struct array *a, enum naming naming, char *text, size_t size) {
    static const char *const linear[] = {"classifier.0", "classifier.3", "classifier.6"};
    const char *what = a->bias ? "bias" : "weight";
    bool input = strcmp(a->layer, "input") == 0;
    int at = dq__table_exact(&n->table, a->layer), place = 0, first = naming == SEQUENTIAL ? 2 : 0;
    for (int i = 0; i < at; i++) place += naming == SEQUENTIAL && n->table.layer[i].kind == DQ__CONV ? 2 : 1;
    if (naming == CAFFE) snprintf(text, size, "%s.%s", a->layer, what);
    else if (naming == PACKED && input) snprintf(text, size, "conv0.%s", what);
    else if (naming == PACKED)
        snprintf(text, size, "conv%c%c%s.%s", a->layer[4], a->layer[6], a->layer[0] == 'h' ? "_aux" : "", what);
    else if (a->linear) snprintf(text, size, "%s.%s", linear[a->layer[2] - '6'], what);
    else if (naming == TORCHVISION) snprintf(text, size, "features.%d.%s", place, what);
    else snprintf(text, size, "%d.%s", input ? 0 : first + place, what);
}

/* ---- number types ---- */

enum dtype { F32, F64, F16, BF16 };

static inline size_t dtype_size(enum dtype t) { return t == F64 ? 8 : t == F32 ? 4 : 2; }

static inline void put_number(struct bytes *b, float value, enum dtype type) {
    uint32_t bits;
    uint64_t wide;
    memcpy(&bits, &value, 4);
    memcpy(&wide, &(double){(double)value}, 8);
    uint32_t special = bits << 1 >= 0xff000000u ? 0x7c00u | (bits & 0x7fffff ? 0x200u : 0) : 0; /* infinite, NaN */
    uint32_t half = (bits >> 16 & 0x8000) | (special     ? special
                                             : bits << 1 ? ((bits >> 23 & 255) - 112) << 10 | (bits >> 13 & 1023)
                                                         : 0);
    if (type == F32) put_le(b, bits, 4);
    if (type == F64) put_le(b, wide, 8);
    if (type == F16) put_le(b, half, 2);
    if (type == BF16) put_le(b, bits >> 16, 2);
}

/* ---- safetensors ---- */

static inline void make_safetensors(struct bytes *out, const struct network *n, enum naming naming, enum dtype type) {
    static const char *const types[] = {"F32", "F64", "F16", "BF16"};
    struct bytes header = {0}, data = {0};
    put_text(&header, "{");
    for (int i = 0; i < n->count; i++) {
        const struct array *a = &n->item[i];
        char name[64], text[64];
        name_of(n, a, naming, name, sizeof name);
        snprintf(text, sizeof text, "%s\"%.30s\":{\"dtype\":\"%s\",\"shape\":[", i ? "," : "", name, types[type]);
        put_text(&header, text);
        for (int d = 0; d < a->rank; d++) {
            snprintf(text, sizeof text, d ? ",%zu" : "%zu", a->shape[d]);
            put_text(&header, text);
        }
        snprintf(text, sizeof text, "],\"data_offsets\":[%zu,", data.n);
        put_text(&header, text);
        for (size_t k = 0; k < a->count; k++) put_number(&data, a->data[k], type);
        snprintf(text, sizeof text, "%zu]}", data.n);
        put_text(&header, text);
    }
    put_text(&header, "}");
    put_le(out, header.n, 8);
    put(out, header.p, header.n);
    put(out, data.p, data.n);
    free_bytes(&header);
    free_bytes(&data);
}

/* ---- PyTorch ---- */

struct pth {
    enum naming naming;
    enum dtype type;
    bool checkpoint;    /* {'epoch': 7, 'model': …} around it */
    bool channels_last; /* strides of memory_format=torch.channels_last */
    bool shared;        /* all arrays in one storage */
    bool parameter;     /* wrapped by _rebuild_parameter */
};

static inline void pickle_text(struct bytes *b, const char *text) {
    put_byte(b, 'X');
    put_le(b, strlen(text), 4);
    put_text(b, text);
}

static inline void pickle_int(struct bytes *b, size_t value) {
    put_byte(b, 'J');
    put_le(b, value, 4);
}

static inline void pickle_tuple(struct bytes *b, const size_t *value, int count) {
    put_byte(b, '(');
    for (int i = 0; i < count; i++) pickle_int(b, value[i]);
    put_byte(b, 't');
}

static inline void array_strides(const struct array *a, bool channels_last, size_t *stride) {
    size_t step = 1;
    for (int d = a->rank - 1; d >= 0; d--) stride[d] = step, step *= a->shape[d];
    if (!channels_last || a->rank != 4) return;
    stride[1] = 1;
    stride[3] = a->shape[1];
    stride[2] = a->shape[1] * a->shape[3];
}

/* The numbers in the order of their strides. */
static inline void put_storage(struct bytes *b, const struct array *a, const struct pth *o) {
    size_t area = a->rank == 4 ? a->shape[2] * a->shape[3] : 1, ic = a->rank == 4 ? a->shape[1] : 1;
    for (size_t k = 0; k < a->count; k++) {
        size_t outer = k / (ic * area), inner = k % (ic * area);
        size_t from = o->channels_last && a->rank == 4 ? outer * ic * area + inner % ic * area + inner / ic : k;
        put_number(b, a->data[from], o->type);
    }
}

static inline void pickle_tensor(struct bytes *b, const struct array *a, const struct pth *o, const char *key, size_t numbers,
                                 size_t offset, bool old) {
    static const char *const storages[] = {"Float", "Double", "Half", "BFloat16"};
    size_t stride[4];
    char name[64];
    array_strides(a, o->channels_last, stride);
    if (o->parameter) put_text(b, "ctorch._utils\n_rebuild_parameter\n(");
    put_text(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_text(b, "storage");
    snprintf(name, sizeof name, "ctorch\n%sStorage\n", storages[o->type]);
    put_text(b, name);
    pickle_text(b, key);
    pickle_text(b, "cpu");
    pickle_int(b, numbers);
    put_text(b, old ? "NtQ" : "tQ");
    pickle_int(b, offset);
    pickle_tuple(b, a->shape, a->rank);
    pickle_tuple(b, stride, a->rank);
    put_text(b, "\x89" "ccollections\nOrderedDict\n)RtR");
    if (o->parameter) put_text(b, "\x88" "ccollections\nOrderedDict\n)RtR");
}

static inline void storage_key(const struct pth *o, int i, char *key, size_t size) {
    snprintf(key, size, "%d", o->shared ? 0 : i);
}

/* The pickle of the state_dict, with the _metadata that torch hangs on it. */
static inline void pickle_network(struct bytes *b, const struct network *n, const struct pth *o, bool old) {
    size_t total = 0, offset = 0;
    for (int i = 0; i < n->count; i++) total += n->item[i].count;
    put_text(b, "\x80\x02");
    if (o->checkpoint) {
        put_text(b, "}q\x07(");
        pickle_text(b, "epoch");
        put_text(b, "K\x07");
        pickle_text(b, "best");
        put_text(b, "G?\xe0");
        put_le(b, 0, 6);
        pickle_text(b, "model");
    }
    put_text(b, "ccollections\nOrderedDict\n)Rq\x01(");
    for (int i = 0; i < n->count; i++) {
        char name[64], key[16];
        name_of(n, &n->item[i], o->naming, name, sizeof name);
        storage_key(o, i, key, sizeof key);
        pickle_text(b, name);
        pickle_tensor(b, &n->item[i], o, key, o->shared ? total : n->item[i].count, o->shared ? offset : 0, old);
        offset += n->item[i].count;
    }
    put_text(b, "u}q\x02");
    pickle_text(b, "_metadata");
    put_text(b, "h\x01sb");
    put_text(b, o->checkpoint ? "u." : ".");
}

/* One file of a zip archive; its directory entry goes to `directory`. */
static inline void zip_file(struct bytes *out, struct bytes *directory, const char *name, const void *data, size_t size) {
    size_t at = out->n, length = strlen(name);
    uint32_t crc = (uint32_t)crc32_z(0, data, size);
    put_le(out, 0x04034b50, 4);
    put_le(directory, 0x02014b50, 4);
    put_le(directory, 0, 2);
    for (int i = 0; i < 2; i++) {
        struct bytes *b = i ? directory : out;
        put_le(b, 0, 6); /* version, flags, method */
        put_le(b, 0, 4); /* time */
        put_le(b, crc, 4);
        put_le(b, size, 4);
        put_le(b, size, 4);
        put_le(b, length, 2);
        put_le(b, i ? 0 : 5, 2); /* the local header is padded, as PyTorch's are */
    }
    put_le(directory, 0, 10);
    put_le(directory, at, 4);
    put(directory, name, length);
    put(out, name, length);
    put(out, "FB\x01\0Z", 5);
    put(out, data, size);
}

static inline void zip_end(struct bytes *out, struct bytes *directory, int files) {
    size_t at = out->n;
    put(out, directory->p, directory->n);
    put_le(out, 0x06054b50, 4);
    put_le(out, 0, 4);
    put_le(out, (uint64_t)files, 2);
    put_le(out, (uint64_t)files, 2);
    put_le(out, directory->n, 4);
    put_le(out, at, 4);
    put_le(out, 0, 2);
    free_bytes(directory);
}

static inline void make_pth(struct bytes *out, const struct network *n, const struct pth *o) {
    struct bytes directory = {0}, pickle = {0}, data = {0};
    int files = 1;
    pickle_network(&pickle, n, o, false);
    zip_file(out, &directory, "net/data.pkl", pickle.p, pickle.n);
    for (int i = 0; i < n->count; i++) {
        char name[32];
        put_storage(&data, &n->item[i], o);
        if (o->shared && i + 1 < n->count) continue;
        snprintf(name, sizeof name, "net/data/%d", o->shared ? 0 : i);
        zip_file(out, &directory, name, data.p, data.n);
        files++;
        free_bytes(&data);
    }
    zip_file(out, &directory, "net/version", "3\n", 2);
    zip_end(out, &directory, files + 1);
    free_bytes(&pickle);
}

static const unsigned char old_torch_magic[15] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                                  0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

/* Magic, protocol and machine, which come before the object. */
static inline void old_torch_begin(struct bytes *out, bool little) {
    put(out, old_torch_magic, sizeof old_torch_magic);
    put_text(out, "\x80\x02M\xe9\x03.");
    put_text(out, "\x80\x02}(");
    pickle_text(out, "protocol_version");
    put_text(out, "M\xe9\x03");
    pickle_text(out, "little_endian");
    put_text(out, little ? "\x88u." : "\x89u.");
}

static inline void make_old_pth(struct bytes *out, const struct network *n, const struct pth *o) {
    size_t total = 0;
    old_torch_begin(out, true);
    pickle_network(out, n, o, true);
    put_text(out, "\x80\x02](");
    for (int i = 0; i < (o->shared ? 1 : n->count); i++) {
        char key[16];
        storage_key(o, i, key, sizeof key);
        pickle_text(out, key);
    }
    put_text(out, "e.");
    for (int i = 0; i < n->count; i++) total += n->item[i].count;
    for (int i = 0; i < n->count; i++) {
        if (!o->shared || i == 0) put_le(out, o->shared ? total : n->item[i].count, 8);
        put_storage(out, &n->item[i], o);
    }
}

/* ---- Caffe ---- */

static inline void put_varint(struct bytes *b, uint64_t value) {
    for (; value > 127; value >>= 7) put_byte(b, (int)(value & 127) | 128);
    put_byte(b, (int)value);
}

static inline void put_field(struct bytes *b, int number, const void *data, size_t n) {
    put_varint(b, (uint64_t)number << 3 | 2);
    put_varint(b, n);
    put(b, data, n);
}

static inline void put_count(struct bytes *b, int number, uint64_t value) {
    put_varint(b, (uint64_t)number << 3);
    put_varint(b, value);
}

static inline void caffe_blob(struct bytes *b, const struct array *a, bool v1, enum dtype type) {
    struct bytes shape = {0}, data = {0};
    for (int d = 0; d < 4 && v1; d++) put_count(b, 1 + d, d < 4 - a->rank ? 1 : a->shape[d - 4 + a->rank]);
    for (size_t k = 0; k < a->count; k++) put_number(&data, a->data[k], type);
    put_field(b, type == F64 ? 8 : 5, data.p, data.n);
    for (int d = 0; d < a->rank; d++) put_varint(&shape, a->shape[d]);
    if (!v1) {
        struct bytes packed = {0};
        put_field(&packed, 1, shape.p, shape.n);
        put_field(b, 7, packed.p, packed.n);
        free_bytes(&packed);
    }
    free_bytes(&shape);
    free_bytes(&data);
}

/* v1: field 2, name 4, blobs 6, num/channels/height/width; else field 100, name 1, blobs 7, shape. */
static inline void make_caffemodel(struct bytes *out, struct network *n, bool v1, enum dtype type) {
    put_field(out, 1, "VGG_test", 8);
    for (int i = -1; i < n->table.count; i++) {
        const char *name = i < 0 ? "data" : n->table.layer[i].name;
        struct bytes layer = {0};
        if (!v1) put_field(&layer, 1, name, strlen(name));
        put_field(&layer, v1 ? 2 : 3, "below", 5);
        if (v1) put_field(&layer, 4, name, strlen(name));
        for (int bias = 0; bias < 2; bias++) {
            const struct array *a = array_of(n, name, bias);
            struct bytes blob = {0};
            if (!a) continue;
            caffe_blob(&blob, a, v1, type);
            put_field(&layer, v1 ? 6 : 7, blob.p, blob.n);
            free_bytes(&blob);
        }
        put_field(out, v1 ? 2 : 100, layer.p, layer.n);
        free_bytes(&layer);
    }
}

/* ---- Keras ---- */

#ifdef DQ_HAVE_HDF5
#include <hdf5.h>

static inline void h5_array(hid_t group, const char *name, int rank, const hsize_t *dims, const float *data, bool deflate) {
    hid_t space = H5Screate_simple(rank, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    if (deflate) {
        H5Pset_chunk(list, rank, dims);
        H5Pset_deflate(list, 6);
    }
    hid_t set = H5Dcreate2(group, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    H5Dclose(set);
    H5Pclose(list);
    H5Sclose(space);
}

/* (oc,ic,kh,kw) to (kh,kw,ic,oc); (oc,ic) to (ic,oc), where fc6's ic counts (H,W,C). */
static inline void h5_kernel(const struct array *a, size_t channels, hsize_t *dims, float *out) {
    size_t oc = a->shape[0], ic = a->shape[1], area = a->rank == 4 ? 9 : 1;
    if (a->rank == 4) dims[0] = dims[1] = 3, dims[2] = ic, dims[3] = oc;
    else dims[0] = ic, dims[1] = oc;
    bool flat = strcmp(a->layer, "fc6") == 0;
    for (size_t o = 0; o < oc; o++)
        for (size_t i = 0; i < ic; i++)
            for (size_t k = 0; k < area; k++) {
                size_t row = flat ? i % 49 * channels + i / 49 : k * ic + i;
                out[row * oc + o] = a->data[(o * ic + i) * area + k];
            }
}

/* style 1: Keras 1 (block1_conv1_W_1:0); 2: Keras 2 (block1_conv1/kernel:0); 3: a whole saved model of Keras 2. */
static inline void make_h5(const char *path, struct network *n, int style, bool deflate) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t root = style == 3 ? H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)
                            : H5Gopen2(file, "/", H5P_DEFAULT);
    H5Gclose(H5Gcreate2(root, "block1_pool", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 0; i < n->count; i++) {
        const struct array *a = &n->item[i], *b = array_of(n, a->layer, true);
        static const char *const linear[] = {"fc1", "fc2", "predictions"};
        char name[32], weight[48], bias[48];
        if (a->bias || !b) continue;
        if (a->linear) snprintf(name, sizeof name, "%s", linear[a->layer[2] - '6']);
        else snprintf(name, sizeof name, "block%c_conv%c", a->layer[4], a->layer[6]);
        snprintf(weight, sizeof weight, "%s%s", style == 1 ? name : "", style == 1 ? "_W_1:0" : "kernel:0");
        snprintf(bias, sizeof bias, "%s%s", style == 1 ? name : "", style == 1 ? "_b_1:0" : "bias:0");
        hid_t group = H5Gcreate2(root, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        hid_t inner =
            style == 1 ? H5Gopen2(root, name, H5P_DEFAULT) : H5Gcreate2(group, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        hsize_t dims[4], rows = b->shape[0];
        float *kernel = malloc(a->count * sizeof(float));
        if (!kernel) abort();
        h5_kernel(a, a->shape[1] / 49, dims, kernel);
        h5_array(inner, weight, a->rank, dims, kernel, deflate);
        h5_array(inner, bias, 1, &rows, b->data, false);
        free(kernel);
        H5Gclose(inner);
        H5Gclose(group);
    }
    H5Gclose(root);
    H5Fclose(file);
}
#endif

/* ---- MatConvNet ---- */

#ifdef DQ_HAVE_MATIO
#include <matio.h>

/* What a variable is made of must outlive the writing of it. */
struct scrap {
    float *block[2 * MAX_ARRAYS];
    int count;
};

/* (oc,ic,kh,kw) with the first dimension of (kh,kw,ic,oc) fastest; linear layers as 1×1 or 7×7 convolutions. */
static inline matvar_t *mat_array(const struct array *a, bool column, struct scrap *scrap) {
    size_t side = strcmp(a->layer, "fc6") == 0 ? 7 : a->rank == 4 ? a->shape[2] : 1;
    size_t oc = a->shape[0], ic = a->bias ? 1 : a->count / oc / (side * side);
    size_t dims[4] = {side, side, ic, oc}, flat[2] = {column ? oc : 1, column ? 1 : oc};
    float *out = malloc(a->count * sizeof(float));
    if (!out) abort();
    for (size_t o = 0; o < oc && !a->bias; o++)
        for (size_t i = 0; i < ic; i++)
            for (size_t y = 0; y < side; y++)
                for (size_t x = 0; x < side; x++)
                    out[y + side * (x + side * (i + ic * o))] = a->data[((o * ic + i) * side + y) * side + x];
    if (a->bias) memcpy(out, a->data, a->count * sizeof(float));
    scrap->block[scrap->count++] = out;
    return Mat_VarCreate(NULL, MAT_C_SINGLE, MAT_T_SINGLE, a->bias ? 2 : 4, a->bias ? flat : dims, out, MAT_F_DONT_COPY_DATA);
}

static inline matvar_t *mat_text(const char *text) {
    size_t dims[2] = {1, strlen(text)};
    char copy[32];
    snprintf(copy, sizeof copy, "%s", text);
    return Mat_VarCreate(NULL, MAT_C_CHAR, MAT_T_UTF8, 2, dims, copy, 0);
}

static inline matvar_t *mat_layer(struct network *n, const char *name, bool old, struct scrap *scrap) {
    const char *modern[] = {"name", "type", "weights"}, *older[] = {"name", "type", "filters", "biases"};
    size_t one[2] = {1, 1}, two[2] = {1, 2};
    const struct array *w = array_of(n, name, false), *b = array_of(n, name, true);
    matvar_t *layer = Mat_VarCreateStruct(NULL, 2, one, old ? older : modern, !w ? 2 : old ? 4 : 3);
    Mat_VarSetStructFieldByName(layer, "name", 0, mat_text(name));
    Mat_VarSetStructFieldByName(layer, "type", 0, mat_text(w ? "conv" : "relu"));
    if (!w || !b) return layer;
    if (old) {
        Mat_VarSetStructFieldByName(layer, "filters", 0, mat_array(w, false, scrap));
        Mat_VarSetStructFieldByName(layer, "biases", 0, mat_array(b, false, scrap));
        return layer;
    }
    matvar_t *pair[] = {mat_array(w, false, scrap), mat_array(b, true, scrap)};
    Mat_VarSetStructFieldByName(layer, "weights", 0, Mat_VarCreate(NULL, MAT_C_CELL, MAT_T_CELL, 2, two, pair, 0));
    return layer;
}

/* The average image: 1×1×3 single, or 2×2×3 double around the same means. */
static inline matvar_t *mat_normalization(const char *name, const double mean[3], bool old) {
    const char *fields[] = {"averageImage"};
    size_t one[2] = {1, 1}, small[3] = {1, 1, 3}, large[3] = {2, 2, 3};
    float narrow[3];
    double wide[12];
    for (int c = 0; c < 3; c++) {
        narrow[c] = (float)mean[c];
        for (int i = 0; i < 4; i++) wide[4 * c + i] = mean[c] + i - 1.5;
    }
    matvar_t *image = old ? Mat_VarCreate(NULL, MAT_C_DOUBLE, MAT_T_DOUBLE, 3, large, wide, 0)
                          : Mat_VarCreate(NULL, MAT_C_SINGLE, MAT_T_SINGLE, 3, small, narrow, 0);
    matvar_t *inner = Mat_VarCreateStruct(name, 2, one, fields, 1);
    Mat_VarSetStructFieldByName(inner, "averageImage", 0, image);
    return inner;
}

/* old: `filters` and `biases` in a layer and `normalization` at the top; else `weights` and `meta`. mean NULL: neither. */
static inline void make_mat(const char *path, struct network *n, bool old, bool compressed, const double *mean) {
    struct scrap scrap = {0};
    matvar_t *cells[DQ__MAX_LAYERS];
    const char *fields[] = {"normalization"};
    size_t dims[2] = {1, (size_t)n->table.count}, one[2] = {1, 1};
    for (int i = 0; i < n->table.count; i++) cells[i] = mat_layer(n, n->table.layer[i].name, old, &scrap);
    remove(path);
    mat_t *file = Mat_CreateVer(path, NULL, MAT_FT_MAT5);
    matvar_t *layers = Mat_VarCreate("layers", MAT_C_CELL, MAT_T_CELL, 2, dims, cells, 0);
    Mat_VarWrite(file, layers, compressed ? MAT_COMPRESSION_ZLIB : MAT_COMPRESSION_NONE);
    Mat_VarFree(layers);
    for (int i = 0; i < scrap.count; i++) free(scrap.block[i]);
    if (mean) {
        matvar_t *top = mat_normalization(old ? "normalization" : NULL, mean, old);
        if (!old) {
            matvar_t *meta = Mat_VarCreateStruct("meta", 2, one, fields, 1);
            Mat_VarSetStructFieldByName(meta, "normalization", 0, top);
            top = meta;
        }
        Mat_VarWrite(file, top, MAT_COMPRESSION_NONE);
        Mat_VarFree(top);
    }
    Mat_Close(file);
}
#endif

#endif
