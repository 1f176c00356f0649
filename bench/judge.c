/* SPDX-License-Identifier: MIT
 * bench/judge.c: see judge.h. Every loss is the library's own, so that a judge and a painter mean the same by it. */
#include "judge.h"

#include "base/mem.h"
#include "loss/content.h"

#include <math.h>
#include <string.h>

void judge_open(judge *j, const dq_model *model, const char *layers, int content, bool both) {
    *j = (judge){.content = content, .both = both};
    net_open(&j->net, model, layers);
}

static void forget_targets(judge *j) {
    for (int tap = 0; tap < j->net.taps; tap++) {
        dq__free(j->gram[tap]);
        j->gram[tap] = NULL;
    }
    dq__free(j->features);
    dq__free(j->map);
    j->features = j->map = NULL;
}

void judge_close(judge *j) {
    forget_targets(j);
    net_close(&j->net);
}

static bool judges_style(const judge *j, int tap) { return j->both || tap != j->content; }

void set_targets(gates *g, judge *j, const dq_image *content, const dq_image *style) {
    forget_targets(j);
    net_look(g, &j->net, style);
    for (int tap = 0; tap < j->net.taps; tap++) {
        const dq__tensor *f = dq__exec_tap(j->net.exec, tap);
        j->gram[tap] = get_memory(sizeof(float) * (size_t)f->cs * (size_t)f->cs);
        dq__gram(g->pool, g->space, f, j->gram[tap]);
        j->gram_energy[tap] = dq__gram_energy(j->gram[tap], f->cs);
    }
    net_look(g, &j->net, content);
    const dq__tensor *f = dq__exec_tap(j->net.exec, j->content);
    j->features = dq__content_target(f);
    must(j->features ? DQ_OK : DQ_LIMIT, &(dq__error){DQ_LIMIT, "out of memory"});
    j->energy = dq__content_energy(f);
}

void set_faces(gates *g, judge *j, const dq_image *content, const dq__face *faces, int count) {
    const dq__tensor *f = dq__exec_tap(j->net.exec, j->content);
    float *zero = get_memory(sizeof(float) * dq__tensor_floats(f));
    memset(zero, 0, sizeof(float) * dq__tensor_floats(f));
    j->map = get_memory(sizeof(float) * (size_t)f->h * (size_t)f->w);
    dq__face_map(j->map, f->w, f->h, content->width, content->height, faces, count);
    j->map_energy = dq__content_cost(g->pool, f, zero, j->map, 1, 0, NULL);
    dq__free(zero);
}

losses judge_picture(gates *g, judge *j, const dq_image *picture) {
    losses l = {0, 0, NAN};
    int styles = 0;
    net_look(g, &j->net, picture);
    for (int tap = 0; tap < j->net.taps; tap++) {
        const dq__tensor *f = dq__exec_tap(j->net.exec, tap);
        if (!judges_style(j, tap)) continue;
        l.style += dq__gram_cost(g->pool, g->space, f, j->gram[tap], 1 / j->gram_energy[tap], 0, NULL);
        styles++;
    }
    l.style /= styles;
    const dq__tensor *f = dq__exec_tap(j->net.exec, j->content);
    l.content = dq__content_cost(g->pool, f, j->features, NULL, 1 / j->energy, 0, NULL);
    if (j->map) l.face = dq__content_cost(g->pool, f, j->features, j->map, 1 / j->map_energy, 0, NULL);
    return l;
}
