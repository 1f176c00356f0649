/* SPDX-License-Identifier: MIT
 * Tests of the model object (src/model/model.c): random weights that are the ones promised, checks, the description. */
#include "test.h"

#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"

#include <jansson.h>

static void random_vgg_follows_its_rule(void **state) {
    (void)state;
    for (int depth = 16; depth <= 19; depth += 3) {
        dq_model *m;
        dq__error err;
        uint64_t k = 0;
        assert_int_equal(dq__model_random_vgg(&m, depth, 42, &err), DQ_OK);
        assert_string_equal(m->table.name, depth == 19 ? "vgg19" : "vgg16");
        assert_string_equal(m->format, "random");
        assert_string_equal(m->source, "seed 42");
        assert_int_equal(m->table.padding, DQ__PAD_ZERO);
        assert_int_equal(m->table.pooling, DQ__POOL_MAX);
        assert_memory_equal(&m->table.input, &dq__input_torchvision, sizeof m->table.input);
        assert_string_equal(m->table.layer[m->table.count - 1].name, depth == 19 ? "relu5_4" : "relu5_3");
        for (int i = 0; i < m->table.count; i++) {
            const dq__layer *l = &m->table.layer[i];
            if (l->kind != DQ__CONV) continue;
            size_t count = (size_t)l->oc * (size_t)l->ic * 9;
            double sum = 0, square = 0;
            for (size_t n = 0; n < count; n += 1 + count / 977) {
                float want = sqrtf(2.0f / (9.0f * (float)l->ic)) * dq__rng_normal(42, 2 * k, n);
                assert_true(m->weights.weight[i][n] == want);
            }
            for (size_t n = 0; n < count; n++)
                sum += (double)m->weights.weight[i][n], square += pow((double)m->weights.weight[i][n], 2);
            assert_near(sum / (double)count, 0, 0.01);
            assert_near(square / (double)count * 4.5 * l->ic, 1, 0.1);
            for (size_t n = 0; n < (size_t)l->oc; n++)
                assert_true(m->weights.bias[i][n] == 0.1f * dq__rng_normal(42, 2 * k + 1, n));
            k++;
        }
        assert_int_equal(k, depth == 19 ? 16 : 13);
        assert_int_equal(dq__model_check(m, "x", &err), DQ_OK);
        dq__model_free(&m);
    }
}

static void random_networks_have_a_seed(void **state) {
    (void)state;
    dq_model *a, *b, *c;
    dq__error err;
    assert_int_equal(dq__model_random(&a, 1, &err), DQ_OK);
    assert_int_equal(dq__model_random(&b, 1, &err), DQ_OK);
    assert_int_equal(dq__model_random(&c, 2, &err), DQ_OK);
    assert_string_equal(a->sha256, b->sha256);
    assert_string_not_equal(a->sha256, c->sha256);
    assert_string_equal(a->table.name, "random");
    assert_int_equal(a->table.padding, DQ__PAD_REFLECT);
    assert_int_equal(dq__table_find(&a->table, "relu5_1"), a->table.count - 1);
    assert_true(a->weights.weight[0][0] == b->weights.weight[0][0]);
    assert_int_equal(dq__model_check(c, "x", &err), DQ_OK);
    dq__model_free(&a);
    dq__model_free(&b);
    dq__model_free(&c);
    assert_null(a);
    dq__model_free(&a);
    assert_int_equal(dq__mem_now(), 0);
}

static void checks_name_the_layer(void **state) {
    (void)state;
    dq_model *m;
    dq__error err;
    assert_int_equal(dq__model_random(&m, 1, &err), DQ_OK);
    m->table.input.offset[1] = NAN;
    assert_int_equal(dq__model_check(m, "some.file", &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "some.file: what it does to its input"));
    m->table.input = dq__input_caffe;
    int i = dq__table_exact(&m->table, "conv3_2");
    float keep = m->weights.weight[i][100];
    m->weights.weight[i][100] = NAN;
    assert_int_equal(dq__model_check(m, "some.file", &err), DQ_BAD_MODEL);
    assert_string_equal(err.text, "some.file: conv3_2 has a weight that is NaN (number 100): a damaged file");
    m->weights.weight[i][100] = keep;
    m->weights.bias[i][5] = INFINITY;
    assert_int_equal(dq__model_check(m, "some.file", &err), DQ_BAD_MODEL);
    assert_string_equal(err.text, "some.file: conv3_2 has a bias that is infinite (number 5): a damaged file");
    dq__free(m->weights.bias[i]);
    m->weights.bias[i] = NULL;
    assert_int_equal(dq__model_check(m, "some.file", &err), DQ_BAD_MODEL);
    assert_string_equal(err.text, "some.file: conv3_2 has no weights");
    m->table.layer[i].ic = 7;
    assert_int_equal(dq__model_check(m, "some.file", &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "some.file: conv3_2 takes 7 channels"));
    dq__model_free(&m);
}

static void description_is_json(void **state) {
    (void)state;
    dq_model *m;
    dq__error err;
    assert_int_equal(dq__model_random(&m, 9, &err), DQ_OK);
    snprintf(m->credit, sizeof m->credit, "a \"quoted\" name");
    const char *text = dq__model_describe(m);
    assert_ptr_equal(text, dq__model_describe(m));
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *layers = json_object_get(root, "layers");
    assert_non_null(root);
    const char *const texts[][2] = {{"name", "random"},
                                    {"format", "random"},
                                    {"source", "seed 9"},
                                    {"sha256", m->sha256},
                                    {"credit", "a \"quoted\" name"},
                                    {"padding", "reflect"},
                                    {"pooling", "max"},
                                    {"deepest", "relu5_1"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(json_string_value(json_object_get(root, texts[i][0])), texts[i][1]);
    assert_int_equal(json_array_size(layers), m->table.count);
    json_t *pool = json_array_get(layers, 4);
    assert_string_equal(json_string_value(json_object_get(pool, "name")), "pool1");
    assert_string_equal(json_string_value(json_object_get(pool, "kind")), "pool");
    assert_int_equal(json_integer_value(json_object_get(pool, "in")), 32);
    assert_int_equal(json_integer_value(json_object_get(pool, "out")), 32);
    size_t parameters = 0;
    for (int i = 0; i < m->table.count; i++)
        if (m->table.layer[i].kind == DQ__CONV)
            parameters += (size_t)m->table.layer[i].oc * (9 * (size_t)m->table.layer[i].ic + 1);
    assert_int_equal(json_integer_value(json_object_get(root, "parameters")), parameters);
    assert_int_equal(json_integer_value(json_object_get(root, "bytes")), 4 * parameters);
    json_t *input = json_object_get(root, "input"), *row = json_array_get(json_object_get(input, "matrix"), 0);
    assert_true((float)json_number_value(json_array_get(row, 0)) == dq__input_torchvision.matrix[0][0]);
    assert_true((float)json_number_value(json_array_get(json_object_get(input, "offset"), 2)) == dq__input_torchvision.offset[2]);
    json_decref(root);
    dq__model_free(&m);
}

static void memory_may_run_out(void **state) {
    (void)state;
    dq_status status = DQ_LIMIT;
    for (long k = 1; status; k++) {
        dq_model *m;
        dq__error err;
        dq__mem_fail_at(k);
        status = dq__model_random(&m, 1, &err);
        dq__mem_fail_at(0);
        assert_true(status == DQ_OK || status == DQ_LIMIT);
        assert_int_equal(status == DQ_OK, m != NULL);
        dq__model_free(&m);
        assert_int_equal(dq__mem_now(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_vgg_follows_its_rule), cmocka_unit_test(random_networks_have_a_seed),
        cmocka_unit_test(checks_name_the_layer), cmocka_unit_test(description_is_json), cmocka_unit_test(memory_may_run_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
