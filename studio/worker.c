/* SPDX-License-Identifier: MIT
 * studio/worker.c: the child that paints: claims a job, paints it with danqing.h, tells the store how far it is, leaves the
 * pictures there. Descriptor 3 is its lifeline: a byte wakes it, its end means that the parent is gone, and then it goes too.
 *     __paint DATA NAME THREADS MEMORY      the store's location is in $DANQING_STUDIO_STORE */
#include "options.h"
#include "shrink.h"
#include "studio.h"
#include "work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LIFELINE = 3, LEASE = 15000, PREVIEW = 900 };

double work_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the lifeline ------------------------------------------------------------------------------------------------ */

/* Waits up to `milliseconds` for a byte and takes it, if another worker was not quicker; false when the parent is gone. */
static bool parent_lives(int milliseconds) {
    char byte;
    struct pollfd wait = {.fd = LIFELINE, .events = POLLIN};
    if (poll(&wait, 1, milliseconds) <= 0) return true;
    if (wait.revents & (POLLHUP | POLLERR | POLLNVAL)) return false;
    return milliseconds == 0 || read(LIFELINE, &byte, 1) != 0;
}

bool work_goes_on(void) { return parent_lives(0); }

/* Renews the lease while a step takes long, through a connection of its own. */
static void *keep_lease(void *user) {
    painter *p = user;
    char reason[240], id[STORE_ID];
    store *s = store_open(p->location, false, reason);
    for (;; usleep(LEASE / 4 * 1000)) {
        pthread_mutex_lock(&p->lock);
        memcpy(id, p->current, sizeof id);
        pthread_mutex_unlock(&p->lock);
        if (!s) s = store_open(p->location, false, reason);
        if (s && *id && store_keep(s, id, p->name, LEASE)) store_mend(s);
    }
    return NULL;
}

static void set_current(painter *p, const char *id) {
    pthread_mutex_lock(&p->lock);
    snprintf(p->current, sizeof p->current, "%s", id);
    pthread_mutex_unlock(&p->lock);
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

int work_cannot(work *w, const char *why) {
    snprintf(w->why, sizeof w->why, "%s", why);
    return -1;
}

int work_failed(work *w, dq_status status) {
    return status ? work_cannot(w, *dq_last_error(w->ctx) ? dq_last_error(w->ctx) : dq_status_name(status)) : 0;
}

/* The bytes of a picture, as intake left them; `ending` is their format. */
static int fetch(work *w, const char *id, void **bytes, size_t *size, char ending[8]) {
    store *s = w->p->s;
    json_t *picture = store_picture(s, id);
    if (!picture) return work_cannot(w, *store_reason(s) ? store_reason(s) : "a picture of this job has been deleted");
    snprintf(ending, 8, "%s", json_string_value(json_object_get(picture, "format")));
    json_decref(picture);
    const int code = store_get(s, id, ending, bytes, size);
    return code ? work_cannot(w, code < 0 ? store_reason(s) : "a picture of this job is missing") : 0;
}

static int read_picture(work *w, dq_image **out, const char *id) {
    void *bytes;
    size_t size;
    char ending[8];
    if (fetch(w, id, &bytes, &size, ending)) return -1;
    const dq_status status = dq_image_read_memory(w->ctx, out, bytes, size, "a picture");
    free(bytes);
    return work_failed(w, status);
}

int work_picture_file(work *w, const char *id, char path[4200]) {
    void *bytes;
    size_t size;
    char ending[8];
    if (fetch(w, id, &bytes, &size, ending)) return -1;
    snprintf(path, 4200, "%s/%s.%s", w->folder, id, ending);
    FILE *file = fopen(path, "wbe");
    const bool whole = file && fwrite(bytes, 1, size, file) == size;
    free(bytes);
    return (file && fclose(file)) || !whole ? work_cannot(w, "cannot write into the studio's folder") : 0;
}

/* Sets an option to the files of the pictures that its value lists. */
static int set_files(work *w, const char *name, const char *list) {
    char id[STORE_ID], path[4200], *text = NULL;
    size_t size = 0;
    int code = 0, count = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return work_cannot(w, "no memory");
    while (!code && option_next_id(&list, id)) {
        code = work_picture_file(w, id, path);
        if (!code) fprintf(to, "%s%s", count++ ? "," : "", path);
    }
    fclose(to);
    if (!code) code = work_failed(w, dq_options_set(w->options, name, text));
    free(text);
    return code;
}

static int set_option(work *w, const char *name, const char *value) {
    const dq_option_info *info = option_named(name);
    const option_use use = info ? option_use_of(info) : OPTION_NEVER;
    if (use == OPTION_NEVER) return work_cannot(w, "the job has an option that this worker does not know");
    if (option_is_picture(use, value)) return set_files(w, name, value);
    return work_failed(w, dq_options_set(w->options, name, value));
}

int work_folder(work *w) {
    snprintf(w->folder, sizeof w->folder, "%.3900s/work", w->p->data);
    mkdir(w->folder, 0700);
    snprintf(w->folder, sizeof w->folder, "%.3900s/work/%s", w->p->data, w->id);
    return mkdir(w->folder, 0700) && errno != EEXIST ? work_cannot(w, "cannot write into the studio's folder") : 0;
}

static int set_options(work *w) {
    const char *name;
    char path[4200];
    json_t *value;
    if (work_failed(w, dq_options_new(w->ctx, &w->options)) || work_folder(w)) return -1;
    snprintf(path, sizeof path, "%s/checkpoint", w->folder);
    if (work_failed(w, dq_options_set(w->options, "checkpoint", path))) return -1;
    json_object_foreach(json_object_get(w->row, "options"), name, value) {
        if (set_option(w, name, json_string_value(value))) return -1;
    }
    return 0;
}

static int read_pictures(work *w) {
    size_t i;
    json_t *style;
    if (read_picture(w, &w->content, json_string_value(json_object_get(w->row, "photo")))) return -1;
    json_array_foreach(json_object_get(w->row, "styles"), i, style) {
        if (i >= WORK_STYLES || read_picture(w, &w->styles[i], json_string_value(style))) return -1;
        w->style_count++;
    }
    return 0;
}

static void free_inputs(work *w) {
    for (int i = 0; i < WORK_STYLES; i++) dq_image_free(&w->styles[i]);
    dq_image_free(&w->content);
    dq_model_free(&w->model);
}

/* The job, from its checkpoint where there is one; one that cannot be gone on from is thrown away. */
static dq_status make_job(work *w) {
    const dq_image *const *styles = (const dq_image *const *)w->styles;
    dq_status status = dq_job_new(w->ctx, &w->job, w->model, w->content, styles, w->style_count, w->options);
    if (!status || unlink(dq_options_get(w->options, "checkpoint"))) return status;
    return dq_job_new(w->ctx, &w->job, w->model, w->content, styles, w->style_count, w->options);
}

/* The curve of what a checkpoint has behind it. */
static void load_curve(work *w) {
    size_t i;
    json_t *point;
    if (access(dq_options_get(w->options, "checkpoint"), F_OK)) return;
    json_array_foreach(json_object_get(w->row, "curve"), i, point) {
        if (w->points == WORK_CURVE) break;
        w->curve[w->points].step = w->steps = (int)json_integer_value(json_array_get(point, 0));
        w->curve[w->points].cost = json_number_value(json_array_get(point, 1));
        w->curve[w->points++].scale = (int)json_integer_value(json_array_get(point, 2));
    }
    if (w->points > 1) w->every = w->curve[1].step - w->curve[0].step;
    w->preview = (int)json_integer_value(json_object_get(w->row, "preview"));
}

static int prepare(work *w) {
    char memory[32];
    w->every = 1;
    if (dq_context_new(&w->ctx, w->p->threads)) return work_cannot(w, "the library does not start");
    if (read_pictures(w) || set_options(w)) return -1;
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)w->p->memory);
    dq_status status = dq_options_set(w->options, "max-memory", memory);
    if (!status) status = dq_model_open(w->ctx, &w->model, dq_options_get(w->options, "model"));
    if (!status) load_curve(w);
    if (!status) status = make_job(w);
    if (!status) status = dq_job_plan(w->job, &w->plan);
    return work_failed(w, status);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* When the curve is full every second point goes. */
void work_point(work *w, const dq_progress *g) {
    if (w->steps++ % w->every) return;
    if (w->points == WORK_CURVE) {
        for (int i = 0; i < WORK_CURVE / 2; i++) w->curve[i] = w->curve[2 * i];
        w->points = WORK_CURVE / 2, w->every *= 2;
    }
    w->curve[w->points].step = w->steps, w->curve[w->points].scale = g->scale, w->curve[w->points++].cost = g->cost;
}

static char *curve_text(const work *w) {
    json_t *array = json_array();
    for (int i = 0; i < w->points; i++)
        json_array_append_new(array, json_pack("[i, f, i]", w->curve[i].step, w->curve[i].cost, w->curve[i].scale));
    char *text = json_dumps(array, JSON_COMPACT | JSON_REAL_PRECISION(5));
    json_decref(array);
    return text;
}

/* A store that does not answer is asked again next time, for a lease at most. */
store_wish work_beat(work *w, const dq_progress *g) {
    char *curve = curve_text(w);
    const store_progress progress = {
        .scale = g->scale, .scales = g->scales, .iteration = g->iteration, .iterations = g->iterations, .width = g->width,
        .height = g->height, .preview = w->preview, .cost = g->cost, .content_cost = g->content_cost,
        .style_cost = g->style_cost, .done = g->done, .seconds = g->seconds, .seconds_left = g->seconds_left,
        .memory = (int64_t)w->plan.memory, .curve = curve ? curve : "[]"};
    const int wish = store_beat(w->p->s, w->id, w->p->name, LEASE, &progress);
    free(curve);
    w->next_beat = work_now() + 0.1;
    if (wish >= 0) return (store_wish)wish;
    store_mend(w->p->s);
    return STORE_GO_ON;
}

static int put_small(work *w, const dq_image *image, const char *part, int most, const char *options) {
    void *bytes = NULL;
    size_t size;
    int code = work_failed(w, shrink_to_jpeg(w->ctx, image, most, options, &bytes, &size));
    if (!code && store_put(w->p->s, w->id, part, bytes, size)) code = work_cannot(w, store_reason(w->p->s));
    dq_bytes_free(&bytes);
    return code;
}

/* The picture so far, for the page. It may take at most a twentieth of the time; a failure costs only the preview. */
static void put_preview(work *w) {
    dq_image *image = NULL;
    const double begin = work_now();
    if (!dq_job_image(w->job, &image) && !put_small(w, image, "preview", PREVIEW, "quality=85")) w->preview++;
    dq_image_free(&image);
    const double took = work_now() - begin;
    w->next_preview = work_now() + (took > 0.02 ? 20 * took : 0.4);
}

/* ---- painting ---------------------------------------------------------------------------------------------------- */

static store_wish tell(work *w, bool last) {
    dq_progress g;
    dq_job_progress(w->job, &g);
    if (g.iteration > 0) work_point(w, &g);
    const bool show = !last && (work_now() >= w->next_preview || (g.scale != w->scale && w->scale));
    w->scale = g.scale;
    if (show) put_preview(w);
    return show || last || work_now() >= w->next_beat ? work_beat(w, &g) : STORE_GO_ON;
}

/* Steps until the job is done or something else is wished. */
static int step_all(work *w) {
    int more = 1;
    w->next_preview = work_now() + 0.15;
    while (more && w->wish == STORE_GO_ON) {
        if (!parent_lives(0)) {
            w->wish = STORE_PAUSE; /* the store is told differently: see leave() */
            break;
        }
        if (work_failed(w, dq_job_step(w->job, &more))) return -1;
        w->wish = tell(w, !more);
    }
    return 0;
}

static int put_result(work *w) {
    dq_image *image = NULL;
    void *bytes = NULL;
    size_t size;
    int code = w->drawing ? 0 : work_failed(w, dq_job_image(w->job, &image));
    const dq_image *made = w->drawing ? w->drawing : image;
    if (!code) code = put_small(w, made, "thumb", 360, "quality=84");
    if (!code) code = put_small(w, made, "view", 1600, "quality=92");
    if (!code) code = work_failed(w, dq_image_encode(w->ctx, made, "png", NULL, &bytes, &size));
    if (!code && store_put(w->p->s, w->id, "result", bytes, size)) code = work_cannot(w, store_reason(w->p->s));
    dq_bytes_free(&bytes);
    dq_image_free(&image);
    return code;
}

/* Puts the result away, again and again while the store does not answer: half an hour's work is worth some patience. */
static int put_result_patiently(work *w) {
    int code = put_result(w);
    for (int i = 0; code && *store_reason(w->p->s) && i < 60 && parent_lives(0); i++) {
        sleep(1);
        if (!store_mend(w->p->s)) code = put_result(w);
    }
    return code;
}

static void end_job(work *w, const char *state, bool early) {
    store *s = w->p->s;
    int code = store_end(s, w->id, w->p->name, state, w->why, early);
    for (int i = 0; code < 0 && i < 60; i++) {
        sleep(1);
        if (!store_mend(s)) code = store_end(s, w->id, w->p->name, state, w->why, early);
    }
    store_drop(s, w->id, "preview");
}

/* The store failed, not the job: somebody paints it when the store is back. If it cannot be told now, the lease runs out. */
static void give_back(work *w) {
    if (store_mend(w->p->s) || store_release(w->p->s, w->id, w->p->name, 1000)) sleep(1);
}

static void leave(work *w) {
    const store_wish wish = w->wish;
    w->keep = !parent_lives(0) || wish == STORE_PAUSE || wish == STORE_LOST;
    if (w->keep) dq_job_free(&w->job); /* writes the checkpoint, before somebody else can go on from it */
    if (!parent_lives(0)) store_release(w->p->s, w->id, w->p->name, 0);
    else if (wish == STORE_CANCEL) end_job(w, "cancelled", false);
    else if (wish == STORE_PAUSE) store_end(w->p->s, w->id, w->p->name, "paused", "", false);
    else if (wish != STORE_LOST) {
        const int code = put_result_patiently(w);
        if (code && *store_reason(w->p->s)) give_back(w);
        else end_job(w, code ? "failed" : "finished", wish == STORE_FINISH);
    }
}

/* True if the memory of the jobs that run here allows this one too. */
static bool fits(const work *w) {
    const int64_t others = store_memory(w->p->s, w->id, w->p->host);
    return others <= 0 || (uint64_t)others + w->plan.memory <= w->p->memory;
}

/* A folder of files without folders in it. */
static void clear_folder(const char *path) {
    struct dirent *entry;
    DIR *folder = opendir(path);
    if (!folder) return;
    while ((entry = readdir(folder))) unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}

static void paint(painter *p, const json_t *row) {
    work w = {.p = p, .row = row, .id = json_string_value(json_object_get(row, "id")), .began = work_now()};
    const bool sketch = draw_is_meant(&w);
    set_current(p, w.id);
    int code = sketch ? draw_prepare(&w) : prepare(&w);
    if (!code && !fits(&w)) {
        store_release(p->s, w.id, p->name, 1500);
        w.keep = true;
        goto done;
    }
    free_inputs(&w); /* the job keeps copies, no larger than it needs */
    if (!code) code = sketch ? draw_run(&w) : step_all(&w);
    if (code && *store_reason(p->s)) give_back(&w);
    else if (code) end_job(&w, "failed", false);
    else leave(&w);
done:
    set_current(p, "");
    dq_job_free(&w.job);
    dq_image_free(&w.drawing);
    free_inputs(&w);
    dq_options_free(&w.options);
    dq_context_free(&w.ctx);
    if (!w.keep && *w.folder) clear_folder(w.folder);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void work_on(painter *p) {
    while (parent_lives(0)) {
        json_t *row = store_claim(p->s, p->name, LEASE);
        if (row) {
            paint(p, row);
            json_decref(row);
        } else {
            if (*store_reason(p->s)) store_mend(p->s);
            if (!parent_lives(1000)) return;
        }
    }
}

int studio_paint(int argc, const char *const *argv) {
    painter p = {.location = getenv("DANQING_STUDIO_STORE"), .lock = PTHREAD_MUTEX_INITIALIZER};
    char reason[240];
    pthread_t keeper;
    if (argc != 4 || !p.location) return DQ_USAGE;
    p.data = argv[0], p.name = argv[1], p.threads = (int)strtol(argv[2], NULL, 10), p.memory = strtoull(argv[3], NULL, 10);
    snprintf(p.host, sizeof p.host, "%.*s", (int)strcspn(p.name, "."), p.name);
    signal(SIGINT, SIG_IGN); /* a Ctrl-C is for the parent, who ends this child in order */
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (setpriority(PRIO_PROCESS, 0, 5)) return DQ_FAILED; /* the page answers first */
    fcntl(LIFELINE, F_SETFD, FD_CLOEXEC);
    p.s = store_open(p.location, false, reason);
    if (!p.s || pthread_create(&keeper, NULL, keep_lease, &p)) return DQ_FAILED;
    pthread_detach(keeper);
    work_on(&p);
    store_close(p.s);
    return DQ_OK;
}
