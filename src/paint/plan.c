/* SPDX-License-Identifier: MIT
 * paint/plan.c: adds up what a scale takes, and searches the ways to walk it for the fastest that fits. What is assumed about
 * speed only orders them; it is written here once. */
#include "paint/plan.h"

#include "base/cpu.h"
#include "base/measure.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { LEAST_WINDOW = 256, MOST_ALONG = 64, LEVELS = 3 };

/* Libraries, code and stacks: what a process that has opened a picture takes before a job (measured, docs/SPEED.md). */
enum { PROCESS_BYTES = 40 << 20 };

/* Assumed: bytes a second to and from a file, and multiply-adds a second. */
static const double FILE_SPEED = 1e9, COMPUTE_SPEED = 200e9;
/* Convolutions' share of what multiply-adds in registers reach, as if each product were made (Winograd's method saves some). */
static const double SHARE_OF_PEAK = 0.6;

uint64_t dq__plan_limit(const dq__settings *settings) {
    const uint64_t available = dq__mem_available();
    if (settings->max_memory) return settings->max_memory;
    return available ? available / 10 * 6 : UINT64_MAX;
}

/* ---- what things take ------------------------------------------------------------------------------------------------ */

static uint64_t floats(const dq__scale *s) { return (uint64_t)s->w * (uint64_t)s->h * 3; }

void dq__style_size(const dq_job *job, const dq_image *style, const dq__scale *at, int *w, int *h) {
    const int longest = at->w > at->h ? at->w : at->h, own = style->width > style->height ? style->width : style->height;
    const int shortest = style->width + style->height - own;
    const int min_side = dq__exec_min_side(&job->table, dq__job_last_layer(job));
    int wanted = (int)lround(longest * job->settings.style_scale);
    const int least = (int)ceil((double)min_side * own / shortest);
    if (wanted > own) wanted = own;
    if (wanted < least) wanted = least;
    dq__fit(wanted, style->width, style->height, w, h);
}

static uint64_t image_bytes(const dq_image *image) {
    return (uint64_t)image->width * (uint64_t)image->height * (image->alpha ? 16 : 12);
}

/* Does the result take its colours from the photo? */
static bool recolours(const dq_job *job) {
    const int colour = job->settings.colour;
    return colour != DQ__COLOUR_STYLE && colour != DQ__COLOUR_MATCH && job->settings.colour_strength > 0;
}

/* The optimiser's vectors, the running average, and the last picture that had a cost. */
static uint64_t state_bytes(const dq_job *job, const dq__scale *at) {
    const uint64_t n = floats(at);
    const uint64_t own = (job->settings.average > 0 ? 2 : 1) * sizeof(float) * n;
    if (job->settings.optimizer == DQ__OPTIMIZER_LBFGS) return own + dq__lbfgs_bytes(n, (int)job->settings.history);
    return own + 2 * sizeof(float) * n;
}

/* What stays in memory whatever the plan: the program, weights, pictures, and two pictures that are made on the way. */
static uint64_t fixed_bytes(const dq_job *job, const dq__scale *at) {
    uint64_t sum = PROCESS_BYTES + dq__packed_bytes(&job->table, dq__job_last_layer(job), true);
    sum += dq__cost_roots_bytes(&job->taps, &job->table) + dq__maps_bytes(&job->maps);
    sum += image_bytes(job->content) * (job->settings.colour == DQ__COLOUR_LUMINANCE ? 2 : 1);
    for (int i = 0; i < job->styles; i++) {
        int w, h;
        dq__style_size(job, job->style[i], at, &w, &h);
        sum += image_bytes(job->style[i]) + (uint64_t)w * (uint64_t)h * 12;
    }
    return sum + (recolours(job) ? 3 : 2) * sizeof(float) * floats(at);
}

/* ---- one plan -------------------------------------------------------------------------------------------------------- */

/* What lies in a file: nothing; what only the optimiser walks over, and the photo's features; the picture and its gradient
 * too. */
static void choose_places(dq__scale_plan *plan, int level) {
    plan->state = plan->cost.alloc = level > 0 ? dq__alloc_mapped : dq__alloc;
    plan->pixels = level > 1 ? dq__alloc_mapped : dq__alloc;
}

static void add_up(const dq_job *job, const dq__scale *at, dq__scale_plan *plan) {
    const uint64_t cost = dq__cost_bytes(&job->setup, &plan->cost), pixels = 2 * sizeof(float) * floats(at);
    plan->memory = plan->file = 0;
    if (!cost) return;
    plan->memory = cost + fixed_bytes(job, at);
    *(plan->state == dq__alloc ? &plan->memory : &plan->file) += state_bytes(job, at);
    *(plan->pixels == dq__alloc ? &plan->memory : &plan->file) += pixels;
    if (plan->cost.alloc != dq__alloc) plan->file += dq__cost_features_bytes(&job->setup, at->w, at->h);
}

static int windows_of(const dq__grid *g) { return g->rows * g->cols; }

/* Passes of a picture's worth of pixels through the network, there or back, in a step. */
static double passes(const dq__scale_plan *plan, uint64_t window_bytes) {
    const dq__grid *g = &plan->cost.grid;
    const int windows = windows_of(g);
    const double each = (double)g->window_h * g->window_w / ((double)g->h * g->w);
    if (windows == 1) return 2;
    const uint64_t keeps = window_bytes ? plan->cost.keep / window_bytes : 0;
    const int again = keeps < (uint64_t)windows - 1 ? windows - 1 - (int)keeps : 0; /* the last goes back at once */
    return each * (2 * windows + again);
}

/* Bytes that a step reads and writes in the file. */
static double walked_bytes(const dq_job *job, const dq__scale *at, const dq__scale_plan *plan) {
    const double n = sizeof(float) * (double)floats(at);
    const double vectors = job->settings.optimizer == DQ__OPTIMIZER_LBFGS ? 6.0 * (double)job->settings.history + 8 : 4;
    double sum = 0;
    if (plan->state != dq__alloc) sum += (vectors + 2) * n + (double)dq__cost_features_bytes(&job->setup, at->w, at->h);
    return plan->pixels != dq__alloc ? sum + 8 * n : sum;
}

double dq__plan_seconds(const dq_job *job, const dq__scale *at, const dq__scale_plan *plan, double flops) {
    const double pass = dq__exec_flops(&job->table, dq__job_last_layer(job), at->h, at->w) / flops;
    return plan->passes * pass + walked_bytes(job, at, plan) / FILE_SPEED;
}

double dq__plan_speed(const dq_job *job) {
    static _Atomic double speed;
    if (atomic_load(&speed) == 0) atomic_store(&speed, SHARE_OF_PEAK * dq__peak_flops(job->pool, dq__cpu_isa(), 1));
    return atomic_load(&speed);
}

static void whole_styles(const dq_job *job, const dq__scale *at, dq__cost_plan *plan) {
    for (int i = 0; i < job->styles; i++) {
        int w, h;
        dq__style_size(job, job->style[i], at, &w, &h);
        plan->style[i] = dq__grid_whole(h, w);
    }
}

/* Paintings go in windows where they would take more than the picture. */
static void part_styles(const dq_job *job, dq__cost_plan *plan, const dq__reach *reach) {
    const size_t most = (size_t)plan->grid.window_h * (size_t)plan->grid.window_w;
    for (int i = 0; i < job->styles; i++) {
        dq__grid *g = &plan->style[i];
        for (int n = 2; (size_t)g->window_h * (size_t)g->window_w > most && n < MOST_ALONG; n++)
            *g = dq__grid_make(g->h, g->w, reach, n, n);
    }
}

/* The whole picture at once, all of it in memory. */
static dq__scale_plan whole_plan(const dq_job *job, const dq__scale *at) {
    dq__scale_plan plan = {.cost.grid = dq__grid_whole(at->h, at->w), .passes = 2};
    choose_places(&plan, 0);
    whole_styles(job, at, &plan.cost);
    add_up(job, at, &plan);
    return plan;
}

/* `rows` × `cols` windows; with what is left of `limit` some are kept. */
static dq__scale_plan window_plan(const dq_job *job, const dq__scale *at, const dq__reach *reach, int level, int rows, int cols,
                                  uint64_t limit) {
    dq__scale_plan plan = {.cost.grid = dq__grid_make(at->h, at->w, reach, rows, cols)};
    choose_places(&plan, level);
    whole_styles(job, at, &plan.cost);
    part_styles(job, &plan.cost, reach);
    add_up(job, at, &plan);
    if (!plan.memory || plan.memory >= limit) return plan;
    const uint64_t window = dq__cost_window_bytes(&job->setup, &plan.cost.grid);
    plan.cost.keep = limit - plan.memory;
    plan.passes = passes(&plan, window);
    add_up(job, at, &plan);
    return plan;
}

/* ---- the search ------------------------------------------------------------------------------------------------------ */

typedef struct search {
    const dq_job *job;
    const dq__scale *at;
    dq__reach reach;
    uint64_t limit;
    bool found;
    double seconds;
    dq__scale_plan best;
} search;

/* Tries one plan; does it fit? */
static bool try_plan(search *s, const dq__scale_plan *plan) {
    if (!plan->memory || plan->memory > s->limit) return false;
    const double seconds = dq__plan_seconds(s->job, s->at, plan, COMPUTE_SPEED);
    if (!s->found || seconds < s->seconds) s->best = *plan, s->seconds = seconds;
    s->found = true;
    return true;
}

static bool try_grid(search *s, int level, int rows, int cols) {
    const dq__scale_plan plan = window_plan(s->job, s->at, &s->reach, level, rows, cols, s->limit);
    return try_plan(s, &plan);
}

/* The most windows along a side that are not too small to be worth it. */
static int most_along(const dq__reach *reach, int side) {
    int n = 1;
    while (n < MOST_ALONG) {
        const dq__grid g = dq__grid_make(side, 1, &(dq__reach){reach->before, reach->after, reach->stride}, n + 1, 1);
        if (g.rows <= n || g.window_h < LEAST_WINDOW) break;
        n++;
    }
    return n;
}

/* The fewest rows that fit, and some more: smaller windows leave room to keep more of them. */
static void try_rows(search *s, int level, int cols, int most) {
    int low = 1, high = most;
    if (!try_grid(s, level, most, cols)) return;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (try_grid(s, level, middle, cols)) high = middle;
        else low = middle + 1;
    }
    for (int more = 1; more <= 4 && low + more < most; more++) try_grid(s, level, low + more, cols);
}

static void search_windows(search *s) {
    const int rows = most_along(&s->reach, s->at->h), cols = most_along(&s->reach, s->at->w);
    for (int level = 0; level < LEVELS; level++)
        for (int k = 1; k <= cols; k = k < cols && k + 1 + k / 6 > cols ? cols : k + 1 + k / 6) try_rows(s, level, k, rows);
}

static bool can_part(const dq_job *job, dq__reach *reach) {
    return dq__cost_in_windows(&job->setup) && dq__reach_of(&job->table, job->taps.layer, job->taps.count, reach);
}

/* Bytes of memory that the smallest plan takes, 0 if the scale cannot be painted. */
static uint64_t least_bytes(const dq_job *job, const dq__scale *at) {
    dq__reach reach;
    const dq__scale_plan whole = whole_plan(job, at);
    if (!can_part(job, &reach)) return whole.memory;
    const dq__scale_plan small =
        window_plan(job, at, &reach, LEVELS - 1, most_along(&reach, at->h), most_along(&reach, at->w), 0);
    return small.memory && small.memory < whole.memory ? small.memory : whole.memory;
}

/* The largest longest side that stays under the limit, 0 if none does. */
static int size_that_fits(const dq_job *job, uint64_t limit) {
    dq__scale at = {0};
    int low = 0, high = (int)job->settings.size;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        dq__fit(middle, job->content->width, job->content->height, &at.w, &at.h);
        if (least_bytes(job, &at) <= limit) low = middle; /* 0 where the size is too small: look higher */
        else high = middle - 1;
    }
    dq__fit(low < 1 ? 1 : low, job->content->width, job->content->height, &at.w, &at.h);
    return low >= 16 && least_bytes(job, &at) ? low : 0;
}

static dq_status refuse(const dq_job *job, const dq__scale *at, uint64_t needed, dq__error *err) {
    const double limit = (double)job->limit / 1e6;
    const int fits = size_that_fits(job, job->limit);
    if (!fits)
        return dq__fail(err, DQ_LIMIT, "no size fits into %.0f MB with network %s; this one needs %.0f MB", limit,
                        job->table.name, (double)needed / 1e6);
    return dq__fail(err, DQ_LIMIT, "%d x %d needs at least %.0f MB, the limit is %.0f MB; size %d would fit", at->w, at->h,
                    (double)needed / 1e6, limit, fits);
}

dq_status dq__plan_scale(const dq_job *job, const dq__scale *at, dq__scale_plan *plan, dq__error *err) {
    const int side = dq__exec_min_side(&job->table, dq__job_last_layer(job));
    search s = {.job = job, .at = at, .limit = job->limit};
    *plan = whole_plan(job, at);
    if (!plan->memory)
        return dq__fail(err, DQ_LIMIT,
                        "a picture of %d x %d is too small for layer %s: it needs %d px a side; ask for a larger size", at->w,
                        at->h, job->table.layer[dq__job_last_layer(job)].name, side);
    if (plan->memory <= job->limit) return DQ_OK;
    if (can_part(job, &s.reach)) search_windows(&s);
    else if (!job->settings.max_memory) return DQ_OK; /* nobody forbade it */
    if (!s.found) return refuse(job, at, least_bytes(job, at), err);
    *plan = s.best;
    return DQ_OK;
}
