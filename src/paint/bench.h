/* SPDX-License-Identifier: MIT
 * paint/bench.h: measures a network on this machine: one evaluation of J with its gradient, every convolution of it, every
 * Gram cost, and the peak that they are compared with. Paints nothing and knows no files. */
#ifndef DQ_PAINT_BENCH_H
#define DQ_PAINT_BENCH_H

#include "base/measure.h"
#include "base/pool.h"
#include "model/model.h"
#include "paint/taps.h"

typedef struct dq__bench_setup {
    dq__pool *pool;
    dq_model *model;             /* its weights go once they are packed, as they do where a picture is painted */
    const char *content, *style; /* layers, as dq__taps_parse takes them */
    int size, rounds;            /* side of the picture; 1 … DQ__MAX_ROUNDS, of which medians are taken */
    dq_progress_fn progress;     /* told `done` and `seconds`; non-zero stops with DQ_CANCELLED; may be NULL */
    void *user;
} dq__bench_setup;

/* Operations are those of the direct method and of whole matrices, whatever was run. */
typedef struct dq__bench_row {
    char name[16];
    double seconds, flops;
} dq__bench_row;

typedef struct dq__bench {
    double seconds, processor, flops; /* of an iteration; processor: mean seconds of all threads together */
    double peak_rss;                  /* bytes, after the iterations */
    double peak_flops;                /* a second */
    int layers, grams;
    dq__bench_row forward[DQ__MAX_LAYERS], backward[DQ__MAX_LAYERS]; /* convolutions: [layers] */
    dq__bench_row gram[DQ__MAX_TAPS];                                /* matrix and gradient, where a ReLU is a tap: [grams] */
} dq__bench;

dq_status dq__bench_run(dq__bench *bench, const dq__bench_setup *setup, dq__error *err);

#endif
