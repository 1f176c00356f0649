/* SPDX-License-Identifier: MIT
 * bench/iteration.c: the time of one evaluation of J and its gradient with VGG-19 to relu5_1: forward, five Gram matrices and
 * content at relu4_2, backward to the pixels. Weights and pictures are random: only the shapes matter.
 *     iteration SIZE [ROUNDS [THREADS]]   →   one JSON object; median of ROUNDS (5), one warm-up before */
#include "bench.h"

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"
#include "paint/cost.h"

static dq__error err;

static void must(dq_status status) {
    if (!status) return;
    fprintf(stderr, "%s\n", err.text);
    exit(status);
}

static dq_image *noise(uint64_t stream, int size) {
    dq_image *image;
    must(dq__image_new(&image, size, size, false, &err));
    for (size_t k = 0; k < (size_t)size * (size_t)size * 3; k++) image->rgb[k] = dq__rng_uniform(1, stream, k);
    return image;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: iteration SIZE [ROUNDS [THREADS]]\n");
        return 2;
    }
    const int size = number(argv[1], 16, 8192, "SIZE"), rounds = argc > 2 ? number(argv[2], 1, 100, "ROUNDS") : 5;
    const int threads = argc > 3 ? number(argv[3], 1, 256, "THREADS") : 0;
    static const double share[1] = {1};
    const dq__settings settings = {.normalization = DQ__NORM_MEAN, .content_weight = 1, .style_weight = 1, .pixel_range = 1};
    dq__pool *pool;
    dq_model *model;
    dq__packed *packed;
    dq__taps taps;
    dq__cost *cost;
    char left_out[256];
    double seconds[100];
    must(dq__pool_new(&pool, threads, &err));
    must(dq__model_random_vgg(&model, 19, 1, &err));
    must(dq__taps_parse(&taps, &model->table, "relu4_2", "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1", left_out, &err));
    must(dq__packed_new(&packed, &model->table, &model->weights, taps.layer[taps.count - 1], true, &err));
    const dq__cost_setup setup = {.pool = pool, .table = &model->table, .packed = packed, .taps = &taps, .settings = &settings,
                                  .share = share, .styles = 1};
    dq_image *x = noise(1, size), *content = noise(2, size), *style = noise(3, size);
    float *gradient = dq__alloc(sizeof(float) * (size_t)size * (size_t)size * 3);
    must(dq__cost_new(&cost, &setup, content, (const dq_image *const *)&style, &err));
    double value = dq__cost_evaluate(cost, x->rgb, gradient).total;
    const double before = processor_seconds();
    for (int k = 0; k < rounds; k++) {
        const double start = now();
        value += dq__cost_evaluate(cost, x->rgb, gradient).total;
        seconds[k] = now() - start;
    }
    const double processor = (processor_seconds() - before) / rounds;
    const double flops = 2 * dq__exec_flops(&model->table, taps.layer[taps.count - 1], size, size);
    const double middle = median(seconds, rounds);
    printf("{\"what\": \"danqing\", \"size\": %d, \"threads\": %d, \"isa\": \"%s\", \"rounds\": %d, \"seconds\": %.6f, "
           "\"fastest\": %.6f, \"processor\": %.6f, \"gflops\": %.1f, \"peak_mb\": %.1f, \"cost\": %.6g}\n",
           size, dq__pool_threads(pool), dq__isa_name(dq__cpu_isa()), rounds, middle, seconds[0], processor,
           flops / middle * 1e-9,
           peak_megabytes(), value / (rounds + 1));
    dq__cost_free(&cost);
    dq__free(gradient);
    dq__image_free(&x), dq__image_free(&content), dq__image_free(&style);
    dq__packed_free(&packed);
    dq__model_free(&model);
    dq__pool_free(&pool);
    return 0;
}
