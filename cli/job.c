/* SPDX-License-Identifier: MIT
 * cli/job.c: what all verbs that paint share: options of the library from the command line, steps as events and as rows of
 * CSV. Owns no job. */
#include "cli.h"

int cli_set_options(dq_context *ctx, const cli_args *args, dq_options *options) {
    const cli_option *option;
    dq_status status = DQ_OK;
    for (int i = 0; !status && (option = cli_option_at(i)); i++)
        if (option->library && args->value[i]) status = dq_options_set(options, option->name, args->value[i]);
    return status ? cli_error_of(ctx, status) : 0;
}

json_t *cli_model_member(const dq_model *model, const char *name) {
    json_t *info = json_loads(dq_model_info(model), 0, NULL);
    json_t *member = json_incref(json_object_get(info, name));
    json_decref(info);
    return member;
}

json_t *cli_step_event(const dq_progress *g) {
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "event", "step", "scale",
                     g->scale, "scales", g->scales, "iteration", g->iteration, "iterations", g->iterations, "width",
                     g->width, "height", g->height, "J", g->cost, "J_content", g->content_cost, "J_style", g->style_cost,
                     "J_tv", g->tv_cost, "seconds", g->seconds, "seconds_left", g->seconds_left, "done", g->done);
}

void cli_log_head(FILE *log) { fputs("iteration,scale,J,J_content,J_style,seconds\n", log); }

void cli_log_step(FILE *log, const dq_progress *g) {
    fprintf(log, "%d,%d,%.9g,%.9g,%.9g,%.3f\n", g->iteration, g->scale, g->cost, g->content_cost, g->style_cost, g->seconds);
}
