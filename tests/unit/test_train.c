/* SPDX-License-Identifier: MIT
 * The trainer: one step against its formula in double, schedule, clipping, average, numbers that are not finite; recipes;
 * checkpoints that go on to the same bytes, also after SIGKILL, and refuse what is damaged or of another recipe; the log. */
#include "net_test.h"

#include "folder.h"
#include "toy_task.h"
#include "train/checkpoint.h"
#include "train/kinds.h"
#include "train/run.h"

#include <signal.h>
#include <sys/wait.h>

static const char *const no_lists[] = {NULL};

static dq__config *config_of(const char *text) {
    dq__config *config;
    assert_ok(dq__config_new(&config, "toy.recipe", text, NULL, 0, no_lists, &err));
    return config;
}

static dq__train_settings settings_of(const char *text) {
    dq__config *config = config_of(text);
    const dq__train_settings settings = *dq__config_settings(config);
    dq__config_free(&config);
    return settings;
}

/* ---- the step ------------------------------------------------------------------------------------------------------ */

static void schedule_rises_and_falls(void **state) {
    (void)state;
    dq__train_settings s = settings_of("steps = 111\nwarmup = 10\nrate = 0.5\nfinal-rate = 0.1\n");
    for (int i = 0; i < 10; i++) assert_near(dq__rate_at(&s, i), 0.05 * (i + 1), 1e-12);
    assert_near(dq__rate_at(&s, 10), 0.5, 1e-12);
    assert_near(dq__rate_at(&s, 60), 0.3, 1e-12); /* half way from step 10 to step 110 */
    assert_near(dq__rate_at(&s, 35), 0.1 + 0.4 * 0.5 * (1 + sqrt(0.5)), 1e-12);
    assert_near(dq__rate_at(&s, 110), 0.1, 1e-12);
    assert_near(dq__rate_at(&s, 500), 0.1, 1e-12);
    s = settings_of("steps = 20\nwarmup = 4\nrate = 0.5\nschedule = constant\n");
    assert_near(dq__rate_at(&s, 0), 0.125, 1e-12);
    assert_near(dq__rate_at(&s, 4), 0.5, 1e-12);
    assert_near(dq__rate_at(&s, 19), 0.5, 1e-12);
    s = settings_of("steps = 1\nwarmup = 0\nrate = 0.25\n");
    assert_near(dq__rate_at(&s, 0), 0.25, 1e-12);
    s = settings_of("steps = 5\nwarmup = 10\nrate = 0.5\n"); /* a short trial of a recipe for a long run */
    assert_near(dq__rate_at(&s, 4), 0.25, 1e-12);
}

/* The trainer's state in double, by the formulas of the papers. */
struct reference {
    double theta[TOY_INPUTS], m[TOY_INPUTS], v[TOY_INPUTS], average[TOY_INPUTS];
};

static void reference_step(struct reference *r, const dq__train_settings *s, const float *gradient, double norm, int t) {
    const double rate = dq__rate_at(s, t - 1), share = fmin(s->average, (1.0 + t) / (10.0 + t));
    const double factor = s->clip > 0 && norm > s->clip ? s->clip / norm : 1;
    for (int i = 0; i < TOY_INPUTS; i++) {
        const double g = (double)gradient[i] * factor;
        r->m[i] = s->beta1 * r->m[i] + (1 - s->beta1) * g;
        r->v[i] = s->beta2 * r->v[i] + (1 - s->beta2) * g * g;
        const double m = r->m[i] / (1 - pow(s->beta1, t)), v = r->v[i] / (1 - pow(s->beta2, t));
        r->theta[i] = r->theta[i] - rate * s->weight_decay * r->theta[i] - rate * m / (sqrt(v) + s->epsilon);
        r->average[i] = share * r->average[i] + (1 - share) * r->theta[i];
    }
}

static void follow(const char *recipe, int steps, double tolerance) {
    struct toy toy = {0};
    struct reference r = {0};
    const dq__task task = toy_task(&toy);
    const dq__train_settings s = settings_of(recipe);
    dq__trainer *t;
    assert_ok(dq__trainer_new(&t, &task, &s, &err));
    for (int i = 0; i < TOY_INPUTS; i++) r.theta[i] = r.average[i] = (double)t->theta[i];
    for (int k = 1; k <= steps; k++) {
        float gradient[TOY_INPUTS];
        double norm = 0;
        toy_loss(t->theta, (uint64_t)k - 1, gradient); /* at the trainer's own theta, so that only the step is compared */
        for (int i = 0; i < TOY_INPUTS; i++) norm += (double)gradient[i] * (double)gradient[i];
        norm = sqrt(norm);
        assert_ok(dq__trainer_step(t, &err));
        reference_step(&r, &s, gradient, norm, k);
        assert_near(t->norm, norm, 1e-12);
        for (int i = 0; i < TOY_INPUTS; i++) {
            assert_near(t->theta[i], r.theta[i], tolerance);
            assert_near(t->average[i], s.average > 0 ? r.average[i] : r.theta[i], tolerance);
        }
    }
    dq__trainer_free(&t);
}

static void step_against_the_formula_in_double(void **state) {
    (void)state;
    follow("steps = 300\nwarmup = 20\nrate = 0.05\nclip = 0\nweight-decay = 0\naverage = 0\n", 300, 1e-4);
    follow("steps = 300\nwarmup = 20\nrate = 0.05\nclip = 0\nweight-decay = 0.5\naverage = 0.9\n", 300, 1e-4);
    follow("steps = 300\nwarmup = 20\nrate = 0.05\nclip = 0.1\nweight-decay = 0.01\naverage = 0.98\n", 300, 1e-4);
}

static void decay_alone_shrinks_the_weights(void **state) {
    (void)state;
    dq__adam adam;
    float x[2] = {2, -1};
    assert_ok(dq__adam_init(&adam, 2, 0.1, 0.9, 0.99, 1e-8, &err));
    adam.decay = 0.5;
    for (int i = 0; i < 10; i++) dq__adam_step(&adam, x, (const float[]){0, 0}, (dq__box){0});
    assert_near(x[0], 2 * pow(0.95, 10), 1e-6);
    assert_near(x[1], -pow(0.95, 10), 1e-6);
    dq__adam_deinit(&adam);
}

static void clipping_keeps_the_direction(void **state) {
    (void)state;
    struct toy toy = {0};
    const dq__task task = toy_task(&toy);
    const dq__train_settings s = settings_of("steps = 10\nwarmup = 0\nclip = 0.01\n");
    dq__trainer *t;
    float before[TOY_INPUTS];
    double norm = 0;
    assert_ok(dq__trainer_new(&t, &task, &s, &err));
    toy_loss(t->theta, 0, before);
    assert_ok(dq__trainer_step(t, &err));
    assert_true(t->norm > 0.01);
    for (int i = 0; i < TOY_INPUTS; i++) {
        norm += (double)t->gradient[i] * (double)t->gradient[i];
        assert_near(t->gradient[i], (double)before[i] * 0.01 / t->norm, 1e-8);
    }
    assert_near(sqrt(norm), 0.01, 1e-8);
    dq__trainer_free(&t);
}

static void training_learns(void **state) {
    (void)state;
    struct toy toy = {0};
    const dq__task task = toy_task(&toy);
    const dq__train_settings s = settings_of("steps = 400\nwarmup = 10\nrate = 0.1\naverage = 0.9\n");
    dq__trainer *t;
    double before, after, part[DQ__MAX_PARTS];
    assert_ok(dq__trainer_new(&t, &task, &s, &err));
    assert_ok(dq__trainer_validate(t, &before, part, &err));
    while (!dq__trainer_done(t)) assert_ok(dq__trainer_step(t, &err));
    assert_int_equal(t->step, 400);
    assert_ok(dq__trainer_validate(t, &after, part, &err));
    assert_true(after < 0.2 * before);
    dq__trainer_free(&t);
}

/* ---- numbers that are not finite ----------------------------------------------------------------------------------- */

static void bad_steps_are_skipped(bool gradient) {
    struct toy toy = {.bad_from = 3, .bad_to = 3 + DQ__MAX_BAD_STEPS - 1, .bad_gradient = gradient};
    const dq__task task = toy_task(&toy);
    const dq__train_settings s = settings_of("steps = 40\nwarmup = 0\n");
    dq__trainer *t;
    float theta[TOY_INPUTS], average[TOY_INPUTS];
    assert_ok(dq__trainer_new(&t, &task, &s, &err));
    for (int i = 0; i < 3; i++) assert_ok(dq__trainer_step(t, &err));
    memcpy(theta, t->theta, sizeof theta);
    memcpy(average, t->average, sizeof average);
    for (int i = 3; i < toy.bad_to; i++) {
        assert_ok(dq__trainer_step(t, &err));
        assert_false(t->taken);
    }
    assert_memory_equal(theta, t->theta, sizeof theta);
    assert_memory_equal(average, t->average, sizeof average);
    assert_int_equal(t->adam.step, 3);
    assert_int_equal(t->skipped, DQ__MAX_BAD_STEPS - 1);
    assert_int_equal(t->bad, DQ__MAX_BAD_STEPS - 1);
    assert_ok(dq__trainer_step(t, &err));
    assert_true(t->taken);
    assert_int_equal(t->bad, 0);
    assert_int_equal(t->skipped, DQ__MAX_BAD_STEPS - 1);
    assert_int_equal(t->step, t->adam.step + t->skipped);
    for (int i = 0; i < TOY_INPUTS; i++) assert_true(isfinite(t->theta[i]) && t->theta[i] != theta[i]);
    dq__trainer_free(&t);
}

static void ten_bad_steps_are_a_failure(void **state) {
    (void)state;
    struct toy toy = {.bad_from = 3, .bad_to = 1000};
    const dq__task task = toy_task(&toy);
    const dq__train_settings s = settings_of("steps = 200\n");
    dq__trainer *t;
    bad_steps_are_skipped(false);
    bad_steps_are_skipped(true);
    assert_ok(dq__trainer_new(&t, &task, &s, &err));
    for (int i = 0; i < 3 + DQ__MAX_BAD_STEPS - 1; i++) assert_ok(dq__trainer_step(t, &err));
    assert_int_equal(dq__trainer_step(t, &err), DQ_FAILED);
    assert_non_null(strstr(err.text, "not finite in 10 steps in a row, the last of them step 13"));
    dq__trainer_free(&t);
}

/* ---- recipes ------------------------------------------------------------------------------------------------------- */

static void recipes_are_read(void **state) {
    (void)state;
    const dq__train_settings s = settings_of("# a recipe\r\n\n steps= 12   # few\n\trate =2.5e-3\r\naverage = 0\nseed=7\n"
                                             "schedule = constant\nclip = 3\nwarmup = 0");
    assert_int_equal(s.steps, 12);
    assert_int_equal(s.seed, 7);
    assert_int_equal(s.schedule, DQ__CONSTANT);
    assert_near(s.rate, 2.5e-3, 0);
    assert_near(s.average, 0, 0);
    assert_near(s.clip, 3, 0);
    assert_near(s.beta1, 0.9, 0);
    assert_int_equal(s.checkpoint_every, 300);
}

static void refuse(const char *text, const char *message) {
    dq__config *config;
    assert_int_equal(dq__config_new(&config, "bad.recipe", text, NULL, 0, no_lists, &err), DQ_USAGE);
    assert_null(config);
    assert_string_equal(err.text, message);
}

static void recipe_errors_name_file_and_line(void **state) {
    (void)state;
    refuse("steps = 10\n\nrate = fast\n", "bad.recipe:3: rate: a number from 1e-12 to 10 is wanted, not 'fast'");
    refuse("steps = 0\n", "bad.recipe:1: steps: a whole number from 1 to 1000000000 is wanted, not '0'");
    refuse("steps = 10x\n", "bad.recipe:1: steps: a whole number from 1 to 1000000000 is wanted, not '10x'");
    refuse("rate = nan\n", "bad.recipe:1: rate: a number from 1e-12 to 10 is wanted, not 'nan'");
    refuse("schedule = linear\n", "bad.recipe:1: schedule: cosine or constant is wanted, not 'linear'");
    refuse("# steps\nsteps\n", "bad.recipe:2: 'name = value' is wanted, not 'steps'");
    refuse("two words = 3\n", "bad.recipe:1: 'name = value' is wanted, not 'two words'");
    refuse("steps =  # none\n", "bad.recipe:1: steps has no value");
    refuse("clip = 1\nseed = 2\nclip = 1\n", "bad.recipe:3: clip: given more than once");
}

struct heard {
    char text[512];
};

static dq_status hear(void *user, const char *name, const char *value, dq__error *e) {
    struct heard *heard = user;
    size_t n = strlen(heard->text);
    if (strcmp(name, "unknown") == 0) return dq__fail(e, DQ_USAGE, "unknown name");
    snprintf(heard->text + n, sizeof heard->text - n, "%s=%s;", name, value);
    return DQ_OK;
}

static void the_task_hears_the_rest_in_order(void **state) {
    (void)state;
    static const char *const lists[] = {"teacher", "images", NULL};
    static const char *const set[] = {"teacher=x.pth", "steps = 77", "teacher = y # z.pth"};
    const char *text = "teacher = a.pth\nimages = photos dir 0.5\nsteps = 500\nteacher = b.pth\nimages = art#1 0.5\nbatch = 8\n";
    dq__config *config;
    struct heard heard = {""};
    assert_ok(dq__config_new(&config, "r", text, NULL, 0, lists, &err));
    assert_ok(dq__config_apply(config, hear, &heard, &err));
    assert_string_equal(heard.text, "teacher=a.pth;images=photos dir 0.5;teacher=b.pth;images=art#1 0.5;batch=8;");
    dq__config_free(&config);
    assert_ok(dq__config_new(&config, "r", text, set, 3, lists, &err));
    heard.text[0] = 0;
    assert_ok(dq__config_apply(config, hear, &heard, &err));
    assert_string_equal(heard.text, "images=photos dir 0.5;images=art#1 0.5;batch=8;teacher=x.pth;teacher=y # z.pth;");
    assert_int_equal(dq__config_settings(config)->steps, 77);
    dq__config_free(&config);

    assert_ok(dq__config_new(&config, "r", "batch = 1\nunknown = 2\n", NULL, 0, lists, &err));
    assert_int_equal(dq__config_apply(config, hear, &heard, &err), DQ_USAGE);
    assert_string_equal(err.text, "r:2: unknown: unknown name");
    dq__config_free(&config);
    assert_int_equal(dq__config_new(&config, "r", "", (const char *const[]){"rate=x"}, 1, lists, &err), DQ_USAGE);
    assert_string_equal(err.text, "rate = x: a number from 1e-12 to 10 is wanted, not 'x'");
    assert_int_equal(dq__config_new(&config, "r", "", (const char *const[]){"rate"}, 1, lists, &err), DQ_USAGE);
    assert_string_equal(err.text, "'name = value' is wanted, not 'rate'");
}

static void digests(const char *one, const char *other, bool same) {
    unsigned char a[DQ__DIGEST], b[DQ__DIGEST];
    dq__config *x = config_of(one), *y = config_of(other);
    dq__config_digest(x, a);
    dq__config_digest(y, b);
    if ((memcmp(a, b, sizeof a) == 0) != same) fail_msg("the digests of '%s' and '%s'", one, other);
    dq__config_free(&x);
    dq__config_free(&y);
}

static void digest_is_of_what_counts(void **state) {
    (void)state;
    digests("steps = 500\nbatch = 8\n", "# other words\nbatch=8\nsteps = 500 # the same\nthreads = 3\n", true);
    digests("steps = 500\n", "steps = 500\nvalidate-every = 7\nsave-every = 9\ncheckpoint-every = 2\n", true);
    digests("rate = 0.001\n", "", true);
    digests("rate = 0.001\n", "rate = 0.0010000001\n", false);
    digests("steps = 500\n", "steps = 501\n", false);
    digests("steps = 500\nschedule = constant\n", "steps = 501\nschedule = constant\n", true);
    digests("batch = 8\n", "batch = 9\n", false);
    digests("batch = 8\n", "crop = 8\n", false);
    digests("seed = 2\n", "", false);
}

static void recipes_are_files(void **state) {
    (void)state;
    dq__config *config;
    const char *path = in_folder("a.recipe");
    write_file(path, "steps = 200\n", 12);
    assert_ok(dq__config_read(&config, path, NULL, 0, no_lists, &err));
    assert_int_equal(dq__config_settings(config)->steps, 200);
    dq__config_free(&config);
    write_file(path, "steps\0= 20\n", 11);
    assert_int_equal(dq__config_read(&config, path, NULL, 0, no_lists, &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "not a recipe: not a text"));
    unlink(path);
    assert_int_equal(dq__config_read(&config, path, NULL, 0, no_lists, &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "the recipe cannot be read: "));
    const dq__train_kind *kind;
    assert_int_equal(dq__train_kind_find(&kind, "nothing", &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "'nothing' cannot be trained; what can: "));
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

static const char RECIPE[] = "steps = 40\nwarmup = 5\nrate = 0.05\naverage = 0.9\nweight-decay = 0.1\nvalidate-every = 8\n";

struct watch {
    int64_t stop_at, kill_at; /* after this step; 0: never */
    int begun, steps, validated, saved;
    int64_t first;
    char notice[256];
};

static int watch_run(void *user, const dq_train_progress *p) {
    struct watch *w = user;
    if (p->event == DQ_TRAIN_BEGUN) w->begun++, w->first = p->step;
    if (p->event == DQ_TRAIN_VALIDATED) w->validated++;
    if (p->event == DQ_TRAIN_SAVED) w->saved++;
    if (p->event != DQ_TRAIN_STEP) return 0;
    w->steps++;
    assert_int_equal(p->parts, 2);
    assert_string_equal(p->part_name[1], "quarter");
    if (p->step == w->kill_at) raise(SIGKILL);
    return p->step == w->stop_at;
}

static void hear_notice(void *user, const char *text) {
    struct watch *w = user;
    snprintf(w->notice, sizeof w->notice, "%s", text);
}

static dq_status run_toy(struct toy *toy, const char *recipe, bool resume, struct watch *w) {
    char output[320], log[320];
    const dq__task task = toy_task(toy);
    dq__config *config = config_of(recipe);
    snprintf(output, sizeof output, "%s", in_folder("toy.safetensors"));
    snprintf(log, sizeof log, "%s", in_folder("toy.csv"));
    const dq__run run = {.task = &task, .config = config, .output = output, .log = log, .resume = resume,
                         .notice = hear_notice, .notice_user = w, .callback = watch_run, .user = w};
    const dq_status status = dq__train_run(&run, &err);
    dq__config_free(&config);
    return status;
}

static void remove_all(void) {
    static const char *const names[] = {"toy.safetensors", "toy.csv", "toy.checkpoint", "toy.checkpoint.part"};
    for (int i = 0; i < 4; i++) unlink(in_folder(names[i]));
}

/* The log without its last column, which differs from run to run. */
static struct bytes read_log(void) {
    struct bytes all = read_bytes(in_folder("toy.csv")), cut = {0};
    size_t comma = 0;
    for (size_t i = 0; i < all.n; i++) {
        if (all.p[i] == ',') comma = cut.n;
        if (all.p[i] == '\n') cut.n = comma;
        put(&cut, &all.p[i], 1);
    }
    free_bytes(&all);
    return cut;
}

static void assert_same(struct bytes *a, struct bytes *b) {
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->p, b->p, a->n);
    free_bytes(b);
}

/* One run that is killed for good, as by kill -9, after a step. */
static void run_and_die(int64_t step, bool resume) {
    int status;
    fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct toy toy = {0};
        struct watch w = {.kill_at = step};
        run_toy(&toy, RECIPE, resume, &w);
        _exit(1); /* not reached */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_broken_run_gives_the_bytes_of_an_unbroken_one(void **state) {
    (void)state;
    struct toy toy = {.bad_from = 17, .bad_to = 19};
    struct watch whole = {0};
    assert_ok(run_toy(&toy, RECIPE, false, &whole));
    assert_int_equal(whole.begun + whole.saved, 2);
    assert_int_equal(whole.steps, 40);
    assert_int_equal(whole.validated, 5);
    struct bytes weights = read_bytes(in_folder("toy.safetensors")), log = read_log();
    static const int64_t points[] = {1, 8, 17, 18, 19, 39, 40};
    for (int i = 0; i < 7; i++) {
        remove_all();
        struct watch first = {.stop_at = points[i]}, second = {0};
        assert_int_equal(run_toy(&toy, RECIPE, false, &first), points[i] < 40 ? DQ_CANCELLED : DQ_OK);
        assert_ok(run_toy(&toy, RECIPE, true, &second));
        assert_int_equal(second.first, points[i]);
        assert_int_equal(second.steps, 40 - points[i]);
        struct bytes again = read_bytes(in_folder("toy.safetensors")), rows = read_log();
        assert_same(&weights, &again);
        assert_same(&log, &rows);
    }
    free_bytes(&weights);
    free_bytes(&log);
    remove_all();
}

static void a_killed_run_goes_on_from_its_checkpoint(void **state) {
    (void)state;
    struct toy toy = {0};
    struct watch w = {0}, stop = {.stop_at = 20}, on = {0};
    assert_ok(run_toy(&toy, RECIPE, false, &w));
    struct bytes weights = read_bytes(in_folder("toy.safetensors")), log = read_log();
    remove_all();
    run_and_die(11, false); /* only the checkpoint of the beginning is there */
    assert_int_equal(run_toy(&toy, RECIPE, true, &stop), DQ_CANCELLED);
    assert_int_equal(stop.first, 0);
    run_and_die(33, true);
    assert_ok(run_toy(&toy, RECIPE, true, &on));
    assert_int_equal(on.first, 20);
    struct bytes again = read_bytes(in_folder("toy.safetensors")), rows = read_log();
    assert_same(&weights, &again);
    assert_same(&log, &rows);
    free_bytes(&weights);
    free_bytes(&log);
    remove_all();
}

static void a_checkpoint_is_not_overwritten(void **state) {
    (void)state;
    struct toy toy = {0};
    struct watch w = {0};
    assert_ok(run_toy(&toy, RECIPE, true, &w)); /* nothing to go on from */
    assert_string_equal(w.notice, "there is no checkpoint to go on from: beginning anew");
    assert_int_equal(run_toy(&toy, RECIPE, false, &w), DQ_USAGE);
    assert_non_null(strstr(err.text, "toy.checkpoint is there from an earlier run"));
    assert_int_equal(run_toy(&toy, "steps = 41\nwarmup = 5\n", true, &w), DQ_USAGE);
    assert_non_null(strstr(err.text, "of a run with other settings"));
    write_file(in_folder("toy.csv"), "name,age\n", 9);
    assert_int_equal(run_toy(&toy, RECIPE, true, &w), DQ_OUTPUT);
    assert_non_null(strstr(err.text, "not the log of such a run"));
    remove_all();
}

static void a_constant_rate_can_go_on_for_longer(void **state) {
    (void)state;
    struct toy toy = {0};
    struct watch w = {0}, more = {0}, at_once = {0};
    assert_ok(run_toy(&toy, "steps = 20\nschedule = constant\nwarmup = 0\n", false, &w));
    assert_ok(run_toy(&toy, "steps = 30\nschedule = constant\nwarmup = 0\n", true, &more));
    assert_int_equal(more.first, 20);
    struct bytes weights = read_bytes(in_folder("toy.safetensors"));
    remove_all();
    assert_ok(run_toy(&toy, "steps = 30\nschedule = constant\nwarmup = 0\n", false, &at_once));
    struct bytes again = read_bytes(in_folder("toy.safetensors"));
    assert_same(&weights, &again);
    free_bytes(&weights);
    remove_all();
}

static void runs_save_validate_and_draw_when_due(void **state) {
    (void)state;
    struct toy toy = {0};
    struct watch w = {0}, blind = {0};
    char output[320], sheet[320];
    dq__task task = toy_task(&toy);
    dq__config *config = config_of("steps = 10\nwarmup = 0\nsave-every = 3\nvalidate-every = 5\n");
    snprintf(output, sizeof output, "%s", in_folder("toy.safetensors"));
    snprintf(sheet, sizeof sheet, "%s", in_folder("sheet.png"));
    dq__run run = {.task = &task, .config = config, .output = output, .sheet = sheet, .callback = watch_run, .user = &w};
    assert_ok(dq__train_run(&run, &err));
    assert_int_equal(w.saved, 4);
    assert_int_equal(w.validated, 2);
    assert_int_equal(toy.validated, 2);
    assert_int_equal(unlink(sheet), 0);
    remove_all();
    task.validate = NULL;
    task.sheet = NULL;
    run.user = &blind;
    assert_ok(dq__train_run(&run, &err));
    assert_int_equal(blind.validated, 0);
    remove_all();
    run.output = "/nowhere/at-all/x.safetensors";
    assert_int_equal(dq__train_run(&run, &err), DQ_OUTPUT);
    assert_non_null(strstr(err.text, "the checkpoint cannot be written: "));
    dq__config_free(&config);
}

/* ---- checkpoints --------------------------------------------------------------------------------------------------- */

struct kept {
    struct toy toy;
    dq__task task;
    dq__trainer *trainer;
    unsigned char digest[DQ__DIGEST];
    struct bytes bytes;
};

static void begin_kept(struct kept *k, const char *recipe) {
    dq__config *config = config_of(recipe);
    *k = (struct kept){.toy = {.bad_from = 4, .bad_to = 6}};
    k->task = toy_task(&k->toy);
    dq__config_digest(config, k->digest);
    assert_ok(dq__trainer_new(&k->trainer, &k->task, dq__config_settings(config), &err));
    dq__config_free(&config);
    for (int i = 0; i < 9; i++) assert_ok(dq__trainer_step(k->trainer, &err));
    const char *path = in_folder("kept.checkpoint");
    assert_ok(dq__checkpoint_write(k->trainer, k->digest, 12.5, path, &err));
    k->bytes = read_bytes(path);
    assert_int_equal(unlink(path), 0);
}

static void end_kept(struct kept *k) {
    dq__trainer_free(&k->trainer);
    free_bytes(&k->bytes);
}

/* Damaged bytes are refused, and the trainer stays as it is. */
static void refuse_bytes(struct kept *k, const unsigned char *bytes, size_t size) {
    float theta[TOY_INPUTS];
    double seconds = -1;
    memcpy(theta, k->trainer->theta, sizeof theta);
    const dq_status status = dq__checkpoint_parse(k->trainer, k->digest, &seconds, bytes, size, "c", &err);
    assert_true(status == DQ_BAD_MODEL || status == DQ_USAGE);
    assert_memory_equal(theta, k->trainer->theta, sizeof theta);
    assert_int_equal(k->trainer->step, 10);
    assert_true(seconds < 0 && err.text[0] == 'c');
}

static void damaged_checkpoints_are_refused(void **state) {
    (void)state;
    struct kept k;
    begin_kept(&k, RECIPE);
    assert_ok(dq__trainer_step(k.trainer, &err)); /* so that what is in the file differs from what is in the trainer */
    for (size_t n = 0; n < k.bytes.n; n++) {
        unsigned char *cut = malloc(n ? n : 1); /* of the exact size, so that a sanitizer sees a read beyond it */
        memcpy(cut, k.bytes.p, n);
        refuse_bytes(&k, cut, n);
        free(cut);
    }
    for (size_t bit = 0; bit < 8 * k.bytes.n; bit++) {
        k.bytes.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
        refuse_bytes(&k, k.bytes.p, k.bytes.n);
        k.bytes.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    put(&k.bytes, "x", 1);
    refuse_bytes(&k, k.bytes.p, k.bytes.n);
    double seconds;
    assert_ok(dq__checkpoint_parse(k.trainer, k.digest, &seconds, k.bytes.p, k.bytes.n - 1, "c", &err));
    assert_near(seconds, 12.5, 0);
    assert_int_equal(k.trainer->step, 9);
    assert_int_equal(k.trainer->skipped, 2);
    end_kept(&k);
}

static void checkpoints_of_other_runs_are_refused(void **state) {
    (void)state;
    struct kept with, without;
    double seconds;
    begin_kept(&with, "steps = 100\nwarmup = 0\naverage = 0.9\n");
    begin_kept(&without, "steps = 100\nwarmup = 0\naverage = 0\n");
    assert_int_equal(with.bytes.n, without.bytes.n + TOY_INPUTS * 4);
    assert_int_equal(dq__checkpoint_parse(with.trainer, with.digest, &seconds, without.bytes.p, without.bytes.n, "c", &err),
                     DQ_USAGE);
    assert_string_equal(err.text, "c: the checkpoint is of a run with other settings; use the recipe and the settings it was "
                                  "begun with, or remove it");
    assert_int_equal(dq__checkpoint_parse(with.trainer, without.digest, &seconds, without.bytes.p, without.bytes.n, "c", &err),
                     DQ_BAD_MODEL);
    assert_string_equal(err.text, "c: the checkpoint is damaged (its size is wrong); remove it to begin anew");
    assert_int_equal(dq__checkpoint_read(with.trainer, with.digest, &seconds, in_folder("none"), &err), DQ_BAD_MODEL);
    end_kept(&with);
    end_kept(&without);
}

/* ---- memory -------------------------------------------------------------------------------------------------------- */

static void runs_survive_every_failed_allocation(void **state) {
    (void)state;
    struct toy toy = {0};
    struct watch w = {0};
    const size_t before = dq__mem_now();
    dq__config *config;
    for (long k = 1; k <= 2; k++) {
        dq__mem_fail_at(k);
        assert_int_equal(dq__config_new(&config, "r", RECIPE, NULL, 0, no_lists, &err), DQ_LIMIT);
        assert_int_equal(dq__mem_now(), before);
    }
    dq__mem_fail_at(0);
    const dq__task task = toy_task(&toy);
    char output[320];
    config = config_of(RECIPE);
    const size_t with_config = dq__mem_now();
    snprintf(output, sizeof output, "%s", in_folder("toy.safetensors"));
    const dq__run run = {.task = &task, .config = config, .output = output, .callback = watch_run, .user = &w};
    long failed = 0;
    for (long k = 1; k < 100; k++, failed++) {
        dq__mem_fail_at(k);
        const dq_status status = dq__train_run(&run, &err);
        dq__mem_fail_at(0);
        assert_int_equal(dq__mem_now(), with_config);
        remove_all();
        if (status == DQ_OK) break;
        assert_int_equal(status, DQ_LIMIT);
    }
    assert_int_equal(failed, 9); /* run, trainer, two moments, parameters, gradient, average, two checkpoints */
    dq__config_free(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule_rises_and_falls),
        cmocka_unit_test(step_against_the_formula_in_double),
        cmocka_unit_test(decay_alone_shrinks_the_weights),
        cmocka_unit_test(clipping_keeps_the_direction),
        cmocka_unit_test(training_learns),
        cmocka_unit_test(ten_bad_steps_are_a_failure),
        cmocka_unit_test(recipes_are_read),
        cmocka_unit_test(recipe_errors_name_file_and_line),
        cmocka_unit_test(the_task_hears_the_rest_in_order),
        cmocka_unit_test(digest_is_of_what_counts),
        cmocka_unit_test(recipes_are_files),
        cmocka_unit_test(a_broken_run_gives_the_bytes_of_an_unbroken_one),
        cmocka_unit_test(a_killed_run_goes_on_from_its_checkpoint),
        cmocka_unit_test(a_checkpoint_is_not_overwritten),
        cmocka_unit_test(a_constant_rate_can_go_on_for_longer),
        cmocka_unit_test(runs_save_validate_and_draw_when_due),
        cmocka_unit_test(damaged_checkpoints_are_refused),
        cmocka_unit_test(checkpoints_of_other_runs_are_refused),
        cmocka_unit_test(runs_survive_every_failed_allocation)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
