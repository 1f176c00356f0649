/* SPDX-License-Identifier: MIT
 * bench/large.c: what large pictures take: the plan for a limit of memory, seconds of a step, peak memory. Only the network, the
 * sizes and the limit count: vgg19 has seeded random weights.
 *   large MODEL PHOTO PAINTING NAME=VALUE…    e.g. large vgg19 photo.png painting.png size=4096 max-memory=2G iterations=1 */
#include "base/measure.h"
#include "paint/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dq__error err;

static void need(dq_status status) {
    if (status == DQ_OK) return;
    fprintf(stderr, "large: %s\n", err.text);
    exit((int)status);
}

static void resolve(dq_options *options, dq__settings *settings, int count, char **text) {
    need(dq__options_set(options, "min-size", "0", &err));
    for (int i = 0; i < count; i++) {
        char name[64];
        const char *equals = strchr(text[i], '=');
        if (!equals || equals - text[i] >= 64) exit(DQ_USAGE);
        snprintf(name, sizeof name, "%.*s", (int)(equals - text[i]), text[i]);
        need(dq__options_set(options, name, equals + 1, &err));
    }
    need(dq__options_resolve(options, settings, &err));
}

static void print_plan(const dq_job *job) {
    static const char *const places[] = {"run again", "in memory", "in a file"};
    const dq__grid *g = &job->last_plan.cost.grid;
    dq_plan plan;
    dq__job_plan(job, &plan);
    printf("limit %.0f MB; %d x %d windows of %d x %d; expected %.0f MB, %.0f MB in a file, %.2f passes a step\n",
           (double)job->limit / 1e6, plan.window_rows, plan.window_cols, plan.window_height, plan.window_width,
           (double)plan.memory / 1e6, (double)plan.file / 1e6, plan.passes);
    for (int s = 0; s < g->stages; s++)
        printf("stage %d: inner parts of %d x %d, %s\n", s + 1, g->pane[s].h, g->pane[s].w, places[g->pane[s].keep]);
    fflush(stdout);
}

int main(int argc, char **argv) {
    dq__pool *pool;
    dq_model *model;
    dq_image *photo, *painting;
    dq_options *options;
    dq__settings settings;
    dq_job *job;
    if (argc < 4) return fprintf(stderr, "large MODEL PHOTO PAINTING NAME=VALUE…\n"), DQ_USAGE;
    need(dq__options_new(&options, &err));
    resolve(options, &settings, argc - 4, argv + 4);
    need(dq__pool_new(&pool, (int)settings.threads, &err));
    need(strcmp(argv[1], "vgg19") ? dq__model_open(&model, argv[1], &err) : dq__model_random_vgg(&model, 19, 1, &err));
    need(dq__image_read(&photo, argv[2], &err));
    need(dq__image_read(&painting, argv[3], &err));
    const double begun = dq__seconds();
    need(dq__job_new(&job, pool, model, photo, (const dq_image *const *)&painting, 1, &settings, NULL, NULL, NULL, &err));
    printf("planned in %.2f s\n", dq__seconds() - begun);
    dq__model_free(&model);
    dq__image_free(&photo), dq__image_free(&painting);
    print_plan(job);
    for (int more = 1; more;) {
        const double start = dq__seconds(), worked = dq__processor_seconds();
        need(dq__job_step(job, &more, &err));
        printf("step %lld of scale %d: %.2f s, of processors %.2f s, J %.9g, peak %.0f MB\n", (long long)job->iteration,
               job->scale + 1, dq__seconds() - start, dq__processor_seconds() - worked, job->value.total, dq__peak_rss() / 1e6);
        fflush(stdout);
    }
    dq__job_free(&job);
    dq__options_free(&options);
    dq__pool_free(&pool);
    return 0;
}
