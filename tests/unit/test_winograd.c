/* SPDX-License-Identifier: MIT
 * The Winograd kernels at every instruction set, against the direct sum in double. The bound is that of the algorithm
 * itself: run it once more in double on absolute values with |B|, |G|, |A| (so that nothing cancels), and allow 8ε of
 * that. It also must be tight enough to mean something: a lost product would exceed it. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "net/pack.h"
#include "wide/wide.h"
#include "winograd_bound.h"

static const double eps = 0x1p-23;

/* What 8ε is multiplied by, for output (i,j) of a tile: Σ over channels of |Aᵀ|·((|G||g||Gᵀ|) ∘ (|Bᵀ||d||B|))·|A|. */
static double magnitude(const float *d, const float *g, int i, int j) {
    double sum = 0;
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < 6; b++) {
            double v = 0, u = 0;
            for (int s = 0; s < 36; s++) v += abs_bt[a][s / 6] * fabs((double)d[s]) * abs_bt[b][s % 6];
            for (int s = 0; s < 9; s++) u += abs_g[a][s / 3] * fabs((double)g[s]) * abs_g[b][s % 3];
            sum += abs_at[i][a] * u * v * abs_at[j][b];
        }
    return sum;
}

typedef struct shape {
    int h, w, ic, oc, first, tiles; /* tiles −1: all */
} shape;

static void check_output(const float *x, const float *y, const float *w, const float *bias, const shape *s, int r, int c, int o) {
    const int xw = s->w + 2;
    double sum = (double)bias[o], size = fabs(sum), bound = fabs(sum);
    for (int i = 0; i < s->ic; i++) {
        const float *g = w + ((size_t)o * s->ic + i) * 9;
        float d[36];
        for (int t = 0; t < 36; t++) {
            const int yy = r / 4 * 4 + t / 6, xx = c / 4 * 4 + t % 6;
            d[t] = yy < s->h + 2 && xx < xw ? x[((size_t)yy * xw + xx) * s->ic + i] : 0;
        }
        for (int t = 0; t < 9; t++) {
            const double p = (double)g[t] * (double)x[((size_t)(r + t / 3) * xw + c + t % 3) * s->ic + i];
            sum += p, size += fabs(p);
        }
        bound += magnitude(d, g, r % 4, c % 4);
    }
    assert_true(bound < 3000 * size); /* the bound is a bound */
    assert_near((double)y[((size_t)r * s->w + c) * s->oc + o], sum, 8 * eps * bound);
}

/* Everything a convolution of maps of h×w pixels with a ring of one around them needs; outputs as `finish` says. */
static void convolve(const dqk_table *k, const float *x, const float *w, const float *bias, const shape *s, dqk_winograd finish) {
    const size_t ws = (size_t)9 * s->ic * s->oc, block = 36 * (size_t)dqk_winograd_u_point(s->ic);
    const int tiles = finish.tiles;
    float *packed = dq__alloc(4 * ws), *u = dq__alloc(4 * block * (size_t)s->oc / 16);
    float *v = dq__alloc(4 * 36 * ((size_t)tiles * s->ic + 16)), *scratch = dq__alloc(4 * DQK_WINOGRAD_SCRATCH);
    dq__pack_conv3x3(packed, w, s->oc, s->ic, s->ic, false);
    for (int o = 0; o < s->oc / 16; o++)
        k->winograd_weights(u + (size_t)o * block, packed + (size_t)o * 9 * s->ic * 16, s->ic);
    const dqk_winograd_input in = {.x = x + ((size_t)(s->w + 2) + 1) * s->ic, .x_row = (s->w + 2) * s->ic, .x_col = s->ic,
                                   .x_picture = (s->h + 2) * (s->w + 2) * s->ic, .h = s->h, .w = s->w, .halo = 1,
                                   .first_tile = finish.first_tile, .tiles = tiles, .ic = s->ic, .v = v,
                                   .v_point = (ptrdiff_t)tiles * s->ic + 16};
    k->winograd_input(&in);
    finish.v = v, finish.v_point = in.v_point, finish.u = u, finish.bias = bias, finish.rows = s->h, finish.cols = s->w;
    finish.ic = s->ic, finish.oc = s->oc, finish.scratch = scratch, finish.words = s->oc / 16;
    k->winograd(&finish);
    dq__free(packed), dq__free(u), dq__free(v), dq__free(scratch);
}

static int tiles_of(const shape *s) { return (s->w + 3) / 4 * ((s->h + 3) / 4); }

static float *normal(uint64_t stream, size_t n) {
    float *v = dq__alloc(4 * n);
    for (size_t i = 0; i < n; i++) v[i] = dq__rng_normal(3, stream, i);
    return v;
}

static void one_shape(const dqk_table *k, shape s) {
    const size_t xs = (size_t)(s.h + 2) * (s.w + 2) * s.ic, ys = (size_t)s.h * s.w * s.oc;
    float *x = normal(0, xs), *y = dq__alloc(4 * ys), *w = normal(1, (size_t)9 * s.ic * s.oc), *bias = normal(2, (size_t)s.oc);
    for (size_t i = 0; i < ys; i++) y[i] = -777.0f;
    const int per_row = (s.w + 3) / 4, tiles = s.tiles < 0 ? tiles_of(&s) : s.tiles;
    convolve(k, x, w, bias, &s,
             (dqk_winograd){.y = y, .y_row = s.w * s.oc, .y_col = s.oc, .first_tile = s.first, .tiles = tiles});
    const int step = getenv("DANQING_TEST_FEW") ? 37 : 5; /* channels looked at, others at each pixel; fewer if emulated */
    for (int r = 0; r < s.h; r++)
        for (int c = 0; c < s.w; c++) {
            const int tile = r / 4 * per_row + c / 4;
            for (int o = (7 * r + c) % step; o < s.oc; o += step)
                if (tile >= s.first && tile < s.first + tiles) check_output(x, y, w, bias, &s, r, c, o);
                else assert_true(y[((size_t)r * s.w + c) * s.oc + o] == -777.0f);
        }
    dq__free(x), dq__free(y), dq__free(w), dq__free(bias);
}

/* Two pictures of odd size, whose outputs are rectified and pooled by kernels of their own: what must come of it. */
typedef struct maps {
    shape s;
    float *y, *pooled;
    uint16_t *signs, *choice, *pooled_signs;
} maps;

enum { PICTURES = 2 };

static size_t map_floats(const shape *s) { return (size_t)s->h * s->w * s->oc; }
static size_t pooled_floats(const shape *s) { return (size_t)(s->h / 2) * (s->w / 2) * s->oc; }

static maps new_maps(shape s) {
    const size_t n = PICTURES * map_floats(&s), m = PICTURES * pooled_floats(&s);
    return (maps){s, dq__alloc_zero(4 * n), dq__alloc_zero(4 * m), dq__alloc_zero(n / 8), dq__alloc_zero(m / 4),
                  dq__alloc_zero(m / 8)};
}

static void free_maps(maps *m) {
    dq__free(m->y), dq__free(m->pooled), dq__free(m->signs), dq__free(m->choice), dq__free(m->pooled_signs);
}

static void pool_separately(const dqk_table *k, maps *m, dqk_pooling pool) {
    const shape *s = &m->s;
    const ptrdiff_t words = s->oc / 16;
    k->relu(m->y, m->signs, (ptrdiff_t)(PICTURES * map_floats(s)));
    for (int r = 0; r < PICTURES * (s->h / 2); r++) {
        const float *top = m->y + ((ptrdiff_t)(r / (s->h / 2)) * s->h + r % (s->h / 2) * 2) * s->w * s->oc;
        float *to = m->pooled + (ptrdiff_t)r * (s->w / 2) * s->oc;
        if (pool == DQK_POOL_AVERAGE) k->pool_average(to, top, top + s->w * s->oc, s->w / 2, s->oc);
        else k->pool_max(to, m->choice + r * (s->w / 2) * words * 2, top, top + s->w * s->oc, s->w / 2, s->oc);
    }
    for (size_t i = 0; i < PICTURES * pooled_floats(s); i++)
        if (m->pooled[i] > 0) m->pooled_signs[i / 16] = (uint16_t)(m->pooled_signs[i / 16] | 1u << i % 16);
}

/* The choice where the greatest of four is above zero; elsewhere no gradient will pass. */
static void same_choice(const maps *a, const maps *b) {
    for (size_t i = 0; i < PICTURES * pooled_floats(&a->s) / 8; i++)
        assert_int_equal(a->choice[i] & a->pooled_signs[i / 2], b->choice[i] & a->pooled_signs[i / 2]);
}

static void pool_case(const dqk_table *k, shape s, dqk_pooling pool) {
    const size_t xs = PICTURES * (size_t)(s.h + 2) * (s.w + 2) * s.ic, m = PICTURES * pooled_floats(&s);
    float *x = normal(4, xs), *w = normal(5, (size_t)9 * s.ic * s.oc), *bias = normal(6, (size_t)s.oc);
    maps expected = new_maps(s), found = new_maps(s);
    const bool max = pool == DQK_POOL_MAX;
    dqk_winograd job = {.y = expected.y, .y_picture = (ptrdiff_t)map_floats(&s), .y_row = s.w * s.oc, .y_col = s.oc,
                        .tiles = PICTURES * tiles_of(&s)};
    convolve(k, x, w, bias, &s, job);
    pool_separately(k, &expected, pool);
    job.y = found.pooled, job.y_picture = (ptrdiff_t)pooled_floats(&s), job.y_row = s.w / 2 * s.oc, job.pool = pool;
    job.signs = max ? found.pooled_signs : found.signs, job.choice = max ? found.choice : NULL;
    convolve(k, x, w, bias, &s, job);
    assert_memory_equal(found.pooled, expected.pooled, 4 * m);
    if (max) {
        assert_memory_equal(found.pooled_signs, expected.pooled_signs, m / 8);
        same_choice(&expected, &found);
    } else /* the odd row and column are not pooled, and their signs not kept */
        for (size_t i = 0; i < PICTURES * map_floats(&s) / 16; i++) {
            const size_t at = i / (s.oc / 16), r = at / s.w % s.h, c = at % s.w;
            if ((int)r / 2 < s.h / 2 && (int)c / 2 < s.w / 2) assert_int_equal(found.signs[i], expected.signs[i]);
        }
    free_maps(&expected), free_maps(&found);
    dq__free(x), dq__free(w), dq__free(bias);
}

/* The gradient of the map, brought back from `above` through pool and ReLU by kernels of their own. */
static void bring_back(const dqk_table *k, const maps *m, dqk_pooling pool, const float *above, float *d) {
    const shape *s = &m->s;
    const ptrdiff_t words = s->oc / 16, row = (ptrdiff_t)s->w * s->oc;
    memset(d, 0, 4 * PICTURES * map_floats(s));
    if (pool == DQK_POOL_NONE) memcpy(d, above, 4 * PICTURES * map_floats(s));
    for (int r = 0; r < PICTURES * (s->h / 2) && pool != DQK_POOL_NONE; r++) {
        float *top = d + ((ptrdiff_t)(r / (s->h / 2)) * s->h + r % (s->h / 2) * 2) * row;
        const float *from = above + (ptrdiff_t)r * (s->w / 2) * s->oc;
        if (pool == DQK_POOL_AVERAGE) k->pool_average_back(top, top + row, from, s->w / 2, s->oc);
        else k->pool_max_back(top, top + row, from, m->choice + r * (s->w / 2) * words * 2, s->w / 2, s->oc);
    }
    k->relu_back(d, m->signs, (ptrdiff_t)(PICTURES * map_floats(s)));
}

static void back_case(const dqk_table *k, shape s, dqk_pooling pool, int ring) {
    const size_t n = PICTURES * map_floats(&s);
    const int tiles = PICTURES * ((s.w + 2 * ring + 3) / 4) * ((s.h + 2 * ring + 3) / 4);
    const size_t vs = 36 * ((size_t)tiles * s.oc + 16);
    float *above = normal(8, n), *d = dq__alloc(4 * n), *v = dq__alloc_zero(4 * vs), *expected = dq__alloc_zero(4 * vs);
    maps m = new_maps(s);
    for (size_t i = 0; i < n; i++) m.y[i] = dq__rng_normal(3, 7, i);
    pool_separately(k, &m, pool == DQK_POOL_AVERAGE ? pool : DQK_POOL_MAX);
    bring_back(k, &m, pool, above, d);
    dqk_winograd_input job = {.x = d, .x_picture = (ptrdiff_t)map_floats(&s), .x_row = s.w * s.oc, .x_col = s.oc, .h = s.h,
                              .w = s.w, .ring = ring, .tiles = tiles, .ic = s.oc, .v = expected,
                              .v_point = (ptrdiff_t)tiles * s.oc + 16};
    k->winograd_input(&job);
    job.v = v, job.x = above, job.pool = pool, job.signs = pool == DQK_POOL_MAX ? m.pooled_signs : m.signs;
    if (pool == DQK_POOL_MAX) job.choice = m.choice;
    if (pool) job.x_picture = (ptrdiff_t)pooled_floats(&s), job.x_row = s.w / 2 * s.oc;
    k->winograd_input(&job);
    for (size_t i = 0; i < vs; i++) assert_near((double)v[i], (double)expected[i], 100 * eps);
    free_maps(&m);
    dq__free(above), dq__free(d), dq__free(v), dq__free(expected);
}

static void winograd_is_the_convolution(void **state) {
    (void)state;
    set_matrices();
    const int best = (int)dq__cpu_isa();
    for (int isa = 0; isa <= best + 1; isa++) {
        const dqk_table *k = isa <= best ? dqk_kernels((dq__isa)isa) : wide_kernels();
        if (isa <= best && (int)k->isa != isa) continue; /* of another kind of processor */
        one_shape(k, (shape){4, 4, 16, 16, 0, -1});
        one_shape(k, (shape){1, 1, 16, 16, 0, -1});
        one_shape(k, (shape){7, 9, 48, 80, 0, -1});
        one_shape(k, (shape){13, 30, 32, 32, 0, -1});
        one_shape(k, (shape){29, 34, 16, 48, 0, -1}); /* more tiles than one block */
        one_shape(k, (shape){12, 17, 64, 16, 5, 7});  /* some tiles only: the rest is not touched */
    }
}

static void pools_and_signs_are_those_of_the_other_kernels(void **state) {
    (void)state;
    const int best = (int)dq__cpu_isa();
    for (int isa = 0; isa <= best + 1; isa++) {
        const dqk_table *k = isa <= best ? dqk_kernels((dq__isa)isa) : wide_kernels();
        if (isa <= best && (int)k->isa != isa) continue;
        for (int pool = DQK_POOL_NONE; pool <= DQK_POOL_AVERAGE; pool++) {
            if (pool) pool_case(k, (shape){11, 14, 16, 48, 0, -1}, (dqk_pooling)pool);
            for (int ring = 0; ring < 2; ring++) back_case(k, (shape){9, 15, 16, 32, 0, -1}, (dqk_pooling)pool, ring);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(winograd_is_the_convolution),
                                       cmocka_unit_test(pools_and_signs_are_those_of_the_other_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
