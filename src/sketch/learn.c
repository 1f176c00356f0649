/* SPDX-License-Identifier: MIT
 * sketch/learn.c: settings, batches and losses of a student. It sees photos and draws sketches; where a second one goes the other
 * way beside it, they share what they know: KT and KD by their features, DCF by what lies in their middle. Only the first is
 * kept. Built after the abstracts of the papers; layers and weights are our own. */
#include "sketch/learn.h"

#include "base/mem.h"
#include "base/rng.h"
#include "loss/adversarial.h"
#include "loss/content.h"
#include "loss/distance.h"
#include "model/model.h"
#include "sketch/net.h"
#include "sketch/pairs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FOLDERS = 8, WAYS = 2, LAYERS = 3, STREAM = 5003, PIXELS = DQ__NET_PIXELS, N = DQ__FRAME_PIXELS, MAX_TEXT = 4096 };
enum part { L1, EDGES, TEACHER, MUTUAL, LATENT, FOOL, JUDGE, PARTS };

const char *const dq__sketch_lists[] = {"pairs", NULL};
const char dq__sketch_recipe[] = "steps = 1072\nrate = 2e-3\nfinal-rate = 4e-5\nwarmup = 20\nbeta2 = 0.99\nclip = 1\n"
                                 "average = 0.99\nvalidate-every = 200\ncheckpoint-every = 60\n";
static const char *const part_names[PARTS] = {"l1", "edges", "teacher", "mutual", "latent", "fool", "judge"};

/* What each method adds to the first difference of pixels. */
typedef struct weights {
    const char *name;
    double edges, teacher, mutual, latent, fool;
} weights;

static const weights methods[] = {
    {"student", 0.5, 0, 0, 0, 0},      {"kt", 0.2, 1, 0.1, 0, 0},      {"kt-light", 0.2, 1, 0, 0, 0},
    {"kd+", 0.2, 1, 0.1, 0, 0.01},     {"dcf", 0.5, 0, 0, 0.1, 0},     {"dcf+", 0.5, 0, 0, 0.1, 0.01},
};

/* One way: photo to sketch, or back. */
typedef struct way {
    dq__trainee student, judge;
    size_t at, judge_at;    /* places in the vector */
    float *input, *want;    /* [n][PIXELS][3], [n][PIXELS] */
    float *slope;           /* of the loss by the drawing, [n][PIXELS] */
    dq__tensor seen[DQ__SEE_MIDDLE + 1]; /* copies of its encoder's features */
    float *seen_memory[DQ__SEE_MIDDLE + 1];
} way;

typedef struct learning {
    dq__pool *pool;
    char folder[MAX_FOLDERS][MAX_TEXT], encoder_name[MAX_TEXT];
    int folders;
    bool to_photo, vary;
    int64_t batch, holdout, seed;
    weights weight;
    dq__pairs *pairs[MAX_FOLDERS];
    int *train, *held, trains, helds; /* pairs as folder·DQ__MAX_PAIRS + number */
    int ways;
    way way[WAYS];
    size_t parameters;
    dq_model *encoder;
    dq__packed *packed;
    dq__exec *wanted, *made; /* the teacher, on what is wanted and on what is drawn */
    float *rgb, *rgb_slope;  /* [n][PIXELS][3] */
    double *part;            /* of the pass that goes on */
    bool back;               /* does it make a gradient? */
    int at_way;
} learning;

/* ---- settings ---- */

static dq_status set_method(learning *l, const char *value, dq__error *err) {
    const char *name = strcmp(value, "kd") == 0 ? "kt" : value; /* one teacher for both: here the two are the same */
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0) {
            l->weight = methods[i];
            return DQ_OK;
        }
    return dq__fail(err, DQ_USAGE, "student, kt, kt-light, kd, kd+, dcf or dcf+ is wanted, not '%.32s'", value);
}

static dq_status set_text(char *to, size_t size, const char *value, dq__error *err) {
    return snprintf(to, size, "%s", value) < (int)size ? DQ_OK : dq__fail(err, DQ_USAGE, "at most %zu bytes", size - 1);
}

static dq_status set_direction(learning *l, const char *value, dq__error *err) {
    l->to_photo = strcmp(value, "sketch-to-photo") == 0;
    if (l->to_photo || strcmp(value, "photo-to-sketch") == 0) return DQ_OK;
    return dq__fail(err, DQ_USAGE, "photo-to-sketch or sketch-to-photo is wanted, not '%.32s'", value);
}

static dq_status set(void *user, const char *name, const char *value, dq__error *err) {
    learning *l = user;
    int64_t whole;
    dq_status status;
    if (strcmp(name, "method") == 0) return DQ_OK; /* taken before the others */
    if (strcmp(name, "pairs") == 0) {
        if (l->folders == MAX_FOLDERS) return dq__fail(err, DQ_USAGE, "at most %d folders", MAX_FOLDERS);
        return set_text(l->folder[l->folders++], MAX_TEXT, value, err);
    }
    if (strcmp(name, "direction") == 0) return set_direction(l, value, err);
    if (strcmp(name, "encoder") == 0) return set_text(l->encoder_name, sizeof l->encoder_name, value, err);
    if (strcmp(name, "batch") == 0) return dq__config_int(value, 1, 16, &l->batch, err);
    if (strcmp(name, "holdout") == 0) return dq__config_int(value, 0, DQ__MAX_PAIRS, &l->holdout, err);
    if (strcmp(name, "edge-weight") == 0) return dq__config_double(value, 0, 1e3, &l->weight.edges, err);
    if (strcmp(name, "teacher-weight") == 0) return dq__config_double(value, 0, 1e3, &l->weight.teacher, err);
    if (strcmp(name, "mutual-weight") == 0) return dq__config_double(value, 0, 1e3, &l->weight.mutual, err);
    if (strcmp(name, "latent-weight") == 0) return dq__config_double(value, 0, 1e3, &l->weight.latent, err);
    if (strcmp(name, "fool-weight") == 0) return dq__config_double(value, 0, 1e3, &l->weight.fool, err);
    if (strcmp(name, "vary") != 0) return dq__fail(err, DQ_USAGE, "unknown name");
    status = dq__config_int(value, 0, 1, &whole, err);
    l->vary = !status && whole;
    return status;
}

static dq_status set_first(void *user, const char *name, const char *value, dq__error *err) {
    return strcmp(name, "method") == 0 ? set_method(user, value, err) : DQ_OK;
}

/* ---- pairs ---- */

/* Of all pairs every so-manieth is held out, so that each folder gives its share. */
static dq_status split_pairs(learning *l, dq__error *err) {
    int total = 0, number = 0;
    for (int f = 0; f < l->folders; f++) total += l->pairs[f]->count;
    if (l->holdout >= total)
        return dq__fail(err, DQ_USAGE, "holdout is %lld of %d pairs; some must be left to train on", (long long)l->holdout,
                        total);
    l->train = dq__alloc(sizeof(int) * (size_t)total);
    l->held = dq__alloc(sizeof(int) * (size_t)total);
    if (!l->train || !l->held) return dq__no_memory(err, sizeof(int) * (size_t)total, "a list of pairs");
    for (int f = 0; f < l->folders; f++)
        for (int k = 0; k < l->pairs[f]->count; k++, number++) {
            const bool held = (number + 1) * l->holdout / total > number * l->holdout / total;
            if (held) l->held[l->helds++] = f * DQ__MAX_PAIRS + k;
            else l->train[l->trains++] = f * DQ__MAX_PAIRS + k;
        }
    return DQ_OK;
}

static dq_status open_pairs(learning *l, dq__error *err) {
    dq_status status = DQ_OK;
    if (!l->folders) return dq__fail(err, DQ_USAGE, "a student needs a folder of pairs: pairs = DIR");
    for (int f = 0; !status && f < l->folders; f++)
        status = dq__pairs_read(&l->pairs[f], l->pool, l->folder[f], l->to_photo ? DQ__TO_PHOTO : DQ__TO_SKETCH, err);
    return status ? status : split_pairs(l, err);
}

/* How a pair is varied: moved, turned about, lighter or darker. */
typedef struct variation {
    int dx, dy;
    bool turned;
    float gain, offset;
} variation;

static variation draw_variation(const learning *l, int64_t number) {
    const uint64_t seed = (uint64_t)l->seed, at = 8 * (uint64_t)number;
    if (!l->vary) return (variation){.gain = 1};
    return (variation){.dx = (int)(dq__rng_bits(seed, STREAM, at) % 7) - 3, .dy = (int)(dq__rng_bits(seed, STREAM,
        at + 1) % 7) - 3,
                       .turned = dq__rng_bits(seed, STREAM, at + 2) & 1,
                       .gain = 0.8f + 0.4f * dq__rng_uniform(seed, STREAM, at + 3),
                       .offset = -20 + 40 * dq__rng_uniform(seed, STREAM, at + 4)};
}

static int clamp(int v, int top) { return v < 0 ? 0 : v > top ? top : v; }

/* Where pixel x, y of the varied picture lies in the stored one. */
static size_t source(const variation *v, int x, int y) {
    const int from = v->turned ? DQ__FRAME_W - 1 - x : x;
    return (size_t)(clamp(y + v->dy, DQ__FRAME_H - 1) * DQ__FRAME_W + clamp(from + v->dx, DQ__FRAME_W - 1));
}

/* Pair `id` as number k of the batch. rgb: 3·N floats of scratch, grey: N. */
static void place_pair(const learning *l, int id, const variation *v, int k, float *rgb, float *grey) {
    const dq__pairs *p = l->pairs[id / DQ__MAX_PAIRS];
    const int pair = id % DQ__MAX_PAIRS;
    const float *drawn = dq__pair_drawn(p, pair);
    for (int i = 0; i < N; i++) {
        const size_t from = source(v, i % DQ__FRAME_W, i / DQ__FRAME_W);
        for (size_t c = 0; c < 3; c++)
            rgb[3 * (size_t)i + c] = v->gain * p->rgb[((size_t)pair * N + from) * 3 + c] + v->offset;
        grey[i] = drawn[from];
    }
    dq__student_input(rgb, l->way[0].input + (size_t)k * 3 * PIXELS);
    dq__net_grey(grey, l->way[0].want + (size_t)k * PIXELS);
    if (l->ways < WAYS) return;
    for (int i = 0; i < N; i++) grey[i] = 0.299f * rgb[3 * i] + 0.587f * rgb[3 * i + 1] + 0.114f * rgb[3 * i + 2];
    dq__net_grey(grey, l->way[1].want + (size_t)k * PIXELS);
    for (int i = 0; i < N; i++)
        for (int c = 0; c < 3; c++) rgb[3 * i + c] = drawn[source(v, i % DQ__FRAME_W, i / DQ__FRAME_W)];
    dq__student_input(rgb, l->way[1].input + (size_t)k * 3 * PIXELS);
}

/* Pair number `number` of the training: all pairs in an order of their own each time through. */
static int train_pair(const learning *l, int64_t number) {
    const int n = l->trains, epoch = (int)(number / n), at = (int)(number % n);
    int stride = 1 + (int)(dq__rng_bits((uint64_t)l->seed, STREAM + 1, (uint64_t)epoch) % (uint64_t)n), a, b, t;
    for (;; stride++) { /* any stride without a common divisor goes through all of them */
        for (a = stride, b = n; b; t = a % b, a = b, b = t) continue;
        if (a == 1) break;
    }
    return l->train[((int64_t)stride * at + epoch) % n];
}

static dq_status take_batch(learning *l, const int *ids, const variation *v, dq__error *err) {
    float *scratch = dq__alloc(sizeof(float) * 4 * N);
    if (!scratch) return dq__no_memory(err, sizeof(float) * 4 * N, "a batch");
    for (int k = 0; k < l->batch; k++) place_pair(l, ids[k], &v[k], k, scratch, scratch + 3 * (size_t)N);
    dq__free(scratch);
    return DQ_OK;
}

/* ---- losses of the drawing ---- */

static float sign(float v) { return (float)((v > 0) - (v < 0)); }

/* Mean difference of values, and of differences to the right and below; slopes are added. made: rows of the tap. */
static void compare_pixels(learning *l, const dq__tensor *made, const way *w) {
    const float share = 1.0f / (float)(l->batch * PIXELS), edge = (float)l->weight.edges * share;
    double plain = 0, edges = 0;
    for (int k = 0; k < l->batch; k++) {
        const dq__tensor one = dq__picture(made, k);
        const float *want = w->want + (size_t)k * PIXELS;
        float *slope = w->slope + (size_t)k * PIXELS;
        for (int y = 0; y < DQ__NET_H; y++)
            for (int x = 0; x < DQ__NET_W; x++) {
                const int at = y * DQ__NET_W + x;
                const float d = dq__pixel(&one, y, x)[0] - want[at];
                plain += (double)fabsf(d), slope[at] += share * sign(d);
                for (int down = 0; down < 2; down++) {
                    if (down ? y + 1 == DQ__NET_H : x + 1 == DQ__NET_W) continue;
                    const int next = at + (down ? DQ__NET_W : 1);
                    const float e = dq__pixel(&one, y + down, x + 1 - down)[0] - want[next] - d;
                    edges += (double)fabsf(e);
                    slope[next] += edge * sign(e), slope[at] -= edge * sign(e);
                }
            }
    }
    l->part[L1] += plain * (double)share;
    l->part[EDGES] += edges * (double)share;
}

/* Values as the teacher sees them. */
static void to_rgb(const learning *l, const float *values, float *rgb) {
    for (size_t i = 0; i < (size_t)l->batch * PIXELS; i++)
        for (size_t c = 0; c < 3; c++) rgb[3 * i + c] = (64 * values[i] + 128) / 255;
}

static void gather(const learning *l, const dq__tensor *made, float *values) {
    for (int k = 0; k < l->batch; k++) {
        const dq__tensor one = dq__picture(made, k);
        for (int i = 0; i < PIXELS; i++)
            values[(size_t)k * PIXELS + (size_t)i] = dq__pixel(&one, i / DQ__NET_W, i % DQ__NET_W)[0];
    }
}

static void at_teacher(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    learning *l = user;
    const dq__tensor *target = dq__exec_tap(l->wanted, tap);
    double energy = 1e-9;
    for (int k = 0; k < l->batch; k++) {
        const dq__tensor one = dq__picture(target, k);
        energy += dq__content_energy(&one);
    }
    l->part[TEACHER] += dq__l2_cost(l->pool, f, target, 1 / energy, l->back ? l->weight.teacher : 0, grad);
}

/* How far the teacher's features of the drawing are from those of the sketch, layer by layer. */
static void ask_teacher(learning *l, const dq__tensor *made, const way *w) {
    to_rgb(l, w->want, l->rgb);
    dq__exec_forward(l->wanted, l->rgb);
    gather(l, made, l->rgb_slope);
    to_rgb(l, l->rgb_slope, l->rgb);
    dq__exec_forward(l->made, l->rgb);
    if (!l->back) {
        for (int t = 0; t < LAYERS; t++) at_teacher(l, t, dq__exec_tap(l->made, t), NULL);
        return;
    }
    dq__exec_backward(l->made, at_teacher, l, l->rgb_slope);
    for (size_t i = 0; i < (size_t)l->batch * PIXELS; i++)
        w->slope[i] += (l->rgb_slope[3 * i] + l->rgb_slope[3 * i + 1] + l->rgb_slope[3 * i + 2]) * (64.0f / 255);
}

/* ---- the judge ---- */

typedef struct verdict {
    learning *l;
    enum part part;
    bool real;
    double weight;
} verdict;

static void at_answer(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    const verdict *v = user;
    (void)tap;
    const double scale = 1.0 / ((double)f->n * f->h * f->w);
    v->l->part[v->part] += dq__adversarial_squares(v->l->pool, f, v->real, scale, v->weight, grad);
}

/* What the judge sees: brightness seen, drawing, height. */
static void show_judge(const learning *l, const way *w, const float *drawing) {
    for (size_t i = 0; i < (size_t)l->batch * PIXELS; i++) {
        l->rgb[3 * i] = w->input[3 * i], l->rgb[3 * i + 1] = drawing[i], l->rgb[3 * i + 2] = w->input[3 * i + 2];
    }
    dq__exec_forward(w->judge.exec, l->rgb);
}

static void ask_judge(learning *l, const dq__tensor *made, const way *w, float *gradient) {
    const dq__weights to = dq__trainee_view(&w->judge, gradient + w->judge_at);
    verdict fool = {l, FOOL, true, l->weight.fool}, real = {l, JUDGE, true, 0.5}, false_one = {l, JUDGE, false, 0.5};
    float *values = dq__alloc(sizeof(float) * (size_t)l->batch * PIXELS);
    if (!values) return; /* a step without the judge: the trainer goes on */
    gather(l, made, values);
    show_judge(l, w, values);
    dq__exec_backward(w->judge.exec, at_answer, &fool, l->rgb_slope);
    for (size_t i = 0; i < (size_t)l->batch * PIXELS; i++) w->slope[i] += l->rgb_slope[3 * i + 1];
    show_judge(l, w, values);
    dq__exec_train(w->judge.exec, at_answer, &false_one, &to);
    show_judge(l, w, w->want);
    dq__exec_train(w->judge.exec, at_answer, &real, &to);
    dq__free(values);
}

/* ---- what students share ---- */

static void keep_seen(const way *w) {
    for (int t = 0; t <= DQ__SEE_MIDDLE; t++) {
        const dq__tensor *f = dq__exec_tap(w->student.exec, t), *to = &w->seen[t];
        for (int row = 0; row < f->n * f->h; row++)
            memcpy(dq__map_row(to, row), dq__map_row(f, row), sizeof(float) * (size_t)f->w * (size_t)f->cs);
    }
}

static void add_slope(const learning *l, const way *w, const dq__tensor *grad) {
    for (int k = 0; k < l->batch; k++) {
        const dq__tensor one = dq__picture(grad, k);
        for (int i = 0; i < PIXELS; i++)
            dq__pixel(&one, i / DQ__NET_W, i % DQ__NET_W)[0] += w->slope[(size_t)k * PIXELS + (size_t)i];
    }
}

static void at_tap(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    learning *l = user;
    const way *w = &l->way[l->at_way], *other = &l->way[1 - l->at_way];
    const double count = (double)f->n * f->h * f->w * f->c;
    if (tap == DQ__DRAWING) add_slope(l, w, grad);
    if (l->ways < WAYS) return;
    if (tap == DQ__SEE_MIDDLE && l->weight.latent > 0)
        l->part[LATENT] += dq__l1_cost(l->pool, f, &other->seen[tap], 1 / count, l->weight.latent, grad);
    if ((tap == DQ__DRAW_2 || tap == DQ__DRAW_1) && l->weight.mutual > 0)
        l->part[MUTUAL] += dq__l2_cost(l->pool, f, &other->seen[DQ__DRAW_1 - tap], 1 / count, l->weight.mutual, grad);
}

/* ---- a step ---- */

static void take_weights(learning *l, const float *theta) {
    float *all = (float *)(uintptr_t)theta; /* views are only read here */
    for (int k = 0; k < l->ways; k++) {
        way *w = &l->way[k];
        const dq__weights student = dq__trainee_view(&w->student, all + w->at);
        dq__packed_update(w->student.packed, &w->student.table, &student);
        if (!(l->weight.fool > 0)) continue;
        const dq__weights judge = dq__trainee_view(&w->judge, all + w->judge_at);
        dq__packed_update(w->judge.packed, &w->judge.table, &judge);
    }
}

static double loss_of(const learning *l) {
    const double *p = l->part;
    const weights *w = &l->weight;
    return p[L1] + w->edges * p[EDGES] + w->teacher * p[TEACHER] + w->mutual * p[MUTUAL] + w->latent * p[LATENT] + w->fool
        * p[FOOL];
}

static void pass(learning *l, float *gradient) {
    for (int k = 0; k < l->ways; k++) {
        dq__exec_forward(l->way[k].student.exec, l->way[k].input);
        if (l->ways == WAYS) keep_seen(&l->way[k]);
    }
    for (l->at_way = 0; l->at_way < l->ways; l->at_way++) {
        const way *w = &l->way[l->at_way];
        const dq__tensor *made = dq__exec_tap(w->student.exec, DQ__DRAWING);
        memset(w->slope, 0, sizeof(float) * (size_t)l->batch * PIXELS);
        compare_pixels(l, made, w);
        if (l->weight.teacher > 0) ask_teacher(l, made, w);
        if (!l->back) return; /* validation is of the first way alone */
        if (l->weight.fool > 0) ask_judge(l, made, w, gradient);
        const dq__weights to = dq__trainee_view(&w->student, gradient + w->at);
        dq__exec_train(w->student.exec, at_tap, l, &to);
    }
}

static dq_status gradient(void *self, const float *theta, int64_t step, float *gradient_, double *loss, double *part,
                          dq__error *err) {
    learning *l = self;
    int ids[16];
    variation v[16];
    for (int k = 0; k < l->batch; k++) {
        ids[k] = train_pair(l, step * l->batch + k);
        v[k] = draw_variation(l, step * l->batch + k);
    }
    dq_status status = take_batch(l, ids, v, err);
    if (status) return status;
    memset(gradient_, 0, sizeof(float) * l->parameters);
    memset(part, 0, sizeof(double) * PARTS);
    l->part = part, l->back = true;
    take_weights(l, theta);
    pass(l, gradient_);
    *loss = loss_of(l);
    return DQ_OK;
}

/* Batch number `batch` of the pairs held out, or of the others where there are none; the last ones may be there twice. */
static dq_status take_plain(learning *l, int64_t batch, int ids[16], dq__error *err) {
    variation v[16];
    for (int k = 0; k < l->batch; k++) {
        const int64_t at = batch * l->batch + k;
        ids[k] = l->helds ? l->held[at % l->helds] : l->train[at % l->trains];
        v[k] = (variation){.gain = 1};
    }
    return take_batch(l, ids, v, err);
}

static dq_status validate(void *self, const float *theta, double *loss, double *part, dq__error *err) {
    learning *l = self;
    const int rounds = (int)((l->helds + l->batch - 1) / l->batch);
    int ids[16];
    memset(part, 0, sizeof(double) * PARTS);
    l->part = part, l->back = false;
    take_weights(l, theta);
    for (int k = 0; k < rounds; k++) {
        dq_status status = take_plain(l, k, ids, err);
        if (status) return status;
        pass(l, NULL);
    }
    for (int p = 0; p < PARTS; p++) part[p] /= rounds;
    *loss = loss_of(l);
    return DQ_OK;
}

/* ---- results ---- */

static void put(dq_image *to, int column, int row, const float *grey) {
    for (int y = 0; y < DQ__FRAME_H; y++)
        for (int x = 0; x < DQ__FRAME_W; x++) {
            const float v = grey[y * DQ__FRAME_W + x] / 255;
            float *p = to->rgb + 3 * ((size_t)(row * DQ__FRAME_H + y) * (size_t)to->width + (size_t)(column * DQ__FRAME_W + x));
            p[0] = p[1] = p[2] = v < 0 ? 0 : v > 1 ? 1 : v;
        }
}

/* A column for each pair of one batch: what is seen, what the artist drew, what the student draws. */
static dq_status sheet(void *self, const float *theta, const char *path, dq__error *err) {
    learning *l = self;
    dq_image *image = NULL;
    int ids[16];
    float *drawing = dq__alloc(sizeof(float) * N);
    dq_status status = drawing ? take_plain(l, 0, ids, err) : dq__no_memory(err, sizeof(float) * N, "a drawing");
    if (!status) status = dq__image_new(&image, (int)l->batch * DQ__FRAME_W, 3 * DQ__FRAME_H, false, err);
    if (!status) {
        take_weights(l, theta);
        dq__exec_forward(l->way[0].student.exec, l->way[0].input);
        for (int k = 0; k < l->batch; k++) {
            const dq__pairs *p = l->pairs[ids[k] / DQ__MAX_PAIRS];
            const dq__tensor made = dq__picture(dq__exec_tap(l->way[0].student.exec, DQ__DRAWING), k);
            put(image, k, 0, dq__pair_seen(p, ids[k] % DQ__MAX_PAIRS));
            put(image, k, 1, dq__pair_drawn(p, ids[k] % DQ__MAX_PAIRS));
            dq__net_drawing(made.data, made.cs, dq__row(&made), drawing);
            put(image, k, 2, drawing);
        }
        status = dq__image_write(image, path, NULL, err);
    }
    dq__image_free(&image);
    dq__free(drawing);
    return status;
}

static dq_status copy_weights(const dq__trainee *t, const float *theta, dq_model *m, dq__error *err) {
    m->table = t->table;
    for (int i = 0; i < t->table.count; i++) {
        const size_t n = dq__array_count(&t->table.layer[i], DQ__WEIGHT), b = dq__array_count(&t->table.layer[i], DQ__BIAS);
        if (!n) continue;
        m->weights.weight[i] = dq__alloc(sizeof(float) * n);
        m->weights.bias[i] = dq__alloc(sizeof(float) * b);
        if (!m->weights.weight[i] || !m->weights.bias[i]) return dq__no_memory(err, sizeof(float) * n, "a network");
        memcpy(m->weights.weight[i], theta + t->weight_at[i], sizeof(float) * n);
        memcpy(m->weights.bias[i], theta + t->bias_at[i], sizeof(float) * b);
    }
    return DQ_OK;
}

static dq_status save(void *self, const float *theta, int64_t step, const char *path, dq__error *err) {
    const learning *l = self;
    dq_model *m;
    dq_status status = dq__model_new(&m, err);
    if (status) return status;
    status = copy_weights(&l->way[0].student, theta + l->way[0].at, m, err);
    snprintf(m->source, sizeof m->source, "danqing train sketch, %s, %lld steps, %d pairs", l->weight.name, (long long)step,
             l->trains);
    if (!status) status = dq__model_check(m, path, err);
    if (!status) status = dq__model_write(m, path, true, err);
    dq__model_free(&m);
    return status;
}

static void init(void *self, uint64_t seed, float *theta) {
    const learning *l = self;
    for (int k = 0; k < l->ways; k++) {
        const way *w = &l->way[k];
        dq__trainee_fill(&w->student, true, seed + (uint64_t)k, theta + w->at);
        if (l->weight.fool > 0) dq__trainee_fill(&w->judge, false, seed + WAYS + (uint64_t)k, theta + w->judge_at);
    }
}

/* ---- making and unmaking ---- */

static dq_status open_seen(learning *l, way *w, dq__error *err) {
    for (int t = 0; t <= DQ__SEE_MIDDLE; t++) {
        w->seen[t] = *dq__exec_tap(w->student.exec, t);
        w->seen[t].halo = 0;
        const size_t floats = dq__tensor_floats(&w->seen[t]);
        w->seen_memory[t] = dq__alloc_zero(sizeof(float) * floats);
        if (!w->seen_memory[t]) return dq__no_memory(err, sizeof(float) * floats, "features");
        dq__tensor_place(&w->seen[t], w->seen_memory[t]);
    }
    (void)l;
    return DQ_OK;
}

static dq_status open_way(learning *l, way *w, dq__error *err) {
    dq__table table;
    const size_t pixels = (size_t)l->batch * PIXELS;
    dq__student_table(&table);
    dq_status status = dq__trainee_init(&w->student, l->pool, &table, true, (int)l->batch, false, err);
    w->at = l->parameters;
    l->parameters += w->student.parameters;
    if (!status && l->weight.fool > 0) {
        dq__judge_table(&table);
        status = dq__trainee_init(&w->judge, l->pool, &table, false, (int)l->batch, true, err);
        w->judge_at = l->parameters;
        l->parameters += w->judge.parameters;
    }
    if (status) return status;
    w->input = dq__alloc(sizeof(float) * 3 * pixels);
    w->want = dq__alloc(sizeof(float) * pixels);
    w->slope = dq__alloc(sizeof(float) * pixels);
    if (!w->input || !w->want || !w->slope) return dq__no_memory(err, sizeof(float) * 5 * pixels, "a batch");
    return l->ways == WAYS ? open_seen(l, w, err) : DQ_OK;
}

static dq_status open_teacher(learning *l, dq__error *err) {
    static const char *const names[LAYERS] = {"relu1_1", "relu2_1", "relu3_1"};
    int tap[LAYERS];
    dq_status status = dq__model_open(&l->encoder, l->encoder_name[0] ? l->encoder_name : NULL, err);
    for (int k = 0; !status && k < LAYERS; k++) {
        tap[k] = dq__table_exact(&l->encoder->table, names[k]);
        if (tap[k] < 0) status = dq__fail(err, DQ_BAD_MODEL, "the encoder has no layer %s to teach by", names[k]);
    }
    if (status) return status;
    dq__exec_options options = {.h = DQ__NET_H, .w = DQ__NET_W, .n = (int)l->batch, .tap = tap, .taps = LAYERS};
    status = dq__packed_new(&l->packed, &l->encoder->table, &l->encoder->weights, tap[LAYERS - 1], true, err);
    if (!status) status = dq__exec_new(&l->wanted, l->pool, &l->encoder->table, l->packed, &options, err);
    options.backward = true;
    return status ? status : dq__exec_new(&l->made, l->pool, &l->encoder->table, l->packed, &options, err);
}

static dq_status open_all(learning *l, dq__error *err) {
    const size_t pixels = (size_t)l->batch * PIXELS;
    l->ways = l->weight.mutual > 0 || l->weight.latent > 0 ? WAYS : 1;
    dq_status status = open_pairs(l, err);
    for (int k = 0; !status && k < l->ways; k++) status = open_way(l, &l->way[k], err);
    if (!status && l->weight.teacher > 0) status = open_teacher(l, err);
    if (status) return status;
    l->rgb = dq__alloc(sizeof(float) * 3 * pixels);
    l->rgb_slope = dq__alloc(sizeof(float) * 3 * pixels);
    return l->rgb && l->rgb_slope ? DQ_OK : dq__no_memory(err, sizeof(float) * 6 * pixels, "a batch");
}

static void close_way(way *w) {
    dq__trainee_deinit(&w->student);
    dq__trainee_deinit(&w->judge);
    dq__free(w->input);
    dq__free(w->want);
    dq__free(w->slope);
    for (int t = 0; t <= DQ__SEE_MIDDLE; t++) dq__free(w->seen_memory[t]);
}

static void destroy(void *self) {
    learning *l = self;
    for (int f = 0; f < l->folders; f++) dq__pairs_free(&l->pairs[f]);
    for (int k = 0; k < WAYS; k++) close_way(&l->way[k]);
    dq__exec_free(&l->wanted);
    dq__exec_free(&l->made);
    dq__packed_free(&l->packed);
    dq__model_free(&l->encoder);
    dq__free(l->rgb);
    dq__free(l->rgb_slope);
    dq__free(l->train);
    dq__free(l->held);
    dq__free(l);
}

dq_status dq__sketch_task(dq__task *out, dq__pool *pool, const dq__config *config, dq__error *err) {
    learning *l = dq__alloc_zero(sizeof *l);
    if (!l) return dq__no_memory(err, sizeof *l, "a student");
    l->pool = pool, l->batch = 4, l->vary = true;
    l->seed = dq__config_settings(config)->seed;
    dq_status status = set_method(l, "kt", err);
    if (!status) status = dq__config_apply(config, set_first, l, err);
    if (!status) status = dq__config_apply(config, set, l, err);
    if (!status) status = open_all(l, err);
    if (status) {
        destroy(l);
        return status;
    }
    *out = (dq__task){.self = l, .parameters = l->parameters, .parts = PARTS, .part_name = part_names, .init = init,
                      .gradient = gradient, .validate = l->helds ? validate : NULL, .sheet = sheet, .save = save,
                          .free = destroy};
    return DQ_OK;
}
