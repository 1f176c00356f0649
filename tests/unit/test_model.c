/* SPDX-License-Identifier: MIT
 * Tests of the model object (src/model/model.c): random weights that are the ones promised, checks, the description; and of
 * our own container (write_safetensors.c, read_safetensors.c). */
#include "test.h"

#include "folder.h"
#include "layouts.h"

#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"

#include <jansson.h>
#include <sys/stat.h>

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

/* ---- our own container ---- */

static dq_model *small_model(void) {
    struct network n;
    struct bytes b = {0};
    dq_model *m;
    dq__error err;
    make_network(&n, 19, (const int[]){4, 5, 6, 7, 8}, "fc7");
    make_safetensors(&b, &n, TORCHVISION, F32);
    assert_int_equal(dq__model_read_memory(&m, b.p, b.n, "folder/first.safetensors", &err), DQ_OK);
    free_bytes(&b);
    free_network(&n);
    m->table.padding = DQ__PAD_REPLICATE;
    m->table.pooling = DQ__POOL_AVERAGE;
    snprintf(m->table.name, sizeof m->table.name, "my-net");
    snprintf(m->credit, sizeof m->credit, "K. Simonyan \"é\", CC BY 4.0");
    m->table.input.matrix[1][2] = 1.0f / 3;
    return m;
}

static void check_table(const dq__table *got, const dq__table *want) {
    assert_string_equal(got->name, want->name);
    assert_int_equal(got->padding, want->padding);
    assert_int_equal(got->pooling, want->pooling);
    assert_memory_equal(&got->input, &want->input, sizeof want->input);
    assert_int_equal(got->count, want->count);
    for (int i = 0; i < want->count; i++) {
        assert_string_equal(got->layer[i].name, want->layer[i].name);
        assert_int_equal(got->layer[i].kind, want->layer[i].kind);
        assert_int_equal(got->layer[i].ic, want->layer[i].ic);
        assert_int_equal(got->layer[i].oc, want->layer[i].oc);
    }
}

static void written_models_come_back(void **state) {
    (void)state;
    for (int half = 0; half < 2; half++) {
        dq_model *m = small_model(), *back;
        dq__error err = {0};
        if (dq__model_write(m, in_folder("a"), half, &err)) fail_msg("%s", err.text);
        assert_int_equal(dq__model_write(m, in_folder("b"), half, &err), DQ_OK);
        struct bytes a = read_bytes(in_folder("a")), b = read_bytes(in_folder("b"));
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.p, b.p, a.n);
        if (dq__model_read(&back, in_folder("a"), &err)) fail_msg("%s", err.text);
        check_table(&back->table, &m->table);
        for (int i = 0; i < m->table.count; i++) {
            const dq__layer *l = &m->table.layer[i];
            size_t count = (size_t)l->oc * (size_t)l->ic * (l->kind == DQ__CONV ? 9 : 1);
            if (!m->weights.weight[i]) continue;
            assert_memory_equal(back->weights.weight[i], m->weights.weight[i], count * sizeof(float));
            assert_memory_equal(back->weights.bias[i], m->weights.bias[i], (size_t)l->oc * sizeof(float));
        }
        assert_string_equal(back->credit, m->credit);
        assert_string_equal(back->source, "first.safetensors");
        dq__model_free(&back);
        dq__model_free(&m);
        free_bytes(&a);
        free_bytes(&b);
        remove(in_folder("a"));
        remove(in_folder("b"));
    }
}

static void half_rounds_to_nearest(void **state) {
    (void)state;
    static const float in[] = {1.0f + 0x1p-11f, 1.0f + 3 * 0x1p-11f, 65504,        65519, 0x1p-24f,
                               0x1p-25f,        1.5f * 0x1p-25f,     0x1.fffp-15f, -0.0f, 0};
    static const float out[] = {1.0f, 1.0f + 0x1p-9f, 65504, 65504, 0x1p-24f, 0, 0x1p-24f, 0x1p-14f, 0, 0};
    dq_model *m = small_model(), *back;
    dq__error err = {0};
    memcpy(m->weights.weight[0], in, sizeof in);
    assert_int_equal(dq__model_write(m, in_folder("a"), true, &err), DQ_OK);
    assert_int_equal(dq__model_read(&back, in_folder("a"), &err), DQ_OK);
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) assert_true(back->weights.weight[0][i] == out[i]);
    dq__model_free(&back);
    remove(in_folder("a"));
    m->weights.weight[0][3] = -65520;
    assert_int_equal(dq__model_write(m, in_folder("a"), true, &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "conv1_1 has weights beyond fp16"));
    assert_int_equal(access(in_folder("a"), F_OK), -1);
    dq__model_free(&m);
}

static void failed_writes_leave_nothing(void **state) {
    (void)state;
    dq_model *m = small_model();
    dq__error err = {0};
    assert_int_equal(dq__model_write(m, in_folder("missing/a"), false, &err), DQ_OUTPUT);
    assert_non_null(strstr(err.text, "missing/a: cannot be written: No such file"));
    assert_int_equal(mkdir(in_folder("taken"), 0700), 0);
    assert_int_equal(dq__model_write(m, in_folder("taken"), false, &err), DQ_OUTPUT);
    assert_int_equal(rmdir(in_folder("taken")), 0); /* remove_folder() sees to the rest */
    dq__model_free(&m);
}

/* The metadata are not believed either. */
static void damaged_metadata_are_refused(void **state) {
    (void)state;
    static const char *const edits[][3] = {
        {"\"my-net\"", "\"my net\"", "metadata is damaged"},
        {"\"replicate\"", "\"Replicate\"", "metadata is damaged"},
        {"\"average\"", "\"averagE\"", "metadata is damaged"},
        {"\\\"kind\\\":\\\"relu\\\"", "\\\"kind\\\":\\\"rely\\\"", "metadata is damaged"},
        {"conv1_2\\\"", "conv1_1\\\"", "metadata is damaged"},
        {"\\\"out\\\":4}", "\\\"out\\\":0}", "metadata is damaged"},
        {"\\\"out\\\":4}", "\\\"out\\\":5}", "relu1_1 takes 4 channels but the layer below gives 5"},
        {"\\\"offset\\\":[", "\\\"offset\\\": ", "metadata is damaged"},
        {"\"conv1_2.bias\"", "\"conv1_2.bios\"", "the arrays of conv1_2 are missing"},
        {"\"danqing\":\"1\"", "\"danqing\":\"x\"", "newer danqing"},
    };
    dq_model *m = small_model();
    dq__error err = {0};
    assert_int_equal(dq__model_write(m, in_folder("a"), false, &err), DQ_OK);
    dq__model_free(&m);
    for (size_t k = 0; k < sizeof edits / sizeof *edits; k++) {
        struct bytes b = read_bytes(in_folder("a"));
        size_t length = strlen(edits[k][0]);
        unsigned char *at = memmem(b.p, b.n, edits[k][0], length);
        assert_non_null(at);
        assert_int_equal(length, strlen(edits[k][1]));
        memcpy(at, edits[k][1], length);
        assert_int_equal(dq__model_read_memory(&m, b.p, b.n, "net.bin", &err), DQ_BAD_MODEL);
        if (!strstr(err.text, edits[k][2])) fail_msg("expected \"%s\", got \"%s\"", edits[k][2], err.text);
        free_bytes(&b);
    }
    remove(in_folder("a"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_vgg_follows_its_rule), cmocka_unit_test(random_networks_have_a_seed),
        cmocka_unit_test(checks_name_the_layer), cmocka_unit_test(description_is_json), cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(written_models_come_back), cmocka_unit_test(half_rounds_to_nearest),
        cmocka_unit_test(failed_writes_leave_nothing), cmocka_unit_test(damaged_metadata_are_refused)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
