/* SPDX-License-Identifier: MIT
 * bench/gates_paint.c: what comes of painting with a network: textures from noise, and portraits in the style of paintings,
 * judged by other networks. Every painter uses the same three style layers and one content layer, those that VGG-19 to
 * relu3_1 has, so that only the features differ. */
#include "judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEXTURE_SIDE = 128, WEIGHTS = 4 };

/* Layers to paint with, by column: the 16× encoder's heads predict VGG's features. */
static const char *const style_layers[COLUMNS] = {
    [VGG] = "relu1_1,relu2_1,relu3_1", [ENCODER] = "head1_1,head2_1,head3_1", [RANDOM] = "relu1_1,relu2_1,relu3_1",
    [COMPACT] = "relu1_1,relu2_1,relu3_1"};
static const char *const content_layer[COLUMNS] = {
    [VGG] = "relu3_1", [ENCODER] = "head3_1", [RANDOM] = "relu3_1", [COMPACT] = "relu3_1"};

/* ---- textures ------------------------------------------------------------------------------------------------------ */

static double texture_loss(gates *g, judge *j, int column, const dq_image *texture) {
    const char *const option[] = {"content-layers", "", "style-layers", style_layers[column], "init", "noise", "size", "128",
                                  "min-size", "0", "tv-weight", "0", "average", "0", "iterations", g->quick ? "50" : "150",
                                  "optimizer", "lbfgs", "learning-rate", "1", "history", "20", "style-weight", "1e5", NULL};
    dq_image *painted = paint(g, g->model[column], texture, texture, option);
    const double loss = judge_picture(g, j, painted).style;
    dq__image_free(&painted);
    return loss;
}

void measure_textures(gates *g) {
    double sum[COLUMNS] = {0};
    judge j;
    pictures textures = list_pictures(g, "images/heldout/textures", g->quick ? 2 : 20);
    judge_open(&j, g->model[VGG], style_layers[VGG], 2, true);
    for (int k = 0; k < textures.count; k++) {
        tell("texture %d of %d", k + 1, textures.count);
        dq_image *texture = read_middle(textures.path[k], TEXTURE_SIDE);
        set_targets(g, &j, texture, texture);
        for (int c = 0; c < COLUMNS; c++) sum[c] += log10(texture_loss(g, &j, c, texture)) / textures.count;
        dq__image_free(&texture);
    }
    row *loss = add_row(g, NAN, true, "textures: style loss in VGG, geometric mean of %d", textures.count);
    for (int c = 0; c < COLUMNS; c++) loss->value[c] = pow(10, sum[c]);
    row *behind = add_row(g, fmin(.5, sum[ENCODER] - sum[VGG]), true, "textures: decades behind VGG itself");
    for (int c = 0; c < COLUMNS; c++) behind->value[c] = sum[c] - sum[VGG];
    judge_close(&j);
    free_pictures(&textures);
}

/* ---- transfer ------------------------------------------------------------------------------------------------------ */

enum { BY_VGG, BY_SQUEEZENET, JUDGES };

/* What a judge has found so far, summed over pairs. */
typedef struct verdict {
    double share[COLUMNS];   /* of VGG's improvement of the style loss at VGG's content loss */
    double decades[COLUMNS]; /* log10 of the style loss there over VGG's */
    int outside[COLUMNS];    /* pairs where VGG's content loss is not between those of the weights tried */
} verdict;

typedef struct transfer {
    judge judge[JUDGES];
    int judges, pairs;
    verdict verdict[JUDGES];
} transfer;

static dq_image *transfer_style(gates *g, int column, const dq_image *content, const dq_image *style, const char *weight) {
    const char *const full[] = {"size", "192", "content-layers", content_layer[column], "style-layers", style_layers[column],
                                "style-weight", weight, NULL};
    const char *const quick[] = {"size", "128", "content-layers", content_layer[column], "style-layers", style_layers[column],
                                 "style-weight", weight, "iterations", "40", NULL};
    return paint(g, g->model[column], content, style, g->quick ? quick : full);
}

/* log of the style loss at a content loss, on the line in logarithms through the two of the points (by rising content) around
 * it, or the nearest two. */
static double style_at(const losses *point, double content, bool *outside) {
    int k = 0;
    while (k + 2 < WEIGHTS && content > point[k + 1].content) k++;
    const double x0 = log(point[k].content), x1 = log(point[k + 1].content), x = log(content);
    const double y0 = log(point[k].style), y1 = log(point[k + 1].style);
    *outside = content < point[0].content || content > point[WEIGHTS - 1].content;
    return x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y0;
}

static void sort_points(losses *point) {
    for (int i = 1; i < WEIGHTS; i++)
        for (int k = i; k > 0 && point[k].content < point[k - 1].content; k--) {
            const losses keep = point[k];
            point[k] = point[k - 1], point[k - 1] = keep;
        }
}

/* Adds a pair: `before` is the photo's loss, `vgg` what VGG's painting has. */
static void add_pair(verdict *v, int column, losses *point, losses before, losses vgg) {
    bool outside;
    sort_points(point);
    const double style = style_at(point, vgg.content, &outside);
    v->share[column] += (before.style - exp(style)) / (before.style - vgg.style);
    v->decades[column] += (style - log(vgg.style)) / log(10);
    v->outside[column] += outside;
}

static void compare_column(gates *g, transfer *t, int column, const dq_image *content, const dq_image *style,
                           const losses *before, const losses *vgg) {
    static const char *const weight[WEIGHTS] = {"2", "8", "40", "160"}; /* the default is 40 */
    losses point[JUDGES][WEIGHTS];
    for (int w = 0; w < WEIGHTS; w++) {
        dq_image *painted = transfer_style(g, column, content, style, weight[w]);
        for (int j = 0; j < t->judges; j++) point[j][w] = judge_picture(g, &t->judge[j], painted);
        dq__image_free(&painted);
    }
    for (int j = 0; j < t->judges; j++) add_pair(&t->verdict[j], column, point[j], before[j], vgg[j]);
}

static void compare_pair(gates *g, transfer *t, const dq_image *photo, const dq_image *painting) {
    const int size = g->quick ? 128 : 192;
    dq_image *content = fitted(photo, size), *style = fitted(painting, size);
    dq_image *painted = transfer_style(g, VGG, photo, painting, "40");
    losses before[JUDGES], vgg[JUDGES];
    for (int j = 0; j < t->judges; j++) {
        set_targets(g, &t->judge[j], content, style);
        before[j] = judge_picture(g, &t->judge[j], content);
        vgg[j] = judge_picture(g, &t->judge[j], painted);
    }
    dq__image_free(&painted);
    for (int c = VGG + 1; c < COLUMNS; c++) compare_column(g, t, c, photo, painting, before, vgg);
    t->pairs++;
    dq__image_free(&content);
    dq__image_free(&style);
}

static void add_rows(gates *g, const transfer *t) {
    static const char *const name[JUDGES] = {"VGG", "SqueezeNet"};
    for (int j = 0; j < t->judges; j++) {
        const verdict *v = &t->verdict[j];
        row *share = add_row(g, j == BY_VGG ? .9 : (double)NAN, false,
                             "transfer: share of VGG's improvement of style at equal content, judged by %s, %d pairs", name[j],
                             t->pairs);
        row *decades = add_row(g, NAN, true, "transfer: decades of style loss behind VGG, judged by %s", name[j]);
        row *outside = add_row(g, NAN, true, "transfer: pairs whose content loss was extrapolated to, judged by %s", name[j]);
        for (int c = VGG + 1; c < COLUMNS; c++) {
            share->value[c] = v->share[c] / t->pairs;
            decades->value[c] = v->decades[c] / t->pairs;
            outside->value[c] = v->outside[c];
        }
    }
}

void measure_transfer(gates *g) {
    transfer t = {.judges = g->squeezenet ? JUDGES : 1};
    pictures portraits = list_pictures(g, "images/portraits", g->quick ? 1 : 6);
    pictures styles = list_pictures(g, "images/styles", g->quick ? 1 : 6);
    judge_open(&t.judge[BY_VGG], g->model[VGG], style_layers[VGG], 2, true);
    if (g->squeezenet) judge_open(&t.judge[BY_SQUEEZENET], g->squeezenet, "relu1,fire2,fire4,fire5,fire6", 3, false);
    for (int p = 0; p < portraits.count; p++)
        for (int s = 0; s < styles.count; s++) {
            tell("transfer %d of %d", t.pairs + 1, portraits.count * styles.count);
            dq_image *photo = read_picture(portraits.path[p]), *painting = read_picture(styles.path[s]);
            compare_pair(g, &t, photo, painting);
            dq__image_free(&photo);
            dq__image_free(&painting);
        }
    add_rows(g, &t);
    for (int j = 0; j < t.judges; j++) judge_close(&t.judge[j]);
    free_pictures(&portraits);
    free_pictures(&styles);
}
