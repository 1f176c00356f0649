/* SPDX-License-Identifier: MIT
 * A picture in windows against the same picture whole: every feature and every gradient is the same number, to the last bit; for
 * every padding and pooling, for sides that no stride divides, with windows kept, in a file, and run again. And the memory that
 * is mapped from a file. */
#include "net_test.h"

#include "net/split.h"
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

static void keep_map(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad) {
    whole *all = user;
    const int tap = at->tap;
    if (grad) {
        add_slopes(at->y, at->x, f, grad);
        return;
    }
    assert_int_equal(at->y + at->x, 0);
    all->map[tap] = malloc(sizeof(float) * (size_t)(f->h * f->w * f->c));
    all->h[tap] = f->h, all->w[tap] = f->w;
    for (int k = 0; k < f->h * f->w * f->c; k++)
        all->map[tap][k] = dq__pixel(f, k / f->c / f->w, k / f->c % f->w)[k % f->c];
}

static void compare_part(void *user, const dq__spot *at, const dq__tensor *f, const dq__tensor *grad) {
    whole *all = user;
    const int tap = at->tap, y = at->y, x = at->x;
    if (grad) {
        add_slopes(y, x, f, grad);
        return;
    }
    assert_true(at->h == all->h[tap] && at->w == all->w[tap] && at->first == (all->seen[tap] == 0));
    assert_int_equal(y % dq__cell_side(at->h, at->w) + x % dq__cell_side(at->h, at->w), 0); /* whole cells */
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
} trial;

static trial trial_new(const dq_model *model, const char *const *name, int taps, int h, int w) {
    trial t = {.model = model, .table = model->table};
    for (int k = 0; k < taps; k++) {
        t.tap[k] = dq__table_find(&t.table, name[k]);
        assert_true(t.tap[k] >= 0);
    }
    t.options = (dq__exec_options){.h = h, .w = w, .taps = taps, .backward = true};
    return t;
}

static dq__frame *frame_of(trial *t, const dq__grid *grid) {
    dq__frame *frame;
    assert_ok(dq__frame_new(&frame, NULL, &t->table, t->packed, &t->options, grid, &err));
    return frame;
}

static void compare_frames(trial *t, const dq__grid *grid) {
    const int h = t->options.h, w = t->options.w;
    const size_t bytes = sizeof(float) * 3 * (size_t)h * (size_t)w;
    const dq__grid one = dq__grid_whole(h, w);
    whole all = {0};
    float *gradient[2] = {malloc(bytes), malloc(bytes)};
    dq_image *picture = synthetic_picture(3, w, h);
    dq__frame *single = frame_of(t, &one), *frame = frame_of(t, grid);
    dq__frame_forward(single, picture->rgb, keep_map, &all);
    dq__frame_backward(single, picture->rgb, keep_map, &all, gradient[0]);
    memset(gradient[1], 0xff, bytes);
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
    int apart = 0;
    for (int k = 0; k < h * w * 3; k++) apart += gradient[0][k] != gradient[1][k];
    if (apart) fail_msg("%d numbers of the gradient differ", apart);
    dq__frame_free(&single), dq__frame_free(&frame);
    dq__image_free(&picture);
    free(gradient[0]), free(gradient[1]);
}

/* Compares windows with inner parts of `side` with the whole picture: run again, kept, and with all they can in a file. */
static void same_as_whole(trial *t, int side) {
    dq__grid grid;
    int rows, cols, h, w;
    t->options.tap = t->tap;
    assert_ok(dq__packed_new(&t->packed, &t->table, &t->model->weights, t->tap[t->options.taps - 1], true, &err));
    assert_true(dq__grid_squares(&grid, &t->table, &t->options, side));
    dq__grid_windows(&grid, &t->table, &t->options, &rows, &cols, &h, &w);
    assert_true(rows * cols > 1 && h <= t->options.h && w <= t->options.w);
    for (int keep = DQ__KEEP_NOT; keep <= DQ__KEEP_FILE; keep++) {
        for (int s = 0; s < grid.stages; s++)
            grid.pane[s].keep = keep == DQ__KEEP_NOT || s % 2 ? (dq__keep)keep : DQ__KEEP_MEMORY;
        grid.mapped = keep == DQ__KEEP_FILE;
        compare_frames(t, &grid);
    }
    dq__packed_free(&t->packed);
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
            t.options.direct = padding == DQ__PAD_REFLECT && pooling == DQ__POOL_MAX;
            same_as_whole(&t, 1);
        }
    trial deep = trial_new(model, to_5, 5, 75, 403);
    same_as_whole(&deep, 1);
    deep.options.in_place = 31;
    same_as_whole(&deep, 90);
    dq__model_free(&model);
}

static void vgg_in_windows(void **state) {
    (void)state;
    dq_model *model = random_vgg19_model();
    trial t = trial_new(model, to_3, 3, 76, 101);
    same_as_whole(&t, 1);
    dq__model_free(&model);
}

static void stages_of_vgg(void **state) {
    (void)state;
    dq_model *model = random_vgg19_model();
    dq__stage *stages = malloc(sizeof *stages * DQ__MAX_STAGES);
    trial t = trial_new(model, to_5, 5, 64, 64);
    const int count = dq__stages_cut(stages, &t.table, NULL, t.tap, 5);
    int taps = 0, layers = 0;
    assert_int_equal(count, 7); /* five, and those with four convolutions are cut in two */
    for (int s = 0; s < count; s++) {
        assert_int_equal(stages[s].layer[0], layers);
        assert_int_equal(stages[s].link >= 0, s < count - 1);
        assert_true(stages[s].before > 0 && stages[s].before <= 16 && stages[s].after <= 18);
        layers += stages[s].table.count, taps += stages[s].taps - (stages[s].link >= 0);
    }
    assert_int_equal(layers, t.tap[4] + 1);
    assert_int_equal(taps, 5);
    const int fc6 = dq__table_exact(&model->table, "fc6");
    if (fc6 >= 0) assert_int_equal(dq__stages_cut(stages, &t.table, NULL, &fc6, 1), 0);
    free(stages);
    dq__model_free(&model);
}

static void windows_fit_into_their_room(void **state) {
    (void)state;
    dq_model *model;
    assert_ok(dq__model_random(&model, 1, &err));
    trial t = trial_new(model, to_5, 5, 1100, 900);
    size_t last = 0;
    t.options.tap = t.tap;
    for (size_t room = 16 << 20; room < 400 << 20; room *= 3) {
        dq__grid grid;
        assert_true(dq__grid_make(&grid, NULL, &t.table, &t.options, room));
        const dq__frame_need need = dq__frame_needs(NULL, &t.table, &t.options, &grid);
        assert_true(need.work <= room && need.work >= last && need.there >= 1 && need.maps > 0);
        last = need.work;
    }
    dq__model_free(&model);
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
        cmocka_unit_test(stages_of_vgg), cmocka_unit_test(windows_fit_into_their_room),
        cmocka_unit_test(windows_give_the_whole_picture), cmocka_unit_test(vgg_in_windows),
        cmocka_unit_test(mapped_memory_keeps_what_it_is_told_to_leave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
