/* SPDX-License-Identifier: MIT
 * model/read_squeezenet.c: the compressed file of SqueezeNet v1.0, to its last fire module. It states no shapes: the network
 * is known. 26 counts of stored weights, then for each convolution a codebook of 256 numbers, the bias, a code for each stored
 * weight, and the gaps of zeros before them, four bits each. The classifier above fire9 is checked but not taken. */
#include "base/mem.h"
#include "model/tensors.h"

#include <stdio.h>
#include <string.h>

enum { CONVS = 26, FIRES = 8, CODES = 256, HEAD = 4 * CONVS };

static const int squeeze[FIRES] = {16, 16, 32, 32, 48, 48, 64, 64}, expand[FIRES] = {64, 64, 128, 128, 192, 192, 256, 256};

/* Convolution k of the file: conv1, then squeeze, expand by 1×1 and by 3×3 of fire2 to fire9, then the classifier. */
struct shape {
    char name[16];
    int oc, ic, kernel;
};

static struct shape shape_of(int k) {
    static const char *const parts[] = {"squeeze", "expand1", "expand3"};
    struct shape s = {"", 96, 3, 7};
    const int fire = (k - 1) / 3, part = (k - 1) % 3;
    if (k == 0) {
        snprintf(s.name, sizeof s.name, "conv1");
    } else if (k == CONVS - 1) {
        s = (struct shape){"conv10", 1000, 2 * expand[FIRES - 1], 1};
    } else {
        const int below = fire == 0 ? 96 : 2 * expand[fire - 1];
        snprintf(s.name, sizeof s.name, "fire%d_%s", (fire + 2) % 10, parts[part]);
        s.oc = part == 0 ? squeeze[fire] : expand[fire];
        s.ic = part == 0 ? below : squeeze[fire];
        s.kernel = part == 2 ? 3 : 1;
    }
    return s;
}

static size_t weights_of(const struct shape *s) { return (size_t)s->oc * (size_t)s->ic * (size_t)(s->kernel * s->kernel); }

/* Nothing signs the file, but 26 counts that each fit their layer are as good. */
bool dq__is_squeezenet(const dq__file *file) {
    if (file->size < HEAD) return false;
    for (int k = 0; k < CONVS; k++) {
        const struct shape s = shape_of(k);
        const uint32_t stored = dq__le32(file->bytes + 4 * k);
        if (stored < 1 || stored > weights_of(&s)) return false;
    }
    return true;
}

/* ---- the table ---- */

static dq__layer *add_conv(dq__table *t, const struct shape *s, int from, const char *relu) {
    dq__layer *l = dq__table_add(t, DQ__CONV, s->ic, s->oc, s->name);
    l->from = from;
    l->kernel = s->kernel;
    l->pad = s->kernel == 3 ? 1 : 0;
    dq__table_add(t, DQ__RELU, s->oc, s->oc, relu);
    return l;
}

static void add_pool(dq__table *t, int channels, const char *name) {
    dq__layer *l = dq__table_add(t, DQ__POOL, channels, channels, name);
    l->kernel = 3;
    l->stride = 2;
}

/* fireN: squeeze to few channels, expand these in two ways, side by side. */
static void add_fire(dq__table *t, int fire) {
    static const char *const parts[] = {"squeeze", "1x1", "3x3"};
    int relu[3];
    char name[16];
    for (int part = 0; part < 3; part++) {
        const struct shape s = shape_of(1 + 3 * fire + part);
        snprintf(name, sizeof name, "relu%d_%s", fire + 2, parts[part]);
        add_conv(t, &s, part == 0 ? t->count - 1 : relu[0], name);
        relu[part] = t->count - 1;
    }
    snprintf(name, sizeof name, "fire%d", fire + 2);
    dq__layer *both = dq__table_add(t, DQ__CONCAT, 2 * expand[fire], 2 * expand[fire], name);
    both->from = relu[1];
    both->also = relu[2];
}

static void make_table(dq__table *t) {
    const struct shape first = shape_of(0);
    *t = (dq__table){.name = "squeezenet", .padding = DQ__PAD_ZERO, .pooling = DQ__POOL_MAX,
                     .input = {{{0, 0, 255}, {0, 255, 0}, {255, 0, 0}}, {-104, -117, -123}}};
    add_conv(t, &first, -1, "relu1")->stride = 2;
    add_pool(t, first.oc, "pool1");
    for (int fire = 0; fire < FIRES; fire++) {
        add_fire(t, fire);
        if (fire == 2 || fire == 6) add_pool(t, 2 * expand[fire], fire == 2 ? "pool4" : "pool8");
    }
}

/* ---- the numbers ---- */

/* Puts the stored weights where their gaps say; false if they run past the end. All as in the file: four bytes each. */
static bool spread(unsigned char *out, size_t room, const unsigned char *codebook, const unsigned char *code,
                   const unsigned char *gaps, size_t stored) {
    size_t at = 0;
    for (size_t k = 0; k < stored; k++, at++) {
        at += k % 2 ? gaps[k / 2] >> 4 : gaps[k / 2] & 15;
        if (at >= room) return false;
        memcpy(out + 4 * at, codebook + 4 * code[k], 4);
    }
    return true;
}

static dq_status add_view(dq__tensors *list, const struct shape *s, bool bias, const unsigned char *data, const dq__file *file,
                          dq__tensor **out, dq__error *err) {
    char name[DQ__MAX_TENSOR_NAME];
    const size_t kernel = (size_t)s->kernel;
    const int length = snprintf(name, sizeof name, "%s.%s", s->name, bias ? "bias" : "weight");
    dq_status status = dq__tensors_add(list, out, name, (size_t)length, file, err);
    if (status) return status;
    dq__tensor *t = *out;
    t->type = DQ__F32;
    t->rank = bias ? 1 : 4;
    memcpy(t->shape, (size_t[]){(size_t)s->oc, (size_t)s->ic, kernel, kernel}, sizeof t->shape);
    dq__tensor_dense(t);
    t->data = data;
    return DQ_OK;
}

/* Reads convolution k at *at and goes on. */
static dq_status read_conv(const dq__file *file, int k, size_t *at, dq__tensors *list, dq__error *err) {
    const struct shape s = shape_of(k);
    const size_t room = weights_of(&s), stored = dq__le32(file->bytes + 4 * k);
    const size_t bias = 4 * CODES, code = bias + 4 * (size_t)s.oc, gaps = code + stored, size = gaps + (stored + 1) / 2;
    const unsigned char *from = file->bytes + *at;
    dq__tensor *t;
    if (size > file->size - *at) return dq__fail(err, DQ_BAD_MODEL, "%s: truncated: it ends within %s", file->name, s.name);
    *at += size;
    if (k == CONVS - 1) return DQ_OK;
    dq_status status = add_view(list, &s, true, from + bias, file, &t, err);
    if (!status) status = add_view(list, &s, false, NULL, file, &t, err);
    if (status) return status;
    unsigned char *all = dq__alloc_zero(4 * room);
    if (!all) return dq__no_memory(err, 4 * room, s.name);
    t->data = t->owned = all;
    if (!spread(all, room, from, from + code, from + gaps, stored))
        return dq__fail(err, DQ_BAD_MODEL, "%s: damaged: the weights of %s run past its end", file->name, s.name);
    return DQ_OK;
}

dq_status dq__read_squeezenet(const dq__file *file, dq__tensors *list, dq__error *err) {
    size_t at = HEAD;
    for (int k = 0; k < CONVS; k++) {
        dq_status status = read_conv(file, k, &at, list, err);
        if (status) return status;
    }
    if (at != file->size) return dq__fail(err, DQ_BAD_MODEL, "%s: damaged: longer than its counts say", file->name);
    make_table(&list->table);
    list->has_table = true;
    snprintf(list->credit, sizeof list->credit, "SqueezeNet v1.0: F. Iandola et al. 2016; compressed, BSD-2-Clause");
    return DQ_OK;
}
