/* SPDX-License-Identifier: MIT
 * paint/cost.c: targets of a scale and the cost at the taps. The factors of the published formulas are in `content_scale`
 * and `style_scale`, nowhere else. */
#include "paint/cost.h"

#include "loss/content.h"
#include "loss/histogram.h"
#include "loss/laplacian.h"
#include "loss/tv.h"
#include "loss/unit.h"
#include "loss/w2.h"
#include "loss/whole.h"
#include "net/split.h"

#include <string.h>

enum { MAX_HALO = 2 }; /* of a gradient map */

/* What one region is compared with at one tap. */
typedef struct region {
    dq__gaussian is; /* .matrix: Gram matrix, covariance, or root of it as W2 wants; NULL: no style counts here */
    double scale;
    double share;    /* of the paintings that have this region */
    double area;     /* of the region in the photo */
    float *quantile; /* of the paintings' channels, for histograms; else NULL */
    float *guide;    /* of the photo's positions, with the mean 1; NULL: all count alike */
    dq__whole whole; /* the moments of what is measured window by window */
} region;

struct dq__cost {
    const dq__cost_setup *setup;
    dq__cost_plan plan;
    dq__frame *frame;
    bool parts;          /* does the picture go through the network in windows? */
    float *crop;         /* a part of a guide or map, where there are any; as many floats as a window has positions */
    dq__moments moments; /* its .gram is NULL where no style counts */
    dq__w2 w2;           /* all NULL for other style losses */
    float *content[DQ__MAX_TAPS];      /* target features, dense */
    double *content_sums[DQ__MAX_TAPS]; /* of the rows of such a map */
    float *content_map[DQ__MAX_TAPS];  /* how much each position counts; NULL: all alike */
    double content_scale[DQ__MAX_TAPS];
    region style[DQ__MAX_TAPS][DQ__MAX_REGIONS];
    dq__laplacian lines; /* all NULL unless the photo's lines count */
    float *lines_map;    /* how much its squares count; NULL: all alike */
    float *own_gradient; /* of one cost, where gradients are brought to one length; else NULL */
    double *row_sums;
    int h, w;
    dq__cost_value value; /* of the evaluation under way */
    double at_tap[DQ__MAX_TAPS][2]; /* its content and style */
};

/* ---- factors of the formulas --------------------------------------------------------------------------------------- */

/* Σ(f − target)² times this is the content cost of a layer with n = h·w·c values. */
static double content_scale(int normalization, double n, double energy) {
    switch (normalization) {
    case DQ__NORM_COURSE: return 1 / (4 * n);   /* 1/(4·n_H·n_W·n_C) */
    case DQ__NORM_GATYS: return 0.5;            /* Gatys et al. 2015, eq. 1 */
    case DQ__NORM_RELATIVE: return energy > 0 ? 1 / energy : 0;
    default: return 1 / n;                      /* mean */
    }
}

/* ‖G − target‖² times this is the style cost of a layer with c channels, where G = FᵀF/(h·w). */
static double style_scale(int normalization, double c, double energy) {
    switch (normalization) {
    case DQ__NORM_COURSE: /* 1/(2·n_H·n_W·n_C)² on unnormalised matrices of equal size … */
    case DQ__NORM_GATYS: return 1 / (4 * c * c); /* … which is eq. 4: 1/(4·N²·M²) */
    case DQ__NORM_RELATIVE: return energy > 0 ? 1 / energy : 0;
    default: return 1 / (c * c * c * c);        /* FᵀF/(c·h·w), mean over c² (neural-style) */
    }
}

/* W2 times this is the style cost: 1/c, a mean over the channels, or relative to the mean square of the
 * painting's features, which is W2's distance from none. */
static double w2_scale(int normalization, double c, double energy) {
    if (normalization == DQ__NORM_RELATIVE) return energy > 0 ? 1 / energy : 0;
    return 1 / c;
}

/* Σ(f − R(f))² over h·w positions times this is the cost of histograms. */
static double histogram_scale(int normalization, const dq__tensor *f, double energy) {
    const double n = (double)f->h * f->w;
    if (normalization == DQ__NORM_RELATIVE) return energy > 0 ? 1 / (n * energy) : 0;
    return 1 / (n * f->c);
}

/* ---- roots --------------------------------------------------------------------------------------------------------- */

dq_status dq__cost_roots_new(dq__gram_root roots[DQ__MAX_TAPS], const dq__taps *taps, const dq__table *table,
                             const dq__weights *weights, dq__error *err) {
    dq_status status = DQ_OK;
    for (int t = 0; t < taps->count && !status; t++)
        if (taps->root[t] >= 0)
            status = dq__gram_root_init(&roots[t], weights->weight[taps->root[t]], table->layer[taps->root[t]].oc, err);
    return status;
}

void dq__cost_roots_free(dq__gram_root roots[DQ__MAX_TAPS]) {
    for (int t = 0; t < DQ__MAX_TAPS; t++) dq__gram_root_deinit(&roots[t]);
}

size_t dq__cost_roots_bytes(const dq__taps *taps, const dq__table *table) {
    size_t sum = 0;
    for (int t = 0; t < taps->count; t++)
        if (taps->root[t] >= 0) sum += dq__gram_root_bytes(table->layer[taps->root[t]].oc);
    return sum;
}

static const dq__gram_root *root_at(const dq__cost_setup *s, int t) {
    return s->roots && s->taps->root[t] >= 0 ? &s->roots[t] : NULL;
}

/* ---- targets ------------------------------------------------------------------------------------------------------- */

static int widest(const dq__cost_setup *s) {
    int cs = 0;
    for (int t = 0; t < s->taps->count; t++) {
        const int c = dq__map_stride(s->table->layer[s->taps->layer[t]].oc);
        if (s->taps->style[t] != 0 && c > cs) cs = c;
    }
    return cs;
}

static bool has_regions(const dq__cost_setup *s) { return s->maps && s->maps->regions > 0; }
/* Do places count for the style by guides? */
static bool has_guides(const dq__cost_setup *s) { return has_regions(s) || (s->maps && s->maps->pull.sums); }
/* Without masks the picture as a whole is one region. */
static int regions(const dq__cost_setup *s) { return has_regions(s) ? s->maps->regions : 1; }

/* Taps whose only cost is that of one Gram matrix: it can put its gradient in the place of the features. */
static uint32_t in_place(const dq__cost_setup *s) {
    const dq__settings *o = s->settings;
    uint32_t bits = 0;
    if (o->style_loss != DQ__STYLE_GRAM || o->histogram_weight > 0 || o->normalize_gradients || has_regions(s)) return 0;
    for (int t = 0; t < s->taps->count; t++)
        if (s->taps->content[t] == 0 && s->taps->style[t] * o->style_weight != 0) bits |= (uint32_t)1 << t;
    return bits;
}

dq__exec_options dq__cost_options(const dq__cost_setup *s, int w, int h, bool own) {
    return (dq__exec_options){.h = h, .w = w, .tap = s->taps->layer, .taps = s->taps->count, .backward = own,
                              .in_place = in_place(s), .direct = s->direct, .ranks = s->ranks};
}

/* The pixels of a picture in units of `range`: its own where that is 1, else a copy to be freed. */
static float *scaled_pixels(const dq_image *image, double range) {
    const size_t n = (size_t)image->width * (size_t)image->height * 3;
    float *x = range == 1 ? image->rgb : dq__alloc(sizeof(float) * n);
    for (size_t k = 0; x && range != 1 && k < n; k++) x[k] = image->rgb[k] * (float)range;
    return x;
}

/* Shows fn what the network makes of a picture. */
static dq_status look_at(dq__frame *frame, const dq_image *image, double range, dq__part_fn *fn, void *user, dq__error *err) {
    float *x = scaled_pixels(image, range);
    if (!x) return dq__no_memory(err, (size_t)image->width * (size_t)image->height * 12, "a picture");
    dq__frame_forward(frame, x, fn, user);
    if (x != image->rgb) dq__free(x);
    return DQ_OK;
}

/* The part of a map of values at f; NULL where there is no map. */
static const float *crop(const dq__cost *cost, const float *map, const dq__spot *at, const dq__tensor *f) {
    const size_t row = sizeof(float) * (size_t)f->w;
    if (!map || at->w == f->w) return map ? map + (size_t)at->y * (size_t)at->w : NULL;
    for (int y = 0; y < f->h; y++)
        memcpy(cost->crop + (size_t)y * (size_t)f->w, map + (size_t)(at->y + y) * (size_t)at->w + at->x, row);
    return cost->crop;
}

/* A map at the size of a layer, [h][w]. */
static dq_status layer_map(float **out, const dq__grey *map, int w, int h, dq__error *err) {
    const size_t bytes = sizeof(float) * (size_t)w * (size_t)h;
    *out = dq__alloc(bytes);
    if (!*out) return dq__no_memory(err, bytes, "a mask");
    dq__grey_resize(map, *out, w, h);
    return DQ_OK;
}

/* How much positions count for a region: its map with the mean 1. *guide is NULL where all count alike, or none; *area is
 * the mean of the map. */
static dq_status make_guide(float **guide, double *area, const dq__grey *map, int w, int h, dq__error *err) {
    *guide = NULL;
    *area = dq__grey_mean(map, 0, 0, map->w, map->h);
    if (map->w == 1 && map->h == 1) return DQ_OK;
    const double n = (double)w * h;
    if (*area * n < 0.5) *area = 0; /* not half a position of the layer */
    if (*area == 0) return DQ_OK;
    dq_status status = layer_map(guide, map, w, h, err);
    for (size_t k = 0; !status && k < (size_t)n; k++) /* sums of areas leave a trace below zero */
        (*guide)[k] = (*guide)[k] > 0 ? (*guide)[k] * (float)(1 / *area) : 0;
    return status;
}

/* A painting on its way through the network. */
typedef struct style_work {
    dq__cost *cost;
    dq__frame *frame;
    int i; /* of the painting */
    dq__error *err;
    dq_status status;
} style_work;

/* Does the style cost look at means too? */
static bool means(const dq__cost_setup *s) { return s->settings->style_loss != DQ__STYLE_GRAM; }

/* Adds a part of one region of a painting at one tap to its moments. */
static dq_status add_part(const style_work *work, int r, const dq__spot *at, const dq__tensor *f) {
    dq__cost *cost = work->cost;
    const dq__cost_setup *s = cost->setup;
    const dq__grey *map = has_regions(s) ? &s->maps->style[work->i][r] : NULL;
    double area = 1;
    float *guide = NULL;
    const int t = at->tap;
    if (map && !map->sums) return DQ_OK; /* this painting has no such region */
    dq_status status = map ? make_guide(&guide, &area, map, at->w, at->h, work->err) : DQ_OK;
    if (status || area == 0) return status;
    dq__moments_guide(&cost->moments, crop(cost, guide, at, f));
    dq__whole_add(s->pool, &cost->moments, &cost->style[t][r].whole, f, dq__cell_side(at->h, at->w), means(s));
    dq__moments_guide(&cost->moments, NULL);
    if (cost->style[t][r].quantile)
        dq__histogram_add(s->pool, f, guide, s->share[work->i], cost->style[t][r].quantile); /* never in windows */
    dq__free(guide);
    return DQ_OK;
}

static void style_part(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad) {
    style_work *work = user;
    const dq__cost_setup *s = work->cost->setup;
    (void)grad;
    for (int r = 0; r < regions(s) && !work->status && s->taps->style[at->tap] != 0; r++) work->status = add_part(work, r, at, f);
}

/* Adds the moments of one region of one painting at one tap to the target. */
static void add_region(dq__cost *cost, int t, int i, region *at) {
    const dq__cost_setup *s = cost->setup;
    const float share = (float)s->share[i];
    dq__whole *w = &at->whole;
    if (!at->is.matrix || w->positions == 0) return;
    dq__whole_finish(w);
    if (root_at(s, t)) dq__gram_through(root_at(s, t), w->gram), dq__vector_through(root_at(s, t), w->mean);
    for (size_t k = 0; k < (size_t)w->cs * (size_t)w->cs; k++) at->is.matrix[k] += share * w->gram[k];
    for (int k = 0; k < w->cs; k++) at->is.mean[k] += share * w->mean[k];
    at->share += s->share[i];
}

static void clear_wholes(dq__cost *cost) {
    for (int t = 0; t < cost->setup->taps->count; t++)
        for (int r = 0; r < regions(cost->setup); r++)
            if (cost->style[t][r].is.matrix) dq__whole_clear(&cost->style[t][r].whole);
}

/* What ranks have added of their parts becomes what all have. */
static dq_status share_wholes(dq__cost *cost, dq__error *err) {
    dq_status status = DQ_OK;
    for (int t = 0; t < cost->setup->taps->count; t++)
        for (int r = 0; r < regions(cost->setup) && !status; r++)
            if (cost->style[t][r].is.matrix) status = dq__whole_share(cost->setup->ranks, &cost->style[t][r].whole, err);
    return status;
}

/* Adds the share of one style, its Gram matrices and means, to the targets. */
static dq_status add_style(dq__cost *cost, const dq_image *style, int i, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    style_work work = {.cost = cost, .i = i, .err = err};
    const dq__exec_options options = dq__cost_options(s, style->width, style->height, false);
    clear_wholes(cost);
    dq_status status = dq__frame_new(&work.frame, s->pool, s->table, s->packed, &options, &cost->plan.style[i], err);
    status = dq__ranks_agree(s->ranks, status, err);
    if (!status) status = look_at(work.frame, style, s->settings->pixel_range, style_part, &work, err);
    if (!status) status = work.status;
    status = dq__ranks_agree(s->ranks, status, err);
    if (!status && cost->plan.style[i].stages > 0) status = share_wholes(cost, err);
    for (int t = 0; t < s->taps->count; t++)
        for (int r = 0; r < regions(s) && !status; r++) add_region(cost, t, i, &cost->style[t][r]);
    dq__frame_free(&work.frame);
    return status;
}

static void free_target(region *at) {
    dq__free(at->is.matrix);
    dq__free(at->is.mean);
    dq__free(at->quantile);
    dq__free(at->guide);
    dq__whole_deinit(&at->whole);
    *at = (region){0};
}

/* From raw moments to what the style loss compares with. */
static void finish_target(dq__cost *cost, int t, region *at) {
    const dq__cost_setup *s = cost->setup;
    const int c = s->table->layer[s->taps->layer[t]].oc, cs = dq__map_stride(c), loss = s->settings->style_loss;
    double square = 0;
    if (at->share == 0) { /* too small at this layer */
        free_target(at);
        return;
    }
    const float whole = (float)(1 / at->share);
    for (size_t k = 0; k < (size_t)cs * (size_t)cs; k++) at->is.matrix[k] *= whole;
    for (int k = 0; k < cs; k++) at->is.mean[k] *= whole;
    for (int k = 0; at->quantile && k < cs * DQ__QUANTILES; k++) at->quantile[k] *= whole;
    for (int k = 0; k < c; k++) square += (double)at->is.matrix[(size_t)k * (size_t)cs + (size_t)k];
    if (loss == DQ__STYLE_W2) {
        at->scale = w2_scale(s->settings->normalization, c, square);
        dq__w2_target(s->pool, &cost->w2, &at->is, c, cs);
        return;
    }
    if (loss == DQ__STYLE_CENTRED) dq__centre(at->is.matrix, at->is.mean, cs);
    at->scale = style_scale(s->settings->normalization, c, dq__gram_energy(at->is.matrix, cs));
}

static dq_status open_target(region *at, size_t cs, bool histograms, dq__error *err) {
    if (histograms) {
        at->quantile = dq__alloc_zero(sizeof(float) * cs * DQ__QUANTILES);
        if (!at->quantile) return dq__no_memory(err, sizeof(float) * cs * DQ__QUANTILES, "histograms");
    }
    at->is.matrix = dq__alloc_zero(sizeof(float) * cs * cs);
    at->is.mean = dq__alloc_zero(sizeof(float) * cs);
    at->area = 1;
    if (!at->is.matrix || !at->is.mean) return dq__no_memory(err, sizeof(float) * cs * cs, "Gram matrices");
    return dq__whole_init(&at->whole, (int)cs, err);
}

static size_t stride_at(const dq__cost_setup *s, int t) {
    return (size_t)dq__map_stride(s->table->layer[s->taps->layer[t]].oc);
}

static dq_status style_targets(dq__cost *cost, const dq_image *const *styles, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    if (!widest(s)) return DQ_OK;
    dq_status status = dq__moments_init(&cost->moments, widest(s), err);
    if (!status && s->settings->style_loss == DQ__STYLE_W2) status = dq__w2_init(&cost->w2, widest(s), err);
    for (int t = 0; t < s->taps->count; t++)
        for (int r = 0; r < regions(s) && !status && s->taps->style[t] != 0; r++)
            status = open_target(&cost->style[t][r], stride_at(s, t), s->settings->histogram_weight > 0, err);
    status = dq__ranks_agree(s->ranks, status, err);
    for (int i = 0; i < s->styles && !status; i++) status = add_style(cost, styles[i], i, err);
    for (int t = 0; t < s->taps->count && !status; t++)
        for (int r = 0; r < regions(s); r++)
            if (cost->style[t][r].is.matrix) finish_target(cost, t, &cost->style[t][r]);
    return status;
}

/* Lowers a guide where the style is to pull less; its mean stays 1, and the area counts what is left. */
static dq_status lower_guide(region *at, const dq__grey *pull, int w, int h, dq__error *err) {
    const size_t n = (size_t)w * (size_t)h;
    double sum = 0;
    float *map;
    dq_status status = layer_map(&map, pull, w, h, err);
    if (status) return status;
    for (size_t k = 0; k < n; k++) map[k] *= at->guide ? at->guide[k] : 1, sum += (double)map[k];
    const double mean = sum / (double)n;
    for (size_t k = 0; k < n; k++) map[k] *= (float)(1 / mean);
    dq__free(at->guide);
    at->guide = map, at->area *= mean;
    return DQ_OK;
}

/* Where in the photo the regions are and how much counts there, at every layer; those that have no position are dropped. */
static dq_status photo_guides(dq__cost *cost, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    dq_status status = DQ_OK;
    for (int t = 0; t < s->taps->count; t++)
        for (int r = 0; r < regions(s) && has_guides(s) && !status; r++) {
            region *at = &cost->style[t][r];
            int h, w;
            if (!at->is.matrix) continue;
            dq__frame_map(cost->frame, t, &h, &w);
            if (has_regions(s)) status = make_guide(&at->guide, &at->area, &s->maps->photo[r], w, h, err);
            if (!status && at->area == 0) free_target(at);
            else if (!status && s->maps->pull.sums) status = lower_guide(at, &s->maps->pull, w, h, err);
        }
    return status;
}

/* The photo's features at a part. */
static dq__tensor content_at(const dq__cost *cost, const dq__spot *at, const dq__tensor *f) {
    const dq__tensor all = {.data = cost->content[at->tap], .h = at->h, .w = at->w, .c = f->c, .cs = f->cs, .n = 1};
    return dq__part(&all, at->y, at->x, f->h, f->w);
}

/* Σ of the sums of the rows of a map, which are then zero. */
static double take_sums(const dq__cost *cost, int t) {
    double sum = 0;
    int h, w;
    dq__frame_map(cost->frame, t, &h, &w);
    dq__frame_gather(cost->frame, t, cost->content_sums[t], sizeof(double));
    for (int y = 0; y < h; y++) sum += cost->content_sums[t][y], cost->content_sums[t][y] = 0;
    return sum;
}

/* Keeps the photo's features, and their energy in the sums. */
static void content_part(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad) {
    const dq__cost *cost = user;
    (void)grad;
    if (!cost->content[at->tap]) return;
    const dq__tensor to = content_at(cost, at, f);
    for (int y = 0; y < f->h; y++) {
        const size_t bytes = sizeof(float) * (size_t)f->w * (size_t)f->cs;
        memcpy(dq__pixel(&to, y, 0), dq__pixel(f, y, 0), bytes);
        dq__release(dq__pixel(&to, y, 0), bytes);
    }
    dq__content_part(cost->setup->pool, f, NULL, NULL, cost->content_sums[at->tap] + at->y, 0, NULL);
}

static dq_status open_content(dq__cost *cost, int t, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    int h, w;
    dq__frame_map(cost->frame, t, &h, &w);
    const size_t bytes = sizeof(float) * stride_at(s, t) * (size_t)h * (size_t)w;
    cost->content[t] = cost->plan.alloc(bytes);
    cost->content_sums[t] = dq__alloc_zero(sizeof(double) * (size_t)h);
    if (!cost->content[t] || !cost->content_sums[t]) return dq__no_memory(err, bytes, "content features");
    return s->maps && s->maps->content.sums ? layer_map(&cost->content_map[t], &s->maps->content, w, h, err) : DQ_OK;
}

static dq_status content_targets(dq__cost *cost, const dq_image *content, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    dq_status status = DQ_OK;
    for (int t = 0; t < s->taps->count && !status; t++)
        if (s->taps->content[t] != 0) status = open_content(cost, t, err);
    status = dq__ranks_agree(s->ranks, status, err);
    if (!status) status = look_at(cost->frame, content, s->settings->pixel_range, content_part, cost, err);
    for (int t = 0; t < s->taps->count && !status; t++) {
        int h, w;
        dq__frame_map(cost->frame, t, &h, &w);
        const double n = (double)h * w * s->table->layer[s->taps->layer[t]].oc;
        if (!cost->content[t]) continue;
        dq__frame_trade(cost->frame, t, cost->content[t], sizeof(float) * stride_at(s, t) * (size_t)w);
        cost->content_scale[t] = content_scale(s->settings->normalization, n, take_sums(cost, t));
    }
    return status;
}

/* The photo's lines, with the map of what counts. */
static dq_status line_target(dq__cost *cost, const dq_image *content, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    if (!(s->settings->laplacian_weight > 0)) return DQ_OK;
    float *photo = scaled_pixels(content, s->settings->pixel_range);
    if (!photo) return dq__no_memory(err, (size_t)cost->w * (size_t)cost->h * 12, "a picture");
    dq_status status = dq__laplacian_init(&cost->lines, photo, cost->h, cost->w, (int)s->settings->laplacian_pool, err);
    if (photo != content->rgb) dq__free(photo);
    if (status || !s->maps || !s->maps->content.sums) return status;
    return layer_map(&cost->lines_map, &s->maps->content, cost->lines.cols, cost->lines.rows, err);
}

/* Room for the gradient of one cost at the largest tap, whatever its halo. */
static dq_status open_own_gradient(dq__cost *cost, dq__error *err) {
    size_t most = 0;
    for (int t = 0; t < cost->setup->taps->count; t++) {
        int h, w;
        dq__frame_map(cost->frame, t, &h, &w);
        const size_t floats = ((size_t)h + 2 * MAX_HALO) * ((size_t)w + 2 * MAX_HALO) * stride_at(cost->setup, t);
        if (floats > most) most = floats;
    }
    cost->own_gradient = dq__alloc_zero(sizeof(float) * most);
    return cost->own_gradient ? DQ_OK : dq__no_memory(err, sizeof(float) * most, "normalised gradients");
}

/* Positions of the largest window of any picture. */
static size_t most_positions(const dq__cost_setup *s, const dq__cost_plan *plan) {
    size_t most = dq__cost_needs(s, &plan->grid, true).positions;
    for (int i = 0; i < s->styles; i++) {
        const size_t positions = dq__cost_needs(s, &plan->style[i], false).positions;
        if (positions > most) most = positions;
    }
    return most;
}

/* Are there maps to be cut to windows? */
static bool crops(const dq__cost_setup *s, const dq__cost_plan *plan) {
    bool parts = plan->grid.stages > 0;
    for (int i = 0; i < s->styles; i++) parts = parts || plan->style[i].stages > 0;
    return parts && s->maps && (s->maps->regions > 0 || s->maps->content.sums);
}

static dq__cost_plan whole_plan(const dq__cost_setup *s, const dq_image *content, const dq_image *const *styles) {
    dq__cost_plan plan = {.grid = dq__grid_whole(content->height, content->width), .alloc = dq__alloc};
    for (int i = 0; i < s->styles; i++) plan.style[i] = dq__grid_whole(styles[i]->height, styles[i]->width);
    return plan;
}

/* Memory that windows share. */
static dq_status open_buffers(dq__cost *cost, dq__error *err) {
    const size_t bytes = crops(cost->setup, &cost->plan) ? sizeof(float) * most_positions(cost->setup, &cost->plan) : 0;
    cost->row_sums = dq__alloc(sizeof(double) * (size_t)cost->h);
    if (bytes) cost->crop = dq__alloc(bytes);
    const bool whole = cost->row_sums && (cost->crop || !bytes);
    return whole ? DQ_OK : dq__no_memory(err, sizeof(double) * (size_t)cost->h + bytes, "the cost");
}

dq_status dq__cost_new(dq__cost **out, const dq__cost_setup *setup, const dq__cost_plan *plan, const dq_image *content,
                       const dq_image *const *styles, dq__error *err) {
    *out = NULL;
    dq__cost *cost = dq__alloc_zero(sizeof *cost);
    if (!cost) return dq__no_memory(err, sizeof *cost, "the cost");
    cost->setup = setup, cost->plan = plan ? *plan : whole_plan(setup, content, styles);
    cost->h = content->height, cost->w = content->width;
    cost->parts = cost->plan.grid.stages > 0;
    dq_status status = dq__ranks_agree(setup->ranks, open_buffers(cost, err), err);
    if (!status) status = style_targets(cost, styles, err);
    const dq__exec_options options = dq__cost_options(setup, cost->w, cost->h, true);
    if (!status)
        status = dq__frame_new(&cost->frame, setup->pool, setup->table, setup->packed, &options, &cost->plan.grid, err);
    if (!status) status = photo_guides(cost, err);
    status = dq__ranks_agree(setup->ranks, status, err);
    if (!status) status = content_targets(cost, content, err);
    if (!status) status = line_target(cost, content, err);
    if (!status && setup->settings->normalize_gradients) status = open_own_gradient(cost, err);
    status = dq__ranks_agree(setup->ranks, status, err);
    if (status) dq__cost_free(&cost);
    *out = cost;
    return status;
}

void dq__cost_free(dq__cost **pointer) {
    dq__cost *cost = *pointer;
    if (!cost) return;
    for (int t = 0; t < DQ__MAX_TAPS; t++) {
        dq__free(cost->content[t]);
        dq__free(cost->content_map[t]);
        dq__free(cost->content_sums[t]);
        for (int r = 0; r < DQ__MAX_REGIONS; r++) free_target(&cost->style[t][r]);
    }
    dq__laplacian_deinit(&cost->lines);
    dq__free(cost->lines_map);
    dq__free(cost->own_gradient);
    dq__free(cost->row_sums);
    dq__free(cost->crop);
    dq__moments_deinit(&cost->moments);
    dq__w2_deinit(&cost->w2);
    dq__frame_free(&cost->frame);
    dq__free(cost);
    *pointer = NULL;
}

bool dq__cost_in_windows(const dq__cost_setup *s) {
    return s->settings->histogram_weight == 0 && !s->settings->normalize_gradients;
}

/* ---- memory -------------------------------------------------------------------------------------------------------- */

/* Positions of a tap's map. */
static size_t positions(const dq__cost_setup *s, int t, int w, int h) {
    const int side = dq__exec_min_side(s->table, s->taps->layer[t]); /* pixels of the picture to one of the map */
    return (size_t)(w / side) * (size_t)(h / side);
}

size_t dq__cost_features_bytes(const dq__cost_setup *s, int w, int h) {
    size_t sum = 0;
    for (int t = 0; t < s->taps->count; t++)
        if (s->taps->content[t] != 0) sum += sizeof(float) * stride_at(s, t) * positions(s, t, w, h);
    return sum;
}

/* What targets take whatever the windows: moments of styles, maps. */
static size_t targets_bytes(const dq__cost_setup *s, const dq__grid *grid) {
    size_t sum = widest(s) ? dq__moments_bytes(widest(s)) : 0, own = 0;
    if (widest(s) && s->settings->style_loss == DQ__STYLE_W2) sum += dq__w2_bytes(widest(s));
    if (s->settings->laplacian_weight > 0) sum += dq__laplacian_bytes(grid->h, grid->w, (int)s->settings->laplacian_pool);
    for (int t = 0; t < s->taps->count; t++) {
        const size_t cs = stride_at(s, t), map = sizeof(float) * positions(s, t, grid->w, grid->h);
        if (s->taps->style[t] != 0)
            sum += (sizeof(float) * (cs * cs + cs) + dq__whole_bytes((int)cs)) * (size_t)regions(s);
        if (s->taps->style[t] != 0 && s->settings->histogram_weight > 0)
            sum += sizeof(float) * cs * DQ__QUANTILES * (size_t)regions(s);
        if (map * cs > own) own = map * cs;
        if (s->taps->style[t] != 0 && has_guides(s)) sum += map * (size_t)regions(s);
        if (s->taps->content[t] != 0 && s->maps && s->maps->content.sums) sum += map;
    }
    return s->settings->normalize_gradients ? sum + own : sum;
}

dq__frame_need dq__cost_needs(const dq__cost_setup *s, const dq__grid *grid, bool own) {
    const dq__exec_options options = dq__cost_options(s, grid->w, grid->h, own);
    return dq__frame_needs(s->pool, s->table, &options, grid);
}

/* Memory that a frame takes, 0 if it cannot be; its bytes in files are added. */
static size_t frame_memory(const dq__cost_setup *s, const dq__grid *grid, bool own, uint64_t *file) {
    const dq__frame_need need = dq__cost_needs(s, grid, own);
    size_t sum = need.work;
    if (!sum) return 0;
    if (grid->mapped) *file += need.maps;
    else sum += need.maps;
    for (int k = 0; k < grid->stages && own; k++) {
        if (grid->pane[k].keep == DQ__KEEP_MEMORY) sum += need.kept[k];
        if (grid->pane[k].keep == DQ__KEEP_FILE) *file += need.kept[k];
    }
    return sum;
}

size_t dq__cost_bytes(const dq__cost_setup *s, const dq__cost_plan *plan, uint64_t *file) {
    const size_t features = dq__cost_features_bytes(s, plan->grid.w, plan->grid.h);
    uint64_t unused = 0;
    *file = plan->alloc == dq__alloc ? 0 : features;
    size_t most = 0, frame = frame_memory(s, &plan->grid, true, file);
    if (!frame) return 0;
    for (int i = 0; i < s->styles; i++) {
        const size_t bytes = frame_memory(s, &plan->style[i], false, &unused);
        if (!bytes) return 0;
        if (bytes > most) most = bytes;
    }
    if (plan->alloc == dq__alloc) frame += features;
    const size_t crop = crops(s, plan) ? sizeof(float) * most_positions(s, plan) : 0;
    return targets_bytes(s, &plan->grid) + crop + (frame > most ? frame : most);
}

/* ---- evaluation ---------------------------------------------------------------------------------------------------- */

/* What --style-loss says. */
static double moments_cost(dq__cost *cost, int t, const region *at, const dq__tensor *f, double weight,
                           const dq__tensor *grad) {
    const dq__cost_setup *s = cost->setup;
    const dq__gaussian *target = &at->is;
    const double scale = at->scale;
    switch (s->settings->style_loss) {
    case DQ__STYLE_W2: return dq__w2_cost(s->pool, &cost->w2, &cost->moments, root_at(s, t), f, target, scale, weight, grad);
    case DQ__STYLE_CENTRED:
        return dq__centred_cost(s->pool, &cost->moments, root_at(s, t), f, target->matrix, scale, weight, grad);
    default:
        return dq__gram_cost_through(s->pool, cost->moments.gram, root_at(s, t), f, target->matrix, scale, weight, grad);
    }
}

static double region_cost(dq__cost *cost, int t, const region *at, const dq__tensor *f, double weight,
                          const dq__tensor *grad) {
    const dq__cost_setup *s = cost->setup;
    double sum = moments_cost(cost, t, at, f, weight, grad), w = s->settings->histogram_weight;
    if (!at->quantile) return sum;
    const double scale = histogram_scale(s->settings->normalization, f, dq__histogram_energy(at->quantile, f->cs));
    return sum + w * dq__histogram_cost(s->pool, f, at->guide, at->quantile, scale, w * weight, grad);
}

/* Regions count by their area, so that a place is painted as strongly as it would be without masks. */
static double style_cost(dq__cost *cost, int t, const dq__spot *where, const dq__tensor *f, double weight,
                         const dq__tensor *grad) {
    double sum = 0;
    for (int r = 0; r < regions(cost->setup); r++) {
        const region *at = &cost->style[t][r];
        if (!at->is.matrix) continue;
        dq__moments_guide(&cost->moments, crop(cost, at->guide, where, f));
        dq__moments_whole(&cost->moments, cost->parts ? &at->whole : NULL);
        sum += at->area * region_cost(cost, t, at, f, at->area * weight, grad);
    }
    dq__moments_whole(&cost->moments, NULL);
    return sum;
}

static double content_cost(dq__cost *cost, int t, const dq__spot *at, const dq__tensor *f, double weight,
                           const dq__tensor *grad) {
    const dq__tensor target = content_at(cost, at, f);
    const float *map = crop(cost, cost->content_map[t], at, f);
    double *sums = cost->parts ? NULL : cost->content_sums[t]; /* of parts: see measure_part */
    const double factor = 2 * cost->content_scale[t] * weight;
    dq__content_part(cost->setup->pool, f, &target, map, sums, factor, weight != 0 ? grad : NULL);
    return sums ? cost->content_scale[t] * take_sums(cost, t) : 0;
}

typedef double cost_fn(dq__cost *cost, int t, const dq__spot *at, const dq__tensor *f, double weight, const dq__tensor *grad);

/* The cost, its gradient times weight added to grad: as it is, or brought to one length. */
static double add_cost(dq__cost *cost, cost_fn *fn, int t, const dq__spot *at, const dq__tensor *f, double weight,
                       const dq__tensor *grad) {
    if (!cost->own_gradient) return fn(cost, t, at, f, weight, grad);
    dq__tensor own = *grad;
    dq__tensor_place(&own, cost->own_gradient);
    dq__tensor_clear(&own);
    const double value = fn(cost, t, at, f, weight != 0, &own);
    if (weight != 0) dq__add_unit(cost->setup->pool, &own, weight, grad);
    return value;
}

/* The costs of a part; of style those of the whole, with the part's share of the gradient. */
static void at_part(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad) {
    dq__cost *cost = user;
    const dq__cost_setup *s = cost->setup;
    const int t = at->tap;
    if (cost->content[t]) {
        const double w = s->taps->content[t];
        const double content = w * add_cost(cost, content_cost, t, at, f, w * s->settings->content_weight, grad);
        if (!cost->parts) cost->at_tap[t][0] = content;
    }
    if (s->taps->style[t] != 0) {
        const double w = s->taps->style[t];
        const double style = w * add_cost(cost, style_cost, t, at, f, w * s->settings->style_weight, grad);
        if (at->first) cost->at_tap[t][1] = style;
    }
}

/* On the way forward: the moments of the whole picture, and the squares of its content cost. */
static void measure_part(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad) {
    dq__cost *cost = user;
    const dq__cost_setup *s = cost->setup;
    const int t = at->tap;
    (void)grad;
    if (cost->content[t]) {
        const dq__tensor target = content_at(cost, at, f);
        const float *map = crop(cost, cost->content_map[t], at, f);
        dq__content_part(s->pool, f, &target, map, cost->content_sums[t] + at->y, 0, NULL);
    }
    for (int r = 0; r < regions(s); r++) {
        region *to = &cost->style[t][r];
        if (!to->is.matrix) continue;
        dq__moments_guide(&cost->moments, crop(cost, to->guide, at, f));
        dq__whole_add(s->pool, &cost->moments, &to->whole, f, dq__cell_side(at->h, at->w), means(s));
    }
}

/* The content cost of parts, from what measure_part has added up. */
static void sum_content(dq__cost *cost) {
    for (int t = 0; t < cost->setup->taps->count; t++)
        if (cost->content[t]) cost->at_tap[t][0] = cost->setup->taps->content[t] * (cost->content_scale[t] * take_sums(cost, t));
}

/* The sum over the taps, in one order however they came. */
static void sum_taps(dq__cost *cost) {
    for (int t = cost->setup->taps->count - 1; t >= 0; t--)
        cost->value.content += cost->at_tap[t][0], cost->value.style += cost->at_tap[t][1];
}

static void finish_wholes(dq__cost *cost) {
    for (int t = 0; t < cost->setup->taps->count; t++)
        for (int r = 0; r < regions(cost->setup); r++)
            if (cost->style[t][r].is.matrix) dq__whole_finish(&cost->style[t][r].whole);
}

/* The style cost is known to those that have windows of every stage: the last rank has. */
static void share_style(dq__cost *cost) {
    dq__ranks *ranks = cost->setup->ranks;
    dq__ranks_share(ranks, dq__ranks_count(ranks) - 1, &cost->value.style, sizeof cost->value.style, NULL);
}

dq__cost_value dq__cost_evaluate(dq__cost *cost, const float *x, float *gradient) {
    const dq__settings *o = cost->setup->settings;
    cost->value = (dq__cost_value){0};
    if (cost->parts) clear_wholes(cost);
    dq__frame_forward(cost->frame, x, cost->parts ? measure_part : NULL, cost);
    if (cost->parts) share_wholes(cost, NULL), finish_wholes(cost), sum_content(cost);
    dq__frame_backward(cost->frame, x, at_part, cost, gradient);
    sum_taps(cost);
    if (cost->parts) share_style(cost);
    if (cost->lines.target) { /* in units of 1, whatever the range of pixels */
        const double w = o->laplacian_weight / (o->pixel_range * o->pixel_range);
        cost->value.content +=
            w * dq__laplacian_cost(cost->setup->pool, &cost->lines, x, cost->lines_map, w * o->content_weight, gradient);
    }
    const dq__tv_kind kind = o->tv_kind == DQ__TV_CHOICE_SUM ? DQ__TV_SUM : DQ__TV_NINE;
    if (o->tv_weight > 0)
        cost->value.tv = dq__tv_cost(cost->setup->pool, kind, x, cost->h, cost->w, o->tv_weight, gradient, cost->row_sums);
    cost->value.total =
        o->content_weight * cost->value.content + o->style_weight * cost->value.style + o->tv_weight * cost->value.tv;
    return cost->value;
}
