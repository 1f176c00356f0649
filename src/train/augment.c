/* SPDX-License-Identifier: MIT
 * train/augment.c: the fields by name, the window of a crop, and the steps that vary it. Must not allocate, read files or
 * draw from anything but (seed, crop). */
#include "train/augment.h"

#include "base/number.h"
#include "train/draws.h"
#include "train/jpeg.h"
#include "train/noise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the fields ---- */

#define FIELD(name, max) {#name, offsetof(dq__augment, name), max}
static const struct field {
    const char *name;
    size_t offset;
    double max; /* all begin at 0 */
} fields[] = {
    FIELD(scale_min, 16),  FIELD(scale_max, 16), FIELD(flip, 1),        FIELD(cutmix, 1),          FIELD(blend, 1),
    FIELD(gain, 1),        FIELD(offset, 1),     FIELD(saturation, 1),  FIELD(gamma, 4),           FIELD(permute, 1),
    FIELD(sharpen, 1),     FIELD(sharpen_max, 8), FIELD(noise, 1),      FIELD(noise_max, 1),       FIELD(noise_blend, 1),
    FIELD(noise_blend_max, 1), FIELD(jpeg, 1),   FIELD(jpeg_min, 100),  FIELD(jpeg_max, 100)};
enum { FIELDS = sizeof fields / sizeof *fields };
_Static_assert(sizeof(dq__augment) == FIELDS * sizeof(double), "every field has a row");

dq__augment dq__augment_default(void) {
    const double rare = 0.07; /* seven steps: 1 − 0.93^7 = 40 % */
    return (dq__augment){.scale_min = 0.5, .scale_max = 2, .flip = 0.5, .cutmix = rare, .blend = rare, .gain = 0.1,
                         .offset = 0.05, .saturation = 0.3, .gamma = 0.2, .permute = rare, .sharpen = rare, .sharpen_max = 3,
                         .noise = rare, .noise_max = 0.3, .noise_blend = rare, .noise_blend_max = 0.8, .jpeg = rare,
                         .jpeg_min = 5, .jpeg_max = 60};
}

static dq_status unknown(const char *name, dq__error *err) {
    char names[320] = "";
    for (size_t i = 0, used = 0; i < FIELDS; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, " %s", fields[i].name);
    return dq__fail(err, DQ_USAGE, "augmentation has no '%.40s'; it has%s", name, names);
}

static bool is_in_range(const struct field *field, double value) { return value >= 0 && value <= field->max; }

dq_status dq__augment_set(dq__augment *augment, const char *name, const char *value, dq__error *err) {
    for (size_t i = 0; i < FIELDS; i++) {
        double number;
        if (strcmp(fields[i].name, name) != 0) continue;
        if (!dq__parse_double(value, &number) || !is_in_range(&fields[i], number))
            return dq__fail(err, DQ_USAGE, "augmentation %s: '%.40s' is not a number from 0 to %g", name, value, fields[i].max);
        memcpy((char *)augment + fields[i].offset, &number, sizeof number);
        return DQ_OK;
    }
    return unknown(name, err);
}

dq_status dq__augment_check(const dq__augment *augment, dq__error *err) {
    for (size_t i = 0; i < FIELDS; i++) {
        double value;
        memcpy(&value, (const char *)augment + fields[i].offset, sizeof value);
        if (!is_in_range(&fields[i], value))
            return dq__fail(err, DQ_USAGE, "augmentation %s: %g is not from 0 to %g", fields[i].name, value, fields[i].max);
    }
    double low = augment->scale_min, high = augment->scale_max;
    if (low > high || (high > 0 && low < 1.0 / 16))
        return dq__fail(err, DQ_USAGE, "augmentation scale_min must be from 1/16 to scale_max (%g)", high);
    if (augment->jpeg_min > augment->jpeg_max)
        return dq__fail(err, DQ_USAGE, "augmentation jpeg_min must not be above jpeg_max (%g)", augment->jpeg_max);
    return DQ_OK;
}

/* ---- what a crop is made of ---- */

/* 1 (no cut-mix), 2 or 3; `draws` goes on behind the choice. */
static int count_mixed(const dq__augment *augment, dq__draws *draws) {
    return dq__draw_chance(draws, augment->cutmix) ? 2 + dq__draw_below(draws, 2) : 1;
}

static bool is_blended(const dq__augment *augment, dq__draws *draws) { return dq__draw_chance(draws, augment->blend); }

int dq__augment_parts(const dq__augment *augment, uint64_t seed, int64_t crop) {
    dq__draws cutmix = dq__draws_at(seed, crop, DQ__DRAW_CUTMIX), blend = dq__draws_at(seed, crop, DQ__DRAW_BLEND);
    return count_mixed(augment, &cutmix) + is_blended(augment, &blend);
}

dq__window dq__augment_window(const dq__augment *augment, uint64_t seed, int64_t crop, int part, int width, int height,
                              int side) {
    dq__draws draws = dq__draws_at(seed, crop, DQ__DRAW_WINDOW + part);
    bool scaled = augment->scale_max > 0;
    double low = scaled ? log(augment->scale_min) : 0, high = scaled ? log(augment->scale_max) : 0;
    int shorter = width < height ? width : height;
    int size = (int)lround(side * exp(dq__draw_between(&draws, low, high)));
    if (size < 1) size = 1;
    if (size > shorter) size = shorter;
    dq__window window = {.size = size};
    window.x = dq__draw_below(&draws, width - size + 1);
    window.y = dq__draw_below(&draws, height - size + 1);
    window.flip = dq__draw_chance(&draws, augment->flip);
    return window;
}

/* ---- the steps: each draws whether it happens, and changes rgb ---- */

struct crop {
    const dq__augment *augment;
    uint64_t seed;
    int64_t number;
    float *rgb; /* part 0, where the result goes */
    float *const *part;
    int parts, side;
    size_t pixels, values;
    float *scratch, *more; /* each as large as rgb */
};

static dq__draws draws_of(const struct crop *crop, int place) { return dq__draws_at(crop->seed, crop->number, place); }

static float clamp(float v, float low, float high) { return v > low ? (v < high ? v : high) : low; }

/* One pixel of `count` parts: the one with the highest field wins, those less than `ramp` below it have a say. */
static void mix_pixel(const struct crop *crop, size_t pixel, int count, float ramp) {
    float weight[3], highest = crop->scratch[pixel], sum = 0, mixed[3] = {0};
    for (int j = 1; j < count; j++) highest = fmaxf(highest, crop->scratch[(size_t)j * crop->pixels + pixel]);
    for (int j = 0; j < count; j++) {
        weight[j] = fmaxf(0, crop->scratch[(size_t)j * crop->pixels + pixel] - highest + ramp);
        sum += weight[j];
    }
    for (int j = 0; j < count; j++)
        for (int c = 0; c < 3; c++) mixed[c] += weight[j] / sum * crop->part[j][3 * pixel + (size_t)c];
    for (int c = 0; c < 3; c++) crop->rgb[3 * pixel + (size_t)c] = mixed[c];
}

/* The regions are where one of several smooth random fields is the highest. */
static void cutmix(const struct crop *crop) {
    dq__draws draws = draws_of(crop, DQ__DRAW_CUTMIX);
    int count = count_mixed(crop->augment, &draws);
    if (count == 1) return;
    bool soft = dq__draw_chance(&draws, 0.5);
    float ramp = soft ? (float)dq__draw_between(&draws, 0.3, 1.5) : 1e-6f;
    for (int j = 0; j < count; j++)
        dq__noise_octaves(crop->scratch + (size_t)j * crop->pixels, crop->side, 1, crop->side / 4, &draws, crop->more);
    for (size_t i = 0; i < crop->pixels; i++) mix_pixel(crop, i, count, ramp);
}

static void blend(const struct crop *crop) {
    dq__draws draws = draws_of(crop, DQ__DRAW_BLEND);
    if (!is_blended(crop->augment, &draws)) return;
    const float *other = crop->part[crop->parts - 1];
    float a = (float)dq__draw_between(&draws, 0.25, 0.75);
    for (size_t i = 0; i < crop->values; i++) crop->rgb[i] += a * (other[i] - crop->rgb[i]);
}

static void vary_colour(const struct crop *crop) {
    const dq__augment *a = crop->augment;
    dq__draws draws = draws_of(crop, DQ__DRAW_COLOUR);
    float gain[3], offset[3];
    for (int c = 0; c < 3; c++) {
        gain[c] = 1 + (float)dq__draw_between(&draws, -a->gain, a->gain);
        offset[c] = (float)dq__draw_between(&draws, -a->offset, a->offset);
    }
    float more = (float)dq__draw_between(&draws, -a->saturation, a->saturation);
    float power = (float)pow(1 + a->gamma, dq__draw_between(&draws, -1, 1));
    for (float *p = crop->rgb; p < crop->rgb + crop->values; p += 3) {
        for (int c = 0; c < 3; c++) p[c] = p[c] * gain[c] + offset[c];
        float grey = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
        for (int c = 0; c < 3; c++) p[c] += more * (p[c] - grey);
        for (int c = 0; c < 3 && a->gamma > 0; c++) p[c] = powf(fmaxf(p[c], 0), power);
    }
}

static void permute(const struct crop *crop) {
    static const unsigned char order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    dq__draws draws = draws_of(crop, DQ__DRAW_PERMUTE);
    if (!dq__draw_chance(&draws, crop->augment->permute)) return;
    int choice = 1 + dq__draw_below(&draws, 6 * 8 - 1), inverted = choice % 8; /* 0 would change nothing */
    const unsigned char *from = order[choice / 8];
    for (float *p = crop->rgb; p < crop->rgb + crop->values; p += 3) {
        float old[3] = {p[0], p[1], p[2]};
        for (int c = 0; c < 3; c++) p[c] = inverted >> c & 1 ? 1 - old[from[c]] : old[from[c]];
    }
}

/* out = in blurred by 1 4 6 4 1 along a line of `count` pixels `stride` floats apart; the ends are repeated. */
static void blur_line(float *out, const float *in, int count, size_t stride) {
    static const float weight[5] = {1 / 16.0f, 4 / 16.0f, 6 / 16.0f, 4 / 16.0f, 1 / 16.0f};
    for (int i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++) {
            float sum = 0;
            for (int k = 0; k < 5; k++) {
                int at = i + k - 2;
                at = at < 0 ? 0 : at < count ? at : count - 1;
                sum += weight[k] * in[(size_t)at * stride + c];
            }
            out[(size_t)i * stride + c] = sum;
        }
}

static void sharpen(const struct crop *crop) {
    dq__draws draws = draws_of(crop, DQ__DRAW_SHARPEN);
    if (!dq__draw_chance(&draws, crop->augment->sharpen)) return;
    float strength = (float)dq__draw_between(&draws, 0, crop->augment->sharpen_max);
    size_t row = 3 * (size_t)crop->side;
    for (size_t y = 0; y < (size_t)crop->side; y++) blur_line(crop->more + y * row, crop->rgb + y * row, crop->side, 3);
    for (size_t x = 0; x < (size_t)crop->side; x++) blur_line(crop->scratch + 3 * x, crop->more + 3 * x, crop->side, row);
    for (size_t i = 0; i < crop->values; i++) crop->rgb[i] += strength * (crop->rgb[i] - crop->scratch[i]);
}

/* Into scratch: white or pink, of a random deviation. */
static void make_noise(const struct crop *crop, dq__draws *draws) {
    float deviation = (float)dq__draw_between(draws, 0, crop->augment->noise_max);
    if (dq__draw_chance(draws, 0.5))
        dq__noise_white(crop->scratch, crop->values, draws);
    else
        dq__noise_octaves(crop->scratch, crop->side, 3, 1, draws, crop->more);
    for (size_t i = 0; i < crop->values; i++) crop->scratch[i] *= deviation;
}

static void add_noise(const struct crop *crop) {
    dq__draws draws = draws_of(crop, DQ__DRAW_NOISE);
    if (!dq__draw_chance(&draws, crop->augment->noise)) return;
    make_noise(crop, &draws);
    for (size_t i = 0; i < crop->values; i++) crop->rgb[i] += crop->scratch[i];
}

static void blend_noise(const struct crop *crop) {
    dq__draws draws = draws_of(crop, DQ__DRAW_NOISE_BLEND);
    if (!dq__draw_chance(&draws, crop->augment->noise_blend)) return;
    float a = (float)dq__draw_between(&draws, 0, crop->augment->noise_blend_max);
    make_noise(crop, &draws);
    for (size_t i = 0; i < crop->values; i++) crop->rgb[i] += a * (0.5f + crop->scratch[i] - crop->rgb[i]);
}

static void clamp_all(const struct crop *crop) {
    for (size_t i = 0; i < crop->values; i++) crop->rgb[i] = clamp(crop->rgb[i], 0, 1);
}

static void round_blocks(const struct crop *crop) {
    dq__draws draws = draws_of(crop, DQ__DRAW_JPEG);
    if (!dq__draw_chance(&draws, crop->augment->jpeg)) return;
    int quality = (int)lround(dq__draw_between(&draws, crop->augment->jpeg_min, crop->augment->jpeg_max));
    int shift_x = dq__draw_below(&draws, 8), shift_y = dq__draw_below(&draws, 8);
    dq__jpeg_blocks(crop->rgb, crop->side, quality < 1 ? 1 : quality, shift_x, shift_y);
    clamp_all(crop);
}

void dq__augment_apply(const dq__augment *augment, uint64_t seed, int64_t number, float *const *part, int side,
                       float *scratch) {
    size_t pixels = (size_t)side * (size_t)side;
    struct crop crop = {.augment = augment, .seed = seed, .number = number, .rgb = part[0], .part = part,
                        .parts = dq__augment_parts(augment, seed, number), .side = side, .pixels = pixels,
                        .values = 3 * pixels, .scratch = scratch, .more = scratch + 3 * pixels};
    cutmix(&crop);
    blend(&crop);
    vary_colour(&crop);
    permute(&crop);
    sharpen(&crop);
    add_noise(&crop);
    blend_noise(&crop);
    clamp_all(&crop);
    round_blocks(&crop);
}
