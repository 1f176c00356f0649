/* SPDX-License-Identifier: MIT
 * bench/gates.h: what the files of `gates` share: networks as they are looked at, pictures, painting, and the table of
 * figures. A failure ends the program with its reason: it is a benchmark. */
#ifndef DQ_BENCH_GATES_H
#define DQ_BENCH_GATES_H

#include "base/pool.h"
#include "image/image.h"
#include "loss/gram.h"
#include "model/model.h"
#include "net/executor.h"

enum { TAPS = 3, MAX_LOOK = 8, MAX_ROWS = 64 };

/* Columns of the table: the real VGG-19, the 16× distilled encoder, a random network, ours. */
enum { VGG, ENCODER, RANDOM, COMPACT, COLUMNS };

typedef struct row {
    char measure[160];
    double value[COLUMNS]; /* NaN: not measured */
    double gate;           /* of the last column; NaN: none */
    bool at_most;          /* … is an upper limit */
} row;

typedef struct gates {
    dq__pool *pool;
    dq__gram_space *space;
    const char *data; /* folder with models/ and images/ */
    const char *file; /* of the network that is judged */
    bool quick;
    dq_model *model[COLUMNS];
    dq_model *squeezenet; /* NULL where it cannot be read; `why` says why */
    char why[512];
    row rows[MAX_ROWS];
    int count;
} gates;

/* ---- gates.c ---- */
/* A new row without values. */
row *add_row(gates *g, double gate, bool at_most, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- gates_net.c ---- */
/* Ends the program with the reason where there is one. */
void must(dq_status status, const dq__error *err);
/* A line on standard error about what is being done. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *get_memory(size_t bytes);
/* A network looked at where a list of layers says. */
typedef struct net {
    const dq_model *model;
    int tap[MAX_LOOK], taps;
    dq__packed *packed;
    dq__exec *exec;
    int w, h; /* of the pictures exec takes */
} net;

/* layers: comma separated, in the network's order; relu3_1 means root3_1 where there is one. */
void net_open(net *n, const dq_model *model, const char *layers);
void net_close(net *n);
/* Features of a picture at every tap, valid until the next call. */
void net_look(gates *g, net *n, const dq_image *picture);

/* The pictures of a folder below the data, sorted by name; at most `most`. */
typedef struct pictures {
    int count;
    char **path;
} pictures;
pictures list_pictures(const gates *g, const char *folder, int most);
void free_pictures(pictures *p);
dq_image *read_picture(const char *path);
/* The middle of a picture, side × side pixels as they are. */
dq_image *read_middle(const char *path, int side);
/* The picture with its longest side shrunk to `longest`. */
dq_image *fitted(const dq_image *picture, int longest);

/* Paints to the end. option: name, value, …, NULL; the rest as the default recipe has it. */
dq_image *paint(gates *g, const dq_model *model, const dq_image *content, const dq_image *style, const char *const *option);

/* ---- what is measured: gates_features.c, gates_paint.c ---- */
void measure_features(gates *g);
void measure_textures(gates *g);
void measure_transfer(gates *g);

#endif
