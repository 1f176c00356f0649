/* SPDX-License-Identifier: MIT
 * api/train.c: dq_train of danqing.h on top of train/. */
#include "api/context.h"
#include "sketch/learn.h"
#include "train/kinds.h"
#include "train/run.h"

#include <string.h>

/* Students that draw stand above train/, and bring a recipe of their own. */
static const dq__train_kind sketch = {"sketch", dq__sketch_lists, dq__sketch_task};

static dq_status find_kind(const dq__train_kind **kind, const char *name, dq__error *err) {
    *kind = &sketch;
    return strcmp(name, sketch.name) == 0 ? DQ_OK : dq__train_kind_find(kind, name, err);
}

static dq_status read_recipe(dq__config **config, const dq__train_kind *kind, const dq_training *t, dq__error *err) {
    if (!t->recipe && kind == &sketch)
        return dq__config_new(config, "the recipe of sketch", dq__sketch_recipe, t->settings, t->setting_count, kind->lists, err);
    return dq__config_read(config, t->recipe, t->settings, t->setting_count, kind->lists, err);
}

static dq_status check_arguments(dq_context *ctx, const dq_training *training) {
    dq_status status = dq__need(ctx, training, "the training");
    if (!status) status = dq__need(ctx, training->kind, "the kind of training");
    if (!status && strcmp(training->kind, sketch.name) != 0) status = dq__need(ctx, training->recipe, "the path of the recipe");
    if (!status) status = dq__need(ctx, training->output, "the path to write");
    if (!status && training->setting_count > 0) status = dq__need(ctx, training->settings, "the settings");
    return status;
}

dq_status dq_train(dq_context *ctx, const dq_training *training, dq_train_fn callback, void *user) {
    const dq__train_kind *kind;
    dq__config *config = NULL;
    dq__pool *pool;
    dq__task task = {0};
    dq_status status = check_arguments(ctx, training);
    if (!status) status = find_kind(&kind, training->kind, &ctx->error);
    if (!status) status = read_recipe(&config, kind, training, &ctx->error);
    if (!status) status = dq__context_pool(ctx, (int)dq__config_settings(config)->threads, &pool);
    if (!status) status = kind->make(&task, pool, config, &ctx->error);
    if (!status) {
        const dq__run run = {.task = &task, .config = config, .output = training->output, .log = training->log,
                             .sheet = training->sheet, .resume = training->resume != 0, .notice = ctx->log,
                             .notice_user = ctx->log_user, .callback = callback, .user = user};
        status = dq__train_run(&run, &ctx->error);
        task.free(task.self);
    }
    dq__config_free(&config);
    return status;
}
