/* SPDX-License-Identifier: MIT
 * net/layers.c: the tables of VGG-19 and VGG-16 (Simonyan, Zisserman 2014, configurations E and D) and look-up by any of
 * the field's names. No weights here. */
#include "net/layers.h"

#include <stdio.h>
#include <string.h>

const dq__input dq__input_caffe = {{{0, 0, 255}, {0, 255, 0}, {255, 0, 0}}, {-103.939f, -116.779f, -123.68f}};
const dq__input dq__input_torchvision = {{{1 / .229f, 0, 0}, {0, 1 / .224f, 0}, {0, 0, 1 / .225f}},
                                         {-.485f / .229f, -.456f / .224f, -.406f / .225f}};

dq__layer *dq__table_add(dq__table *t, dq__kind kind, int ic, int oc, const char *name) {
    if (t->count >= DQ__MAX_LAYERS) return NULL;
    dq__layer *l = &t->layer[t->count++];
    *l = (dq__layer){.kind = kind, .ic = ic, .oc = oc, .from = t->count - 2, .also = -1};
    if (kind == DQ__CONV) l->kernel = 3, l->stride = 1, l->pad = 1;
    if (kind == DQ__CONV_UP) l->kernel = 3, l->stride = 2, l->pad = 1;
    if (kind == DQ__POOL) l->kernel = l->stride = 2;
    snprintf(l->name, sizeof l->name, "%s", name);
    return l;
}

/* NAMEstage_k, or NAMEstage when k is 0 */
static void add(dq__table *t, dq__kind kind, int ic, int oc, const char *base, int stage, int k) {
    char name[16];
    if (k) snprintf(name, sizeof name, "%.4s%d_%d", base, stage % 100, k % 100);
    else snprintf(name, sizeof name, "%.4s%d", base, stage % 100);
    dq__table_add(t, kind, ic, oc, name);
}

bool dq__is_conv3x3(const dq__layer *l) { return l->kind == DQ__CONV && l->kernel == 3 && l->stride == 1 && l->pad == 1; }

bool dq__reads_picture(const dq__layer *l) { return l->from < 0 && l->ic == 3; }

bool dq__reads_two(const dq__layer *l) { return l->kind == DQ__ADD || l->kind == DQ__CONCAT; }

bool dq__reads(const dq__table *t, int k, int i) {
    return t->layer[k].from == i || (dq__reads_two(&t->layer[k]) && t->layer[k].also == i);
}

bool dq__relu_in_place(const dq__table *t, int i) {
    if (i < 1 || t->layer[i].kind != DQ__RELU || t->layer[i].from != i - 1) return false;
    if (t->layer[i - 1].kind != DQ__CONV && t->layer[i - 1].kind != DQ__LINEAR) return false;
    for (int k = i + 1; k < t->count; k++)
        if (dq__reads(t, k, i - 1)) return false;
    return true;
}

/* ---- arrays -------------------------------------------------------------------------------------------------------- */

const char *dq__array_name(int array) {
    static const char *const names[DQ__ARRAYS] = {"weight", "bias", "mean", "variance"};
    return names[array];
}

static size_t weight_count(const dq__layer *l) {
    const size_t oc = (size_t)l->oc, ic = (size_t)l->ic;
    switch (l->kind) {
    case DQ__CONV:
    case DQ__CONV_UP: return oc * ic * (size_t)(l->kernel * l->kernel);
    case DQ__LINEAR: return oc * ic;
    case DQ__PRELU:
    case DQ__INSTANCE_NORM:
    case DQ__BATCH_NORM: return oc;
    default: return 0;
    }
}

size_t dq__array_count(const dq__layer *l, int array) {
    if (array == DQ__WEIGHT) return weight_count(l);
    if (array == DQ__BIAS) return weight_count(l) && l->kind != DQ__PRELU ? (size_t)l->oc : 0;
    return l->kind == DQ__BATCH_NORM ? (size_t)l->oc : 0;
}

float **dq__array(dq__weights *w, int layer, int array) {
    float **const arrays[DQ__ARRAYS] = {w->weight, w->bias, w->mean, w->variance};
    return arrays[array] + layer;
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static void begin(dq__table *t, const char *name) {
    *t = (dq__table){.padding = DQ__PAD_ZERO, .pooling = DQ__POOL_MAX, .input = dq__input_caffe};
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void add_stages(dq__table *t, int stages, const int *convs, const int *width, bool last_pool) {
    int ic = 3;
    for (int s = 0; s < stages; s++) {
        for (int k = 0; k < convs[s]; k++) {
            add(t, DQ__CONV, ic, width[s], "conv", s + 1, k + 1);
            add(t, DQ__RELU, width[s], width[s], "relu", s + 1, k + 1);
            ic = width[s];
        }
        if (s + 1 < stages || last_pool) add(t, DQ__POOL, ic, ic, "pool", s + 1, 0);
    }
}

void dq__table_vgg(dq__table *t, int depth) {
    static const int convs19[] = {2, 2, 4, 4, 4}, convs16[] = {2, 2, 3, 3, 3}, width[] = {64, 128, 256, 512, 512};
    begin(t, depth == 19 ? "vgg19" : "vgg16");
    add_stages(t, 5, depth == 19 ? convs19 : convs16, width, true);
    add(t, DQ__LINEAR, 7 * 7 * 512, 4096, "fc", 6, 0);
    add(t, DQ__RELU, 4096, 4096, "relu", 6, 0);
    add(t, DQ__LINEAR, 4096, 4096, "fc", 7, 0);
    add(t, DQ__RELU, 4096, 4096, "relu", 7, 0);
    add(t, DQ__LINEAR, 4096, 1000, "fc", 8, 0);
}

void dq__table_stages(dq__table *t, const char *name, int stages, const int *convs, const int *width) {
    begin(t, name);
    add_stages(t, stages, convs, width, false);
}

void dq__table_truncate(dq__table *t, int last) {
    if (last + 1 < t->count) t->count = last + 1;
}

int dq__table_exact(const dq__table *t, const char *name) {
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->layer[i].name, name) == 0) return i;
    return -1;
}

bool dq__is_root(const dq__table *t, int i) {
    const dq__layer *l = &t->layer[i];
    if (l->kind != DQ__CONV || l->kernel != 1 || l->stride != 1 || l->pad != 0 || l->ic != l->oc || l->from < 0) return false;
    const char *read = t->layer[l->from].name;
    return strncmp(l->name, "root", 4) == 0 && strncmp(read, "relu", 4) == 0 && strcmp(l->name + 4, read + 4) == 0;
}

int dq__table_deepest(const dq__table *t) {
    for (int i = t->count - 1; i >= 0; i--)
        if (t->layer[i].kind == DQ__RELU && t->layer[t->layer[i].from].kind == DQ__CONV) return i;
    return -1;
}

/* root3_1 for "3_1": a small network's relu3_1 as the network it learned from would measure it. */
static int root_of(const dq__table *t, const char *place) {
    char root[24];
    snprintf(root, sizeof root, "root%.16s", place);
    const int i = dq__table_exact(t, root);
    return i >= 0 && dq__is_root(t, i) ? i : -1;
}

int dq__table_find(const dq__table *t, const char *name) {
    char own[16];
    int stage, k, used = 0;
    if (sscanf(name, "block%d_conv%d%n", &stage, &k, &used) == 2 && !name[used] && stage > 0 && stage < 10 && k > 0 && k < 100)
        snprintf(own, sizeof own, "relu%d_%d", stage, k);
    else if (strlen(name) >= sizeof own)
        return -1;
    else if (strncmp(name, "conv", 4) == 0)
        snprintf(own, sizeof own, "relu%s", name + 4);
    else
        snprintf(own, sizeof own, "%s", name);
    int i = strncmp(own, "relu", 4) == 0 ? root_of(t, own + 4) : -1;
    if (i < 0) i = dq__table_exact(t, own);
    return i >= 0 ? i : dq__table_exact(t, name);
}

void dq__table_names(const dq__table *t, char *text, size_t size) {
    size_t used = 0;
    if (size) text[0] = 0;
    for (int i = 0; i < t->count; i++) {
        if (t->layer[i].kind != DQ__RELU) continue;
        int n = snprintf(text + used, size - used, "%s%s", used ? ", " : "", t->layer[i].name);
        if (n < 0 || (size_t)n >= size - used) return;
        used += (size_t)n;
    }
}

static int channels_of(const dq__table *t, int i) { return i < 0 ? 3 : t->layer[i].oc; }

/* Channels that layer i takes, by what it reads; 0 where that does not go together. */
static int channels_in(const dq__table *t, const dq__layer *l) {
    const int channels = channels_of(t, l->from);
    if (l->kind == DQ__LINEAR) return l->ic % channels ? 0 : l->ic;
    if (l->kind == DQ__CONCAT) return channels + channels_of(t, l->also);
    return l->kind == DQ__ADD && channels_of(t, l->also) != channels ? 0 : channels;
}

static bool keeps_channels(const dq__layer *l) {
    return l->kind != DQ__CONV && l->kind != DQ__CONV_UP && l->kind != DQ__LINEAR;
}

static dq_status check_readable(const dq__table *t, int i, dq__error *err) {
    const dq__layer *l = &t->layer[i];
    const bool two = dq__reads_two(l);
    if (l->from < -1 || l->from >= i || (two && (l->also < 0 || l->also >= i)))
        return dq__fail(err, DQ_BAD_MODEL, "%s reads a layer that does not come before it", l->name);
    if (l->from < 0 && l->kind != DQ__CONV && l->kind != DQ__LINEAR)
        return dq__fail(err, DQ_BAD_MODEL, "%s reads the picture; only a convolution or a linear layer can", l->name);
    if (two && l->also == l->from) return dq__fail(err, DQ_BAD_MODEL, "%s reads the same layer twice", l->name);
    if (l->ic != channels_in(t, l))
        return dq__fail(err, DQ_BAD_MODEL, "%s takes %d channels but the layer below gives %d", l->name, l->ic,
                        channels_of(t, l->from));
    if (keeps_channels(l) && l->oc != l->ic)
        return dq__fail(err, DQ_BAD_MODEL, "%s cannot make %d channels of %d", l->name, l->oc, l->ic);
    return DQ_OK;
}

static dq_status check_kernel(const dq__layer *l, dq__error *err) {
    const bool square = l->kernel >= 1 && l->kernel <= 9;
    if (l->kind == DQ__CONV && (!square || l->stride < 1 || l->stride > 2 || l->pad < 0 || l->pad > l->kernel / 2))
        return dq__fail(err, DQ_BAD_MODEL, "%s has a kernel of %d, stride %d, pad %d; known are kernels to 9, stride 1 or 2",
                        l->name, l->kernel, l->stride, l->pad);
    if (l->kind == DQ__CONV_UP && (!square || l->kernel < 2 || l->stride != 2 || l->pad != (l->kernel - 1) / 2))
        return dq__fail(err, DQ_BAD_MODEL,
                        "%s has a kernel of %d, stride %d, pad %d; known are kernels 2 to 9 that double the size", l->name,
                        l->kernel, l->stride, l->pad);
    if (l->kind == DQ__POOL && (l->kernel < 2 || l->kernel > 3 || l->stride != 2))
        return dq__fail(err, DQ_BAD_MODEL, "%s pools %d pixels by steps of %d; known are 2 and 3 by steps of 2", l->name,
                        l->kernel, l->stride);
    if (l->kind == DQ__LEAKY_RELU && !(l->slope >= 0 && l->slope < 1))
        return dq__fail(err, DQ_BAD_MODEL, "%s has a slope of %g, not one from 0 to 1", l->name, (double)l->slope);
    return DQ_OK;
}

static dq_status check_layer(const dq__table *t, int i, dq__error *err) {
    const dq__layer *l = &t->layer[i];
    const int limit = l->kind == DQ__LINEAR ? 1 << 20 : DQ__MAX_CHANNELS;
    if (l->ic < 1 || l->oc < 1 || l->ic > limit || l->oc > DQ__MAX_CHANNELS)
        return dq__fail(err, DQ_BAD_MODEL, "%s has impossible channel counts (%d to %d)", l->name, l->ic, l->oc);
    const dq_status status = check_readable(t, i, err);
    return status ? status : check_kernel(l, err);
}

dq_status dq__table_check(const dq__table *t, dq__error *err) {
    dq_status status = DQ_OK;
    if (t->count < 1 || t->count > DQ__MAX_LAYERS) return dq__fail(err, DQ_BAD_MODEL, "the network has no layers");
    for (int i = 0; i < t->count && !status; i++) status = check_layer(t, i, err);
    return status;
}
