/* SPDX-License-Identifier: MIT
 * Every kernel of the registry, at every instruction set this host has, against a naive sum in double. The bound is derived:
 * a sum of n products in float is off by at most a few ε·Σ|w·x| (8 allows any order and fused or unfused products).
 * Guard bands around outputs must survive. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "net/pack.h"
#include "net/tensor.h"
#include "wide/wide.h"

static const double eps = 0x1p-23, tiny = 0x1p-149; /* the rounding of a product that is denormal */
static uint64_t stream;

/* One seeded array of the class: 0 gaussian, 1 half zeros, 2 alternating huge and small, 3 denormal. */
static void fill(float *x, size_t n, int class) {
    stream++;
    for (size_t i = 0; i < n; i++) {
        x[i] = dq__rng_normal(11, stream, i);
        if (class == 1 && x[i] < 0) x[i] = 0;
        if (class == 2) x[i] *= i % 2 ? 1e4f : 1e-4f;
        if (class == 3) x[i] *= 1e-39f;
    }
}

/* Every table this host can run, then the wide tiles in baseline code; NULL at the end. */
static const dqk_table *each_isa(int *isa) {
    const int best = (int)dq__cpu_isa();
    while (*isa <= best) {
        const dqk_table *k = dqk_kernels((dq__isa)*isa);
        if ((int)k->isa == (*isa)++) return k;
    }
    return (*isa)++ == best + 1 ? wide_kernels() : NULL;
}

enum { GUARD = 64 };
static const float mark = -12345.5f;

static dq__tensor new_tensor(int h, int w, int c, int halo, bool guarded) {
    dq__tensor t = {.n = 1, .h = h, .w = w, .c = c, .cs = dq__channel_stride(c), .halo = halo};
    const size_t n = dq__tensor_floats(&t) + 2 * GUARD;
    float *memory = dq__alloc_zero(sizeof(float) * n);
    for (size_t i = 0; i < n; i++)
        if (guarded) memory[i] = mark;
        else if (i < GUARD || i >= n - GUARD) memory[i] = NAN; /* an input read too far shows */
    dq__tensor_place(&t, memory + GUARD);
    return t;
}

static float *memory_of(const dq__tensor *t) { return dq__pixel(t, -t->halo, -t->halo) - GUARD; }

static void check_guard(const dq__tensor *t) {
    /* everything outside the map itself still holds the mark */
    const float *p = memory_of(t);
    for (int i = 0; i < GUARD; i++) {
        assert_true(p[i] == mark);
        assert_true(p[GUARD + dq__tensor_floats(t) + (size_t)i] == mark);
    }
    for (int y = -t->halo; y < t->h + t->halo; y++)
        for (int x = -t->halo; x < t->w + t->halo; x++)
            if (y < 0 || y >= t->h || x < 0 || x >= t->w)
                for (int c = 0; c < t->cs; c++) assert_true(dq__pixel(t, y, x)[c] == mark);
}

static void check_conv_pixel(const dq__tensor *x, const dq__tensor *y, const float *w, const float *bias, int r, int c) {
    for (int o = 0; o < y->c; o++) {
        double sum = bias ? (double)bias[o] : 0, size = fabs(sum);
        for (int i = 0; i < x->c; i++)
            for (int t = 0; t < 9; t++) {
                double p = (double)w[((size_t)o * x->c + i) * 9 + t] * (double)dq__pixel(x, r + t / 3 - 1, c + t % 3 - 1)[i];
                sum += p, size += fabs(p);
            }
        assert_near((double)dq__pixel(y, r, c)[o], sum, 8 * eps * size + 9 * x->c * tiny);
    }
    for (int o = y->c; o < y->cs; o++) assert_true(dq__pixel(y, r, c)[o] == 0.0f);
}

static void conv_case(const dqk_table *k, int h, int w, int ic, int oc, int class, bool with_bias) {
    dq__tensor x = new_tensor(h, w, ic, 1, false), y = new_tensor(h, w, oc, 1, true);
    float *weights = dq__alloc(sizeof(float) * 9 * ic * oc), *bias = dq__alloc_zero(sizeof(float) * y.cs);
    float *packed = dq__alloc(sizeof(float) * 9 * x.cs * y.cs);
    fill(memory_of(&x) + GUARD, dq__tensor_floats(&x), class);
    for (int r = -1; r <= h; r++) /* padded channels are zero, as in a network */
        for (int c = -1; c <= w; c++)
            for (int i = ic; i < x.cs; i++) dq__pixel(&x, r, c)[i] = 0;
    fill(weights, 9 * (size_t)ic * oc, 0);
    fill(bias, (size_t)oc, 0);
    dq__pack_conv3x3(packed, weights, oc, ic, x.cs, false);
    dqk_conv3x3 job = {x.data, dq__row(&x), x.cs, y.data, dq__row(&y), y.cs, packed, with_bias ? bias : NULL,
                       h, w, x.cs, y.cs, 0};
    k->conv3x3(&job);
    check_guard(&y);
    for (int r = 0; r < h; r++)
        for (int c = 0; c < w; c++) check_conv_pixel(&x, &y, weights, with_bias ? bias : NULL, r, c);
    dq__free(memory_of(&x)), dq__free(memory_of(&y));
    dq__free(weights), dq__free(bias), dq__free(packed);
}

static void conv3x3_is_the_sum(void **state) {
    (void)state;
    static const int shape[][4] = {{1, 1, 3, 16},  {2, 5, 16, 16}, {3, 6, 16, 32}, {2, 7, 32, 48}, {1, 13, 48, 16},
                                   {4, 11, 3, 64}, {2, 25, 64, 32}, {5, 4, 80, 96}, {1, 12, 20, 7},  {3, 23, 33, 17}};
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));)
        for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
            for (int class = 0; class < 4; class++)
                conv_case(k, shape[s][0], shape[s][1], shape[s][2], shape[s][3], class, class % 2 == 0);
}

static void from_picture_case(const dqk_table *k, int h, int w, int oc, bool relu) {
    dq__tensor x = new_tensor(h, w, 3, 1, false), y = new_tensor(h, w, oc, 1, true);
    const int words = y.cs / 16 + 1;
    float *weights = dq__alloc(sizeof(float) * 27 * oc), *bias = dq__alloc(sizeof(float) * y.cs);
    float *packed = dq__alloc(sizeof(float) * 36 * y.cs);
    uint16_t *signs = dq__alloc_zero(sizeof(uint16_t) * (size_t)(h * w * words));
    fill(memory_of(&x) + GUARD, dq__tensor_floats(&x), 0);
    fill(weights, 27 * (size_t)oc, 0);
    fill(bias, (size_t)oc, 0);
    for (int o = oc; o < y.cs; o++) bias[o] = 0;
    dq__pack_conv3x3(packed, weights, oc, 3, 4, false);
    k->conv3x3_from_picture(&(dqk_from_picture){
        {x.data, dq__row(&x), x.cs, y.data, dq__row(&y), y.cs, packed, bias, h, w, 4, y.cs, 0}, relu ? signs : NULL, words});
    check_guard(&y);
    for (int at = 0; at < h * w * oc; at++) {
        const int o = at % oc, r = at / oc / w, c = at / oc % w;
        double sum = (double)bias[o], size = fabs(sum);
        for (int n = 0; n < 27; n++) {
            const int t = n % 9;
            const double p = (double)weights[o * 27 + n] * (double)dq__pixel(&x, r + t / 3 - 1, c + t % 3 - 1)[n / 9];
            sum += p, size += fabs(p);
        }
        const double is = (double)dq__pixel(&y, r, c)[o];
        assert_near(is, relu && sum < 0 ? 0 : sum, 8 * eps * size);
        if (relu) assert_int_equal(signs[(r * w + c) * words + o / 16] >> o % 16 & 1, is > 0);
        else assert_int_equal(signs[(r * w + c) * words + o / 16], 0);
    }
    for (int at = 0; at < h * w; at++) assert_int_equal(signs[at * words + words - 1], 0);
    dq__free(memory_of(&x)), dq__free(memory_of(&y)), dq__free(weights), dq__free(bias), dq__free(packed), dq__free(signs);
}

static void the_way_from_a_picture_is_the_sum(void **state) {
    (void)state;
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));)
        for (int relu = 0; relu < 2; relu++)
            from_picture_case(k, 3, 25, 64, relu), from_picture_case(k, 1, 1, 16, relu), from_picture_case(k, 2, 5, 37, relu);
}

static void picture_case(const dqk_table *k, int h, int w, int ic) {
    dq__tensor x = new_tensor(h, w, ic, 1, false), y = new_tensor(h, w, 4, 1, true);
    float *weights = dq__alloc(sizeof(float) * 27 * ic);
    fill(memory_of(&x) + GUARD, dq__tensor_floats(&x), 0);
    fill(weights, 27 * (size_t)ic, 0);
    dqk_conv3x3 job = {x.data, dq__row(&x), x.cs, y.data, dq__row(&y), y.cs, weights, NULL, h, w, ic, 4, 0};
    k->conv3x3_to_picture(&job);
    check_guard(&y);
    for (int at = 0; at < h * w; at++) {
        const int r = at / w, c = at % w;
        for (int o = 0; o < 3; o++) {
            double sum = 0, size = 0;
            for (int n = 0; n < 9 * ic; n++) {
                const int t = n / ic;
                const double p = (double)weights[(t * 3 + o) * ic + n % ic] *
                                 (double)dq__pixel(&x, r + t / 3 - 1, c + t % 3 - 1)[n % ic];
                sum += p, size += fabs(p);
            }
            assert_near((double)dq__pixel(&y, r, c)[o], sum, 8 * eps * size);
        }
        assert_true(dq__pixel(&y, r, c)[3] == 0.0f);
    }
    dq__free(memory_of(&x)), dq__free(memory_of(&y)), dq__free(weights);
}

static void the_way_back_to_a_picture_is_the_sum(void **state) {
    (void)state;
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));)
        picture_case(k, 3, 11, 64), picture_case(k, 1, 1, 16), picture_case(k, 2, 4, 48);
}

static void turned_weights_are_the_flipped_ones(void **state) {
    (void)state;
    static const int shape[][2] = {{16, 16}, {48, 16}, {16, 80}, {64, 48}};
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
        const int oc = shape[s][0], ic = shape[s][1];
        const size_t n = 9 * (size_t)oc * (size_t)ic;
        float *w = dq__alloc(4 * n), *packed = dq__alloc(4 * n), *flipped = dq__alloc(4 * n), *turned = dq__alloc(4 * n);
        fill(w, n, 0);
        dq__pack_conv3x3(packed, w, oc, ic, ic, false);
        dq__pack_conv3x3(flipped, w, oc, ic, oc, true);
        for (int block = 0; block < ic / 16; block++)
            dq__turn_conv3x3(turned + (ptrdiff_t)block * 9 * oc * 16, packed, oc, ic, block);
        assert_memory_equal(turned, flipped, 4 * n);
        dq__free(w), dq__free(packed), dq__free(flipped), dq__free(turned);
    }
}

static void gemm_case(const dqk_table *k, int h, int w, int ic, int oc, int accumulate) {
    dq__tensor x = new_tensor(h, w, ic, 0, false), y = new_tensor(h, w, oc, 1, true);
    float *m = dq__alloc(sizeof(float) * ic * oc), *packed = dq__alloc(sizeof(float) * x.cs * y.cs);
    float *bias = dq__alloc_zero(sizeof(float) * y.cs), *before = dq__alloc(sizeof(float) * y.cs * h * w);
    fill(memory_of(&x) + GUARD, dq__tensor_floats(&x), 0);
    fill(m, (size_t)ic * oc, 0);
    fill(bias, (size_t)oc, 0);
    fill(before, (size_t)y.cs * h * w, 0);
    for (int r = 0; r < h; r++) memcpy(dq__pixel(&y, r, 0), before + (size_t)r * w * y.cs, sizeof(float) * y.cs * w);
    dq__pack_taps(packed, m, oc, ic, 1, x.cs, false);
    dqk_gemm job = {x.data, dq__row(&x), x.cs, y.data, dq__row(&y), y.cs, packed, bias, h, w, x.cs, y.cs, accumulate};
    k->gemm(&job);
    check_guard(&y);
    for (int p = 0; p < h * w; p++)
        for (int o = 0; o < oc; o++) {
            double sum = accumulate ? (double)before[(size_t)p * y.cs + o] : (double)bias[o], size = fabs(sum);
            for (int i = 0; i < ic; i++) {
                double q = (double)m[(size_t)o * ic + i] * (double)dq__pixel(&x, p / w, p % w)[i];
                sum += q, size += fabs(q);
            }
            assert_near((double)dq__pixel(&y, p / w, p % w)[o], sum, 8 * eps * size);
        }
    dq__free(memory_of(&x)), dq__free(memory_of(&y));
    dq__free(m), dq__free(packed), dq__free(bias), dq__free(before);
}

static void gemm_is_the_sum(void **state) {
    (void)state;
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));)
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            gemm_case(k, 1, 1, 16, 16, accumulate);
            gemm_case(k, 3, 7, 48, 80, accumulate);
            gemm_case(k, 2, 26, 512, 32, accumulate);
            gemm_case(k, 1, 5, 784, 16, accumulate);
        }
}

static void gram_case(const dqk_table *k, int h, int w, int c) {
    dq__tensor f = new_tensor(h, w, c, 1, true);
    float *scratch = dq__alloc(sizeof(float) * DQK_GRAM_BLOCK * c), *g = dq__alloc_zero(sizeof(float) * c * c);
    stream++;
    for (int y = 0; y < h; y++)
        for (int i = 0; i < w * c; i++) dq__pixel(&f, y, 0)[i] = dq__rng_normal(11, stream, (uint64_t)(y * w * c + i));
    dqk_gram job = {f.data, dq__row(&f), f.cs, h, w, c, g, scratch};
    k->gram(&job);
    k->gram(&job); /* it adds */
    for (int i = 0; i < c; i++)
        for (int j = 0; j < c; j++) {
            double sum = 0, size = 0;
            for (int p = 0; p < h * w; p++) {
                double q = 2 * (double)dq__pixel(&f, p / w, p % w)[i] * (double)dq__pixel(&f, p / w, p % w)[j];
                sum += q, size += fabs(q);
            }
            if (j / 16 >= i / 16) assert_near((double)g[i * c + j], sum, 8 * eps * size);
            else assert_true(g[i * c + j] == 0.0f);
        }
    dq__free(memory_of(&f)), dq__free(scratch), dq__free(g);
}

static void gram_is_the_sum(void **state) {
    (void)state;
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));) {
        gram_case(k, 1, 1, 16);
        gram_case(k, 5, 7, 48);
        gram_case(k, 13, 31, 32);
        gram_case(k, 3, 129, 64);
    }
}

static void relu_and_its_bits(void **state) {
    (void)state;
    enum { N = 16 * 37 };
    float x[N], y[N], d[N], back[N];
    uint16_t bits[N / 16];
    fill(x, N, 0);
    fill(d, N, 0);
    x[3] = 0.0f, x[4] = -0.0f, x[5] = NAN, x[6] = INFINITY, x[7] = -INFINITY, x[8] = 1e-42f;
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));) {
        memcpy(y, x, sizeof y), memcpy(back, d, sizeof d);
        k->relu(y, bits, N);
        k->relu_back(back, bits, N);
        for (int i = 0; i < N; i++) {
            assert_int_equal(bits[i / 16] >> (i % 16) & 1, x[i] > 0);
            assert_true(y[i] == (x[i] > 0 ? x[i] : 0.0f));
            assert_true(back[i] == (x[i] > 0 ? d[i] : 0.0f));
        }
    }
}

static void pools_choose_and_return(void **state) {
    (void)state;
    enum { COLS = 9, C = 48, IN = (2 * COLS + 1) * C, OUT = COLS * C };
    float top[IN], bottom[IN], y[OUT], dy[OUT], dtop[IN], dbottom[IN];
    uint16_t choice[OUT / 16 * 2];
    fill(top, IN, 1); /* half zeros: ties */
    fill(bottom, IN, 1);
    fill(dy, OUT, 0);
    int isa = 0;
    for (const dqk_table *k; (k = each_isa(&isa));) {
        k->pool_max(y, choice, top, bottom, COLS, C);
        k->pool_max_back(dtop, dbottom, dy, choice, COLS, C);
        for (int i = 0; i < OUT; i++) {
            const int at = i / C * 2 * C + i % C;
            const float v[4] = {top[at], top[at + C], bottom[at], bottom[at + C]};
            const float g[4] = {dtop[at], dtop[at + C], dbottom[at], dbottom[at + C]};
            int best = 0;
            for (int t = 1; t < 4; t++)
                if (v[t] > v[best]) best = t;
            assert_true(y[i] == v[best]);
            for (int t = 0; t < 4; t++) assert_true(g[t] == (t == best ? dy[i] : 0.0f));
        }
        k->pool_average(y, top, bottom, COLS, C);
        k->pool_average_back(dtop, dbottom, dy, COLS, C);
        for (int i = 0; i < OUT; i++) {
            const int at = i / C * 2 * C + i % C;
            assert_true(y[i] == ((top[at] + top[at + C]) + (bottom[at] + bottom[at + C])) * 0.25f);
            assert_true(dtop[at] == dy[i] * 0.25f && dbottom[at + C] == dy[i] * 0.25f);
        }
    }
}

static void the_best_isa_was_tested(void **state) {
    (void)state;
    const dq__isa best = dq__cpu_isa();
    print_message("best instruction set here: %s\n", dq__isa_name(best));
    assert_int_equal(dqk_kernels(best)->isa, best);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv3x3_is_the_sum), cmocka_unit_test(the_way_back_to_a_picture_is_the_sum),
        cmocka_unit_test(turned_weights_are_the_flipped_ones),   cmocka_unit_test(gemm_is_the_sum),
        cmocka_unit_test(the_way_from_a_picture_is_the_sum),
        cmocka_unit_test(gram_is_the_sum),      cmocka_unit_test(relu_and_its_bits),
        cmocka_unit_test(pools_choose_and_return), cmocka_unit_test(the_best_isa_was_tested)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
