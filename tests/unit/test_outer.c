/* SPDX-License-Identifier: MIT
 * The sums of outer products at every instruction set, against a sum in double: a sum of n products in float is off by at
 * most a few ε·Σ|x·d| (8 allows any order). By Winograd's method the bound is that of the algorithm: run it in double on
 * absolute values, and allow 8ε of that. Inputs are slices of wider maps, with NaN where they must not be read; sums begin
 * with values that must be added to, and bands around them must survive. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "wide/wide.h"
#include "winograd_bound.h"

enum { GUARD = 64 };
static const double eps = 0x1p-23;
static const float mark = -12345.5f;

typedef struct shape {
    int rows, cols, kernel, stride, ic, oc, dilation;
} shape;

typedef struct map {
    float *memory;
    int h, w, c, at, wide; /* channels at … at+c−1 of `wide` */
} map;

static map new_map(int h, int w, int c, int at, int wide, uint64_t stream) {
    const size_t n = (size_t)h * w * wide;
    map m = {dq__alloc(sizeof(float) * n), h, w, c, at, wide};
    for (size_t i = 0; i < n; i++) {
        const int channel = (int)(i % (size_t)wide);
        m.memory[i] = channel >= at && channel < at + c ? dq__rng_normal(5, stream, i) : NAN;
    }
    return m;
}

static const float *pixel(const map *m, int y, int x) { return m->memory + ((size_t)y * m->w + x) * m->wide + m->at; }

static void check(const shape *s, const map *x, const map *d, const float *g, int t, int i, int o) {
    const size_t at = ((size_t)t * s->ic + i) * s->oc + o;
    double sum = (double)dq__rng_normal(5, 3, at), size = fabs(sum);
    for (int r = 0; r < s->rows; r++)
        for (int c = 0; c < s->cols; c++) {
            const int y = r * s->stride + t / s->kernel * s->dilation, z = c * s->stride + t % s->kernel * s->dilation;
            const double p = (double)pixel(x, y, z)[i] * (double)pixel(d, r, c)[o];
            sum += p, size += fabs(p);
        }
    assert_near((double)g[at], sum, 8 * eps * size);
}

static void one_shape(const dqk_table *k, shape s) {
    const int reach = (s.kernel - 1) * s.dilation + 1, taps = s.kernel * s.kernel;
    const map x = new_map((s.rows - 1) * s.stride + reach, (s.cols - 1) * s.stride + reach, s.ic, 4, s.ic + 12, 1);
    const map d = new_map(s.rows, s.cols, s.oc, 16, s.oc + 20, 2);
    const size_t n = (size_t)taps * s.ic * s.oc;
    float *memory = dq__alloc(sizeof(float) * (n + 2 * GUARD)), *g = memory + GUARD;
    for (size_t i = 0; i < n + 2 * GUARD; i++) memory[i] = mark;
    for (size_t i = 0; i < n; i++) g[i] = dq__rng_normal(5, 3, i);
    const size_t room = dqk_outer_scratch(s.ic, s.oc);
    float *scratch = dq__alloc(sizeof(float) * (room + GUARD));
    for (size_t i = 0; i < room + GUARD; i++) scratch[i] = i < room ? NAN : mark;
    k->outer(&(dqk_outer){.x = pixel(&x, 0, 0), .x_row = s.stride * x.w * x.wide, .x_col = s.stride * x.wide,
                          .tap_row = s.dilation * x.w * x.wide, .tap_col = s.dilation * x.wide, .d = pixel(&d, 0, 0),
                          .d_row = d.w * d.wide, .d_col = d.wide, .rows = s.rows, .cols = s.cols, .kernel = s.kernel,
                          .ic = s.ic, .oc = s.oc, .g = g, .scratch = scratch});
    for (int t = 0; t < taps; t++)
        for (int i = t % 3; i < s.ic; i += 3)
            for (int o = t % 5; o < s.oc; o += 5) check(&s, &x, &d, g, t, i, o);
    for (int i = 0; i < GUARD; i++) assert_true(memory[i] == mark && g[n + i] == mark && scratch[room + i] == mark);
    dq__free(x.memory), dq__free(d.memory), dq__free(memory), dq__free(scratch);
}

static const shape shapes[] = {
    /* rows, cols, kernel, stride, ic, oc, dilation */
    {1, 1, 1, 1, 4, 16, 1},    {8, 8, 3, 1, 32, 48, 1},  {9, 7, 3, 1, 28, 16, 1},    {5, 129, 3, 1, 12, 32, 1},
    {3, 300, 1, 1, 20, 16, 1}, {21, 11, 3, 2, 16, 32, 1}, {7, 33, 5, 2, 8, 16, 1},    {13, 5, 5, 1, 4, 64, 1},
    {6, 10, 7, 1, 4, 16, 1},   {6, 9, 7, 2, 12, 16, 1},   {130, 1, 9, 1, 4, 16, 1},   {12, 20, 9, 1, 4, 32, 1},
    {11, 9, 9, 2, 8, 16, 1},   {140, 2, 1, 2, 16, 80, 1}, {17, 19, 3, 1, 8, 16, 2},   {16, 16, 1, 1, 40, 112, 1}};

static void outer_is_the_sum(void **state) {
    (void)state;
    const int best = (int)dq__cpu_isa();
    for (int isa = 0; isa <= best + 1; isa++) {
        const dqk_table *k = isa <= best ? dqk_kernels((dq__isa)isa) : wide_kernels();
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) one_shape(k, shapes[i]);
    }
}

/* Two halves of a map are the whole map: how the work is cut into tasks. */
static void halves_add_up(void **state) {
    (void)state;
    enum { H = 10, W = 14, IC = 8, OC = 16, N = 9 * IC * OC };
    const map x = new_map(H + 2, W + 2, IC, 0, IC, 6), d = new_map(H, W, OC, 0, OC, 7);
    static float whole[N], halves[N];
    float *scratch = dq__alloc(sizeof(float) * dqk_outer_scratch(IC, OC));
    dqk_outer job = {.x = x.memory, .x_row = (W + 2) * IC, .x_col = IC, .tap_row = (W + 2) * IC, .tap_col = IC, .d = d.memory,
                     .d_row = W * OC, .d_col = OC, .rows = H, .cols = W, .kernel = 3, .ic = IC, .oc = OC, .g = whole,
                     .scratch = scratch};
    const dqk_table *k = dqk_kernels(dq__cpu_isa());
    k->outer(&job);
    job.g = halves, job.rows = H / 2;
    k->outer(&job);
    job.x += H / 2 * job.x_row, job.d += H / 2 * job.d_row;
    k->outer(&job);
    for (int i = 0; i < N; i++) assert_near((double)halves[i], (double)whole[i], 1e-4);
    dq__free(x.memory), dq__free(d.memory), dq__free(scratch);
}

/* ---- Winograd's method --------------------------------------------------------------------------------------------- */

typedef struct tiled {
    int pictures, rows, cols, ic, oc, first, tiles; /* tiles −1: all */
} tiled;

enum { STEP = 7 }; /* every so many pairs of channels are checked */

/* A value of one picture of a map that holds several, one below the other, each with its halo. Zero outside. */
static double value(const map *m, int picture, int rows, int y, int x, int c, int halo) {
    if (y < -halo || y >= rows + halo || x < -halo || x >= m->w - halo) return 0;
    return (double)pixel(m, picture * (rows + 2 * halo) + y + halo, x + halo)[c];
}

/* Adds what one tile gives to the 9 sums of a pair of channels, and to the 36 absolute products from which the bound comes. */
static void add_tile(const tiled *s, const map *x, const map *d, int tile, int i, int o, double *sum, double *product) {
    const int per_row = (s->cols + 3) / 4, per_picture = per_row * ((s->rows + 3) / 4), picture = tile / per_picture;
    const int row = tile % per_picture / per_row * 4, col = tile % per_row * 4;
    double in[36], out[16];
    for (int p = 0; p < 36; p++) in[p] = value(x, picture, s->rows, row + p / 6 - 1, col + p % 6 - 1, i, 1);
    for (int p = 0; p < 16; p++) out[p] = value(d, picture, s->rows, row + p / 4, col + p % 4, o, 0);
    for (int t = 0; t < 9; t++)
        for (int p = 0; p < 16; p++) sum[t] += in[(p / 4 + t / 3) * 6 + p % 4 + t % 3] * out[p];
    for (int p = 0; p < 36; p++) {
        double v = 0, u = 0;
        for (int q = 0; q < 36; q++) v += abs_bt[p / 6][q / 6] * fabs(in[q]) * abs_bt[p % 6][q % 6];
        for (int q = 0; q < 16; q++) u += abs_at[q / 4][p / 6] * fabs(out[q]) * abs_at[q % 4][p % 6];
        product[p] += v * u;
    }
}

static void check_pair(const tiled *s, const map *x, const map *d, const float *g, int i, int o) {
    double sum[9], product[36] = {0};
    const size_t n = (size_t)s->ic * s->oc, at_pair = (size_t)i * s->oc + o;
    for (size_t t = 0; t < 9; t++) sum[t] = (double)dq__rng_normal(5, 3, t * n + at_pair);
    for (int tile = s->first; tile < s->first + s->tiles; tile++) add_tile(s, x, d, tile, i, o, sum, product);
    for (size_t t = 0; t < 9; t++) {
        double bound = fabs((double)dq__rng_normal(5, 3, t * n + at_pair));
        for (int p = 0; p < 36; p++) bound += abs_g[p / 6][t / 3] * product[p] * abs_g[p % 6][t % 3];
        assert_near((double)g[t * n + at_pair], sum[t], 8 * eps * bound);
    }
}

static float *marked(size_t n) {
    float *m = dq__alloc(sizeof(float) * (n + 2 * GUARD));
    for (size_t i = 0; i < n + 2 * GUARD; i++) m[i] = i < GUARD || i >= GUARD + n ? mark : 0;
    return m + GUARD;
}

static void free_marked(float *m, size_t n) {
    for (size_t i = 0; i < GUARD; i++) assert_true(m[i - GUARD] == mark && m[n + i] == mark);
    dq__free(m - GUARD);
}

static void one_tiled(const dqk_table *k, tiled s) {
    const int all = s.pictures * ((s.rows + 3) / 4) * ((s.cols + 3) / 4), tiles = s.tiles = s.tiles < 0 ? all : s.tiles;
    const map x = new_map(s.pictures * (s.rows + 2), s.cols + 2, s.ic, 4, s.ic + 12, 1);
    const map d = new_map(s.pictures * s.rows, s.cols, s.oc, 16, s.oc + 20, 2);
    const size_t n = (size_t)s.ic * s.oc, room = dqk_winograd_outer_scratch(s.ic, s.oc);
    float *m = marked(36 * n), *g = marked(9 * n), *scratch = marked(room);
    for (size_t i = 0; i < 9 * n; i++) g[i] = dq__rng_normal(5, 3, i);
    dqk_winograd_outer job = {.x = pixel(&x, 1, 1), .x_picture = (s.rows + 2) * x.w * x.wide, .x_row = x.w * x.wide,
                              .x_col = x.wide, .d = pixel(&d, 0, 0), .d_picture = s.rows * d.w * d.wide,
                              .d_row = d.w * d.wide, .d_col = d.wide, .rows = s.rows, .cols = s.cols, .first_tile = s.first,
                              .tiles = tiles / 3, .ic = s.ic, .oc = s.oc, .m = m, .scratch = scratch};
    k->winograd_outer(&job); /* a third, then the rest: m is added to */
    job.first_tile += tiles / 3, job.tiles = tiles - tiles / 3;
    k->winograd_outer(&job);
    k->winograd_outer_finish(g, m, (ptrdiff_t)n, 16);
    k->winograd_outer_finish(g + 16, m + 16, (ptrdiff_t)n, (int)n - 16);
    for (int pair = 0; pair < s.ic * s.oc; pair += STEP) check_pair(&s, &x, &d, g, pair / s.oc, pair % s.oc);
    free_marked(m, 36 * n), free_marked(g, 9 * n), free_marked(scratch, room);
    dq__free(x.memory), dq__free(d.memory);
}

static void winograd_is_the_sum(void **state) {
    (void)state;
    set_matrices();
    const int best = (int)dq__cpu_isa();
    for (int isa = 0; isa <= best + 1; isa++) {
        const dqk_table *k = isa <= best ? dqk_kernels((dq__isa)isa) : wide_kernels();
        one_tiled(k, (tiled){1, 4, 4, 16, 16, 0, -1});
        one_tiled(k, (tiled){1, 1, 1, 16, 32, 0, -1});
        one_tiled(k, (tiled){1, 7, 9, 48, 16, 0, -1});
        one_tiled(k, (tiled){3, 5, 6, 16, 48, 0, -1});
        one_tiled(k, (tiled){2, 29, 34, 16, 16, 0, -1}); /* more tiles than one block, which cross to the next picture */
        one_tiled(k, (tiled){2, 8, 10, 32, 80, 3, 7});   /* some tiles only */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(outer_is_the_sum), cmocka_unit_test(halves_add_up),
                                       cmocka_unit_test(winograd_is_the_sum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
