/* SPDX-License-Identifier: MIT
 * explain/rebuild.c: see rebuild.h. L-BFGS on the pixels, with a little total variation against the noise that a layer does not
 * see. */
#include "explain/rebuild.h"

#include "base/mem.h"
#include "base/rng.h"
#include "loss/content.h"
#include "loss/gram.h"
#include "loss/tv.h"
#include "optim/lbfgs.h"

#include <string.h>

/* Costs are relative to the target's energy, times SCALE: L-BFGS without line search loses its way where gradients are tiny. */
static const double SCALE = 1e5, SMOOTH = 0.02; /* SMOOTH: weight of total variation beside a cost of 1 */
enum { HISTORY = 8 };

typedef struct target {
    float *features, *gram;
    double energy;
} target;

typedef struct rebuild {
    const dq__sight *sight;
    const dq__rebuilding *r;
    dq__exec *exec;
    dq__gram_space *space;
    target target[DQ__MAX_TAPS];
    double cost; /* of the step under way */
} rebuild;

/* ---- cost -------------------------------------------------------------------------------------------------------- */

static dq_status new_exec(rebuild *b, dq__exec **exec, int h, int w, bool backward, dq__error *err) {
    const bool one = !b->r->style;
    const dq__exec_options options = {.h = h, .w = w, .tap = one ? &b->r->layer[b->r->layers - 1] : b->r->layer,
                                      .taps = one ? 1 : b->r->layers, .backward = backward};
    return dq__exec_new(exec, b->sight->pool, &b->sight->model->table, b->sight->packed, &options, err);
}

static dq_status take_target(rebuild *b, target *t, const dq__tensor *f, dq__error *err) {
    const size_t squares = (size_t)f->cs * (size_t)f->cs;
    if (!b->r->style) {
        t->features = dq__content_target(f);
        t->energy = dq__content_energy(f);
        return t->features ? DQ_OK : dq__no_memory(err, 0, "features");
    }
    t->gram = dq__alloc(sizeof(float) * squares);
    if (!t->gram) return dq__no_memory(err, sizeof(float) * squares, "a Gram matrix");
    dq__gram(b->sight->pool, b->space, f, t->gram);
    t->energy = dq__gram_energy(t->gram, f->cs);
    return DQ_OK;
}

static dq_status take_targets(rebuild *b, const dq_image *image, dq__error *err) {
    dq__exec *exec = NULL;
    dq_status status = new_exec(b, &exec, image->height, image->width, false, err);
    if (!status) dq__exec_forward(exec, image->rgb);
    for (int t = 0; t < (b->r->style ? b->r->layers : 1) && !status; t++)
        status = take_target(b, &b->target[t], dq__exec_tap(exec, t), err);
    dq__exec_free(&exec);
    return status;
}

static void at_tap(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    rebuild *b = user;
    const target *t = &b->target[tap];
    const double scale = SCALE / (t->energy + 1e-30);
    if (t->gram) b->cost += dq__gram_cost(b->sight->pool, b->space, f, t->gram, scale / b->r->layers, 1, grad);
    else b->cost += dq__content_cost(b->sight->pool, f, t->features, NULL, scale, 1, grad);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static dq_status descend(rebuild *b, dq_image *image, dq__error *err) {
    const size_t n = 3 * (size_t)image->width * (size_t)image->height;
    float *gradient = dq__alloc(sizeof *gradient * n);
    double *sums = dq__alloc(sizeof *sums * (size_t)image->height);
    dq__lbfgs optimizer = {0};
    dq_status status = gradient && sums ? DQ_OK : dq__no_memory(err, sizeof *gradient * n, "a gradient");
    if (!status) status = dq__lbfgs_init(&optimizer, n, HISTORY, 1, err);
    optimizer.pool = b->sight->pool;
    for (int i = 0; i < b->r->iterations && !status; i++) {
        b->cost = 0;
        dq__exec_forward(b->exec, image->rgb);
        dq__exec_backward(b->exec, at_tap, b, gradient);
        dq__tv_cost(b->sight->pool, DQ__TV_NINE, image->rgb, image->height, image->width, SCALE * SMOOTH, gradient, sums);
        dq__lbfgs_step(&optimizer, image->rgb, gradient, (dq__box){.on = true, .low = 0, .high = 1});
        if (b->r->tell && b->r->tell(b->r->user, i + 1)) status = dq__fail(err, DQ_CANCELLED, "stopped by the caller");
    }
    dq__lbfgs_deinit(&optimizer);
    dq__free(gradient);
    dq__free(sums);
    return status;
}

static dq_status noise(dq_image **out, int width, int height, uint64_t seed, dq__error *err) {
    const dq_status status = dq__image_new(out, width, height, false, err);
    for (size_t i = 0; !status && i < 3 * (size_t)width * (size_t)height; i++)
        (*out)->rgb[i] = 0.5f + 0.4f * (dq__rng_uniform(seed, 98, i) - 0.5f);
    return status;
}

static int widest(const dq__sight *sight, const dq__rebuilding *r) {
    int cs = 16;
    for (int t = 0; t < r->layers; t++) {
        const int own = dq__map_stride(sight->model->table.layer[r->layer[t]].oc);
        cs = own > cs ? own : cs;
    }
    return cs;
}

dq_status dq__rebuild(dq_image **out, const dq__sight *sight, const dq__rebuilding *r, const dq_image *image, int width,
                      int height, double *left, dq__error *err) {
    rebuild *b = dq__alloc_zero(sizeof *b);
    *out = NULL;
    if (!b) return dq__no_memory(err, sizeof *b, "a picture to rebuild");
    b->sight = sight, b->r = r;
    dq_status status = r->style ? dq__gram_space_new(&b->space, widest(sight, r), err) : DQ_OK;
    if (!status) status = take_targets(b, image, err);
    if (!status) status = new_exec(b, &b->exec, height, width, true, err);
    if (!status) status = noise(out, width, height, r->seed, err);
    if (!status) status = descend(b, *out, err);
    *left = b->cost / SCALE;
    for (int t = 0; t < DQ__MAX_TAPS; t++) {
        dq__free(b->target[t].features);
        dq__free(b->target[t].gram);
    }
    dq__exec_free(&b->exec);
    dq__gram_space_free(&b->space);
    dq__free(b);
    if (status) dq__image_free(out);
    return status;
}
