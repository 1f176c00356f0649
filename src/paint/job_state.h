/* SPDX-License-Identifier: MIT
 * paint/job_state.h: what a job consists of, for the files that share its work: job.c steps it, resume.c keeps it. Nobody else
 * looks inside. */
#ifndef DQ_PAINT_JOB_STATE_H
#define DQ_PAINT_JOB_STATE_H

#include "base/ranks.h"
#include "optim/adam.h"
#include "optim/lbfgs.h"
#include "paint/cost.h"
#include "paint/job.h"
#include "paint/pyramid.h"

enum { DQ__MAX_STYLES = DQ__MAX_PAINTINGS, DQ__JOB_DIGEST = 32 };

/* The numbers of a checkpoint (resume.h). */
typedef struct dq__resume_head {
    unsigned char digest[DQ__JOB_DIGEST];
    int64_t scale, iteration, floats; /* as in dq_job; of one picture */
    int64_t pairs, newest;            /* L-BFGS */
    int64_t limit;                    /* bytes of memory that the plans were made for */
    int64_t step, failures;           /* of the optimiser; as in dq_job */
    double seconds, average_weight, h0, rate;
    dq__cost_value value;
} dq__resume_head;

/* How a scale is painted (plan.h). */
typedef struct dq__scale_plan {
    dq__cost_plan cost;
    dq__alloc_fn *state, *pixels; /* where the optimiser's vectors and the average lie; the picture and its gradient */
    uint64_t memory, file;        /* expected peak of the process; bytes in the file for what is not in memory */
    double passes;                /* of a picture's worth of pixels through the network in a step: 2 where it is whole */
    double walked;                /* bytes that a step reads and writes in that file for the network */
} dq__scale_plan;

struct dq_job {
    dq_context *context;
    dq__pool *pool;
    dq__settings settings; /* its texts are not kept: what they say is in taps, share and init */
    dq__table table;
    dq__taps taps;
    dq__maps maps;
    dq__packed *packed;
    dq__gram_root roots[DQ__MAX_TAPS];
    dq__pyramid pyramid;
    dq_image *content, *style[DQ__MAX_STYLES], *init; /* init: NULL unless a file */
    dq_image *photo;                              /* the content in colour where it is painted in grey, else NULL */
    bool init_noise, init_palette;
    double share[DQ__MAX_STYLES];
    int styles;
    char *record;
    dq__cost_setup setup;
    dq__ranks *ranks;    /* that share the work (spread.h); NULL: none */

    uint64_t limit;      /* bytes of memory that the job may use */
    dq__scale_plan plan, last_plan; /* of the scale under way, of the last one */
    int scale;         /* index of the scale under way, −1 before the first */
    int64_t iteration; /* steps made at it */
    dq__cost *cost;
    dq__adam adam;
    dq__lbfgs lbfgs;
    float *x, *gradient;       /* [h][w][3] in units of pixel_range */
    float *good;               /* x of the last evaluation that was finite, once good_known */
    bool good_known;
    int failures;              /* evaluations in a row that were not, or came from a step too far */
    dq_log_fn log;
    void *log_user;
    float *average;            /* Σ of weighted x, divided by average_weight when read; NULL if average is 0 */
    double average_weight;
    dq__cost_value value;
    double started, work_done; /* seconds; work in pixels × iterations */

    char *checkpoint;          /* path, NULL if none is kept */
    unsigned char digest[DQ__JOB_DIGEST];
    bool resumes, unsaved;     /* goes on from the checkpoint at its first step; has made steps that are not in it */
    double saved, saving;      /* when the checkpoint was written, and how long that took; seconds */
};

/* job.c, for spread.c. */
/* Packs the weights for a job that has all else. */
dq_status dq__job_outfit(dq_job *job, dq__pool *pool, const dq__weights *weights, dq__error *err);
/* The job is one of all ranks from now on, and planned for them. What failed on one of them, here or before (`so_far`), has
 * failed on all. */
dq_status dq__job_join(dq_job *job, dq__ranks *ranks, dq_status so_far, dq__error *err);
/* To where the first step begins. */
dq_status dq__job_begin(dq_job *job, dq__error *err);

static inline int dq__job_last_layer(const dq_job *job) { return job->taps.layer[job->taps.count - 1]; }
/* The scale under way, or the first one. */
static inline const dq__scale *dq__job_scale(const dq_job *job) { return &job->pyramid.scale[job->scale < 0 ? 0 : job->scale]; }

#endif
