/* SPDX-License-Identifier: MIT
 * train/trainer.c: one step of training. Every sum runs in the order of the parameters, so that a step depends on the state
 * and the step's number alone. */
#include "train/trainer.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- schedule ---- */

double dq__rate_at(const dq__train_settings *s, int64_t step) {
    const double pi = 3.14159265358979323846;
    if (step < s->warmup) return s->rate * (double)(step + 1) / (double)s->warmup;
    if (s->schedule == DQ__CONSTANT) return s->rate;
    const int64_t falling = s->steps - s->warmup; /* steps with the first and the last rate and those between */
    double at = falling > 1 ? (double)(step - s->warmup) / (double)(falling - 1) : 0;
    if (at > 1) at = 1;
    return s->final_rate + (s->rate - s->final_rate) * 0.5 * (1 + cos(pi * at));
}

double dq__average_at(const dq__train_settings *s, int64_t t) {
    const double young = (double)(1 + t) / (double)(10 + t);
    return young < s->average ? young : s->average;
}

/* ---- life ---- */

dq_status dq__trainer_new(dq__trainer **out, const dq__task *task, const dq__train_settings *settings, dq__error *err) {
    dq__trainer *t = dq__alloc_zero(sizeof *t);
    size_t bytes;
    *out = NULL;
    if (!t) return dq__no_memory(err, sizeof *t, "the trainer");
    t->task = task;
    t->settings = *settings;
    dq_status status = DQ_OK;
    if (!dq__mul(task->parameters, sizeof(float), &bytes)) status = dq__no_memory(err, SIZE_MAX, "the parameters");
    if (!status)
        status = dq__adam_init(&t->adam, task->parameters, settings->rate, settings->beta1, settings->beta2,
                               settings->epsilon, err);
    if (status) goto failed;
    t->adam.decay = settings->weight_decay;
    t->theta = dq__alloc_zero(bytes);
    t->gradient = dq__alloc_zero(bytes);
    t->average = settings->average > 0 ? dq__alloc_zero(bytes) : t->theta;
    if (!t->theta || !t->gradient || !t->average) {
        status = dq__no_memory(err, 3 * bytes, "the parameters");
        goto failed;
    }
    task->init(task->self, (uint64_t)settings->seed, t->theta);
    if (t->average != t->theta) memcpy(t->average, t->theta, bytes);
    *out = t;
    return DQ_OK;
failed:
    dq__trainer_free(&t);
    return status;
}

void dq__trainer_free(dq__trainer **trainer) {
    dq__trainer *t = *trainer;
    if (!t) return;
    if (t->average != t->theta) dq__free(t->average);
    dq__free(t->theta);
    dq__free(t->gradient);
    dq__adam_deinit(&t->adam);
    dq__free(t);
    *trainer = NULL;
}

bool dq__trainer_done(const dq__trainer *t) { return t->step >= t->settings.steps; }

/* ---- the step ---- */

static double norm_of(const float *gradient, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)gradient[i] * (double)gradient[i];
    return sqrt(sum);
}

/* Scales the gradient so that its norm is at most `most`. */
static void clip(float *gradient, size_t n, double norm, double most) {
    if (most <= 0 || norm <= most) return;
    const float factor = (float)(most / norm);
    for (size_t i = 0; i < n; i++) gradient[i] *= factor;
}

static void update_average(dq__trainer *t) {
    if (t->average == t->theta) return;
    const float share = (float)(1 - dq__average_at(&t->settings, t->adam.step));
    for (size_t i = 0; i < t->task->parameters; i++) t->average[i] += share * (t->theta[i] - t->average[i]);
}

/* A step that cannot be taken. */
static dq_status skip(dq__trainer *t, dq__error *err) {
    t->skipped++;
    if (++t->bad < DQ__MAX_BAD_STEPS) return DQ_OK;
    return dq__fail(err, DQ_FAILED, "the loss or its gradient was not finite in %d steps in a row, the last of them step %lld; "
                    "a smaller rate, a longer warmup or clip may help", DQ__MAX_BAD_STEPS, (long long)t->step);
}

dq_status dq__trainer_step(dq__trainer *t, dq__error *err) {
    const size_t n = t->task->parameters;
    const dq__box open = {0};
    dq_status status = t->task->gradient(t->task->self, t->theta, t->step, t->gradient, &t->loss, t->part, err);
    if (status) return status;
    t->rate = dq__rate_at(&t->settings, t->step++);
    t->norm = norm_of(t->gradient, n);
    t->taken = isfinite(t->loss) && isfinite(t->norm);
    if (!t->taken) return skip(t, err);
    t->bad = 0;
    clip(t->gradient, n, t->norm, t->settings.clip);
    t->adam.rate = t->rate;
    dq__adam_step(&t->adam, t->theta, t->gradient, open);
    update_average(t);
    return DQ_OK;
}

/* ---- the result ---- */

dq_status dq__trainer_validate(const dq__trainer *t, double *loss, double *part, dq__error *err) {
    return t->task->validate(t->task->self, t->average, loss, part, err);
}

dq_status dq__trainer_sheet(const dq__trainer *t, const char *path, dq__error *err) {
    return t->task->sheet(t->task->self, t->average, path, err);
}

dq_status dq__trainer_save(const dq__trainer *t, const char *path, dq__error *err) {
    return t->task->save(t->task->self, t->average, t->step, path, err);
}
