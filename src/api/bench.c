/* SPDX-License-Identifier: MIT
 * api/bench.c: the tool "bench" on top of paint/bench.h: which network is measured, and the figures as JSON. */
#include "api/tool.h"
#include "base/mem.h"
#include "kernels/kernels.h"
#include "model/store.h"
#include "paint/bench.h"
#include "paint/options.h"

#include <jansson.h>
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

static json_t *bench_json(const dq__bench *b, const dq__bench_setup *s) {
    const double rate = b->flops / b->seconds;
    const bool random = strcmp(s->model->format, "random") == 0;
    return json_pack(
        "{s:s, s:s, s:i, s:i, s:s, s:i, s:f, s:f, s:I, s:f, s:f, s:f, s:o, s:o}", "model", s->model->table.name, "weights",
        random ? "random" : "file", "size", s->size, "threads", dq__pool_threads(s->pool), "isa",
        dq__isa_name(dqk_kernels(dq__cpu_isa())->isa), "rounds", s->rounds, "seconds_per_iteration", b->seconds,
        "processor_seconds_per_iteration", b->processor, "peak_rss_bytes", (json_int_t)b->peak_rss, "peak_gflops",
        b->peak_flops * 1e-9, "gflops", rate * 1e-9, "share", rate / b->peak_flops, "layers", layers_json(b), "grams",
        grams_json(b));
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

enum { OF_JOB = 4 }; /* settings of a job, which count as they do there */

typedef struct bench_settings {
    int64_t rounds;
    const char *of_job[OF_JOB];
} bench_settings;

#define OF_JOB_ROW(name, k) {name, DQ__SET_TEXT, offsetof(bench_settings, of_job[k]), NULL, 0, 0, NULL}
static const dq__setting rows[] = {
    OF_JOB_ROW("model", 0), OF_JOB_ROW("size", 1), OF_JOB_ROW("content-layers", 2), OF_JOB_ROW("style-layers", 3),
    {"rounds", DQ__SET_INT, offsetof(bench_settings, rounds), "5", 1, DQ__MAX_ROUNDS, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* The texts of *job belong to *options. */
static dq_status resolve(const dq__call *call, dq_options **options, dq__settings *job, bench_settings *own, dq__error *err) {
    dq_status status = dq__call_settings(call, rows, ROWS, own, err);
    if (!status) status = dq__options_new(options, err);
    for (int k = 0; k < OF_JOB && !status; k++)
        if (own->of_job[k]) status = dq__options_set(*options, rows[k].name, own->of_job[k], err);
    return status ? status : dq__options_resolve(*options, job, err);
}

dq_status dq__bench_tool(const dq__call *call, dq__error *err) {
    bench_settings own;
    dq__settings job;
    dq_options *options = NULL;
    dq_model *model = NULL;
    dq__bench bench;
    dq_status status = dq__call_inputs(call, 0, 0, "no input", err);
    if (!status) status = resolve(call, &options, &job, &own, err);
    if (!status) status = open_model(&model, job.model, err);
    if (status) goto done;
    const dq__bench_setup setup = {.pool = call->pool, .model = model, .content = job.content_layers,
                                   .style = job.style_layers, .size = (int)job.size, .rounds = (int)own.rounds,
                                   .progress = call->progress, .user = call->user};
    status = dq__bench_run(&bench, &setup, err);
    if (!status) status = dq__call_answer(call, bench_json(&bench, &setup), err);
done:
    dq__model_free(&model);
    dq__options_free(&options);
    return status;
}
