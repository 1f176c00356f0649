/* SPDX-License-Identifier: MIT
 * cli/ranks.c: the processes that mpirun started with this one: who is the first, who works for whom, what they say to each
 * other. The library's tool "ranks" does it; here it is called. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static const double PATIENCE = 0.4; /* seconds that others are waited for after a signal: mpirun kills a second after it */

static int is_impatient(void *user, const dq_progress *waited) {
    static double since;
    (void)user, (void)waited;
    if (!cli_stop_signal()) return 0;
    if (since == 0) since = cli_now();
    return cli_now() - since > PATIENCE;
}

/* Calls the tool with one setting, or with none, and with --threads. *answer is to be released. */
static int call(dq_context *ctx, const cli_args *args, const char *name, const char *value, json_t **answer) {
    const char *threads = cli_value(args, "threads");
    char *setting[2] = {NULL, NULL}, *text = NULL;
    int count = 0, code = 0;
    *answer = NULL;
    if (name && asprintf(&setting[count], "%s=%s", name, value) >= 0) count++;
    if (threads && asprintf(&setting[count], "threads=%s", threads) >= 0) count++;
    const dq_tool tool = {.name = "ranks", .settings = (const char *const *)setting, .setting_count = count};
    const dq_status status = dq_tool_run(ctx, &tool, is_impatient, NULL, &text);
    if (status) code = cli_error_of(ctx, status);
    else *answer = json_loads(text, 0, NULL);
    if (!status && !*answer) code = cli_error(DQ_LIMIT, "out of memory");
    for (int i = 0; i < count; i++) free(setting[i]);
    dq_bytes_free((void **)&text);
    return code;
}

int cli_ranks_join(dq_context *ctx, const cli_args *args, cli_ranks *ranks) {
    json_t *answer;
    const int code = call(ctx, args, NULL, NULL, &answer);
    *ranks = (cli_ranks){.ctx = ctx, .args = args, .count = 1};
    if (code) return code;
    ranks->own = (int)json_integer_value(json_object_get(answer, "rank"));
    ranks->count = (int)json_integer_value(json_object_get(answer, "ranks"));
    json_decref(answer);
    if (ranks->count == 1) return 0;
    setvbuf(stderr, NULL, _IOLBF, 0); /* lines of several processes do not mix */
    cli_stop_install();
    if (ranks->own > 0) cli_mute(true);
    return 0;
}

int cli_ranks_paint(const cli_ranks *ranks) {
    json_t *answer = NULL;
    const int code = ranks->count > 1 ? call(ranks->ctx, ranks->args, "spread", "picture", &answer) : 0;
    json_decref(answer);
    return code;
}

int cli_ranks_say(const cli_ranks *ranks, const char *text, json_t **said) {
    json_t *answer;
    const int code = call(ranks->ctx, ranks->args, "say", text, &answer);
    *said = code ? NULL : json_incref(json_object_get(answer, "said"));
    json_decref(answer);
    return code;
}

bool cli_ranks_idle(const cli_verb *verb) {
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = getenv("PMI_RANK");
    return rank && strtol(rank, NULL, 10) > 0 && verb->run != cli_paint && verb->run != cli_batch && verb->run != cli_sweep;
}
