/* SPDX-License-Identifier: MIT
 * api/options.c: dq_options_*, dq_option_at and dq_recipe_at of danqing.h on top of paint/options.h. */
#include "api/context.h"
#include "paint/options.h"

dq_status dq_options_new(dq_context *ctx, dq_options **out) {
    *out = NULL;
    dq_status status = dq__options_new(out, &ctx->error);
    if (!status) (*out)->context = ctx;
    return status;
}

dq_status dq_options_set(dq_options *options, const char *name, const char *value) {
    dq_context *ctx = options->context;
    dq_status status = dq__need(ctx, name, "the name of an option");
    if (!status) status = dq__need(ctx, value, "the value of an option");
    return status ? status : dq__options_set(options, name, value, &ctx->error);
}

const char *dq_options_get(dq_options *options, const char *name) {
    return name ? dq__options_get(options, name) : NULL;
}

const dq_option_info *dq_option_at(int index) { return dq__option_at(index); }
const char *dq_recipe_at(int index, const char **description) { return dq__recipe_at(index, description); }

void dq_options_free(dq_options **options) {
    if (options) dq__options_free(options);
}
