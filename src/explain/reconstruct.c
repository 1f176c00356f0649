/* SPDX-License-Identifier: MIT
 * explain/reconstruct.c: the tool "explain reconstruct": a photo from its content alone, layer by layer, and a painting (or the
 * same photo) from its style alone, with more and more layers, on one sheet. */
#include "explain/explain.h"
#include "explain/rebuild.h"

#include "base/mem.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

typedef struct reconstruct_settings {
    const char *model, *content, *style;
    int64_t size, iterations, seed;
} reconstruct_settings;

#define AT(field) offsetof(reconstruct_settings, field)
static const dq__setting rows[] = {
    {"model", DQ__SET_TEXT, AT(model), "", 0, 0, NULL},
    {"content-layers", DQ__SET_TEXT, AT(content), NULL, 0, 0, NULL},
    {"style-layers", DQ__SET_TEXT, AT(style), NULL, 0, 0, NULL},
    {"size", DQ__SET_INT, AT(size), "256", 8, 32768, NULL},
    {"iterations", DQ__SET_INT, AT(iterations), "200", 1, 100000, NULL},
    {"seed", DQ__SET_INT, AT(seed), "0", 0, 9007199254740992.0, NULL},
};

enum { HEADS = 2, MOST = HEADS + 2 * DQ__MAX_TAPS };

typedef struct reconstruct {
    const dq__call *call;
    reconstruct_settings s;
    dq_image *photo, *painting;
    dq__tile tile[MOST];
    int tiles, done, all; /* of the sheet; pictures that are rebuilt, of how many */
    json_t *list;
} reconstruct;

/* ---- one picture ------------------------------------------------------------------------------------------------- */

static int tell(void *user, int iteration) {
    const reconstruct *r = user;
    return dq__call_progress(r->call, (r->done + (double)iteration / (double)r->s.iterations) / r->all, NULL) != DQ_OK;
}

static void describe(const reconstruct *r, const dq__sight *sight, int layers, bool style, double left) {
    json_t *names = json_array();
    for (int l = style ? 0 : layers - 1; l < layers; l++)
        json_array_append_new(names, json_string(sight->model->table.layer[sight->layer[l]].name));
    json_array_append_new(r->list, json_pack("{s:s, s:o, s:f}", "from", style ? "style" : "content", "layers", names,
                                             "left", left));
}

/* From the first `layers` of the sight's layers (style), or the last of these (content). */
static dq_status add_picture(reconstruct *r, const dq__sight *sight, int layers, bool style, dq__error *err) {
    const char *name = sight->model->table.layer[sight->layer[layers - 1]].name;
    const dq_image *from = style ? r->painting : r->photo;
    dq__tile *tile = &r->tile[r->tiles];
    dq__rebuilding how = {.layers = layers, .style = style, .iterations = (int)r->s.iterations, .seed = (uint64_t)r->s.seed,
                          .tell = tell, .user = r};
    double left;
    memcpy(how.layer, sight->layer, sizeof how.layer);
    const dq_status status = dq__rebuild(&tile->image, sight, &how, from, r->photo->width, r->photo->height, &left, err);
    if (status) return status;
    const char *first = sight->model->table.layer[sight->layer[0]].name;
    tile->caption = style && layers > 1 ? dq__caption("style: %s to %s", first, name)
                                        : dq__caption("%s: %s", style ? "style" : "content", name);
    tile->row = layers == 1;
    r->tiles++, r->done++;
    describe(r, sight, layers, style, left);
    return DQ_OK;
}

static dq_status add_row(reconstruct *r, const dq__sight *sight, bool style, dq__error *err) {
    dq_status status = DQ_OK;
    for (int layers = 1; layers <= sight->layers && !status; layers++) status = add_picture(r, sight, layers, style, err);
    return status;
}

/* ---- the tool ---------------------------------------------------------------------------------------------------- */

static bool wanted(const char *layers) { return !layers || strcmp(layers, "none") != 0; }

static dq_status read_pictures(reconstruct *r, dq__error *err) {
    const char *const *input = r->call->tool->inputs;
    const bool two = r->call->tool->input_count == 2;
    dq_status status = dq__read_small(&r->photo, input[0], (int)r->s.size, err);
    if (!status) status = dq__read_small(&r->painting, input[two ? 1 : 0], (int)r->s.size, err);
    for (int i = 0; i < (two ? 2 : 1) && !status; i++) {
        status = dq__image_copy(&r->tile[i].image, i ? r->painting : r->photo, err);
        r->tile[i].caption = dq__caption(i ? "the painting" : "the photo");
        r->tiles++;
    }
    return status;
}

static dq_status run(reconstruct *r, dq__error *err) {
    dq__sight content = {0}, style = {0};
    char says[200];
    dq_status status = dq__call_settings(r->call, rows, sizeof rows / sizeof *rows, &r->s, err);
    if (!status) status = dq__call_inputs(r->call, 1, 2, "a photo, and perhaps a painting", err);
    if (!status) status = dq__call_output(r->call, err);
    const bool with_content = wanted(r->s.content), with_style = wanted(r->s.style);
    if (!status && !with_content && !with_style)
        status = dq__fail(err, DQ_USAGE, "content-layers and style-layers cannot both be none");
    if (!status && with_content)
        status = dq__sight_open(&content, r->call, r->s.model, r->s.content, DQ__ONE_OF_EACH_STAGE, true, err);
    if (!status && with_style)
        status = dq__sight_open(&style, r->call, r->s.model, r->s.style, DQ__ONE_OF_EACH_STAGE, true, err);
    if (!status) status = read_pictures(r, err);
    r->list = json_array();
    r->all = content.layers + style.layers;
    if (!status && with_content) status = add_row(r, &content, false, err);
    if (!status && with_style) status = add_row(r, &style, true, err);
    snprintf(says, sizeof says, "%d pictures from content alone, %d from style alone, %d steps each", content.layers,
             style.layers, (int)r->s.iterations);
    if (!status)
        status = dq__sheet_answer(r->call, r->tile, r->tiles, 64, says, json_pack("{s:O}", "pictures", r->list), err);
    dq__sight_close(&content);
    dq__sight_close(&style);
    return status;
}

dq_status dq__reconstruct_tool(const dq__call *call, dq__error *err) {
    reconstruct *r = dq__alloc_zero(sizeof *r);
    if (!r) return dq__no_memory(err, sizeof *r, "a sheet");
    r->call = call;
    const dq_status status = run(r, err);
    for (int i = 0; i < MOST; i++) dq__tile_free(&r->tile[i]);
    dq__image_free(&r->photo);
    dq__image_free(&r->painting);
    json_decref(r->list);
    dq__free(r);
    return status;
}
