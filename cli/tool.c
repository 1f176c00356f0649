/* SPDX-License-Identifier: MIT
 * cli/tool.c: runs a tool of the library for a verb: its settings from the command line, the bar and events of its progress,
 * signals. Knows no tool. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

typedef struct work {
    const char *verb, *doing;
} work;

static int show(void *user, const dq_progress *p) {
    const work *w = user;
    cli_bar(p->done, w->doing);
    if (cli_json())
        cli_event(json_pack("{s:s, s:s, s:f, s:f}", "event", "working", "verb", w->verb, "done", p->done, "seconds", p->seconds));
    return cli_stop_signal() != 0;
}

/* Options of these two groups are the command's affair; the others are settings of the tool. */
static bool is_setting(const cli_option *option) {
    return strcmp(option->group, "output") != 0 && strcmp(option->group, "general") != 0;
}

static void free_all(char **texts, int count) {
    for (int i = 0; i < count; i++) free(texts[i]);
}

/* The settings of the command line in its order, "name=value"; −1 when out of memory. */
static int collect(const cli_args *args, char *settings[CLI_MAX_GIVEN]) {
    int count = 0;
    for (int i = 0; i < args->givens; i++) {
        const cli_option *option = cli_option_at(args->given[i].option);
        if (!is_setting(option)) continue;
        if (asprintf(&settings[count], "%s=%s", option->name, args->given[i].value) >= 0) count++;
        else return free_all(settings, count), -1;
    }
    return count;
}

static int run(dq_context *ctx, const cli_args *args, const char *output, const char *doing, char **json) {
    work w = {args->verb->name, doing};
    char *settings[CLI_MAX_GIVEN];
    const int count = collect(args, settings);
    if (count < 0) return cli_error(DQ_LIMIT, "out of memory");
    const dq_tool tool = {.name = args->verb->name, .inputs = args->positional, .input_count = args->count,
                          .settings = (const char *const *)settings, .setting_count = count, .output = output};
    cli_stop_install();
    const dq_status status = dq_tool_run(ctx, &tool, show, &w, json);
    cli_bar_clear();
    free_all(settings, count);
    if (status == DQ_CANCELLED && cli_stop_signal()) return 128 + cli_stop_signal();
    return status ? cli_error_of(ctx, status) : 0;
}

/* Proves that the picture can be written, before any work. */
static int check_output(dq_context *ctx, const cli_args *args) {
    const char *path = cli_value(args, "output");
    cli_output output = {0};
    if (!path) return cli_error(DQ_USAGE, "'danqing %s' needs -o FILE", args->verb->name);
    if (strcmp(path, "-") == 0)
        return cli_error(DQ_USAGE, "'danqing %s' writes to a file only; give -o FILE", args->verb->name);
    const int code = cli_output_open(&output, ctx, args);
    cli_output_close(&output);
    return code;
}

static int print(const cli_args *args, const char *text, cli_answer_fn tell) {
    json_t *answer = json_loads(text, 0, NULL);
    int code = 0;
    if (!answer) return cli_error(DQ_LIMIT, "out of memory for the answer");
    if (!cli_value(args, "json")) code = tell(args, answer);
    else json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)), putchar('\n');
    json_decref(answer);
    return code;
}

int cli_tool_verb(const cli_args *args, cli_tool_output output, const char *doing, cli_answer_fn tell) {
    dq_context *ctx = NULL;
    char *text = NULL;
    int code = 0;
    cli_say_setup(args);
    const dq_status status = dq_context_new(&ctx, 0);
    if (status) return cli_error(status, "cannot start: %s", dq_status_name(status));
    dq_context_set_log(ctx, cli_log, NULL);
    for (int i = 0; i < args->count && !code; i++)
        if (strcmp(args->positional[i], "-") == 0) code = cli_error(DQ_USAGE, "'danqing %s' reads files only", args->verb->name);
    if (!code && output == CLI_PICTURE) code = check_output(ctx, args);
    if (!code) code = run(ctx, args, output == CLI_NO_FILE ? NULL : cli_value(args, "output"), doing, &text);
    if (!code) code = print(args, text, tell);
    dq_bytes_free((void **)&text);
    dq_context_free(&ctx);
    return code;
}
