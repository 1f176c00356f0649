/* SPDX-License-Identifier: MIT
 * explain/channel.c: the tool "explain channel": for some channels the places that excite them most, as patches of photos, and
 * what of each patch they see; or a picture made to excite them. */
#include "explain/explain.h"
#include "explain/fields.h"
#include "explain/maximise.h"
#include "explain/peaks.h"
#include "explain/project.h"

#include "base/mem.h"
#include "base/number.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { CELL = 56, GAP = 2, MIDDLE = 8, BLOCK = 3 * CELL + 2 * GAP, MAX_COUNT = 64, MAXIMISE = 3 };

typedef struct channel_settings {
    const char *model, *layer, *channel, *images;
    int64_t size, count, iterations, seed;
    int method;
} channel_settings;

#define AT(field) offsetof(channel_settings, field)
static const dq__setting rows[] = {
    {"model", DQ__SET_TEXT, AT(model), "", 0, 0, NULL},
    {"layer", DQ__SET_TEXT, AT(layer), NULL, 0, 0, NULL},
    {"channel", DQ__SET_TEXT, AT(channel), NULL, 0, 0, NULL},
    {"images", DQ__SET_TEXT, AT(images), NULL, 0, 0, NULL},
    {"size", DQ__SET_INT, AT(size), "256", 8, 32768, NULL},
    {"count", DQ__SET_INT, AT(count), "4", 1, MAX_COUNT, NULL},
    {"method", DQ__SET_CHOICE, AT(method), "deconvnet", 0, 0, "deconvnet|guided|gradient|maximise"},
    {"iterations", DQ__SET_INT, AT(iterations), "150", 1, 100000, NULL},
    {"seed", DQ__SET_INT, AT(seed), "0", 0, 9007199254740992.0, NULL},
};

/* One channel of the sheet. */
typedef struct block {
    int layer, channel; /* place in the sight; channel */
    dq_image *image;    /* patches, then what is seen of them */
} block;

typedef struct channels {
    const dq__call *call;
    channel_settings s;
    dq__sight sight;
    dq__peaks peaks;
    dq__field field[DQ__MAX_LAYERS];
    block *block;
    int blocks, a_layer; /* of each layer */
} channels;

/* ---- which channels ---------------------------------------------------------------------------------------------- */

/* "3,17" → numbers; *count of them. */
static dq_status parse_channels(const char *text, int channel[MAX_COUNT], int *count, dq__error *err) {
    *count = 0;
    for (const char *p = text;;) {
        char word[24];
        int64_t number;
        const size_t n = strcspn(p, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), p);
        if (!dq__parse_int(word, &number) || number < 0 || number >= DQ__MAX_CHANNELS)
            return dq__fail(err, DQ_USAGE, "option channel takes numbers from 0 on, as in 3,17, not '%s'", word);
        if (*count == MAX_COUNT) return dq__fail(err, DQ_USAGE, "option channel takes at most %d numbers", MAX_COUNT);
        channel[(*count)++] = (int)number;
        if (!p[n]) return DQ_OK;
        p += n + 1;
    }
}

static const dq__layer *layer_at(const channels *c, int l) { return &c->sight.model->table.layer[c->sight.layer[l]]; }

/* Channels of layer l: those that were named, those that are most particular, or evenly spaced ones where no photo is known. */
static dq_status choose(const channels *c, int l, const int *named, int count, int *channel, dq__error *err) {
    const dq__layer *layer = layer_at(c, l);
    for (int k = 0; k < count; k++) {
        channel[k] = c->s.channel ? named[k] : (int)((int64_t)k * layer->oc / count);
        if (channel[k] >= layer->oc)
            return dq__fail(err, DQ_USAGE, "%s has channels 0 to %d, not %d", layer->name, layer->oc - 1, channel[k]);
    }
    if (!c->s.channel && c->s.images) dq__peaks_choose(&c->peaks, &c->sight, l, channel, count);
    return DQ_OK;
}

static dq_status make_blocks(channels *c, dq__error *err) {
    int named[MAX_COUNT], channel[MAX_COUNT], count = (int)c->s.count;
    dq_status status = c->s.channel ? parse_channels(c->s.channel, named, &count, err) : DQ_OK;
    for (int l = 0; l < c->sight.layers && !c->s.channel; l++)
        if (layer_at(c, l)->oc < count) count = layer_at(c, l)->oc;
    if (status) return status;
    c->a_layer = count;
    c->block = dq__alloc_zero(sizeof *c->block * (size_t)(count * c->sight.layers));
    if (!c->block) return dq__no_memory(err, 0, "the channels");
    for (int l = 0; l < c->sight.layers && !status; l++) {
        status = choose(c, l, named, count, channel, err);
        for (int k = 0; k < count; k++) c->block[c->blocks++] = (block){.layer = l, .channel = channel[k]};
    }
    return status;
}

/* ---- patches ----------------------------------------------------------------------------------------------------- */

/* A rectangle of a picture: rows and columns [from, to). */
typedef struct rectangle {
    int64_t top, left, bottom, right;
} rectangle;

static dq_status crop(dq_image **out, const dq_image *image, rectangle r, dq__error *err) {
    const int w = (int)(r.right - r.left), h = (int)(r.bottom - r.top);
    const dq_status status = dq__grey_field(out, w, h, 0.5f, err);
    for (int64_t y = r.top; y < r.bottom && !status; y++)
        for (int64_t x = r.left; x < r.right; x++)
            if (y >= 0 && y < image->height && x >= 0 && x < image->width)
                memcpy((*out)->rgb + 3 * ((y - r.top) * w + x - r.left), image->rgb + 3 * (y * image->width + x),
                       sizeof(float) * 3);
    return status;
}

/* The part of the photo that the projection is computed on: the field, cut at the photo's edges, from a place on that the maps'
 * steps begin at, so that every value that counts is the same as in the whole photo. */
static rectangle aligned(const dq_image *image, rectangle field, int64_t step) {
    rectangle r = {field.top < 0 ? 0 : field.top / step * step, field.left < 0 ? 0 : field.left / step * step, field.bottom,
                   field.right};
    if (r.bottom > image->height) r.bottom = image->height;
    if (r.right > image->width) r.right = image->width;
    return r;
}

/* What a channel sees at a place, as a picture as large as `part`. */
static dq_status project(dq_image **out, const channels *c, const block *b, const dq_image *part, int y, int x, dq__error *err) {
    dq__projector *p = NULL;
    dq_status status = dq__projector_new(&p, c->sight.pool, &c->sight.model->table, c->sight.packed, c->sight.layer[b->layer],
                                         part->height, part->width, err);
    if (!status) status = dq__image_new(out, part->width, part->height, false, err);
    if (!status) {
        dq__projector_forward(p, part->rgb);
        dq__projector_back(p, (dq__method)c->s.method, b->channel, y, x, (*out)->rgb);
        const size_t n = 3 * (size_t)part->width * (size_t)part->height;
        dq__show_signed((*out)->rgb, n, dq__usual((*out)->rgb, n));
    }
    dq__projector_free(&p);
    return status;
}

static dq_status paste_cell(const dq_image *to, const dq_image *from, int left, int n, dq__error *err) {
    dq_image *cell;
    const dq_status status = dq__enlarge(&cell, from, CELL, CELL, true, err);
    if (status) return status;
    dq__paste(to, cell, left + n % 3 * (CELL + GAP), n / 3 * (CELL + GAP));
    dq__image_free(&cell);
    return DQ_OK;
}

/* Patch n of a block, and what is seen of it. */
static dq_status add_patch(const channels *c, const block *b, const dq_image *photo, int n, dq__error *err) {
    const dq__peak *peak = &c->peaks.channel[b->layer][b->channel].best[n];
    const dq__field *f = &c->field[c->sight.layer[b->layer]];
    rectangle field = {.top = f->start + peak->y * f->step, .left = f->start + peak->x * f->step};
    field.bottom = field.top + f->size, field.right = field.left + f->size;
    dq_image *patch = NULL, *part = NULL, *seen = NULL, *whole = NULL;
    dq_status status = crop(&patch, photo, field, err);
    if (!status) status = paste_cell(b->image, patch, 0, n, err);
    if (!status && c->s.method != MAXIMISE) {
        const rectangle r = aligned(photo, field, f->step);
        status = crop(&part, photo, r, err);
        const int y = peak->y - (int)(r.top / f->step), x = peak->x - (int)(r.left / f->step);
        if (!status) status = project(&seen, c, b, part, y, x, err);
        field.top -= r.top, field.bottom -= r.top, field.left -= r.left, field.right -= r.left;
        if (!status) status = crop(&whole, seen, field, err);
        if (!status) status = paste_cell(b->image, whole, BLOCK + MIDDLE, n, err);
    }
    dq__image_free(&patch);
    dq__image_free(&part);
    dq__image_free(&seen);
    dq__image_free(&whole);
    return status;
}

/* All patches that come from one photo. */
static dq_status add_patches(const channels *c, int photo, dq__error *err) {
    dq_image *image = NULL;
    dq_status status = DQ_OK;
    for (int b = 0; b < c->blocks && !status; b++) {
        const dq__excited *e = &c->peaks.channel[c->block[b].layer][c->block[b].channel];
        for (int n = 0; n < e->count && !status; n++) {
            if (e->best[n].photo != photo) continue;
            if (!image) status = dq__read_small(&image, c->peaks.path[photo], c->peaks.size, err);
            if (!status) status = add_patch(c, &c->block[b], image, n, err);
        }
    }
    dq__image_free(&image);
    return status;
}

/* ---- pictures that excite ---------------------------------------------------------------------------------------- */

/* As large as three fields, so that the pattern can repeat, but not too large to be made. */
static dq_status add_maximum(const channels *c, const block *b, dq__error *err) {
    const int layer = c->sight.layer[b->layer], least = dq__exec_min_side(&c->sight.model->table, layer);
    int64_t side = c->field[layer].size * 3;
    side = side < 48 ? 48 : side > 192 ? 192 : side / 2 * 2;
    const dq__maximisation m = {.layer = layer, .channel = b->channel, .side = side < 2 * least ? 2 * least : (int)side,
                                .iterations = (int)c->s.iterations, .seed = (uint64_t)c->s.seed};
    dq_image *made = NULL, *shown = NULL;
    dq_status status = dq__maximise(&made, &c->sight, &m, err);
    if (!status) status = dq__enlarge(&shown, made, BLOCK, BLOCK, true, err);
    if (!status) dq__paste(b->image, shown, c->s.images ? BLOCK + MIDDLE : 0, 0);
    dq__image_free(&made);
    dq__image_free(&shown);
    return status;
}

/* ---- the tool ---------------------------------------------------------------------------------------------------- */

static dq_status fill_blocks(channels *c, dq__error *err) {
    const bool both = c->s.images != NULL;
    dq_status status = DQ_OK;
    for (int b = 0; b < c->blocks && !status; b++)
        status = dq__grey_field(&c->block[b].image, both ? 2 * BLOCK + MIDDLE : BLOCK, BLOCK, 1, err);
    for (int i = 0; i < c->peaks.photos && !status; i++) {
        status = add_patches(c, i, err);
        if (!status) status = dq__call_progress(c->call, 0.5 + 0.5 * (i + 1) / c->peaks.photos, err);
    }
    for (int b = 0; b < c->blocks && !status && c->s.method == MAXIMISE; b++) {
        status = add_maximum(c, &c->block[b], err);
        if (!status) status = dq__call_progress(c->call, (b + 1.0) / c->blocks, err);
    }
    return status;
}

static json_t *blocks_json(const channels *c) {
    json_t *list = json_array();
    for (int b = 0; b < c->blocks; b++) {
        const block *k = &c->block[b];
        json_t *object = json_pack("{s:s, s:i, s:I}", "layer", layer_at(c, k->layer)->name, "channel", k->channel,
                                   "receptive_field", (json_int_t)c->field[c->sight.layer[k->layer]].size);
        if (c->s.images) {
            const dq__excited *e = &c->peaks.channel[k->layer][k->channel];
            json_object_set_new(object, "mean", json_real(e->sum / c->peaks.places[k->layer]));
            json_object_set_new(object, "strongest", json_real(e->count ? (double)e->best[0].value : 0));
        }
        json_array_append_new(list, object);
    }
    return json_pack("{s:s, s:o}", "model", c->sight.model->table.name, "channels", list);
}

static dq_status write_sheet(channels *c, dq__error *err) {
    static const char *const how[] = {"seen by a deconvnet", "seen by guided backpropagation", "seen by the gradient",
                                      "pictures made to excite them"};
    char says[160];
    dq__tile *tile = dq__alloc_zero(sizeof *tile * (size_t)c->blocks);
    if (!tile) return dq__no_memory(err, 0, "a sheet");
    for (int b = 0; b < c->blocks; b++) {
        const block *k = &c->block[b];
        tile[b] = (dq__tile){.image = k->image, .row = b % c->a_layer == 0};
        tile[b].caption = dq__caption("%s #%d %d px", layer_at(c, k->layer)->name, k->channel,
                                      (int)c->field[c->sight.layer[k->layer]].size);
        c->block[b].image = NULL;
    }
    snprintf(says, sizeof says, "%d channels of %d layers: %s%s", c->a_layer, c->sight.layers,
             c->s.images ? "where they are excited most, and " : "", how[c->s.method]);
    const dq_status status = dq__sheet_answer(c->call, tile, c->blocks, BLOCK, says, blocks_json(c), err);
    for (int b = 0; b < c->blocks; b++) dq__tile_free(&tile[b]);
    dq__free(tile);
    return status;
}

/* A channel whose field is the whole picture has no patch. */
static dq_status check_fields(const channels *c, dq__error *err) {
    for (int l = 0; l < c->sight.layers; l++)
        if (c->field[c->sight.layer[l]].whole)
            return dq__fail(err, DQ_USAGE, "%s sees the whole picture at once; choose an earlier layer", layer_at(c, l)->name);
    return DQ_OK;
}

static dq_status run(channels *c, dq__error *err) {
    const dq__call *call = c->call;
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &c->s, err);
    if (!status) status = dq__call_inputs(call, 0, 0, "no input but images=FOLDER", err);
    if (!status) status = dq__call_output(call, err);
    if (!status && !c->s.images && c->s.method != MAXIMISE)
        status = dq__fail(err, DQ_USAGE, "'explain channel' looks for the strongest places in photos: give images (a folder), or "
                          "the method maximise");
    if (!status) status = dq__sight_open(&c->sight, call, c->s.model, c->s.layer, DQ__ONE_OF_EACH_STAGE, true, err);
    if (status) return status;
    dq__fields_of(&c->sight.model->table, c->field);
    status = check_fields(c, err);
    if (!status && c->s.images)
        status = dq__peaks_find(&c->peaks, &c->sight, call, c->s.images, (int)c->s.size, 0.5, err);
    if (!status) status = make_blocks(c, err);
    if (!status) status = fill_blocks(c, err);
    return status ? status : write_sheet(c, err);
}

dq_status dq__channel_tool(const dq__call *call, dq__error *err) {
    channels *c = dq__alloc_zero(sizeof *c);
    if (!c) return dq__no_memory(err, sizeof *c, "the channels");
    c->call = call;
    const dq_status status = run(c, err);
    for (int b = 0; b < c->blocks; b++) dq__image_free(&c->block[b].image);
    dq__free(c->block);
    dq__peaks_free(&c->peaks);
    dq__sight_close(&c->sight);
    dq__free(c);
    return status;
}
