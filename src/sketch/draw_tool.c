/* SPDX-License-Identifier: MIT
 * sketch/draw_tool.c: the tool "sketch": one photo, its face brought into the frame, drawn, and brought back. */
#include "base/measure.h"
#include "base/mem.h"
#include "sketch/drawing.h"
#include "sketch/lines.h"
#include "sketch/sketch.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

typedef struct settings {
    dq__drawing_settings drawing;
    const char *pairs, *eyes;
    bool frame;
} settings;

static const dq__setting rows[] = {
    DQ__DRAWING_ROWS(settings, drawing),
    {"pairs", DQ__SET_TEXT, offsetof(settings, pairs), NULL, 0, 0, NULL},
    {"eyes", DQ__SET_TEXT, offsetof(settings, eyes), NULL, 0, 0, NULL},
    {"frame", DQ__SET_FLAG, offsetof(settings, frame), "off", 0, 0, NULL},
};

/* One photo on its way. */
typedef struct work {
    const dq__call *call;
    settings set;
    dq__artist artist;
    dq__pairs *pairs;
    dq_image *photo, *result;
    dq__eye_pair eyes;
    bool aligned; /* the photo is the frame itself */
    double learnt, drawn; /* seconds */
} work;

/* ---- where the face is ---- */

static dq_status place(work *w, dq__similarity *s, dq__error *err) {
    const char *path = w->call->tool->inputs[0];
    w->aligned = dq__is_frame(w->photo) && !w->set.eyes;
    w->eyes = (dq__eye_pair){75, 125, 125, 125};
    dq_status status = DQ_OK;
    if (w->set.eyes) status = dq__eye_pair_parse(&w->eyes, w->set.eyes, err);
    else if (!w->aligned) status = dq__find_eyes(&w->eyes, w->photo, path, err);
    return status ? status : dq__eye_pair_similarity(s, &w->eyes, w->photo->width, w->photo->height, err);
}

/* ---- drawing ---- */

/* Lines need no frame: they are drawn on the whole photo. */
static dq_status draw_lines(work *w, dq__error *err) {
    const size_t n = (size_t)w->photo->width * (size_t)w->photo->height;
    const double longest = w->photo->width > w->photo->height ? w->photo->width : w->photo->height;
    float *grey = dq__alloc(sizeof(float) * n);
    if (!grey) return dq__no_memory(err, sizeof(float) * n, "a drawing");
    dq__rgb_to_grey(w->photo->rgb, n, grey);
    dq_status status = dq__lines_draw(grey, w->photo->width, w->photo->height, fmax(1.2, longest / 320), grey, err);
    if (!status) status = dq__drawing_image(&w->result, grey, w->photo->width, w->photo->height, err);
    dq__free(grey);
    return status;
}

static dq_status learn(work *w, dq__error *err) {
    const double began = dq__seconds();
    const dq__direction direction = w->set.drawing.direction ? DQ__TO_PHOTO : DQ__TO_SKETCH;
    dq_status status = DQ_OK;
    if (w->set.pairs) status = dq__pairs_read(&w->pairs, w->call->pool, w->set.pairs, direction, err);
    if (!status) status = dq__artist_learn(&w->artist, &w->set.drawing, w->call->pool, w->pairs, err);
    w->learnt = dq__seconds() - began;
    return status ? status : dq__call_progress(w->call, 0.5, err);
}

static dq_status draw_face(work *w, dq__error *err) {
    dq__similarity s;
    dq__frame *face = dq__alloc(sizeof *face);
    float *drawing = dq__alloc(sizeof(float) * DQ__FRAME_PIXELS);
    dq_status status = face && drawing ? place(w, &s, err) : dq__no_memory(err, sizeof *face, "a face");
    if (!status) status = learn(w, err);
    const double began = dq__seconds();
    if (!status && w->aligned) dq__frame_of(face, w->photo);
    else if (!status) status = dq__frame_take(face, w->photo, &s, err);
    if (!status) status = dq__artist_draw(&w->artist, face, drawing, err);
    if (!status && (w->set.frame || w->aligned)) status = dq__drawing_image(&w->result, drawing, DQ__FRAME_W, DQ__FRAME_H, err);
    else if (!status) status = dq__drawing_back(&w->result, drawing, face, w->photo, &s, err);
    w->drawn = dq__seconds() - began;
    dq__free(face);
    dq__free(drawing);
    return status;
}

/* ---- the tool ---- */

static dq_status check(work *w, dq__error *err) {
    dq_status status = dq__call_inputs(w->call, 1, 1, "one photo", err);
    if (!status) status = dq__call_output(w->call, err);
    if (!status) status = dq__call_settings(w->call, rows, sizeof rows / sizeof *rows, &w->set, err);
    if (!status) status = dq__artist_choose(&w->artist, &w->set.drawing, w->set.pairs != NULL, err);
    if (status) return status;
    if (w->set.pairs && !w->artist.method->pairs && !w->set.drawing.finish)
        return dq__fail(err, DQ_USAGE, "the method %s takes no pairs", w->artist.method->name);
    if (!w->artist.method->pairs && w->set.drawing.direction)
        return dq__fail(err, DQ_USAGE, "a direction is of methods with pairs; a student draws what it was trained to draw");
    const bool lines = w->artist.method == &dq__method_lines;
    if (lines && (w->set.eyes || w->set.frame))
        return dq__fail(err, DQ_USAGE, "lines are drawn on the whole photo: no eyes, no frame");
    return DQ_OK;
}

static json_t *answer(const work *w) {
    json_t *a = json_pack("{s:s, s:i, s:i, s:f, s:f}", "method", w->artist.method->name, "width", w->result->width, "height",
                          w->result->height, "seconds_to_learn", w->learnt, "seconds_to_draw", w->drawn);
    if (w->artist.method != &dq__method_lines)
        json_object_set_new(a, "eyes", json_pack("[f,f,f,f]", w->eyes.x1, w->eyes.y1, w->eyes.x2, w->eyes.y2));
    if (w->pairs) json_object_set_new(a, "pairs", json_integer(w->pairs->count));
    return a;
}

dq_status dq__sketch_tool(const dq__call *call, dq__error *err) {
    work w = {.call = call};
    dq_status status = check(&w, err);
    if (!status) status = dq__image_read(&w.photo, call->tool->inputs[0], err);
    if (!status) status = w.artist.method == &dq__method_lines ? draw_lines(&w, err) : draw_face(&w, err);
    if (!status) status = dq__image_write(w.result, call->tool->output, NULL, err);
    if (!status) status = dq__call_answer(call, answer(&w), err);
    dq__artist_forget(&w.artist);
    dq__pairs_free(&w.pairs);
    dq__image_free(&w.photo);
    dq__image_free(&w.result);
    return status;
}
