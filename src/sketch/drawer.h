/* SPDX-License-Identifier: MIT
 * sketch/drawer.h: the methods of drawing, each behind the same three functions: learn from pairs, draw a face, forget. All of
 * them work in the frame. */
#ifndef DQ_SKETCH_DRAWER_H
#define DQ_SKETCH_DRAWER_H

#include "model/model.h"
#include "sketch/pairs.h"

/* What methods are made with. The pool and the model outlive the drawer, the pairs too. */
typedef struct dq__drawer_setup {
    dq__pool *pool;
    const dq__pairs *pairs; /* NULL for a method that needs none */
    const dq_model *model;  /* encoder of DGFL */
    const char *student;    /* path of a trained student */
    int neighbours;         /* K; 0: the method's own */
    int samples;            /* of RSLCR and ridge, in each cell */
    bool fast;              /* RSLCR by the nearest samples alone */
} dq__drawer_setup;

typedef struct dq__method {
    const char *name;
    bool pairs; /* needs pairs */
    dq_status (*learn)(void **state, const dq__drawer_setup *setup, dq__error *err);
    /* Draws one face, unrounded. trace: NULL, or where the energy after each round is put, DQ__TRACE numbers, ended by a number
     * below 0. Threads of the pool are used inside. */
    dq_status (*draw)(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err);
    void (*free)(void *state);
} dq__method;

enum { DQ__TRACE = 64 };

/* Method number `index`, NULL past the end; by name: DQ_USAGE, naming those there are. */
const dq__method *dq__method_at(int index);
dq_status dq__method_find(const dq__method **out, const char *name, dq__error *err);

extern const dq__method dq__method_lle, dq__method_ssd, dq__method_mrf, dq__method_mwf, dq__method_rslcr, dq__method_ridge,
    dq__method_dgfl, dq__method_student, dq__method_lines;

#endif
