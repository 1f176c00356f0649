/* SPDX-License-Identifier: MIT
 * studio/work.h: one job in the hands of the child that paints, as worker.c and draw.c share it. Nobody else sees it. */
#ifndef DQ_STUDIO_WORK_H
#define DQ_STUDIO_WORK_H

#include "store.h"

#include <danqing.h>

#include <pthread.h>

enum { WORK_STYLES = 16, WORK_CURVE = 240 };

typedef struct painter {
    const char *location, *data, *name; /* name is "host.…" */
    char host[72];
    int threads;
    uint64_t memory;
    store *s;
    pthread_mutex_t lock;
    char current[STORE_ID]; /* the job whose lease the keeper renews, "" for none */
} painter;

/* One job while it is painted. */
typedef struct work {
    painter *p;
    const json_t *row;
    const char *id;
    dq_context *ctx;
    dq_image *content, *styles[WORK_STYLES];
    int style_count;
    dq_options *options;
    dq_model *model;
    dq_job *job;
    dq_image *drawing; /* what a sketch became: then there is no job */
    dq_plan plan;
    char folder[4096];
    bool keep;     /* the folder: somebody goes on from its checkpoint */
    char why[240]; /* it cannot be painted */
    struct {
        int step, scale;
        double cost;
    } curve[WORK_CURVE];
    int points, every, steps; /* of the curve: how many, a point for every so many steps, steps so far */
    int preview, scale;
    double began, next_preview, next_beat;
    store_wish wish;
} work;

double work_now(void);
/* −1, with why it cannot be painted. */
int work_cannot(work *w, const char *why);
/* 0, or −1 with what the library says. */
int work_failed(work *w, dq_status status);
/* Writes a picture into the job's folder, where the library can open it. */
int work_picture_file(work *w, const char *id, char path[4200]);
/* The job's own folder: its checkpoint, and files that the library wants by path. */
int work_folder(work *w);
/* Keeps a point of the curve. */
void work_point(work *w, const dq_progress *g);
/* A heartbeat; what is wished. */
store_wish work_beat(work *w, const dq_progress *g);
/* True while the parent lives. */
bool work_goes_on(void);

/* ---- draw.c: jobs that are sketches ---- */

bool draw_is_meant(const work *w);
int draw_prepare(work *w);
/* Draws; w->wish says what ended it, w->drawing is the result. */
int draw_run(work *w);
/* Deletes the copies of folders that are no longer in the store. */
void draw_clear(const char *data, store *s);

#endif
