/* SPDX-License-Identifier: MIT
 * cli/series.c: see series.h. Read paint_item and cli_series_run first. */
#include "series.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the checksum of a picture ------------------------------------------------------------------------------------- */

static const uint64_t HASH_START = 0xcbf29ce484222325u; /* 64-bit FNV-1a */

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ b[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text) { return hash_bytes(hash, text, strlen(text) + 1); }

/* Of a file's bytes; false, with errno, if it cannot be read. */
static bool hash_file(const char *path, uint64_t *hash) {
    char block[65536];
    size_t n;
    FILE *file = fopen(path, "rbe");
    if (!file) return false;
    *hash = HASH_START;
    while ((n = fread(block, 1, sizeof block, file)) > 0) *hash = hash_bytes(*hash, block, n);
    const int error = ferror(file) ? errno : 0;
    fclose(file);
    errno = error;
    return !error;
}

/* Reads an input for its checksum, once; a failure is said once too. */
static int know_input(cli_input *input) {
    if (input->known || input->code) return input->code;
    if (strcmp(input->path, "-") == 0)
        return input->code = cli_error(DQ_USAGE, "standard input can be read only once; name a file, not -");
    input->known = hash_file(input->path, &input->hash);
    if (!input->known) input->code = cli_error(DQ_BAD_IMAGE, "cannot read %s: %s", input->path, strerror(errno));
    return input->code;
}

/* Every option that can change the picture; of one that names a file (--init) the file too. */
static uint64_t hash_options(uint64_t hash, dq_options *options) {
    const dq_option_info *info;
    for (int i = 0; (info = dq_option_at(i)); i++) {
        uint64_t file;
        struct stat status;
        if (strcmp(info->group, "machine") == 0 || strcmp(info->name, "model") == 0) continue;
        const char *value = dq_options_get(options, info->name);
        hash = hash_text(hash_text(hash, info->name), value);
        if (strcmp(info->type, "text") == 0 && stat(value, &status) == 0 && S_ISREG(status.st_mode) && hash_file(value, &file))
            hash = hash_bytes(hash, &file, sizeof file);
    }
    return hash;
}

static void sum_up(const cli_series *s, cli_item *item, dq_options *options) {
    json_t *sha256 = cli_model_member(s->model, "sha256");
    uint64_t hash = hash_text(HASH_START, dq_version());
    hash = hash_text(hash, json_is_string(sha256) ? json_string_value(sha256) : "");
    hash = hash_options(hash, options);
    hash = hash_bytes(hash, &item->photo->hash, sizeof hash);
    for (int i = 0; i < item->styles; i++) hash = hash_bytes(hash, &item->style[i]->hash, sizeof hash);
    snprintf(item->job, sizeof item->job, "%016" PRIx64, hash);
    json_decref(sha256);
}

/* ---- options and network ------------------------------------------------------------------------------------------- */

int cli_series_open(cli_series *s, const cli_args *args) {
    s->args = args;
    cli_say_setup(args);
    const dq_status status = dq_context_new(&s->ctx, 0);
    if (status) return cli_error(status, "cannot start: %s", dq_status_name(status));
    dq_context_set_log(s->ctx, cli_log, NULL);
    return cli_ranks_join(s->ctx, args, &s->ranks);
}

static dq_status set_all(dq_options *options, const cli_setting *setting, int count) {
    dq_status status = DQ_OK;
    for (int i = 0; i < count && !status; i++) status = dq_options_set(options, setting[i].name, setting[i].value);
    return status;
}

/* The options of an item: those of the series, of the command line, its own. */
static int make_options(cli_series *s, const cli_item *item, dq_options **out) {
    dq_status status = dq_options_new(s->ctx, out);
    if (!status) status = set_all(*out, s->base, s->bases);
    if (status) return cli_error_of(s->ctx, status);
    int code = cli_set_options(s->ctx, s->args, *out);
    if (!code) status = set_all(*out, item->setting, item->settings);
    return status ? cli_error_of(s->ctx, status) : code;
}

/* The network that the options name, unless it is the one in memory. */
static int need_model(cli_series *s, dq_options *options) {
    const char *name = dq_options_get(options, "model");
    if (s->model && strcmp(s->model_name, name) == 0) return 0;
    dq_model_free(&s->model);
    free(s->model_name);
    s->model_name = strdup(name);
    if (!s->model_name) return cli_error(DQ_LIMIT, "out of memory");
    const dq_status status = dq_model_open(s->ctx, &s->model, name);
    return status ? cli_error_of(s->ctx, status) : 0;
}

/* ---- before the work ----------------------------------------------------------------------------------------------- */

int cli_series_folder(const cli_args *args, const char **folder) {
    struct stat status;
    *folder = cli_value(args, "output");
    if (!*folder || !**folder) return cli_error(DQ_USAGE, "say where the pictures go: -o FOLDER");
    if (!cli_value(args, "dry-run") && mkdir(*folder, 0777) != 0 && errno != EEXIST)
        return cli_error(DQ_OUTPUT, "cannot make the folder %s: %s", *folder, strerror(errno));
    if (stat(*folder, &status) != 0) return 0; /* a dry run need not find it */
    if (!S_ISDIR(status.st_mode)) return cli_error(DQ_OUTPUT, "%s is not a folder", *folder);
    if (access(*folder, W_OK | X_OK) == 0) return 0;
    return cli_error(DQ_OUTPUT, "cannot write into %s: %s", *folder, strerror(errno));
}

static bool has_bad_input(const cli_item *item) {
    for (int i = 0; i < item->styles; i++)
        if (item->style[i]->code) return true;
    return item->photo->code != 0;
}

/* The checksum in the record of a picture, "" if there is none. */
static void read_job(dq_context *ctx, const char *path, char job[17]) {
    dq_image *image;
    *job = 0;
    if (dq_image_read(ctx, &image, path)) return;
    const char *text = dq_image_record(image);
    json_t *record = text ? json_loads(text, 0, NULL) : NULL;
    const char *value = json_string_value(json_object_get(record, "job"));
    if (value) snprintf(job, 17, "%.16s", value);
    json_decref(record);
    dq_image_free(&image);
}

/* What lies at the item's path already decides its state. */
static void look_at_path(cli_series *s, cli_item *item) {
    char job[17];
    if (access(item->path, F_OK) != 0) return;
    read_job(s->ctx, item->path, job);
    if (strcmp(job, item->job) == 0 && (!item->log || access(item->log, R_OK) == 0)) {
        item->state = CLI_KEPT;
    } else if (!*job && !cli_value(s->args, "force")) {
        item->state = CLI_BROKEN;
        cli_error(DQ_OUTPUT, "%s is there already and not the work of a series; --force overwrites it", item->path);
    }
}

static int look_at(cli_series *s, cli_item *item) {
    dq_options *options = NULL;
    int code = make_options(s, item, &options);
    if (!code) code = need_model(s, options);
    if (!code) {
        know_input(item->photo);
        for (int i = 0; i < item->styles; i++) know_input(item->style[i]);
        if (has_bad_input(item)) item->state = CLI_BROKEN;
    }
    if (!code && item->state == CLI_TODO) {
        sum_up(s, item, options);
        look_at_path(s, item);
    }
    dq_options_free(&options);
    return code;
}

int cli_series_look(cli_series *s) {
    int code = 0;
    for (int i = 0; i < s->count && !code; i++) code = look_at(s, &s->item[i]);
    return code;
}

int cli_series_count(const cli_series *s, cli_state state) {
    int count = 0;
    for (int i = 0; i < s->count; i++) count += s->item[i].state == state;
    return count;
}

/* ---- jobs ---------------------------------------------------------------------------------------------------------- */

typedef struct pictures {
    dq_image *photo, *style[CLI_MAX_STYLES];
} pictures;

static void free_pictures(pictures *p) {
    dq_image_free(&p->photo);
    for (int i = 0; i < CLI_MAX_STYLES; i++) dq_image_free(&p->style[i]);
}

static int read_input(cli_series *s, cli_input *input, dq_image **image) {
    const dq_status status = dq_image_read(s->ctx, image, input->path);
    if (status) input->code = cli_error_of(s->ctx, status);
    return status;
}

static int read_pictures(cli_series *s, const cli_item *item, pictures *p) {
    int code = read_input(s, item->photo, &p->photo);
    for (int i = 0; i < item->styles && !code; i++) code = read_input(s, item->style[i], &p->style[i]);
    return code;
}

static int make_job(cli_series *s, const cli_item *item, const pictures *p, dq_job **job) {
    dq_options *options = NULL;
    dq_status status = DQ_OK;
    int code = make_options(s, item, &options);
    if (!code) code = need_model(s, options);
    if (!code)
        status = dq_job_new(s->ctx, job, s->model, p->photo, (const dq_image *const *)p->style, item->styles, options);
    dq_options_free(&options);
    if (!status) return code;
    return cli_error(status, "%s: %s", cli_base_of(item->path), dq_last_error(s->ctx));
}

int cli_series_plan(cli_series *s, dq_plan *plan) {
    pictures p = {0};
    int code = s->count > 0 ? read_pictures(s, &s->item[0], &p) : 0;
    for (int i = 0; i < s->count && !code; i++) {
        dq_job *job = NULL;
        if (s->item[i].state != CLI_TODO) continue;
        code = make_job(s, &s->item[i], &p, &job);
        if (!code) code = (int)dq_job_plan(job, &plan[i]);
        s->item[i].work = plan[i].flops;
        dq_job_free(&job);
    }
    free_pictures(&p);
    return code;
}

/* ---- ranks --------------------------------------------------------------------------------------------------------- */

/* A letter for the state of each item, after the code. */
static char *state_text(const cli_series *s, int code) {
    char *text = NULL;
    if (asprintf(&text, "%d ", code) < 0) return NULL;
    const size_t head = strlen(text);
    char *more = realloc(text, head + (size_t)s->count + 1);
    if (!more) return free(text), NULL;
    for (int i = 0; i < s->count; i++) more[head + (size_t)i] = (char)('0' + s->item[i].state);
    more[head + (size_t)s->count] = 0;
    return more;
}

/* Each rank says its code and its states; *code becomes the first that is not 0. Of an item the state is that of the rank that
 * has it. A text that does not fit is of a rank that has failed before it knew its items. */
static int hear_states(cli_series *s, int *code) {
    json_t *said;
    char *own = state_text(s, *code);
    if (!own) return cli_error(DQ_LIMIT, "out of memory");
    const int failed = cli_ranks_say(&s->ranks, own, &said);
    free(own);
    for (int r = 0; r < s->ranks.count && !failed; r++) {
        char *states;
        const long theirs = strtol(json_string_value(json_array_get(said, (size_t)r)), &states, 10);
        if (!*code) *code = (int)theirs;
        if (strlen(states) != (size_t)s->count + 1) continue;
        for (int i = 0; i < s->count; i++)
            if (s->item[i].rank == r) s->item[i].state = (cli_state)(states[1 + i] - '0');
    }
    json_decref(said);
    return failed;
}

int cli_series_deal(cli_series *s, int code) {
    if (s->ranks.count <= 1) return code;
    double *work = calloc((size_t)s->ranks.count, sizeof *work);
    if (!work) return cli_error(DQ_LIMIT, "out of memory");
    const int failed = hear_states(s, &code);
    for (int i = 0; i < s->count; i++) {
        cli_item *item = &s->item[i];
        int least = 0;
        for (int r = 1; r < s->ranks.count; r++)
            if (work[r] < work[least]) least = r;
        if (item->state != CLI_TODO) continue;
        item->rank = least;
        work[least] += item->work;
    }
    free(work);
    return failed ? failed : code;
}

/* ---- painting ------------------------------------------------------------------------------------------------------ */

/* Work of all that is painted in this run, or still to do. */
static double work_of_run(const cli_series *s) {
    double sum = 0;
    for (int i = 0; i < s->count; i++)
        if ((s->item[i].state == CLI_TODO || s->item[i].state == CLI_PAINTED) && s->item[i].rank == s->ranks.own)
            sum += s->item[i].work;
    return sum;
}

static void show_step(const cli_series *s, const dq_progress *g) {
    char tail[160], left[32] = "?";
    const cli_item *item = &s->item[s->painting];
    const double all = work_of_run(s), done = all > 0 ? (s->done + g->done * item->work) / all : 0;
    const double seconds_left = done > 0 ? (cli_now() - s->started) * (1 - done) / done : -1;
    if (seconds_left >= 0) cli_time(seconds_left, left);
    snprintf(tail, sizeof tail, "picture %d/%d  scale %d/%d  step %d/%d  J %.4g  %s left", s->painting + 1, s->count, g->scale,
             g->scales, g->iteration, g->iterations, g->cost, left);
    cli_bar(done, tail);
    if (!cli_json()) return;
    json_t *event = cli_step_event(g);
    json_object_set_new(event, "picture", json_integer(s->painting + 1));
    json_object_set_new(event, "pictures", json_integer(s->count));
    json_object_set_new(event, "all_done", json_real(done));
    json_object_set_new(event, "all_seconds_left", json_real(seconds_left));
    cli_event(event);
}

/* Steps to the end; *stopped if a signal came first. */
static int step_all(const cli_series *s, dq_job *job, FILE *log, dq_progress *g, bool *stopped) {
    for (int more = 1; more;) {
        if (cli_stop_signal()) {
            *stopped = true;
            return 0;
        }
        const dq_status status = dq_job_step(job, &more);
        if (status) return cli_error(status, "%s: %s", cli_base_of(s->item[s->painting].path), dq_last_error(s->ctx));
        dq_job_progress(job, g);
        if (g->iteration == 0) continue;
        if (s->ranks.own == 0) show_step(s, g);
        if (log) cli_log_step(log, g);
    }
    return 0;
}

/* The picture with its checksum in the record. */
static int write_picture(const cli_series *s, const cli_item *item, dq_job *job) {
    dq_image *image = NULL;
    char *text = NULL;
    dq_status status = dq_job_image(job, &image);
    json_t *record = status ? NULL : json_loads(dq_image_record(image), 0, NULL);
    if (!status) {
        json_object_set_new(record, "job", json_string(item->job));
        text = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(9));
        status = text ? dq_image_set_record(s->ctx, image, text) : DQ_LIMIT;
    }
    if (!status) status = dq_image_write(s->ctx, image, item->path, NULL);
    const int code = status ? cli_error_of(s->ctx, status) : 0;
    free(text);
    json_decref(record);
    dq_image_free(&image);
    return code;
}

static void say_written(const cli_series *s, const cli_item *item, const dq_progress *g) {
    if (!cli_json()) {
        cli_note("wrote %s: picture %d of %d, %.1f s, J %.4g", item->path, s->painting + 1, s->count, g->seconds, g->cost);
        return;
    }
    cli_event(json_pack("{s:s, s:o, s:i, s:i, s:f, s:f, s:f, s:f}", "event", "written", "file", cli_json_text(item->path),
                        "picture", s->painting + 1, "pictures", s->count, "seconds", g->seconds, "J", g->cost, "J_content",
                        g->content_cost, "J_style", g->style_cost));
}

/* From a job to its files. The log of a picture that was not finished does not stay. */
static int finish_item(cli_series *s, cli_item *item, dq_job *job) {
    dq_progress g = {0};
    bool stopped = false;
    int code = 0;
    FILE *log = item->log ? cli_text_open(item->log) : NULL;
    if (item->log && !log) return DQ_OUTPUT;
    if (log) cli_log_head(log);
    code = step_all(s, job, log, &g, &stopped);
    if (!code && !stopped) code = write_picture(s, item, job);
    if (log) {
        const int log_code = cli_text_close(log, item->log);
        if (stopped) remove(item->log);
        if (!code) code = log_code;
    }
    if (code || stopped) return code;
    item->state = CLI_PAINTED;
    s->done += item->work;
    say_written(s, item, &g);
    return 0;
}

static int paint_item(cli_series *s, cli_item *item) {
    pictures p = {0};
    dq_job *job = NULL;
    int code = read_pictures(s, item, &p);
    if (!code) code = make_job(s, item, &p, &job);
    free_pictures(&p); /* the job keeps copies, no larger than it needs */
    if (!code) code = finish_item(s, item, job);
    dq_job_free(&job);
    return code;
}

/* What would meet the other pictures too. */
static bool ends_all(int code) { return code == DQ_USAGE || code == DQ_BAD_MODEL || code == DQ_OUTPUT; }

static void say_begin(const cli_series *s) {
    const int kept = cli_series_count(s, CLI_KEPT);
    if (cli_json())
        cli_event(json_pack("{s:s, s:i, s:i}", "event", "start", "pictures", s->count, "kept", kept));
    else if (kept)
        cli_note("%d of %d pictures are there already and are kept", kept, s->count);
}

/* A file that could not be used is named once, however many pictures it was for. */
static void name_broken(const cli_item *item) {
    cli_input *bad = item->photo->code ? item->photo : NULL;
    for (int i = 0; i < item->styles && !bad; i++)
        if (item->style[i]->code) bad = item->style[i];
    if (!bad) cli_error(DQ_FAILED, "not painted: %s", cli_base_of(item->path));
    else if (!bad->named) cli_error(DQ_FAILED, "could not be used: %s", bad->path);
    if (bad) bad->named = true;
}

/* What could not be done. */
static int say_end(const cli_series *s) {
    const int broken = cli_series_count(s, CLI_BROKEN), left = cli_series_count(s, CLI_TODO), number = cli_stop_signal();
    cli_bar_clear();
    if (number && left)
        cli_note("stopped with %d of %d pictures to do; the same command goes on from there", left, s->count);
    if (broken) cli_error(DQ_FAILED, "%d of %d pictures could not be painted", broken, s->count);
    for (int i = 0; i < s->count; i++)
        if (s->item[i].state == CLI_BROKEN) name_broken(&s->item[i]);
    if (number && left) return 128 + number;
    return broken ? DQ_FAILED : 0;
}

/* Paints the items of this rank. */
static int run_own(cli_series *s) {
    int code = 0;
    for (int i = 0; i < s->count && !cli_stop_signal() && !ends_all(code); i++) {
        cli_item *item = &s->item[i];
        if (item->state == CLI_TODO && has_bad_input(item)) item->state = CLI_BROKEN;
        if (item->state != CLI_TODO || item->rank != s->ranks.own) continue;
        s->painting = i;
        code = paint_item(s, item);
        if (code) item->state = CLI_BROKEN;
    }
    return code;
}

int cli_series_run(cli_series *s) {
    const bool follows = s->ranks.own > 0;
    int failed = 0;
    say_begin(s);
    cli_stop_install();
    s->started = cli_now();
    if (follows) cli_mute(false); /* what it paints, and cannot paint */
    int code = run_own(s);
    if (follows) cli_bar_clear(), cli_mute(true);
    if (s->ranks.count > 1) failed = hear_states(s, &code);
    if (failed && !code) code = failed;
    const int end = say_end(s);
    if (failed) return failed;
    return ends_all(code) ? code : end;
}

void cli_series_close(cli_series *s) {
    for (int i = 0; i < s->count; i++) {
        free(s->item[i].path);
        free(s->item[i].log);
    }
    free(s->item);
    free(s->model_name);
    dq_model_free(&s->model);
    dq_context_free(&s->ctx);
}
