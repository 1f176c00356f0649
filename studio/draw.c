/* SPDX-License-Identifier: MIT
 * studio/draw.c: jobs that are sketches: the folder's pairs are laid out as files for the library, named by ids; a student is
 * trained on them first; then the tool "sketch" draws. What was learnt stays beside the files for the next sketch. */
#include "sketch.h"
#include "work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTINGS = 10, TEXT = 4300 };

/* What is known of the folder while a sketch is made; path is "" for lines. */
typedef struct pairs {
    json_t *rows;
    char path[4200], student[4300];
    int lock;
} pairs;

static const json_t *sketch_of(const work *w) { return json_object_get(w->row, "sketch"); }

bool draw_is_meant(const work *w) { return json_is_object(sketch_of(w)); }

/* ---- the folder of pairs ----------------------------------------------------------------------------------------- */

static bool is_listed(const json_t *rows, const char *file) {
    size_t i;
    json_t *row;
    json_array_foreach((json_t *)(uintptr_t)rows, i, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        const size_t n = strlen(id);
        if (strncmp(id, file, n) == 0 && strcmp(file + n, ".png") == 0) return true;
    }
    return false;
}

/* Deletes what is no pair of the folder (any more). */
static void drop_others(const char *path, const json_t *rows) {
    struct dirent *entry;
    DIR *folder = opendir(path);
    while (folder && (entry = readdir(folder)))
        if (!is_listed(rows, entry->d_name)) unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
}

/* One file of a pair, written under another name and renamed. */
static int lay_out(work *w, const char *folder, const char *id, const char *part) {
    char path[4400], half[4410];
    void *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s.png", folder, id);
    if (access(path, F_OK) == 0) return 0;
    const int code = store_get(w->p->s, id, part, &bytes, &size);
    if (code) return work_cannot(w, code < 0 ? store_reason(w->p->s) : "a pair of this folder is missing");
    snprintf(half, sizeof half, "%s.half", path);
    FILE *file = fopen(half, "wbe");
    bool whole = file && fwrite(bytes, 1, size, file) == size;
    free(bytes);
    if (file) whole = fclose(file) == 0 && whole;
    return whole && rename(half, path) == 0 ? 0 : work_cannot(w, "cannot write into the studio's folder");
}

static int lay_out_all(work *w, const pairs *p, const char *name, const char *part) {
    char folder[4300];
    size_t i;
    json_t *row;
    snprintf(folder, sizeof folder, "%s/%s", p->path, name);
    if (mkdir(folder, 0700) && errno != EEXIST) return work_cannot(w, "cannot write into the studio's folder");
    drop_others(folder, p->rows);
    json_array_foreach(p->rows, i, row) {
        if (lay_out(w, folder, json_string_value(json_object_get(row, "id")), part)) return -1;
    }
    return 0;
}

/* One sketch at a time from a folder, because training writes beside it. The lock ends with the process. */
static int lock_folder(work *w, pairs *p) {
    char path[4300];
    snprintf(path, sizeof path, "%.3900s/pairs", w->p->data);
    mkdir(path, 0700);
    snprintf(p->path, sizeof p->path, "%.3900s/pairs/%s", w->p->data, sketch_value(sketch_of(w), "folder"));
    mkdir(p->path, 0700);
    snprintf(path, sizeof path, "%s/lock", p->path);
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (p->lock >= 0 && flock(p->lock, LOCK_EX | LOCK_NB)) {
        const dq_progress nothing = {0};
        w->wish = work_goes_on() ? work_beat(w, &nothing) : STORE_PAUSE;
        if (w->wish != STORE_GO_ON) return 0;
        usleep(500000);
    }
    return p->lock < 0 ? work_cannot(w, "cannot write into the studio's folder") : 0;
}

/* A student is of these pairs, this direction and so many steps: the name of its file says so. */
static void name_student(const work *w, pairs *p) {
    uint64_t hash = 14695981039346656037u;
    char *text = json_dumps(p->rows, JSON_COMPACT | JSON_SORT_KEYS);
    const char *said[] = {text ? text : "", sketch_value(sketch_of(w), "direction"), sketch_value(sketch_of(w), "steps")};
    for (int i = 0; i < 3; i++)
        for (const char *c = said[i];; c++) {
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
            if (!*c) break;
        }
    free(text);
    snprintf(p->student, sizeof p->student, "%s/student-%016llx.safetensors", p->path, (unsigned long long)hash);
}

static int fetch_pairs(work *w, pairs *p) {
    const char *folder = sketch_value(sketch_of(w), "folder");
    if (!*folder) return 0;
    p->rows = store_pairs(w->p->s, folder);
    if (!p->rows) return work_cannot(w, store_reason(w->p->s));
    if (!json_array_size(p->rows)) return work_cannot(w, "the folder of pairs of this sketch is empty or has been deleted");
    if (lock_folder(w, p) || w->wish != STORE_GO_ON) return w->wish != STORE_GO_ON ? 0 : -1;
    if (lay_out_all(w, p, "photos", "photo") || lay_out_all(w, p, "sketches", "sketch")) return -1;
    name_student(w, p);
    return 0;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* The library's messages name files; people know pairs by other names. */
static int said(work *w, const pairs *p, dq_status status) {
    char text[600], *at;
    size_t i;
    json_t *row;
    if (!status || (status == DQ_CANCELLED && w->wish != STORE_GO_ON)) return 0;
    snprintf(text, sizeof text, "%s", *dq_last_error(w->ctx) ? dq_last_error(w->ctx) : dq_status_name(status));
    json_array_foreach(p->rows, i, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (!strstr(text, id) || !(at = strstr(text, ": "))) continue;
        char with[600];
        snprintf(with, sizeof with, "the pair \"%.100s\"%s", json_string_value(json_object_get(row, "name")), at);
        return work_cannot(w, with);
    }
    at = strncmp(text, w->folder, strlen(w->folder)) == 0 ? strstr(text, ": ") : NULL;
    return work_cannot(w, at ? at + 2 : text);
}

static int go_on(work *w, const dq_progress *g) {
    if (!work_goes_on()) w->wish = STORE_PAUSE;
    else if (g->done >= 1 || work_now() >= w->next_beat) w->wish = work_beat(w, g);
    return w->wish != STORE_GO_ON;
}

static int on_drawing(void *user, const dq_progress *progress) { return go_on(user, progress); }

static int on_training(void *user, const dq_train_progress *t) {
    work *w = user;
    const double part = 0.95 * (double)t->step / (double)(t->steps > 0 ? t->steps : 1);
    const dq_progress g = {.scale = 1, .scales = 1, .iteration = (int)t->step, .iterations = (int)t->steps, .cost = t->loss,
                           .done = part, .seconds = t->seconds, .seconds_left = t->seconds_left > 0 ? t->seconds_left : 0};
    if (t->event == DQ_TRAIN_STEP) work_point(w, &g);
    return go_on(w, &g);
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static dq_status train(work *w, const pairs *p) {
    char from[TEXT], steps[32], direction[64], checkpoint[4310];
    const char *settings[] = {from, "method=kt-light", steps, direction};
    const char *asked = sketch_value(sketch_of(w), "steps"), *way = sketch_value(sketch_of(w), "direction");
    snprintf(from, sizeof from, "pairs=%s", p->path);
    snprintf(steps, sizeof steps, "steps=%s", *asked ? asked : "1072");
    snprintf(direction, sizeof direction, "direction=%s", *way ? way : "photo-to-sketch");
    snprintf(checkpoint, sizeof checkpoint, "%.*s.checkpoint", (int)(strlen(p->student) - strlen(".safetensors")), p->student);
    const dq_training training = {.kind = "sketch", .settings = settings, .setting_count = 4, .output = p->student,
                                  .resume = access(checkpoint, F_OK) == 0};
    if (access(p->student, F_OK) == 0 && !training.resume) return DQ_OK;
    const dq_status status = dq_train(w->ctx, &training, on_training, w);
    if (!status) unlink(checkpoint); /* while it is there the student is not done */
    return status;
}

/* Adds "name=value" to the list of settings. */
static void set(char texts[SETTINGS][TEXT], const char *list[SETTINGS], int *count, const char *name, const char *value) {
    if (!*value) return;
    snprintf(texts[*count], TEXT, "%s=%s", name, value);
    list[*count] = texts[*count];
    ++*count;
}

static dq_status draw(work *w, const pairs *p, const char *photo, const char *output) {
    static const char *const names[] = {"method", "direction", "eyes", "frame", "fast", "neighbours"};
    char(*texts)[TEXT] = calloc(SETTINGS, TEXT);
    const char *list[SETTINGS], *inputs[] = {photo};
    int count = 0;
    if (!texts) return DQ_LIMIT;
    const bool learns = sketch_from_pairs(sketch_of(w)), trained = *p->path && !learns;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) /* a student was trained in its direction */
        if (!trained || strcmp(names[i], "direction") != 0)
            set(texts, list, &count, names[i], sketch_value(sketch_of(w), names[i]));
    if (learns) set(texts, list, &count, "pairs", p->path);
    else if (trained) set(texts, list, &count, "student", p->student);
    const dq_tool tool = {.name = "sketch", .inputs = inputs, .input_count = 1, .settings = list, .setting_count = count,
                          .output = output};
    const dq_status status = dq_tool_run(w->ctx, &tool, on_drawing, w, NULL);
    free(texts);
    return status;
}

/* The drawing as a picture, and a last heartbeat that says how large it is. */
static int take_drawing(work *w, const char *output) {
    if (work_failed(w, dq_image_read(w->ctx, &w->drawing, output))) return -1;
    const dq_progress g = {.done = 1, .width = dq_image_width(w->drawing), .height = dq_image_height(w->drawing),
                           .seconds = work_now() - w->began};
    w->wish = work_beat(w, &g);
    return 0;
}

int draw_prepare(work *w) {
    w->every = 1;
    w->plan.memory = 400ull << 20; /* roughly: 2000 pairs, the most that are read, take 1.1 GB more */
    json_t *rows = store_pairs(w->p->s, sketch_value(sketch_of(w), "folder"));
    w->plan.memory += 550000ull * json_array_size(rows);
    json_decref(rows);
    return dq_context_new(&w->ctx, w->p->threads) ? work_cannot(w, "the library does not start") : work_folder(w);
}

int draw_run(work *w) {
    char photo[4200], output[4200];
    pairs p = {.lock = -1};
    snprintf(output, sizeof output, "%.4100s/drawing.png", w->folder);
    int code = fetch_pairs(w, &p);
    if (!code && w->wish == STORE_GO_ON) {
        code = work_picture_file(w, json_string_value(json_object_get(w->row, "photo")), photo);
        dq_status status = DQ_OK;
        if (!code && *p.path && !sketch_from_pairs(sketch_of(w))) status = train(w, &p);
        if (!code && !status) status = draw(w, &p, photo, output);
        if (!code) code = said(w, &p, status);
    }
    if (!code && w->wish == STORE_GO_ON) code = take_drawing(w, output);
    if (p.lock >= 0) close(p.lock);
    json_decref(p.rows);
    return code;
}

/* ---- clearing ---------------------------------------------------------------------------------------------------- */

static void delete_files(const char *path) {
    struct dirent *entry;
    DIR *folder = opendir(path);
    while (folder && (entry = readdir(folder))) unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder) closedir(folder);
    rmdir(path);
}

void draw_clear(const char *data, store *s) {
    static const char *const inside[] = {"/photos", "/sketches", "/.danqing", ""};
    char path[4400];
    struct dirent *entry;
    snprintf(path, sizeof path, "%.3900s/pairs", data);
    DIR *folder = opendir(path);
    while (folder && (entry = readdir(folder))) {
        json_t *row = store_id_ok(entry->d_name) ? store_folder(s, entry->d_name) : NULL;
        const bool gone = !row && !*store_reason(s) && store_id_ok(entry->d_name);
        json_decref(row);
        for (int i = 0; gone && i < 4; i++) {
            snprintf(path, sizeof path, "%.3900s/pairs/%.30s%s", data, entry->d_name, inside[i]);
            delete_files(path);
        }
    }
    if (folder) closedir(folder);
}
