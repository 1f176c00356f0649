/* SPDX-License-Identifier: MIT
 * loss/gram.c: Gram matrices in parallel over cells (net/split.h): in float within a cell, their sums in two doubles. */
#include "loss/gram.h"

#include "base/mem.h"
#include "kernels/kernels.h"
#include "net/pack.h"
#include "net/split.h"

#include <math.h>
#include <string.h>

enum { CHUNKS = 8 }; /* cells at a time; and of rows, on the way back */

struct dq__gram_space {
    int cs;
    float *partial[CHUNKS]; /* cs×cs each */
    float *scratch[CHUNKS]; /* 2·DQK_GRAM_BLOCK·cs each: of the kernel, and guided positions */
    const float *guide;     /* of positions, NULL: all count alike; borrowed */
    const dq__whole *whole; /* that maps are parts of, NULL: they are wholes; borrowed */
    float *g, *matrix;      /* cs×cs; matrix packed for gemm */
    dq__sums sums;          /* cs×cs */
};

static size_t square(int cs) { return (size_t)cs * (size_t)cs; }

size_t dq__gram_space_bytes(int cs) {
    return sizeof(float) * (CHUNKS * (square(cs) + 2 * DQK_GRAM_BLOCK * (size_t)cs) + 2 * square(cs)) +
           2 * sizeof(double) * square(cs);
}

dq_status dq__gram_space_new(dq__gram_space **out, int cs, dq__error *err) {
    *out = NULL;
    dq__gram_space *s = dq__alloc_zero(sizeof *s);
    if (!s) return dq__no_memory(err, sizeof *s, "Gram matrices");
    s->cs = cs;
    bool whole = true;
    for (int k = 0; k < CHUNKS; k++) {
        s->partial[k] = dq__alloc(sizeof(float) * square(cs));
        s->scratch[k] = dq__alloc(sizeof(float) * 2 * DQK_GRAM_BLOCK * (size_t)cs);
        whole = whole && s->partial[k] && s->scratch[k];
    }
    s->g = dq__alloc(sizeof(float) * square(cs));
    s->matrix = dq__alloc(sizeof(float) * square(cs));
    s->sums.high = dq__alloc(sizeof(double) * square(cs));
    s->sums.low = dq__alloc(sizeof(double) * square(cs));
    if (!whole || !s->g || !s->matrix || !s->sums.high || !s->sums.low) {
        dq__gram_space_free(&s);
        return dq__no_memory(err, dq__gram_space_bytes(cs), "Gram matrices");
    }
    *out = s;
    return DQ_OK;
}

void dq__gram_space_free(dq__gram_space **space) {
    dq__gram_space *s = *space;
    if (!s) return;
    for (int k = 0; k < CHUNKS; k++) dq__free(s->partial[k]), dq__free(s->scratch[k]);
    dq__free(s->g);
    dq__free(s->matrix);
    dq__free(s->sums.high);
    dq__free(s->sums.low);
    dq__free(s);
    *space = NULL;
}

typedef struct work {
    const dqk_table *kernels;
    dq__gram_space *space;
    const dq__tensor *f, *grad;
    int chunks;      /* of rows */
    dq__cells cells; /* and the first of those under way, and how many */
    int first, n;
    const dq__sums *sums;
} work;

void dq__gram_guide(dq__gram_space *space, const float *guide) { space->guide = guide; }
void dq__gram_whole(dq__gram_space *space, const dq__whole *whole) { space->whole = whole; }

double dq__gram_positions(const dq__gram_space *space, const dq__tensor *f) {
    return space->whole ? space->whole->positions : (double)f->h * f->w;
}

/* Copies n positions from column x of row y, each times its guide or the root of it; false where none counts. */
static bool guided(const work *w, float *to, int y, int x, int n, bool root) {
    const float *guide = w->space->guide + (size_t)y * (size_t)w->f->w + x, *f = dq__pixel(w->f, y, x);
    const int cs = w->f->cs;
    bool any = false;
    for (int i = 0; i < n; i++) {
        const float m = root ? sqrtf(guide[i]) : guide[i];
        any = any || m != 0.0f;
        for (int c = 0; c < cs; c++) to[i * cs + c] = m * f[i * cs + c];
    }
    return any;
}

static void guided_cell(const work *w, dqk_gram *job, int y0, int x0, int rows, int cols) {
    float *segment = job->scratch + DQK_GRAM_BLOCK * w->f->cs;
    job->f = segment, job->f_row = (ptrdiff_t)cols * w->f->cs, job->rows = 1, job->cols = cols;
    for (int y = y0; y < y0 + rows; y++)
        if (guided(w, segment, y, x0, cols, true)) w->kernels->gram(job);
}

static void cell_task(void *user, int k) {
    const work *w = user;
    const dq__tensor *f = w->f;
    int y, x, rows, cols;
    dq__cells_at(&w->cells, w->first + k, &y, &x, &rows, &cols);
    memset(w->space->partial[k], 0, sizeof(float) * square(f->cs));
    dqk_gram job = {.f = dq__pixel(f, y, x), .f_row = dq__row(f), .f_col = f->cs, .rows = rows, .cols = cols,
                    .channels = f->cs, .g = w->space->partial[k], .scratch = w->space->scratch[k]};
    if (w->space->guide) guided_cell(w, &job, y, x, rows, cols);
    else w->kernels->gram(&job);
}

/* 16 rows of the sums: what the cells under way have there. */
static void sum_task(void *user, int block) {
    const work *w = user;
    const size_t c = (size_t)w->f->cs;
    for (size_t i = (size_t)block * 16; i < (size_t)block * 16 + 16; i++)
        for (int k = 0; k < w->n; k++)
            for (size_t j = i; j < c; j++) dq__sums_add(w->sums, i * c + j, (double)w->space->partial[k][i * c + j]);
}

void dq__gram_add(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, int side, const dq__sums *sums) {
    work w = {.kernels = dqk_kernels(dq__cpu_isa()), .space = space, .f = f, .sums = sums};
    w.cells = dq__cells_of(f->h, f->w, side);
    for (; w.first < w.cells.count; w.first += CHUNKS) {
        w.n = w.cells.count - w.first < CHUNKS ? w.cells.count - w.first : CHUNKS;
        dq__pool_run(pool, w.n, cell_task, &w);
        dq__pool_run(pool, f->cs / 16, sum_task, &w);
    }
}

void dq__gram_finish(const dq__sums *sums, double n, int cs, float *g) {
    const size_t c = (size_t)cs;
    for (size_t i = 0; i < c; i++)
        for (size_t j = i; j < c; j++) g[i * c + j] = g[j * c + i] = (float)(dq__sums_at(sums, i * c + j) / n);
}

void dq__gram(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, float *g) {
    if (space->whole) {
        memcpy(g, space->whole->gram, sizeof(float) * square(f->cs));
        return;
    }
    memset(space->sums.high, 0, sizeof(double) * square(f->cs));
    memset(space->sums.low, 0, sizeof(double) * square(f->cs));
    dq__gram_add(pool, space, f, dq__cell_side(f->h, f->w), &space->sums);
    dq__gram_finish(&space->sums, (double)f->h * f->w, f->cs, g);
}

double dq__gram_energy(const float *g, int cs) {
    double sum = 0;
    for (size_t k = 0; k < square(cs); k++) sum += (double)g[k] * (double)g[k];
    return sum;
}

static void gradient_task(void *user, int y) {
    const work *w = user;
    dqk_gemm job = {.x = dq__pixel(w->f, y, 0), .x_row = dq__row(w->f), .x_col = w->f->cs,
                    .y = dq__pixel(w->grad, y, 0), .y_row = dq__row(w->grad), .y_col = w->grad->cs,
                    .m = w->space->matrix, .rows = 1, .cols = w->f->w, .ic = w->f->cs, .oc = w->f->cs, .accumulate = 1};
    w->kernels->gemm(&job);
}

/* The same where positions count by the guide. */
static void guided_gradient_task(void *user, int k) {
    const work *w = user;
    const int cs = w->f->cs;
    const int first = (int)((int64_t)w->f->h * k / w->chunks), last = (int)((int64_t)w->f->h * (k + 1) / w->chunks);
    float *segment = w->space->scratch[k];
    dqk_gemm job = {.x = segment, .x_col = cs, .y_row = dq__row(w->grad), .y_col = w->grad->cs, .m = w->space->matrix, .rows = 1,
                    .ic = cs, .oc = cs, .accumulate = 1};
    for (int y = first; y < last; y++)
        for (int x = 0; x < w->f->w; x += DQK_GRAM_BLOCK) {
            job.cols = w->f->w - x < DQK_GRAM_BLOCK ? w->f->w - x : DQK_GRAM_BLOCK;
            job.x_row = (ptrdiff_t)job.cols * cs;
            job.y = dq__pixel(w->grad, y, x);
            if (guided(w, segment, y, x, job.cols, false)) w->kernels->gemm(&job);
        }
}

/* The same in place: features become their gradient, positions by positions that are copied aside. */
static void replace_task(void *user, int k) {
    const work *w = user;
    const int cs = w->f->cs;
    const int first = (int)((int64_t)w->f->h * k / w->chunks), last = (int)((int64_t)w->f->h * (k + 1) / w->chunks);
    dqk_gemm job = {.x = w->space->scratch[k], .x_col = cs, .y_row = dq__row(w->f), .y_col = cs, .m = w->space->matrix,
                    .rows = 1, .ic = cs, .oc = cs};
    for (int y = first; y < last; y++)
        for (int x = 0; x < w->f->w; x += DQK_GRAM_BLOCK) {
            job.cols = w->f->w - x < DQK_GRAM_BLOCK ? w->f->w - x : DQK_GRAM_BLOCK;
            job.x_row = (ptrdiff_t)job.cols * cs;
            job.y = dq__pixel(w->grad, y, x);
            if (w->space->guide) guided(w, w->space->scratch[k], y, x, job.cols, false);
            else memcpy(w->space->scratch[k], job.y, sizeof(float) * (size_t)job.x_row);
            w->kernels->gemm(&job);
        }
}

/* ---- through a linear map of the channels ---------------------------------------------------------------------------- */

size_t dq__gram_root_bytes(int c) { return sizeof(float) * 3 * square(dq__map_stride(c)); }

dq_status dq__gram_root_init(dq__gram_root *root, const float *r, int c, dq__error *err) {
    const int cs = dq__map_stride(c);
    *root = (dq__gram_root){.cs = cs, .forward = dq__alloc(sizeof(float) * square(cs)),
                            .backward = dq__alloc(sizeof(float) * square(cs)), .scratch = dq__alloc(sizeof(float) * square(cs))};
    if (!root->forward || !root->backward || !root->scratch) {
        dq__gram_root_deinit(root);
        return dq__no_memory(err, dq__gram_root_bytes(c), "a root");
    }
    dq__pack_taps(root->forward, r, c, c, 1, cs, false);
    dq__pack_taps(root->backward, r, c, c, 1, cs, true);
    return DQ_OK;
}

void dq__gram_root_deinit(dq__gram_root *root) {
    dq__free(root->forward);
    dq__free(root->backward);
    dq__free(root->scratch);
    *root = (dq__gram_root){0};
}

static void transpose(float *g, int cs) {
    for (int i = 0; i < cs; i++)
        for (int j = i + 1; j < cs; j++) {
            const float v = g[(size_t)i * cs + j];
            g[(size_t)i * cs + j] = g[(size_t)j * cs + i];
            g[(size_t)j * cs + i] = v;
        }
}

/* g ← M·g·Mᵀ for symmetric g: rows of g times M, transposed, times M again. */
static void both_sides(const dq__gram_root *root, const float *matrix, float *g) {
    const dqk_table *kernels = dqk_kernels(dq__cpu_isa());
    const int cs = root->cs;
    dqk_gemm job = {.x = g, .x_row = cs, .x_col = cs, .y = root->scratch, .y_row = cs, .y_col = cs, .m = matrix,
                    .rows = 1, .cols = cs, .ic = cs, .oc = cs};
    kernels->gemm(&job);
    transpose(root->scratch, cs);
    job.x = root->scratch, job.y = g;
    kernels->gemm(&job);
}

void dq__gram_through(const dq__gram_root *root, float *g) { both_sides(root, root->forward, g); }
void dq__gram_back_through(const dq__gram_root *root, float *g) { both_sides(root, root->backward, g); }

static void times_vector(const dq__gram_root *root, const float *matrix, float *v) {
    dqk_gemm job = {.x = v, .x_row = root->cs, .x_col = root->cs, .y = root->scratch, .y_row = root->cs, .y_col = root->cs,
                    .m = matrix, .rows = 1, .cols = 1, .ic = root->cs, .oc = root->cs};
    dqk_kernels(dq__cpu_isa())->gemm(&job);
    memcpy(v, root->scratch, sizeof(float) * (size_t)root->cs);
}

void dq__vector_through(const dq__gram_root *root, float *v) { times_vector(root, root->forward, v); }
void dq__vector_back_through(const dq__gram_root *root, float *v) { times_vector(root, root->backward, v); }

/* ---- the way back ---------------------------------------------------------------------------------------------------- */

void dq__gram_back(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, const float *d, const dq__tensor *grad) {
    dq__pack_taps(space->matrix, d, f->cs, f->cs, 1, f->cs, false);
    work w = {.kernels = dqk_kernels(dq__cpu_isa()), .space = space, .f = f, .grad = grad};
    w.chunks = f->h < CHUNKS ? f->h : CHUNKS;
    if (f->data == grad->data) dq__pool_run(pool, w.chunks, replace_task, &w);
    else if (space->guide) dq__pool_run(pool, w.chunks, guided_gradient_task, &w);
    else dq__pool_run(pool, f->h, gradient_task, &w);
}

/* ---- the cost --------------------------------------------------------------------------------------------------------- */

double dq__gram_cost(dq__pool *pool, dq__gram_space *space, const dq__tensor *f, const float *target, double scale,
                     double weight, const dq__tensor *grad) {
    return dq__gram_cost_through(pool, space, NULL, f, target, scale, weight, grad);
}

double dq__gram_cost_through(dq__pool *pool, dq__gram_space *space, const dq__gram_root *root, const dq__tensor *f,
                             const float *target, double scale, double weight, const dq__tensor *grad) {
    const int c = f->cs;
    float *d = space->g;
    dq__gram(pool, space, f, d);
    if (root) dq__gram_through(root, d);
    for (size_t k = 0; k < square(c); k++) d[k] -= target[k];
    const double cost = scale * dq__gram_energy(d, c);
    if (weight == 0) return cost;
    const double factor = scale * weight * 4.0 / dq__gram_positions(space, f);
    if (root) dq__gram_back_through(root, d);
    for (size_t k = 0; k < square(c); k++) d[k] = (float)(factor * (double)d[k]);
    dq__gram_back(pool, space, f, d, grad);
    return cost;
}
