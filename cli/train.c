/* SPDX-License-Identifier: MIT
 * cli/train.c: `danqing train distil` and `danqing train sketch`: hands recipe and settings to the library, shows how far the
 * training is, and lets the first signal end it with a checkpoint. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1024 };

typedef struct training {
    const cli_args *args;
    dq_context *ctx;
    dq_training what;
    char *settings[CLI_MAX_GIVEN];
    int64_t skipped;        /* steps, as last told */
    dq_train_progress last; /* without its parts */
} training;

/* ---- before the work --------------------------------------------------------------------------------------------- */

/* Options that are settings of the recipe, and --set, which is any of them. */
static int collect_settings(training *t) {
    static const char *const names[] = {"steps", "threads", "teacher", "images", "method", "pairs", "direction", "encoder",
                                        "holdout", "set"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const char *value;
        const bool any = strcmp(names[k], "set") == 0;
        for (int i = 0; (value = cli_value_at(t->args, names[k], i)); i++) {
            char *text = NULL;
            if (asprintf(&text, "%s%s%s", any ? "" : names[k], any ? "" : "=", value) < 0)
                return cli_error(DQ_LIMIT, "out of memory");
            t->settings[t->what.setting_count++] = text;
        }
    }
    t->what.settings = (const char *const *)t->settings;
    return 0;
}

static int check_outputs(const training *t) {
    const dq_training *w = &t->what;
    if (!w->output)
        return cli_error(DQ_USAGE, "say where to write: danqing %s %s -o NAME.safetensors", t->args->verb->name,
                         w->recipe ? w->recipe : "--pairs DIR");
    if (w->recipe && cli_same_file(w->output, w->recipe))
        return cli_error(DQ_USAGE, "%s is the recipe; choose another -o", w->output);
    int code = cli_check_writable(w->output, cli_value(t->args, "no-clobber") != NULL);
    if (!code && w->log) code = cli_check_writable(w->log, false);
    if (!code && w->sheet) code = cli_check_writable(w->sheet, false);
    return code;
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

/* JSON has no numbers that are not finite. */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static void tell_event(const char *name, const dq_train_progress *p, const char *file) {
    if (!cli_json()) return;
    json_t *parts = json_object();
    for (int i = 0; i < p->parts; i++) json_object_set_new(parts, p->part_name[i], number(p->part[i]));
    json_t *path = json_string(file);
    cli_event(json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:o}", "event", name, "step",
                        (json_int_t)p->step, "steps", (json_int_t)p->steps, "skipped", (json_int_t)p->skipped, "rate",
                        number(p->rate), "norm", number(p->norm), "loss", number(p->loss), "parts", parts, "seconds",
                        p->seconds, "seconds_left", p->seconds_left, "done", (double)p->step / (double)p->steps, "file",
                        path ? path : json_null()));
}

static void show_step(training *t, const dq_train_progress *p) {
    char tail[160], left[32];
    if (p->skipped > t->skipped && !cli_json())
        cli_note("step %lld is left out: its loss or gradient is not finite", (long long)p->step);
    t->skipped = p->skipped;
    snprintf(tail, sizeof tail, "step %lld/%lld  loss %.4g  rate %.2g  %s left", (long long)p->step, (long long)p->steps, p->loss,
             p->rate, p->seconds_left < 0 ? "?" : cli_time(p->seconds_left, left));
    cli_bar((double)p->step / (double)p->steps, tail);
    tell_event("step", p, "");
}

/* "step 1000  validation 0.412  relu1_1 0.1  relu2_1 0.2" */
static void show_validation(const dq_train_progress *p) {
    char line[LINE];
    int n = snprintf(line, sizeof line, "step %lld  validation %.5g", (long long)p->step, p->loss);
    for (int i = 0; i < p->parts && n > 0 && n < LINE; i++)
        n += snprintf(line + n, (size_t)(LINE - n), "  %s %.4g", p->part_name[i], p->part[i]);
    if (cli_json()) tell_event("validation", p, "");
    else cli_note("%s", line);
}

static void show_begin(training *t, const dq_train_progress *p) {
    t->skipped = p->skipped;
    if (cli_json()) tell_event("start", p, "");
    else if (p->step > 0) cli_note("going on after step %lld of %lld", (long long)p->step, (long long)p->steps);
}

static void show_saved(const training *t, const dq_train_progress *p) {
    char time[32];
    if (cli_json()) tell_event("written", p, t->what.output);
    else cli_note("wrote %s after step %lld of %lld, %s", t->what.output, (long long)p->step, (long long)p->steps,
                  cli_time(p->seconds, time));
}

static int watch(void *user, const dq_train_progress *p) {
    training *t = user;
    t->last = *p;
    if (p->event == DQ_TRAIN_BEGUN) show_begin(t, p);
    else if (p->event == DQ_TRAIN_STEP) show_step(t, p);
    else if (p->event == DQ_TRAIN_VALIDATED) show_validation(p);
    else show_saved(t, p);
    return cli_stop_signal() != 0;
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

static int work(training *t) {
    cli_stop_install();
    const dq_status status = dq_train(t->ctx, &t->what, watch, t);
    const int number = cli_stop_signal();
    cli_bar_clear();
    if (status == DQ_CANCELLED && number) {
        cli_note("stopped after step %lld of %lld; --resume goes on from there", (long long)t->last.step,
                 (long long)t->last.steps);
        return 128 + number;
    }
    return status ? cli_error_of(t->ctx, status) : 0;
}

/* recipe: NULL for the kind's own. */
static int train(const cli_args *args, const char *kind, const char *recipe) {
    training t = {.args = args,
                  .what = {.kind = kind, .recipe = recipe, .output = cli_value(args, "output"),
                           .log = cli_value(args, "log"), .sheet = cli_value(args, "sheet"),
                           .resume = cli_value(args, "resume") != NULL}};
    cli_say_setup(args);
    int code = check_outputs(&t);
    if (!code) code = collect_settings(&t);
    dq_status status = code ? DQ_OK : dq_context_new(&t.ctx, 0);
    if (status) code = cli_error(status, "cannot start: %s", dq_status_name(status));
    if (t.ctx) {
        dq_context_set_log(t.ctx, cli_log, NULL);
        code = work(&t);
    }
    dq_context_free(&t.ctx);
    for (int i = 0; i < t.what.setting_count; i++) free(t.settings[i]);
    return code;
}

int cli_train_distil(const cli_args *args) { return train(args, "distil", args->positional[0]); }

int cli_train_sketch(const cli_args *args) { return train(args, "sketch", NULL); }
