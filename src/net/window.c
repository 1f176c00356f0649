/* SPDX-License-Identifier: MIT
 * net/window.c: see window.h. Why windows need to overlap by a value's reach once, not twice: the gradient at a pixel is the sum
 * of what all values that see it send back. Each value sends from the one window in whose inner part it lies, along ways that
 * lie in its reach, so in that window; the sum over windows is the sum over values. */
#include "net/window.h"

#include "base/mem.h"

#include <string.h>

/* ---- what a value sees ----------------------------------------------------------------------------------------------- */

static bool see(const dq__layer *l, const dq__reach *below, dq__reach *r) {
    *r = *below;
    switch (l->kind) {
    case DQ__CONV:
        r->before += l->pad * below->stride;
        r->after += (l->kernel - 1 - l->pad) * below->stride;
        r->stride *= l->stride;
        return true;
    case DQ__POOL:
        r->after += (l->kernel - 1) * below->stride;
        r->stride *= 2;
        return true;
    case DQ__LINEAR:
    case DQ__INSTANCE_NORM:
    case DQ__GLOBAL_POOL:
    case DQ__UP_NEAREST:
    case DQ__UP_BILINEAR:
    case DQ__CONV_UP: return false;
    default: return true;
    }
}

static int larger(int a, int b) { return a > b ? a : b; }
static int up_to(int a, int step) { return (a + step - 1) / step * step; }

/* What values of every layer to `last` see; false at the first that sees too much. store: the picture's, then the layers'. */
static bool see_all(const dq__table *table, int last, dq__reach *store) {
    store[0] = (dq__reach){.stride = 1};
    for (int i = 0; i <= last; i++) {
        const dq__layer *l = &table->layer[i];
        dq__reach *r = &store[i + 1];
        if (!see(l, &store[l->from + 1], r)) return false;
        if (!dq__reads_two(l)) continue;
        r->before = larger(r->before, store[l->also + 1].before);
        r->after = larger(r->after, store[l->also + 1].after);
    }
    return true;
}

bool dq__reach_of(const dq__table *table, const int *tap, int taps, dq__reach *reach) {
    dq__reach store[DQ__MAX_LAYERS + 1] = {0};
    *reach = (dq__reach){.stride = 1};
    if (!see_all(table, tap[taps - 1], store)) return false;
    for (int t = 0; t < taps; t++) {
        const dq__reach *r = &store[tap[t] + 1];
        reach->before = larger(reach->before, r->before);
        reach->after = larger(reach->after, r->after - r->stride + 1);
        reach->stride = larger(reach->stride, r->stride);
    }
    return true;
}

/* ---- windows along one side ------------------------------------------------------------------------------------------ */

/* Where the inner part of the window that begins at `at` ends. */
static int inner_end(const dq__reach *r, int side, int window, int at) {
    return at + window >= side ? side : (at + window - r->after) / r->stride * r->stride;
}

/* Begins window k, whose inner part begins at *start; false where it would gain nothing. */
static bool next(const dq__reach *r, int side, int window, int *start, int *at, int *end) {
    const int halo = up_to(r->before, r->stride);
    *at = *start - halo < 0 ? 0 : *start - halo;
    if (*at + window > side) *at = side - window;
    *end = inner_end(r, side, window, *at);
    return *end > *start;
}

/* Windows that cover a side, 0 if these never would. */
static int count_along(const dq__reach *r, int side, int window) {
    int start = 0, at, end, n = 0;
    while (start < side) {
        if (!next(r, side, window, &start, &at, &end)) return 0;
        start = end, n++;
    }
    return n;
}

/* The smallest window of which `most` cover the side: as long as the side but for whole strides. */
static int smallest(const dq__reach *r, int side, int most) {
    int best = side;
    for (int window = side; window > 0; window -= r->stride) {
        const int n = count_along(r, side, window);
        if (n == 0 || n > most) break;
        best = window;
    }
    return best;
}

dq__grid dq__grid_whole(int h, int w) {
    return (dq__grid){.h = h, .w = w, .rows = 1, .cols = 1, .window_h = h, .window_w = w, .reach = {.stride = 1}};
}

dq__grid dq__grid_make(int h, int w, const dq__reach *reach, int rows, int cols) {
    dq__grid g = {.h = h, .w = w, .reach = *reach};
    g.window_h = smallest(reach, h, rows), g.window_w = smallest(reach, w, cols);
    g.rows = count_along(reach, h, g.window_h), g.cols = count_along(reach, w, g.window_w);
    return g;
}

static void place(const dq__reach *r, int side, int window, int index, int *at, int *start, int *end) {
    *end = 0;
    for (int k = 0; k <= index; k++) {
        *start = *end;
        next(r, side, window, start, at, end);
    }
}

dq__window dq__grid_window(const dq__grid *g, int index) {
    dq__window w;
    place(&g->reach, g->h, g->window_h, index / g->cols, &w.y, &w.top, &w.bottom);
    place(&g->reach, g->w, g->window_w, index % g->cols, &w.x, &w.left, &w.right);
    return w;
}

dq__inner dq__window_inner(const dq__grid *g, int index, int stride, int h, int w) {
    const dq__window at = dq__grid_window(g, index);
    dq__inner in = {.y = (at.top - at.y) / stride, .x = (at.left - at.x) / stride};
    in.h = (at.bottom == g->h ? h : (at.bottom - at.y) / stride) - in.y;
    in.w = (at.right == g->w ? w : (at.right - at.x) / stride) - in.x;
    return in;
}

/* ---- the frame ------------------------------------------------------------------------------------------------------- */

struct dq__frame {
    dq__exec *exec;
    dq__pool *pool;
    dq__grid grid;
    int windows, taps, stride[DQ__MAX_TAPS];
    float *pixels, *gradient; /* of a window; NULL where there is one */
    void **kept;              /* what the first `keeps` windows need on their way back */
    int keeps, current;       /* the window that is in the executor, −1: none */
};

static dq__exec_options of_window(const dq__exec_options *options, const dq__grid *grid) {
    dq__exec_options o = *options;
    o.h = grid->window_h, o.w = grid->window_w;
    if (grid->rows * grid->cols > 1) o.in_place = 0; /* only the inner part of the features becomes gradient */
    if (grid->rows * grid->cols > 1) o.in_place = 0; /* features beyond the inner part are nobody's gradient */
    return o;
}

static size_t pixel_bytes(const dq__grid *g) { return sizeof(float) * 3 * (size_t)g->window_h * (size_t)g->window_w; }

size_t dq__frame_bytes(dq__pool *pool, const dq__table *table, const dq__exec_options *options, const dq__grid *grid,
                       size_t *window) {
    const dq__exec_options o = of_window(options, grid);
    const size_t exec = dq__exec_bytes(pool, table, &o);
    const int buffers = grid->rows * grid->cols == 1 ? 0 : options->backward ? 2 : 1;
    *window = buffers && options->backward ? dq__exec_state_bytes(pool, table, &o) : 0;
    return exec ? exec + (size_t)buffers * pixel_bytes(grid) : 0;
}

/* Memory for as many windows as fit into `keep` bytes. The last one needs none: its way back follows at once. */
static bool alloc_kept(dq__frame *f, size_t state, size_t keep) {
    const size_t most = state ? keep / state : 0;
    f->kept = dq__alloc_zero(sizeof(void *) * (size_t)f->windows);
    if (!f->kept) return false;
    for (; f->keeps < f->windows - 1 && (size_t)f->keeps < most; f->keeps++) {
        f->kept[f->keeps] = dq__alloc(state);
        if (!f->kept[f->keeps]) return false;
    }
    return true;
}

dq_status dq__frame_new(dq__frame **out, dq__pool *pool, const dq__table *table, const dq__packed *packed,
                        const dq__exec_options *options, const dq__grid *grid, size_t keep, dq__error *err) {
    const dq__exec_options o = of_window(options, grid);
    dq__reach store[DQ__MAX_LAYERS + 1] = {0};
    size_t state = 0;
    dq__frame *f = dq__alloc_zero(sizeof *f);
    *out = NULL;
    if (!f) return dq__no_memory(err, sizeof *f, "the network");
    f->pool = pool, f->grid = *grid, f->windows = grid->rows * grid->cols, f->taps = options->taps, f->current = -1;
    if (f->windows > 1) see_all(table, options->tap[options->taps - 1], store);
    for (int t = 0; t < f->taps; t++) f->stride[t] = store[options->tap[t] + 1].stride;
    dq_status status = dq__exec_new(&f->exec, pool, table, packed, &o, err);
    if (status || f->windows == 1) goto done;
    const size_t bytes = dq__frame_bytes(pool, table, options, grid, &state);
    f->pixels = dq__alloc(pixel_bytes(grid));
    if (options->backward) f->gradient = dq__alloc(pixel_bytes(grid));
    if (!f->pixels || (options->backward && !f->gradient) || !alloc_kept(f, state, keep))
        status = dq__no_memory(err, bytes + keep, "windows of the picture");
done:
    if (status) dq__frame_free(&f);
    *out = f;
    return status;
}

void dq__frame_free(dq__frame **frame) {
    dq__frame *f = *frame;
    if (!f) return;
    for (int k = 0; k < f->keeps; k++) dq__free(f->kept[k]);
    dq__free(f->kept);
    dq__free(f->pixels);
    dq__free(f->gradient);
    dq__exec_free(&f->exec);
    dq__free(f);
    *frame = NULL;
}

int dq__frame_windows(const dq__frame *frame) { return frame->windows; }

void dq__frame_map(const dq__frame *f, int tap, int *h, int *w) {
    const dq__tensor *map = dq__exec_tap(f->exec, tap);
    const dq__window last = dq__grid_window(&f->grid, f->windows - 1);
    *h = map->h, *w = map->w;
    if (f->windows == 1) return;
    *h += last.y / f->stride[tap], *w += last.x / f->stride[tap];
}

/* ---- pixels in and out ----------------------------------------------------------------------------------------------- */

typedef struct rows_work {
    const dq__frame *f;
    dq__window at;
    const float *rgb;
    float *whole;
} rows_work;

static ptrdiff_t place_of(const rows_work *work, int row) {
    return ((ptrdiff_t)(work->at.y + row) * work->f->grid.w + work->at.x) * 3;
}

static void take_row(void *user, int row) {
    const rows_work *work = user;
    const int n = work->f->grid.window_w * 3;
    memcpy(work->f->pixels + (ptrdiff_t)row * n, work->rgb + place_of(work, row), sizeof(float) * (size_t)n);
}

static void add_row(void *user, int row) {
    const rows_work *work = user;
    const int n = work->f->grid.window_w * 3;
    const float *from = work->f->gradient + (ptrdiff_t)row * n;
    float *to = work->whole + place_of(work, row);
    for (int k = 0; k < n; k++) to[k] += from[k];
}

/* Says that the rows of a window in a whole picture are not needed for a while. */
static void leave_rows(const dq__frame *f, const dq__window *at, const float *whole) {
    const size_t row = sizeof(float) * 3 * (size_t)f->grid.w;
    dq__release(whole + (ptrdiff_t)at->y * f->grid.w * 3, row * (size_t)f->grid.window_h);
}

static void run_window(dq__frame *f, const float *rgb, int index) {
    rows_work work = {.f = f, .at = dq__grid_window(&f->grid, index), .rgb = rgb};
    f->current = index;
    if (f->windows == 1) {
        dq__exec_forward(f->exec, rgb);
        return;
    }
    dq__pool_run(f->pool, f->grid.window_h, take_row, &work);
    leave_rows(f, &work.at, rgb);
    dq__exec_forward(f->exec, f->pixels);
}

/* ---- there ----------------------------------------------------------------------------------------------------------- */

typedef struct part_work {
    dq__frame *f;
    dq__part_fn *fn;
    void *user;
} part_work;

/* Shows the inner part of a tap of the window under way. */
static void show(void *user, int tap, const dq__tensor *map, const dq__tensor *grad) {
    const part_work *work = user;
    const dq__frame *f = work->f;
    if (f->windows == 1) {
        work->fn(work->user, 0, tap, 0, 0, map, grad);
        return;
    }
    const int stride = f->stride[tap];
    const dq__window at = dq__grid_window(&f->grid, f->current);
    const dq__inner in = dq__window_inner(&f->grid, f->current, stride, map->h, map->w);
    const dq__tensor part = dq__part(map, in.y, in.x, in.h, in.w);
    dq__tensor slope = {0};
    if (grad) slope = dq__part(grad, in.y, in.x, in.h, in.w);
    work->fn(work->user, f->current, tap, at.top / stride, at.left / stride, &part, grad ? &slope : NULL);
}

void dq__frame_forward(dq__frame *f, const float *rgb, dq__part_fn *fn, void *user) {
    part_work work = {f, fn, user};
    for (int i = 0; i < f->windows; i++) {
        run_window(f, rgb, i);
        for (int t = 0; t < f->taps && fn; t++) show(&work, t, dq__exec_tap(f->exec, t), NULL);
        if (i < f->keeps) dq__exec_save(f->exec, f->kept[i]);
    }
}

/* ---- and back -------------------------------------------------------------------------------------------------------- */

static void backward_window(part_work *work, const float *rgb, float *rgb_gradient, int index) {
    dq__frame *f = work->f;
    rows_work rows = {.f = f, .at = dq__grid_window(&f->grid, index), .whole = rgb_gradient};
    if (index < f->keeps) dq__exec_load(f->exec, f->kept[index]), f->current = index;
    else if (f->current != index) run_window(f, rgb, index);
    dq__exec_backward(f->exec, show, work, f->gradient);
    dq__pool_run(f->pool, f->grid.window_h, add_row, &rows);
    leave_rows(f, &rows.at, rgb_gradient);
}

void dq__frame_backward(dq__frame *f, const float *rgb, dq__part_fn *fn, void *user, float *rgb_gradient) {
    part_work work = {f, fn, user};
    if (f->windows == 1) {
        dq__exec_backward(f->exec, show, &work, rgb_gradient);
        return;
    }
    for (int y = 0; y < f->grid.h; y++) {
        float *row = rgb_gradient + (ptrdiff_t)y * f->grid.w * 3;
        memset(row, 0, sizeof(float) * 3 * (size_t)f->grid.w);
        dq__release(row, sizeof(float) * 3 * (size_t)f->grid.w);
    }
    for (int i = f->windows - 1; i >= 0; i--) backward_window(&work, rgb, rgb_gradient, i);
    f->current = -1;
}
