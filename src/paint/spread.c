/* SPDX-License-Identifier: MIT
 * paint/spread.c: see spread.h. A job travels in two parts: an outline of fixed size, from which followers know all other sizes
 * and find room for them, then what fills that room. */
#include "paint/spread.h"

#include "base/mem.h"

enum { PICTURES = 2 + DQ__MAX_STYLES }; /* photo, first picture, paintings */

/* The leader's pointers are in it too: they say what there is. */
typedef struct outline {
    dq__settings settings;
    dq__table table;
    dq__taps taps;
    dq__pyramid pyramid;
    dq__maps maps;
    dq_image picture[PICTURES]; /* width 0: none */
    double share[DQ__MAX_STYLES];
    int styles;
    bool init_noise, init_palette, resumes;
    bool array[DQ__MAX_LAYERS][DQ__ARRAYS]; /* of weights: is it there? */
    uint64_t limit;
} outline;

/* ---- what a job is made of --------------------------------------------------------------------------------------------- */

static dq_image **picture_at(dq_job *job, int i) {
    return i == 0 ? &job->content : i == 1 ? &job->init : &job->style[i - 2];
}

/* Layers that a job runs, and those that its styles are measured through. */
static bool is_used(const outline *o, int layer) {
    for (int t = 0; t < o->taps.count; t++)
        if (o->taps.root[t] == layer) return true;
    return layer <= o->taps.layer[o->taps.count - 1];
}

static void draw_outline(outline *o, dq_job *job, dq__weights *weights) {
    o->settings = job->settings, o->table = job->table, o->taps = job->taps, o->pyramid = job->pyramid, o->maps = job->maps;
    for (int i = 0; i < PICTURES; i++)
        if (*picture_at(job, i)) o->picture[i] = **picture_at(job, i);
    for (int i = 0; i < job->styles; i++) o->share[i] = job->share[i];
    o->styles = job->styles, o->init_noise = job->init_noise, o->init_palette = job->init_palette;
    o->resumes = job->resumes, o->limit = job->limit;
    for (int i = 0; i < o->table.count; i++)
        for (int a = 0; a < DQ__ARRAYS; a++) o->array[i][a] = is_used(o, i) && *dq__array(weights, i, a);
}

/* Texts are not kept by a job, and cannot be sent as they are. */
#define FORGET_INT(field)
#define FORGET_FLOAT(field)
#define FORGET_BOOL(field)
#define FORGET_BYTES(field)
#define FORGET_CHOICE(field)
#define FORGET_TEXT(field) settings->field = "";
static void forget_texts(dq__settings *settings) {
#define OPT(field, name, type, ...) FORGET_##type(field)
#include "paint/options.def"
}

/* ---- room for it ------------------------------------------------------------------------------------------------------- */

static bool room_for_map(dq__grey *map, const dq__grey *like) {
    *map = *like;
    if (!like->sums) return true;
    map->sums = dq__alloc(sizeof(double) * ((size_t)like->w + 1) * ((size_t)like->h + 1));
    return map->sums != NULL;
}

static bool room_for_maps(dq__maps *maps, const dq__maps *like) {
    bool good = room_for_map(&maps->content, &like->content) && room_for_map(&maps->pull, &like->pull);
    for (int r = 0; r < like->regions && good; r++) {
        maps->regions = r + 1;
        good = room_for_map(&maps->photo[r], &like->photo[r]);
        for (int i = 0; i < DQ__MAX_PAINTINGS && good; i++) good = room_for_map(&maps->style[i][r], &like->style[i][r]);
    }
    return good;
}

static bool room_for_weights(dq__weights *weights, const outline *o) {
    bool good = true;
    for (int i = 0; i < o->table.count && good; i++)
        for (int a = 0; a < DQ__ARRAYS && good; a++)
            if (o->array[i][a]) {
                *dq__array(weights, i, a) = dq__alloc(sizeof(float) * dq__array_count(&o->table.layer[i], a));
                good = *dq__array(weights, i, a) != NULL;
            }
    return good;
}

static void free_weights(dq__weights *weights) {
    for (int i = 0; i < DQ__MAX_LAYERS; i++)
        for (int a = 0; a < DQ__ARRAYS; a++) dq__free(*dq__array(weights, i, a));
}

/* A follower's job from the outline of the leader's. */
static dq_status lay_out(dq_job *job, dq__weights *weights, const outline *o, dq__error *err) {
    dq_status status = DQ_OK;
    job->settings = o->settings, job->table = o->table, job->taps = o->taps, job->pyramid = o->pyramid;
    forget_texts(&job->settings);
    for (int i = 0; i < o->styles; i++) job->share[i] = o->share[i];
    job->styles = o->styles, job->init_noise = o->init_noise, job->init_palette = o->init_palette;
    job->resumes = o->resumes, job->limit = o->limit;
    job->scale = -1;
    for (int i = 0; i < PICTURES && !status; i++) {
        const dq_image *like = &o->picture[i];
        if (like->width) status = dq__image_new(picture_at(job, i), like->width, like->height, like->alpha != NULL, err);
    }
    if (!status && !room_for_maps(&job->maps, &o->maps)) status = dq__no_memory(err, dq__maps_bytes(&o->maps), "masks");
    if (!status && !room_for_weights(weights, o)) status = dq__no_memory(err, 0, "weights");
    return status;
}

/* ---- what fills it ----------------------------------------------------------------------------------------------------- */

/* Shares one array after the other until one fails. */
typedef struct parcel {
    dq__ranks *ranks;
    dq_status status;
    dq__error *err;
} parcel;

static void send(parcel *p, void *bytes, size_t size) {
    if (!p->status && bytes) p->status = dq__ranks_share(p->ranks, 0, bytes, size, p->err);
}

static void send_picture(parcel *p, const dq_image *image) {
    if (!image) return;
    const size_t pixels = (size_t)image->width * (size_t)image->height;
    send(p, image->rgb, sizeof(float) * 3 * pixels);
    send(p, image->alpha, sizeof(float) * pixels);
}

static void send_map(parcel *p, const dq__grey *map) {
    send(p, map->sums, sizeof(double) * ((size_t)map->w + 1) * ((size_t)map->h + 1));
}

static dq_status fill(dq__ranks *ranks, dq_job *job, dq__weights *weights, const outline *o, dq__error *err) {
    parcel p = {.ranks = ranks, .err = err};
    for (int i = 0; i < PICTURES; i++) send_picture(&p, *picture_at(job, i));
    send_map(&p, &job->maps.content);
    send_map(&p, &job->maps.pull);
    for (int r = 0; r < job->maps.regions; r++) {
        send_map(&p, &job->maps.photo[r]);
        for (int i = 0; i < DQ__MAX_PAINTINGS; i++) send_map(&p, &job->maps.style[i][r]);
    }
    for (int i = 0; i < o->table.count; i++)
        for (int a = 0; a < DQ__ARRAYS; a++)
            if (o->array[i][a]) send(&p, *dq__array(weights, i, a), sizeof(float) * dq__array_count(&o->table.layer[i], a));
    return p.status;
}

/* ---- the leader -------------------------------------------------------------------------------------------------------- */

/* Memory that nobody has limited is for all ranks of this machine together. */
static uint64_t own_limit(const dq_job *job, const dq__ranks *ranks) {
    return job->settings.max_memory || job->resumes ? job->limit : job->limit / (uint64_t)dq__ranks_beside(ranks);
}

static dq_status say(dq__ranks *ranks, dq__order order, dq__error *err) {
    int32_t word = (int32_t)order;
    return dq__ranks_share(ranks, 0, &word, sizeof word, err);
}

dq_status dq__spread_job(dq_job *job, dq__ranks *ranks, const dq_model *model, dq__error *err) {
    dq__weights weights = model->weights;
    outline o = {0};
    if (!ranks) return DQ_OK;
    job->limit = own_limit(job, ranks);
    draw_outline(&o, job, &weights);
    dq_status status = say(ranks, DQ__ORDER_JOB, err);
    if (!status) status = dq__ranks_share(ranks, 0, &o, sizeof o, err);
    if (!status) status = dq__ranks_agree(ranks, DQ_OK, err);
    if (status) return status;
    status = fill(ranks, job, &weights, &o, err);
    return dq__job_join(job, ranks, status, err);
}

dq_status dq__spread_say(const dq_job *job, dq__order order, dq__error *err) {
    return job->ranks && dq__ranks_own(job->ranks) == 0 ? say(job->ranks, order, err) : DQ_OK;
}

void dq__spread_end(dq__ranks *ranks) {
    if (ranks) say(ranks, DQ__ORDER_END, NULL);
}

/* ---- the others -------------------------------------------------------------------------------------------------------- */

/* The leader's job, from what it sends. */
static dq_status take_job(dq_job **out, dq__ranks *ranks, dq__pool *pool, dq__error *err) {
    dq__weights weights = {0};
    outline o;
    dq_job *job = *out ? NULL : dq__alloc_zero(sizeof *job);
    dq_status status = dq__ranks_share(ranks, 0, &o, sizeof o, err);
    if (status) goto done;
    if (*out) status = dq__fail(err, DQ_USAGE, "ranks paint one picture at a time");
    else if (!job) status = dq__no_memory(err, sizeof *job, "a job");
    else status = lay_out(job, &weights, &o, err);
    status = dq__ranks_agree(ranks, status, err);
    if (status) goto done;
    status = fill(ranks, job, &weights, &o, err);
    if (!status) status = dq__job_outfit(job, pool, &weights, err);
    status = dq__job_join(job, ranks, status, err);
done:
    free_weights(&weights);
    if (status) dq__job_free(&job);
    else *out = job;
    return status;
}

/* What fails for all the leader has been told of by the same call; it will free the job. */
static void obey(dq_job **job, dq__order order, dq__ranks *ranks, dq__pool *pool, dq__error *err) {
    int more;
    if (order == DQ__ORDER_JOB) take_job(job, ranks, pool, err);
    if (order == DQ__ORDER_BEGIN && *job) dq__job_begin(*job, err);
    if (order == DQ__ORDER_STEP && *job) dq__job_step(*job, &more, err);
    if (order == DQ__ORDER_FREE) dq__job_free(job);
}

dq_status dq__spread_follow(dq__ranks *ranks, dq__pool *pool, dq__error *err) {
    int32_t order = DQ__ORDER_BEGIN;
    dq_job *job = NULL;
    dq_status status = DQ_OK;
    while (!status && order != DQ__ORDER_END) {
        status = dq__ranks_share(ranks, 0, &order, sizeof order, err);
        if (!status) obey(&job, (dq__order)order, ranks, pool, err);
    }
    dq__job_free(&job);
    return status;
}
