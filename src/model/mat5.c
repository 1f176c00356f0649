/* SPDX-License-Identifier: MIT
 * model/mat5.c: the tag format of level 5 MAT-files: each element is a type, a length and that many bytes, arrays are
 * elements of elements. Every length is checked against what holds it; nothing is allocated from a stated size that the
 * file could not fill. */
#include "model/mat5.h"

#include "base/mem.h"

#include <string.h>
#include <zlib.h>

enum { HEADER = 128, MAX_RATIO = 1100 }; /* deflate does not shrink to less than 1/1032 */
enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE = 9, MATRIX = 14, COMPRESSED = 15, UTF8 = 16, UTF16 = 17 };

struct element {
    uint32_t type;
    struct dq__span data;
};

static size_t length_of(struct dq__span s) { return (size_t)(s.end - s.at); }

/* Takes the next element; one of up to four bytes may lie within its tag. */
static bool next(struct dq__span *s, struct element *e) {
    if (length_of(*s) < 8) return false;
    uint32_t tag = dq__le32(s->at), small = tag >> 16;
    if (small > 4) return false;
    size_t length = small ? small : dq__le32(s->at + 4), head = small ? 4 : 8;
    if (length > length_of(*s) - head) return false;
    *e = (struct element){small ? tag & 0xffff : tag, {s->at + head, s->at + head + length}};
    size_t whole = small ? 8 : 8 + (length + 7) / 8 * 8;
    s->at = whole < length_of(*s) ? s->at + whole : s->end;
    return true;
}

static bool next_of(struct dq__span *s, uint32_t type, struct element *e) { return next(s, e) && e->type == type; }

static bool parse_dims(const struct element *e, dq__mat_array *a) {
    size_t rank = length_of(e->data) / 4;
    if (rank < 2 || rank > DQ__MAX_RANK || length_of(e->data) % 4) return false;
    a->rank = (int)rank;
    a->count = 1;
    for (size_t d = 0; d < rank; d++) {
        a->dims[d] = dq__le32(e->data.at + 4 * d);
        if (a->dims[d] > INT32_MAX || !dq__mul(a->count, a->dims[d], &a->count)) return false;
    }
    return a->count > 0;
}

/* The contents of a MATRIX element: flags, dimensions, name, then what depends on its class. */
static dq__mat_array parse_array(struct dq__span s, struct dq__span *name) {
    static const dq__mat_array nothing;
    dq__mat_array a = {0};
    struct element flags, dims, label;
    if (!next_of(&s, UINT32, &flags) || length_of(flags.data) != 8 || !next_of(&s, INT32, &dims) || !next_of(&s, INT8, &label))
        return nothing;
    uint32_t word = dq__le32(flags.data.at);
    *name = label.data;
    if (!parse_dims(&dims, &a) || word & 0x800) return nothing; /* 0x800: complex */
    switch (word & 255) {
    case DQ__MAT_CELL:
    case DQ__MAT_STRUCT:
    case DQ__MAT_CHAR:
    case DQ__MAT_DOUBLE:
    case DQ__MAT_SINGLE: a.kind = (dq__mat_class)(word & 255); break;
    default: return nothing;
    }
    a.contents = s;
    return a;
}

/* Array `index` of a row of MATRIX elements. */
static dq__mat_array array_at(struct dq__span s, size_t index) {
    static const dq__mat_array nothing;
    struct element e;
    struct dq__span name;
    for (size_t i = 0; i <= index; i++)
        if (!next_of(&s, MATRIX, &e)) return nothing;
    return parse_array(e.data, &name);
}

/* ---- variables ---- */

/* Inflates the first `size` bytes; true when there are that many. */
static bool inflate_start(struct dq__span packed, unsigned char *out, size_t size) {
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)packed.at,
                  .avail_in = (uInt)length_of(packed),
                  .next_out = out,
                  .avail_out = (uInt)size};
    if (inflateInit(&z) != Z_OK) return false;
    inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return z.avail_out == 0;
}

/* Inflates a whole variable; its first bytes state its length, which the packed bytes must be able to fill. */
static dq_status inflate_all(const dq__file *f, struct dq__span packed, void **block, struct dq__span *out, dq__error *err) {
    unsigned char tag[8];
    if (!inflate_start(packed, tag, sizeof tag))
        return dq__fail(err, DQ_BAD_MODEL, "%s: a compressed variable is damaged", f->name);
    size_t size = dq__le32(tag + 4) + sizeof tag;
    if (size / MAX_RATIO > length_of(packed))
        return dq__fail(err, DQ_BAD_MODEL, "%s: a compressed variable states an impossible length", f->name);
    unsigned char *bytes = dq__alloc(size);
    if (!bytes) return dq__no_memory(err, size, "a compressed variable");
    *block = bytes;
    if (!inflate_start(packed, bytes, size))
        return dq__fail(err, DQ_BAD_MODEL, "%s: a compressed variable is damaged or truncated", f->name);
    *out = (struct dq__span){bytes + sizeof tag, bytes + size};
    return DQ_OK;
}

static bool named(struct dq__span s, const char *name) {
    struct dq__span label = {0};
    parse_array(s, &label);
    return length_of(label) == strlen(name) && memcmp(label.at, name, strlen(name)) == 0;
}

/* Whether a compressed variable has this name: flags, dimensions and name lie within its first bytes. */
static bool packed_named(struct dq__span packed, const char *name) {
    unsigned char start[256] = {0};
    inflate_start(packed, start, sizeof start);
    if (dq__le32(start) != MATRIX) return false;
    return named((struct dq__span){start + 8, start + sizeof start}, name);
}

dq_status dq__mat_variable(const dq__file *f, const char *name, dq__mat_array *out, void **block, dq__error *err) {
    struct dq__span s = {f->bytes + HEADER, f->bytes + f->size}, found = {0}, label;
    *block = NULL;
    *out = (dq__mat_array){0};
    while (s.at < s.end) { /* top-level elements are not padded */
        struct element e;
        if (length_of(s) < 8 || dq__le32(s.at + 4) > length_of(s) - 8)
            return dq__fail(err, DQ_BAD_MODEL, "%s: truncated or damaged MATLAB file", f->name);
        e = (struct element){dq__le32(s.at), {s.at + 8, s.at + 8 + dq__le32(s.at + 4)}};
        s.at = e.data.end;
        if (found.at) continue; /* the frame is checked to the end */
        if (e.type == MATRIX && named(e.data, name)) found = e.data;
        if (e.type != COMPRESSED || !packed_named(e.data, name)) continue;
        dq_status status = inflate_all(f, e.data, block, &found, err);
        if (status) return status;
    }
    if (found.at) *out = parse_array(found, &label);
    return DQ_OK;
}

/* ---- inside ---- */

dq__mat_array dq__mat_cell(const dq__mat_array *of, size_t index) {
    if (of->kind != DQ__MAT_CELL || index >= of->count) return (dq__mat_array){0};
    return array_at(of->contents, index);
}

dq__mat_array dq__mat_field(const dq__mat_array *of, const char *name) {
    struct dq__span s = of->contents;
    struct element width, names;
    if (of->kind != DQ__MAT_STRUCT || of->count != 1) return (dq__mat_array){0};
    if (!next_of(&s, INT32, &width) || length_of(width.data) != 4 || !next_of(&s, INT8, &names)) return (dq__mat_array){0};
    size_t step = dq__le32(width.data.at), n = strlen(name);
    for (size_t i = 0; step > n && i < length_of(names.data) / step; i++)
        if (memcmp(names.data.at + i * step, name, n + 1) == 0) return array_at(s, i);
    return (dq__mat_array){0};
}

bool dq__mat_text(const dq__mat_array *of, char *text, size_t size) {
    struct dq__span s = of->contents;
    struct element e;
    if (of->kind != DQ__MAT_CHAR || of->count >= size || !next(&s, &e)) return false;
    size_t step = e.type == UINT16 || e.type == UTF16 ? 2 : 1;
    if (length_of(e.data) != of->count * step || (step == 1 && e.type != UTF8 && e.type != INT8 && e.type != UINT8)) return false;
    for (size_t i = 0; i < of->count; i++) {
        if (e.data.at[i * step] < ' ' || e.data.at[i * step] > '~') return false;
        text[i] = (char)e.data.at[i * step];
    }
    text[of->count] = 0;
    return true;
}

static size_t integer_size(uint32_t type) { return type == INT8 || type == UINT8 ? 1 : type == INT16 || type == UINT16 ? 2 : 4; }

static float integer(const unsigned char *p, uint32_t type) {
    switch (type) {
    case INT8: return (float)(int8_t)p[0];
    case UINT8: return (float)p[0];
    case INT16: return (float)(int16_t)dq__le16(p);
    case UINT16: return (float)dq__le16(p);
    case INT32: return (float)(int32_t)dq__le32(p);
    default: return (float)dq__le32(p);
    }
}

dq_status dq__mat_numbers(const dq__mat_array *of, const dq__file *f, dq__dtype *type, const unsigned char **data, void **owned,
                          dq__error *err) {
    struct dq__span s = of->contents;
    struct element e;
    *owned = NULL;
    bool real = of->kind == DQ__MAT_SINGLE || of->kind == DQ__MAT_DOUBLE;
    if (!real || !next(&s, &e) || (e.type > SINGLE && e.type != DOUBLE) || e.type < INT8)
        return dq__fail(err, DQ_BAD_MODEL, "%s: an array is missing, damaged or not of numbers", f->name);
    size_t size = e.type == DOUBLE ? 8 : e.type == SINGLE ? 4 : integer_size(e.type);
    if (length_of(e.data) / size != of->count || length_of(e.data) % size)
        return dq__fail(err, DQ_BAD_MODEL, "%s: an array has another length than its dimensions say", f->name);
    *type = e.type == DOUBLE ? DQ__F64 : DQ__F32;
    *data = e.data.at;
    if (e.type == DOUBLE || e.type == SINGLE) return DQ_OK;
    float *numbers = dq__alloc(of->count * sizeof *numbers);
    if (!numbers) return dq__no_memory(err, of->count * sizeof *numbers, "an array of whole numbers");
    for (size_t i = 0; i < of->count; i++) numbers[i] = integer(e.data.at + i * size, e.type);
    *owned = numbers;
    *data = *owned;
    return DQ_OK;
}
