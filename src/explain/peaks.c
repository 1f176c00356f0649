/* SPDX-License-Identifier: MIT
 * explain/peaks.c: see peaks.h. */
#include "explain/peaks.h"

#include "base/mem.h"
#include "explain/fields.h"

#include <stdlib.h>
#include <string.h>

/* ---- one map ----------------------------------------------------------------------------------------------------- */

static void insert(dq__excited *e, dq__peak peak) {
    int at = e->count;
    while (at > 0 && e->best[at - 1].value < peak.value) at--;
    if (at == DQ__BEST) return;
    if (e->count < DQ__BEST) e->count++;
    memmove(&e->best[at + 1], &e->best[at], sizeof peak * (size_t)(e->count - 1 - at));
    e->best[at] = peak;
}

static bool near_any(const dq__peak *found, int count, int y, int x, int apart) {
    for (int i = 0; i < count; i++)
        if (abs(found[i].y - y) < apart && abs(found[i].x - x) < apart) return true;
    return false;
}

/* A photo's map. Places are looked for in [top, bottom) × [left, right), where fields lie in the photo. */
typedef struct work {
    dq__excited *channel;
    const dq__tensor *f;
    int photo, most, apart; /* places a photo; from each other */
    int top, left, bottom, right;
} work;

static dq__peak strongest(const work *w, int c, const dq__peak *found, int count) {
    dq__peak best = {.photo = w->photo};
    for (int y = w->top; y < w->bottom; y++)
        for (int x = w->left; x < w->right; x++) {
            const float v = dq__pixel(w->f, y, x)[c];
            if (v > best.value && !near_any(found, count, y, x, w->apart)) best.value = v, best.y = y, best.x = x;
        }
    return best;
}

static void scan_task(void *user, int c) {
    const work *w = user;
    dq__peak found[DQ__BEST];
    for (int i = 0; i < w->f->h * w->f->w; i++) w->channel[c].sum += (double)dq__pixel(w->f, i / w->f->w, i % w->f->w)[c];
    for (int n = 0; n < w->most; n++) {
        found[n] = strongest(w, c, found, n);
        if (found[n].value <= 0) return;
        insert(&w->channel[c], found[n]);
    }
}

/* Values whose field lies in a photo's side but for an eighth at most: [*first, *end); all where there are none. */
static void find_inner(const dq__field *field, int side, int values, int *first, int *end) {
    const int64_t slack = field->size / 8;
    *first = 0, *end = values;
    while (*first < values && field->start + *first * field->step < -slack) ++*first;
    while (*end > 0 && field->start + (*end - 1) * field->step + field->size > side + slack) --*end;
    if (*first >= *end) *first = 0, *end = values;
}

/* ---- all photos -------------------------------------------------------------------------------------------------- */

static dq_status look_at(dq__peaks *p, const dq__sight *s, const dq_image *image, const dq__field *field, int photo, int most,
                         dq__error *err) {
    dq__exec *exec;
    const dq_status status = dq__sight_exec(&exec, s, -1, image->height, image->width, false, err);
    if (status) return status;
    dq__exec_forward(exec, image->rgb);
    for (int l = 0; l < s->layers; l++) {
        const dq__tensor *f = dq__exec_tap(exec, l);
        const dq__field *seen = &field[s->layer[l]];
        work w = {.channel = p->channel[l], .f = f, .photo = photo, .most = most,
                  .apart = 1 + (int)(seen->size / seen->step / 2)};
        find_inner(seen, image->height, f->h, &w.top, &w.bottom);
        find_inner(seen, image->width, f->w, &w.left, &w.right);
        p->places[l] += (double)f->h * f->w;
        dq__pool_run(s->pool, f->c, scan_task, &w);
    }
    dq__exec_free(&exec);
    return DQ_OK;
}

/* Drops the names of files that are no pictures. */
static dq_status keep_pictures(dq__peaks *p, const dq__call *call, const char *folder, dq__error *err) {
    int kept = 0, dropped = 0;
    for (int i = 0; i < p->photos; i++) {
        dq_image *image = NULL;
        char *path = p->path[i];
        p->path[i] = NULL;
        if (dq__image_read(&image, path, NULL) == DQ_OK) p->path[kept++] = path;
        else dropped++, dq__free(path);
        dq__image_free(&image);
    }
    p->photos = kept;
    if (!kept) return dq__fail(err, DQ_BAD_IMAGE, "%.200s has no pictures", folder);
    if (dropped) dq__call_notice(call, "%d files of %s are no pictures and are left out", dropped, folder);
    return DQ_OK;
}

dq_status dq__peaks_find(dq__peaks *p, const dq__sight *s, const dq__call *call, const char *folder, int size, double share,
                         dq__error *err) {
    dq__field field[DQ__MAX_LAYERS];
    *p = (dq__peaks){.size = size};
    dq_status status = dq__list_folder(&p->path, &p->photos, folder, err);
    if (!status) status = keep_pictures(p, call, folder, err);
    dq__fields_of(&s->model->table, field);
    for (int l = 0; l < s->layers && !status; l++) {
        const size_t bytes = sizeof *p->channel[l] * (size_t)s->model->table.layer[s->layer[l]].oc;
        p->channel[l] = dq__alloc_zero(bytes);
        if (!p->channel[l]) status = dq__no_memory(err, bytes, "the strongest places");
    }
    for (int i = 0; i < p->photos && !status; i++) {
        dq_image *image = NULL;
        status = dq__read_small(&image, p->path[i], size, err);
        if (!status) status = look_at(p, s, image, field, i, (DQ__BEST + p->photos - 1) / p->photos, err);
        if (!status) status = dq__call_progress(call, share * (i + 1) / p->photos, err);
        dq__image_free(&image);
    }
    return status;
}

void dq__peaks_free(dq__peaks *p) {
    dq__free_names(p->path, p->photos);
    p->path = NULL;
    for (int l = 0; l < DQ__MAX_TAPS; l++) {
        dq__free(p->channel[l]);
        p->channel[l] = NULL;
    }
}

void dq__peaks_choose(const dq__peaks *p, const dq__sight *s, int layer, int *channel, int count) {
    const int channels = s->model->table.layer[s->layer[layer]].oc;
    for (int n = 0; n < count; n++) {
        double best = -1;
        for (int c = 0; c < channels; c++) {
            const dq__excited *e = &p->channel[layer][c];
            const double mean = e->sum / p->places[layer], last = e->count ? (double)e->best[e->count - 1].value : 0;
            const double score = e->count < DQ__BEST ? 1e-9 * e->count : mean > 0 ? last / mean : 0;
            bool taken = false;
            for (int k = 0; k < n; k++) taken |= channel[k] == c;
            if (!taken && score > best) best = score, channel[n] = c;
        }
    }
}
