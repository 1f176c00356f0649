/* SPDX-License-Identifier: MIT
 * model/read_pth.c: PyTorch's files: torch.save's zip archive (1.6 and later) and the older row of pickles followed by the
 * raw numbers. The pickles are read as data (pickle.h). What the layers are called is build.c's affair. */
#include "model/pickle.h"
#include "model/tensors.h"
#include "model/zip.h"

#include <stdio.h>
#include <string.h>

/* The older layout begins with a pickled number: PROTO 2, LONG1 of ten bytes, STOP. */
static const unsigned char old_magic[] = {0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
enum { MAX_STORAGES = 1024, UNWRAP = 4 };

struct source {
    const dq__file *file;
    dq__error *err;
    const dq__pickle *pickle;
    /* zip */
    const dq__zip *zip;
    dq__zip_entry root; /* …/data.pkl: tells the folder */
    /* older layout: storage `i` has the key item i of `keys` and its numbers at offset[i] */
    const dq__pickle_value *keys;
    const dq__pickle *keys_pickle;
    size_t offset[MAX_STORAGES], elements[MAX_STORAGES];
};

bool dq__is_pth(const dq__file *f) {
    return dq__zip_is(f->bytes, f->size) || (f->size >= 2 && f->bytes[0] == 0x80 && f->bytes[1] >= 2 && f->bytes[1] <= 5);
}

static dq_status bad(const struct source *s, const char *what) {
    return dq__fail(s->err, DQ_BAD_MODEL, "%s: %s", s->file->name, what);
}

/* ---- storages: a name in the pickle, numbers outside ---- */

static dq__dtype storage_type(int64_t name) {
    switch (name) {
    case DQ__NAME_FLOAT: return DQ__F32;
    case DQ__NAME_DOUBLE: return DQ__F64;
    case DQ__NAME_HALF: return DQ__F16;
    case DQ__NAME_BFLOAT16: return DQ__BF16;
    default: return DQ__NOT_FLOAT;
    }
}

static size_t storage_element(int64_t name) {
    switch (name) {
    case DQ__NAME_FLOAT:
    case DQ__NAME_INT: return 4;
    case DQ__NAME_DOUBLE:
    case DQ__NAME_LONG: return 8;
    case DQ__NAME_HALF:
    case DQ__NAME_BFLOAT16:
    case DQ__NAME_SHORT: return 2;
    case DQ__NAME_CHAR:
    case DQ__NAME_BYTE:
    case DQ__NAME_BOOL: return 1;
    default: return 0;
    }
}

/* ('storage', torch.XStorage, key, device, count[, view]) */
struct storage {
    const dq__pickle_value *key;
    int64_t type;
    int64_t count;
};

static bool parse_storage(const dq__pickle *p, const dq__pickle_value *v, struct storage *out) {
    const dq__pickle_value *id = v && v->kind == DQ__PICKLE_PERSISTENT ? dq__pickle_item(p, v, 0) : NULL;
    if (!id || id->kind != DQ__PICKLE_TUPLE || id->count < 5 || !dq__pickle_text_is(dq__pickle_item(p, id, 0), "storage"))
        return false;
    const dq__pickle_value *type = dq__pickle_item(p, id, 1), *key = dq__pickle_item(p, id, 2);
    const dq__pickle_value *count = dq__pickle_item(p, id, 4), *view = dq__pickle_item(p, id, 5);
    if (type->kind != DQ__PICKLE_NAME || key->kind != DQ__PICKLE_TEXT || count->kind != DQ__PICKLE_INT) return false;
    if (count->number < 0 || (view && view->kind != DQ__PICKLE_NONE)) return false;
    *out = (struct storage){key, type->number, count->number};
    return storage_element(type->number) > 0;
}

static dq_status find_in_zip(const struct source *s, const struct storage *st, const unsigned char **data) {
    static const char own[] = "data.pkl";
    char name[80];
    dq__zip_entry entry;
    if (st->key->length > 40 || memchr(st->key->text, 0, st->key->length)) return bad(s, "a storage with an odd name");
    snprintf(name, sizeof name, "data/%.*s", (int)st->key->length, st->key->text);
    size_t folder = s->root.name_length - strlen(own);
    dq_status status = dq__zip_find(s->zip, s->root.name, folder, name, &entry, s->err);
    if (status) return status;
    if (!entry.data || entry.size / storage_element(st->type) < (size_t)st->count)
        return dq__fail(s->err, DQ_BAD_MODEL, "%s: %s is missing or too short in the archive", s->file->name, name);
    *data = entry.data;
    return DQ_OK;
}

static dq_status find_in_row(const struct source *s, const struct storage *st, const unsigned char **data) {
    for (uint32_t i = 0; i < s->keys->count; i++) {
        const dq__pickle_value *key = dq__pickle_item(s->keys_pickle, s->keys, i);
        if (key->length != st->key->length || memcmp(key->text, st->key->text, key->length) != 0) continue;
        if (s->elements[i] != (size_t)st->count) return bad(s, "a storage has another length than announced");
        *data = s->file->bytes + s->offset[i];
        return DQ_OK;
    }
    return bad(s, "a storage is missing");
}

/* ---- tensors ---- */

/* The call that made the tensor, with Parameter(…) around it taken off; NULL if it is no tensor. */
static const dq__pickle_value *unwrap(const dq__pickle *p, const dq__pickle_value *v) {
    for (int depth = 0; depth < UNWRAP && v && v->kind == DQ__PICKLE_CALL; depth++) {
        int64_t name = dq__pickle_item(p, v, 0)->number;
        if (name == DQ__NAME_TENSOR_V1 || name == DQ__NAME_TENSOR_V2) return v;
        if (name != DQ__NAME_PARAMETER && name != DQ__NAME_REBUILD_PARAMETER) return NULL;
        v = dq__pickle_item(p, dq__pickle_item(p, v, 1), 0);
    }
    return NULL;
}

static bool is_tuple(const dq__pickle_value *v) { return v && v->kind == DQ__PICKLE_TUPLE; }

static bool natural(const dq__pickle *p, const dq__pickle_value *tuple, uint32_t index, size_t *out) {
    const dq__pickle_value *v = dq__pickle_item(p, tuple, index);
    if (v->kind != DQ__PICKLE_INT || v->number < 0) return false;
    *out = (size_t)v->number;
    return true;
}

/* rebuild_tensor(storage, offset, size, stride, …) */
static dq_status add_tensor(const struct source *s, dq__tensors *list, const dq__pickle_value *key,
                            const dq__pickle_value *call) {
    const dq__pickle *p = s->pickle;
    const dq__pickle_value *args = dq__pickle_item(p, call, 1);
    const dq__pickle_value *size = dq__pickle_item(p, args, 2), *stride = dq__pickle_item(p, args, 3);
    struct storage st;
    size_t offset;
    const unsigned char *data = NULL;
    dq__tensor *t;
    dq_status status = dq__tensors_add(list, &t, key->text, key->length, s->file, s->err);
    if (status) return status;
    if (!is_tuple(size) || !is_tuple(stride) || size->count != stride->count || !natural(p, args, 1, &offset) ||
        !parse_storage(p, dq__pickle_item(p, args, 0), &st))
        return dq__fail(s->err, DQ_BAD_MODEL, "%s: %s is described in an unknown way", s->file->name, t->name);
    t->type = size->count <= DQ__MAX_RANK ? storage_type(st.type) : DQ__NOT_FLOAT;
    if (t->type == DQ__NOT_FLOAT) return DQ_OK;
    t->rank = (int)size->count;
    for (uint32_t d = 0; d < size->count; d++)
        if (!natural(p, size, d, &t->shape[d]) || !natural(p, stride, d, &t->stride[d]))
            return dq__fail(s->err, DQ_BAD_MODEL, "%s: %s has a shape that is no row of numbers", s->file->name, t->name);
    if (offset > (size_t)st.count || !dq__tensor_inside(t, (size_t)st.count - offset))
        return dq__fail(s->err, DQ_BAD_MODEL, "%s: %s reaches beyond its storage", s->file->name, t->name);
    status = s->zip ? find_in_zip(s, &st, &data) : find_in_row(s, &st, &data);
    if (status) return status;
    t->data = data + offset * dq__dtype_size(t->type);
    return DQ_OK;
}

static bool holds_tensors(const dq__pickle *p, const dq__pickle_value *dict) {
    if (!dict || dict->kind != DQ__PICKLE_DICT) return false;
    for (uint32_t i = 1; i < dict->count; i += 2)
        if (unwrap(p, dq__pickle_item(p, dict, i))) return true;
    return false;
}

/* The dict of weights: the whole file, or one value of a checkpoint {'epoch': …, 'model': {…}}. */
static const dq__pickle_value *find_weights(const dq__pickle *p) {
    const dq__pickle_value *root = &p->value[p->root];
    if (holds_tensors(p, root)) return root;
    if (root->kind != DQ__PICKLE_DICT) return NULL;
    for (uint32_t i = 1; i < root->count; i += 2)
        if (holds_tensors(p, dq__pickle_item(p, root, i))) return dq__pickle_item(p, root, i);
    return NULL;
}

static dq_status add_tensors(const struct source *s, dq__tensors *list) {
    const dq__pickle_value *dict = find_weights(s->pickle);
    if (!dict) return bad(s, "no weights in it (expected a state_dict)");
    for (uint32_t i = 0; i + 1 < dict->count; i += 2) {
        const dq__pickle_value *key = dq__pickle_item(s->pickle, dict, i);
        const dq__pickle_value *call = unwrap(s->pickle, dq__pickle_item(s->pickle, dict, i + 1));
        if (!call || key->kind != DQ__PICKLE_TEXT) continue;
        dq_status status = add_tensor(s, list, key, call);
        if (status) return status;
    }
    return DQ_OK;
}

/* ---- the zip layout ---- */

static dq_status read_zip(struct source *s, dq__tensors *list) {
    dq__zip zip;
    dq__pickle pickle = {0};
    dq__zip_entry order;
    dq_status status = dq__zip_open(&zip, s->file->bytes, s->file->size, s->file->name, s->err);
    if (!status) status = dq__zip_find(&zip, NULL, 0, "/data.pkl", &s->root, s->err);
    if (!status && !s->root.data) status = bad(s, "a zip archive, but not one of PyTorch (no data.pkl)");
    if (!status) status = dq__zip_find(&zip, NULL, 0, "/byteorder", &order, s->err);
    if (!status && order.data && (order.size != 6 || memcmp(order.data, "little", 6) != 0))
        status = bad(s, "written on a big-endian machine; save it again on a common one");
    if (!status) status = dq__pickle_parse(&pickle, s->root.data, s->root.size, s->file->name, s->err);
    if (!status) {
        s->zip = &zip;
        s->pickle = &pickle;
        status = add_tensors(s, list);
    }
    dq__pickle_deinit(&pickle);
    return status;
}

/* ---- the older layout: magic, protocol, machine, object, keys, then per key int64 count and the numbers ---- */

static dq_status next_pickle(const struct source *s, size_t *at, dq__pickle *out) {
    dq_status status = dq__pickle_parse(out, s->file->bytes + *at, s->file->size - *at, s->file->name, s->err);
    *at += out->used;
    return status;
}

static dq_status check_machine(const struct source *s, size_t *at) {
    dq__pickle protocol = {0}, machine = {0};
    dq_status status = next_pickle(s, at, &protocol);
    if (!status) status = next_pickle(s, at, &machine);
    if (!status && protocol.value[protocol.root].number != 1001) status = bad(s, "an unknown version of PyTorch's older layout");
    if (!status) {
        const dq__pickle_value *little = dq__pickle_get(&machine, &machine.value[machine.root], "little_endian");
        if (!little || !little->number) status = bad(s, "written on a big-endian machine; save it again on a common one");
    }
    dq__pickle_deinit(&protocol);
    dq__pickle_deinit(&machine);
    return status;
}

/* The element size of the storage with this key, from any place in the object pickle that mentions it; 0 if none does. */
static size_t element_of(const dq__pickle *p, const dq__pickle_value *key) {
    for (uint32_t i = 0; i < p->count; i++) {
        struct storage st;
        if (parse_storage(p, &p->value[i], &st) && st.key->length == key->length &&
            memcmp(st.key->text, key->text, key->length) == 0)
            return storage_element(st.type);
    }
    return 0;
}

static dq_status locate_row(struct source *s, size_t at) {
    if (s->keys->kind != DQ__PICKLE_LIST || s->keys->count > MAX_STORAGES) return bad(s, "the list of storages is damaged");
    for (uint32_t i = 0; i < s->keys->count; i++) {
        const dq__pickle_value *key = dq__pickle_item(s->keys_pickle, s->keys, i);
        size_t element = key->kind == DQ__PICKLE_TEXT ? element_of(s->pickle, key) : 0;
        if (!element) return bad(s, "a storage that no array uses");
        if (s->file->size - at < 8) return bad(s, "truncated: the numbers are missing");
        uint64_t count = dq__le64(s->file->bytes + at);
        at += 8;
        if (count > (s->file->size - at) / element) return bad(s, "truncated: it ends within the numbers");
        s->offset[i] = at;
        s->elements[i] = (size_t)count;
        at += (size_t)count * element;
    }
    return DQ_OK;
}

static dq_status read_row(struct source *s, dq__tensors *list) {
    dq__pickle object = {0}, keys = {0};
    size_t at = sizeof old_magic;
    if (s->file->size < at || memcmp(s->file->bytes, old_magic, at) != 0)
        return bad(s, "a pickle, but not one of torch.save");
    dq_status status = check_machine(s, &at);
    if (!status) status = next_pickle(s, &at, &object);
    if (!status) status = next_pickle(s, &at, &keys);
    if (!status) {
        s->pickle = &object;
        s->keys_pickle = &keys;
        s->keys = &keys.value[keys.root];
        status = locate_row(s, at);
    }
    if (!status) status = add_tensors(s, list);
    dq__pickle_deinit(&object);
    dq__pickle_deinit(&keys);
    return status;
}

dq_status dq__read_pth(const dq__file *file, dq__tensors *list, dq__error *err) {
    struct source s = {.file = file, .err = err};
    return dq__zip_is(file->bytes, file->size) ? read_zip(&s, list) : read_row(&s, list);
}
