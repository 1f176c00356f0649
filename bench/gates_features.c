/* SPDX-License-Identifier: MIT
 * bench/gates_features.c: how much of VGG-19's features a small network's features hold. For each crop one matrix is made: the
 * mean over positions of zzᵀ, z = (features of the small network, 1, features of VGG-19). Every figure is algebra on such
 * matrices: maps between the two, R², Gram errors, effective ranks. */
#include "gates.h"

#include "base/mem.h"
#include "train/augment.h"
#include "train/least_squares.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 256, SEED = 4, ITERATES = 3, SWEEPS = 30 };

/* What is looked at: the 16× encoder by its heads and by its own channels, and ours. */
enum { BY_HEADS, BY_CHANNELS, OURS, SUBJECTS };

/* Two linear maps from a network's features to VGG's: the best one (least squares, with a constant), and the one that use
 * stands for: the heads themselves, or, where only their roots R are there (RᵀR = HᵀH), the rotation Q with H ≈ QR. */
enum { BEST, USED, MAPS };

typedef struct moments {
    int c, t; /* channels of the small network and of VGG */
    double *m;
} moments;

typedef struct error {
    double gram, squared; /* ‖G(Ĥs) − G(F)‖ / ‖G(F)‖ and its square, means over crops */
} error;

/* A small network that is looked at, and what is found. */
typedef struct subject {
    net net;
    bool heads; /* its features are VGG's already, as its own heads predict them */
    moments sum[TAPS];
    int crops;
    double *map[TAPS][MAPS]; /* t × (c+1); NULL until fitted */
    error error[TAPS][MAPS];
} subject;

typedef struct figures {
    double photos[TAPS][MAPS], blends[TAPS][MAPS], iterates[TAPS][MAPS];
    error error[TAPS][MAPS];
    double rank[TAPS], vgg_rank[TAPS];
} figures;

static size_t size_of(const moments *m) { return (size_t)(m->c + 1 + m->t); }
static double at(const moments *m, int i, int j) { return m->m[(size_t)i * size_of(m) + (size_t)j]; }

/* ---- small matrices ------------------------------------------------------------------------------------------------ */

/* Turns the plane of p and q so that a[p][q] becomes 0; v gathers the turns, a row for each eigenvector. */
static void turn(double *a, double *v, int n, int p, int q) {
    const double apq = a[p * n + q], theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < n; k++) {
        const double kp = a[k * n + p], kq = a[k * n + q];
        a[k * n + p] = c * kp - s * kq, a[k * n + q] = s * kp + c * kq;
    }
    for (int k = 0; k < n; k++) {
        const double pk = a[p * n + k], qk = a[q * n + k], vp = v[p * n + k], vq = v[q * n + k];
        a[p * n + k] = c * pk - s * qk, a[q * n + k] = s * pk + c * qk;
        v[p * n + k] = c * vp - s * vq, v[q * n + k] = s * vp + c * vq;
    }
}

/* Eigenvalues of the symmetric a (n×n) to its diagonal, eigenvectors to the rows of v, by Jacobi's method. */
static void eigen(double *a, double *v, int n) {
    double all = 0;
    memset(v, 0, sizeof(double) * (size_t)n * (size_t)n);
    for (int i = 0; i < n; i++) v[i * n + i] = 1;
    for (int k = 0; k < n * n; k++) all += a[k] * a[k];
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) off += a[p * n + q] * a[p * n + q];
        if (off <= 1e-18 * all) return;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (fabs(a[p * n + q]) > 1e-300) turn(a, v, n, p, q);
    }
}

/* exp of the entropy of the eigenvalues, of the centred covariance of c channels from `first` on. */
static double effective_rank(const moments *m, int first, int c) {
    double *a = get_memory(sizeof(double) * (size_t)c * (size_t)c * 2), trace = 0, entropy = 0;
    for (int i = 0; i < c; i++)
        for (int j = 0; j < c; j++)
            a[i * c + j] = at(m, first + i, first + j) - at(m, first + i, m->c) * at(m, first + j, m->c);
    for (int i = 0; i < c; i++) trace += a[i * c + i];
    eigen(a, a + (size_t)c * (size_t)c, c);
    for (int i = 0; i < c; i++) {
        const double p = a[i * c + i] / trace;
        if (p > 0) entropy -= p * log(p);
    }
    dq__free(a);
    return exp(entropy);
}

/* ---- maps ---------------------------------------------------------------------------------------------------------- */

static void fit_best(const moments *m, double *map) {
    const int n = m->c + 1;
    double *a = get_memory(sizeof(double) * (size_t)n * (size_t)n);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) a[i * n + j] = at(m, i, j);
    dq__cholesky(a, n, 1e-6);
    for (int o = 0; o < m->t; o++) {
        for (int i = 0; i < n; i++) map[o * n + i] = at(m, n + o, i);
        dq__cholesky_solve(a, n, map + (size_t)o * (size_t)n);
    }
    dq__free(a);
}

/* out (t×c, rows of n) = m's E[F·xᵀ] times root (c×c). */
static void times_cross(const moments *m, const double *root, double *out) {
    const int c = m->c, n = c + 1;
    for (int o = 0; o < m->t; o++) {
        memset(out + o * n, 0, sizeof(double) * (size_t)n);
        for (int i = 0; i < c; i++)
            for (int j = 0; j < c; j++) out[o * n + j] += at(m, n + o, i) * root[i * c + j];
    }
}

/* a (n×n, symmetric, not negative) becomes its inverse root, a^−½; v and root are room for n×n each. */
static void inverse_root(double *a, double *v, double *root, int n) {
    double trace = 0;
    for (int i = 0; i < n; i++) trace += a[i * n + i];
    eigen(a, v, n);
    memset(root, 0, sizeof(double) * (size_t)n * (size_t)n);
    for (int k = 0; k < n; k++) {
        const double least = 1e-12 * trace, scale = 1 / sqrt(a[k * n + k] > least ? a[k * n + k] : least);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) root[i * n + j] += scale * v[k * n + i] * v[k * n + j];
    }
}

/* The rotation nearest to VGG's features: M·(MᵀM)^−½ with M = E[F·xᵀ]. */
static void fit_rotation(const moments *m, double *map) {
    const int c = m->c;
    const size_t square = (size_t)c * (size_t)c;
    double *a = get_memory(sizeof(double) * square * 3);
    memset(a, 0, sizeof(double) * square);
    for (int o = 0; o < m->t; o++)
        for (int i = 0; i < c; i++)
            for (int j = 0; j < c; j++) a[i * c + j] += at(m, c + 1 + o, i) * at(m, c + 1 + o, j);
    inverse_root(a, a + square, a + 2 * square, c);
    times_cross(m, a + 2 * square, map);
    dq__free(a);
}

static void fit_nothing(const moments *m, double *map) {
    memset(map, 0, sizeof(double) * (size_t)m->t * (size_t)(m->c + 1));
    for (int o = 0; o < m->t; o++) map[o * (m->c + 1) + o] = 1;
}

static void fit(subject *s) {
    for (int tap = 0; tap < TAPS; tap++) {
        const moments *m = &s->sum[tap];
        for (int k = 0; k < MAPS; k++) s->map[tap][k] = get_memory(sizeof(double) * (size_t)m->t * (size_t)(m->c + 1));
        fit_best(m, s->map[tap][BEST]);
        (s->heads ? fit_nothing : fit_rotation)(m, s->map[tap][USED]);
    }
}

/* ---- what a map is worth ------------------------------------------------------------------------------------------- */

/* The Gram matrix of predicted features, map·E[x̃x̃ᵀ]·mapᵀ, to p (t×t). */
static void predicted_gram(const moments *m, const double *map, double *p) {
    const int n = m->c + 1;
    double *part = get_memory(sizeof(double) * (size_t)n);
    for (int o = 0; o < m->t; o++) {
        memset(part, 0, sizeof(double) * (size_t)n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) part[j] += map[o * n + i] * at(m, i, j);
        for (int q = 0; q < m->t; q++) {
            double sum = 0;
            for (int j = 0; j < n; j++) sum += part[j] * map[q * n + j];
            p[o * m->t + q] = sum;
        }
    }
    dq__free(part);
}

/* ‖G(Ĥs) − G(F)‖² / ‖G(F)‖² */
static double gram_error(const moments *m, const double *map) {
    const int t = m->t, n = m->c + 1;
    double *p = get_memory(sizeof(double) * (size_t)t * (size_t)t), distance = 0, energy = 0;
    predicted_gram(m, map, p);
    for (int o = 0; o < t; o++)
        for (int q = 0; q < t; q++) {
            const double g = at(m, n + o, n + q), d = p[o * t + q] - g;
            distance += d * d, energy += g * g;
        }
    dq__free(p);
    return distance / energy;
}

/* 1 − Σ|Ĥs − F|² / Σ|F − mean F|², over all crops, positions and channels of the set. */
static double r_squared(const moments *m, const double *map) {
    const int t = m->t, n = m->c + 1;
    double *p = get_memory(sizeof(double) * (size_t)t * (size_t)t), rest = 0, spread = 0;
    predicted_gram(m, map, p);
    for (int o = 0; o < t; o++) {
        const double energy = at(m, n + o, n + o), mean = at(m, n + o, m->c);
        double cross = 0;
        for (int i = 0; i < n; i++) cross += map[o * n + i] * at(m, n + o, i);
        rest += energy - 2 * cross + p[o * t + o];
        spread += energy - mean * mean;
    }
    dq__free(p);
    return 1 - rest / spread;
}

/* ---- crops --------------------------------------------------------------------------------------------------------- */

/* z at every position, as a map of its own. */
static dq__tensor stack(const dq__tensor *x, const dq__tensor *f) {
    const int c = x->c + 1 + f->c;
    dq__tensor z = {.h = x->h, .w = x->w, .c = c, .cs = dq__channel_stride(c), .n = 1};
    dq__tensor_place(&z, get_memory(sizeof(float) * dq__tensor_floats(&z)));
    dq__tensor_clear(&z);
    for (int y = 0; y < z.h; y++)
        for (int k = 0; k < z.w; k++) {
            float *to = dq__pixel(&z, y, k);
            memcpy(to, dq__pixel(x, y, k), sizeof(float) * (size_t)x->c);
            to[x->c] = 1;
            memcpy(to + x->c + 1, dq__pixel(f, y, k), sizeof(float) * (size_t)f->c);
        }
    return z;
}

static moments moments_of(gates *g, const dq__tensor *x, const dq__tensor *f) {
    moments m = {.c = x->c, .t = f->c};
    const size_t d = size_of(&m);
    dq__tensor z = stack(x, f);
    float *gram = get_memory(sizeof(float) * (size_t)z.cs * (size_t)z.cs);
    m.m = get_memory(sizeof(double) * d * d);
    dq__gram(g->pool, g->space, &z, gram);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) m.m[i * d + j] = (double)gram[i * (size_t)z.cs + j];
    dq__free(gram);
    dq__free(z.data);
    return m;
}

static void add_moments(moments *sum, const moments *m) {
    const size_t n = size_of(m) * size_of(m);
    if (!sum->m) {
        *sum = (moments){m->c, m->t, get_memory(sizeof(double) * n)};
        memset(sum->m, 0, sizeof(double) * n);
    }
    for (size_t k = 0; k < n; k++) sum->m[k] += m->m[k];
}

/* Adds a crop, at which VGG has looked already, to what is known of a subject. */
static void add_crop(gates *g, net *vgg, subject *s, const dq_image *crop) {
    net_look(g, &s->net, crop);
    for (int tap = 0; tap < TAPS; tap++) {
        moments m = moments_of(g, dq__exec_tap(s->net.exec, tap), dq__exec_tap(vgg->exec, tap));
        add_moments(&s->sum[tap], &m);
        for (int k = 0; k < MAPS && s->map[tap][k]; k++) {
            const double squared = gram_error(&m, s->map[tap][k]);
            s->error[tap][k].squared += squared, s->error[tap][k].gram += sqrt(squared);
        }
        dq__free(m.m);
    }
    s->crops++;
}

/* Sums become means. */
static void finish_set(subject *s) {
    for (int tap = 0; tap < TAPS; tap++) {
        const size_t n = size_of(&s->sum[tap]) * size_of(&s->sum[tap]);
        for (size_t k = 0; k < n; k++) s->sum[tap].m[k] /= s->crops;
        for (int k = 0; k < MAPS; k++) s->error[tap][k].squared /= s->crops, s->error[tap][k].gram /= s->crops;
    }
}

static void begin_set(subject *s) {
    for (int tap = 0; tap < TAPS; tap++) {
        dq__free(s->sum[tap].m);
        s->sum[tap].m = NULL;
        memset(s->error[tap], 0, sizeof s->error[tap]);
    }
    s->crops = 0;
}

/* ---- sets of crops ------------------------------------------------------------------------------------------------- */

/* The picture, or its blend with white or pink noise. */
static dq_image *crop_of(const char *path, bool blend, int number) {
    dq_image *crop = read_middle(path, SIDE);
    if (!blend) return crop;
    const dq__augment noise = {.noise_blend = 1, .noise_blend_max = 0.8, .noise_max = 0.3};
    float *scratch = get_memory(sizeof(float) * SIDE * SIDE * 3 * 2);
    dq__augment_apply(&noise, SEED, number, (float *[DQ__PARTS_MAX]){crop->rgb}, SIDE, scratch);
    dq__free(scratch);
    return crop;
}

/* Every second photo from number `first` on. */
static void visit_photos(gates *g, net *vgg, subject *subjects, const pictures *photos, int first, bool blend) {
    for (int s = 0; s < SUBJECTS; s++) begin_set(&subjects[s]);
    for (int k = first; k < photos->count; k += 2) {
        dq_image *crop = crop_of(photos->path[k], blend, k);
        net_look(g, vgg, crop);
        for (int s = 0; s < SUBJECTS; s++) add_crop(g, vgg, &subjects[s], crop);
        dq__image_free(&crop);
    }
    for (int s = 0; s < SUBJECTS; s++) finish_set(&subjects[s]);
}

/* Portraits on their way to a painting, led by the subject's own network with the default recipe at one scale. */
static void visit_iterates(gates *g, net *vgg, subject *s, const pictures *portraits, const pictures *styles, int pairs) {
    static const char *const steps[ITERATES] = {"5", "20", "60"};
    begin_set(s);
    for (int pair = 0; pair < pairs; pair++) {
        dq_image *content = read_middle(portraits->path[pair], SIDE), *style = read_picture(styles->path[pair]);
        for (int k = 0; k < ITERATES; k++) {
            const char *const option[] = {"size", "256", "min-size", "0", "average", "0", "iterations", steps[k], NULL};
            dq_image *iterate = paint(g, s->net.model, content, style, option);
            net_look(g, vgg, iterate);
            add_crop(g, vgg, s, iterate);
            dq__image_free(&iterate);
        }
        dq__image_free(&content);
        dq__image_free(&style);
    }
    finish_set(s);
}

/* ---- the measures -------------------------------------------------------------------------------------------------- */

static void take_r_squared(const subject *s, double r[TAPS][MAPS]) {
    for (int tap = 0; tap < TAPS; tap++)
        for (int k = 0; k < MAPS; k++) r[tap][k] = r_squared(&s->sum[tap], s->map[tap][k]);
}

static void take_photos(const subject *s, figures *f) {
    take_r_squared(s, f->photos);
    memcpy(f->error, s->error, sizeof f->error);
}

static void take_ranks(const subject *subjects, figures *f) {
    for (int tap = 0; tap < TAPS; tap++) {
        const moments *ours = &subjects[OURS].sum[tap], *theirs = &subjects[BY_CHANNELS].sum[tap];
        f[OURS].rank[tap] = effective_rank(ours, 0, ours->c);
        f[BY_CHANNELS].rank[tap] = effective_rank(theirs, 0, theirs->c);
        f[OURS].vgg_rank[tap] = effective_rank(ours, ours->c + 1, ours->t);
    }
}

static void look_at_everything(gates *g, net *vgg, subject *subjects, figures *f) {
    pictures photos = list_pictures(g, "images/heldout/scenes", g->quick ? 10 : 50);
    pictures portraits = list_pictures(g, "images/portraits", 4), styles = list_pictures(g, "images/styles", 4);
    tell("features of %d photos", photos.count);
    visit_photos(g, vgg, subjects, &photos, 0, false);
    for (int s = 0; s < SUBJECTS; s++) fit(&subjects[s]);
    visit_photos(g, vgg, subjects, &photos, 1, false);
    for (int s = 0; s < SUBJECTS; s++) take_photos(&subjects[s], &f[s]);
    take_ranks(subjects, f);
    tell("features of noise blends");
    visit_photos(g, vgg, subjects, &photos, 1, true);
    for (int s = 0; s < SUBJECTS; s++) take_r_squared(&subjects[s], f[s].blends);
    for (int s = 0; s < SUBJECTS; s++) {
        if (s == BY_CHANNELS) continue; /* its paintings are those of the one with heads */
        tell("features of iterates of %s", subjects[s].net.model->table.name);
        visit_iterates(g, vgg, &subjects[s], &portraits, &styles, g->quick ? 1 : 4);
        take_r_squared(&subjects[s], f[s].iterates);
    }
    free_pictures(&photos);
    free_pictures(&portraits);
    free_pictures(&styles);
}

static const char *const place[TAPS] = {"relu1_1", "relu2_1", "relu3_1"};

static void add_rows(gates *g, const figures *f) {
    static const double r_gate[TAPS] = {.98, .90, .78}, gram_gate[TAPS] = {.06, .12, .22}, rank_gate[TAPS] = {7, 25, 45};
    static const char *const map_name[MAPS] = {"best linear map", "as used"};
    for (int k = 0; k < MAPS; k++)
        for (int t = 0; t < TAPS; t++) {
            row *r = add_row(g, r_gate[t], false, "centred R² at %s, %s", place[t], map_name[k]);
            r->value[ENCODER] = f[k == BEST ? BY_CHANNELS : BY_HEADS].photos[t][k];
            r->value[COMPACT] = f[OURS].photos[t][k];
        }
    for (int k = 0; k < MAPS; k++)
        for (int t = 0; t < TAPS; t++) {
            row *r = add_row(g, gram_gate[t], true, "relative Gram error at %s, %s", place[t], map_name[k]);
            r->value[ENCODER] = f[k == BEST ? BY_CHANNELS : BY_HEADS].error[t][k].gram;
            r->value[COMPACT] = f[OURS].error[t][k].gram;
            r = add_row(g, NAN, true, "its square at %s, %s", place[t], map_name[k]);
            r->value[ENCODER] = f[k == BEST ? BY_CHANNELS : BY_HEADS].error[t][k].squared;
            r->value[COMPACT] = f[OURS].error[t][k].squared;
        }
    for (int t = 0; t < TAPS; t++) {
        row *r = add_row(g, .8, false, "R² on noise blends over R² on photos, %s", place[t]);
        r->value[ENCODER] = f[BY_HEADS].blends[t][USED] / f[BY_HEADS].photos[t][USED];
        r->value[COMPACT] = f[OURS].blends[t][USED] / f[OURS].photos[t][USED];
    }
    for (int t = 0; t < TAPS; t++) {
        row *r = add_row(g, .8, false, "R² on its own iterates over R² on photos, %s", place[t]);
        r->value[ENCODER] = f[BY_HEADS].iterates[t][USED] / f[BY_HEADS].photos[t][USED];
        r->value[COMPACT] = f[OURS].iterates[t][USED] / f[OURS].photos[t][USED];
    }
    for (int t = 0; t < TAPS; t++) {
        row *r = add_row(g, rank_gate[t], false, "effective rank at %s", place[t]);
        r->value[VGG] = f[OURS].vgg_rank[t];
        r->value[ENCODER] = f[BY_CHANNELS].rank[t];
        r->value[COMPACT] = f[OURS].rank[t];
    }
}

static void close_subject(subject *s) {
    begin_set(s);
    for (int tap = 0; tap < TAPS; tap++)
        for (int k = 0; k < MAPS; k++) dq__free(s->map[tap][k]);
    net_close(&s->net);
}

void measure_features(gates *g) {
    net vgg;
    subject subjects[SUBJECTS] = {[BY_HEADS] = {.heads = true}};
    figures found[SUBJECTS];
    net_open(&vgg, g->model[VGG], "relu1_1,relu2_1,relu3_1");
    net_open(&subjects[BY_HEADS].net, g->model[ENCODER], "head1_1,head2_1,head3_1");
    net_open(&subjects[BY_CHANNELS].net, g->model[ENCODER], "relu1_1,relu2_1,relu3_1");
    net_open(&subjects[OURS].net, g->model[COMPACT], "relu1_1,relu2_1,relu3_1");
    look_at_everything(g, &vgg, subjects, found);
    add_rows(g, found);
    for (int s = 0; s < SUBJECTS; s++) close_subject(&subjects[s]);
    net_close(&vgg);
}
