/* SPDX-License-Identifier: MIT
 * sketch/eval_tool.c: the tool "sketch eval": test folders, each with the pairs to learn from, drawn and measured together. */
#include "base/mem.h"
#include "sketch/drawing.h"
#include "sketch/eval.h"
#include "sketch/sketch.h"

#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FOLDERS = 16, SHEET_COLUMNS = 6, SHEET_PICTURES = 12 };

typedef struct settings {
    dq__drawing_settings drawing;
    const char *pairs, *sheet; /* pairs: one of them; all are asked for by number */
    int64_t holdout;
} settings;

static const dq__setting rows[] = {
    DQ__DRAWING_ROWS(settings, drawing),
    {"pairs", DQ__SET_TEXT, offsetof(settings, pairs), NULL, 0, 0, NULL},
    {"sheet", DQ__SET_TEXT, offsetof(settings, sheet), NULL, 0, 0, NULL},
    {"holdout", DQ__SET_INT, offsetof(settings, holdout), "0", 0, DQ__MAX_PAIRS, NULL},
};

typedef struct work {
    const dq__call *call;
    settings set;
    dq__artist artist;
    int folders;
    dq__pairs *pairs[MAX_FOLDERS], *test[MAX_FOLDERS];
    dq__trial *trial;
} work;

/* ---- pairs and tests ---- */

static dq_status count_folders(work *w, dq__error *err) {
    const int tests = w->call->tool->input_count;
    while (w->folders <= MAX_FOLDERS && dq__call_setting(w->call, "pairs", w->folders)) w->folders++;
    if (w->folders > MAX_FOLDERS) return dq__fail(err, DQ_USAGE, "at most %d folders of pairs", MAX_FOLDERS);
    if (!w->folders)
        return dq__fail(err, DQ_USAGE, "say what is drawn from, and floors are made of: --pairs DIR for each test folder");
    if (w->set.holdout && tests)
        return dq__fail(err, DQ_USAGE, "either test folders, or --holdout N, which tests on every N-th pair");
    if (!w->set.holdout && tests != w->folders)
        return dq__fail(err, DQ_USAGE, "%d test folders and %d of pairs: there must be one --pairs for each, in their order",
                        tests, w->folders);
    if (w->set.holdout == 1) return dq__fail(err, DQ_USAGE, "--holdout 1 leaves no pair to learn from; give 2 or more");
    return DQ_OK;
}

/* Every N-th pair is tested, the others are learnt from. */
static dq_status hold_out(work *w, int f, dq__error *err) {
    dq__pairs *all = w->pairs[f];
    int *list = dq__alloc(sizeof(int) * 2 * (size_t)all->count), kept = 0, held = 0;
    if (!list) return dq__no_memory(err, sizeof(int) * (size_t)all->count, "a list of pairs");
    for (int k = 0; k < all->count; k++) {
        if (k % w->set.holdout == w->set.holdout / 2) list[all->count + held++] = k;
        else list[kept++] = k;
    }
    dq_status status = held && kept ? DQ_OK : dq__fail(err, DQ_USAGE, "%.300s: too few pairs for that --holdout", all->folder);
    w->pairs[f] = NULL;
    if (!status) status = dq__pairs_choose(&w->test[f], all, list + all->count, held, err);
    if (!status) status = dq__pairs_choose(&w->pairs[f], all, list, kept, err);
    dq__pairs_free(&all);
    dq__free(list);
    return status;
}

static dq_status read_folder(work *w, int f, dq__error *err) {
    const dq__direction direction = w->set.drawing.direction ? DQ__TO_PHOTO : DQ__TO_SKETCH;
    dq_status status = dq__pairs_read(&w->pairs[f], w->call->pool, dq__call_setting(w->call, "pairs", f), direction, err);
    if (status) return status;
    if (w->set.holdout) return hold_out(w, f, err);
    return dq__pairs_read(&w->test[f], w->call->pool, w->call->tool->inputs[f], direction, err);
}

static dq_status draw_all(work *w, dq__error *err) {
    int total = 0, first = 0;
    for (int f = 0; f < w->folders; f++) total += w->test[f]->count;
    dq_status status = dq__trial_new(&w->trial, total, err);
    for (int f = 0; !status && f < w->folders; f++) {
        status = dq__artist_learn(&w->artist, &w->set.drawing, w->call->pool, w->pairs[f], err);
        if (!status) status = dq__trial_draw(w->trial, first, w->test[f], &w->artist, w->call, err);
        first += w->test[f]->count;
        dq__artist_clear(&w->artist);
    }
    return status;
}

/* ---- results ---- */

static const char *shown_name(const work *w, int s) {
    return s == DQ__MADE ? w->artist.method->name : s == DQ__FLOOR_PHOTO ? "grey photo" : "mean sketch";
}

static json_t *row_json(const work *w, int s) {
    const dq__scores *m = &w->trial->mean[s];
    json_t *row = json_pack("{s:s, s:f, s:f, s:f, s:f, s:f}", "name", shown_name(w, s), "ssim", m->ssim, "ssim_cropped",
                            m->ssim_cropped, "fsim", m->fsim, "scoot", m->scoot, "vgg_distance", m->vgg);
    const double known = w->trial->recognised[s];
    json_object_set_new(row, "nlda", known < 0 ? json_null() : json_real(known));
    return row;
}

static json_t *answer(const work *w) {
    json_t *array = json_array();
    for (int s = 0; s < DQ__SHOWN; s++) json_array_append_new(array, row_json(w, s));
    return json_pack("{s:s, s:i, s:f, s:o}", "method", w->artist.method->name, "pictures", w->trial->count, "seconds_per_picture",
                     w->trial->mean_seconds, "rows", array);
}

static dq_status write_csv(const work *w, const char *path, dq__error *err) {
    GString *text = g_string_new("picture,shown,ssim,ssim_cropped,fsim,scoot,vgg_distance\n");
    for (int s = 0; s < DQ__SHOWN; s++)
        for (int k = 0; k < w->trial->count; k++) {
            const dq__scores *c = &w->trial->score[s][k];
            g_string_append_printf(text, "\"%s\",%s,%.6f,%.6f,%.6f,%.6f,%.6f\n", w->trial->name[k], shown_name(w, s), c->ssim,
                                   c->ssim_cropped, c->fsim, c->scoot, c->vgg);
        }
    GError *why = NULL;
    dq_status status = DQ_OK;
    if (!g_file_set_contents(path, text->str, (gssize)text->len, &why))
        status = dq__fail(err, DQ_OUTPUT, "%.200s: cannot be written: %.200s", path, why ? why->message : "?");
    g_clear_error(&why);
    g_string_free(text, TRUE);
    return status;
}

static void put(dq_image *sheet, int column, int row, const float *grey) {
    for (int i = 0; i < DQ__FRAME_PIXELS; i++) {
        const int y = row * DQ__FRAME_H + i / DQ__FRAME_W, x = column * DQ__FRAME_W + i % DQ__FRAME_W;
        float *to = sheet->rgb + 3 * ((size_t)y * (size_t)sheet->width + (size_t)x);
        to[0] = to[1] = to[2] = grey[i] / 255;
    }
}

/* Photo, artist and drawing of twelve pictures from all over the test. */
static dq_status write_sheet(const work *w, const char *path, dq__error *err) {
    const dq__trial *t = w->trial;
    const int shown = t->count < SHEET_PICTURES ? t->count : SHEET_PICTURES, lines = (shown + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
    dq_image *sheet;
    dq_status status = dq__image_new(&sheet, SHEET_COLUMNS * DQ__FRAME_W, 3 * lines * DQ__FRAME_H, false, err);
    for (int k = 0; !status && k < shown; k++) {
        const size_t at = (size_t)(k * t->count / shown) * DQ__FRAME_PIXELS;
        const int column = k % SHEET_COLUMNS, row = k / SHEET_COLUMNS * 3;
        put(sheet, column, row, t->shown[DQ__FLOOR_PHOTO] + at);
        put(sheet, column, row + 1, t->artist + at);
        put(sheet, column, row + 2, t->shown[DQ__MADE] + at);
    }
    if (!status) status = dq__image_write(sheet, path, NULL, err);
    dq__image_free(&sheet);
    return status;
}

dq_status dq__sketch_eval_tool(const dq__call *call, dq__error *err) {
    work w = {.call = call};
    dq_model *model = NULL;
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &w.set, err);
    if (!status) status = dq__artist_choose(&w.artist, &w.set.drawing, true, err);
    if (!status) status = count_folders(&w, err);
    for (int f = 0; !status && f < w.folders; f++) status = read_folder(&w, f, err);
    if (!status) status = draw_all(&w, err);
    if (!status) status = dq__model_open(&model, NULL, err);
    if (!status) status = dq__trial_measure(w.trial, call->pool, model, err);
    if (!status && w.set.sheet) status = write_sheet(&w, w.set.sheet, err);
    if (!status && call->tool->output) status = write_csv(&w, call->tool->output, err);
    if (!status) status = dq__call_answer(call, answer(&w), err);
    dq__model_free(&model);
    dq__trial_free(&w.trial);
    dq__artist_forget(&w.artist);
    for (int f = 0; f < MAX_FOLDERS; f++) dq__pairs_free(&w.pairs[f]), dq__pairs_free(&w.test[f]);
    return status;
}
