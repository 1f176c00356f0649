/* SPDX-License-Identifier: MIT
 * train/run.c: what happens around the steps of the trainer, and when. Nothing here may change what a step computes. */
#include "train/run.h"

#include "base/measure.h"
#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct state {
    const dq__run *run;
    const dq__train_settings *settings;
    dq__trainer *trainer;
    dq__log log;
    unsigned char digest[DQ__DIGEST];
    char checkpoint[4096];
    double before;       /* seconds worked by those who came before */
    double begun, kept;  /* when this one began, and when the last checkpoint was written */
    int64_t first;       /* the step it began at */
    bool stop;           /* the callback asked for it */
} state;

/* ---- checkpoint ---- */

/* NAME.checkpoint beside NAME.safetensors. */
static dq_status name_checkpoint(state *s, dq__error *err) {
    static const char ending[] = ".safetensors";
    size_t n = strlen(s->run->output), m = sizeof ending - 1;
    if (n > m && strcmp(s->run->output + n - m, ending) == 0) n -= m;
    if (n + sizeof ".checkpoint" > sizeof s->checkpoint) return dq__fail(err, DQ_USAGE, "the name of the output is too long");
    snprintf(s->checkpoint, sizeof s->checkpoint, "%.*s.checkpoint", (int)n, s->run->output);
    return DQ_OK;
}

/* The log goes first: what is in the checkpoint is in the log. */
static dq_status keep(state *s, dq__error *err) {
    const double time = dq__seconds();
    dq_status status = dq__log_flush(&s->log, err);
    if (!status)
        status = dq__checkpoint_write(s->trainer, s->digest, s->before + time - s->begun, s->checkpoint, err);
    s->kept = dq__seconds();
    return status;
}

static dq_status take_up(state *s, dq__error *err) {
    const dq__run *run = s->run;
    if (access(s->checkpoint, F_OK) != 0) {
        if (run->resume && run->notice) run->notice(run->notice_user, "there is no checkpoint to go on from: beginning anew");
        return DQ_OK;
    }
    if (!run->resume)
        return dq__fail(err, DQ_USAGE, "%s is there from an earlier run; go on from it with resume, or remove it",
                        s->checkpoint);
    return dq__checkpoint_read(s->trainer, s->digest, &s->before, s->checkpoint, err);
}

/* ---- what is told ---- */

static dq_train_progress progress_of(const state *s, dq_train_event event) {
    const dq__trainer *t = s->trainer;
    const double here = dq__seconds() - s->begun;
    const int64_t made = t->step - s->first;
    dq_train_progress p = {.event = event, .step = t->step, .steps = s->settings->steps, .skipped = t->skipped, .rate = t->rate,
                           .loss = t->loss, .norm = t->norm, .parts = t->task->parts, .part_name = t->task->part_name,
                           .part = t->part, .seconds = s->before + here, .seconds_left = -1};
    if (dq__trainer_done(t)) p.seconds_left = 0;
    else if (made > 0) p.seconds_left = here / (double)made * (double)(p.steps - p.step);
    return p;
}

static void tell(state *s, const dq_train_progress *p) {
    if (s->run->callback && s->run->callback(s->run->user, p)) s->stop = true;
}

/* ---- the work ---- */

static dq_status validate(state *s, dq__error *err) {
    const dq__task *task = s->run->task;
    double part[DQ__MAX_PARTS] = {0};
    dq_train_progress p = progress_of(s, DQ_TRAIN_VALIDATED);
    dq_status status = task->validate ? dq__trainer_validate(s->trainer, &p.loss, part, err) : DQ_OK;
    if (!status && task->sheet && s->run->sheet) status = dq__trainer_sheet(s->trainer, s->run->sheet, err);
    if (status || !task->validate) return status;
    p.part = part;
    dq__log_row(&s->log, "validation", &p);
    status = dq__log_flush(&s->log, err);
    tell(s, &p);
    return status;
}

static dq_status save(state *s, dq__error *err) {
    dq_status status = dq__trainer_save(s->trainer, s->run->output, err);
    const dq_train_progress p = progress_of(s, DQ_TRAIN_SAVED);
    if (!status) tell(s, &p);
    return status;
}

static bool due(const state *s, int64_t every) { return every > 0 && s->trainer->step % every == 0; }

static dq_status one_step(state *s, dq__error *err) {
    dq_status status = dq__trainer_step(s->trainer, err);
    if (status) return status;
    const bool done = dq__trainer_done(s->trainer);
    const dq_train_progress p = progress_of(s, DQ_TRAIN_STEP);
    dq__log_row(&s->log, "train", &p);
    tell(s, &p);
    if (done || due(s, s->settings->validate_every)) status = validate(s, err);
    if (!status && !done && due(s, s->settings->save_every)) status = save(s, err);
    if (!status && !done && dq__seconds() - s->kept >= (double)s->settings->checkpoint_every) status = keep(s, err);
    return status;
}

/* The first checkpoint shows, before any work, that there can be others. */
static dq_status steps(state *s, dq__error *err) {
    s->begun = dq__seconds();
    dq_status status = keep(s, err);
    const dq_train_progress p = progress_of(s, DQ_TRAIN_BEGUN);
    if (!status) tell(s, &p);
    while (!status && !s->stop && !dq__trainer_done(s->trainer)) status = one_step(s, err);
    if (!status) status = keep(s, err);
    if (status || dq__trainer_done(s->trainer)) return status ? status : save(s, err);
    return dq__fail(err, DQ_CANCELLED, "stopped by the caller after step %lld of %lld; the checkpoint is %s",
                    (long long)s->trainer->step, (long long)s->settings->steps, s->checkpoint);
}

dq_status dq__train_run(const dq__run *run, dq__error *err) {
    state *s = dq__alloc_zero(sizeof *s);
    if (!s) return dq__no_memory(err, sizeof *s, "a run");
    s->run = run;
    s->settings = dq__config_settings(run->config);
    dq__config_digest(run->config, s->digest);
    dq_status status = name_checkpoint(s, err);
    if (!status) status = dq__trainer_new(&s->trainer, run->task, s->settings, err);
    if (!status) status = take_up(s, err);
    if (status) goto done;
    s->first = s->trainer->step;
    status = dq__log_open(&s->log, run->log, run->task, run->resume, s->first, err);
    if (!status) status = steps(s, err);
    dq__log_close(&s->log);
done:
    dq__trainer_free(&s->trainer);
    dq__free(s);
    return status;
}
