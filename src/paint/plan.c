/* SPDX-License-Identifier: MIT
 * paint/plan.c: adds up what a scale takes, and searches the ways to walk it for the fastest that fits. What is assumed about
 * speed only orders them; it is written here once. */
#include "paint/plan.h"

#include "base/cpu.h"
#include "base/measure.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { LEVELS = 3 };

/* Libraries, code and stacks: what a process that has opened a picture takes before a job (measured, docs/SPEED.md). */
enum { PROCESS_BYTES = 40 << 20 };

/* Assumed: bytes a second to and from a file, and multiply-adds a second. */
static const double FILE_SPEED = 1e9, COMPUTE_SPEED = 200e9;
/* Ranks share the work of a scale where that takes less than this share of the time. */
static const double WORTH_SHARING = 0.9;
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

static uint64_t content_bytes(const dq_job *job) {
    return image_bytes(job->content) * (job->settings.colour == DQ__COLOUR_LUMINANCE ? 2 : 1);
}

static uint64_t styles_bytes(const dq_job *job) {
    uint64_t sum = 0;
    for (int i = 0; i < job->styles; i++) sum += image_bytes(job->style[i]);
    return sum;
}

/* While targets are made: the pictures as they came, and the paintings at this scale's size. */
static uint64_t looking_bytes(const dq_job *job, const dq__scale *at) {
    uint64_t sum = content_bytes(job) + styles_bytes(job);
    for (int i = 0; i < job->styles; i++) {
        int w, h;
        dq__style_size(job, job->style[i], at, &w, &h);
        sum += (uint64_t)w * (uint64_t)h * 12;
    }
    return sum;
}

/* While steps are made, beside the state: the pictures that are still wanted, and those that are made on the way out. */
static uint64_t stepping_bytes(const dq_job *job, const dq__scale *at) {
    bool last = true;
    for (int i = 0; i + 1 < job->pyramid.count; i++) last &= at != &job->pyramid.scale[i];
    const bool needs_photo = job->photo || job->content->alpha || recolours(job);
    uint64_t sum = (recolours(job) ? 3 : 2) * sizeof(float) * floats(at);
    if (!last) sum += styles_bytes(job);
    return !last || needs_photo ? sum + content_bytes(job) : sum;
}

/* What is in memory whatever the windows: the program, weights, maps; and pictures, or later pictures and the state. */
static uint64_t fixed_bytes(const dq_job *job, const dq__scale *at, bool state_in_memory) {
    const uint64_t looking = looking_bytes(job, at);
    const uint64_t stepping = stepping_bytes(job, at) + (state_in_memory ? state_bytes(job, at) : 0);
    return PROCESS_BYTES + dq__packed_bytes(&job->table, dq__job_last_layer(job), true) +
           dq__cost_roots_bytes(&job->taps, &job->table) + dq__maps_bytes(&job->maps) + (stepping > looking ? stepping : looking);
}

/* ---- one plan -------------------------------------------------------------------------------------------------------- */

/* What lies in a file: nothing; what only the optimiser walks over, and the photo's features; the picture and its gradient
 * too. */
static void choose_places(dq__scale_plan *plan, int level) {
    plan->state = plan->cost.alloc = level > 0 ? dq__alloc_mapped : dq__alloc;
    plan->pixels = level > 1 ? dq__alloc_mapped : dq__alloc;
}

static void add_up(const dq_job *job, const dq__scale *at, dq__scale_plan *plan) {
    uint64_t file;
    const uint64_t cost = dq__cost_bytes(&job->setup, &plan->cost, &file), pixels = 2 * sizeof(float) * floats(at);
    plan->memory = plan->file = 0;
    if (!cost) return;
    const bool state_in_memory = plan->state == dq__alloc;
    plan->memory = cost + fixed_bytes(job, at, state_in_memory), plan->file = file;
    if (!state_in_memory) plan->file += state_bytes(job, at);
    *(plan->pixels == dq__alloc ? &plan->memory : &plan->file) += pixels;
}

/* Bytes that a step reads and writes in the file. */
static double walked_bytes(const dq_job *job, const dq__scale *at, const dq__scale_plan *plan) {
    const double n = sizeof(float) * (double)floats(at);
    const double vectors = job->settings.optimizer == DQ__OPTIMIZER_LBFGS ? 6.0 * (double)job->settings.history + 8 : 4;
    double sum = plan->walked;
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
static void part_styles(const dq_job *job, dq__cost_plan *plan, size_t room) {
    for (int i = 0; i < job->styles; i++) {
        dq__grid *g = &plan->style[i];
        const dq__exec_options options = dq__cost_options(&job->setup, g->w, g->h, false);
        if (!job->ranks && dq__cost_needs(&job->setup, g, false).work <= room) continue;
        dq__grid_make(g, job->pool, &job->table, &options, room);
        g->mapped = plan->grid.mapped;
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

/* Decides for every stage, the deepest first (where a byte saves most), whether it keeps what its windows leave for their way
 * back: in memory while there is room, else in the file where that is faster than to run them again. Counts what that makes. */
static void choose_kept(const dq_job *job, const dq__scale *at, dq__scale_plan *plan, const dq__frame_need *need, uint64_t room,
                        bool file) {
    const double pass = dq__exec_flops(&job->table, dq__job_last_layer(job), at->h, at->w) / COMPUTE_SPEED;
    plan->passes = need->there + need->back;
    plan->walked = plan->cost.grid.mapped ? 4.0 * (double)need->maps : 0;
    for (int s = plan->cost.grid.stages - 1; s >= 0; s--) {
        dq__keep *keep = &plan->cost.grid.pane[s].keep;
        const double there_and_back = 2.0 * (double)need->kept[s];
        *keep = DQ__KEEP_NOT;
        if (need->kept[s] == 0) continue;
        if (need->kept[s] <= room) *keep = DQ__KEEP_MEMORY, room -= need->kept[s];
        else if (file && there_and_back / FILE_SPEED < need->again[s] * pass)
            *keep = DQ__KEEP_FILE, plan->walked += there_and_back;
        else plan->passes += need->again[s];
    }
}

static bool make_grid(const dq_job *job, const dq__scale *at, size_t room, dq__grid *grid) {
    const dq__exec_options options = dq__cost_options(&job->setup, at->w, at->h, true);
    return dq__grid_make(grid, job->pool, &job->table, &options, room);
}

/* Windows of a grid that work in `room` bytes; with what is left of `limit` some stages are kept. */
static dq__scale_plan window_plan(const dq_job *job, const dq__scale *at, int level, const dq__grid *grid, size_t room,
                                  uint64_t limit) {
    dq__scale_plan plan = {.cost.grid = *grid};
    choose_places(&plan, level);
    plan.cost.grid.mapped = level > 0;
    whole_styles(job, at, &plan.cost);
    part_styles(job, &plan.cost, room);
    const dq__frame_need need = dq__cost_needs(&job->setup, &plan.cost.grid, true);
    add_up(job, at, &plan);
    choose_kept(job, at, &plan, &need, plan.memory < limit ? limit - plan.memory : 0, level > 0);
    add_up(job, at, &plan);
    return plan;
}

/* ---- the search ------------------------------------------------------------------------------------------------------ */

typedef struct search {
    const dq_job *job;
    const dq__scale *at;
    bool found;
    double seconds;
    dq__scale_plan best;
} search;

/* Tries one plan. */
static void try_plan(search *s, const dq__scale_plan *plan) {
    if (!plan->memory || plan->memory > s->job->limit) return;
    const double seconds = dq__plan_seconds(s->job, s->at, plan, COMPUTE_SPEED);
    if (!s->found || seconds < s->seconds) s->best = *plan, s->seconds = seconds;
    s->found = true;
}

/* Larger windows walk over less twice, smaller ones leave more room to keep what they find: tries both. */
static void search_windows(search *s) {
    const uint64_t fixed = fixed_bytes(s->job, s->at, false), limit = s->job->limit;
    for (double room = limit > fixed ? (double)(limit - fixed) : 0; room > 1e6; room *= 0.7) {
        dq__grid grid;
        if (!make_grid(s->job, s->at, (size_t)room, &grid)) continue;
        for (int level = 0; level < LEVELS; level++) {
            const dq__scale_plan plan = window_plan(s->job, s->at, level, &grid, (size_t)room, limit);
            try_plan(s, &plan);
        }
    }
}

static bool can_part(const dq_job *job) {
    dq__grid grid;
    const dq__exec_options options = dq__cost_options(&job->setup, job->content->width, job->content->height, true);
    return dq__cost_in_windows(&job->setup) && dq__grid_squares(&grid, &job->table, &options, 1);
}

/* Bytes of memory that the smallest plan takes, 0 if the scale cannot be painted. */
static uint64_t least_bytes(const dq_job *job, const dq__scale *at) {
    const dq__scale_plan whole = whole_plan(job, at);
    dq__grid grid;
    if (!can_part(job) || !make_grid(job, at, 0, &grid)) return whole.memory;
    const dq__scale_plan small = window_plan(job, at, LEVELS - 1, &grid, 0, 0);
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
    search s = {.job = job, .at = at};
    *plan = whole_plan(job, at);
    if (!plan->memory)
        return dq__fail(err, DQ_LIMIT,
                        "a picture of %d x %d is too small for layer %s: it needs %d px a side; ask for a larger size", at->w,
                        at->h, job->table.layer[dq__job_last_layer(job)].name, side);
    if (!job->ranks && plan->memory <= job->limit) return DQ_OK;
    try_plan(&s, plan);
    s.seconds *= WORTH_SHARING;
    if (can_part(job)) search_windows(&s);
    else if (!job->settings.max_memory) return DQ_OK; /* nobody forbade it */
    if (!s.found) return refuse(job, at, least_bytes(job, at), err);
    *plan = s.best;
    return DQ_OK;
}
