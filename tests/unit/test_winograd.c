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

static void one_shape(const dqk_table *k, shape s) {
    const size_t xs = (size_t)(s.h + 2) * (s.w + 2) * s.ic, ys = (size_t)s.h * s.w * s.oc, ws = (size_t)9 * s.ic * s.oc;
    float *x = dq__alloc(4 * xs), *y = dq__alloc(4 * ys), *w = dq__alloc(4 * ws), *packed = dq__alloc(4 * ws);
    float *u = dq__alloc(16 * ws), *bias = dq__alloc(4 * (size_t)s.oc), *scratch = dq__alloc(4 * dqk_winograd_scratch(s.ic));
    for (size_t i = 0; i < xs; i++) x[i] = dq__rng_normal(3, 0, i);
    for (size_t i = 0; i < ws; i++) w[i] = dq__rng_normal(3, 1, i);
    for (int i = 0; i < s.oc; i++) bias[i] = dq__rng_normal(3, 2, (uint64_t)i);
    for (size_t i = 0; i < ys; i++) y[i] = -777.0f;
    dq__pack_conv3x3(packed, w, s.oc, s.ic, s.ic, false);
    for (int o = 0; o < s.oc / 16; o++)
        k->winograd_weights(u + (size_t)o * 36 * s.ic * 16, packed + (size_t)o * 9 * s.ic * 16, s.ic);
    const int per_row = (s.w + 3) / 4, all = per_row * ((s.h + 3) / 4), tiles = s.tiles < 0 ? all : s.tiles;
    dqk_winograd job = {.x = x + ((size_t)(s.w + 2) + 1) * s.ic, .x_row = (s.w + 2) * s.ic, .x_col = s.ic, .y = y,
                        .y_row = s.w * s.oc, .y_col = s.oc, .u = u, .bias = bias, .rows = s.h, .cols = s.w,
                        .first_tile = s.first, .tiles = tiles, .ic = s.ic, .oc = s.oc, .scratch = scratch};
    k->winograd(&job);
    const int step = getenv("DANQING_TEST_FEW") ? 37 : 5; /* channels looked at, others at each pixel; fewer if emulated */
    for (int r = 0; r < s.h; r++)
        for (int c = 0; c < s.w; c++) {
            const int tile = r / 4 * per_row + c / 4;
            for (int o = (7 * r + c) % step; o < s.oc; o += step)
                if (tile >= s.first && tile < s.first + tiles) check_output(x, y, w, bias, &s, r, c, o);
                else assert_true(y[((size_t)r * s.w + c) * s.oc + o] == -777.0f);
        }
    dq__free(x), dq__free(y), dq__free(w), dq__free(packed), dq__free(u), dq__free(bias), dq__free(scratch);
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(winograd_is_the_convolution)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
