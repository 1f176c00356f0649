/* SPDX-License-Identifier: MIT
 * bench/variants.c: does the choice of kernels change what is painted? Adam's steps on real pairs, once as every picture is
 * painted and once with direct convolutions, the rounding of plain sums; prints J after the last step of both. Beside them
 * stands what no kernel can help: direct convolutions again, from a photo whose values differ in their last bit.
 *     variants MODEL SIZE STEPS PHOTO PAINTING [PHOTO PAINTING …]   →   a Markdown table */
#include "bench.h"

#include "base/mem.h"
#include "image/image.h"
#include "model/model.h"
#include "optim/adam.h"
#include "paint/cost.h"
#include "paint/pyramid.h"

#include <math.h>

static void must(dq_status status, const dq__error *err) {
    if (!status) return;
    fprintf(stderr, "variants: %s\n", err->text);
    exit((int)status);
}

static dq_image *read_fitted(const char *path, int longest) {
    dq__error err;
    dq_image *whole, *small;
    int w, h;
    must(dq__image_read(&whole, path, &err), &err);
    dq__fit(longest, whole->width, whole->height, &w, &h);
    must(dq__image_resize(&small, whole, w, h, &err), &err);
    dq__image_free(&whole);
    return small;
}

/* J after so many steps of Adam from the photo. */
static double paint(const dq__cost_setup *setup, const dq_image *photo, const dq_image *painting, int steps, bool nudged) {
    dq__error err;
    dq__cost *cost;
    dq__adam adam;
    const size_t n = (size_t)photo->width * (size_t)photo->height * 3;
    float *x = dq__alloc(sizeof(float) * n), *gradient = dq__alloc(sizeof(float) * n);
    must(dq__cost_new(&cost, setup, NULL, photo, &painting, &err), &err);
    must(dq__adam_init(&adam, n, 0.02, 0.9, 0.999, 1e-8, &err), &err);
    if (!x || !gradient) must(dq__no_memory(&err, 2 * sizeof(float) * n, "the picture"), &err);
    for (size_t k = 0; k < n; k++) x[k] = nudged ? nextafterf(photo->rgb[k], 0.5f) : photo->rgb[k];
    for (int k = 0; k < steps; k++) {
        dq__cost_evaluate(cost, x, gradient);
        dq__adam_step(&adam, x, gradient, (dq__box){true, 0, 1});
    }
    const double value = dq__cost_evaluate(cost, x, gradient).total;
    dq__adam_deinit(&adam);
    dq__cost_free(&cost);
    dq__free(x), dq__free(gradient);
    return value;
}

static const char *file_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

int main(int argc, char **argv) {
    dq__error err;
    dq__settings settings;
    dq_options *options;
    dq_model *model;
    dq__pool *pool;
    dq__taps taps;
    dq__packed *packed;
    dq__gram_root roots[DQ__MAX_TAPS] = {{0}};
    char left_out[256];
    static const double share[1] = {1};
    if (argc < 6 || argc % 2) {
        fprintf(stderr, "usage: variants MODEL SIZE STEPS PHOTO PAINTING [PHOTO PAINTING …]\n");
        return 2;
    }
    const int size = number(argv[2], 16, 4096, "SIZE"), steps = number(argv[3], 1, 100000, "STEPS");
    must(dq__options_new(&options, &err), &err);
    must(dq__options_resolve(options, &settings, &err), &err);
    must(dq__model_open(&model, argv[1], &err), &err);
    must(dq__pool_new(&pool, 0, &err), &err);
    must(dq__taps_parse(&taps, &model->table, settings.content_layers, settings.style_layers, left_out, &err), &err);
    must(dq__packed_new(&packed, &model->table, &model->weights, taps.layer[taps.count - 1], true, &err), &err);
    must(dq__cost_roots_new(roots, &taps, &model->table, &model->weights, &err), &err);
    dq__cost_setup setup = {.pool = pool, .table = &model->table, .packed = packed, .taps = &taps, .roots = roots,
                            .settings = &settings, .share = share, .styles = 1};
    printf("| photo | painting | J direct | Winograd | direct, last bits changed |\n|---|---|---|---|---|\n");
    for (int k = 4; k < argc; k += 2) {
        dq_image *photo = read_fitted(argv[k], size), *painting = read_fitted(argv[k + 1], size);
        double value[3];
        for (int run = 0; run < 3; run++) {
            setup.direct = run != 1;
            value[run] = paint(&setup, photo, painting, steps, run == 2);
        }
        printf("| %s | %s | %.6g | %+.4f %% | %+.4f %% |\n", file_name(argv[k]), file_name(argv[k + 1]), value[0],
               100 * (value[1] / value[0] - 1), 100 * (value[2] / value[0] - 1));
        fflush(stdout);
        dq__image_free(&photo), dq__image_free(&painting);
    }
    dq__cost_roots_free(roots);
    dq__packed_free(&packed);
    dq__model_free(&model);
    dq__options_free(&options);
    dq__pool_free(&pool);
    return 0;
}
