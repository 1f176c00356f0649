/* SPDX-License-Identifier: MIT
 * tests/ref/graph.h: any network the library knows, run forward on several pictures, as plainly as it can be said, in double.
 * It has no way back: gradients are held to its slopes. Maps are [picture][channel][row][column]. */
#ifndef DQ_REF_GRAPH_H
#define DQ_REF_GRAPH_H

#include "net/layers.h"

#include <stddef.h>

typedef struct ref_batch {
    int n, c, h, w;
    double *v;
} ref_batch;

typedef struct ref_graph {
    const dq__table *table;
    double *array[DQ__MAX_LAYERS][DQ__ARRAYS]; /* the shapes of dq__weights */
    bool train;                                /* batch norm by the statistics of the batch */
    ref_batch input, map[DQ__MAX_LAYERS];      /* made by the first run, used again by the next ones */
    double kink;                               /* how near any unit of the last run was to where its slope jumps */
} ref_graph;

/* rgb: [n][h][w][3]. The layers from `first` on; those before it keep their maps. */
void ref_graph_run(ref_graph *graph, int first, const double *rgb, int n, int h, int w);
/* Frees maps, not arrays. */
void ref_graph_free(ref_graph *graph);
size_t ref_batch_values(const ref_batch *map);

#endif
