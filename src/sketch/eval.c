/* SPDX-License-Identifier: MIT
 * sketch/eval.c: the drawings and floors of a trial, and their scores, a task for each picture. */
#include "sketch/eval.h"

#include "base/measure.h"
#include "base/mem.h"
#include "sketch/metrics.h"

#include <stdio.h>
#include <string.h>

enum { N = DQ__FRAME_PIXELS, W = DQ__FRAME_W, H = DQ__FRAME_H, LEAST_IDENTITIES = 20, MOST_TRAINED = 150 };

/* ---- the object ---- */

dq_status dq__trial_new(dq__trial **out, int count, dq__error *err) {
    dq__trial *t = dq__alloc_zero(sizeof *t);
    const size_t floats = (size_t)count * N;
    bool whole = t != NULL;
    *out = t;
    if (whole) {
        t->count = count, t->measured = DQ__SHOWN;
        t->name = dq__alloc_zero(sizeof(char *) * (size_t)count);
        t->artist = dq__alloc(sizeof(float) * floats);
        whole = t->name && t->artist;
    }
    for (int k = 0; whole && k < DQ__SHOWN; k++) {
        t->shown[k] = dq__alloc(sizeof(float) * floats);
        t->score[k] = dq__alloc_zero(sizeof *t->score[k] * (size_t)count);
        whole = t->shown[k] && t->score[k];
    }
    if (whole) return DQ_OK;
    dq__trial_free(out);
    return dq__no_memory(err, 4 * sizeof(float) * floats, "a trial");
}

void dq__trial_free(dq__trial **trial) {
    dq__trial *t = *trial;
    if (!t) return;
    for (int i = 0; t->name && i < t->count; i++) dq__free(t->name[i]);
    dq__free(t->name);
    dq__free(t->artist);
    for (int k = 0; k < DQ__SHOWN; k++) {
        dq__free(t->shown[k]);
        dq__free(t->score[k]);
    }
    dq__free(t);
    *trial = NULL;
}

/* ---- drawing ---- */

static float *picture(float *pictures, int k) { return pictures + (size_t)k * N; }

static void mean_drawing(const dq__pairs *pairs, float *mean) {
    for (size_t i = 0; i < (size_t)N; i++) {
        double sum = 0;
        for (int k = 0; k < pairs->count; k++) sum += (double)dq__pair_drawn(pairs, k)[i];
        mean[i] = (float)(sum / pairs->count);
    }
    dq__round_grey(mean, N);
}

static dq_status name_picture(dq__trial *t, int k, const dq__pairs *test, int of, dq__error *err) {
    char name[4400];
    snprintf(name, sizeof name, "%s/%s", test->folder, test->name[of]);
    t->name[k] = dq__strdup(name);
    return t->name[k] ? DQ_OK : dq__no_memory(err, 0, "names");
}

dq_status dq__trial_draw(dq__trial *t, int first, const dq__pairs *test, const dq__artist *artist, const dq__call *call,
                         dq__error *err) {
    float *mean = picture(t->shown[DQ__FLOOR_MEAN], first);
    dq__frame *face = dq__alloc(sizeof *face);
    dq_status status = face ? DQ_OK : dq__no_memory(err, sizeof *face, "a face");
    mean_drawing(artist->pairs, mean);
    for (int k = 0; !status && k < test->count; k++) {
        const int at = first + k;
        const double began = dq__seconds();
        dq__pair_frame(test, k, face);
        status = name_picture(t, at, test, k, err);
        if (!status) status = dq__artist_draw(artist, face, picture(t->shown[DQ__MADE], at), err);
        t->mean_seconds += (dq__seconds() - began) / t->count;
        dq__round_grey(picture(t->shown[DQ__MADE], at), N);
        memcpy(picture(t->artist, at), dq__pair_drawn(test, k), sizeof(float) * N);
        memcpy(picture(t->shown[DQ__FLOOR_PHOTO], at), dq__pair_seen(test, k), sizeof(float) * N);
        if (k > 0) memcpy(picture(t->shown[DQ__FLOOR_MEAN], at), mean, sizeof(float) * N);
        if (!status) status = dq__call_progress(call, 0.8 * (at + 1) / t->count, err);
    }
    dq__free(face);
    return status;
}

/* ---- measuring ---- */

typedef struct measuring {
    dq__trial *trial;
    const dq__fsim *fsim;
    bool *failed;
} measuring;

static void score_picture(void *work, int k) {
    const measuring *m = work;
    dq__trial *t = m->trial;
    const float *artist = picture(t->artist, k);
    float *features = dq__alloc(sizeof(float) * 4 * (size_t)N), *other = features ? features + 2 * (size_t)N : NULL;
    m->failed[k] = !features || !dq__fsim_features(m->fsim, artist, features);
    for (int s = 0; !m->failed[k] && s < t->measured; s++) {
        const float *shown = picture(t->shown[s], k);
        dq__scores *score = &t->score[s][k];
        m->failed[k] = !dq__fsim_features(m->fsim, shown, other);
        score->ssim = dq__ssim(shown, artist, W, H, false);
        score->ssim_cropped = dq__ssim(shown, artist, W, H, true);
        score->fsim = dq__fsim_compare(m->fsim, features, other);
        score->scoot = dq__scoot(artist, shown, W, H);
    }
    dq__free(features);
}

static dq_status score_all(dq__trial *t, dq__pool *pool, dq__error *err) {
    dq__fsim *fsim;
    dq_status status = dq__fsim_new(&fsim, W, H, err);
    bool *failed = dq__alloc_zero((size_t)t->count);
    if (!status && !failed) status = dq__no_memory(err, (size_t)t->count, "a trial");
    const measuring m = {.trial = t, .fsim = fsim, .failed = failed};
    if (!status) dq__pool_run(pool, t->count, score_picture, (void *)(uintptr_t)&m);
    for (int k = 0; !status && k < t->count; k++)
        if (failed[k]) status = dq__no_memory(err, sizeof(float) * 20 * N, "the spectra of a picture");
    dq__free(failed);
    dq__fsim_free(&fsim);
    return status;
}

static void mean_of(dq__trial *t, int s) {
    dq__scores *m = &t->mean[s];
    *m = (dq__scores){0};
    for (int k = 0; k < t->count; k++) {
        const dq__scores *one = &t->score[s][k];
        m->ssim += one->ssim / t->count, m->ssim_cropped += one->ssim_cropped / t->count;
        m->fsim += one->fsim / t->count, m->scoot += one->scoot / t->count, m->vgg += one->vgg / t->count;
    }
}

/* Distances of features, and recognition. */
static dq_status compare_all(dq__trial *t, dq__pool *pool, const dq_model *model, dq__error *err) {
    const float **artist = dq__alloc(sizeof(float *) * 2 * (size_t)t->count), **shown = artist ? artist + t->count : NULL;
    double *value = dq__alloc(sizeof(double) * (size_t)t->count);
    const int train = t->count >= MOST_TRAINED * 3 / 2 ? MOST_TRAINED : t->count / 2;
    dq_status status = artist && value ? DQ_OK : dq__no_memory(err, sizeof(double) * (size_t)t->count, "a trial");
    for (int s = 0; !status && s < t->measured; s++) {
        for (int k = 0; k < t->count; k++) artist[k] = picture(t->artist, k), shown[k] = picture(t->shown[s], k);
        status = dq__vgg_distances(pool, model, t->count, shown, artist, W, H, value, err);
        for (int k = 0; !status && k < t->count; k++) t->score[s][k].vgg = value[k];
        t->recognised[s] = -1;
        if (!status && t->count >= LEAST_IDENTITIES)
            status = dq__nlda(pool, t->count, artist, shown, N, train, &t->recognised[s], err);
    }
    dq__free(artist);
    dq__free(value);
    return status;
}

dq_status dq__trial_measure(dq__trial *t, dq__pool *pool, const dq_model *model, dq__error *err) {
    dq_status status = score_all(t, pool, err);
    if (!status) status = compare_all(t, pool, model, err);
    for (int s = 0; !status && s < t->measured; s++) mean_of(t, s);
    return status;
}
