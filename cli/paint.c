/* SPDX-License-Identifier: MIT
 * cli/paint.c: `danqing paint`: checks everything that can be checked before the work, steps the job, reports, and writes the
 * picture, also when a signal ends the work early. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct paint {
    const cli_args *args;
    dq_context *ctx;
    dq_options *options;
    dq_image *content, *styles[CLI_MAX_STYLES];
    int style_count;
    dq_model *model;
    dq_job *job;
    dq_plan plan;
    dq_progress progress; /* after the last step */
    cli_output output;
    FILE *log;
    long steps, save_every; /* done so far; between saved pictures, 0 for never */
    int save_code;          /* of a picture in between that could not be saved */
} paint;

/* ---- before the work --------------------------------------------------------------------------------------------- */

static int set_options(paint *p) {
    const dq_status status = dq_options_new(p->ctx, &p->options);
    return status ? cli_error_of(p->ctx, status) : cli_set_options(p->ctx, p->args, p->options);
}

static int check_stdin(const cli_args *args) {
    int count = 0;
    for (int i = 0; i < args->count; i++) count += strcmp(args->positional[i], "-") == 0;
    return count > 1 ? cli_error(DQ_USAGE, "only one picture can come from standard input") : 0;
}

static int read_pictures(paint *p) {
    dq_status status = cli_read_picture(p->ctx, &p->content, p->args->positional[0]);
    for (int i = 1; !status && i < p->args->count; i++, p->style_count++)
        status = cli_read_picture(p->ctx, &p->styles[i - 1], p->args->positional[i]);
    return (int)status;
}

/* The CSV is opened early, so that a wrong name costs no work; `-` is standard output. */
static int open_log(paint *p) {
    const char *path = cli_value(p->args, "log");
    if (!path) return 0;
    for (int i = 0; i < p->args->count; i++)
        if (cli_same_file(path, p->args->positional[i])) return cli_error(DQ_USAGE, "--log %s is also an input", path);
    bool standard = strcmp(path, "-") == 0;
    if (standard && strcmp(p->output.path, "-") == 0)
        return cli_error(DQ_USAGE, "the picture and the log cannot both go to standard output");
    p->log = standard ? stdout : fopen(path, "we");
    if (!p->log) return cli_error(DQ_OUTPUT, "cannot write the log %s: %s", path, strerror(errno));
    setvbuf(p->log, NULL, _IOLBF, 0);
    cli_log_head(p->log);
    return 0;
}

static int close_log(paint *p) {
    if (!p->log) return 0;
    bool failed = fflush(p->log) != 0 || ferror(p->log);
    if (p->log != stdout && fclose(p->log) != 0) failed = true;
    p->log = NULL;
    return failed ? cli_error(DQ_OUTPUT, "the log %s could not be written whole", cli_value(p->args, "log")) : 0;
}

/* --resume keeps the checkpoint beside the output, unless --checkpoint names a place. */
static int set_checkpoint(paint *p) {
    char *path = NULL;
    if (!cli_value(p->args, "resume") || cli_value(p->args, "checkpoint")) return 0;
    if (strcmp(p->output.path, "-") == 0)
        return cli_error(DQ_USAGE, "--resume needs -o FILE, or --checkpoint FILE, when the picture goes to standard output");
    if (asprintf(&path, "%s" CLI_CHECKPOINT, p->output.path) < 0) return cli_error(DQ_LIMIT, "out of memory");
    const dq_status status = dq_options_set(p->options, "checkpoint", path);
    free(path);
    return status ? cli_error_of(p->ctx, status) : 0;
}

static int prepare(paint *p) {
    int code = check_stdin(p->args);
    if (!code) code = set_options(p);
    if (!code) code = cli_output_open(&p->output, p->ctx, p->args);
    if (!code) code = set_checkpoint(p);
    if (!code) code = read_pictures(p);
    if (code) return code;
    dq_status status = dq_model_open(p->ctx, &p->model, dq_options_get(p->options, "model"));
    if (!status)
        status = dq_job_new(p->ctx, &p->job, p->model, p->content, (const dq_image *const *)p->styles, p->style_count,
                            p->options);
    if (!status) status = dq_job_plan(p->job, &p->plan);
    return status ? cli_error_of(p->ctx, status) : 0;
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

static void print_plan(FILE *to, const paint *p) {
    char memory[32], text[160];
    json_t *name = cli_model_member(p->model, "name");
    snprintf(text, sizeof text, "%s", name ? json_string_value(name) : "?");
    json_decref(name);
    fprintf(to, "photo       %d × %d\n", dq_image_width(p->content), dq_image_height(p->content));
    for (int i = 0; i < p->style_count; i++)
        fprintf(to, "painting    %d × %d\n", dq_image_width(p->styles[i]), dq_image_height(p->styles[i]));
    fprintf(to, "picture     %d × %d, to ", p->plan.width, p->plan.height);
    cli_print_clean(to, p->output.path);
    fprintf(to, "\nrecipe      ");
    cli_print_clean(to, dq_options_get(p->options, "recipe"));
    fprintf(to, "\nnetwork     ");
    cli_print_clean(to, text);
    fprintf(to, "\nscales      %d\niterations  %lld\nmemory      %s", p->plan.scales, (long long)p->plan.iterations,
            cli_bytes((double)p->plan.memory, memory));
    if (p->plan.file) fprintf(to, ", and %s in a temporary file", cli_bytes((double)p->plan.file, memory));
    if (p->plan.window_rows * p->plan.window_cols > 1)
        fprintf(to, "\nwindows     %d × %d of %d × %d, %.2f passes of the picture a step (whole: 2)", p->plan.window_cols,
                p->plan.window_rows, p->plan.window_width, p->plan.window_height, p->plan.passes);
    fprintf(to, "\ncompute     %.3g TFLOP, kernels %s\ntime        about %s\n", p->plan.flops / 1e12, dq_context_isa(p->ctx),
            cli_time(p->plan.seconds, memory));
}

static json_t *plan_event(const paint *p) {
    return json_pack("{s:s, s:i, s:i, s:i, s:I, s:I, s:f, s:I, s:i, s:i, s:i, s:i, s:f, s:f}", "event", "start", "width",
                     p->plan.width, "height", p->plan.height, "scales", p->plan.scales, "iterations",
                     (json_int_t)p->plan.iterations, "memory", (json_int_t)p->plan.memory, "flops", p->plan.flops, "file",
                     (json_int_t)p->plan.file,
                     "window_rows", p->plan.window_rows, "window_cols", p->plan.window_cols, "window_width",
                     p->plan.window_width, "window_height", p->plan.window_height, "passes", p->plan.passes,
                     "seconds_expected", p->plan.seconds);
}

static void show_step(const dq_progress *g) {
    char tail[160], left[32];
    snprintf(tail, sizeof tail, "scale %d/%d  step %d/%d  J %.4g  %s left", g->scale, g->scales, g->iteration,
             g->iterations, g->cost, g->seconds_left < 0 ? "?" : cli_time(g->seconds_left, left));
    cli_bar(g->done, tail);
    if (cli_json()) cli_event(cli_step_event(g));
}

/* The last line: what was written, its size, the time, J. */
static void say_written(const paint *p, bool stopped) {
    const dq_progress *g = &p->progress;
    struct rusage usage;
    char peak[32], cost[32] = "";
    const char *name = strcmp(p->output.path, "-") == 0 ? "standard output" : p->output.path;
    if (p->steps > 0) snprintf(cost, sizeof cost, ", J %.4g", g->cost);
    if (cli_json()) {
        cli_event(json_pack("{s:s, s:o, s:i, s:i, s:f, s:f, s:b}", "event", "written", "file", cli_json_text(name), "width",
                            p->plan.width, "height", p->plan.height, "seconds", g->seconds, "J", g->cost, "stopped", stopped));
        return;
    }
    if (stopped)
        cli_note("stopped at scale %d of %d, step %d of %d; the picture so far is saved", g->scale, g->scales,
                 g->iteration, g->iterations);
    cli_note("wrote %s: %d × %d, %.1f s%s", name, p->plan.width, p->plan.height, g->seconds, cost);
    if (cli_value(p->args, "verbose") && getrusage(RUSAGE_SELF, &usage) == 0)
        cli_note("peak memory %s", cli_bytes((double)usage.ru_maxrss * 1024, peak));
}

/* ---- the work ---------------------------------------------------------------------------------------------------- */

static int write_picture(paint *p, long step) {
    dq_image *image;
    dq_status status = dq_job_image(p->job, &image);
    if (status) return cli_error_of(p->ctx, status);
    int code = cli_output_write(&p->output, p->ctx, image, step);
    dq_image_free(&image);
    return code;
}

static void after_step(paint *p) {
    p->steps++;
    show_step(&p->progress);
    if (p->log) cli_log_step(p->log, &p->progress);
    if (!p->save_every || p->steps % p->save_every) return;
    p->save_code = write_picture(p, p->steps);
    if (p->save_code) p->save_every = 0; /* said once; the work goes on */
}

/* Steps until the job is done, a signal came, or a step failed. */
static int run(paint *p) {
    dq_model_free(&p->model); /* the job has copied what it needs */
    for (int more = 1; more && !cli_stop_signal();) {
        dq_status status = dq_job_step(p->job, &more);
        if (status) return cli_error_of(p->ctx, status);
        dq_job_progress(p->job, &p->progress);
        if (p->progress.iteration > 0) after_step(p);
    }
    return 0;
}

static void free_pictures(paint *p) {
    for (int i = 0; i < CLI_MAX_STYLES; i++) dq_image_free(&p->styles[i]);
    dq_image_free(&p->content);
}

static int work(paint *p) {
    const char *every = cli_value(p->args, "save-every");
    p->save_every = every ? strtol(every, NULL, 10) : 0;
    int code = open_log(p);
    if (code) return code;
    if (cli_json()) cli_event(plan_event(p));
    else if (cli_value(p->args, "verbose") && !cli_quiet()) print_plan(stderr, p);
    free_pictures(p); /* the job keeps copies, no larger than it needs */
    cli_stop_install();
    const int run_code = run(p);
    cli_bar_clear();
    int number = cli_stop_signal();
    if (number && p->steps == 0) {
        cli_note("stopped before the first step; nothing was written");
        return 128 + number;
    }
    const bool there = !run_code || p->steps > 0; /* a failure on the way does not cost the picture so far */
    if (there) code = write_picture(p, 0);
    if (there && !code) say_written(p, number != 0 || run_code);
    int log_code = close_log(p);
    if (run_code) return run_code;
    if (!code) code = log_code ? log_code : p->save_code;
    return code || !number ? code : 128 + number;
}

/* A picture that is there needs no checkpoint any more; one that is not says how to go on. */
static void leave_checkpoint(const paint *p, int code) {
    const char *path = p->options ? dq_options_get(p->options, "checkpoint") : NULL;
    if (!path || !*path || cli_value(p->args, "dry-run") || p->steps == 0) return;
    if (code == 0) unlink(path);
    else if (access(path, F_OK) == 0) cli_note("the same command goes on from %s", path);
}

static int dry_run(paint *p) {
    if (cli_json()) cli_event(plan_event(p));
    else print_plan(stdout, p);
    return 0;
}

int cli_paint(const cli_args *args) {
    paint p = {.args = args};
    cli_say_setup(args);
    dq_status status = dq_context_new(&p.ctx, 0);
    if (status) return cli_error(status, "cannot start: %s", dq_status_name(status));
    dq_context_set_log(p.ctx, cli_log, NULL);
    cli_ranks ranks;
    int code = cli_ranks_join(p.ctx, args, &ranks);
    if (!code) code = cli_ranks_paint(&ranks);
    const bool leads = ranks.own == 0;
    if (!code && leads) code = prepare(&p);
    if (!code && leads) code = cli_value(args, "dry-run") ? dry_run(&p) : work(&p);
    if (p.log && p.log != stdout) fclose(p.log);
    dq_job_free(&p.job); /* an unfinished one leaves its checkpoint */
    leave_checkpoint(&p, code);
    dq_model_free(&p.model);
    free_pictures(&p);
    dq_options_free(&p.options);
    cli_output_close(&p.output);
    dq_context_free(&p.ctx);
    return code;
}
