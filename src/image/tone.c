/* SPDX-License-Identifier: MIT
 * image/tone.c: half the tone comes from ranks (the darkest tenth of the photo becomes as dark as the darkest tenth of the
 * drawings), half from mean and contrast, which keeps plain walls plain; lines are where a place is darker than its
 * surroundings, as in the darkroom's dodging. */
#include "image/tone.h"

#include "base/mem.h"
#include "image/colour.h"
#include "image/grey.h"
#include "image/parts.h"

#include <math.h>

enum { LEVELS = 1024 };

static const float weight[3] = {0.299f, 0.587f, 0.114f};

static size_t pixels(const dq_image *image) { return (size_t)image->width * (size_t)image->height; }
static float luma(const float *p) { return weight[0] * p[0] + weight[1] * p[1] + weight[2] * p[2]; }

/* below[k]: share of the pixels darker than k/LEVELS. */
static void add_ranks(double below[LEVELS + 1], const dq_image *image, double share) {
    double count[LEVELS] = {0}, sum = 0;
    for (size_t k = 0; k < pixels(image); k++) {
        const int level = (int)(dq__clamp01(luma(image->rgb + 3 * k)) * LEVELS);
        count[level < LEVELS ? level : LEVELS - 1]++;
    }
    for (int k = 0; k < LEVELS; k++) {
        sum += count[k];
        below[k + 1] += share * sum / (double)pixels(image);
    }
}

static double rank_of(const double below[LEVELS + 1], double v) {
    const double at = fmin(fmax(v, 0), 1) * LEVELS;
    const int k = at < LEVELS ? (int)at : LEVELS - 1;
    return below[k] + (at - k) * (below[k + 1] - below[k]);
}

static double value_of_rank(const double below[LEVELS + 1], double u) {
    int low = 0, high = LEVELS;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (below[middle] < u) low = middle;
        else high = middle;
    }
    const double step = below[high] - below[low];
    return (low + (step > 0 ? fmin(fmax((u - below[low]) / step, 0), 1) : 0.5)) / LEVELS;
}

/* What colours drawings have at a lightness: the line through their mean along which colour goes with lightness. */
typedef struct paper {
    double mean, deviation; /* of lightness */
    double colour[3], slope[3];
} paper;

static paper paper_of(const dq__colours *c) {
    paper p = {0};
    double along[3] = {0}, variance = 0;
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) along[i] += c->covariance[i][k] * (double)weight[k];
        p.mean += (double)weight[i] * c->mean[i], variance += (double)weight[i] * along[i];
    }
    p.deviation = sqrt(fmax(variance, 0));
    for (int i = 0; i < 3; i++) p.colour[i] = c->mean[i], p.slope[i] = variance > 1e-6 ? along[i] / variance : 1;
    return p;
}

static dq__colours colours_of_all(const dq_image *const *drawings, const double *share, int count) {
    dq__colours all = {0};
    for (int i = 0; i < count; i++) {
        const dq__colours own = dq__colours_of(drawings[i]);
        for (int c = 0; c < 3; c++) {
            all.mean[c] += share[i] * own.mean[c];
            for (int k = 0; k < 3; k++) all.covariance[c][k] += share[i] * own.covariance[c][k];
        }
    }
    return all;
}

dq_status dq__tone_as_drawn(dq_image *photo, const dq_image *const *drawings, const double *share, int count, double strength,
                            dq__error *err) {
    const int w = photo->width, h = photo->height;
    const double reach = (w > h ? w : h) / 46.0; /* half a side of a place's surroundings */
    double own[LEVELS + 1] = {0}, wanted[LEVELS + 1] = {0}, scale;
    const dq__colours before = dq__colours_of(photo), after = colours_of_all(drawings, share, count);
    const paper from = paper_of(&before), to = paper_of(&after);
    const double contrast = to.deviation / fmax(from.deviation, 0.01);
    dq__grey grey;
    dq_status status = dq__grey_of(&grey, photo, DQ__MAX_SIDE, &scale, err);
    if (status) return status;
    add_ranks(own, photo, 1);
    for (int i = 0; i < count; i++) add_ranks(wanted, drawings[i], share[i]);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            float *p = photo->rgb + 3 * ((size_t)y * (size_t)w + (size_t)x);
            const double v = (double)luma(p), around = dq__grey_mean(&grey, x + 0.5 - reach, y + 0.5 - reach, x + 0.5 + reach,
                                                                     y + 0.5 + reach);
            const double line = fmin(1, (v + 0.02) / (around + 0.02));
            const double even = fmin(fmax((v - from.mean) * contrast + to.mean, 0), 0.97);
            const double tone = 0.5 * (value_of_rank(wanted, rank_of(own, v)) + even) * line * line;
            for (int c = 0; c < 3; c++) {
                const double drawn = to.colour[c] + to.slope[c] * (tone - to.mean);
                p[c] = dq__clamp01((float)((1 - strength) * (double)p[c] + strength * drawn));
            }
        }
    dq__grey_free(&grey);
    return DQ_OK;
}
