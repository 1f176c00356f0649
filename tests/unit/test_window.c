/* SPDX-License-Identifier: MIT
 * A picture in windows against the same picture whole: with plain sums every feature is the same number, and gradients agree to
 * their rounding; for every padding and pooling, for sides that no stride divides, with windows kept and run again. And the
 * memory that is mapped from a file. */
#include "net_test.h"

#include "net/window.h"

#include <unistd.h>

typedef struct whole {
    float *map[DQ__MAX_TAPS];
    int h[DQ__MAX_TAPS], w[DQ__MAX_TAPS], seen[DQ__MAX_TAPS];
    float most;
    int wrong;
} whole;

/* What the gradient at a value is: depends on the value and on where it is in the whole picture. */
static float slope_at(float f, int y, int x, int c) { return f * (float)(1 + (7 * y + 3 * x + 5 * c) % 11) / 11; }

static void add_slopes(int y, int x, const dq__tensor *f, const dq__tensor *grad) {
    for (int r = 0; r < f->h; r++)
        for (int k = 0; k < f->w * f->c; k++) {
            const int at = k / f->c, c = k % f->c;
            dq__pixel(grad, r, at)[c] += slope_at(dq__pixel(f, r, at)[c], y + r, x + at, c);
        }
}

static void keep_map(void *user, int index, int tap, int y, int x, const dq__tensor *f, const dq__tensor *grad) {
    whole *all = user;
    if (grad) {
        add_slopes(y, x, f, grad);
        return;
    }
    assert_int_equal(index + y + x, 0);
    all->map[tap] = malloc(sizeof(float) * (size_t)(f->h * f->w * f->c));
    all->h[tap] = f->h, all->w[tap] = f->w;
    for (int k = 0; k < f->h * f->w * f->c; k++)
        all->map[tap][k] = dq__pixel(f, k / f->c / f->w, k / f->c % f->w)[k % f->c];
}

static void compare_part(void *user, int index, int tap, int y, int x, const dq__tensor *f, const dq__tensor *grad) {
    whole *all = user;
    (void)index;
    if (grad) {
        add_slopes(y, x, f, grad);
        return;
    }
    assert_true(y >= 0 && x >= 0 && y + f->h <= all->h[tap] && x + f->w <= all->w[tap]);
    for (int r = 0; r < f->h; r++)
        for (int k = 0; k < f->w * f->c; k++) {
            const float a = dq__pixel(f, r, k / f->c)[k % f->c];
            const float b = all->map[tap][((y + r) * all->w[tap] + x) * f->c + k];
            all->wrong += memcmp(&a, &b, sizeof a) != 0;
        }
    all->seen[tap] += f->h * f->w;
}

typedef struct trial {
    const dq_model *model;
    dq__table table;
    dq__packed *packed;
    dq__exec_options options;
    int tap[DQ__MAX_TAPS];
    dq__reach reach;
} trial;

static trial trial_new(const dq_model *model, const char *const *name, int taps, int h, int w) {
    trial t = {.model = model, .table = model->table};
    for (int k = 0; k < taps; k++) {
        t.tap[k] = dq__table_find(&t.table, name[k]);
        assert_true(t.tap[k] >= 0);
    }
    t.options = (dq__exec_options){.h = h, .w = w, .taps = taps, .direct = true, .backward = true};
    return t;
}

static dq__frame *frame_of(trial *t, int rows, int cols, size_t keep, dq__grid *grid) {
    dq__frame *frame;
    t->options.tap = t->tap;
    assert_true(dq__reach_of(&t->table, t->tap, t->options.taps, &t->reach));
    *grid = dq__grid_make(t->options.h, t->options.w, &t->reach, rows, cols);
    assert_ok(dq__frame_new(&frame, NULL, &t->table, t->packed, &t->options, grid, keep, &err));
    return frame;
}

/* Compares a grid with the whole picture. */
static void same_as_whole(trial *t, int rows, int cols, size_t keep) {
    const int h = t->options.h, w = t->options.w, n = h * w * 3;
    whole all = {0};
    dq__grid one, many;
    float *gradient[2] = {malloc(sizeof(float) * (size_t)n), malloc(sizeof(float) * (size_t)n)};
    dq_image *picture = synthetic_picture(3, w, h);
    assert_ok(dq__packed_new(&t->packed, &t->table, &t->model->weights, t->tap[t->options.taps - 1], true, &err));
    dq__frame *single = frame_of(t, 1, 1, 0, &one), *frame = frame_of(t, rows, cols, keep, &many);
    assert_int_equal(dq__frame_windows(single), 1);
    assert_true(many.rows * many.cols > 1);
    dq__frame_forward(single, picture->rgb, keep_map, &all);
    dq__frame_backward(single, picture->rgb, keep_map, &all, gradient[0]);
    dq__frame_forward(frame, picture->rgb, compare_part, &all);
    dq__frame_backward(frame, picture->rgb, compare_part, &all, gradient[1]);
    assert_int_equal(all.wrong, 0);
    for (int k = 0; k < t->options.taps; k++) {
        int map_h, map_w;
        dq__frame_map(frame, k, &map_h, &map_w);
        assert_int_equal(map_h, all.h[k]);
        assert_int_equal(map_w, all.w[k]);
        assert_int_equal(all.seen[k], map_h * map_w); /* every value once */
        free(all.map[k]);
    }
    double most = 0, worst = 0;
    for (int k = 0; k < n; k++) {
        most = fmax(most, fabs((double)gradient[0][k]));
        worst = fmax(worst, fabs((double)gradient[0][k] - (double)gradient[1][k]));
    }
    if (!(worst < 2e-5 * most)) fail_msg("%d x %d windows: gradients are %g apart of %g", many.rows, many.cols, worst, most);
    dq__frame_free(&single), dq__frame_free(&frame);
    dq__packed_free(&t->packed);
    dq__image_free(&picture);
    free(gradient[0]), free(gradient[1]);
}

static const char *const to_3[] = {"relu1_1", "relu2_2", "relu3_1"};
static const char *const to_5[] = {"relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"};

static void windows_give_the_whole_picture(void **state) {
    (void)state;
    dq_model *model;
    assert_ok(dq__model_random(&model, 1, &err));
    for (int padding = DQ__PAD_ZERO; padding <= DQ__PAD_REPLICATE; padding++)
        for (int pooling = DQ__POOL_MAX; pooling <= DQ__POOL_AVERAGE; pooling++) {
            trial t = trial_new(model, to_3, 3, 131, 118);
            t.table.padding = (dq__padding)padding, t.table.pooling = (dq__pooling)pooling;
            same_as_whole(&t, 3, 2, padding == DQ__PAD_REFLECT ? (size_t)1 << 30 : 0);
            same_as_whole(&t, 1, 3, 3000000);
        }
    trial deep = trial_new(model, to_5, 5, 75, 403);
    same_as_whole(&deep, 1, 3, 0);
    dq__model_free(&model);
}

static void vgg_in_windows(void **state) {
    (void)state;
    dq_model *model = random_vgg19_model();
    trial t = trial_new(model, to_3, 3, 76, 101);
    same_as_whole(&t, 2, 2, 0);
    dq__model_free(&model);
}

static void reach_is_that_of_the_field(void **state) {
    (void)state;
    dq_model *model = random_vgg19_model();
    dq__reach r;
    const int relu1_1 = dq__table_find(&model->table, "relu1_1"), relu5_1 = dq__table_find(&model->table, "relu5_1");
    assert_true(dq__reach_of(&model->table, &relu1_1, 1, &r));
    assert_true(r.before == 1 && r.after == 1 && r.stride == 1);
    assert_true(dq__reach_of(&model->table, &relu5_1, 1, &r));
    assert_true(r.before == 70 && r.after == 70 && r.stride == 16); /* of 156 = 70 + 16 + 70 pixels */
    const int fc6 = dq__table_exact(&model->table, "fc6");
    if (fc6 >= 0) assert_false(dq__reach_of(&model->table, &fc6, 1, &r));
    dq__model_free(&model);
}

static void windows_cover_every_size(void **state) {
    (void)state;
    const dq__reach r = {.before = 70, .after = 70, .stride = 16};
    for (int side = 160; side < 4200; side += 37)
        for (int n = 1; n < 9; n++) {
            const dq__grid g = dq__grid_make(side, 100, &r, n, 1);
            int covered = 0;
            assert_true(g.rows >= 1 && g.rows <= n && g.cols == 1 && g.window_h <= side && g.window_w == 100);
            for (int k = 0; k < g.rows; k++) {
                const dq__window w = dq__grid_window(&g, k);
                assert_int_equal(w.top, covered);
                assert_true(w.y % 16 == 0 && w.y + g.window_h <= side && w.bottom > w.top);
                assert_true(w.y == 0 || w.top - w.y >= 70);
                const int after = w.y + g.window_h - w.bottom;
                assert_true(w.bottom == side ? after == 0 : after >= 70 && w.bottom % 16 == 0);
                covered = w.bottom;
            }
            assert_int_equal(covered, side);
        }
}

static void mapped_memory_keeps_what_it_is_told_to_leave(void **state) {
    (void)state;
    const size_t n = 3 << 20;
    const size_t before = dq__mem_now();
    float *block = dq__alloc_mapped(sizeof(float) * n);
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 4096, 0);
    assert_int_equal(dq__mem_mapped(), 1);
    assert_int_equal(dq__mem_now(), before);
    for (size_t k = 0; k < n; k++) {
        assert_true(block[k] == 0.0f);
        block[k] = (float)k;
    }
    dq__release(block, sizeof(float) * n);
    dq__release(block + 5, 100);
    for (size_t k = 0; k < n; k++) assert_true(block[k] == (float)k);
    dq__free(block);
    assert_int_equal(dq__mem_mapped(), 0);
    float heap[4] = {1, 2, 3, 4};
    dq__release(heap, sizeof heap);
    assert_true(heap[3] == 4.0f);
    setenv("TMPDIR", "/nowhere/at/all", 1);
    assert_null(dq__alloc_mapped(4096));
    unsetenv("TMPDIR");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reach_is_that_of_the_field),     cmocka_unit_test(windows_cover_every_size),
        cmocka_unit_test(windows_give_the_whole_picture), cmocka_unit_test(vgg_in_windows),
        cmocka_unit_test(mapped_memory_keeps_what_it_is_told_to_leave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
