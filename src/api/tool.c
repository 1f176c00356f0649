/* SPDX-License-Identifier: MIT
 * api/tool.c: dq_tool_run of danqing.h: the table of tools, and what a call is made of. Must not know what a tool does. */
#include "api/tool.h"

#include "api/context.h"
#include "base/measure.h"
#include "base/mem.h"
#include "explain/explain.h"
#include "sketch/sketch.h"

#include <stdio.h>
#include <string.h>

/* One line for each tool. */
static const struct {
    const char *name;
    dq__tool_fn run;
} tools[] = {
    {"bench", dq__bench_tool},
    {"ranks", dq__ranks_tool},
    {"sheet", dq__sheet_tool},
    {"filter", dq__filter_tool},
    {"explain network", dq__network_tool},
    {"explain features", dq__features_tool},
    {"explain channel", dq__channel_tool},
    {"explain reconstruct", dq__reconstruct_tool},
    {"explain classify", dq__classify_tool},
    {"sketch", dq__sketch_tool},
    {"sketch eval", dq__sketch_eval_tool},
};
enum { TOOLS = sizeof tools / sizeof *tools };

static dq_status refuse(const char *name, dq__error *err) {
    char list[320] = "";
    size_t used = 0;
    for (int i = 0; i < TOOLS && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", tools[i].name);
    return dq__fail(err, DQ_USAGE, "there is no tool '%.40s'; there are: %s", name, list);
}

static dq_status find(const char *name, dq__tool_fn *run, dq__error *err) {
    for (int i = 0; i < TOOLS; i++) {
        if (strcmp(tools[i].name, name) != 0) continue;
        *run = tools[i].run;
        return DQ_OK;
    }
    return refuse(name, err);
}

static dq_status need_all(dq_context *ctx, const char *const *texts, int count, const char *what) {
    dq_status status = count > 0 ? dq__need(ctx, texts, what) : DQ_OK;
    for (int i = 0; i < count && !status; i++) status = dq__need(ctx, texts[i], what);
    return status;
}

static dq_status check(dq_context *ctx, const dq_tool *tool) {
    dq_status status = dq__need(ctx, tool, "the tool");
    if (!status) status = dq__need(ctx, tool->name, "the name of the tool");
    if (!status) status = need_all(ctx, tool->inputs, tool->input_count, "an input");
    return status ? status : need_all(ctx, tool->settings, tool->setting_count, "a setting");
}

/* The pool that the setting "threads" asks for: the one setting that all tools have. */
static dq_status find_pool(dq_context *ctx, dq__call *call) {
    static const dq__setting row = {"threads", DQ__SET_INT, 0, "0", 0, 256, NULL};
    int64_t threads = 0;
    const char *value;
    dq_status status = DQ_OK;
    for (int i = 0; !status && (value = dq__call_setting(call, row.name, i)); i++)
        status = dq__setting_take(&row, value, &threads, &ctx->error);
    return status ? status : dq__context_pool(ctx, (int)threads, &call->pool);
}

dq_status dq_tool_run(dq_context *ctx, const dq_tool *tool, dq_progress_fn progress, void *user, char **json) {
    dq__tool_fn run = NULL;
    char *text = NULL;
    dq__call call = {.tool = tool, .progress = progress, .user = user, .notice = ctx->log, .notice_user = ctx->log_user,
                     .context = ctx, .began = dq__seconds(), .json = &text};
    if (json) *json = NULL;
    dq_status status = check(ctx, tool);
    if (!status) status = find(tool->name, &run, &ctx->error);
    if (!status) status = find_pool(ctx, &call);
    if (!status) status = run(&call, &ctx->error);
    if (!status && json) *json = text;
    else dq__free(text);
    return status;
}
