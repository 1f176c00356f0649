/* SPDX-License-Identifier: MIT
 * paint/job.c: the stepper. Read dq__job_step first: it enters a scale when it must, evaluates J, lets the optimiser move
 * the pixels and keeps the running average. Costs are cost.c's, sizes pyramid.c's, layers taps.c's. */
#include "paint/job_state.h"

#include "base/measure.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/rng.h"
#include "image/colour.h"
#include "image/tone.h"
#include "paint/plan.h"
#include "paint/resume.h"
#include "paint/spread.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const dq__scale *last_scale(const dq_job *job) { return &job->pyramid.scale[job->pyramid.count - 1]; }
static size_t floats(const dq__scale *s) { return (size_t)s->w * (size_t)s->h * 3; }

enum { PIECE = 1 << 18 }; /* floats of an array that are walked over before their memory is left */

/* After float k of an array, walked over from its beginning. */
static inline void leave(const float *array, size_t k) {
    if ((k + 1) % PIECE == 0) dq__release(array + k + 1 - PIECE, sizeof(float) * PIECE);
}

/* ---- what the options ask for -------------------------------------------------------------------------------------- */

static dq_status parse_share(dq_job *job, const char *text, dq__error *err) {
    double sum = 0;
    int count = 0;
    for (const char *p = text; *p;) {
        char item[32];
        const size_t n = strcspn(p, ",");
        snprintf(item, sizeof item, "%.*s", (int)(n < 31 ? n : 31), p);
        if (count == DQ__MAX_STYLES || !dq__parse_double(item, &job->share[count]) || job->share[count] < 0)
            return dq__fail(err, DQ_USAGE, "style-weights takes numbers ≥ 0 separated by commas, not '%.64s'", text);
        sum += job->share[count++];
        p += n + (p[n] == ',');
    }
    if (count == 0)
        for (; count < job->styles; count++) sum += job->share[count] = 1;
    if (count != job->styles)
        return dq__fail(err, DQ_USAGE, "style-weights has %d numbers for %d paintings", count, job->styles);
    if (!(sum > 0)) return dq__fail(err, DQ_USAGE, "the style-weights are all zero");
    for (int i = 0; i < count; i++) job->share[i] /= sum;
    return DQ_OK;
}

static void choose_table(dq_job *job, const dq_model *model) {
    const dq__settings *s = &job->settings;
    job->table = model->table;
    if (s->pooling != DQ__POOLING_MODEL)
        job->table.pooling = s->pooling == DQ__POOLING_MAX ? DQ__POOL_MAX : DQ__POOL_AVERAGE;
    if (s->padding == DQ__PADDING_ZERO) job->table.padding = DQ__PAD_ZERO;
    if (s->padding == DQ__PADDING_REFLECT) job->table.padding = DQ__PAD_REFLECT;
    if (s->padding == DQ__PADDING_REPLICATE) job->table.padding = DQ__PAD_REPLICATE;
    for (int c = 0; c < 3; c++)
        for (int k = 0; k < 3; k++) job->table.input.matrix[c][k] /= (float)s->pixel_range;
}

static dq_status choose_taps(dq_job *job, dq_log_fn log, void *log_user, dq__error *err) {
    char left_out[256], notice[400];
    dq_status status =
        dq__taps_parse(&job->taps, &job->table, job->settings.content_layers, job->settings.style_layers, left_out, err);
    if (!status && *left_out && log) {
        snprintf(notice, sizeof notice, "network %s has no %s: painting with the layers it has", job->table.name, left_out);
        log(log_user, notice);
    }
    return status;
}

static dq_status choose_init(dq_job *job, dq__error *err) {
    const char *init = job->settings.init;
    job->init_noise = strcmp(init, "noise") == 0;
    job->init_palette = strcmp(init, "palette") == 0;
    if (job->init_noise || job->init_palette || strcmp(init, "content") == 0) return DQ_OK;
    return dq__image_read(&job->init, init, err);
}


/* ---- colours ------------------------------------------------------------------------------------------------------- */

/* Does the result take its colours from the photo? */
static bool recolours(const dq_job *job) {
    const int colour = job->settings.colour;
    const bool asked = colour == DQ__COLOUR_CONTENT || colour == DQ__COLOUR_LUMINANCE || colour == DQ__COLOUR_OKLAB ||
                       colour == DQ__COLOUR_DRAWING; /* there the photo has got the drawing's */
    return asked && job->settings.colour_strength > 0;
}

static dq_status make_grey(dq_job *job, dq__error *err) {
    const double strength = job->settings.colour_strength;
    dq_status status = dq__image_copy(&job->photo, job->content, err);
    if (status) return status;
    dq__colour_grey(job->content, strength);
    for (int i = 0; i < job->styles; i++) dq__colour_grey(job->style[i], strength);
    if (job->init) dq__colour_grey(job->init, strength);
    return DQ_OK;
}

/* What --colour does before painting: paintings get the colours of the photo; with luminance all are grey first, and the
 * same gives the paintings the photo's brightness and contrast; with drawing the photo is toned as they are. */
static dq_status prepare_colours(dq_job *job, dq__error *err) {
    const dq__settings *s = &job->settings;
    if (s->colour == DQ__COLOUR_DRAWING && s->colour_strength > 0)
        return dq__tone_as_drawn(job->content, (const dq_image *const *)job->style, job->share, job->styles, s->colour_strength,
                                 err);
    if ((s->colour != DQ__COLOUR_MATCH && s->colour != DQ__COLOUR_LUMINANCE) || s->colour_strength == 0) return DQ_OK;
    dq_status status = s->colour == DQ__COLOUR_LUMINANCE ? make_grey(job, err) : DQ_OK;
    if (status) return status;
    const dq__colours wanted = dq__colours_of(job->content);
    for (int i = 0; i < job->styles; i++) dq__colour_match(job->style[i], &wanted, s->colour_strength);
    return DQ_OK;
}

/* Gives a picture the colours of the paintings, each by its share. */
static void give_palette(const dq_job *job, dq_image *image) {
    dq__colours wanted = {0};
    for (int i = 0; i < job->styles; i++) {
        const dq__colours own = dq__colours_of(job->style[i]);
        for (int a = 0; a < 3; a++) {
            wanted.mean[a] += job->share[i] * own.mean[a];
            for (int b = 0; b < 3; b++) wanted.covariance[a][b] += job->share[i] * own.covariance[a][b];
        }
    }
    dq__colour_match(image, &wanted, job->settings.strength);
}

/* What the result has from the photo: its alpha, and its colours where they are asked for. */
static dq_status take_from_photo(const dq_job *job, dq_image *image, dq__error *err) {
    const dq_image *source = job->photo ? job->photo : job->content;
    const dq__lightness lightness = job->settings.colour == DQ__COLOUR_OKLAB ? DQ__OKLAB : DQ__LUMA;
    dq_image *photo;
    if (!source->alpha && !recolours(job)) return DQ_OK;
    dq_status status = dq__image_resize(&photo, source, image->width, image->height, err);
    if (status) return status;
    if (recolours(job)) dq__colour_take(image, photo, lightness, job->settings.colour_strength);
    image->alpha = photo->alpha, photo->alpha = NULL;
    dq__image_free(&photo);
    return DQ_OK;
}

/* ---- strength ------------------------------------------------------------------------------------------------------ */

/* --strength s from the photo (0) to the whole painting (1). Less is painted, rather than the photo laid over the painting:
 * style and smoothness weigh s⁴ of what they would, let_photo_through gives every scale the share 1 − s of the photo to start
 * from, and Adam's steps, whose length no weight changes, are √s as long. At 0 nothing is left to do. */
static void apply_strength(dq__settings *o) {
    const double s = o->strength;
    o->style_weight *= s * s * s * s;
    o->tv_weight *= s * s * s * s;
    if (s == 0) o->iterations = o->min_size = 0;
}

/* To the start of a scale: at the first one s parts of it and 1 − s of the photo; at the others 1 − s of the detail that the
 * photo has gained since the scale before. */
static dq_status let_photo_through(dq_job *job, const dq_image *content, dq__error *err) {
    const dq__scale *at = dq__job_scale(job);
    const float range = (float)job->settings.pixel_range, s = (float)job->settings.strength;
    const bool first = job->scale == 0;
    dq_image *small = NULL, *coarse = NULL;
    dq_status status = DQ_OK;
    if (s == 1) return DQ_OK;
    if (!first) status = dq__image_resize(&small, job->content, at[-1].w, at[-1].h, err);
    if (!first && !status) status = dq__image_resize(&coarse, small, at->w, at->h, err);
    for (size_t k = 0; !status && k < floats(at); k++) {
        const float photo = first ? content->rgb[k] : content->rgb[k] - coarse->rgb[k];
        const float v = (first ? s : 1) * job->x[k] + (1 - s) * range * photo;
        job->x[k] = v < 0 ? 0 : v > range ? range : v;
        leave(job->x, k);
    }
    dq__image_free(&small);
    dq__image_free(&coarse);
    return status;
}

/* ---- making a job -------------------------------------------------------------------------------------------------- */

/* A copy no larger than the job will ever need: photographs of many megapixels need not stay in memory. */
static dq_status copy_image(dq_image **out, const dq_image *image, int w, int h, dq__error *err) {
    if (image->width <= w && image->height <= h) return dq__image_copy(out, image, err);
    return dq__image_resize(out, image, w, h, err);
}

static dq_status copy_inputs(dq_job *job, const dq_image *content, const dq_image *const *styles, int count,
                             const char *record, dq__error *err) {
    dq__scale last = {0};
    dq__fit((int)job->settings.size, content->width, content->height, &last.w, &last.h);
    dq_status status = copy_image(&job->content, content, last.w, last.h, err);
    for (int i = 0; i < count && !status; i++) {
        int w, h;
        dq__style_size(job, styles[i], &last, &w, &h);
        status = copy_image(&job->style[i], styles[i], w, h, err);
    }
    if (status || !record) return status;
    job->record = dq__strdup(record);
    return job->record ? DQ_OK : dq__no_memory(err, strlen(record), "the record");
}

/* The checkpoint, open for reading and its head believed; *file is NULL where there is none. */
static dq_status open_checkpoint(const dq_job *job, FILE **file, dq__resume_head *head, dq__error *err) {
    struct stat info;
    *file = fopen(job->checkpoint, "rbe");
    if (!*file && errno == ENOENT) return DQ_OK;
    if (!*file || fstat(fileno(*file), &info) != 0) {
        const int why = errno;
        if (*file) fclose(*file);
        *file = NULL;
        return dq__fail(err, DQ_BAD_IMAGE, "%s: the checkpoint cannot be read: %s", job->checkpoint, strerror(why));
    }
    dq_status status = dq__resume_read_head(job, head, *file, (uint64_t)info.st_size, job->checkpoint, err);
    if (status) fclose(*file), *file = NULL;
    return status;
}

/* Where the checkpoint will be, and whether one is there to go on from. */
static dq_status find_checkpoint(dq_job *job, const dq__settings *settings, const dq_model *model, dq__error *err) {
    dq__resume_head head;
    FILE *file;
    job->checkpoint = dq__strdup(settings->checkpoint);
    if (!job->checkpoint) return dq__no_memory(err, strlen(settings->checkpoint), "a name");
    dq__resume_digest(job, settings, model, job->digest);
    dq_status status = open_checkpoint(job, &file, &head, err);
    job->resumes = !status && file;
    if (job->resumes && ((uint64_t)head.limit < job->limit || !job->settings.max_memory)) job->limit = (uint64_t)head.limit;
    if (file) fclose(file);
    return status;
}

/* What plans need of it. */
static void set_up(dq_job *job, dq__pool *pool) {
    job->pool = pool;
    job->setup = (dq__cost_setup){.pool = pool, .table = &job->table, .taps = &job->taps, .settings = &job->settings,
                                  .share = job->share, .styles = job->styles, .roots = job->roots, .maps = &job->maps};
}

dq_status dq__job_outfit(dq_job *job, dq__pool *pool, const dq__weights *weights, dq__error *err) {
    set_up(job, pool);
    dq_status status = dq__packed_new(&job->packed, &job->table, weights, dq__job_last_layer(job), true, err);
    if (!status) status = dq__cost_roots_new(job->roots, &job->taps, &job->table, weights, err);
    job->setup.packed = job->packed;
    return status;
}

dq_status dq__job_join(dq_job *job, dq__ranks *ranks, dq_status so_far, dq__error *err) {
    job->ranks = job->setup.ranks = ranks;
    dq_status status = so_far ? so_far : dq__plan_scale(job, last_scale(job), &job->last_plan, err);
    status = dq__ranks_agree(ranks, status, err);
    if (status) job->ranks = job->setup.ranks = NULL;
    return status;
}

dq_status dq__job_new(dq_job **out, dq__pool *pool, const dq_model *model, const dq_image *content,
                      const dq_image *const *styles, int style_count, const dq__settings *settings, const char *record,
                      dq_log_fn log, void *log_user, dq__error *err) {
    *out = NULL;
    if (style_count < 1 || style_count > DQ__MAX_STYLES)
        return dq__fail(err, DQ_USAGE, "give 1 to %d paintings, not %d", DQ__MAX_STYLES, style_count);
    dq_job *job = dq__alloc_zero(sizeof *job);
    if (!job) return dq__no_memory(err, sizeof *job, "a job");
    job->log = log, job->log_user = log_user;
    job->settings = *settings, job->styles = style_count, job->scale = -1;
    apply_strength(&job->settings);
    choose_table(job, model);
    dq_status status = choose_taps(job, log, log_user, err); /* sizes depend on the layers */
    if (!status) status = copy_inputs(job, content, styles, style_count, record, err);
    if (!status) status = parse_share(job, settings->style_weights, err);
    if (!status) status = choose_init(job, err);
    if (!status) status = dq__maps_new(&job->maps, settings, content, style_count, log, log_user, err);
    if (!status) status = prepare_colours(job, err);
    if (status) goto done;
    set_up(job, pool);
    const int min_side = dq__exec_min_side(&job->table, dq__job_last_layer(job));
    job->pyramid = dq__pyramid_make(&job->settings, content->width, content->height, min_side);
    job->limit = dq__plan_limit(&job->settings);
    status = *settings->checkpoint ? find_checkpoint(job, settings, model, err) : DQ_OK;
    if (!status) status = dq__plan_scale(job, last_scale(job), &job->last_plan, err);
    if (!status) status = dq__job_outfit(job, pool, &model->weights, err);
done:
    if (status) dq__job_free(&job);
    *out = job;
    return status;
}

static void leave_scale(dq_job *job) {
    dq__cost_free(&job->cost);
    if (job->settings.optimizer == DQ__OPTIMIZER_LBFGS) dq__lbfgs_deinit(&job->lbfgs);
    else dq__adam_deinit(&job->adam);
    dq__free(job->gradient);
    dq__free(job->average);
    dq__free(job->good);
    job->gradient = job->average = job->good = NULL;
}

void dq__job_free(dq_job **pointer) {
    dq_job *job = *pointer;
    if (!job) return;
    if (job->checkpoint && job->unsaved) dq__resume_write(job, job->checkpoint, NULL);
    dq__spread_say(job, DQ__ORDER_FREE, NULL);
    leave_scale(job);
    dq__free(job->x);
    dq__packed_free(&job->packed);
    dq__maps_free(&job->maps);
    dq__cost_roots_free(job->roots);
    dq__image_free(&job->content);
    dq__image_free(&job->init);
    dq__image_free(&job->photo);
    for (int i = 0; i < DQ__MAX_STYLES; i++) dq__image_free(&job->style[i]);
    dq__free(job->record);
    dq__free(job->checkpoint);
    dq__free(job);
    *pointer = NULL;
}

void dq__job_plan(const dq_job *job, dq_plan *plan) {
    const dq__scale *last = last_scale(job);
    const dq__scale_plan *p = &job->last_plan;
    const dq__exec_options options = dq__cost_options(&job->setup, last->w, last->h, true);
    int rows, cols, h, w;
    dq__grid_windows(&p->cost.grid, &job->table, &options, &rows, &cols, &h, &w);
    *plan = (dq_plan){.width = last->w, .height = last->h, .scales = job->pyramid.count, .memory = p->memory, .file = p->file,
                      .window_rows = rows, .window_cols = cols, .window_width = w, .window_height = h, .passes = p->passes};
    for (int i = 0; i < job->pyramid.count; i++) {
        const dq__scale *s = &job->pyramid.scale[i];
        plan->iterations += s->iterations;
        plan->flops += 2.0 * (double)s->iterations * dq__exec_flops(&job->table, dq__job_last_layer(job), s->h, s->w);
    }
    const double speed = dq__plan_speed(job), own = dq__exec_flops(&job->table, dq__job_last_layer(job), last->h, last->w);
    plan->seconds = plan->flops / speed;
    plan->seconds += (double)last->iterations * (dq__plan_seconds(job, last, p, speed) - 2 * own / speed);
}

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

/* The picture so far (the running average where there is one) at its own scale, without alpha. */
static dq_status picture(const dq_job *job, dq_image **out, dq__error *err) {
    const dq__scale *s = dq__job_scale(job);
    dq_status status = dq__image_new(out, s->w, s->h, false, err);
    if (status) return status;
    const float *from = job->average ? job->average : job->x;
    const float factor = (float)(1 / ((job->average ? job->average_weight : 1) * job->settings.pixel_range));
    for (size_t k = 0; k < floats(s); k++) {
        const float v = from[k] * factor;
        (*out)->rgb[k] = v < 0 ? 0 : v > 1 ? 1 : v;
        leave(from, k);
    }
    return DQ_OK;
}

static void add_to_average(dq_job *job) {
    if (!job->average) return;
    const double keep = job->settings.average;
    const float a = (float)keep, b = (float)(1 - keep);
    const size_t n = floats(dq__job_scale(job));
    for (size_t first = 0; first < n; first += PIECE) {
        const size_t end = n - first < PIECE ? n : first + PIECE;
        for (size_t k = first; k < end; k++) job->average[k] = a * job->average[k] + b * job->x[k];
        leave(job->average, end - 1);
        leave(job->x, end - 1);
    }
    job->average_weight = keep * job->average_weight + (1 - keep);
}

/* x from an image, in units of pixel_range, with the noise of the first scale. */
static void set_pixels(dq_job *job, const dq_image *from, bool first) {
    const float range = (float)job->settings.pixel_range, noise = (float)job->settings.noise;
    const bool blank = first && job->init_noise;
    const float swing = blank && noise == 0.0f ? 0.5f : noise;
    for (size_t k = 0; k < floats(dq__job_scale(job)); k++) {
        float v = blank ? 0.5f : from->rgb[k];
        if (first) v += swing * (2 * dq__rng_uniform((uint64_t)job->settings.seed, 0, k) - 1);
        job->x[k] = range * (v < 0 ? 0 : v > 1 ? 1 : v);
        leave(job->x, k);
    }
}

static void drop_pixels(dq_image *image) {
    dq__free(image->rgb), dq__free(image->alpha);
    image->rgb = image->alpha = NULL;
}

/* At the last scale, once its targets are made: paintings are not looked at again, nor is the photo, unless the result has
 * something from it. */
static void drop_inputs(dq_job *job) {
    for (int i = 0; i < job->styles; i++) drop_pixels(job->style[i]);
    if (!job->photo && !job->content->alpha && !recolours(job)) drop_pixels(job->content);
}

static dq_status make_targets(dq_job *job, const dq_image *content, dq__error *err) {
    dq_image *style[DQ__MAX_STYLES] = {NULL};
    dq_status status = DQ_OK;
    for (int i = 0; i < job->styles && !status; i++) {
        int w, h;
        dq__style_size(job, job->style[i], dq__job_scale(job), &w, &h);
        status = dq__image_resize(&style[i], job->style[i], w, h, err);
    }
    status = dq__ranks_agree(job->ranks, status, err);
    if (!status) status = dq__cost_new(&job->cost, &job->setup, &job->plan.cost, content, (const dq_image *const *)style, err);
    for (int i = 0; i < job->styles; i++) dq__image_free(&style[i]);
    if (!status && job->scale == job->pyramid.count - 1) drop_inputs(job);
    return status;
}

static dq_status no_room(const dq_job *job, dq__error *err) {
    const double memory = (double)job->plan.memory / 1e6, file = (double)job->plan.file / 1e6;
    if (job->plan.file == 0) return dq__fail(err, DQ_LIMIT, "out of memory (%.0f MB for the painting)", memory);
    return dq__fail(err, DQ_LIMIT, "no room for %.0f MB in the folder for temporary files, %s, or for %.0f MB in memory; TMPDIR "
                    "names another folder", file, dq__temporary_folder(), memory);
}

static dq_status make_state(dq_job *job, dq__error *err) {
    const dq__settings *s = &job->settings;
    const size_t n = floats(dq__job_scale(job));
    const dq__scale_plan *plan = &job->plan;
    dq__free(job->x);
    job->x = plan->pixels(sizeof(float) * n);
    job->gradient = plan->pixels(sizeof(float) * n);
    job->average = s->average > 0 ? plan->state(sizeof(float) * n) : NULL;
    job->average_weight = 0;
    job->good = plan->state(sizeof(float) * n);
    job->good_known = false, job->failures = 0;
    if (!job->x || !job->gradient || !job->good || (s->average > 0 && !job->average)) return no_room(job, err);
    if (job->average && plan->state == dq__alloc) memset(job->average, 0, sizeof(float) * n);
    dq_status status;
    if (s->optimizer == DQ__OPTIMIZER_LBFGS) {
        const double rate = s->learning_rate > 0 ? s->learning_rate : 1;
        status = dq__lbfgs_init_in(&job->lbfgs, plan->state, n, (int)s->history, rate, err);
        job->lbfgs.pool = job->pool;
        job->lbfgs.first = s->first_step * s->pixel_range;
    } else {
        const double rate = s->learning_rate > 0 ? s->learning_rate : 0.02 * s->pixel_range;
        status = dq__adam_init_in(&job->adam, plan->state, n, rate * sqrt(s->strength), s->beta1, s->beta2, s->epsilon, err);
    }
    return status ? no_room(job, err) : DQ_OK;
}

/* Moves on to the next scale: the picture so far, or the first one, becomes its start. */
static dq_status enter_scale(dq_job *job, dq__error *err) {
    dq_image *before = NULL, *content = NULL, *start = NULL;
    const bool first = job->scale < 0;
    dq_status status = first ? DQ_OK : picture(job, &before, err);
    if (status) return status;
    leave_scale(job);
    job->scale++;
    job->iteration = 0;
    const dq__scale *s = dq__job_scale(job);
    const dq_image *source = before ? before : job->init ? job->init : job->content;
    status = dq__plan_scale(job, s, &job->plan, err);
    if (!status) status = dq__image_resize(&start, source, s->w, s->h, err);
    if (!status && first && job->init_palette && job->maps.regions == 0) give_palette(job, start);
    if (!status) status = make_state(job, err);
    if (!status) set_pixels(job, start, first);
    dq__image_free(&before);
    dq__image_free(&start);
    if (!status) status = dq__image_resize(&content, job->content, s->w, s->h, err);
    if (!status) status = let_photo_through(job, content, err);
    status = dq__ranks_agree(job->ranks, status, err);
    if (!status) status = make_targets(job, content, err);
    dq__image_free(&content);
    if (!status) add_to_average(job);
    return status;
}

/* The head of the checkpoint, which only the leader of ranks has, to all. */
static dq_status find_head(const dq_job *job, FILE **file, dq__resume_head *head, dq__error *err) {
    const bool leads = dq__ranks_own(job->ranks) == 0;
    dq_status status = leads ? open_checkpoint(job, file, head, err) : DQ_OK;
    if (leads && !status && !*file) status = dq__fail(err, DQ_BAD_IMAGE, "%s: the checkpoint is gone", job->checkpoint);
    status = dq__ranks_agree(job->ranks, status, err);
    return status ? status : dq__ranks_share(job->ranks, 0, head, sizeof *head, err);
}

/* Stands where the checkpoint says. */
static dq_status go_on(dq_job *job, dq__error *err) {
    dq__resume_head head = {0};
    dq_image *content = NULL;
    FILE *file = NULL;
    dq_status status = find_head(job, &file, &head, err);
    if (status) goto done;
    job->scale = (int)head.scale;
    const dq__scale *s = dq__job_scale(job);
    status = dq__plan_scale(job, s, &job->plan, err);
    if (!status) status = dq__image_resize(&content, job->content, s->w, s->h, err);
    if (!status) status = make_state(job, err);
    status = dq__ranks_agree(job->ranks, status, err);
    if (!status) status = make_targets(job, content, err);
    if (!status && file) status = dq__resume_read_state(job, &head, file, job->checkpoint, err);
    status = dq__ranks_agree(job->ranks, status, err);
    if (!status) status = dq__resume_share(job, &head, err);
    job->resumes = false;
done:
    dq__image_free(&content);
    if (file) fclose(file);
    return status;
}

/* ---- stepping ------------------------------------------------------------------------------------------------------ */

static bool at_end(const dq_job *job) {
    return job->scale == job->pyramid.count - 1 && job->iteration >= dq__job_scale(job)->iterations;
}

static void move(dq_job *job) {
    const dq__box box = {job->settings.clamp, 0, (float)job->settings.pixel_range};
    if (job->settings.optimizer == DQ__OPTIMIZER_LBFGS) dq__lbfgs_step(&job->lbfgs, job->x, job->gradient, box);
    else dq__adam_step(&job->adam, job->x, job->gradient, box);
}

/* ---- numbers that are none ----------------------------------------------------------------------------------------- */

/* After this many evaluations in a row that were not finite a job gives up; each time steps become a tenth as long. */
enum { MAX_FAILURES = 12 };

static void copy_pixels(float *to, const float *from, size_t n) {
    for (size_t k = 0; k < n; k++) to[k] = from[k], leave(to, k), leave(from, k);
}

static bool all_finite(const float *x, size_t n) {
    bool finite = true;
    for (size_t k = 0; k < n; k++) finite &= isfinite(x[k]) != 0, leave(x, k);
    return finite;
}

static void tell(const dq_job *job) {
    char notice[160];
    if (!job->log) return;
    snprintf(notice, sizeof notice,
             "the cost was no longer finite at iteration %lld of scale %d: back a step, with a tenth of the learning-rate",
             (long long)job->iteration + 1, job->scale + 1);
    job->log(job->log_user, notice);
}

/* Back to the last picture that had a cost, with an optimiser that remembers nothing and makes shorter steps. */
static dq_status recover(dq_job *job, dq__error *err) {
    const size_t n = floats(dq__job_scale(job));
    if (!job->good_known || ++job->failures > MAX_FAILURES)
        return dq__fail(err, DQ_FAILED,
                        "the cost is no longer finite at iteration %lld of scale %d; try a smaller learning-rate or weights",
                        (long long)job->iteration + 1, job->scale + 1);
    tell(job);
    copy_pixels(job->x, job->good, n);
    if (job->average) memset(job->average, 0, sizeof(float) * n);
    job->average_weight = 0;
    add_to_average(job);
    if (job->settings.optimizer == DQ__OPTIMIZER_LBFGS) {
        job->lbfgs.rate /= 10;
        job->lbfgs.pairs = 0, job->lbfgs.step = 0;
    } else {
        job->adam.rate /= 10;
        job->adam.step = 0;
        memset(job->adam.m, 0, sizeof(float) * n);
        memset(job->adam.v, 0, sizeof(float) * n);
    }
    return DQ_OK;
}

/* L-BFGS makes its steps without looking; one that makes the cost half as high again has left the region that its curvature
 * was measured in. */
static bool went_too_far(const dq_job *job, const dq__cost_value *before) {
    return job->settings.optimizer == DQ__OPTIMIZER_LBFGS && job->lbfgs.step > 0 && job->value.total > 1.5 * before->total &&
           job->failures < MAX_FAILURES;
}

/* A quarter of the step is left; the running average has not seen it. */
static void take_back(dq_job *job, const dq__cost_value *before) {
    const double keep = job->settings.average;
    const size_t n = floats(dq__job_scale(job));
    if (job->average) {
        const float a = (float)(1 / keep), b = (float)((1 - keep) / keep);
        for (size_t k = 0; k < n; k++) job->average[k] = a * job->average[k] - b * job->x[k];
        job->average_weight = (job->average_weight - (1 - keep)) / keep;
    }
    dq__lbfgs_shorten(&job->lbfgs, job->x, 0.25);
    job->value = *before;
    job->failures++;
    add_to_average(job);
}

/* One evaluation and one step of the optimiser; *finite: are the cost and the pixels still? (Pixels are looked at too because a
 * ReLU swallows what is no number.) It fails where ranks are lost: then all is as it was before. */
static dq_status advance(dq_job *job, bool *finite, dq__error *err) {
    const size_t n = floats(dq__job_scale(job));
    const dq__cost_value before = job->value, value = dq__cost_evaluate(job->cost, job->x, job->gradient);
    const dq_status status = dq__ranks_check(job->ranks, err);
    *finite = false;
    if (status) return status;
    job->value = value;
    if (!isfinite(job->value.total)) return DQ_OK;
    *finite = true;
    if (went_too_far(job, &before)) {
        take_back(job, &before);
        return DQ_OK;
    }
    copy_pixels(job->good, job->x, n);
    job->good_known = true;
    move(job);
    *finite = all_finite(job->x, n);
    if (!*finite) return DQ_OK;
    job->failures = 0;
    add_to_average(job);
    return DQ_OK;
}

/* ---- a step -------------------------------------------------------------------------------------------------------- */

/* Before the first step: the clock, and the checkpoint where there is one. */
static dq_status start(dq_job *job, dq__error *err) {
    if (job->started > 0) return DQ_OK;
    job->started = job->saved = dq__seconds();
    return job->resumes ? go_on(job, err) : DQ_OK;
}

dq_status dq__job_begin(dq_job *job, dq__error *err) {
    const dq_status status = start(job, err);
    return !status && job->scale < 0 ? enter_scale(job, err) : status;
}

/* Writes the checkpoint when it is time: at the end, and every so many steps, or else once a minute, but never so often that
 * writing takes more than a twentieth of the time. */
static dq_status keep(dq_job *job, dq__error *err) {
    const int64_t every = job->settings.checkpoint_every;
    if (!job->checkpoint) return DQ_OK;
    job->unsaved = true;
    const double pause = job->saving > 3 ? 20 * job->saving : 60;
    const bool due = every > 0 ? job->iteration % every == 0 : dq__seconds() - job->saved > pause;
    return due || at_end(job) ? dq__resume_write(job, job->checkpoint, err) : DQ_OK;
}

dq_status dq__job_step(dq_job *job, int *more, dq__error *err) {
    *more = 0;
    if (at_end(job)) return DQ_OK;
    dq_status status = dq__spread_say(job, DQ__ORDER_STEP, err);
    if (!status) status = start(job, err);
    if (status || at_end(job)) return status;
    while (job->scale < 0 || (job->iteration >= dq__job_scale(job)->iterations && !at_end(job))) {
        status = enter_scale(job, err);
        if (status) return job->unsaved = false, status; /* what was there is gone */
    }
    if (!at_end(job)) {
        bool finite;
        status = advance(job, &finite, err);
        if (status) return status;
        if (!finite) status = recover(job, err);
        if (status) return job->unsaved = false, status; /* there is nothing to go on from */
        job->iteration++;
        job->work_done += (double)dq__job_scale(job)->w * dq__job_scale(job)->h;
        status = keep(job, err);
    }
    if (at_end(job)) dq__cost_free(&job->cost); /* room for the pictures that come out of the job */
    *more = !at_end(job);
    return status;
}

void dq__job_progress(const dq_job *job, dq_progress *p) {
    const dq__scale *s = dq__job_scale(job);
    double work = 0;
    for (int i = 0; i < job->pyramid.count; i++)
        work += (double)job->pyramid.scale[i].iterations * job->pyramid.scale[i].w * job->pyramid.scale[i].h;
    *p = (dq_progress){.iteration = (int)job->iteration, .iterations = (int)s->iterations, .scale = job->scale + 1,
                       .scales = job->pyramid.count, .width = s->w, .height = s->h, .cost = job->value.total,
                       .content_cost = job->value.content, .style_cost = job->value.style, .tv_cost = job->value.tv};
    p->seconds = job->started > 0 ? dq__seconds() - job->started : 0;
    p->done = work > 0 ? job->work_done / work : at_end(job);
    p->seconds_left = p->done > 0 ? p->seconds * (1 - p->done) / p->done : -1;
}

/* The picture so far at the final size, with what it has from the photo and the record of the job. */
dq_status dq__job_image(dq_job *job, dq_image **out, dq__error *err) {
    dq_image *small = NULL, *image = NULL;
    const dq__scale *last = &job->pyramid.scale[job->pyramid.count - 1];
    *out = NULL;
    dq_status status = job->scale < 0 ? dq__spread_say(job, DQ__ORDER_BEGIN, err) : DQ_OK;
    if (!status) status = dq__job_begin(job, err);
    if (!status) status = picture(job, &small, err);
    if (!status) status = dq__image_resize(&image, small, last->w, last->h, err);
    if (!status) status = take_from_photo(job, image, err);
    if (!status) status = dq__image_set_record(image, job->record, err);
    dq__image_free(&small);
    if (status) dq__image_free(&image);
    *out = image;
    return status;
}

void dq__job_set_context(dq_job *job, dq_context *context) { job->context = context; }
dq_context *dq__job_context(const dq_job *job) { return job->context; }
