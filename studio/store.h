/* SPDX-License-Identifier: MIT
 * studio/store.h: what the studio keeps: pictures, jobs with their queue, and files by name. Rows go in and out as JSON objects.
 * Knows nothing of HTTP or painting. A store belongs to one thread; any number of stores may be open on the same place.
 *
 * A job is queued, running, paused, finished, failed or cancelled. A worker claims a queued job with a lease, which its
 * heartbeats renew; when the lease runs out the job is queued again. What somebody asks of a running job ("cancel", "finish",
 * "pause") waits in the row until the worker's next heartbeat. Every change gets the next number of one counter, so that who
 * knows a number can ask for what came after. */
#ifndef DQ_STUDIO_STORE_H
#define DQ_STUDIO_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct store store;

enum { STORE_ID = 24 }; /* ids are 20 letters and digits */

/* `location` is a folder (SQLite and files) or postgresql://… ; durable: accepted means synced to the disk. */
store *store_open(const char *location, bool durable, char reason[240]);
void store_close(store *s);
/* Why the last call failed. */
const char *store_reason(const store *s);
/* Opens a broken connection again; 0 when the store answers. */
int store_mend(store *s);
/* Milliseconds since 1970 by the database's clock. */
int64_t store_now(const store *s);
/* A new random id. */
void store_new_id(char id[STORE_ID]);
bool store_id_ok(const char *id);

/* ---- files: whole or not there; see db_driver ---- */

int store_put(store *s, const char *id, const char *part, const void *bytes, size_t size); /* the file "id.part" */
int store_get(store *s, const char *id, const char *part, void **bytes, size_t *size);     /* 1: there is none */
int store_drop(store *s, const char *id, const char *part);
/* Deletes files that no row names. Only when nobody else writes. */
int store_sweep(store *s);

/* ---- pictures: {id, kind: photo|style|mask, name, created, width, height, format, builtin} ---- */

/* Adds or replaces. */
int store_picture_put(store *s, const json_t *picture);
json_t *store_picture(store *s, const char *id); /* NULL if there is none or the store fails (then store_reason is not "") */
json_t *store_pictures(store *s, const char *kind, int64_t before, int limit);
int store_picture_rename(store *s, const char *id, const char *name, const char *kind);
/* 1 if there is none; files go too. A picture that a waiting or running job needs stays: 2. */
int store_picture_delete(store *s, const char *id);

/* ---- folders of pairs, for sketches: {id, name, created, pairs: n}, pairs: {id, folder, name} with files "photo", "sketch" and
 * "thumb" ---- */

enum { STORE_PAIRS = 2000 }; /* as many as a sketch can be drawn from */
int store_folder_add(store *s, const char *id, const char *name);
json_t *store_folder(store *s, const char *id); /* NULL if there is none or the store fails */
json_t *store_folders(store *s);
/* With all its pairs. 1: no such folder; 2: a job that has not ended needs it. */
int store_folder_delete(store *s, const char *id);
/* 1: no such folder, or it is full. */
int store_pair_add(store *s, const char *id, const char *folder, const char *name);
json_t *store_pair(store *s, const char *id);
json_t *store_pairs(store *s, const char *folder);
int store_pair_delete(store *s, const char *id); /* 1: no such pair */

/* ---- jobs ---- */

/* Queues one: {id, title, batch, priority, photo, styles: […], options: {…}, sketch: {…} or nothing}. */
int store_job_add(store *s, const json_t *job);
json_t *store_job(store *s, const char *id);

typedef struct store_filter {
    const char *state;  /* "", one state, or "active" */
    const char *search; /* words of the title */
    const char *batch;
    bool favourite;
    int64_t before; /* only numbers below it; 0 for all */
    int limit;
} store_filter;

json_t *store_jobs(store *s, const store_filter *filter);
/* Jobs whose change is greater than *change, in the order of change; *change becomes the greatest. */
json_t *store_changes(store *s, int64_t *change);
/* {queued: n, running: n, …, pictures: n, change: n}. */
json_t *store_counts(store *s);
/* Sets title, favourite or priority, where the object has them. 1: no such job. */
int store_job_edit(store *s, const char *id, const json_t *edit);
/* what: cancel, finish, pause, resume. 1: no such job; 2: it cannot in its state. */
int store_job_ask(store *s, const char *id, const char *what);
/* 1: no such job; 2: it is running. Files go too. */
int store_job_delete(store *s, const char *id);
/* Deletes ended jobs that ended before `time` and are no favourites, and photos and masks as old that no job uses; returns how
 * many, −1 on failure. */
int store_retain(store *s, int64_t time);

/* ---- for workers ---- */

/* The next job, now this worker's, with everything in it; NULL if there is none or the store fails (store_reason). */
json_t *store_claim(store *s, const char *worker, int64_t lease);

typedef struct store_progress {
    int scale, scales, iteration, iterations, width, height, preview;
    double cost, content_cost, style_cost, done, seconds, seconds_left;
    int64_t memory;
    const char *curve; /* JSON: [[step, J], …] */
} store_progress;

typedef enum store_wish { STORE_GO_ON, STORE_CANCEL, STORE_FINISH, STORE_PAUSE, STORE_LOST } store_wish;

/* Renews the lease and says what is asked; STORE_LOST: the job is no longer this worker's. −1 on failure. */
int store_beat(store *s, const char *id, const char *worker, int64_t lease, const store_progress *progress);
/* The job leaves the worker: finished, failed, cancelled or paused. STORE_LOST as above. */
int store_end(store *s, const char *id, const char *worker, const char *state, const char *error, bool early);
/* The job goes back to the queue, not to be claimed for `delay` milliseconds. */
int store_release(store *s, const char *id, const char *worker, int64_t delay);
/* Renews the lease only: for a step that takes long. */
int store_keep(store *s, const char *id, const char *worker, int64_t lease);
/* Memory that the jobs of workers "host.…" have announced, but for one. */
int64_t store_memory(store *s, const char *except, const char *host);
/* A worker is gone: its job is queued again, with `weight` more faults; from STORE_FAULTS on it fails. */
enum { STORE_FAULTS = 12 };
int store_fault(store *s, const char *worker, int weight, const char *error);
/* Queues again what has outlived its lease, or (all) everything that runs. */
int store_expire(store *s, bool all);

#endif
