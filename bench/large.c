/* SPDX-License-Identifier: MIT
 * bench/large.c: what large pictures take: the plan for a limit of memory, seconds of a step, peak memory. Only the network, the
 * sizes and the limit count: vgg19 has seeded random weights.
 *   large MODEL PHOTO PAINTING NAME=VALUE…    e.g. large vgg19 photo.png painting.png size=4096 max-memory=2G iterations=1
 * tiles=256 among the options paints a second time, with inner parts of that side in place of the plan's windows, and compares J
 * at every step and the pictures; difference=FILE writes what differs, sixteen times as strong. */
#include "base/measure.h"
#include "paint/plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dq__error err;

static void need(dq_status status) {
    if (status == DQ_OK) return;
    fprintf(stderr, "large: %s\n", err.text);
    exit((int)status);
}

/* What is not an option of painting. */
static int tiles;
static const char *difference = "";

static void resolve(dq_options *options, dq__settings *settings, int count, char **text) {
    need(dq__options_set(options, "min-size", "0", &err));
    for (int i = 0; i < count; i++) {
        char name[64];
        const char *equals = strchr(text[i], '=');
        if (!equals || equals - text[i] >= 64) exit(DQ_USAGE);
        snprintf(name, sizeof name, "%.*s", (int)(equals - text[i]), text[i]);
        if (strcmp(name, "tiles") == 0) tiles = (int)strtol(equals + 1, NULL, 10);
        if (strcmp(name, "difference") == 0) difference = equals + 1;
        if (strcmp(name, "tiles") == 0 || strcmp(name, "difference") == 0) continue;
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

/* ---- beside the whole picture ------------------------------------------------------------------------------------------ */

/* Puts windows in place of the plan for the scale under way. */
static void cut(dq_job *job, const dq_image *photo, const dq_image *painting) {
    const dq__scale *at = dq__job_scale(job);
    const dq__exec_options options = dq__cost_options(&job->setup, at->w, at->h, true);
    dq_image *content, *style, *start;
    int rows, cols, h, w;
    need(dq__job_image(job, &start, &err)); /* enters the scale */
    dq__image_free(&start);
    dq__cost_plan plan = job->plan.cost;
    if (!dq__grid_squares(&plan.grid, &job->table, &options, tiles)) exit(DQ_USAGE);
    dq__grid_windows(&plan.grid, &job->table, &options, &rows, &cols, &h, &w);
    printf("tiles of %d: %d stages, %d x %d windows of %d x %d at the first\n", tiles, plan.grid.stages, rows, cols, h, w);
    dq__cost_free(&job->cost);
    need(dq__image_resize(&content, photo, at->w, at->h, &err));
    need(dq__image_resize(&style, painting, plan.style[0].w, plan.style[0].h, &err));
    need(dq__cost_new(&job->cost, &job->setup, &plan, content, (const dq_image *const *)&style, &err));
    dq__image_free(&content), dq__image_free(&style);
}

static void write_difference(dq_image *a, const dq_image *b) {
    for (int k = 0; k < a->width * a->height * 3; k++) {
        const float v = 0.5f + 16 * (a->rgb[k] - b->rgb[k]);
        a->rgb[k] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
    need(dq__image_write(a, difference, NULL, &err));
}

static int compare(dq_job *whole, dq_job *parts, const dq_image *photo, const dq_image *painting) {
    double most = 0, seconds[2] = {0};
    float apart = 0;
    dq_image *a, *b;
    cut(parts, photo, painting);
    for (int more = 1, n = 0; more; n++) {
        const double start = dq__processor_seconds();
        need(dq__job_step(whole, &more, &err));
        const double middle = dq__processor_seconds();
        need(dq__job_step(parts, &more, &err));
        if (n > 0) seconds[0] += middle - start, seconds[1] += dq__processor_seconds() - middle;
        const double d = fabs(whole->value.total - parts->value.total) / whole->value.total;
        if (d > most) most = d;
    }
    need(dq__job_image(whole, &a, &err));
    need(dq__job_image(parts, &b, &err));
    for (int k = 0; k < a->width * a->height * 3; k++) apart = fmaxf(apart, fabsf(a->rgb[k] - b->rgb[k]));
    printf("%lld steps of %d x %d: J at most %g apart (relative), pictures %g/255; J %.9g; "
           "processor time of tiles %.3f of whole\n",
           (long long)whole->iteration, a->width, a->height, most, 255 * (double)apart, whole->value.total,
           seconds[1] / seconds[0]);
    if (*difference) write_difference(a, b);
    dq__image_free(&a), dq__image_free(&b);
    return most > 1e-5 || apart > 1.0f / 255;
}

int main(int argc, char **argv) {
    dq__pool *pool;
    dq_model *model;
    dq_image *photo, *painting;
    dq_options *options;
    dq__settings settings;
    dq_job *job, *parts = NULL;
    int status = 0;
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
    if (tiles)
        need(dq__job_new(&parts, pool, model, photo, (const dq_image *const *)&painting, 1, &settings, NULL, NULL, NULL, &err));
    dq__model_free(&model);
    print_plan(job);
    if (tiles) status = compare(job, parts, photo, painting);
    dq__image_free(&photo), dq__image_free(&painting);
    for (int more = !tiles; more;) {
        const double start = dq__seconds(), worked = dq__processor_seconds();
        need(dq__job_step(job, &more, &err));
        printf("step %lld of scale %d: %.2f s, of processors %.2f s, J %.9g, peak %.0f MB\n", (long long)job->iteration,
               job->scale + 1, dq__seconds() - start, dq__processor_seconds() - worked, job->value.total, dq__peak_rss() / 1e6);
        fflush(stdout);
    }
    dq__job_free(&job), dq__job_free(&parts);
    dq__options_free(&options);
    dq__pool_free(&pool);
    return status;
}
