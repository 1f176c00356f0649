/* SPDX-License-Identifier: MIT
 * bench/gates_net.c: networks run on pictures, pictures from files, and painting with given options. */
#include "gates.h"

#include "base/measure.h"
#include "base/mem.h"
#include "paint/job.h"
#include "paint/pyramid.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- failures and progress ---------------------------------------------------------------------------------------- */

void must(dq_status status, const dq__error *err) {
    if (!status) return;
    fprintf(stderr, "%s\n", err->text);
    exit((int)status);
}

void *get_memory(size_t bytes) {
    void *memory = dq__alloc(bytes);
    dq__error err = {0};
    if (!memory) must(dq__no_memory(&err, bytes, "the gates"), &err);
    return memory;
}

void tell(const char *format, ...) {
    static double started;
    va_list list;
    if (started == 0) started = dq__seconds();
    va_start(list, format);
    fprintf(stderr, "%6.0f s  ", dq__seconds() - started);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

/* ---- networks ------------------------------------------------------------------------------------------------------ */

static void find_taps(net *n, const char *layers) {
    char names[256];
    dq__error err = {0};
    snprintf(names, sizeof names, "%s", layers);
    char *rest = NULL;
    for (char *name = strtok_r(names, ",", &rest); name && n->taps < MAX_LOOK; name = strtok_r(NULL, ",", &rest)) {
        const int layer = dq__table_find(&n->model->table, name);
        if (layer < 0) must(dq__fail(&err, DQ_BAD_MODEL, "network %s has no %s", n->model->table.name, name), &err);
        n->tap[n->taps++] = layer;
    }
}

void net_open(net *n, const dq_model *model, const char *layers) {
    dq__error err;
    *n = (net){.model = model};
    find_taps(n, layers);
    must(dq__packed_new(&n->packed, &model->table, &model->weights, n->tap[n->taps - 1], false, &err), &err);
}

void net_close(net *n) {
    dq__exec_free(&n->exec);
    dq__packed_free(&n->packed);
}

void net_look(gates *g, net *n, const dq_image *picture) {
    dq__error err;
    if (!n->exec || n->w != picture->width || n->h != picture->height) {
        const dq__exec_options options = {.h = picture->height, .w = picture->width, .tap = n->tap, .taps = n->taps};
        dq__exec_free(&n->exec);
        must(dq__exec_new(&n->exec, g->pool, &n->model->table, n->packed, &options, &err), &err);
        n->w = picture->width, n->h = picture->height;
    }
    dq__exec_forward(n->exec, picture->rgb);
}

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

static int is_jpeg(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot && strcmp(dot, ".jpg") == 0;
}

pictures list_pictures(const gates *g, const char *folder, int most) {
    char path[4096];
    struct dirent **entry = NULL;
    dq__error err = {0};
    snprintf(path, sizeof path, "%s/%s", g->data, folder);
    const int found = scandir(path, &entry, is_jpeg, alphasort);
    if (found < 1) must(dq__fail(&err, DQ_BAD_IMAGE, "%s has no pictures (*.jpg)", path), &err);
    pictures p = {.count = found < most ? found : most, .path = get_memory(sizeof(char *) * (size_t)found)};
    for (int k = 0; k < found; k++) {
        snprintf(path, sizeof path, "%s/%s/%s", g->data, folder, entry[k]->d_name);
        if (k < p.count) p.path[k] = dq__strdup(path);
        free(entry[k]);
    }
    free(entry);
    return p;
}

void free_pictures(pictures *p) {
    for (int k = 0; k < p->count; k++) dq__free(p->path[k]);
    dq__free(p->path);
}

dq_image *read_picture(const char *path) {
    dq__error err;
    dq_image *picture;
    must(dq__image_read(&picture, path, &err), &err);
    return picture;
}

dq_image *read_middle(const char *path, int side) {
    dq__error err;
    dq_image *whole = read_picture(path), *part;
    const int x = (whole->width - side) / 2, y = (whole->height - side) / 2;
    if (x < 0 || y < 0) must(dq__fail(&err, DQ_BAD_IMAGE, "%s is smaller than %d px", path, side), &err);
    must(dq__image_new(&part, side, side, false, &err), &err);
    for (int line = 0; line < side; line++)
        memcpy(part->rgb + (size_t)line * (size_t)side * 3,
               whole->rgb + ((size_t)(y + line) * (size_t)whole->width + (size_t)x) * 3, sizeof(float) * (size_t)side * 3);
    dq__image_free(&whole);
    return part;
}

dq_image *fitted(const dq_image *picture, int longest) {
    int w, h;
    dq__error err;
    dq_image *small;
    dq__fit(longest, picture->width, picture->height, &w, &h);
    must(dq__image_resize(&small, picture, w, h, &err), &err);
    return small;
}

/* ---- painting ------------------------------------------------------------------------------------------------------ */

dq_image *paint(gates *g, const dq_model *model, const dq_image *content, const dq_image *style, const char *const *option) {
    dq__error err;
    dq_options *options;
    dq__settings settings;
    dq_job *job;
    dq_image *result;
    must(dq__options_new(&options, &err), &err);
    for (; *option; option += 2) must(dq__options_set(options, option[0], option[1], &err), &err);
    must(dq__options_resolve(options, &settings, &err), &err);
    must(dq__job_new(&job, g->pool, model, content, &style, 1, &settings, NULL, NULL, NULL, &err), &err);
    for (int more = 1; more;) must(dq__job_step(job, &more, &err), &err);
    must(dq__job_image(job, &result, &err), &err);
    dq__job_free(&job);
    dq__options_free(&options);
    return result;
}
