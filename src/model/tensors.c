/* SPDX-License-Identifier: MIT
 * model/tensors.c: the list of named views and their conversion to floats. Knows nothing of formats or layers. */
#include "model/tensors.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- the list ---- */

dq_status dq__tensors_init(dq__tensors *list, dq__error *err) {
    *list = (dq__tensors){.item = dq__alloc(DQ__MAX_TENSORS * sizeof *list->item)};
    return list->item ? DQ_OK : dq__no_memory(err, DQ__MAX_TENSORS * sizeof *list->item, "the list of weights");
}

void dq__tensors_deinit(dq__tensors *list) {
    for (size_t i = 0; i < list->count; i++) dq__free(list->item[i].owned);
    dq__free(list->item);
    if (list->release) list->release(list->keep);
    *list = (dq__tensors){0};
}

dq_status dq__tensors_add(dq__tensors *list, dq__tensor **out, const char *name, size_t length, const dq__file *file,
                          dq__error *err) {
    if (length >= DQ__MAX_TENSOR_NAME || memchr(name, 0, length))
        return dq__fail(err, DQ_BAD_MODEL, "%s: the name of an array is too long or has a zero in it", file->name);
    if (list->count == DQ__MAX_TENSORS)
        return dq__fail(err, DQ_BAD_MODEL, "%s: more than %d arrays, another network", file->name, DQ__MAX_TENSORS);
    dq__tensor *t = &list->item[list->count++];
    *t = (dq__tensor){0};
    memcpy(t->name, name, length);
    *out = t;
    return DQ_OK;
}

const dq__tensor *dq__tensors_find(const dq__tensors *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i].name, name) == 0) return &list->item[i];
    return NULL;
}

/* ---- shapes ---- */

size_t dq__dtype_size(dq__dtype type) {
    switch (type) {
    case DQ__F64: return 8;
    case DQ__F32: return 4;
    case DQ__F16:
    case DQ__BF16: return 2;
    case DQ__NOT_FLOAT: break;
    }
    return 0;
}

size_t dq__tensor_count(const dq__tensor *t) {
    size_t count = 1;
    for (int d = 0; d < t->rank; d++)
        if (!dq__mul(count, t->shape[d], &count)) return 0;
    return count;
}

void dq__tensor_dense(dq__tensor *t) {
    size_t step = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        t->stride[d] = step;
        step *= t->shape[d];
    }
}

bool dq__tensor_inside(const dq__tensor *t, size_t elements) {
    size_t last = 0, count = dq__tensor_count(t);
    if (count == 0 || count > elements) return false; /* more than there are: strides of 0 would multiply them */
    for (int d = 0; d < t->rank; d++) {
        size_t reach;
        if (!dq__mul(t->shape[d] - 1, t->stride[d], &reach) || !dq__add(last, reach, &last)) return false;
    }
    return last < elements;
}

const char *dq__tensor_shape(const dq__tensor *t, char *text, size_t size) {
    int used = snprintf(text, size, t->rank ? "" : "no dimensions");
    for (int d = 0; d < t->rank && used >= 0 && (size_t)used < size; d++)
        used += snprintf(text + used, size - (size_t)used, d ? "×%zu" : "%zu", t->shape[d]);
    return text;
}

/* ---- numbers ---- */

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float dq__half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent) return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f;
    return sign ? -tiny : tiny;
}

/* Below 2^-14 halves are the multiples of 2^-24, and so are the floats from 0.5 to 1: the sum 0.5 + |v| rounds as wanted. */
uint16_t dq__half_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (rest < 0x38800000) {
        float sum = float_of_bits(rest) + 0.5f;
        memcpy(&bits, &sum, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    uint32_t odd = rest >> 13 & 1;
    return (uint16_t)(sign | (rest - 0x38000000 + 0xfff + odd) >> 13);
}

static float number(const unsigned char *data, dq__dtype type, size_t index) {
    if (type == DQ__F16) return dq__half_to_float(dq__le16(data + 2 * index));
    if (type == DQ__BF16) return float_of_bits((uint32_t)dq__le16(data + 2 * index) << 16);
    if (type == DQ__F32) return float_of_bits(dq__le32(data + 4 * index));
    uint64_t bits = dq__le64(data + 8 * index);
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

/* Stored exactly as wanted: by far the most common case, and the largest arrays. */
static bool is_plain(const dq__tensor *t) {
    dq__tensor dense = *t;
    dq__tensor_dense(&dense);
    return t->type == DQ__F32 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
           memcmp(dense.stride, t->stride, (size_t)t->rank * sizeof *t->stride) == 0;
}

void dq__tensor_gather(const dq__tensor *t, float *out) {
    size_t n[4] = {1, 1, 1, 1}, step[4] = {0};
    if (is_plain(t)) {
        memcpy(out, t->data, dq__tensor_count(t) * sizeof *out);
        return;
    }
    for (int d = 0, at = 4 - t->rank; d < t->rank; d++, at++) {
        n[at] = t->shape[d];
        step[at] = t->stride[d];
    }
    for (size_t a = 0; a < n[0]; a++)
        for (size_t b = 0; b < n[1]; b++)
            for (size_t c = 0; c < n[2]; c++) {
                size_t row = a * step[0] + b * step[1] + c * step[2];
                for (size_t d = 0; d < n[3]; d++) *out++ = number(t->data, t->type, row + d * step[3]);
            }
}
