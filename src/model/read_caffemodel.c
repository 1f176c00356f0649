/* SPDX-License-Identifier: MIT
 * model/read_caffemodel.c: Caffe's binary NetParameter, by a minimal reader of protobuf's wire format. It knows both ways of
 * listing layers (V1 `layers`, field 2, and `layer`, field 100) and both of shaping a blob. Meaning is build.c's affair. */
#include "base/mem.h"
#include "model/tensors.h"

#include <stdio.h>
#include <string.h>

/* ---- the wire format: a message is a row of (tag, value) ---- */

struct bytes {
    const unsigned char *at, *end;
};

struct field {
    uint32_t number;
    int wire;           /* 0 varint, 1 eight bytes, 2 counted bytes, 5 four bytes */
    uint64_t varint;    /* wire 0 */
    struct bytes value; /* the others */
};

static bool read_varint(struct bytes *b, uint64_t *out) {
    *out = 0;
    for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
        unsigned char c = *b->at++;
        *out |= (uint64_t)(c & 127) << shift;
        if (c < 128) return true;
    }
    return false;
}

/* The next field; false when it is damaged. To be asked while b->at < b->end. */
static bool next_field(struct bytes *b, struct field *f) {
    uint64_t tag, length = 0;
    if (!read_varint(b, &tag) || tag >> 3 == 0 || tag >> 32) return false;
    *f = (struct field){.number = (uint32_t)(tag >> 3), .wire = (int)(tag & 7)};
    switch (f->wire) {
    case 0: return read_varint(b, &f->varint);
    case 1: length = 8; break;
    case 5: length = 4; break;
    case 2:
        if (!read_varint(b, &length)) return false;
        break;
    default: return false;
    }
    if (length > (uint64_t)(b->end - b->at)) return false;
    f->value = (struct bytes){b->at, b->at + length};
    b->at += length;
    return true;
}

static size_t length_of(struct bytes b) { return (size_t)(b.end - b.at); }

/* ---- NetParameter, layers, blobs ---- */

enum { NET_NAME = 1, NET_V1_LAYER = 2, NET_LAYER = 100 };
enum { V1_NAME = 4, V1_BLOB = 6, LAYER_NAME = 1, LAYER_BLOB = 7 };
enum { BLOB_NUM = 1, BLOB_WIDTH = 4, BLOB_DATA = 5, BLOB_SHAPE = 7, BLOB_DOUBLE = 8, SHAPE_DIM = 1 };

static bool is_layer(const struct field *f) { return f->wire == 2 && (f->number == NET_V1_LAYER || f->number == NET_LAYER); }

bool dq__is_caffemodel(const dq__file *file) {
    struct bytes b = {file->bytes, file->bytes + file->size};
    struct field f;
    int layers = 0;
    while (b.at < b.end) {
        if (!next_field(&b, &f)) return layers > 0; /* cut within a layer: the reader says so */
        if (f.number == NET_NAME && f.wire != 2) return false;
        layers += is_layer(&f);
    }
    return layers > 0;
}

static bool add_dimension(dq__tensor *t, uint64_t n) {
    if (t->rank == DQ__MAX_RANK || n > UINT32_MAX) return false;
    t->shape[t->rank++] = (size_t)n;
    return true;
}

/* BlobShape: dim, packed or one by one. */
static bool read_shape(struct bytes b, dq__tensor *t) {
    struct field f;
    t->rank = 0;
    while (b.at < b.end) {
        if (!next_field(&b, &f)) return false;
        if (f.number != SHAPE_DIM) continue;
        if (f.wire == 0 && !add_dimension(t, f.varint)) return false;
        while (f.wire == 2 && f.value.at < f.value.end) {
            uint64_t n;
            if (!read_varint(&f.value, &n) || !add_dimension(t, n)) return false;
        }
    }
    return true;
}

/* Older blobs state num, channels, height and width instead of a shape. */
static bool legacy_shape(const uint64_t *size, dq__tensor *t) {
    for (int d = 0; d < 4; d++)
        if (!add_dimension(t, size[d])) return false;
    return true;
}

static bool read_blob(struct bytes b, dq__tensor *t) {
    uint64_t legacy[4] = {0};
    struct bytes data = {0};
    struct field f;
    bool shaped = false;
    t->type = DQ__F32;
    while (b.at < b.end) {
        if (!next_field(&b, &f)) return false;
        if (f.number >= BLOB_NUM && f.number <= BLOB_WIDTH && f.wire == 0) legacy[f.number - BLOB_NUM] = f.varint;
        if (f.number == BLOB_SHAPE && f.wire == 2) {
            if (!read_shape(f.value, t)) return false;
            shaped = true;
        }
        if (f.number != BLOB_DATA && f.number != BLOB_DOUBLE) continue;
        if (f.wire != 2 || data.at) return false; /* Caffe packs its numbers into one run */
        data = f.value;
        t->type = f.number == BLOB_DOUBLE ? DQ__F64 : DQ__F32;
    }
    if (!shaped && !legacy_shape(legacy, t)) return false;
    size_t count = dq__tensor_count(t), size;
    if (!count || !dq__mul(count, dq__dtype_size(t->type), &size) || size != length_of(data)) return false;
    dq__tensor_dense(t);
    t->data = data.at;
    return true;
}

/* The bytes of the name of a layer. */
static bool layer_name(struct bytes b, uint32_t number, struct bytes *name) {
    struct field f;
    *name = (struct bytes){b.at, b.at};
    while (b.at < b.end) {
        if (!next_field(&b, &f)) return false;
        if (f.number == number && f.wire == 2) *name = f.value;
    }
    return true;
}

/* The blobs of one layer become NAME.weight, NAME.bias, NAME.blob3, … */
static dq_status read_layer(const dq__file *file, struct bytes b, bool v1, dq__tensors *list, dq__error *err) {
    static const char *const kinds[] = {"weight", "bias"};
    struct bytes name;
    struct field f;
    if (!layer_name(b, v1 ? V1_NAME : LAYER_NAME, &name))
        return dq__fail(err, DQ_BAD_MODEL, "%s: a layer is damaged", file->name);
    int shown = (int)(length_of(name) < 60 ? length_of(name) : 60);
    for (int blobs = 0; b.at < b.end;) {
        if (!next_field(&b, &f))
            return dq__fail(err, DQ_BAD_MODEL, "%s: layer %.*s is damaged", file->name, shown, (const char *)name.at);
        if (f.number != (v1 ? V1_BLOB : LAYER_BLOB) || f.wire != 2) continue;
        char text[DQ__MAX_TENSOR_NAME];
        dq__tensor *t;
        if (blobs < 2) snprintf(text, sizeof text, "%.*s.%s", shown, (const char *)name.at, kinds[blobs]);
        else snprintf(text, sizeof text, "%.*s.blob%d", shown, (const char *)name.at, blobs + 1);
        blobs++;
        dq_status status = dq__tensors_add(list, &t, text, strlen(text), file, err);
        if (status) return status;
        if (!read_blob(f.value, t))
            return dq__fail(err, DQ_BAD_MODEL, "%s: the numbers of %s are damaged or of another count than its shape says",
                            file->name, text);
    }
    return DQ_OK;
}

dq_status dq__read_caffemodel(const dq__file *file, dq__tensors *list, dq__error *err) {
    struct bytes b = {file->bytes, file->bytes + file->size};
    struct field f;
    while (b.at < b.end) {
        if (!next_field(&b, &f))
            return dq__fail(err, DQ_BAD_MODEL, "%s: damaged or truncated after %zu arrays", file->name, list->count);
        if (!is_layer(&f)) continue;
        dq_status status = read_layer(file, f.value, f.number == NET_V1_LAYER, list, err);
        if (status) return status;
    }
    return DQ_OK;
}
