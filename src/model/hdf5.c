/* SPDX-License-Identifier: MIT
 * model/hdf5.c: HDF5 as its libraries write it unless told otherwise (file format specification 3.0: superblock 0 or 1,
 * object headers of version 1, groups as B-trees of symbol tables). Every address and length is checked against the file,
 * every walk has an end. Later layouts, chunks and filters are refused by name. */
#include "model/hdf5.h"

#include "base/mem.h"

#include <string.h>

enum { MAX_NODES = 1 << 16, MAX_LEVEL = 8, MAX_BLOCKS = 32, MAX_NAME = 256 };
static const unsigned char signature[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
static const uint64_t nowhere = UINT64_MAX;

static dq_status bad(const dq__h5 *h5, const char *what, dq__error *err) {
    return dq__fail(err, DQ_BAD_MODEL, "%s: damaged or truncated HDF5: %s", h5->file->name, what);
}

/* `size` bytes at an address, NULL if they are not all in the file. */
static const unsigned char *view(const dq__h5 *h5, uint64_t address, uint64_t size) {
    uint64_t limit = h5->file->size - h5->base;
    return address <= limit && size <= limit - address ? h5->file->bytes + h5->base + address : NULL;
}

/* Counts a visited node. */
static bool spend(dq__h5 *h5) { return h5->nodes_left-- > 0; }

/* The signature is at 0, or behind a user block of 512, 1024, 2048, … bytes; f->size if there is none. */
static size_t find_signature(const dq__file *f) {
    for (size_t at = 0; at <= f->size && f->size - at >= sizeof signature; at = at ? 2 * at : 512)
        if (memcmp(f->bytes + at, signature, sizeof signature) == 0) return at;
    return f->size;
}

bool dq__is_h5(const dq__file *f) { return find_signature(f) < f->size; }

dq_status dq__h5_open(dq__h5 *h5, const dq__file *file, dq__error *err) {
    *h5 = (dq__h5){.file = file, .base = find_signature(file), .nodes_left = MAX_NODES};
    const unsigned char *s = view(h5, 0, 100);
    if (!s) return bad(h5, "it ends within its head", err);
    if (s[8] > 1)
        return dq__fail(err, DQ_BAD_MODEL, "%s: HDF5 in a later layout (superblock %d); save it again without libver='latest'",
                        file->name, s[8]);
    if (s[13] != 8 || s[14] != 8) return bad(h5, "addresses are not of 8 bytes", err);
    const unsigned char *fields = s + (s[8] == 0 ? 24 : 28); /* base, free space, end, driver, then the root's entry */
    uint64_t end = dq__le64(fields + 16);
    if (dq__le64(fields) != h5->base) return bad(h5, "its base is elsewhere", err);
    if (end > file->size) return bad(h5, "it is shorter than its head says", err);
    h5->root = dq__le64(fields + 40);
    return DQ_OK;
}

/* ---- object headers: messages that describe an array or a group ---- */

enum { DATASPACE = 1, DATATYPE = 3, LAYOUT = 8, CONTINUATION = 16, SYMBOL_TABLE = 17 };

struct message {
    int type, flags;
    const unsigned char *p;
    size_t size;
};

struct parse {
    dq__h5_object *out;
    bool dataspace, datatype, layout;
    uint64_t address, bytes; /* of the numbers */
    uint64_t block[MAX_BLOCKS], length[MAX_BLOCKS];
    int blocks;
};

static bool read_dataspace(struct parse *p, const struct message *m) {
    if (m->size < 4 || (m->p[0] != 1 && m->p[0] != 2)) return false;
    size_t head = m->p[0] == 1 ? 8 : 4, rank = m->p[1];
    if (m->size < head + 8 * rank) return false;
    p->dataspace = rank <= DQ__MAX_RANK;
    if (!p->dataspace) return true;
    p->out->rank = (int)rank;
    for (size_t d = 0; d < rank; d++) {
        uint64_t n = dq__le64(m->p + head + 8 * d);
        p->out->dims[d] = n > UINT32_MAX ? 0 : (size_t)n;
    }
    return true;
}

/* IEEE floats, least byte first: class, bits, size, bit offset, precision, place and size of exponent and mantissa, bias. */
static bool read_datatype(struct parse *p, const struct message *m) {
    static const struct {
        dq__dtype type;
        unsigned char size, exponent_at, exponent, mantissa;
        uint32_t bias;
    } known[] = {{DQ__F16, 2, 10, 5, 10, 15}, {DQ__F32, 4, 23, 8, 23, 127}, {DQ__F64, 8, 52, 11, 52, 1023}};
    if (m->size < 8) return false;
    p->datatype = true;
    p->out->type = DQ__NOT_FLOAT;
    if ((m->p[0] & 15) != 1 || m->size < 20 || m->p[1] & 0x41 || m->flags & 2) return true; /* 0x41: byte order; 2: shared */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (dq__le32(m->p + 4) == known[i].size && dq__le16(m->p + 8) == 0 && dq__le16(m->p + 10) == 8 * known[i].size &&
            m->p[12] == known[i].exponent_at && m->p[13] == known[i].exponent && m->p[14] == 0 && m->p[15] == known[i].mantissa &&
            dq__le32(m->p + 16) == known[i].bias)
            p->out->type = known[i].type;
    return true;
}

/* Versions 3 and 4, class 1: in one piece. Others leave data NULL. */
static bool read_layout(struct parse *p, const struct message *m) {
    if (m->size < 2) return false;
    p->layout = true;
    p->address = nowhere;
    if ((m->p[0] != 3 && m->p[0] != 4) || m->p[1] != 1) return true;
    if (m->size < 18) return false;
    p->address = dq__le64(m->p + 2);
    p->bytes = dq__le64(m->p + 10);
    return true;
}

static bool read_continuation(struct parse *p, const struct message *m) {
    if (m->size < 16 || p->blocks == MAX_BLOCKS) return false;
    p->block[p->blocks] = dq__le64(m->p);
    p->length[p->blocks++] = dq__le64(m->p + 8);
    return true;
}

static bool read_symbol_table(struct parse *p, const struct message *m) {
    if (m->size < 16) return false;
    p->out->kind = DQ__H5_GROUP;
    p->out->tree = dq__le64(m->p);
    p->out->heap = dq__le64(m->p + 8);
    return true;
}

static bool read_message(struct parse *p, const struct message *m) {
    switch (m->type) {
    case DATASPACE: return read_dataspace(p, m);
    case DATATYPE: return read_datatype(p, m);
    case LAYOUT: return read_layout(p, m);
    case CONTINUATION: return read_continuation(p, m);
    case SYMBOL_TABLE: return read_symbol_table(p, m);
    default: return true; /* attributes, times, fill values, … */
    }
}

static bool read_block(struct parse *p, const unsigned char *at, uint64_t length) {
    while (length >= 8) {
        struct message m = {dq__le16(at), at[4], at + 8, dq__le16(at + 2)};
        if (m.size > length - 8 || !read_message(p, &m)) return false;
        at += 8 + m.size;
        length -= 8 + m.size;
    }
    return true;
}

static dq_status finish_array(const dq__h5 *h5, const struct parse *p, dq__error *err) {
    dq__h5_object *o = p->out;
    dq__tensor shape = {.rank = o->rank};
    size_t bytes;
    o->kind = DQ__H5_ARRAY;
    if (!p->dataspace) o->type = DQ__NOT_FLOAT; /* of more dimensions than anything here */
    if (o->type == DQ__NOT_FLOAT || p->address == nowhere) return DQ_OK;
    memcpy(shape.shape, o->dims, sizeof shape.shape);
    if (!dq__mul(dq__tensor_count(&shape), dq__dtype_size(o->type), &bytes) || bytes == 0 || bytes != p->bytes)
        return bad(h5, "an array has another length than its shape says", err);
    o->data = view(h5, p->address, p->bytes);
    return o->data ? DQ_OK : bad(h5, "an array lies beyond the end", err);
}

dq_status dq__h5_object_at(dq__h5 *h5, uint64_t address, dq__h5_object *out, dq__error *err) {
    struct parse p = {.out = out};
    *out = (dq__h5_object){.type = DQ__NOT_FLOAT};
    const unsigned char *head = view(h5, address, 16);
    if (!head || head[0] != 1 || !spend(h5)) return bad(h5, "an object has no header", err);
    p.block[0] = address + 16;
    p.length[0] = dq__le32(head + 8);
    p.blocks = 1;
    for (int i = 0; i < p.blocks; i++) {
        const unsigned char *at = view(h5, p.block[i], p.length[i]);
        if (!at || !read_block(&p, at, p.length[i])) return bad(h5, "an object's header is broken", err);
    }
    return p.layout && p.datatype ? finish_array(h5, &p, err) : DQ_OK;
}

/* ---- groups: a B-tree whose leaves are symbol tables, and a heap of names ---- */

struct walk {
    dq__h5 *h5;
    const unsigned char *names;
    uint64_t names_size;
    dq__h5_visit visit;
    void *user;
    bool stopped;
};

/* A symbol table: up to 65535 entries of name, header address, cache (2: a soft link, which leads nowhere by itself). */
static bool walk_symbols(struct walk *w, uint64_t address) {
    const unsigned char *node = view(w->h5, address, 8);
    if (!node || memcmp(node, "SNOD", 4) != 0) return false;
    size_t count = dq__le16(node + 6);
    const unsigned char *entry = view(w->h5, address + 8, 40 * count);
    if (!entry) return false;
    for (size_t i = 0; i < count && !w->stopped; i++, entry += 40) {
        uint64_t name = dq__le64(entry);
        if (name >= w->names_size || !spend(w->h5)) return false;
        const char *text = (const char *)w->names + name;
        if (!memchr(text, 0, w->names_size - name)) return false;
        if (dq__le32(entry + 16) != 2) w->stopped = w->visit(w->user, text, dq__le64(entry + 8));
    }
    return true;
}

/* `level` counts down to the leaves, 0; it bounds the depth whatever the file says. */
static bool walk_tree(struct walk *w, uint64_t address, int level) {
    const unsigned char *node = view(w->h5, address, 24);
    if (!node || memcmp(node, "TREE", 4) != 0 || node[4] != 0 || node[5] != level || !spend(w->h5)) return false;
    size_t count = dq__le16(node + 6);
    const unsigned char *children = view(w->h5, address + 24, 16 * count + 8);
    if (!children) return false;
    for (size_t i = 0; i < count && !w->stopped; i++) {
        uint64_t child = dq__le64(children + 16 * i + 8);
        if (level ? !walk_tree(w, child, level - 1) : !walk_symbols(w, child)) return false;
    }
    return true;
}

dq_status dq__h5_members(dq__h5 *h5, const dq__h5_object *group, dq__h5_visit visit, void *user, dq__error *err) {
    struct walk w = {.h5 = h5, .visit = visit, .user = user};
    const unsigned char *heap = view(h5, group->heap, 32), *root = view(h5, group->tree, 8);
    if (group->kind != DQ__H5_GROUP || !heap || memcmp(heap, "HEAP", 4) != 0 || !root || root[5] > MAX_LEVEL)
        return bad(h5, "a group is broken", err);
    w.names_size = dq__le64(heap + 8);
    w.names = view(h5, dq__le64(heap + 24), w.names_size);
    if (!w.names || !walk_tree(&w, group->tree, root[5])) return bad(h5, "a group is broken", err);
    return DQ_OK;
}

struct find {
    const char *name;
    uint64_t address;
};

static bool find_member(void *user, const char *name, uint64_t address) {
    struct find *f = user;
    if (strcmp(name, f->name) != 0) return false;
    f->address = address;
    return true;
}

dq_status dq__h5_find(dq__h5 *h5, const dq__h5_object *group, const char *name, uint64_t *address, dq__error *err) {
    struct find f = {.name = name};
    dq_status status = dq__h5_members(h5, group, find_member, &f, err);
    *address = f.address;
    return status;
}
