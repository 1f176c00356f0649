/* SPDX-License-Identifier: MIT
 * tests/unit/job_test.h: small pictures and a small network for tests of whole paintings, and jobs from options as one text. */
#ifndef DQ_JOB_TEST_H
#define DQ_JOB_TEST_H

#include "base/mem.h"
#include "base/rng.h"
#include "paint/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job_inputs {
    dq_model *model;
    dq_image *photo, *style;
} job_inputs;

static inline dq_image *waves(int w, int h, double fx, double fy) {
    dq_image *p;
    if (dq__image_new(&p, w, h, false, NULL)) abort();
    for (int k = 0; k < w * h * 3; k++) {
        const int x = k / 3 % w, y = k / 3 / w, c = k % 3;
        p->rgb[k] = (float)(0.5 + 0.35 * sin(fx * x + c) * cos(fy * y - c)) +
                    0.1f * dq__rng_uniform(5, (uint64_t)(w * h), (uint64_t)k);
    }
    return p;
}

/* model: its seed and kind; depth 0 is the network "random", else a VGG of that depth. */
static inline void job_inputs_make(job_inputs *in, int w, int h, int depth) {
    if (depth ? dq__model_random_vgg(&in->model, depth, 1, NULL) : dq__model_random(&in->model, 1, NULL)) abort();
    in->photo = waves(w, h, 0.13, 0.09);
    in->style = waves(64, 72, 0.9, 0.5);
}

static inline void job_inputs_free(job_inputs *in) {
    dq__model_free(&in->model);
    dq__image_free(&in->photo);
    dq__image_free(&in->style);
}

/* Options as "name=value name=value …"; returns the status of making the job. */
static inline dq_status job_from(dq_job **job, const job_inputs *in, dq__pool *pool, const char *text, dq__error *err) {
    dq_options *options;
    dq__settings settings;
    char copy[1024], *save = NULL;
    *job = NULL;
    dq_status status = dq__options_new(&options, err);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *item = strtok_r(copy, " ", &save); item && !status; item = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(item, '=');
        *equals = 0;
        status = dq__options_set(options, item, equals + 1, err);
    }
    if (!status) status = dq__options_resolve(options, &settings, err);
    if (!status)
        status = dq__job_new(job, pool, in->model, in->photo, (const dq_image *const *)&in->style, 1, &settings, "{}", NULL,
                             NULL, err);
    dq__options_free(&options);
    return status;
}

#endif
