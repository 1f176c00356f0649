/* SPDX-License-Identifier: MIT
 * api/model.c: dq_model_* of danqing.h on top of model/. */
#include "api/context.h"
#include "model/model.h"

#include <string.h>

dq_status dq_model_open(dq_context *ctx, dq_model **out, const char *name_or_path) {
    *out = NULL;
    dq_status status = dq__model_open(out, name_or_path ? name_or_path : "", &ctx->error);
    if (status) return status;
    dq__model_describe(*out); /* now, so that dq_model_info cannot fail */
    if (!(*out)->info) {
        dq__model_free(out);
        return dq__no_memory(&ctx->error, 0, "the description of a model");
    }
    return DQ_OK;
}

const char *dq_model_info(const dq_model *model) { return model->info; }

dq_status dq_model_save(dq_context *ctx, const dq_model *model, const char *path, const char *precision) {
    dq_status status = dq__need(ctx, path, "the path to write");
    if (status) return status;
    bool half = precision && strcmp(precision, "fp16") == 0;
    if (!half && precision && strcmp(precision, "fp32") != 0)
        return dq__fail(&ctx->error, DQ_USAGE, "precision is fp32 or fp16, not '%.64s'", precision);
    return dq__model_write(model, path, half, &ctx->error);
}

dq_status dq_model_list(dq_context *ctx, char **json) {
    *json = NULL;
    return dq__model_list(json, &ctx->error);
}

dq_status dq_model_fetch(dq_context *ctx, const char *name, dq_fetch_fn progress, void *user) {
    dq_status status = dq__need(ctx, name, "the name of a model");
    return status ? status : dq__model_fetch(name, progress, user, &ctx->error);
}

void dq_model_free(dq_model **model) {
    if (model) dq__model_free(model);
}
