/* SPDX-License-Identifier: MIT
 * net/window.c: see window.h. Start at dq__frame_forward and dq__frame_backward: all windows are walked over there, and nowhere
 * else. */
#include "net/window.h"

#include "base/mem.h"
#include "base/ranks.h"
#include "net/ops.h"
#include "net/split.h"

#include <string.h>

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }
static int up_to(int a, int step) { return (a + step - 1) / step * step; }

/* ---- windows of a stage ----------------------------------------------------------------------------------------------- */

typedef struct size {
    int h, w;
} size;

/* Windows of one size; those at the far borders may be smaller. */
typedef struct engine {
    size window;
    dq__exec *exec;
    size_t state; /* bytes of what a window leaves for its way back, where that is kept */
} engine;

enum { SIZES = 16 }; /* of the windows of a stage, at most */

/* A stage with its windows; what is an index here is an index of the stage. */
typedef struct level {
    dq__stage stage;
    size in, map[DQ__MAX_TAPS + 1]; /* of the whole maps that it reads, and at its taps */
    int stride[DQ__MAX_TAPS + 1];   /* from the map that it reads to that of a tap */
    dq__pane pane;
    int step;                       /* inner parts are multiples of it */
    int rows, cols;
    int ranks, own;                 /* that share its windows; whose these are */
    engine engine[SIZES];
    int engines;
    unsigned char *store, **kept;   /* what windows leave for their way back: all, of each; NULL if they are run again */
    float *out, *slope;             /* the map that the next stage reads, and its gradient (which may lie in the same place) */
    bool shown[DQ__MAX_TAPS + 1];
} level;

/* Where a window lies on the map that its stage reads. */
typedef struct window {
    dq__rect all, inner;
} window;

/* Positions around an inner part. Windows begin at tiles of every map of the stage. */
static int before(const level *f) { return up_to(f->stage.before, 4 * f->stage.stride); }
static int after(const level *f) { return up_to(f->stage.after, 4 * f->stage.stride); }

/* Window k along one side: its inner part begins at *start and has *inner positions; it begins at *at and has *all. */
static void along(const level *f, int side, int pane, int k, int *at, int *all, int *start, int *inner) {
    *start = k * pane, *inner = least(pane, side - *start);
    *at = most(*start - before(f), 0);
    *all = least(before(f) + pane + after(f), side - *at);
}

static window window_at(const level *f, int index) {
    window w;
    along(f, f->in.h, f->pane.h, index / f->cols, &w.all.y, &w.all.h, &w.inner.y, &w.inner.h);
    along(f, f->in.w, f->pane.w, index % f->cols, &w.all.x, &w.all.w, &w.inner.x, &w.inner.w);
    return w;
}

/* The inner part of a window on the map at one of the stage's taps; y, x count from the window's. */
static dq__rect inner_at(const level *f, const window *w, int tap) {
    const int s = f->stride[tap];
    dq__rect r = {.y = (w->inner.y - w->all.y) / s, .x = (w->inner.x - w->all.x) / s};
    r.h = (w->inner.y + w->inner.h == f->in.h ? f->map[tap].h : (w->inner.y + w->inner.h) / s) - w->inner.y / s;
    r.w = (w->inner.x + w->inner.w == f->in.w ? f->map[tap].w : (w->inner.x + w->inner.w) / s) - w->inner.x / s;
    return r;
}

/* Sets the windows; inner parts of at least h × w. */
static void set_pane(level *f, int h, int w) {
    f->pane.h = least(up_to(most(h, 1), f->step), up_to(f->in.h, f->step));
    f->pane.w = least(up_to(most(w, 1), f->step), up_to(f->in.w, f->step));
    f->rows = (f->in.h + f->pane.h - 1) / f->pane.h, f->cols = (f->in.w + f->pane.w - 1) / f->pane.w;
}

/* Rows of windows that a rank has. The last rank has some of every stage. */
static dq__rows band_of(const level *f, int rank) {
    return (dq__rows){(int)((int64_t)f->rows * rank / f->ranks), (int)((int64_t)f->rows * (rank + 1) / f->ranks)};
}

/* The first window of this rank, and the first that is not any more. */
static int first_of(const level *f) { return band_of(f, f->own).first * f->cols; }
static int end_of(const level *f) { return band_of(f, f->own).end * f->cols; }
static int windows(const level *f) { return end_of(f) - first_of(f); }

/* Sizes of the maps of a stage; false where one would be empty. */
static bool measure(level *f, size in) {
    dq__tensor store[DQ__MAX_LAYERS + 1] = {{.h = in.h, .w = in.w, .n = 1}}, *const map = store + 1;
    const dq__table *t = &f->stage.table;
    f->in = in;
    for (int i = 0; i < t->count; i++) {
        const dq__layer *l = &t->layer[i];
        if (!dq__op_shape(l, &map[l->from], dq__reads_two(l) ? &map[l->also] : NULL, &map[i])) return false;
    }
    f->step = 4 * f->stage.stride;
    for (int k = 0; k < f->stage.taps; k++) {
        const dq__tensor *m = &map[f->stage.tap[k]];
        f->map[k] = (size){m->h, m->w};
        f->stride[k] = dq__stage_stride(&f->stage, f->stage.tap[k]);
        if (f->stage.number[k] >= 0) f->step = most(f->step, dq__cell_side(m->h, m->w) * f->stride[k]);
    }
    return true;
}

static bool in_place(const dq__exec_options *o, int tap) { return tap >= 0 && (o->in_place >> tap & 1); }

static dq__exec_options options_of(const level *f, const dq__exec_options *options, size s) {
    dq__exec_options o = *options;
    o.h = s.h, o.w = s.w, o.channels = f->stage.channels;
    o.tap = f->stage.tap, o.taps = f->stage.taps, o.link = f->stage.link + 1;
    o.in_place = 0;
    for (int k = 0; k < f->stage.taps; k++)
        if (in_place(options, f->stage.number[k])) o.in_place |= (uint32_t)1 << k;
    return o;
}

static size size_of(const window *w) { return (size){w->all.h, w->all.w}; }

static engine *engine_for(level *f, size s) {
    for (int k = 0; k < f->engines; k++)
        if (f->engine[k].window.h == s.h && f->engine[k].window.w == s.w) return &f->engine[k];
    return NULL;
}

/* Lists the sizes of windows. */
static void list_engines(level *f) {
    f->engines = 0;
    for (int i = 0; i < f->rows * f->cols; i++) {
        const window w = window_at(f, i);
        if (!engine_for(f, size_of(&w)) && f->engines < SIZES) f->engine[f->engines++].window = size_of(&w);
    }
}

/* Bytes that the largest window works in; 0 if one cannot be. */
static size_t work_bytes(dq__pool *pool, const level *f, const dq__exec_options *options) {
    size_t largest = 0;
    for (int k = 0; k < f->engines; k++) {
        const dq__exec_options o = options_of(f, options, f->engine[k].window);
        const size_t bytes = dq__exec_bytes(pool, &f->stage.table, &o);
        if (!bytes) return 0;
        if (bytes > largest) largest = bytes;
    }
    return largest;
}

static size_t state_bytes(dq__pool *pool, const level *f, const dq__exec_options *options, size s) {
    const dq__exec_options o = options_of(f, options, s);
    return dq__exec_state_bytes(pool, &f->stage.table, &o);
}

/* ---- all stages ------------------------------------------------------------------------------------------------------- */

/* The stages with the sizes of their maps; *levels to be freed. Returns how many, 0 where there are none or is no memory. */
static int open_levels(level **levels, const dq__table *table, const dq__packed *packed, const dq__exec_options *options) {
    dq__stage *stages = dq__alloc(sizeof *stages * DQ__MAX_STAGES);
    size in = {options->h, options->w};
    int count = stages ? dq__stages_cut(stages, table, packed, options->tap, options->taps) : 0;
    *levels = count ? dq__alloc_zero(sizeof **levels * (size_t)count) : NULL;
    if (!*levels) count = 0;
    for (int s = 0; s < count; s++) {
        level *f = &(*levels)[s];
        f->stage = stages[s];
        f->ranks = dq__ranks_count(options->ranks), f->own = dq__ranks_own(options->ranks);
        if (!measure(f, in)) {
            dq__free(*levels);
            *levels = NULL, count = 0;
            break;
        }
        if (f->stage.link >= 0) in = f->map[f->stage.link];
    }
    dq__free(stages);
    return count;
}

static void take_panes(level *levels, int count, const dq__grid *grid) {
    for (int s = 0; s < count; s++) {
        set_pane(&levels[s], grid->pane[s].h, grid->pane[s].w);
        levels[s].pane.keep = grid->pane[s].keep;
        list_engines(&levels[s]);
    }
}

static void give_panes(dq__grid *grid, const level *levels, int count, const dq__exec_options *options) {
    *grid = dq__grid_whole(options->h, options->w);
    grid->stages = count;
    for (int s = 0; s < count; s++) grid->pane[s] = levels[s].pane;
}

dq__grid dq__grid_whole(int h, int w) { return (dq__grid){.h = h, .w = w}; }

bool dq__grid_squares(dq__grid *grid, const dq__table *table, const dq__exec_options *options, int side) {
    level *levels;
    const int count = open_levels(&levels, table, NULL, options);
    for (int s = 0; s < count; s++) set_pane(&levels[s], side, side);
    give_panes(grid, levels, count, options);
    dq__free(levels);
    return count > 0;
}

/* Positions that the windows of a stage walk over, of the rank that has most to do; *rank: which one. */
static double walked(const level *f, int *rank) {
    double most_h = 0, w = 0;
    *rank = 0;
    for (int r = 0; r < f->ranks; r++) {
        double h = 0;
        for (int k = band_of(f, r).first; k < band_of(f, r).end; k++) h += window_at(f, k * f->cols).all.h;
        if (h > most_h) most_h = h, *rank = r;
    }
    for (int k = 0; k < f->cols; k++) w += window_at(f, k).all.w;
    return most_h * w;
}

/* The largest inner parts of `cols` columns whose windows fit; false where none do. */
static bool fit_rows(dq__pool *pool, level *f, const dq__exec_options *options, size_t room, int w) {
    int low = 1, high = (int)((f->in.h + (int64_t)f->ranks * f->step - 1) / ((int64_t)f->ranks * f->step)); /* steps */
    set_pane(f, f->step, w), list_engines(f);
    size_t bytes = work_bytes(pool, f, options);
    if (!bytes || bytes > room) return false;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        set_pane(f, middle * f->step, w), list_engines(f);
        bytes = work_bytes(pool, f, options);
        if (bytes && bytes <= room) low = middle;
        else high = middle - 1;
    }
    const int least_rows = (f->in.h + low * f->step - 1) / (low * f->step);
    const int rows = least_rows > f->ranks ? up_to(least_rows, f->ranks) : least_rows;
    set_pane(f, (f->in.h + rows - 1) / rows, w), list_engines(f); /* as many, but alike */
    return true;
}

/* The windows that fit and walk over the fewest positions. */
static void fit(dq__pool *pool, level *f, const dq__exec_options *options, size_t room) {
    size best = {f->step, f->step};
    double walk = -1, least_walk;
    int rank;
    for (int cols = 1, last = 0; cols <= (f->in.w + f->step - 1) / f->step; cols++) {
        const int w = up_to((f->in.w + cols - 1) / cols, f->step);
        if (w == last) continue;
        last = w;
        if (!fit_rows(pool, f, options, room, w)) continue;
        least_walk = walked(f, &rank);
        if (walk >= 0 && least_walk >= walk) {
            if (least_walk > 1.5 * walk) break;
            continue;
        }
        walk = least_walk, best = (size){f->pane.h, f->pane.w};
    }
    set_pane(f, best.h, best.w), list_engines(f);
}

bool dq__grid_make(dq__grid *grid, dq__pool *pool, const dq__table *table, const dq__exec_options *options, size_t room) {
    level *levels;
    const int count = open_levels(&levels, table, NULL, options);
    for (int s = 0; s < count; s++) fit(pool, &levels[s], options, room);
    give_panes(grid, levels, count, options);
    dq__free(levels);
    return count > 0;
}

void dq__grid_windows(const dq__grid *grid, const dq__table *table, const dq__exec_options *options, int *rows, int *cols, int *h,
                      int *w) {
    level *levels = NULL;
    const int count = grid->stages ? open_levels(&levels, table, NULL, options) : 0;
    *rows = *cols = 1, *h = grid->h, *w = grid->w;
    if (count) {
        take_panes(levels, count, grid);
        *rows = levels->rows, *cols = levels->cols;
        *h = least(grid->h, before(levels) + levels->pane.h + after(levels));
        *w = least(grid->w, before(levels) + levels->pane.w + after(levels));
    }
    dq__free(levels);
}

/* ---- what a frame takes ----------------------------------------------------------------------------------------------- */

static size_t out_bytes(const level *f) {
    const int k = f->stage.link;
    if (k < 0) return 0;
    const int c = f->stage.table.layer[f->stage.tap[k]].oc;
    return sizeof(float) * (size_t)dq__map_stride(c) * (size_t)f->map[k].h * (size_t)f->map[k].w;
}

/* Is a stage's state still there when its way back begins? Only that of the last window of all. */
static bool stays(const level *f) { return f->stage.link < 0 && windows(f) == 1; }

/* Does the gradient of the map between f and the next stage need a place of its own? Not where the map is no longer needed. */
static bool apart(const level *next) { return !next->pane.keep && !stays(next); }

static size_t kept_bytes(dq__pool *pool, level *f, const dq__exec_options *options) {
    size_t each[SIZES], sum = 0;
    for (int k = 0; k < f->engines; k++) each[k] = state_bytes(pool, f, options, f->engine[k].window);
    for (int i = first_of(f); i < end_of(f); i++) {
        const window w = window_at(f, i);
        sum += each[engine_for(f, size_of(&w)) - f->engine];
    }
    return stays(f) ? 0 : sum;
}

static dq__frame_need whole_need(dq__pool *pool, const dq__table *table, const dq__exec_options *options) {
    return (dq__frame_need){.work = dq__exec_bytes(pool, table, options), .there = 1, .back = 1,
                            .positions = (size_t)options->h * (size_t)options->w};
}

dq__frame_need dq__frame_needs(dq__pool *pool, const dq__table *table, const dq__exec_options *options, const dq__grid *grid) {
    dq__frame_need need = {0};
    level *levels;
    double all = 0;
    if (!grid->stages) return whole_need(pool, table, options);
    const int count = open_levels(&levels, table, NULL, options);
    take_panes(levels, count, grid);
    for (int s = 0; s < count; s++) {
        level *f = &levels[s];
        const size_t work = work_bytes(pool, f, options);
        const double flops = dq__exec_flops(&f->stage.table, f->stage.table.count - 1, f->in.h, f->in.w);
        const double share = flops * walked(f, &f->own) / ((double)f->in.h * f->in.w);
        if (!work) {
            dq__free(levels);
            return (dq__frame_need){0};
        }
        if (work > need.work) need.work = work;
        for (int k = 0; k < f->engines; k++) {
            const size_t positions = (size_t)f->engine[k].window.h * (size_t)f->engine[k].window.w;
            if (positions > need.positions) need.positions = positions;
        }
        need.maps += out_bytes(f) * (options->backward && s + 1 < count && apart(&levels[s + 1]) ? 2 : 1);
        need.kept[s] = options->backward ? kept_bytes(pool, f, options) : 0;
        need.again[s] = stays(f) ? 0 : share;
        need.there += share, all += flops;
    }
    for (int s = 0; s < count; s++) need.again[s] /= all;
    need.there /= all, need.back = need.there;
    dq__free(levels);
    return need;
}

/* ---- the frame --------------------------------------------------------------------------------------------------------- */

struct dq__frame {
    dq__pool *pool;
    size picture;
    dq__exec *whole; /* NULL where there are stages */
    int taps;
    size map[DQ__MAX_TAPS];
    level *levels;
    int count;
    bool backward;
    dq__ranks *ranks;
    size_t *end;           /* for gathers: a number for each rank */
    void *arena;           /* where all stages work */
    const level *current; /* whose window `at` is in the arena */
    int at;
};

static dq_status open_engines(dq__frame *frame, level *f, const dq__exec_options *options, dq__error *err) {
    dq_status status = DQ_OK;
    for (int k = 0; k < f->engines && !status; k++) {
        dq__exec_options o = options_of(f, options, f->engine[k].window);
        o.arena = frame->arena;
        status = dq__exec_new(&f->engine[k].exec, frame->pool, &f->stage.table, &f->stage.packed, &o, err);
        f->engine[k].state = frame->backward ? dq__exec_state_bytes(frame->pool, &f->stage.table, &o) : 0;
    }
    return status;
}

static bool open_maps(level *f, const level *next, bool backward, bool mapped) {
    dq__alloc_fn *const alloc = mapped ? dq__alloc_mapped : dq__alloc;
    if (f->stage.link < 0) return true;
    f->out = alloc(out_bytes(f));
    f->slope = !backward ? NULL : apart(next) ? alloc(out_bytes(f)) : f->out;
    return f->out && (!backward || f->slope);
}

static bool open_kept(const dq__frame *frame, level *f) {
    dq__alloc_fn *const alloc = f->pane.keep == DQ__KEEP_FILE ? dq__alloc_mapped : dq__alloc;
    if (!f->pane.keep || !frame->backward || stays(f) || windows(f) == 0) return true;
    size_t bytes = 0;
    f->kept = dq__alloc_zero(sizeof *f->kept * (size_t)windows(f));
    for (int turn = 0; turn < 2 && f->kept; turn++) { /* the first only counts */
        if (turn == 1) f->store = alloc(bytes);
        if (turn == 1 && !f->store) return false;
        bytes = 0;
        for (int i = 0; i < windows(f); i++) {
            const window w = window_at(f, first_of(f) + i);
            if (f->store) f->kept[i] = f->store + bytes;
            bytes += engine_for(f, size_of(&w))->state;
        }
    }
    return f->kept != NULL;
}

static dq_status open_stages(dq__frame *frame, const dq__table *table, const dq__packed *packed, const dq__exec_options *options,
                             const dq__grid *grid, dq__error *err) {
    const dq__frame_need need = dq__frame_needs(frame->pool, table, options, grid);
    frame->count = open_levels(&frame->levels, table, packed, options);
    frame->arena = need.work ? dq__alloc(need.work) : NULL;
    frame->end = dq__alloc(sizeof *frame->end * (size_t)dq__ranks_count(options->ranks));
    if (!frame->count || !frame->arena || !frame->end) return dq__no_memory(err, need.work, "windows of the picture");
    take_panes(frame->levels, frame->count, grid);
    for (int s = 0; s < frame->count; s++) {
        level *f = &frame->levels[s];
        dq_status status = open_engines(frame, f, options, err);
        if (status) return status;
        if (!open_maps(f, f + 1, frame->backward, grid->mapped) || !open_kept(frame, f))
            return dq__no_memory(err, need.maps + need.kept[s], "windows of the picture");
        for (int k = 0; k < f->stage.taps; k++)
            if (f->stage.number[k] >= 0) frame->map[f->stage.number[k]] = f->map[k];
    }
    return DQ_OK;
}

dq_status dq__frame_new(dq__frame **out, dq__pool *pool, const dq__table *table, const dq__packed *packed,
                        const dq__exec_options *options, const dq__grid *grid, dq__error *err) {
    dq__frame *f = dq__alloc_zero(sizeof *f);
    dq_status status;
    *out = NULL;
    if (!f) return dq__no_memory(err, sizeof *f, "the network");
    f->pool = pool, f->ranks = options->ranks;
    f->taps = options->taps, f->backward = options->backward, f->picture = (size){options->h, options->w};
    if (grid->stages) status = open_stages(f, table, packed, options, grid, err);
    else status = dq__exec_new(&f->whole, pool, table, packed, options, err);
    for (int t = 0; t < f->taps && !status && f->whole; t++) {
        const dq__tensor *map = dq__exec_tap(f->whole, t);
        f->map[t] = (size){map->h, map->w};
    }
    if (status) dq__frame_free(&f);
    *out = f;
    return status;
}

static void free_level(level *f) {
    for (int k = 0; k < f->engines; k++) dq__exec_free(&f->engine[k].exec);
    dq__free(f->store);
    dq__free(f->kept);
    if (f->slope != f->out) dq__free(f->slope);
    dq__free(f->out);
}

void dq__frame_free(dq__frame **frame) {
    dq__frame *f = *frame;
    if (!f) return;
    for (int s = 0; s < f->count; s++) free_level(&f->levels[s]);
    dq__free(f->levels);
    dq__free(f->arena);
    dq__free(f->end);
    dq__exec_free(&f->whole);
    dq__free(f);
    *frame = NULL;
}

void dq__frame_map(const dq__frame *f, int tap, int *h, int *w) { *h = f->map[tap].h, *w = f->map[tap].w; }

/* ---- numbers in and out ------------------------------------------------------------------------------------------------- */

/* Numbers of a position of the map that a stage reads, or of a pixel. */
static int numbers(const level *f) { return f->stage.channels ? dq__map_stride(f->stage.channels) : 3; }

static dq__plane field_at(const level *f, const float *whole, int y, int x) {
    const ptrdiff_t row = (ptrdiff_t)f->in.w * numbers(f);
    return (dq__plane){(float *)(uintptr_t)whole + y * row + (ptrdiff_t)x * numbers(f), row};
}

/* A part of the map between two stages, to or from a tensor. */
typedef struct copy_work {
    const dq__tensor *t;
    float *map; /* its first number */
    ptrdiff_t row;
    int first; /* row of those under way */
    bool out;
} copy_work;

enum { ROWS = 32 }; /* that are copied before their memory is left */

static void copy_task(void *user, int k) {
    const copy_work *work = user;
    const size_t bytes = sizeof(float) * (size_t)work->t->w * (size_t)work->t->cs;
    const int y = work->first + k;
    float *here = dq__pixel(work->t, y, 0), *there = work->map + y * work->row;
    if (work->out) memcpy(there, here, bytes);
    else memcpy(here, there, bytes);
}

static void copy_link(const dq__frame *frame, const level *f, const dq__tensor *t, float *map, int y, int x, bool out) {
    const ptrdiff_t row = (ptrdiff_t)f->map[f->stage.link].w * t->cs;
    copy_work work = {t, map + y * row + (ptrdiff_t)x * t->cs, row, 0, out};
    for (; work.first < t->h; work.first += ROWS) {
        const int n = least(ROWS, t->h - work.first);
        dq__pool_run(frame->pool, n, copy_task, &work);
        dq__release(map + (y + work.first) * row, sizeof(float) * (size_t)row * (size_t)n);
    }
}

/* ---- one window --------------------------------------------------------------------------------------------------------- */

typedef struct part_work {
    dq__frame *frame;
    level *f; /* the stage under way */
    window at;
    dq__part_fn *fn;
    void *user;
} part_work;

static dq__spot spot_of(part_work *work, int k, int y, int x) {
    level *f = work->f;
    const dq__spot spot = {f->stage.number[k], y, x, f->map[k].h, f->map[k].w, !f->shown[k]};
    f->shown[k] = true;
    return spot;
}

/* On the way forward: the inner part, to whom it may concern. */
static void show(void *user, int k, const dq__tensor *map, const dq__tensor *grad) {
    part_work *work = user;
    const level *f = work->f;
    const dq__rect in = inner_at(f, &work->at, k);
    const dq__tensor part = dq__part(map, in.y, in.x, in.h, in.w);
    const int y = work->at.inner.y / f->stride[k], x = work->at.inner.x / f->stride[k];
    (void)grad;
    if (f->stage.number[k] < 0) {
        copy_link(work->frame, f, &part, f->out, y, x, true);
        return;
    }
    const dq__spot spot = spot_of(work, k, y, x);
    if (work->fn) work->fn(work->user, &spot, &part, NULL);
}

/* On the way back: all of the window, since what is right within depends on what is around. */
static void ask(void *user, int k, const dq__tensor *map, const dq__tensor *grad) {
    part_work *work = user;
    const level *f = work->f;
    const int y = work->at.all.y / f->stride[k], x = work->at.all.x / f->stride[k];
    if (f->stage.number[k] < 0) {
        copy_link(work->frame, f, grad, f->slope, y, x, false);
        return;
    }
    const dq__spot spot = spot_of(work, k, y, x);
    work->fn(work->user, &spot, map, grad);
}

static void show_whole(void *user, int tap, const dq__tensor *map, const dq__tensor *grad) {
    const part_work *work = user;
    const dq__spot spot = {.tap = tap, .h = map->h, .w = map->w, .first = true};
    work->fn(work->user, &spot, map, grad);
}

static dq__exec *exec_for(level *f, const window *w) { return engine_for(f, size_of(w))->exec; }

/* Brings a window of a stage into the arena. */
static void run_window(part_work *work, const float *in, int index, dq__tap_fn fn) {
    level *f = work->f;
    work->at = window_at(f, index);
    const dq__plane from = field_at(f, in, work->at.all.y, work->at.all.x);
    dq__exec_forward_from(exec_for(f, &work->at), &from, fn, work);
    work->frame->current = f, work->frame->at = index;
}

static void save_window(const part_work *work, int index) {
    level *f = work->f;
    if (f->kept) dq__exec_save(exec_for(f, &work->at), f->kept[index - first_of(f)]);
}

/* Brings what window `index` has left for its way back into the arena. */
static void load_window(part_work *work, const float *in, int index) {
    level *f = work->f;
    work->at = window_at(f, index);
    if (work->frame->current == f && work->frame->at == index) return;
    if (!f->kept) {
        run_window(work, in, index, NULL);
        return;
    }
    dq__exec_load(exec_for(f, &work->at), f->kept[index - first_of(f)]);
}

static void window_back(part_work *work, float *gradient) {
    level *f = work->f;
    const dq__rect *all = &work->at.all, *in = &work->at.inner;
    const dq__rect part = {in->y - all->y, in->x - all->x, in->h, in->w};
    const dq__plane to = field_at(f, gradient, in->y, in->x);
    dq__exec_backward_to(exec_for(f, &work->at), ask, work, &part, &to);
    work->frame->current = NULL;
}

/* ---- ranks ------------------------------------------------------------------------------------------------------------- */

/* Rows of the map that a stage reads: in the inner parts of a rank's windows, and in all of them. */
static dq__rows inner_rows(const level *f, int rank) {
    const dq__rows band = band_of(f, rank);
    return (dq__rows){least(band.first * f->pane.h, f->in.h), least(band.end * f->pane.h, f->in.h)};
}

static dq__rows all_rows(const level *f, int rank) {
    const dq__rows band = band_of(f, rank);
    if (band.first == band.end) return (dq__rows){0, 0};
    const dq__rect first = window_at(f, band.first * f->cols).all, last = window_at(f, (band.end - 1) * f->cols).all;
    return (dq__rows){first.y, last.y + last.h};
}

/* The same of the map at one of its taps. */
static dq__rows at_tap(const level *f, int k, dq__rows in) {
    const int s = f->stride[k], h = f->map[k].h;
    return (dq__rows){least(in.first / s, h), in.end == f->in.h ? h : least((in.end + s - 1) / s, h)};
}

/* A map between stages, or at a tap. */
typedef struct trade {
    const level *f, *next;
    int k; /* which tap of f */
} trade;

static dq__rows made(const void *user, int rank) {
    const trade *t = user;
    return at_tap(t->f, t->k, inner_rows(t->f, rank));
}

static dq__rows looked_at(const void *user, int rank) {
    const trade *t = user;
    return at_tap(t->f, t->k, all_rows(t->f, rank));
}

static dq__rows read_by_next(const void *user, int rank) { return all_rows(((const trade *)user)->next, rank); }
static dq__rows made_by_next(const void *user, int rank) { return inner_rows(((const trade *)user)->next, rank); }

static size_t link_bytes(const level *f) { return out_bytes(f) / (size_t)f->map[f->stage.link].h; }

/* What stage f has made, to those that read it; and the gradient of that, back. */
static void trade_map(const dq__frame *frame, const level *f) {
    const trade t = {f, f + 1, f->stage.link};
    dq__ranks_trade(frame->ranks, f->out, link_bytes(f), made, read_by_next, &t, NULL);
}

static void trade_slope(const dq__frame *frame, const level *f) {
    const trade t = {f, f + 1, f->stage.link};
    dq__ranks_trade(frame->ranks, f->slope, link_bytes(f), made_by_next, looked_at, &t, NULL);
}

/* Where tap `tap` of the whole network is; .f is NULL where there are no stages. */
static trade find_tap(const dq__frame *frame, int tap) {
    for (int s = 0; s < frame->count; s++)
        for (int k = 0; k < frame->levels[s].stage.taps; k++)
            if (frame->levels[s].stage.number[k] == tap) return (trade){&frame->levels[s], NULL, k};
    return (trade){0};
}

void dq__frame_gather(const dq__frame *frame, int tap, void *map, size_t row_bytes) {
    const trade t = find_tap(frame, tap);
    if (!t.f || t.f->ranks == 1) return;
    for (int r = 0; r < t.f->ranks; r++) frame->end[r] = row_bytes * (size_t)made(&t, r).end;
    dq__ranks_gather(frame->ranks, map, frame->end, NULL);
}

void dq__frame_trade(const dq__frame *frame, int tap, void *map, size_t row_bytes) {
    const trade t = find_tap(frame, tap);
    if (t.f) dq__ranks_trade(frame->ranks, map, row_bytes, made, looked_at, &t, NULL);
}

static void gather_gradient(const dq__frame *frame, float *rgb_gradient) {
    const level *f = frame->levels;
    const size_t row = sizeof(float) * 3 * (size_t)f->in.w;
    if (f->ranks == 1) return;
    for (int r = 0; r < f->ranks; r++) frame->end[r] = row * (size_t)inner_rows(f, r).end;
    dq__ranks_gather(frame->ranks, rgb_gradient, frame->end, NULL);
}

/* ---- all windows -------------------------------------------------------------------------------------------------------- */

static void show_anew(dq__frame *frame) {
    for (int s = 0; s < frame->count; s++) memset(frame->levels[s].shown, 0, sizeof frame->levels[s].shown);
}

void dq__frame_forward(dq__frame *frame, const float *rgb, dq__part_fn *fn, void *user) {
    part_work work = {.frame = frame, .fn = fn, .user = user};
    if (frame->whole) {
        const dq__plane from = {(float *)(uintptr_t)rgb, (ptrdiff_t)frame->picture.w * 3};
        dq__exec_forward_from(frame->whole, &from, fn ? show_whole : NULL, &work);
        return;
    }
    show_anew(frame);
    for (int s = 0; s < frame->count; s++) {
        work.f = &frame->levels[s];
        if (s > 0) trade_map(frame, work.f - 1);
        for (int i = first_of(work.f); i < end_of(work.f); i++) {
            run_window(&work, s == 0 ? rgb : work.f[-1].out, i, show);
            save_window(&work, i);
        }
    }
}

void dq__frame_backward(dq__frame *frame, const float *rgb, dq__part_fn *fn, void *user, float *rgb_gradient) {
    part_work work = {.frame = frame, .fn = fn, .user = user};
    if (frame->whole) {
        dq__exec_backward(frame->whole, show_whole, &work, rgb_gradient);
        return;
    }
    show_anew(frame);
    for (int s = frame->count - 1; s >= 0; s--) {
        work.f = &frame->levels[s];
        if (work.f->stage.link >= 0) trade_slope(frame, work.f);
        for (int i = end_of(work.f) - 1; i >= first_of(work.f); i--) {
            load_window(&work, s == 0 ? rgb : work.f[-1].out, i);
            window_back(&work, s == 0 ? rgb_gradient : work.f[-1].slope);
        }
    }
    gather_gradient(frame, rgb_gradient);
    frame->current = NULL;
}
