/* SPDX-License-Identifier: MIT
 * paint/maps.c: masks from files. A colour that covers at least a hundredth of a mask is a region; what lies between two
 * colours belongs partly to both, so that blurred edges are soft. Must not know layers and costs. */
#include "paint/maps.h"

#include "base/mem.h"
#include "base/number.h"
#include "image/face.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Masks are looked at no larger than this; a face's map needs less. */
enum { LONGEST = 1024, FACE_MAP = 512 };

/* What --face on means: eyes, nose and mouth count this many times, the rest of the face half of what is more. */
#define FACE_WEIGHT 1.75

static dq_status read_mask(dq_image **out, const char *path, dq__error *err) {
    dq_image *mask = NULL;
    *out = NULL;
    dq_status status = dq__image_read(&mask, path, err);
    const int longest = status ? 0 : mask->width > mask->height ? mask->width : mask->height;
    if (!status && longest > LONGEST) {
        const double k = (double)LONGEST / longest;
        status = dq__image_resize(out, mask, (int)fmax(1, mask->width * k), (int)fmax(1, mask->height * k), err);
    } else if (!status) {
        *out = mask, mask = NULL;
    }
    dq__image_free(&mask);
    return status;
}

/* A mask of another shape is stretched: most likely it is not meant for this picture. */
static void compare_shapes(const dq_image *mask, const dq_image *photo, const char *option, dq_log_fn log, void *user) {
    char notice[200];
    const double own = (double)mask->width / mask->height, wanted = (double)photo->width / photo->height;
    if (!log || fabs(own / wanted - 1) < 0.05) return;
    snprintf(notice, sizeof notice, "the picture of --%s is %d x %d, the photo %d x %d: it is stretched over the photo", option,
             mask->width, mask->height, photo->width, photo->height);
    log(user, notice);
}

/* ---- how much of the photo is kept --------------------------------------------------------------------------------- */

static dq_status parse_face(const char *text, double *weight, dq__error *err) {
    *weight = strcmp(text, "on") == 0 ? FACE_WEIGHT : 1;
    if (strcmp(text, "on") == 0 || strcmp(text, "off") == 0) return DQ_OK;
    if (dq__parse_double(text, weight) && *weight >= 0 && *weight <= 1000) return DQ_OK;
    return dq__fail(err, DQ_USAGE, "face takes on, off, or how many times a face counts (0 to 1000), not '%.64s'", text);
}

static int find_faces(const dq_image *photo, dq__face *faces, dq_log_fn log, void *user) {
    dq__face_finder *finder = NULL;
    dq__error why = {0};
    int count = 0;
    dq_status status = dq__face_finder_new(&finder, NULL, &why);
    if (!status) status = dq__face_find(finder, photo, faces, DQ__MAX_FACES, &count, &why);
    dq__face_finder_free(&finder);
    if (status && log) {
        char notice[600];
        snprintf(notice, sizeof notice, "painting without knowing faces (--face off): %s", why.text);
        log(user, notice);
    }
    return status ? 0 : count;
}

/* values ← values·m with m = 1 + (weight − 1)·map of the faces; the style counts 1/m times there, so that what a face keeps of
 * the photo need not be made up for outside of it. */
static dq_status raise_faces(dq__maps *maps, float *values, int w, int h, const dq_image *photo, const dq__face *faces, int count,
                             double weight, dq__error *err) {
    const size_t n = (size_t)w * (size_t)h;
    float *map = dq__alloc(sizeof(float) * n);
    if (!map) return dq__no_memory(err, sizeof(float) * n, "the map of a face");
    dq__face_map(map, w, h, photo->width, photo->height, faces, count);
    for (size_t k = 0; k < n; k++) {
        const float m = 1 + (float)(weight - 1) * map[k];
        values[k] *= m;
        map[k] = m > 1 ? 1 / m : 1;
    }
    const dq_status status = dq__grey_new(&maps->pull, map, w, h, err);
    dq__free(map);
    return status;
}

static dq_status content_map(dq__maps *maps, const dq__settings *s, const dq_image *photo, dq_log_fn log, void *user,
                             dq__error *err) {
    dq__face faces[DQ__MAX_FACES];
    dq_image *mask = NULL;
    double weight;
    float *values = NULL;
    dq_status status = parse_face(s->face, &weight, err);
    if (!status && *s->content_mask) status = read_mask(&mask, s->content_mask, err);
    if (status) return status;
    const int count = weight != 1 ? find_faces(photo, faces, log, user) : 0;
    if (!mask && !count) return DQ_OK;
    const double k = fmin(1, (double)FACE_MAP / fmax(photo->width, photo->height));
    const int w = mask ? mask->width : (int)fmax(1, photo->width * k), h = mask ? mask->height : (int)fmax(1, photo->height * k);
    if (mask) compare_shapes(mask, photo, "content-mask", log, user);
    values = dq__alloc(sizeof(float) * (size_t)w * (size_t)h);
    if (!values) status = dq__no_memory(err, sizeof(float) * (size_t)w * (size_t)h, "a mask");
    for (size_t i = 0; !status && i < (size_t)w * (size_t)h; i++) {
        const float *p = mask ? mask->rgb + 3 * i : NULL;
        values[i] = p ? 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2] : 1;
    }
    if (!status && count) status = raise_faces(maps, values, w, h, photo, faces, count, weight, err);
    if (!status) status = dq__grey_new(&maps->content, values, w, h, err);
    dq__free(values);
    dq__image_free(&mask);
    return status;
}

/* ---- colours of a mask --------------------------------------------------------------------------------------------- */

typedef struct palette {
    int count;
    float colour[DQ__MAX_REGIONS][3];
} palette;

static double difference(const float *a, const float *b) {
    double sum = 0;
    for (int c = 0; c < 3; c++) sum += ((double)a[c] - (double)b[c]) * ((double)a[c] - (double)b[c]);
    return sqrt(sum);
}

/* Colours nearer than this are one: lossy files blur them. */
static const double same_colour = 0.15;

enum { BITS = 5, BINS = 1 << (3 * BITS) };

typedef struct bin {
    int64_t count;
    double sum[3];
} bin;

static int bin_of(const float *p) {
    int at = 0;
    for (int c = 0; c < 3; c++) at = at << BITS | (int)fmin((1 << BITS) - 1, (double)p[c] * (1 << BITS));
    return at;
}

/* The most frequent colour that is none of the palette; false where no more covers a hundredth. */
static bool next_colour(const palette *known, const bin *bins, int64_t pixels, float colour[3]) {
    int64_t most = pixels / 100;
    for (int i = 0; i < BINS; i++) {
        float mean[3];
        bool new = bins[i].count > most;
        for (int c = 0; new && c < 3; c++) mean[c] = (float)(bins[i].sum[c] / (double)bins[i].count);
        for (int k = 0; new && k < known->count; k++) new = difference(mean, known->colour[k]) >= same_colour;
        if (!new) continue;
        most = bins[i].count;
        memcpy(colour, mean, sizeof mean);
    }
    return most > pixels / 100;
}

static dq_status find_palette(palette *p, const dq_image *mask, const char *path, dq__error *err) {
    const int64_t pixels = (int64_t)mask->width * mask->height;
    float colour[3];
    bin *bins = dq__alloc_zero(sizeof *bins * BINS);
    *p = (palette){0};
    if (!bins) return dq__no_memory(err, sizeof *bins * BINS, "the colours of a mask");
    for (int64_t k = 0; k < pixels; k++) {
        bin *at = &bins[bin_of(mask->rgb + 3 * k)];
        at->count++;
        for (int c = 0; c < 3; c++) at->sum[c] += (double)mask->rgb[3 * k + c];
    }
    dq_status status = DQ_OK;
    while (!status && next_colour(p, bins, pixels, colour)) {
        if (p->count == DQ__MAX_REGIONS)
            status = dq__fail(err, DQ_USAGE, "mask %.256s has more than %d colours; a mask has one flat colour for each region",
                              path, DQ__MAX_REGIONS);
        else memcpy(p->colour[p->count++], colour, sizeof colour);
    }
    dq__free(bins);
    if (!status && p->count == 0)
        status = dq__fail(err, DQ_USAGE, "mask %.256s has no colour that covers a hundredth of it", path);
    return status;
}

/* How far a pixel belongs to each colour: on the line between the two nearest, where it stands there. */
static void belongs(const palette *p, const float *pixel, float *share) {
    int first = 0, second = -1;
    for (int i = 0; i < p->count; i++) share[i] = 0;
    for (int i = 1; i < p->count; i++)
        if (difference(pixel, p->colour[i]) < difference(pixel, p->colour[first])) first = i;
    for (int i = 0; i < p->count; i++)
        if (i != first && (second < 0 || difference(pixel, p->colour[i]) < difference(pixel, p->colour[second]))) second = i;
    double along = 0, square = 0;
    for (int c = 0; second >= 0 && c < 3; c++) {
        const double d = (double)p->colour[second][c] - (double)p->colour[first][c];
        along += d * ((double)pixel[c] - (double)p->colour[first][c]), square += d * d;
    }
    const double t = second < 0 ? 0 : fmin(fmax(along / square, 0), 1);
    share[first] = (float)(1 - t);
    if (second >= 0) share[second] = (float)t;
}

/* The map of one colour. */
static dq_status region_of(dq__grey *out, const dq_image *mask, const palette *p, int which, dq__error *err) {
    const size_t n = (size_t)mask->width * (size_t)mask->height;
    float share[DQ__MAX_REGIONS], *values = dq__alloc(sizeof(float) * n);
    if (!values) return dq__no_memory(err, sizeof(float) * n, "a mask");
    for (size_t k = 0; k < n; k++) {
        belongs(p, mask->rgb + 3 * k, share);
        values[k] = share[which];
    }
    dq_status status = dq__grey_new(out, values, mask->width, mask->height, err);
    dq__free(values);
    return status;
}

/* ---- regions ------------------------------------------------------------------------------------------------------- */

static dq_status whole(dq__grey *out, dq__error *err) { return dq__grey_new(out, (const float[]){1}, 1, 1, err); }

/* The names of --style-mask, one for each painting; "" is a painting as a whole. */
static dq_status next_name(const char **list, char *name, size_t size, dq__error *err) {
    const size_t n = strcspn(*list, ",");
    if (n >= size) return dq__fail(err, DQ_USAGE, "style-mask names too long a file");
    memcpy(name, *list, n);
    name[n] = 0;
    *list += n + ((*list)[n] == ',');
    return DQ_OK;
}

/* The regions of one painting: those of its colours that the photo's mask has too. */
static dq_status read_painting(dq__maps *maps, int painting, const char *path, const palette *wanted, dq__error *err) {
    dq_image *mask = NULL;
    palette own;
    dq_status status = read_mask(&mask, path, err);
    if (!status) status = find_palette(&own, mask, path, err);
    for (int r = 0; r < wanted->count && !status; r++)
        for (int k = 0; k < own.count && !status && !maps->style[painting][r].sums; k++)
            if (difference(own.colour[k], wanted->colour[r]) < same_colour)
                status = region_of(&maps->style[painting][r], mask, &own, k, err);
    dq__image_free(&mask);
    return status;
}

static dq_status check_counterparts(const dq__maps *maps, const palette *p, int paintings, dq__error *err) {
    for (int r = 0; r < maps->regions; r++) {
        bool there = false;
        for (int i = 0; i < paintings; i++) there = there || maps->style[i][r].sums;
        if (there) continue;
        return dq__fail(err, DQ_USAGE, "colour #%02x%02x%02x of --mask is in no --style-mask: give that region a counterpart",
                        (unsigned)lroundf(255 * p->colour[r][0]), (unsigned)lroundf(255 * p->colour[r][1]),
                        (unsigned)lroundf(255 * p->colour[r][2]));
    }
    return DQ_OK;
}

static dq_status coloured_regions(dq__maps *maps, const dq__settings *s, const dq_image *mask, int paintings, dq__error *err) {
    palette p;
    const char *list = s->style_mask;
    dq_status status = find_palette(&p, mask, s->mask, err);
    if (status) return status;
    maps->regions = p.count;
    for (int r = 0; r < p.count && !status; r++) status = region_of(&maps->photo[r], mask, &p, r, err);
    for (int i = 0; i < paintings && !status; i++) {
        char name[1024];
        status = next_name(&list, name, sizeof name, err);
        if (!status && *name) status = read_painting(maps, i, name, &p, err);
        for (int r = 0; r < p.count && !status && !*name; r++) status = whole(&maps->style[i][r], err);
    }
    if (!status && *list) return dq__fail(err, DQ_USAGE, "style-mask names more files than there are paintings (%d)", paintings);
    return status ? status : check_counterparts(maps, &p, paintings, err);
}

/* --mask alone: white is painted, black is not. */
static dq_status painted_region(dq__maps *maps, const dq_image *mask, int paintings, dq__error *err) {
    double scale;
    dq_status status = dq__grey_of(&maps->photo[0], mask, LONGEST, &scale, err);
    if (status) return status;
    maps->regions = 1;
    if (dq__grey_mean(&maps->photo[0], 0, 0, mask->width, mask->height) < 1e-4)
        return dq__fail(err, DQ_USAGE, "the picture of --mask is black: where it is white the photo is painted");
    for (int i = 0; i < paintings && !status; i++) status = whole(&maps->style[i][0], err);
    return status;
}

static dq_status make_regions(dq__maps *maps, const dq__settings *s, const dq_image *photo, int paintings, dq_log_fn log,
                              void *user, dq__error *err) {
    dq_image *mask = NULL;
    if (*s->style_mask && !*s->mask) return dq__fail(err, DQ_USAGE, "style-mask needs --mask too: the regions of the photo");
    if (!*s->mask) return DQ_OK;
    dq_status status = read_mask(&mask, s->mask, err);
    if (status) return status;
    compare_shapes(mask, photo, "mask", log, user);
    if (*s->style_mask) status = coloured_regions(maps, s, mask, paintings, err);
    else status = painted_region(maps, mask, paintings, err);
    dq__image_free(&mask);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

dq_status dq__maps_new(dq__maps *maps, const dq__settings *settings, const dq_image *photo, int paintings, dq_log_fn log,
                       void *log_user, dq__error *err) {
    *maps = (dq__maps){0};
    dq_status status = content_map(maps, settings, photo, log, log_user, err);
    if (!status) status = make_regions(maps, settings, photo, paintings, log, log_user, err);
    if (status) dq__maps_free(maps);
    return status;
}

void dq__maps_free(dq__maps *maps) {
    dq__grey_free(&maps->content);
    dq__grey_free(&maps->pull);
    for (int r = 0; r < DQ__MAX_REGIONS; r++) {
        dq__grey_free(&maps->photo[r]);
        for (int i = 0; i < DQ__MAX_PAINTINGS; i++) dq__grey_free(&maps->style[i][r]);
    }
    *maps = (dq__maps){0};
}

static size_t grey_bytes(const dq__grey *g) {
    return g->sums ? sizeof(double) * ((size_t)g->w + 1) * ((size_t)g->h + 1) : 0;
}

size_t dq__maps_bytes(const dq__maps *maps) {
    size_t sum = grey_bytes(&maps->content) + grey_bytes(&maps->pull);
    for (int r = 0; r < DQ__MAX_REGIONS; r++) {
        sum += grey_bytes(&maps->photo[r]);
        for (int i = 0; i < DQ__MAX_PAINTINGS; i++) sum += grey_bytes(&maps->style[i][r]);
    }
    return sum;
}
