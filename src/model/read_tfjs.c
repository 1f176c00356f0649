/* SPDX-License-Identifier: MIT
 * model/read_tfjs.c: Tiny Darknet as TensorFlow.js keeps it: model.json, which lists arrays, and their numbers in files beside
 * it. dq__tfjs_gather puts all into one run of bytes, JSON first, then the numbers in its order; dq__read_tfjs reads that, and
 * folds batch norms into the convolutions. The network is known; only its arrays are taken from the file. */
#include "base/mem.h"
#include "model/tensors.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONVS = 16, MAX_JSON = 1 << 20, MAX_NUMBERS = 64 << 20 };

/* Tiny Darknet's convolutions: channels and kernel; a pool follows where the map halves. All but the last have a batch norm
 * and a leaky ReLU above them. */
static const struct {
    int oc, kernel;
    bool pool;
} convs[CONVS] = {{16, 3, true},  {32, 3, true},  {16, 1, false}, {128, 3, false}, {16, 1, false}, {128, 3, true},
                  {32, 1, false}, {256, 3, false}, {32, 1, false}, {256, 3, true}, {64, 1, false}, {512, 3, false},
                  {64, 1, false}, {512, 3, false}, {128, 1, false}, {1000, 1, false}};

static dq_status bad(const dq__file *f, const char *what, dq__error *err) {
    return dq__fail(err, DQ_BAD_MODEL, "%s: %s", f->name, what);
}

/* The JSON at the start of the bytes and its length; NULL if there is none. */
static json_t *parse_json(const dq__file *f, size_t *length) {
    json_error_t why;
    const size_t size = f->size < MAX_JSON ? f->size : MAX_JSON;
    json_t *root = json_loadb((const char *)f->bytes, size, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &why);
    *length = root ? (size_t)why.position : 0;
    return root;
}

bool dq__is_tfjs(const dq__file *f) {
    static const char key[] = "\"weightsManifest\"";
    return f->size > 0 && f->bytes[0] == '{' && memmem(f->bytes, f->size < MAX_JSON ? f->size : MAX_JSON, key, sizeof key - 1);
}

/* ---- gathering ---- */

/* A name in the same folder and nothing else. */
static bool stays_here(const char *name) { return name && *name && name[0] != '.' && !strchr(name, '/'); }

/* Appends the file `name` of the folder. */
static dq_status append(int folder, const dq__file *f, const char *name, dq__file *all, dq__error *err) {
    struct stat info;
    if (!stays_here(name)) return bad(f, "it names a file that is not beside it", err);
    const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) return dq__fail(err, DQ_BAD_MODEL, "%s: %.64s, which lies beside it, cannot be opened: %s", f->name, name,
                                strerror(errno));
    dq_status status = DQ_OK;
    unsigned char *bytes = NULL;
    if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size > (off_t)(MAX_NUMBERS - all->size)) {
        status = dq__fail(err, DQ_BAD_MODEL, "%s: %.64s, which lies beside it, is not a file or too large", f->name, name);
        goto done;
    }
    const size_t more = (size_t)info.st_size;
    bytes = dq__alloc(all->size + more);
    if (!bytes) {
        status = dq__no_memory(err, all->size + more, name);
        goto done;
    }
    memcpy(bytes, all->bytes, all->size);
    if (read(fd, bytes + all->size, more) != (ssize_t)more) {
        status = dq__fail(err, DQ_BAD_MODEL, "%s: %.64s, which lies beside it, cannot be read", f->name, name);
        goto done;
    }
    dq__free((void *)(uintptr_t)all->bytes);
    all->bytes = bytes;
    all->size += more;
    bytes = NULL;
done:
    dq__free(bytes);
    close(fd);
    return status;
}

static dq_status append_groups(int folder, const dq__file *f, const json_t *root, dq__file *all, dq__error *err) {
    size_t g, k;
    json_t *group, *path;
    dq_status status = DQ_OK;
    json_array_foreach(json_object_get(root, "weightsManifest"), g, group) {
        json_array_foreach(json_object_get(group, "paths"), k, path) {
            status = append(folder, f, json_string_value(path), all, err);
            if (status) return status;
        }
    }
    return status;
}

/* The folder that the file lies in. */
static int open_folder(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (n >= sizeof folder) return -1;
    memcpy(folder, path, n);
    folder[n] = 0;
    return open(n ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

dq_status dq__tfjs_gather(const dq__file *file, dq__file *all, dq__error *err) {
    size_t length;
    *all = (dq__file){.name = file->name};
    json_t *root = parse_json(file, &length);
    if (!root) return bad(file, "damaged: no JSON", err);
    dq_status status;
    unsigned char *text = NULL;
    const int folder = open_folder(file->name);
    if (folder < 0) {
        status = bad(file, "its folder cannot be opened", err);
        goto done;
    }
    text = dq__alloc(length);
    if (!text) {
        status = dq__no_memory(err, length, "model.json");
        goto done;
    }
    memcpy(text, file->bytes, length);
    all->bytes = text;
    all->size = length;
    status = append_groups(folder, file, root, all, err);
done:
    if (folder >= 0) close(folder);
    json_decref(root);
    return status;
}

/* ---- the arrays ---- */

/* One array of the manifest: its numbers, and how many. */
struct numbers {
    const unsigned char *data;
    size_t count;
    size_t shape[4];
    int rank;
};

/* Shape and count; false for what is no array of floats. */
static bool parse_entry(const json_t *entry, struct numbers *out) {
    const json_t *shape = json_object_get(entry, "shape");
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    out->count = 1;
    out->rank = (int)json_array_size(shape);
    if (!type || strcmp(type, "float32") != 0 || json_object_get(entry, "quantization")) return false;
    if (json_array_size(shape) < 1 || json_array_size(shape) > 4) return false;
    for (int d = 0; d < out->rank; d++) {
        const json_int_t n = json_integer_value(json_array_get(shape, (size_t)d));
        if (n < 1 || n > MAX_NUMBERS || !dq__mul(out->count, (size_t)n, &out->count)) return false;
        out->shape[d] = (size_t)n;
    }
    return out->count <= MAX_NUMBERS;
}

/* The numbers of array `name`, in a file gathered as `f` with its JSON of `length` bytes; false when they are not there. */
static bool find_numbers(const dq__file *f, const json_t *root, size_t length, const char *name, struct numbers *out) {
    size_t g, k, at = length;
    json_t *group, *entry;
    json_array_foreach(json_object_get(root, "weightsManifest"), g, group) {
        json_array_foreach(json_object_get(group, "weights"), k, entry) {
            const char *own = json_string_value(json_object_get(entry, "name"));
            if (!parse_entry(entry, out) || 4 * out->count > f->size - at) return false;
            out->data = f->bytes + at;
            if (own && strcmp(own, name) == 0) return true;
            at += 4 * out->count;
        }
    }
    return false;
}

/* Do the arrays take up all the numbers, no more and no less? */
static bool sizes_agree(const dq__file *f, const json_t *root, size_t length) {
    size_t g, k, at = length;
    json_t *group, *entry;
    json_array_foreach(json_object_get(root, "weightsManifest"), g, group) {
        json_array_foreach(json_object_get(group, "weights"), k, entry) {
            struct numbers n;
            if (!parse_entry(entry, &n) || 4 * n.count > f->size - at) return false;
            at += 4 * n.count;
        }
    }
    return at == f->size;
}

static float float_at(const unsigned char *data, size_t index) {
    const uint32_t bits = dq__le32(data + 4 * index);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put_float(unsigned char *data, size_t index, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (int k = 0; k < 4; k++) data[4 * index + (size_t)k] = (unsigned char)(bits >> 8 * k);
}

/* ---- convolutions with their batch norms folded in ---- */

struct source {
    const dq__file *file;
    const json_t *root;
    size_t length;
    dq__tensors *list;
    dq__error *err;
};

static dq_status find_array(const struct source *s, const char *base, int number, const char *what, struct numbers *out) {
    char name[64];
    snprintf(name, sizeof name, "%s_%d/%s", base, number, what);
    if (find_numbers(s->file, s->root, s->length, name, out)) return DQ_OK;
    return dq__fail(s->err, DQ_BAD_MODEL, "%s: it has no array %s: not Tiny Darknet", s->file->name, name);
}

static dq_status find_vector(const struct source *s, const char *base, int number, const char *what, size_t count,
                             struct numbers *out) {
    dq_status status = find_array(s, base, number, what, out);
    if (status || (out->rank == 1 && out->count == count)) return status;
    return dq__fail(s->err, DQ_BAD_MODEL, "%s: %s_%d/%s has not the shape of Tiny Darknet's", s->file->name, base, number, what);
}

/* What a batch norm does to channel o: times scale, plus shift. Darknet adds its small number to the root. */
static dq_status read_norm(const struct source *s, int number, size_t oc, float *scale, float *shift) {
    static const char *const whats[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    struct numbers n[4];
    for (int k = 0; k < 4; k++) {
        dq_status status = find_vector(s, "batch_normalization", number, whats[k], oc, &n[k]);
        if (status) return status;
    }
    for (size_t o = 0; o < oc; o++) {
        scale[o] = float_at(n[0].data, o) / (sqrtf(float_at(n[3].data, o)) + 1e-6f);
        shift[o] = float_at(n[1].data, o) - scale[o] * float_at(n[2].data, o);
    }
    return DQ_OK;
}

/* A bias is all there is above the last convolution. */
static dq_status read_bias(const struct source *s, int number, size_t oc, float *scale, float *shift) {
    struct numbers n;
    dq_status status = find_vector(s, "conv2d", number, "bias", oc, &n);
    for (size_t o = 0; !status && o < oc; o++) scale[o] = 1, shift[o] = float_at(n.data, o);
    return status;
}

static dq_status add_owned(const struct source *s, int number, const char *what, int rank, const size_t *shape,
                           dq__tensor **out) {
    char name[DQ__MAX_TENSOR_NAME];
    const int length = snprintf(name, sizeof name, "conv%d.%s", number, what);
    dq_status status = dq__tensors_add(s->list, out, name, (size_t)length, s->file, s->err);
    if (status) return status;
    dq__tensor *t = *out;
    t->type = DQ__F32;
    t->rank = rank;
    memcpy(t->shape, shape, (size_t)rank * sizeof *shape);
    dq__tensor_dense(t);
    t->data = t->owned = dq__alloc(4 * dq__tensor_count(t));
    return t->owned ? DQ_OK : dq__no_memory(s->err, 4 * dq__tensor_count(t), name);
}

/* Kernels lie as (kh,kw,ic,oc); each output's weights are scaled. */
static dq_status add_weight(const struct source *s, int number, size_t ic, const float *scale) {
    const size_t oc = (size_t)convs[number - 1].oc, kernel = (size_t)convs[number - 1].kernel, taps = kernel * kernel;
    struct numbers n;
    dq__tensor *t;
    dq_status status = find_array(s, "conv2d", number, "kernel", &n);
    if (status) return status;
    if (n.rank != 4 || n.shape[0] != kernel || n.shape[1] != kernel || n.shape[2] != ic || n.shape[3] != oc)
        return dq__fail(s->err, DQ_BAD_MODEL, "%s: conv2d_%d/kernel has not the shape of Tiny Darknet's", s->file->name, number);
    status = add_owned(s, number, "weight", 4, (size_t[]){oc, ic, kernel, kernel}, &t);
    if (status) return status;
    for (size_t o = 0; o < oc; o++)
        for (size_t i = 0; i < ic; i++)
            for (size_t k = 0; k < taps; k++)
                put_float(t->owned, (o * ic + i) * taps + k, scale[o] * float_at(n.data, (k * ic + i) * oc + o));
    return DQ_OK;
}

static dq_status add_conv(const struct source *s, int number, size_t ic) {
    const size_t oc = (size_t)convs[number - 1].oc;
    float scale[1000], shift[1000]; /* the widest is the classifier */
    dq__tensor *t;
    dq_status status = number < CONVS ? read_norm(s, number, oc, scale, shift) : read_bias(s, number, oc, scale, shift);
    if (!status) status = add_weight(s, number, ic, scale);
    if (!status) status = add_owned(s, number, "bias", 1, &oc, &t);
    for (size_t o = 0; !status && o < oc; o++) put_float(t->owned, o, shift[o]);
    return status;
}

static void make_table(dq__table *t) {
    int ic = 3, pools = 0;
    *t = (dq__table){.name = "tiny-darknet", .padding = DQ__PAD_ZERO, .pooling = DQ__POOL_MAX,
                     .input = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}}};
    for (int k = 0; k < CONVS; k++) {
        char name[16];
        const int oc = convs[k].oc;
        snprintf(name, sizeof name, "conv%d", k + 1);
        dq__layer *l = dq__table_add(t, DQ__CONV, ic, oc, name);
        l->kernel = convs[k].kernel;
        l->pad = convs[k].kernel / 2;
        ic = oc;
        if (k == CONVS - 1) break;
        snprintf(name, sizeof name, "relu%d", k + 1);
        dq__table_add(t, DQ__LEAKY_RELU, oc, oc, name)->slope = 0.1f;
        snprintf(name, sizeof name, "pool%d", pools + 1);
        if (convs[k].pool) dq__table_add(t, DQ__POOL, oc, oc, name), pools++;
    }
    dq__table_add(t, DQ__GLOBAL_POOL, ic, ic, "classes");
}

dq_status dq__read_tfjs(const dq__file *file, dq__tensors *list, dq__error *err) {
    struct source s = {.file = file, .list = list, .err = err};
    size_t ic = 3;
    json_t *root = parse_json(file, &s.length);
    if (!root) return bad(file, "damaged: no JSON", err);
    s.root = root;
    dq_status status = sizes_agree(file, root, s.length)
                           ? DQ_OK
                           : bad(file, "the arrays it lists and the files beside it do not agree, or are no floats", err);
    for (int number = 1; number <= CONVS && !status; number++) {
        status = add_conv(&s, number, ic);
        ic = (size_t)convs[number - 1].oc;
    }
    json_decref(root);
    if (status) return status;
    make_table(&list->table);
    list->has_table = true;
    snprintf(list->credit, sizeof list->credit, "Tiny Darknet: J. Redmon, public domain; converted by ml5, MIT");
    return DQ_OK;
}
