/* SPDX-License-Identifier: MIT
 * train/distil.c: the settings of a distillation, its batches, its loss. Files of networks and pictures are read when it is
 * made; a step reads pictures only. */
#include "train/distil.h"

#include "base/mem.h"
#include "model/model.h"
#include "net/executor.h"
#include "train/distil_sheet.h"
#include "train/images.h"
#include "train/match.h"
#include "train/student.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TEACHERS = 8, MAX_MATCHES = 12, MAX_FOLDERS = 16, MAX_PATH_TEXT = 4096, NAME = 24, SIDES = 2, FIT_BATCHES = 8 };

const char *const dq__distil_lists[] = {"teacher", "match", "images", "validate-images", NULL};

typedef struct teacher {
    char name[NAME], path[MAX_PATH_TEXT];
    dq_model *model;
    dq__packed *packed;
    dq__exec *exec;
    int layer[MAX_MATCHES], taps; /* ascending */
} teacher;

typedef struct match {
    char layer[NAME], teacher_name[NAME], teacher_layer[NAME];
    double weight;
    int teacher, tap;      /* which teacher, which of its taps */
    int head;              /* layer of the student */
    int predicted, seen;   /* taps of the student: the head, and the layer that it reads */
    bool rectify;          /* the teacher's layer is linear: clip it at 0 */
    bool guide;            /* shapes the layer in training; the network for use has no root there */
} match;

typedef struct folders {
    char *path[MAX_FOLDERS];
    double share[MAX_FOLDERS];
    int count;
} folders;

typedef struct distil {
    dq__pool *pool;
    char network[256], name[32], data[MAX_PATH_TEXT], credit[256], source[256];
    teacher teacher[MAX_TEACHERS];
    match match[MAX_MATCHES];
    int teachers, matches;
    folders folder[SIDES]; /* to train on, to validate on */
    dq__images *images[SIDES];
    dq__augment augment;
    int64_t batch, crop, validate_crops, cache_mb, seed;
    double gram_weight;
    dq__student student;
    int tap[2 * MAX_MATCHES], taps; /* layers of the student that are looked at: those that heads read, then the heads */
    char start[MAX_PATH_TEXT];
    float *begin;                   /* the parameters at step 0 */
    dq__packed *packed;
    dq__exec *exec;
    dq__gram_space *space;
    float *rgb, *grams;
    double *part; /* while a pass goes on: value and gram of each match */
    bool gradient;
    char part_text[2 * MAX_MATCHES][16];
    const char *part_name[2 * MAX_MATCHES];
} distil;

/* ---- settings ---- */

static dq_status full_path(const distil *d, const char *path, char *out, dq__error *err) {
    const bool relative = path[0] != '/' && d->data[0];
    const int n = snprintf(out, MAX_PATH_TEXT, "%s%s%s", relative ? d->data : "", relative ? "/" : "", path);
    return n > 0 && n < MAX_PATH_TEXT ? DQ_OK : dq__fail(err, DQ_USAGE, "the path is too long");
}

static dq_status set_teacher(distil *d, const char *value, dq__error *err) {
    char name[NAME];
    int used = 0;
    if (d->teachers == MAX_TEACHERS) return dq__fail(err, DQ_USAGE, "at most %d teachers", MAX_TEACHERS);
    if (sscanf(value, "%23s %n", name, &used) != 1 || !value[used]) return dq__fail(err, DQ_USAGE, "a teacher is NAME FILE");
    teacher *t = &d->teacher[d->teachers++];
    snprintf(t->name, sizeof t->name, "%s", name);
    return full_path(d, value + used, t->path, err);
}

static dq_status set_match(distil *d, const char *value, dq__error *err) {
    match m = {0};
    char guide[8] = "", end;
    if (d->matches == MAX_MATCHES) return dq__fail(err, DQ_USAGE, "at most %d matches", MAX_MATCHES);
    const int got = sscanf(value, "%23s %23[^. ].%23s %lf %7s %c", m.layer, m.teacher_name, m.teacher_layer, &m.weight, guide,
                           &end);
    m.guide = strcmp(guide, "guide") == 0;
    if (got < 4 || got > 5 || (got == 5 && !m.guide) || !(m.weight > 0) || !isfinite(m.weight))
        return dq__fail(err, DQ_USAGE, "a match is LAYER TEACHER.LAYER WEIGHT [guide], such as relu1_1 vgg.relu1_1 1");
    d->match[d->matches++] = m;
    return DQ_OK;
}

static dq_status set_folder(distil *d, folders *f, const char *value, bool shared, dq__error *err) {
    char path[MAX_PATH_TEXT], dir[MAX_PATH_TEXT];
    const char *blank = shared ? strrchr(value, ' ') : NULL;
    if (f->count == MAX_FOLDERS) return dq__fail(err, DQ_USAGE, "at most %d folders", MAX_FOLDERS);
    if (shared && !blank) return dq__fail(err, DQ_USAGE, "images are DIR SHARE, such as photos 0.5");
    dq_status status = shared ? dq__config_double(blank + 1, 0, 1e6, &f->share[f->count], err) : DQ_OK;
    if (!status && snprintf(dir, sizeof dir, "%.*s", (int)(blank ? blank - value : (ptrdiff_t)strlen(value)), value) < 1)
        status = dq__fail(err, DQ_USAGE, "a folder is missing");
    if (!status) status = full_path(d, dir, path, err);
    if (status) return status;
    f->path[f->count] = dq__strdup(path);
    if (!f->path[f->count]) return dq__no_memory(err, strlen(path), "a path");
    if (!shared) f->share[f->count] = 1;
    f->count++;
    return DQ_OK;
}

static dq_status set_text(char *to, size_t size, const char *value, dq__error *err) {
    return snprintf(to, size, "%s", value) < (int)size ? DQ_OK : dq__fail(err, DQ_USAGE, "at most %zu bytes", size - 1);
}

static dq_status set(void *user, const char *name, const char *value, dq__error *err) {
    distil *d = user;
    if (strcmp(name, "teacher") == 0) return set_teacher(d, value, err);
    if (strcmp(name, "match") == 0) return set_match(d, value, err);
    if (strcmp(name, "images") == 0) return set_folder(d, &d->folder[0], value, true, err);
    if (strcmp(name, "validate-images") == 0) return set_folder(d, &d->folder[1], value, false, err);
    if (strcmp(name, "start") == 0) return full_path(d, value, d->start, err);
    if (strcmp(name, "network") == 0) return set_text(d->network, sizeof d->network, value, err);
    if (strcmp(name, "name") == 0) return set_text(d->name, sizeof d->name, value, err);
    if (strcmp(name, "credit") == 0) return set_text(d->credit, sizeof d->credit, value, err);
    if (strcmp(name, "source") == 0) return set_text(d->source, sizeof d->source, value, err);
    if (strcmp(name, "data") == 0) return DQ_OK; /* taken before the others */
    if (strcmp(name, "batch") == 0) return dq__config_int(value, 1, 256, &d->batch, err);
    if (strcmp(name, "crop") == 0) return dq__config_int(value, 32, 1024, &d->crop, err);
    if (strcmp(name, "validate-crops") == 0) return dq__config_int(value, 1, 4096, &d->validate_crops, err);
    if (strcmp(name, "cache-mb") == 0) return dq__config_int(value, 0, 1 << 20, &d->cache_mb, err);
    if (strcmp(name, "gram-weight") == 0) return dq__config_double(value, 0, 1e6, &d->gram_weight, err);
    if (strncmp(name, "augment.", 8) == 0) return dq__augment_set(&d->augment, name + 8, value, err);
    return dq__fail(err, DQ_USAGE, "unknown name");
}

static dq_status set_data(void *user, const char *name, const char *value, dq__error *err) {
    distil *d = user;
    return strcmp(name, "data") == 0 ? set_text(d->data, sizeof d->data, value, err) : DQ_OK;
}

static dq_status check_settings(const distil *d, dq__error *err) {
    if (!d->teachers || !d->matches) return dq__fail(err, DQ_USAGE, "a distillation needs at least one teacher and one match");
    if (!d->folder[0].count) return dq__fail(err, DQ_USAGE, "a distillation needs a folder of images");
    if (!d->network[0]) return dq__fail(err, DQ_USAGE, "a distillation needs a network, such as 2x32 2x64 2x128");
    return dq__augment_check(&d->augment, err);
}

/* ---- networks ---- */

static int find_teacher(const distil *d, const char *name) {
    for (int t = 0; t < d->teachers; t++)
        if (strcmp(d->teacher[t].name, name) == 0) return t;
    return -1;
}

/* Puts layer `layer` into the ascending list of a teacher's taps. */
static void add_tap(teacher *t, int layer) {
    int at = 0;
    while (at < t->taps && t->layer[at] < layer) at++;
    if (at < t->taps && t->layer[at] == layer) return;
    memmove(t->layer + at + 1, t->layer + at, sizeof(int) * (size_t)(t->taps - at));
    t->layer[at] = layer;
    t->taps++;
}

static dq_status open_match(distil *d, match *m, dq__error *err) {
    m->teacher = find_teacher(d, m->teacher_name);
    if (m->teacher < 0) return dq__fail(err, DQ_USAGE, "match %s: there is no teacher %s", m->layer, m->teacher_name);
    teacher *t = &d->teacher[m->teacher];
    const dq__table *table = &t->model->table;
    const int layer = dq__table_exact(table, m->teacher_layer);
    if (layer < 0) return dq__fail(err, DQ_USAGE, "match %s: teacher %s has no layer %s", m->layer, t->name, m->teacher_layer);
    m->rectify = table->layer[layer].kind == DQ__CONV;
    m->tap = layer; /* until all are known */
    add_tap(t, layer);
    return dq__student_head(&d->student, m->layer, table->layer[layer].oc, &m->head, err);
}

static void number_taps(distil *d) {
    for (int k = 0; k < d->matches; k++) {
        match *m = &d->match[k];
        const teacher *t = &d->teacher[m->teacher];
        for (int tap = 0; tap < t->taps; tap++)
            if (t->layer[tap] == m->tap) {
                m->tap = tap;
                break;
            }
    }
}

static dq_status open_teacher(distil *d, teacher *t, dq__error *err) {
    if (!t->taps) return dq__fail(err, DQ_USAGE, "teacher %s matches nothing", t->name);
    const int last = t->layer[t->taps - 1];
    const dq__exec_options options = {.h = (int)d->crop, .w = (int)d->crop, .n = (int)d->batch, .tap = t->layer, .taps = t->taps};
    dq_status status = dq__packed_new(&t->packed, &t->model->table, &t->model->weights, last, false, err);
    return status ? status : dq__exec_new(&t->exec, d->pool, &t->model->table, t->packed, &options, err);
}

static int find_tap(const distil *d, int layer) {
    int tap = 0;
    while (tap < d->taps && d->tap[tap] != layer) tap++;
    return tap;
}

/* The layers that heads read, in their order, then the heads. */
static void list_taps(distil *d) {
    for (int i = 0; i < d->student.table.count; i++) {
        bool looked_at = i >= d->student.chain;
        for (int k = 0; k < d->matches; k++) looked_at |= d->student.table.layer[d->match[k].head].from == i;
        if (looked_at) d->tap[d->taps++] = i;
    }
    for (int k = 0; k < d->matches; k++) {
        d->match[k].predicted = find_tap(d, d->match[k].head);
        d->match[k].seen = find_tap(d, d->student.table.layer[d->match[k].head].from);
    }
}

static dq_status begin_student(distil *d, dq__error *err) {
    dq_model *model = NULL;
    d->begin = dq__alloc(sizeof(float) * d->student.parameters);
    if (!d->begin) return dq__no_memory(err, sizeof(float) * d->student.parameters, "a network");
    dq__student_fill(&d->student, (uint64_t)d->seed, d->begin);
    dq_status status = d->start[0] ? dq__model_read(&model, d->start, err) : DQ_OK;
    if (model) status = dq__student_start(&d->student, model, d->begin, err);
    dq__model_free(&model);
    return status;
}

static dq_status open_student(distil *d, dq__error *err) {
    const dq__table *table = &d->student.table;
    dq_status status = begin_student(d, err);
    if (status) return status;
    list_taps(d);
    const dq__exec_options options = {.h = (int)d->crop, .w = (int)d->crop, .n = (int)d->batch, .tap = d->tap, .taps = d->taps,
                                      .train = true};
    const dq__weights weights = dq__student_view(&d->student, d->begin);
    status = dq__packed_new(&d->packed, table, &weights, table->count - 1, true, err);
    return status ? status : dq__exec_new(&d->exec, d->pool, table, d->packed, &options, err);
}

static dq_status open_memory(distil *d, dq__error *err) {
    int cs = 16;
    for (int k = 0; k < d->matches; k++) {
        const int c = dq__map_stride(d->student.table.layer[d->match[k].head].oc);
        if (c > cs) cs = c;
    }
    const size_t rgb = (size_t)(d->batch * d->crop * d->crop) * 3, grams = (size_t)d->batch * (size_t)cs * (size_t)cs;
    d->rgb = dq__alloc(sizeof(float) * rgb);
    d->grams = dq__alloc(sizeof(float) * grams);
    if (!d->rgb || !d->grams) return dq__no_memory(err, sizeof(float) * (rgb + grams), "a batch");
    return dq__gram_space_new(&d->space, cs, err);
}

static dq_status open_images(distil *d, int side, dq__error *err) {
    const folders *f = &d->folder[side];
    if (!f->count) return DQ_OK;
    return dq__images_open(&d->images[side], (const char *const *)f->path, f->share, f->count,
                           (size_t)d->cache_mb << (side ? 18 : 20), err);
}

static dq_status open_all(distil *d, dq__error *err) {
    dq_status status = dq__student_init(&d->student, d->name, d->network, err);
    for (int t = 0; !status && t < d->teachers; t++) status = dq__model_read(&d->teacher[t].model, d->teacher[t].path, err);
    for (int k = 0; !status && k < d->matches; k++) status = open_match(d, &d->match[k], err);
    if (status) return status;
    number_taps(d);
    for (int t = 0; !status && t < d->teachers; t++) status = open_teacher(d, &d->teacher[t], err);
    if (!status) status = open_student(d, err);
    if (!status) status = open_memory(d, err);
    for (int side = 0; !status && side < SIDES; side++) status = open_images(d, side, err);
    return status;
}

/* ---- a step ---- */

/* Batch number `batch` to train on. */
static dq_status take_batch(distil *d, int64_t batch, dq__error *err) {
    const int n = (int)d->batch;
    return dq__images_batch(d->images[0], d->pool, &d->augment, (uint64_t)d->seed, batch * n, n, (int)d->crop, d->rgb, err);
}

/* Batch number `batch` of unvaried crops to validate on, or of the others where there are none. */
static dq_status take_plain(distil *d, int64_t batch, dq__error *err) {
    const int n = (int)d->batch, side = d->images[1] ? 1 : 0;
    return dq__images_batch(d->images[side], d->pool, NULL, 1, batch * n, n, (int)d->crop, d->rgb, err);
}

static void teach(distil *d) {
    for (int t = 0; t < d->teachers; t++) dq__exec_forward(d->teacher[t].exec, d->rgb);
    for (int k = 0; k < d->matches; k++)
        if (d->match[k].rectify) dq__match_rectify(d->pool, dq__exec_tap(d->teacher[d->match[k].teacher].exec, d->match[k].tap));
}

static const dq__tensor *target_of(const distil *d, const match *m) {
    return dq__exec_tap(d->teacher[m->teacher].exec, m->tap);
}

/* The match whose head is at this tap of the student, −1 where a head is read from. */
static int match_at(const distil *d, int tap) {
    int k = d->matches - 1;
    while (k >= 0 && d->match[k].predicted != tap) k--;
    return k;
}

static void at_tap(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    distil *d = user;
    const int k = match_at(d, tap);
    if (k < 0) return;
    const match *m = &d->match[k];
    const dq__match_cost cost = dq__match(d->pool, d->space, d->grams, f, target_of(d, m), m->weight, d->gram_weight, grad);
    d->part[2 * k] += cost.value;
    d->part[2 * k + 1] += cost.gram;
}

static double loss_of(const distil *d, const double *part) {
    double loss = 0;
    for (int k = 0; k < d->matches; k++) loss += d->match[k].weight * (part[2 * k] + d->gram_weight * part[2 * k + 1]);
    return loss;
}

static void take_weights(distil *d, const float *theta) {
    const dq__weights weights = dq__student_view(&d->student, theta);
    dq__packed_update(d->packed, &d->student.table, &weights);
}

static dq_status gradient(void *self, const float *theta, int64_t step, float *gradient, double *loss, double *part,
                          dq__error *err) {
    distil *d = self;
    dq_status status = take_batch(d, step, err);
    if (status) return status;
    memset(gradient, 0, sizeof(float) * d->student.parameters);
    memset(part, 0, sizeof(double) * 2 * (size_t)d->matches);
    const dq__weights to = dq__student_gradient(&d->student, gradient);
    take_weights(d, theta);
    teach(d);
    dq__exec_forward(d->exec, d->rgb);
    d->part = part;
    dq__exec_train(d->exec, at_tap, d, &to);
    *loss = loss_of(d, part);
    return DQ_OK;
}

static dq_status validate(void *self, const float *theta, double *loss, double *part, dq__error *err) {
    distil *d = self;
    const int rounds = (int)((d->validate_crops + d->batch - 1) / d->batch);
    memset(part, 0, sizeof(double) * 2 * (size_t)d->matches);
    d->part = part;
    take_weights(d, theta);
    for (int k = 0; k < rounds; k++) {
        dq_status status = take_plain(d, k, err);
        if (status) return status;
        teach(d);
        dq__exec_forward(d->exec, d->rgb);
        for (int tap = 0; tap < d->taps; tap++) at_tap(d, tap, dq__exec_tap(d->exec, tap), NULL);
    }
    for (int k = 0; k < 2 * d->matches; k++) part[k] /= rounds;
    *loss = loss_of(d, part);
    return DQ_OK;
}

static dq_status sheet(void *self, const float *theta, const char *path, dq__error *err) {
    distil *d = self;
    const dq__tensor *pair[2 * MAX_MATCHES];
    dq_status status = take_plain(d, 0, err);
    if (status) return status;
    take_weights(d, theta);
    teach(d);
    dq__exec_forward(d->exec, d->rgb);
    for (int k = 0; k < d->matches; k++) {
        pair[2 * k] = target_of(d, &d->match[k]);
        pair[2 * k + 1] = dq__exec_tap(d->exec, d->match[k].predicted);
    }
    return dq__distil_sheet(d->rgb, (int)d->crop, pair, d->matches, path, err);
}

static dq_status save(void *self, const float *theta, int64_t step, const char *path, dq__error *err) {
    distil *d = self;
    double weight[MAX_MATCHES];
    char source[320];
    for (int k = 0; k < d->matches; k++) weight[k] = d->match[k].guide ? 0 : d->match[k].weight;
    snprintf(source, sizeof source, "%s, %lld steps", d->source, (long long)step);
    return dq__student_save(&d->student, theta, weight, d->credit, source, path, err);
}

/* ---- the beginning: heads by least squares ---- */

/* Asks for the gradient whose sum over positions with what the head reads is F·sᵀ. */
static void give_target(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    const distil *d = user;
    const int k = match_at(d, tap);
    if (k < 0) return;
    const dq__tensor *target = target_of(d, &d->match[k]);
    for (int p = 0; p < f->n; p++) {
        const dq__tensor from = dq__picture(target, p), to = dq__picture(grad, p);
        const size_t row = sizeof(float) * (size_t)f->w * (size_t)f->cs;
        for (int y = 0; y < f->h; y++) memcpy(dq__pixel(&to, y, 0), dq__pixel(&from, y, 0), row);
    }
}

/* One batch: adds to `cross` where the gradient of the heads goes, and to the Gram matrices of what they read. */
static dq_status add_moments(distil *d, int64_t batch, float *cross, float *gram, size_t square, dq__error *err) {
    const dq__weights to = dq__student_gradient(&d->student, cross);
    dq_status status = take_batch(d, batch, err);
    if (status) return status;
    teach(d);
    dq__exec_forward(d->exec, d->rgb);
    for (int k = 0; k < d->matches; k++) {
        const dq__tensor *s = dq__exec_tap(d->exec, d->match[k].seen);
        for (int p = 0; p < s->n; p++) {
            const dq__tensor one = dq__picture(s, p);
            dq__gram(d->pool, d->space, &one, d->grams);
            for (size_t j = 0; j < (size_t)s->cs * (size_t)s->cs; j++)
                gram[(size_t)k * square + j] += d->grams[j] * (float)(s->h * s->w);
        }
    }
    dq__exec_train(d->exec, give_target, d, &to);
    return DQ_OK;
}

/* Heads are linear in what they are asked to predict: they begin at their best, for the network as it begins. */
static dq_status fit_heads(distil *d, dq__error *err) {
    size_t square = 0;
    for (int k = 0; k < d->matches; k++) {
        const size_t cs = (size_t)dq__exec_tap(d->exec, d->match[k].seen)->cs;
        if (cs * cs > square) square = cs * cs;
    }
    float *cross = dq__alloc_zero(sizeof(float) * d->student.parameters);
    float *gram = dq__alloc_zero(sizeof(float) * square * (size_t)d->matches);
    dq_status status = cross && gram ? DQ_OK : dq__no_memory(err, sizeof(float) * d->student.parameters, "the heads");
    if (!status) take_weights(d, d->begin);
    for (int64_t b = 0; !status && b < FIT_BATCHES; b++) status = add_moments(d, b, cross, gram, square, err);
    for (int k = 0; !status && k < d->matches; k++) {
        const int head = d->match[k].head;
        status = dq__student_fit(&d->student, head, gram + (size_t)k * square, cross + d->student.weight_at[head], d->begin, err);
    }
    dq__free(cross);
    dq__free(gram);
    return status;
}

static void init(void *self, uint64_t seed, float *theta) {
    const distil *d = self;
    (void)seed; /* is in the recipe, and was used when the task was made */
    memcpy(theta, d->begin, sizeof(float) * d->student.parameters);
}

/* ---- making and unmaking ---- */

static void destroy(void *self) {
    distil *d = self;
    for (int t = 0; t < d->teachers; t++) {
        dq__exec_free(&d->teacher[t].exec);
        dq__packed_free(&d->teacher[t].packed);
        dq__model_free(&d->teacher[t].model);
    }
    for (int side = 0; side < SIDES; side++) {
        dq__images_free(&d->images[side]);
        for (int k = 0; k < d->folder[side].count; k++) dq__free(d->folder[side].path[k]);
    }
    dq__exec_free(&d->exec);
    dq__packed_free(&d->packed);
    dq__student_deinit(&d->student);
    dq__gram_space_free(&d->space);
    dq__free(d->rgb);
    dq__free(d->grams);
    dq__free(d->begin);
    dq__free(d);
}

static void name_parts(distil *d) {
    for (int k = 0; k < d->matches; k++) {
        snprintf(d->part_text[2 * k], 16, "%.8s", d->match[k].layer + 4);
        snprintf(d->part_text[2 * k + 1], 16, "gram%.8s", d->match[k].layer + 4);
    }
    for (int k = 0; k < 2 * d->matches; k++) d->part_name[k] = d->part_text[k];
}

dq_status dq__distil_new(dq__task *out, dq__pool *pool, const dq__config *config, dq__error *err) {
    distil *d = dq__alloc_zero(sizeof *d);
    if (!d) return dq__no_memory(err, sizeof *d, "a distillation");
    d->pool = pool;
    d->augment = dq__augment_default();
    d->batch = 8, d->crop = 128, d->validate_crops = 64, d->cache_mb = 600, d->gram_weight = 0.1;
    d->seed = dq__config_settings(config)->seed;
    snprintf(d->name, sizeof d->name, "student");
    dq_status status = dq__config_apply(config, set_data, d, err);
    if (!status) status = dq__config_apply(config, set, d, err);
    if (!status) status = check_settings(d, err);
    if (!status) status = open_all(d, err);
    if (!status) status = fit_heads(d, err);
    if (status) {
        destroy(d);
        return status;
    }
    name_parts(d);
    *out = (dq__task){.self = d, .parameters = d->student.parameters, .parts = 2 * d->matches, .part_name = d->part_name,
                      .init = init, .gradient = gradient, .validate = d->images[1] ? validate : NULL, .sheet = sheet,
                      .save = save, .free = destroy};
    return DQ_OK;
}
