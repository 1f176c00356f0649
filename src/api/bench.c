/* SPDX-License-Identifier: MIT
 * api/bench.c: dq_bench of danqing.h on top of paint/bench.h: which network is measured, and the figures as JSON. */
#include "api/context.h"
#include "base/mem.h"
#include "model/store.h"
#include "paint/bench.h"
#include "paint/options.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The network by name or file. The two that the field compares by are measured with random weights where they are not
 * installed: only shapes matter. */
static dq_status open_model(dq_model **out, const char *name, dq__error *err) {
    const int depth = strcmp(name, "vgg19") == 0 ? 19 : strcmp(name, "vgg16") == 0 ? 16 : 0;
    char *path = NULL;
    *out = NULL;
    dq_status status = depth ? dq__store_find(name, &path, err) : DQ_OK;
    if (status) return status;
    const bool missing = depth && !path;
    dq__free(path);
    return missing ? dq__model_random_vgg(out, depth, 1, err) : dq__model_open(out, name, err);
}

static json_t *row_json(const dq__bench_row *row, const char *direction, double peak) {
    const double rate = row->flops / row->seconds;
    json_t *object = json_pack("{s:s, s:f, s:f, s:f}", "name", row->name, "seconds", row->seconds, "gflops", rate * 1e-9,
                               "share", rate / peak);
    if (direction) json_object_set_new(object, "direction", json_string(direction));
    return object;
}

static json_t *layers_json(const dq__bench *b) {
    json_t *array = json_array();
    for (int k = 0; k < b->layers; k++) {
        json_array_append_new(array, row_json(&b->forward[k], "forward", b->peak_flops));
        json_array_append_new(array, row_json(&b->backward[k], "backward", b->peak_flops));
    }
    return array;
}

static json_t *grams_json(const dq__bench *b) {
    json_t *array = json_array();
    for (int k = 0; k < b->grams; k++) json_array_append_new(array, row_json(&b->gram[k], NULL, b->peak_flops));
    return array;
}

static dq_status write_json(char **out, const dq__bench *b, const dq__bench_setup *s, const char *isa, dq__error *err) {
    const double rate = b->flops / b->seconds;
    const bool random = strcmp(s->model->format, "random") == 0;
    json_t *object = json_pack(
        "{s:s, s:s, s:i, s:i, s:s, s:i, s:f, s:f, s:I, s:f, s:f, s:f, s:o, s:o}", "model", s->model->table.name, "weights",
        random ? "random" : "file", "size", s->size, "threads", dq__pool_threads(s->pool), "isa", isa, "rounds", s->rounds,
        "seconds_per_iteration", b->seconds, "processor_seconds_per_iteration", b->processor, "peak_rss_bytes",
        (json_int_t)b->peak_rss, "peak_gflops", b->peak_flops * 1e-9, "gflops", rate * 1e-9, "share", rate / b->peak_flops,
        "layers", layers_json(b), "grams", grams_json(b));
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    *out = text ? dq__strdup(text) : NULL;
    free(text);
    json_decref(object);
    return *out ? DQ_OK : dq__no_memory(err, 0, "the figures");
}

dq_status dq_bench(dq_context *ctx, const dq_options *options, int rounds, dq_progress_fn progress, void *user, char **json) {
    dq__error *err = &ctx->error;
    dq__settings settings;
    dq__pool *pool;
    dq_model *model = NULL;
    dq__bench bench;
    *json = NULL;
    dq_status status = dq__need(ctx, options, "the options");
    if (!status && (rounds < 1 || rounds > DQ__MAX_ROUNDS))
        status = dq__fail(err, DQ_USAGE, "rounds must be 1 to %d, not %d", DQ__MAX_ROUNDS, rounds);
    if (!status) status = dq__options_resolve(options, &settings, err);
    if (!status) status = dq__context_pool(ctx, (int)settings.threads, &pool);
    if (!status) status = open_model(&model, settings.model, err);
    if (status) return status;
    const dq__bench_setup setup = {.pool = pool, .model = model, .content = settings.content_layers,
                                   .style = settings.style_layers, .size = (int)settings.size, .rounds = rounds,
                                   .progress = progress, .user = user};
    status = dq__bench_run(&bench, &setup, err);
    if (!status) status = write_json(json, &bench, &setup, dq_context_isa(ctx), err);
    dq__model_free(&model);
    return status;
}
