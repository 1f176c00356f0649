/* SPDX-License-Identifier: MIT
 * cli/serve.c: `danqing serve`, `danqing worker`, and the children that the studio starts: only words become settings here, the
 * studio does the rest. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#ifdef DQ_HAVE_STUDIO

#include "studio/studio.h"

static long number_or(const cli_args *args, const char *name, long otherwise) {
    const char *value = cli_value(args, name);
    return value ? strtol(value, NULL, 10) : otherwise;
}

/* The URL of a database has a password in it, so it may come from the environment, which others cannot read. */
static const char *store_of(const cli_args *args) {
    const char *value = cli_value(args, "store");
    if (!value) value = getenv("DANQING_STORE");
    return value && *value ? value : NULL;
}

static void say(const char *line) { cli_note("%s", line); }

/* Bytes of --memory, which the library reads as it reads its own --max-memory. */
static int memory_of(const cli_args *args, uint64_t *bytes) {
    const char *value = cli_value(args, "memory");
    dq_context *ctx = NULL;
    dq_options *options = NULL;
    *bytes = 0;
    if (!value) return 0;
    dq_status status = dq_context_new(&ctx, 1);
    if (!status) status = dq_options_new(ctx, &options);
    if (!status) status = dq_options_set(options, "max-memory", value);
    if (!status) *bytes = (uint64_t)strtod(dq_options_get(options, "max-memory"), NULL);
    else cli_error(DQ_USAGE, "--memory %s is no size; 4G is one", value);
    dq_options_free(&options);
    dq_context_free(&ctx);
    return (int)status;
}

static int run(const cli_args *args, int (*studio)(const studio_settings *, char *)) {
    char message[STUDIO_MESSAGE] = "";
    cli_say_setup(args);
    studio_settings settings = {.data = cli_value(args, "data"), .store = store_of(args), .listen = cli_value(args, "listen"),
                                .host = cli_value(args, "host"), .port = (int)number_or(args, "port", 8417),
                                .jobs = (int)number_or(args, "jobs", 1), .threads = (int)number_or(args, "threads", 0),
                                .keep_days = (int)number_or(args, "keep-days", 0),
                                .max_upload = (int)number_or(args, "max-upload", 64),
                                .max_pixels = (int)number_or(args, "max-pixels", 64),
                                .max_queue = (int)number_or(args, "max-queue", 2000), .rate = (int)number_or(args, "rate", 50),
                                .open = !cli_value(args, "no-open"), .say = say, .stopped = cli_stop_signal};
    if (settings.store && strncmp(settings.store, "postgresql://", 13) != 0 && strncmp(settings.store, "postgres://", 11) != 0)
        return cli_error(DQ_USAGE, "--store wants postgresql://…; without it the studio keeps its own database in --data FOLDER");
    if (memory_of(args, &settings.memory)) return DQ_USAGE;
    cli_stop_install();
    const int code = studio(&settings, message);
    return code ? cli_error((dq_status)code, "%s", message) : 0;
}

static int serve(const studio_settings *settings, char *message) { return studio_serve(settings, message); }
static int worker(const studio_settings *settings, char *message) { return studio_worker(settings, message); }

int cli_serve(const cli_args *args) { return run(args, serve); }
int cli_worker(const cli_args *args) { return run(args, worker); }

int cli_child(int argc, const char *const *argv) {
    return strcmp(argv[0], "__picture") == 0 ? studio_picture(argc - 1, argv + 1) : studio_paint(argc - 1, argv + 1);
}

#else

static const char why[] = "this danqing was built without its studio (it needs libmicrohttpd and SQLite)";

int cli_serve(const cli_args *args) {
    (void)args;
    return cli_error(DQ_FAILED, "%s", why);
}

int cli_worker(const cli_args *args) {
    (void)args;
    return cli_error(DQ_FAILED, "%s", why);
}

int cli_child(int argc, const char *const *argv) {
    (void)argc, (void)argv;
    return cli_error(DQ_FAILED, "%s", why);
}

#endif
