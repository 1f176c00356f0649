/* SPDX-License-Identifier: MIT
 * sketch/drawing.h: what both tools share: the settings of a method, and a method that has learnt. */
#ifndef DQ_SKETCH_DRAWING_H
#define DQ_SKETCH_DRAWING_H

#include "sketch/drawer.h"
#include "sketch/finish.h"

/* The settings of a method; their rows are DQ__DRAWING_ROWS(struct, field). */
typedef struct dq__drawing_settings {
    const char *method, *student, *encoder;
    int64_t neighbours, samples;
    int direction, finish; /* finish: 0 for none, 1 for the pencil */
    bool fast;
} dq__drawing_settings;

#define DQ__DRAWING_ROWS(s, f)                                                                            \
    {"method", DQ__SET_TEXT, offsetof(s, f.method), NULL, 0, 0, NULL},                                    \
    {"student", DQ__SET_TEXT, offsetof(s, f.student), NULL, 0, 0, NULL},                                  \
    {"encoder", DQ__SET_TEXT, offsetof(s, f.encoder), NULL, 0, 0, NULL},                                  \
    {"neighbours", DQ__SET_INT, offsetof(s, f.neighbours), "0", 0, 36, NULL},                             \
    {"samples", DQ__SET_INT, offsetof(s, f.samples), "800", 80, 4000, NULL},                              \
    {"direction", DQ__SET_CHOICE, offsetof(s, f.direction), "photo-to-sketch", 0, 0,                      \
     "photo-to-sketch|sketch-to-photo"},                                                                  \
    {"finish", DQ__SET_CHOICE, offsetof(s, f.finish), "none", 0, 0, "none|pencil"},                       \
    {"fast", DQ__SET_FLAG, offsetof(s, f.fast), "off", 0, 0, NULL}

typedef struct dq__artist {
    const dq__method *method;
    const dq__pairs *pairs;
    dq_model *encoder;
    void *state;
    dq__finish *finish; /* NULL for none */
} dq__artist;

/* Which method is meant: the one named; else the student's, or mwf where there are pairs, or lines. DQ_USAGE where the method
 * needs pairs and there are none, or a setting does not concern it. */
dq_status dq__artist_choose(dq__artist *artist, const dq__drawing_settings *s, bool pairs, dq__error *err);
/* Lets the method learn from the pairs (NULL: none), which outlive it. */
dq_status dq__artist_learn(dq__artist *artist, const dq__drawing_settings *s, dq__pool *pool, const dq__pairs *pairs,
                           dq__error *err);
/* Draws one face, unrounded. */
dq_status dq__artist_draw(const dq__artist *artist, const dq__frame *face, float *drawing, dq__error *err);
/* Forgets what was learnt from the pairs, but not the method and the encoder: dq__artist_learn may follow. */
void dq__artist_clear(dq__artist *artist);
void dq__artist_forget(dq__artist *artist);

#endif
