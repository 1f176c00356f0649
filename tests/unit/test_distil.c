/* SPDX-License-Identifier: MIT
 * Distillation by its parts and as a whole: the distance of features and Gram matrices with its gradient, heads by least
 * squares, the roots that heads leave, and a task of two tiny networks whose gradient is its loss's slope. */
#include "image_test.h"

#include "base/pool.h"
#include "base/rng.h"
#include "model/model.h"
#include "train/distil.h"
#include "train/least_squares.h"
#include "train/match.h"
#include "train/student.h"

#include <math.h>
#include <sys/stat.h>

static double near_one(double a, double b) { return fabs(a - b) / (fabs(a) + fabs(b) + 1e-12); }

/* ---- match ----------------------------------------------------------------------------------------------------------- */

static dq__tensor make_map(uint64_t stream, int n, int h, int w, int c) {
    dq__tensor t = {.n = n, .h = h, .w = w, .c = c, .cs = dq__map_stride(c), .halo = 1};
    dq__tensor_place(&t, dq__alloc(sizeof(float) * dq__tensor_floats(&t)));
    dq__tensor_clear(&t);
    for (int p = 0; p < n; p++) {
        const dq__tensor one = dq__picture(&t, p);
        for (int k = 0; k < h * w * c; k++)
            dq__pixel(&one, k / c / w, k / c % w)[k % c] = 1 + dq__rng_normal(1, stream, (uint64_t)(p * h * w * c + k));
    }
    return t;
}

static void free_map(const dq__tensor *t) { dq__free(dq__pixel(t, -t->halo, -t->halo)); }

static void match_has_the_slope_of_its_value(void **state) {
    (void)state;
    dq__tensor f = make_map(1, 2, 5, 4, 18), target = make_map(2, 2, 5, 4, 18), grad = make_map(3, 2, 5, 4, 18);
    dq__gram_space *space;
    assert_ok(dq__gram_space_new(&space, f.cs, &err));
    float *grams = dq__alloc(sizeof(float) * 2 * (size_t)f.cs * (size_t)f.cs);
    const dq__match_cost same = dq__match(NULL, space, grams, &target, &target, 1, 1, NULL);
    assert_true(same.value == 0 && same.gram < 1e-10);
    dq__tensor_clear(&grad);
    dq__match(NULL, space, grams, &f, &target, 2, 0.3, &grad);
    for (int k = 0; k < 12; k++) {
        const dq__tensor one = dq__picture(&f, k % 2), slope = dq__picture(&grad, k % 2);
        float *x = dq__pixel(&one, k % 5, k % 4) + k;
        const float x0 = *x, step = 1.0f / 64;
        *x = x0 + step;
        const dq__match_cost up = dq__match(NULL, space, grams, &f, &target, 0, 0, NULL);
        *x = x0 - step;
        const dq__match_cost down = dq__match(NULL, space, grams, &f, &target, 0, 0, NULL);
        *x = x0;
        const double numeric = 2 * (up.value - down.value + 0.3 * (up.gram - down.gram)) / (2.0 / 64);
        const double found = (double)dq__pixel(&slope, k % 5, k % 4)[k];
        assert_true(fabs(numeric - found) <= 3e-3 * fabs(numeric) + 1e-5);
    }
    free_map(&f), free_map(&target), free_map(&grad);
    dq__free(grams);
    dq__gram_space_free(&space);
}

/* ---- least squares and roots -------------------------------------------------------------------------------------------- */

static void a_factor_solves(void **state) {
    (void)state;
    enum { N = 7 };
    double a[N * N] = {0}, r[N * N], x[N], b[N];
    for (int k = 0; k < 3 * N; k++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                a[i * N + j] +=
                    (double)(dq__rng_normal(2, (uint64_t)k, (uint64_t)i) * dq__rng_normal(2, (uint64_t)k, (uint64_t)j));
    memcpy(r, a, sizeof a);
    dq__cholesky(r, N, 0);
    for (int i = 0; i < N; i++) {
        b[i] = 0;
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++) sum += r[k * N + i] * r[k * N + j];
            assert_true(fabs(sum - a[i * N + j]) < 1e-12 * a[i * N + i] + 1e-10);
            b[i] += a[i * N + j] * (j + 1);
        }
        x[i] = b[i];
    }
    dq__cholesky_solve(r, N, x);
    for (int i = 0; i < N; i++) assert_true(fabs(x[i] - (i + 1)) < 1e-8);
}

static float h_at(const dq__student *s, const float *theta, int head, int o, int i) {
    return theta[s->weight_at[head] + (size_t)(o * s->table.layer[head].ic + i)];
}

static void roots_measure_what_heads_predict(void **state) {
    (void)state;
    dq__student s;
    int head[3];
    const double weight[3] = {1, 3, 0};
    assert_ok(dq__student_init(&s, "small", "1x5 1x8", &err));
    assert_ok(dq__student_head(&s, "relu1_1", 9, &head[0], &err));
    assert_ok(dq__student_head(&s, "relu1_1", 4, &head[1], &err));
    assert_ok(dq__student_head(&s, "relu2_1", 4, &head[2], &err)); /* a guide: leaves no root */
    assert_int_equal(dq__student_head(&s, "pool1", 4, &head[2], &err), DQ_USAGE);
    float *theta = dq__alloc(sizeof(float) * s.parameters);
    dq__student_fill(&s, 4, theta);
    assert_ok(dq__student_save(&s, theta, weight, "nobody", "a test", in_folder("root.safetensors"), &err));
    dq_model *m;
    assert_ok(dq__model_read(&m, in_folder("root.safetensors"), &err));
    const int root = dq__table_exact(&m->table, "root1_1");
    assert_int_equal(root, m->table.count - 1);
    assert_int_equal(dq__table_find(&m->table, "relu1_1"), root);
    assert_int_equal(dq__table_exact(&m->table, "root2_1"), -1);
    assert_int_equal(dq__table_exact(&m->table, "conv2_1"), -1);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) {
            double of_heads = 0, of_root = 0;
            for (int k = 0; k < 2; k++)
                for (int o = 0; o < s.table.layer[head[k]].oc; o++)
                    of_heads += weight[k] / 4 * (double)h_at(&s, theta, head[k], o, i) * (double)h_at(&s, theta, head[k], o, j);
            for (int k = 0; k < 5; k++)
                of_root += (double)m->weights.weight[root][k * 5 + i] * (double)m->weights.weight[root][k * 5 + j];
            assert_true(fabs(of_heads - of_root) < 2e-3 * 0.1); /* half precision */
        }
    m->weights.bias[root][2] = 1;
    assert_int_equal(dq__model_check(m, "bent", &err), DQ_BAD_MODEL);
    assert_string_equal(err.text, "bent: root1_1 has a bias; a root has none");
    dq__model_free(&m);
    dq__free(theta);
    dq__student_deinit(&s);
}

/* ---- the task ---------------------------------------------------------------------------------------------------------- */

static const char recipe[] =
    "network = 1x6 1x8\n"
    "teacher = t teacher.safetensors\n"
    "match = relu1_1 t.relu1_1 1\n"
    "match = relu2_1 t.relu2_1 0.5 guide\n"
    "images = images 1\n"
    "batch = 2\n"
    "crop = 32\n"
    "augment.noise = 0\n";

static void make_data(void) {
    dq_model *teacher;
    mkdir(in_folder("images"), 0777);
    dq_image *image = smooth_picture(60, 50, false);
    assert_ok(dq__image_write(image, in_folder("images/a.png"), NULL, &err));
    dq__image_free(&image);
    assert_ok(dq__model_random(&teacher, 5, &err));
    assert_ok(dq__model_write(teacher, in_folder("teacher.safetensors"), false, &err));
    dq__model_free(&teacher);
}

static dq_status make_task(dq__task *task, dq__pool *pool, const char *text) {
    char data[4200];
    dq__config *config;
    snprintf(data, sizeof data, "data=%s", in_folder("."));
    const char *const set[] = {data};
    dq_status status = dq__config_new(&config, "a recipe", text, set, 1, dq__distil_lists, &err);
    if (status) return status;
    *task = (dq__task){0};
    status = dq__distil_new(task, pool, config, &err);
    dq__config_free(&config);
    return status;
}

static double loss_at(const dq__task *task, const float *theta, float *gradient, double *part) {
    double loss;
    assert_ok(task->gradient(task->self, theta, 3, gradient, &loss, part, &err));
    return loss;
}

static void the_gradient_is_the_slope_of_the_loss(void **state) {
    (void)state;
    dq__task task;
    double part[4];
    assert_ok(make_task(&task, NULL, recipe));
    assert_int_equal(task.parts, 4);
    float *theta = dq__alloc(sizeof(float) * task.parameters), *gradient = dq__alloc(sizeof(float) * task.parameters),
          *other = dq__alloc(sizeof(float) * task.parameters);
    task.init(task.self, 0, theta);
    const double loss = loss_at(&task, theta, gradient, part);
    assert_true(near_one(loss, part[0] + 0.1 * part[1] + 0.5 * (part[2] + 0.1 * part[3])) < 1e-12);
    double norm = 0, change = 0;
    for (size_t k = 0; k < task.parameters; k++) norm += (double)gradient[k] * (double)gradient[k];
    for (int side = -1; side <= 1; side += 2) { /* along the gradient itself, where the slope is its norm */
        const double step = side * 1e-3 / sqrt(norm);
        for (size_t k = 0; k < task.parameters; k++) other[k] = (float)((double)theta[k] + step * (double)gradient[k]);
        float *unused = dq__alloc(sizeof(float) * task.parameters);
        change += side * loss_at(&task, other, unused, part);
        dq__free(unused);
    }
    assert_true(near_one(change / 2e-3, sqrt(norm)) < 0.02);
    dq__free(theta), dq__free(gradient), dq__free(other);
    task.free(task.self);
}

static void heads_begin_at_their_best(void **state) {
    (void)state;
    dq__task task;
    double part[4];
    assert_ok(make_task(&task, NULL, recipe));
    float *theta = dq__alloc(sizeof(float) * task.parameters), *gradient = dq__alloc(sizeof(float) * task.parameters);
    task.init(task.self, 0, theta);
    loss_at(&task, theta, gradient, part);
    assert_true(part[0] < 0.5 && part[2] < 0.9); /* heads of nought would give 1 */
    dq__free(theta), dq__free(gradient);
    task.free(task.self);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    dq__pool *pool;
    dq__task one, three;
    double part[4];
    assert_ok(dq__pool_new(&pool, 3, &err));
    assert_ok(make_task(&one, NULL, recipe));
    assert_ok(make_task(&three, pool, recipe));
    float *theta = dq__alloc(sizeof(float) * one.parameters), *a = dq__alloc(sizeof(float) * one.parameters),
          *b = dq__alloc(sizeof(float) * one.parameters);
    one.init(one.self, 0, theta);
    three.init(three.self, 0, b);
    assert_memory_equal(theta, b, sizeof(float) * one.parameters);
    const double loss = loss_at(&one, theta, a, part);
    assert_true(loss == loss_at(&three, theta, b, part));
    assert_memory_equal(a, b, sizeof(float) * one.parameters);
    dq__free(theta), dq__free(a), dq__free(b);
    one.free(one.self), three.free(three.self);
    dq__pool_free(&pool);
}

static void recipes_are_judged(void **state) {
    (void)state;
    /* what a line in place of the recipe's is answered by */
    static const struct {
        const char *network, *teacher, *images, *match, *message;
    } bad[] = {
        {"2 32", "t teacher.safetensors", "images 1", "relu1_1 t.relu1_1 1", "convolutions x channels"},
        {"1x6", "t none.safetensors", "images 1", "relu1_1 t.relu1_1 1", "none.safetensors"},
        {"1x6", "t", "images 1", "relu1_1 t.relu1_1 1", "NAME FILE"},
        {"1x6", "t teacher.safetensors", "images 1", "relu1_1 u.relu1_1 1", "no teacher u"},
        {"1x6", "t teacher.safetensors", "images 1", "relu1_1 t.relu9_1 1", "no layer relu9_1"},
        {"1x6", "t teacher.safetensors", "images 1", "relu3_1 t.relu1_1 1", "no layer of the network"},
        {"1x6", "t teacher.safetensors", "images 1", "relu1_1 t.relu1_1 1 more", "a match is"},
        {"1x6", "t teacher.safetensors", "images", "relu1_1 t.relu1_1 1", "DIR SHARE"},
        {"1x6", "t teacher.safetensors", "nowhere 1", "relu1_1 t.relu1_1 1", "nowhere"},
        {"1x6", "t teacher.safetensors", "images 1", "relu1_1 t.relu1_1 1\nbatch = 0", "batch"},
        {"1x6", "t teacher.safetensors", "images 1", "relu1_1 t.relu1_1 1\ncolour = red", "unknown name"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        dq__task task;
        char text[512];
        snprintf(text, sizeof text, "network = %s\nteacher = %s\nimages = %s\nmatch = %s\n", bad[k].network, bad[k].teacher,
                 bad[k].images, bad[k].match);
        assert_int_not_equal(make_task(&task, NULL, text), DQ_OK);
        if (!strstr(err.text, bad[k].message)) fail_msg("'%s' is not said in: %s", bad[k].message, err.text);
    }
}

static int tear_down(void **state) {
    remove(in_folder("images/a.png"));
    rmdir(in_folder("images"));
    return remove_folder(state);
}

static int set_up(void **state) {
    if (make_folder(state)) return -1;
    make_data();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_has_the_slope_of_its_value), cmocka_unit_test(a_factor_solves),
        cmocka_unit_test(roots_measure_what_heads_predict), cmocka_unit_test(the_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(heads_begin_at_their_best), cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(recipes_are_judged)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
