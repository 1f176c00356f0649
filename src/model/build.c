/* SPDX-License-Identifier: MIT
 * model/build.c: from named arrays to a model: the one place that knows what the formats call VGG's layers, which way their
 * numbers run and what input each family expects. It reads no files. */
#include "model/tensors.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the arrays are called, and with that whose convention the network follows. */
enum scheme {
    NAMED,  /* conv1_1 (Caffe, MatConvNet, ours) and block1_conv1 (Keras): BGR, 0 to 255, zero padding */
    PACKED, /* conv11 with a 1×1 conv0 in front and heads conv11_aux (the 16× distilled encoders): reflection padding */
    INDEXED /* features.0 or 0: places in an nn.Sequential; torchvision's input unless a 1×1 convolution comes first */
};

/* The arrays of one layer. */
struct part {
    char layer[16]; /* as in the table; "input" for a 1×1 convolution of the pixels */
    int place;      /* INDEXED: in the sequence, −1 for linear layers */
    const dq__tensor *weight, *bias;
};

enum { MAX_PARTS = 64 };

struct parts {
    const dq__tensors *list;
    const dq__file *file;
    dq__error *err;
    enum scheme scheme;
    bool scheme_known, reflect;
    struct part item[MAX_PARTS];
    int count;
};

static dq_status bad(const struct parts *p, const char *layer, const char *what) {
    return dq__fail(p->err, DQ_BAD_MODEL, "%s: %s %s", p->file->name, layer, what);
}

static struct part *find(struct parts *p, const char *layer) {
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->item[i].layer, layer) == 0) return &p->item[i];
    return NULL;
}

/* ---- names ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* PREFIX digit MIDDLE digit, and nothing more. */
static bool is(const char *text, const char *prefix, const char *middle, int *a, int *b) {
    size_t n = strlen(prefix), k = strlen(middle);
    if (strncmp(text, prefix, n) != 0 || !is_digit(text[n]) || strncmp(text + n + 1, middle, k) != 0) return false;
    *a = text[n] - '0';
    *b = is_digit(text[n + 1 + k]) ? text[n + 1 + k] - '0' : -1;
    return *b >= 0 && !text[n + 2 + k];
}

/* A place in a sequence: up to three digits, or features. and these; -1 if it is none. */
static int place_of(const char *text) {
    const char *digits = strncmp(text, "features.", 9) == 0 ? text + 9 : text;
    size_t n = strspn(digits, "0123456789");
    return n >= 1 && n <= 3 && !digits[n] ? (int)strtol(digits, NULL, 10) : -1;
}

static bool linear_name(const char *base, char *layer, size_t size) {
    static const struct {
        const char *outside, *inside;
    } names[] = {{"fc6", "fc6"}, {"fc7", "fc7"}, {"fc8", "fc8"}, {"fc1", "fc6"}, {"fc2", "fc7"}, {"predictions", "fc8"},
                 {"classifier.0", "fc6"}, {"classifier.3", "fc7"}, {"classifier.6", "fc8"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(base, names[i].outside) == 0) {
            snprintf(layer, size, "%s", names[i].inside);
            return true;
        }
    return false;
}

/* conv31_aux of the 16× encoders: head3_1. */
static bool head_name(const char *base, char *layer, size_t size) {
    const size_t n = strlen(base), suffix = strlen("_aux");
    char conv[8];
    int stage, k;
    if (n < suffix || n - suffix >= sizeof conv || strcmp(base + n - suffix, "_aux") != 0) return false;
    snprintf(conv, sizeof conv, "%.*s", (int)(n - suffix), base);
    if (!is(conv, "conv", "", &stage, &k)) return false;
    snprintf(layer, size, "head%c_%c", '0' + stage, '0' + k);
    return true;
}

/* The convolution that `base` (a name without .weight or .bias) means; false for a name that no VGG has. */
static bool conv_name(const char *base, enum scheme *scheme, char *layer, size_t size, int *place) {
    int stage, k;
    *place = place_of(base);
    if (*place >= 0) {
        *scheme = INDEXED;
        snprintf(layer, size, "%d", *place);
        return true;
    }
    if (strcmp(base, "conv0") == 0) {
        *scheme = PACKED;
        snprintf(layer, size, "input");
        return true;
    }
    if (head_name(base, layer, size)) {
        *scheme = PACKED;
        return true;
    }
    bool named = is(base, "conv", "_", &stage, &k) || is(base, "block", "_conv", &stage, &k);
    if (!named && !is(base, "conv", "", &stage, &k)) return false;
    *scheme = named ? NAMED : PACKED;
    snprintf(layer, size, "conv%c_%c", '0' + stage, '0' + k);
    return true;
}

/* Arrays beside the network: classifiers other than VGG's (they lie above all features). */
static bool is_beside(const char *base) { return strncmp(base, "fc", 2) == 0; }

static dq_status set_scheme(struct parts *p, enum scheme scheme, const char *name) {
    if (p->scheme_known && p->scheme != scheme) return bad(p, name, "does not go with the names before it: another network");
    p->scheme = scheme;
    p->scheme_known = true;
    return DQ_OK;
}

/* Puts one array into the part it belongs to. */
static dq_status sort_in(struct parts *p, const dq__tensor *t) {
    char base[DQ__MAX_TENSOR_NAME], layer[16];
    const char *name = strncmp(t->name, "module.", 7) == 0 ? t->name + 7 : t->name; /* nn.DataParallel's prefix */
    const char *dot = strrchr(name, '.');
    bool weight = dot && strcmp(dot, ".weight") == 0, bias = dot && strcmp(dot, ".bias") == 0;
    enum scheme scheme;
    int place = -1;
    snprintf(base, sizeof base, "%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
    if (!linear_name(base, layer, sizeof layer)) {
        if (is_beside(base)) return DQ_OK;
        if (!conv_name(base, &scheme, layer, sizeof layer, &place))
            return bad(p, t->name, "is no layer of a VGG: another network");
        dq_status status = set_scheme(p, scheme, t->name);
        if (status) return status;
    }
    if (!weight && !bias) return bad(p, t->name, "is neither weight nor bias: another network");
    struct part *part = find(p, layer);
    if (!part) {
        if (p->count == MAX_PARTS) return bad(p, t->name, "is one layer too many: another network");
        part = &p->item[p->count++];
        *part = (struct part){.place = place};
        snprintf(part->layer, sizeof part->layer, "%s", layer);
    }
    const dq__tensor **slot = weight ? &part->weight : &part->bias;
    if (*slot) return bad(p, t->name, "is there twice");
    *slot = t;
    return DQ_OK;
}

/* ---- places in a sequence ---- */

static int by_place(const void *a, const void *b) {
    const struct part *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static bool is_1x1(const dq__tensor *t) { return t && t->rank == 4 && t->shape[2] == 1 && t->shape[3] == 1; }

/* Names the convolutions of a sequence: conv, ReLU, conv, ReLU, pool, … with, where the borders are reflected, a padding
 * layer before each convolution. So the next convolution of a stage is 2 (3) places on, that of the next stage one more. */
static dq_status name_places(struct parts *p) {
    int first = 0, stage = 1, k = 0;
    qsort(p->item, (size_t)p->count, sizeof *p->item, by_place);
    while (first < p->count && p->item[first].place < 0) first++; /* linear layers */
    if (first < p->count && is_1x1(p->item[first].weight)) snprintf(p->item[first++].layer, sizeof p->item->layer, "input");
    if (first == p->count) return bad(p, "it", "has no convolutions");
    int start = find(p, "input") ? p->item[first].place - find(p, "input")->place - 1 : p->item[first].place;
    if (start != 0 && start != 1)
        return bad(p, p->item[first].layer, "is not where the first convolution of a VGG is: another network");
    p->reflect = start == 1;
    for (int i = first; i < p->count; i++) {
        int gap = i == first ? 0 : p->item[i].place - p->item[i - 1].place - (p->reflect ? 3 : 2);
        if (gap != 0 && gap != 1)
            return bad(p, p->item[i].layer, "is not where a VGG has a convolution: a decoder or another network");
        if (gap == 1) stage++, k = 0;
        if (stage > 5 || ++k > 9) return bad(p, p->item[i].layer, "is beyond the last layer of a VGG: another network");
        snprintf(p->item[i].layer, sizeof p->item->layer, "conv%c_%c", '0' + stage, '0' + k);
    }
    return DQ_OK;
}

/* ---- the table ---- */

/* VGG-16 and VGG-19 differ in the fourth convolutions of stages 3 to 5; a chain too short to tell is called VGG-19. */
static int depth_of(struct parts *p) {
    if (find(p, "conv3_4") || find(p, "conv4_4") || find(p, "conv5_4")) return 19;
    return find(p, "conv4_1") || find(p, "conv4_2") || find(p, "conv5_1") || find(p, "fc6") ? 16 : 19;
}

static bool is_square(const dq__tensor *w, const dq__layer *l) {
    if (l->kind == DQ__LINEAR) return w->rank >= 2;
    return w->rank == 4 && w->shape[2] == (size_t)l->kernel && w->shape[3] == (size_t)l->kernel;
}

/* Checks the arrays of a layer of the table and takes its widths from them. */
static dq_status fit_layer(struct parts *p, dq__layer *l) {
    const struct part *part = find(p, l->name);
    const dq__tensor *w = part->weight, *b = part->bias;
    char shape[96];
    if (!w) return bad(p, l->name, "has no weights");
    if (!b) return bad(p, l->name, "has no bias");
    if (w->type == DQ__NOT_FLOAT || b->type == DQ__NOT_FLOAT) return bad(p, l->name, "is not of floating-point numbers");
    size_t rows = w->rank ? w->shape[0] : 0, columns;
    if (l->kind == DQ__LINEAR && w->rank == 4 && w->shape[0] == 1 && w->shape[1] == 1) rows = w->shape[2]; /* Caffe's 1×1×oc×ic */
    columns = l->kind == DQ__CONV ? (w->rank == 4 ? w->shape[1] : 0) : rows ? dq__tensor_count(w) / rows : 0;
    if (!is_square(w, l) || rows < 1 || columns < 1 || rows > 1 << 20 || columns > 1 << 20)
        return dq__fail(p->err, DQ_BAD_MODEL, "%s: %s has the shape %s, not that of a %s", p->file->name, l->name,
                        dq__tensor_shape(w, shape, sizeof shape),
                        l->kind == DQ__LINEAR ? "linear layer" : l->kernel == 1 ? "1×1 convolution" : "3×3 convolution");
    size_t widest = 0;
    for (int d = 0; d < b->rank; d++) widest = b->shape[d] > widest ? b->shape[d] : widest;
    if (dq__tensor_count(b) != rows || widest != rows)
        return dq__fail(p->err, DQ_BAD_MODEL, "%s: %s has %zu channels but a bias of shape %s", p->file->name, l->name, rows,
                        dq__tensor_shape(b, shape, sizeof shape));
    l->oc = (int)rows;
    l->ic = (int)columns;
    return DQ_OK;
}

/* The first layer takes pictures; asked first because the rest of a decoder's layers would only confuse. */
static dq_status check_first(struct parts *p) {
    const struct part *first = find(p, "conv1_1");
    if (!first) return bad(p, "conv1_1", "is missing: not the weights of a VGG");
    if (first->weight && first->weight->rank == 4 && first->weight->shape[1] != 3)
        return dq__fail(p->err, DQ_BAD_MODEL,
                        "%s: conv1_1 takes %zu channels, not the 3 of a picture: a decoder or another network", p->file->name,
                        first->weight->shape[1]);
    return DQ_OK;
}

static bool is_head(const struct part *part) { return strncmp(part->layer, "head", 4) == 0; }

/* Every part must have its place in the table. */
static dq_status check_all_used(struct parts *p, const dq__table *t) {
    char missing[16] = "";
    for (int i = 0; i < t->count && !missing[0]; i++)
        if (dq__has_arrays(&t->layer[i]) && !find(p, t->layer[i].name)) memcpy(missing, t->layer[i].name, sizeof missing);
    for (int i = 0; i < p->count; i++) {
        if (strcmp(p->item[i].layer, "input") == 0 || is_head(&p->item[i])) continue;
        int at = dq__table_exact(t, p->item[i].layer);
        if (at < 0) return bad(p, p->item[i].layer, "is a layer that neither VGG-16 nor VGG-19 has: another network");
        if (missing[0] && at > dq__table_exact(t, missing))
            return dq__fail(p->err, DQ_BAD_MODEL, "%s: %s is missing although %s is there", p->file->name, missing,
                            p->item[i].layer);
    }
    return DQ_OK;
}

static void name_table(dq__table *t, int depth) {
    dq__table full;
    dq__table_vgg(&full, depth);
    bool standard = true;
    for (int i = 0; i < t->count; i++) standard &= t->layer[i].ic == full.layer[i].ic && t->layer[i].oc == full.layer[i].oc;
    snprintf(t->name, sizeof t->name, standard ? "vgg%d" : "vgg%d-custom", depth);
}

/* Appends a 1×1 convolution for every head, headN_K reading reluN_K: beside the chain, whose indices stay as they are. */
static dq_status add_heads(struct parts *p, dq__table *t) {
    dq_status status = DQ_OK;
    int added = 0, heads = 0;
    for (int i = 0, chain = t->count; i < chain && !status; i++) {
        char name[16];
        snprintf(name, sizeof name, "head%.11s", t->layer[i].name + 4); /* after "relu" */
        if (t->layer[i].kind != DQ__RELU || !find(p, name)) continue;
        dq__layer *head = dq__table_add(t, DQ__CONV, 0, 0, name);
        if (!head) return bad(p, name, "is one layer too many");
        head->from = i;
        head->kernel = 1;
        head->pad = 0;
        status = fit_layer(p, head);
        added++;
    }
    for (int i = 0; i < p->count; i++) heads += is_head(&p->item[i]);
    return !status && added < heads ? bad(p, "it", "has a head for a layer that is not there") : status;
}

/* The table as far as there are weights, in their widths, and the heads beside it. */
static dq_status make_table(struct parts *p, dq__table *t) {
    int depth = depth_of(p), channels = 3, last = -1;
    dq__error inner;
    dq__table_vgg(t, depth);
    dq_status status = check_first(p);
    if (!status) status = check_all_used(p, t);
    for (int i = 0; !status && i < t->count; i++) {
        dq__layer *l = &t->layer[i];
        if (!dq__has_arrays(l)) {
            l->ic = l->oc = channels;
            if (l->kind == DQ__RELU) last = i;
            continue;
        }
        if (!find(p, l->name)) break;
        status = fit_layer(p, l);
        channels = l->oc;
        last = i;
    }
    if (status) return status;
    dq__table_truncate(t, last);
    name_table(t, depth);
    status = add_heads(p, t);
    if (!status && dq__table_check(t, &inner))
        return dq__fail(p->err, DQ_BAD_MODEL, "%s: %s", p->file->name, inner.text);
    return status;
}

/* ---- the input convention ---- */

/* Files whose names are torchvision's but whose weights are Caffe's, and files whose credit is known; by the first eight
 * hexadecimal digits of their checksum. */
static const struct {
    const char *sha256;
    bool caffe; /* the family, where the names do not tell */
    const char *credit;
} known[] = {
    {"d01eb7cb", true, "VGG-19: K. Simonyan, A. Zisserman, CC BY 4.0; converted by J. Johnson"},
    {"00b39a1b", true, "VGG-16: K. Simonyan, A. Zisserman, CC BY 4.0; converted by J. Johnson"},
    {"dcbb9e9d", false, "VGG-19: torchvision, BSD-3-Clause"},
    {"397923af", false, "VGG-16: torchvision, BSD-3-Clause"},
    {"9f60c023", true, "VGG-19: K. Simonyan, A. Zisserman, CC BY 4.0; normalised after L. Gatys, Apache-2.0"},
    {"b86e3e26", true, "VGG-19: K. Simonyan, A. Zisserman, CC BY 4.0; normalised after L. Gatys, Apache-2.0"},
    {"ff850617", true, "VGG-19: K. Simonyan, A. Zisserman, CC BY 4.0; normalised after L. Gatys, Apache-2.0"},
    {"f74755a6", true, "VGG-19 distilled 16 times: H. Wang et al., CVPR 2020, MIT"},
    {"cb654af6", true, "VGG-19 distilled 16 times: H. Wang et al., CVPR 2020, MIT"},
    {"269cdd0e", true, "VGG-19 distilled 16 times: H. Wang et al., CVPR 2020, MIT"},
    {"d2f059cb", true, "VGG-19 distilled 16 times: H. Wang et al., CVPR 2020, MIT"},
    {"9417c34d", true, "VGG-19 distilled 16 times: H. Wang et al., CVPR 2020, MIT"},
};

static int known_row(const char *sha256) {
    for (int i = 0; i < (int)(sizeof known / sizeof *known); i++)
        if (strncmp(sha256, known[i].sha256, strlen(known[i].sha256)) == 0) return i;
    return -1;
}

/* A 1×1 convolution of the pixels is an input convention. */
static dq_status input_from(struct parts *p, const struct part *part, dq__input *input) {
    const dq__tensor *w = part->weight, *b = part->bias;
    if (!w || !b || w->type == DQ__NOT_FLOAT || b->type == DQ__NOT_FLOAT || !is_1x1(w) || w->shape[0] != 3 || w->shape[1] != 3 ||
        b->rank != 1 || b->shape[0] != 3)
        return bad(p, "the 1×1 convolution of the input", "does not take 3 channels to 3: a decoder or another network");
    dq__tensor_gather(w, &input->matrix[0][0]);
    dq__tensor_gather(b, input->offset);
    return DQ_OK;
}

static dq_status set_input(struct parts *p, const char *sha256, dq__table *t) {
    const struct part *own = find(p, "input");
    int row = known_row(sha256);
    if (own) return input_from(p, own, &t->input);
    if (p->list->has_input) t->input = p->list->input;
    else if (p->scheme == PACKED) return bad(p, "conv0", "is missing");
    else t->input = p->scheme == NAMED || (row >= 0 && known[row].caffe) ? dq__input_caffe : dq__input_torchvision;
    return DQ_OK;
}

/* ---- filling ---- */

static dq_status new_floats(float **out, size_t count, const char *layer, dq__error *err) {
    size_t bytes;
    if (!dq__mul(count, sizeof **out, &bytes)) bytes = SIZE_MAX;
    *out = dq__alloc(bytes);
    return *out ? DQ_OK : dq__no_memory(err, bytes, layer);
}

/* Keras flattens what is below fc6 as (H,W,C): seen as (oc,C,H,W), its columns have other strides. */
static bool columns_from_hwc(dq__tensor *t, size_t channels) {
    size_t side = 1, area = t->shape[1] / channels;
    while (side * side < area) side++;
    if (side * side != area) return false;
    size_t step = t->stride[1];
    *t = (dq__tensor){.type = t->type, .data = t->data, .rank = 4, .shape = {t->shape[0], channels, side, side},
                      .stride = {t->stride[0], step, side * channels * step, channels * step}};
    return true;
}

static dq_status fill_layer(dq_model *m, int i, const dq__tensor *weight, const dq__tensor *bias, bool hwc, const dq__file *file,
                            dq__error *err) {
    const dq__layer *l = &m->table.layer[i];
    dq__tensor w = *weight;
    if (hwc && strcmp(l->name, "fc6") == 0 && (w.rank != 2 || !columns_from_hwc(&w, (size_t)m->table.layer[i - 1].oc)))
        return dq__fail(err, DQ_BAD_MODEL, "%s: %s does not fit on a square of features", file->name, l->name);
    dq_status status = new_floats(&m->weights.weight[i], dq__tensor_count(&w), l->name, err);
    if (!status) status = new_floats(&m->weights.bias[i], (size_t)l->oc, l->name, err);
    if (status) return status;
    dq__tensor_gather(&w, m->weights.weight[i]);
    dq__tensor_gather(bias, m->weights.bias[i]);
    return DQ_OK;
}

static dq_status build_vgg(dq_model *m, struct parts *p) {
    dq_status status = DQ_OK;
    int row = known_row(m->sha256);
    for (size_t i = 0; !status && i < p->list->count; i++) status = sort_in(p, &p->list->item[i]);
    if (!status && p->scheme_known && p->scheme == INDEXED) status = name_places(p);
    if (!status) status = make_table(p, &m->table);
    if (!status) status = set_input(p, m->sha256, &m->table);
    if (status) return status;
    if (p->scheme == PACKED || p->reflect) m->table.padding = DQ__PAD_REFLECT;
    if (row >= 0) snprintf(m->credit, sizeof m->credit, "%s", known[row].credit);
    for (int i = 0; !status && i < m->table.count; i++) {
        if (!dq__has_arrays(&m->table.layer[i])) continue;
        const struct part *part = find(p, m->table.layer[i].name);
        status = fill_layer(m, i, part->weight, part->bias, p->list->fc6_hwc, p->file, p->err);
    }
    return status;
}

/* ---- our own container: the table is given, names and shapes are exact ---- */

int dq__array_shape(const dq__layer *l, int array, size_t shape[DQ__MAX_RANK]) {
    const size_t k = (size_t)l->kernel;
    const bool up = l->kind == DQ__CONV_UP;
    shape[0] = (size_t)(up && array == DQ__WEIGHT ? l->ic : l->oc);
    shape[1] = (size_t)(up ? l->oc : l->ic), shape[2] = shape[3] = k;
    if (array != DQ__WEIGHT) return 1;
    return l->kind == DQ__CONV || up ? 4 : l->kind == DQ__LINEAR ? 2 : 1;
}

static bool shaped(const dq__tensor *t, const dq__layer *l, int array) {
    size_t shape[DQ__MAX_RANK];
    const int rank = dq__array_shape(l, array, shape);
    if (!t || t->type == DQ__NOT_FLOAT || t->rank != rank) return false;
    for (int d = 0; d < rank; d++)
        if (t->shape[d] != shape[d]) return false;
    return true;
}

static dq_status take_array(dq_model *m, int i, int array, const dq__tensors *list, const dq__file *file, dq__error *err) {
    const dq__layer *l = &m->table.layer[i];
    char name[32];
    snprintf(name, sizeof name, "%s.%s", l->name, dq__array_name(array));
    const dq__tensor *t = dq__tensors_find(list, name);
    if (!shaped(t, l, array))
        return dq__fail(err, DQ_BAD_MODEL, "%s: the arrays of %s are missing or not of the shape of its table", file->name,
                        l->name);
    dq_status status = new_floats(dq__array(&m->weights, i, array), dq__tensor_count(t), l->name, err);
    if (!status) dq__tensor_gather(t, *dq__array(&m->weights, i, array));
    return status;
}

static dq_status build_table(dq_model *m, const dq__tensors *list, const dq__file *file, dq__error *err) {
    dq__error inner;
    if (dq__table_check(&list->table, &inner)) return dq__fail(err, DQ_BAD_MODEL, "%s: %s", file->name, inner.text);
    m->table = list->table;
    dq_status status = DQ_OK;
    for (int k = 0; k < DQ__ARRAYS * m->table.count && !status; k++)
        if (dq__array_count(&m->table.layer[k / DQ__ARRAYS], k % DQ__ARRAYS))
            status = take_array(m, k / DQ__ARRAYS, k % DQ__ARRAYS, list, file, err);
    return status;
}

dq_status dq__build(dq_model *m, const dq__tensors *list, const dq__file *file, dq__error *err) {
    if (list->credit[0]) snprintf(m->credit, sizeof m->credit, "%s", list->credit);
    if (list->source[0]) snprintf(m->source, sizeof m->source, "%s", list->source);
    if (list->has_table) return build_table(m, list, file, err);
    struct parts *p = dq__alloc_zero(sizeof *p);
    if (!p) return dq__no_memory(err, sizeof *p, "the names of layers");
    p->list = list;
    p->file = file;
    p->err = err;
    dq_status status = build_vgg(m, p);
    dq__free(p);
    return status;
}
