/* SPDX-License-Identifier: MIT
 * model/write_safetensors.c: writes a model as safetensors with its table in the metadata; the same model gives the same
 * bytes. The file appears whole or not at all. Reading is read_safetensors.c. */
#include "base/mem.h"
#include "model/tensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Half precision is for matrices; the other numbers are few and stay as they are. */
struct part {
    int layer, array;
    const float *data;
    size_t count;
    bool half;
};

static int list_parts(const dq_model *m, bool half, struct part *part) {
    dq__weights arrays = m->weights;
    int n = 0;
    for (int k = 0; k < DQ__ARRAYS * m->table.count; k++) {
        const int i = k / DQ__ARRAYS, array = k % DQ__ARRAYS;
        const dq__layer *l = &m->table.layer[i];
        const size_t count = dq__array_count(l, array);
        size_t shape[DQ__MAX_RANK];
        const bool matrix = dq__array_shape(l, array, shape) > 1;
        if (count) part[n++] = (struct part){i, array, *dq__array(&arrays, i, array), count, half && matrix};
    }
    return n;
}

static size_t part_bytes(const struct part *p) { return p->count * (p->half ? 2 : 4); }

/* ---- the header ---- */

static json_t *shape_json(const dq__layer *l, const struct part *p) {
    size_t shape[DQ__MAX_RANK];
    const int rank = dq__array_shape(l, p->array, shape);
    json_t *json = json_array();
    for (int d = 0; d < rank; d++) json_array_append_new(json, json_integer((json_int_t)shape[d]));
    return json;
}

static void set_text_of(json_t *object, const char *key, json_t *value) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_object_set_new(object, key, text ? json_string(text) : NULL);
    free(text);
    json_decref(value);
}

static json_t *metadata_json(const dq_model *m) {
    json_t *meta = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "danqing", "1", "network", m->table.name, "padding",
                             dq__padding_name(m->table.padding), "pooling", dq__pooling_name(m->table.pooling), "credit",
                             m->credit, "source", m->source);
    set_text_of(meta, "input", dq__input_json(&m->table.input));
    set_text_of(meta, "layers", dq__layers_json(&m->table));
    return meta;
}

/* The header's text, padded with blanks so that the numbers start on a multiple of 8; free() it. NULL without memory. */
static char *header_text(const dq_model *m, const struct part *part, int parts) {
    json_t *root = json_object();
    size_t offset = 0;
    json_object_set_new(root, "__metadata__", metadata_json(m));
    for (int i = 0; i < parts; i++) {
        const dq__layer *l = &m->table.layer[part[i].layer];
        char name[32];
        snprintf(name, sizeof name, "%s.%s", l->name, dq__array_name(part[i].array));
        size_t end = offset + part_bytes(&part[i]);
        json_object_set_new(root, name, json_pack("{s:s, s:o, s:[I,I]}", "dtype", part[i].half ? "F16" : "F32", "shape",
                                                  shape_json(l, &part[i]), "data_offsets", (json_int_t)offset, (json_int_t)end));
        offset = end;
    }
    bool whole = json_object_size(root) == (size_t)parts + 1 && json_object_size(json_object_get(root, "__metadata__")) == 8;
    char *text = whole ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    size_t n = text ? strlen(text) : 0, padded = (n + 7) / 8 * 8;
    char *wide = text ? realloc(text, padded + 1) : NULL;
    if (!wide) {
        free(text);
        return NULL;
    }
    memset(wide + n, ' ', padded - n);
    wide[padded] = 0;
    return wide;
}

/* ---- the file ---- */

static void put_le(unsigned char *out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static bool write_part(FILE *file, const struct part *p) {
    unsigned char buffer[4096];
    size_t element = p->half ? 2 : 4, used = 0;
    for (size_t i = 0; i < p->count; i++) {
        uint32_t bits;
        memcpy(&bits, &p->data[i], sizeof bits);
        put_le(buffer + used, p->half ? dq__half_from_float(p->data[i]) : bits, (int)element);
        used += element;
        if (used + element > sizeof buffer || i + 1 == p->count) {
            if (fwrite(buffer, 1, used, file) != used) return false;
            used = 0;
        }
    }
    return true;
}

static bool write_all(FILE *file, const char *header, const struct part *part, int parts) {
    unsigned char length[8];
    size_t n = strlen(header);
    put_le(length, n, 8);
    bool good = fwrite(length, 1, 8, file) == 8 && fwrite(header, 1, n, file) == n;
    for (int i = 0; good && i < parts; i++) good = write_part(file, &part[i]);
    return good && fflush(file) == 0 && fsync(fileno(file)) == 0;
}

/* A new file beside `path`; its name goes to `temporary`. */
static FILE *open_beside(const char *path, char *temporary, size_t size) {
    for (int i = 0; i < 100; i++) {
        int n = snprintf(temporary, size, "%s.%ld-%d.part", path, (long)getpid(), i);
        if (n < 0 || (size_t)n >= size) {
            errno = ENAMETOOLONG;
            return NULL;
        }
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) return fdopen(fd, "wb");
        if (errno != EEXIST) return NULL;
    }
    return NULL;
}

static dq_status check_half(const struct part *part, int parts, const dq_model *m, dq__error *err) {
    for (int i = 0; i < parts; i++)
        for (size_t k = 0; part[i].half && k < part[i].count; k++)
            if (!isfinite(dq__half_to_float(dq__half_from_float(part[i].data[k]))))
                return dq__fail(err, DQ_USAGE, "%s has weights beyond fp16 (65504); save it as fp32",
                                m->table.layer[part[i].layer].name);
    return DQ_OK;
}

dq_status dq__model_write(const dq_model *m, const char *path, bool half, dq__error *err) {
    struct part part[DQ__ARRAYS * DQ__MAX_LAYERS];
    char temporary[4096];
    int parts = list_parts(m, half, part);
    dq_status status = check_half(part, parts, m, err);
    if (status) return status;
    char *header = header_text(m, part, parts);
    if (!header) return dq__no_memory(err, (size_t)parts * 128, "the header of a model");
    FILE *file = open_beside(path, temporary, sizeof temporary);
    if (!file) {
        status = dq__fail(err, DQ_OUTPUT, "%s: cannot be written: %s", path, strerror(errno));
        goto done;
    }
    bool good = write_all(file, header, part, parts);
    int why = errno;
    if (fclose(file) != 0 && good) good = false, why = errno;
    if (good && rename(temporary, path) != 0) good = false, why = errno;
    if (!good) {
        unlink(temporary);
        status = dq__fail(err, DQ_OUTPUT, "%s: cannot be written: %s", path, strerror(why));
    }
done:
    free(header);
    return status;
}
