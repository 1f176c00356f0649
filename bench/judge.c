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
        dq__free(j->outside[tap]);
        j->gram[tap] = j->outside[tap] = NULL;
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

/* 1 where no face is, 0 elsewhere, with the mean 1; NULL where faces are everywhere. */
static float *guide_outside(const dq__tensor *f, const dq_image *content, const dq__face *faces, int count) {
    const size_t n = (size_t)f->h * (size_t)f->w;
    float *guide = get_memory(sizeof(float) * n);
    size_t outside = 0;
    dq__face_map(guide, f->w, f->h, content->width, content->height, faces, count);
    for (size_t k = 0; k < n; k++) {
        guide[k] = guide[k] < 0.05f ? 1 : 0;
        outside += guide[k] > 0;
    }
    for (size_t k = 0; outside && k < n; k++) guide[k] *= (float)n / (float)outside;
    if (!outside) dq__free(guide);
    return outside ? guide : NULL;
}

void set_faces(gates *g, judge *j, const dq_image *content, const dq__face *faces, int count) {
    const dq__tensor *f = dq__exec_tap(j->net.exec, j->content);
    float *zero = get_memory(sizeof(float) * dq__tensor_floats(f));
    memset(zero, 0, sizeof(float) * dq__tensor_floats(f));
    j->map = get_memory(sizeof(float) * (size_t)f->h * (size_t)f->w);
    dq__face_map(j->map, f->w, f->h, content->width, content->height, faces, count);
    j->map_energy = dq__content_cost(g->pool, f, zero, j->map, 1, 0, NULL);
    dq__free(zero);
    for (int tap = 0; tap < j->net.taps; tap++)
        if (judges_style(j, tap)) j->outside[tap] = guide_outside(dq__exec_tap(j->net.exec, tap), content, faces, count);
}

static double style_loss(gates *g, const judge *j, int tap, const float *guide) {
    dq__gram_guide(g->space, guide);
    const double loss = dq__gram_cost(g->pool, g->space, dq__exec_tap(j->net.exec, tap), j->gram[tap],
                                      1 / j->gram_energy[tap], 0, NULL);
    dq__gram_guide(g->space, NULL);
    return loss;
}

losses judge_picture(gates *g, judge *j, const dq_image *picture) {
    losses l = {0, 0, 0, NAN};
    int styles = 0;
    net_look(g, &j->net, picture);
    for (int tap = 0; tap < j->net.taps; tap++) {
        if (!judges_style(j, tap)) continue;
        l.style += style_loss(g, j, tap, NULL);
        l.outside += j->outside[tap] ? style_loss(g, j, tap, j->outside[tap]) : (double)NAN;
        styles++;
    }
    l.style /= styles, l.outside /= styles;
    const dq__tensor *f = dq__exec_tap(j->net.exec, j->content);
    l.content = dq__content_cost(g->pool, f, j->features, NULL, 1 / j->energy, 0, NULL);
    if (j->map) l.face = dq__content_cost(g->pool, f, j->features, j->map, 1 / j->map_energy, 0, NULL);
    return l;
}
