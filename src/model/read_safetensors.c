/* SPDX-License-Identifier: MIT
 * model/read_safetensors.c: safetensors: u64 length of a JSON header, the header, the numbers. Ours carry the whole network
 * table in "__metadata__" (keys as write_safetensors.c makes them); others are known by the names of their arrays. */
#include "base/mem.h"
#include "model/tensors.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const size_t max_header = 16 << 20;

bool dq__is_safetensors(const dq__file *f) {
    return f->size >= 10 && f->bytes[8] == '{' && dq__le64(f->bytes) < UINT64_C(1) << 40;
}

static dq_status bad(const dq__file *f, const char *what, dq__error *err) {
    return dq__fail(err, DQ_BAD_MODEL, "%s: %s", f->name, what);
}

/* ---- one array ---- */

static const char *const type_names[] = {[DQ__F32] = "F32", [DQ__F64] = "F64", [DQ__F16] = "F16", [DQ__BF16] = "BF16"};

static dq__dtype parse_type(const json_t *value) {
    const char *text = json_string_value(value);
    for (int t = 0; text && t < DQ__NOT_FLOAT; t++)
        if (strcmp(text, type_names[t]) == 0) return (dq__dtype)t;
    return DQ__NOT_FLOAT;
}

static bool parse_size(const json_t *value, size_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static bool parse_shape(dq__tensor *t, const json_t *shape) {
    if (!json_is_array(shape)) return false;
    if (json_array_size(shape) > DQ__MAX_RANK) t->type = DQ__NOT_FLOAT;
    if (t->type == DQ__NOT_FLOAT) return true;
    t->rank = (int)json_array_size(shape);
    for (int d = 0; d < t->rank; d++)
        if (!parse_size(json_array_get(shape, (size_t)d), &t->shape[d])) return false;
    dq__tensor_dense(t);
    return true;
}

/* Adds the array `name` and its bytes to *total. `data` is what follows the header. */
static dq_status add_array(const dq__file *f, const unsigned char *data, size_t size, const char *name, const json_t *entry,
                           dq__tensors *list, size_t *total, dq__error *err) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    size_t begin, end;
    dq__tensor *t;
    dq_status status = dq__tensors_add(list, &t, name, strlen(name), f, err);
    if (status) return status;
    t->type = parse_type(json_object_get(entry, "dtype"));
    if (!parse_shape(t, json_object_get(entry, "shape")) || json_array_size(offsets) != 2 ||
        !parse_size(json_array_get(offsets, 0), &begin) || !parse_size(json_array_get(offsets, 1), &end))
        return dq__fail(err, DQ_BAD_MODEL, "%s: the header's entry for %s is damaged", f->name, name);
    if (begin > end || end > size)
        return dq__fail(err, DQ_BAD_MODEL, "%s: truncated: %s lies beyond the end", f->name, name);
    size_t elements = (end - begin) / (t->type == DQ__NOT_FLOAT ? 1 : dq__dtype_size(t->type));
    if (t->type != DQ__NOT_FLOAT &&
        (dq__tensor_count(t) != elements || elements == 0 || (end - begin) % dq__dtype_size(t->type)))
        return dq__fail(err, DQ_BAD_MODEL, "%s: shape and length of %s do not agree", f->name, name);
    t->data = data + begin;
    return dq__add(*total, end - begin, total) ? DQ_OK : bad(f, "absurd lengths", err);
}

static dq_status add_arrays(const dq__file *f, size_t header, const json_t *root, dq__tensors *list, dq__error *err) {
    const unsigned char *data = f->bytes + 8 + header;
    size_t size = f->size - 8 - header, total = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)root); at; at = json_object_iter_next((json_t *)(uintptr_t)root, at)) {
        const char *name = json_object_iter_key(at);
        if (strcmp(name, "__metadata__") == 0) continue;
        dq_status status = add_array(f, data, size, name, json_object_iter_value(at), list, &total, err);
        if (status) return status;
    }
    if (total != size) return bad(f, "truncated, or its arrays overlap: the header and the length of the file do not agree", err);
    return DQ_OK;
}

/* ---- our own metadata ---- */

static bool parse_choice(const char *text, const char *(*name_of)(int), int count, int *out) {
    for (int i = 0; text && i < count; i++)
        if (strcmp(text, name_of(i)) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static const char *kind_of(int i) { return dq__kind_name((dq__kind)i); }
static const char *padding_of(int i) { return dq__padding_name((dq__padding)i); }
static const char *pooling_of(int i) { return dq__pooling_name((dq__pooling)i); }

static bool plain_name(const char *name) {
    size_t n = name ? strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") : 0;
    return n > 0 && !name[n];
}

/* What a layer reads, where it is not the one before: a layer's name, or "" for the picture. */
static bool parse_reads(const json_t *value, const dq__table *table, int *reads) {
    const char *name = json_string_value(value);
    if (value) *reads = name && *name ? dq__table_exact(table, name) : -1;
    return !value || (name && (!*name || *reads >= 0));
}

/* Kernel, stride and pad, where they are not the usual ones, and a slope; dq__table_check judges them. */
static bool parse_kernel(const json_t *value, dq__layer *l) {
    const char *const names[] = {"kernel", "stride", "pad"};
    int *const fields[] = {&l->kernel, &l->stride, &l->pad};
    const json_t *slope = json_object_get(value, "slope");
    for (int k = 0; k < 3; k++) {
        const json_t *number = json_object_get(value, names[k]);
        const json_int_t n = json_integer_value(number);
        if (!number) continue;
        if (!json_is_integer(number) || l->kernel == 0 || n < 0 || n > 64) return false;
        *fields[k] = (int)n;
    }
    l->slope = (float)json_number_value(slope);
    return json_is_number(slope) == (l->kind == DQ__LEAKY_RELU);
}

static bool parse_layer(const json_t *value, dq__table *table) {
    dq__layer *l = &table->layer[table->count];
    const char *name = json_string_value(json_object_get(value, "name"));
    json_int_t in = json_integer_value(json_object_get(value, "in")), out = json_integer_value(json_object_get(value, "out"));
    int kind;
    if (!plain_name(name) || strlen(name) >= sizeof l->name || dq__table_exact(table, name) >= 0) return false;
    if (!parse_choice(json_string_value(json_object_get(value, "kind")), kind_of, DQ__KINDS, &kind)) return false;
    if (in < 1 || out < 1 || in > 1 << 20 || out > 1 << 20) return false;
    dq__table_add(table, (dq__kind)kind, (int)in, (int)out, name);
    return parse_reads(json_object_get(value, "from"), table, &l->from) &&
           parse_reads(json_object_get(value, "also"), table, &l->also) && parse_kernel(value, l);
}

static bool parse_float(const json_t *value, float *out) {
    *out = (float)json_number_value(value);
    return json_is_number(value) && isfinite(*out);
}

static bool parse_input(const json_t *value, dq__input *input) {
    const json_t *matrix = json_object_get(value, "matrix"), *offset = json_object_get(value, "offset");
    if (json_array_size(matrix) != 3 || json_array_size(offset) != 3) return false;
    for (size_t c = 0; c < 3; c++) {
        const json_t *row = json_array_get(matrix, c);
        if (json_array_size(row) != 3 || !parse_float(json_array_get(offset, c), &input->offset[c])) return false;
        for (size_t k = 0; k < 3; k++)
            if (!parse_float(json_array_get(row, k), &input->matrix[c][k])) return false;
    }
    return true;
}

/* Metadata values are texts; structure travels as JSON inside them. */
static json_t *inner_json(const json_t *meta, const char *key) {
    const char *text = json_string_value(json_object_get(meta, key));
    return text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static bool parse_table(const json_t *meta, dq__table *table) {
    const char *name = json_string_value(json_object_get(meta, "network"));
    int padding, pooling;
    if (!plain_name(name) || strlen(name) >= sizeof table->name) return false;
    if (!parse_choice(json_string_value(json_object_get(meta, "padding")), padding_of, DQ__PAD_REPLICATE + 1, &padding))
        return false;
    if (!parse_choice(json_string_value(json_object_get(meta, "pooling")), pooling_of, DQ__POOL_AVERAGE + 1, &pooling))
        return false;
    snprintf(table->name, sizeof table->name, "%s", name);
    table->padding = (dq__padding)padding;
    table->pooling = (dq__pooling)pooling;
    json_t *layers = inner_json(meta, "layers"), *input = inner_json(meta, "input");
    bool good = json_array_size(layers) >= 1 && json_array_size(layers) <= DQ__MAX_LAYERS && parse_input(input, &table->input);
    for (size_t i = 0; good && i < json_array_size(layers); i++) good = parse_layer(json_array_get(layers, i), table);
    json_decref(layers);
    json_decref(input);
    return good;
}

static void copy_text(const json_t *meta, const char *key, char *out, size_t size) {
    const char *text = json_string_value(json_object_get(meta, key));
    if (text && strlen(text) < size) memcpy(out, text, strlen(text) + 1);
}

static dq_status read_metadata(const dq__file *f, const json_t *meta, dq__tensors *list, dq__error *err) {
    const char *version = json_string_value(json_object_get(meta, "danqing"));
    if (!version) return DQ_OK;
    if (strcmp(version, "1") != 0) return bad(f, "written by a newer danqing", err);
    if (!parse_table(meta, &list->table)) return bad(f, "the network in its metadata is damaged", err);
    list->has_table = true;
    copy_text(meta, "credit", list->credit, sizeof list->credit);
    copy_text(meta, "source", list->source, sizeof list->source);
    return DQ_OK;
}

dq_status dq__read_safetensors(const dq__file *f, dq__tensors *list, dq__error *err) {
    json_error_t why;
    uint64_t header = dq__le64(f->bytes);
    if (header > f->size - 8) return bad(f, "truncated: it ends within the header", err);
    if (header > max_header) return bad(f, "the header is larger than 16 MiB", err);
    json_t *root = json_loadb((const char *)f->bytes + 8, (size_t)header, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return dq__fail(err, DQ_BAD_MODEL, "%s: the header is damaged: %s", f->name, why.text);
    }
    dq_status status = read_metadata(f, json_object_get(root, "__metadata__"), list, err);
    if (!status) status = add_arrays(f, (size_t)header, root, list, err);
    json_decref(root);
    return status;
}
