/* SPDX-License-Identifier: MIT
 * paint/cost.c: targets of a scale and the cost at the taps. The factors of the published formulas are in `content_scale`
 * and `style_scale`, nowhere else. */
#include "paint/cost.h"

#include "base/mem.h"
#include "loss/content.h"
#include "loss/histogram.h"
#include "loss/laplacian.h"
#include "loss/tv.h"
#include "loss/unit.h"
#include "loss/w2.h"

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
} region;

struct dq__cost {
    const dq__cost_setup *setup;
    dq__exec *exec;
    dq__moments moments; /* its .gram is NULL where no style counts */
    dq__w2 w2;           /* all NULL for other style losses */
    float *content[DQ__MAX_TAPS];      /* target features, dense */
    float *content_map[DQ__MAX_TAPS];  /* how much each position counts; NULL: all alike */
    double content_scale[DQ__MAX_TAPS];
    region style[DQ__MAX_TAPS][DQ__MAX_REGIONS];
    dq__laplacian lines; /* all NULL unless the photo's lines count */
    float *lines_map;    /* how much its squares count; NULL: all alike */
    float *own_gradient; /* of one cost, where gradients are brought to one length; else NULL */
    double *row_sums;
    int h, w;
    dq__cost_value value; /* of the evaluation under way */
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

static dq__exec_options exec_options(const dq__cost_setup *s, int w, int h, bool backward) {
    return (dq__exec_options){.h = h, .w = w, .tap = s->taps->layer, .taps = s->taps->count, .backward = backward,
                              .in_place = in_place(s)};
}

static float *scaled_pixels(const dq_image *image, double range) {
    const size_t n = (size_t)image->width * (size_t)image->height * 3;
    float *x = dq__alloc(sizeof(float) * n);
    for (size_t k = 0; x && k < n; k++) x[k] = image->rgb[k] * (float)range;
    return x;
}

static dq_status run_forward(dq__exec *exec, const dq_image *image, double range, dq__error *err) {
    float *x = scaled_pixels(image, range);
    if (!x) return dq__no_memory(err, (size_t)image->width * (size_t)image->height * 12, "a picture");
    dq__exec_forward(exec, x);
    dq__free(x);
    return DQ_OK;
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
    for (size_t k = 0; !status && k < (size_t)n; k++) (*guide)[k] *= (float)(1 / *area);
    return status;
}

/* Adds the moments of one region of one painting at one tap to the target. g, mean: scratch. */
static dq_status add_region(dq__cost *cost, const dq__tensor *f, int t, int i, int r, float *g, float *mean, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    const dq__grey *map = has_regions(s) ? &s->maps->style[i][r] : NULL;
    const float share = (float)s->share[i];
    region *at = &cost->style[t][r];
    double area = 1;
    float *guide = NULL;
    if (map && !map->sums) return DQ_OK; /* this painting has no such region */
    dq_status status = map ? make_guide(&guide, &area, map, f->w, f->h, err) : DQ_OK;
    if (status || area == 0) return status;
    dq__moments_guide(&cost->moments, guide);
    dq__gram(s->pool, cost->moments.gram, f, g);
    dq__mean(s->pool, &cost->moments, f, mean);
    dq__moments_guide(&cost->moments, NULL);
    if (at->quantile) dq__histogram_add(s->pool, f, guide, s->share[i], at->quantile);
    dq__free(guide);
    if (root_at(s, t)) dq__gram_through(root_at(s, t), g), dq__vector_through(root_at(s, t), mean);
    for (size_t k = 0; k < (size_t)f->cs * (size_t)f->cs; k++) at->is.matrix[k] += share * g[k];
    for (int k = 0; k < f->cs; k++) at->is.mean[k] += share * mean[k];
    at->share += s->share[i];
    return DQ_OK;
}

/* Adds the share of one style, its Gram matrices and means, to the targets. */
static dq_status add_style(dq__cost *cost, const dq_image *style, int i, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    dq__exec *exec = NULL;
    float *g = NULL, *mean = NULL;
    const dq__exec_options options = exec_options(s, style->width, style->height, false);
    dq_status status = dq__exec_new(&exec, s->pool, s->table, s->packed, &options, err);
    if (!status) status = run_forward(exec, style, s->settings->pixel_range, err);
    if (status) goto done;
    g = dq__alloc(sizeof(float) * (size_t)widest(s) * (size_t)widest(s));
    mean = dq__alloc(sizeof(float) * (size_t)widest(s));
    if (!g || !mean) status = dq__no_memory(err, sizeof(float) * (size_t)widest(s) * (size_t)widest(s), "Gram matrices");
    for (int t = 0; t < s->taps->count; t++)
        for (int r = 0; r < regions(s) && !status && s->taps->style[t] != 0; r++)
            status = add_region(cost, dq__exec_tap(exec, t), t, i, r, g, mean, err);
done:
    dq__free(g);
    dq__free(mean);
    dq__exec_free(&exec);
    return status;
}

static void free_target(region *at) {
    dq__free(at->is.matrix);
    dq__free(at->is.mean);
    dq__free(at->quantile);
    dq__free(at->guide);
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
    return at->is.matrix && at->is.mean ? DQ_OK : dq__no_memory(err, sizeof(float) * cs * cs, "Gram matrices");
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
    for (int i = 0; i < s->styles && !status; i++) status = add_style(cost, styles[i], i, err);
    for (int t = 0; t < s->taps->count && !status; t++)
        for (int r = 0; r < regions(s); r++)
            if (cost->style[t][r].is.matrix) finish_target(cost, t, &cost->style[t][r]);
    return status;
}

/* Where in the photo the regions are, at every layer; those that have no position there are dropped. */
static dq_status photo_guides(dq__cost *cost, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    dq_status status = DQ_OK;
    for (int t = 0; t < s->taps->count; t++)
        for (int r = 0; r < regions(s) && has_regions(s) && !status; r++) {
            region *at = &cost->style[t][r];
            const dq__tensor *f = dq__exec_tap(cost->exec, t);
            if (!at->is.matrix) continue;
            status = make_guide(&at->guide, &at->area, &s->maps->photo[r], f->w, f->h, err);
            if (!status && at->area == 0) free_target(at);
        }
    return status;
}

static dq_status content_targets(dq__cost *cost, const dq_image *content, dq__error *err) {
    const dq__cost_setup *s = cost->setup;
    dq_status status = run_forward(cost->exec, content, s->settings->pixel_range, err);
    for (int t = 0; t < s->taps->count && !status; t++) {
        if (s->taps->content[t] == 0) continue;
        const dq__tensor *f = dq__exec_tap(cost->exec, t);
        cost->content[t] = dq__content_target(f);
        if (!cost->content[t]) return dq__no_memory(err, dq__tensor_floats(f) * sizeof(float), "content features");
        cost->content_scale[t] =
            content_scale(s->settings->normalization, (double)f->h * f->w * f->c, dq__content_energy(f));
        if (s->maps && s->maps->content.sums) status = layer_map(&cost->content_map[t], &s->maps->content, f->w, f->h, err);
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
    dq__free(photo);
    if (status || !s->maps || !s->maps->content.sums) return status;
    return layer_map(&cost->lines_map, &s->maps->content, cost->lines.cols, cost->lines.rows, err);
}

/* Room for the gradient of one cost at the largest tap, whatever its halo. */
static dq_status open_own_gradient(dq__cost *cost, dq__error *err) {
    size_t most = 0;
    for (int t = 0; t < cost->setup->taps->count; t++) {
        const dq__tensor *f = dq__exec_tap(cost->exec, t);
        const size_t floats = ((size_t)f->h + 2 * MAX_HALO) * ((size_t)f->w + 2 * MAX_HALO) * (size_t)f->cs;
        if (floats > most) most = floats;
    }
    cost->own_gradient = dq__alloc_zero(sizeof(float) * most);
    return cost->own_gradient ? DQ_OK : dq__no_memory(err, sizeof(float) * most, "normalised gradients");
}

dq_status dq__cost_new(dq__cost **out, const dq__cost_setup *setup, const dq_image *content, const dq_image *const *styles,
                       dq__error *err) {
    *out = NULL;
    dq__cost *cost = dq__alloc_zero(sizeof *cost);
    if (!cost) return dq__no_memory(err, sizeof *cost, "the cost");
    cost->setup = setup;
    cost->h = content->height, cost->w = content->width;
    cost->row_sums = dq__alloc(sizeof(double) * (size_t)cost->h);
    dq_status status = cost->row_sums ? DQ_OK : dq__no_memory(err, sizeof(double) * (size_t)cost->h, "the cost");
    if (!status) status = style_targets(cost, styles, err);
    const dq__exec_options options = exec_options(setup, cost->w, cost->h, true);
    if (!status) status = dq__exec_new(&cost->exec, setup->pool, setup->table, setup->packed, &options, err);
    if (!status) status = photo_guides(cost, err);
    if (!status) status = content_targets(cost, content, err);
    if (!status) status = line_target(cost, content, err);
    if (!status && setup->settings->normalize_gradients) status = open_own_gradient(cost, err);
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
        for (int r = 0; r < DQ__MAX_REGIONS; r++) free_target(&cost->style[t][r]);
    }
    dq__laplacian_deinit(&cost->lines);
    dq__free(cost->lines_map);
    dq__free(cost->own_gradient);
    dq__free(cost->row_sums);
    dq__moments_deinit(&cost->moments);
    dq__w2_deinit(&cost->w2);
    dq__exec_free(&cost->exec);
    dq__free(cost);
    *pointer = NULL;
}

size_t dq__cost_bytes(const dq__cost_setup *s, int w, int h, const int *style_w, const int *style_h) {
    const dq__exec_options main_options = exec_options(s, w, h, true);
    size_t most = 0, kept = widest(s) ? dq__moments_bytes(widest(s)) : 0;
    if (widest(s) && s->settings->style_loss == DQ__STYLE_W2) kept += dq__w2_bytes(widest(s));
    for (int i = 0; i < s->styles; i++) {
        const dq__exec_options options = exec_options(s, style_w[i], style_h[i], false);
        const size_t bytes = dq__exec_bytes(s->pool, s->table, &options);
        if (bytes > most) most = bytes;
    }
    size_t exec = dq__exec_bytes(s->pool, s->table, &main_options), own = 0;
    if (!exec) return 0;
    if (s->settings->laplacian_weight > 0) exec += dq__laplacian_bytes(h, w, (int)s->settings->laplacian_pool);
    for (int t = 0; t < s->taps->count; t++) {
        const int side = dq__exec_min_side(s->table, s->taps->layer[t]); /* pixels of the picture to one of the map */
        const size_t cs = (size_t)dq__map_stride(s->table->layer[s->taps->layer[t]].oc);
        const size_t positions = (size_t)(w / side) * (size_t)(h / side);
        if (s->taps->style[t] != 0) kept += sizeof(float) * (cs * cs + cs) * (size_t)regions(s);
        if (s->taps->style[t] != 0 && s->settings->histogram_weight > 0)
            kept += sizeof(float) * cs * DQ__QUANTILES * (size_t)regions(s);
        if (sizeof(float) * positions * cs > own) own = sizeof(float) * positions * cs;
        if (s->taps->style[t] != 0 && has_regions(s)) exec += sizeof(float) * positions * (size_t)regions(s);
        if (s->taps->content[t] != 0) exec += sizeof(float) * cs * positions;
        if (s->taps->content[t] != 0 && s->maps && s->maps->content.sums) exec += sizeof(float) * positions;
    }
    if (s->settings->normalize_gradients) exec += own;
    return kept + (exec > most ? exec : most);
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
static double style_cost(dq__cost *cost, int t, const dq__tensor *f, double weight, const dq__tensor *grad) {
    double sum = 0;
    for (int r = 0; r < regions(cost->setup); r++) {
        const region *at = &cost->style[t][r];
        if (!at->is.matrix) continue;
        dq__moments_guide(&cost->moments, at->guide);
        sum += at->area * region_cost(cost, t, at, f, at->area * weight, grad);
    }
    return sum;
}

static double content_cost(dq__cost *cost, int t, const dq__tensor *f, double weight, const dq__tensor *grad) {
    return dq__content_cost(cost->setup->pool, f, cost->content[t], cost->content_map[t], cost->content_scale[t], weight, grad);
}

typedef double cost_fn(dq__cost *cost, int t, const dq__tensor *f, double weight, const dq__tensor *grad);

/* The cost, its gradient times weight added to grad: as it is, or brought to one length. */
static double add_cost(dq__cost *cost, cost_fn *fn, int t, const dq__tensor *f, double weight, const dq__tensor *grad) {
    if (!cost->own_gradient) return fn(cost, t, f, weight, grad);
    dq__tensor own = *grad;
    dq__tensor_place(&own, cost->own_gradient);
    dq__tensor_clear(&own);
    const double value = fn(cost, t, f, weight != 0, &own);
    if (weight != 0) dq__add_unit(cost->setup->pool, &own, weight, grad);
    return value;
}

static void at_tap(void *user, int t, const dq__tensor *f, const dq__tensor *grad) {
    dq__cost *cost = user;
    const dq__cost_setup *s = cost->setup;
    if (cost->content[t]) {
        const double w = s->taps->content[t];
        cost->value.content += w * add_cost(cost, content_cost, t, f, w * s->settings->content_weight, grad);
    }
    if (s->taps->style[t] != 0) {
        const double w = s->taps->style[t];
        cost->value.style += w * add_cost(cost, style_cost, t, f, w * s->settings->style_weight, grad);
    }
}

dq__cost_value dq__cost_evaluate(dq__cost *cost, const float *x, float *gradient) {
    const dq__settings *o = cost->setup->settings;
    cost->value = (dq__cost_value){0};
    dq__exec_forward(cost->exec, x);
    dq__exec_backward(cost->exec, at_tap, cost, gradient);
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
