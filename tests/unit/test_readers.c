/* SPDX-License-Identifier: MIT
 * Tests of the weight readers (src/model/read*.c, build.c): each format is made here in its exact layout, and every weight
 * must arrive at its place; then the same files cut, bent and with wrong contents. */
#include "test.h"

#include "folder.h"
#include "layouts.h"

#include "base/mem.h"
#include "base/rng.h"
#include "model/tensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const int narrow[5] = {4, 5, 6, 7, 8};
static const float input_matrix[9] = {0.5f, -1, 255, 2, 254, 3, 253, 4, -5}, input_offset[3] = {-104, -117, -124};

/* ---- the formats ---- */

/* A format, told to the tests as a function that makes the bytes of a network in it. */
struct format {
    const char *name, *family; /* family: "caffe", "torchvision", "input" (1×1 convolution), "mat" */
    void (*make)(struct bytes *out, struct network *n);
    enum naming naming;
};

static void safetensors_f32(struct bytes *b, struct network *n) { make_safetensors(b, n, TORCHVISION, F32); }
static void safetensors_f64(struct bytes *b, struct network *n) { make_safetensors(b, n, TORCHVISION, F64); }
static void safetensors_f16(struct bytes *b, struct network *n) { make_safetensors(b, n, CAFFE, F16); }
static void safetensors_bf16(struct bytes *b, struct network *n) { make_safetensors(b, n, CAFFE, BF16); }
static void pth_plain(struct bytes *b, struct network *n) { make_pth(b, n, &(struct pth){.naming = TORCHVISION}); }
static void pth_half(struct bytes *b, struct network *n) {
    make_pth(b, n, &(struct pth){.naming = TORCHVISION, .type = F16, .checkpoint = true});
}
static void pth_bfloat(struct bytes *b, struct network *n) {
    make_pth(b, n, &(struct pth){.naming = TORCHVISION, .type = BF16, .parameter = true});
}
static void pth_strided(struct bytes *b, struct network *n) {
    make_pth(b, n, &(struct pth){.naming = TORCHVISION, .channels_last = true});
}
static void pth_shared(struct bytes *b, struct network *n) {
    make_pth(b, n, &(struct pth){.naming = TORCHVISION, .type = F64, .shared = true});
}
static void old_plain(struct bytes *b, struct network *n) { make_old_pth(b, n, &(struct pth){.naming = TORCHVISION}); }
static void old_shared(struct bytes *b, struct network *n) {
    make_old_pth(b, n, &(struct pth){.naming = TORCHVISION, .shared = true, .channels_last = true});
}
static void old_double(struct bytes *b, struct network *n) {
    make_old_pth(b, n, &(struct pth){.naming = TORCHVISION, .type = F64, .parameter = true});
}
static void old_sequential(struct bytes *b, struct network *n) { make_old_pth(b, n, &(struct pth){.naming = SEQUENTIAL}); }
static void old_packed(struct bytes *b, struct network *n) {
    make_old_pth(b, n, &(struct pth){.naming = PACKED, .checkpoint = true});
}
static void caffe_v1(struct bytes *b, struct network *n) { make_caffemodel(b, n, true, F32); }
static void caffe_v2(struct bytes *b, struct network *n) { make_caffemodel(b, n, false, F32); }
static void caffe_double(struct bytes *b, struct network *n) { make_caffemodel(b, n, false, F64); }

static inline void take_file(struct bytes *b, const char *path) {
    *b = read_bytes(path);
    remove(path);
}

#ifdef DQ_HAVE_HDF5
static void h5_style(struct bytes *b, struct network *n, int style) {
    make_h5(in_folder("made"), n, style, false);
    take_file(b, in_folder("made"));
}
static void keras1(struct bytes *b, struct network *n) { h5_style(b, n, 1); }
static void keras2(struct bytes *b, struct network *n) { h5_style(b, n, 2); }
static void keras_model(struct bytes *b, struct network *n) { h5_style(b, n, 3); }
#endif

#ifdef DQ_HAVE_MATIO
static const double mat_mean[3] = {123.5, 116.25, 103.75};
static void mat_style(struct bytes *b, struct network *n, bool old, bool compressed) {
    make_mat(in_folder("made"), n, old, compressed, mat_mean);
    take_file(b, in_folder("made"));
}
static void mat_old(struct bytes *b, struct network *n) { mat_style(b, n, true, false); }
static void mat_new(struct bytes *b, struct network *n) { mat_style(b, n, false, false); }
static void mat_compressed(struct bytes *b, struct network *n) { mat_style(b, n, false, true); }
#endif

static const struct format formats[] = {
    {"safetensors", "torchvision", safetensors_f32, TORCHVISION},
    {"safetensors", "torchvision", safetensors_f64, TORCHVISION},
    {"safetensors", "caffe", safetensors_f16, CAFFE},
    {"safetensors", "caffe", safetensors_bf16, CAFFE},
    {"pth", "torchvision", pth_plain, TORCHVISION},
    {"pth", "torchvision", pth_half, TORCHVISION},
    {"pth", "torchvision", pth_bfloat, TORCHVISION},
    {"pth", "torchvision", pth_strided, TORCHVISION},
    {"pth", "torchvision", pth_shared, TORCHVISION},
    {"pth", "torchvision", old_plain, TORCHVISION},
    {"pth", "torchvision", old_shared, TORCHVISION},
    {"pth", "torchvision", old_double, TORCHVISION},
    {"pth", "input", old_sequential, SEQUENTIAL},
    {"pth", "input", old_packed, PACKED},
    {"caffemodel", "caffe", caffe_v1, CAFFE},
    {"caffemodel", "caffe", caffe_v2, CAFFE},
    {"caffemodel", "caffe", caffe_double, CAFFE},
#ifdef DQ_HAVE_HDF5
    {"h5", "caffe", keras1, CAFFE},
    {"h5", "caffe", keras2, CAFFE},
    {"h5", "caffe", keras_model, CAFFE},
#endif
#ifdef DQ_HAVE_MATIO
    {"mat", "mat", mat_old, CAFFE},
    {"mat", "mat", mat_new, CAFFE},
    {"mat", "mat", mat_compressed, CAFFE},
#endif
};
enum { FORMATS = sizeof formats / sizeof *formats };

static bool has_input(const struct format *f) { return strcmp(f->family, "input") == 0; }

static dq_status read_made(dq_model **m, const struct bytes *b, dq__error *err) {
    return dq__model_read_memory(m, b->p, b->n, "some/where/net.bin", err);
}

static void make_narrow(struct network *n, const struct format *f, int depth, const char *last) {
    make_network(n, depth, narrow, last);
    if (has_input(f)) add_input(n, input_matrix, input_offset);
}

static void expect_refused(dq_status status, dq_model *m, const dq__error *err, const char *about) {
    if (status != DQ_BAD_MODEL) fail_msg("%s: status %d (%s)", about, status, err->text);
    assert_null(m);
    if (!strstr(err->text, "net.bin: ")) fail_msg("%s: the message does not name the file: %s", about, err->text);
    assert_null(strchr(err->text, '\n'));
}

static void expect_message(const struct bytes *b, const char *message) {
    dq_model *m;
    dq__error err = {0};
    dq_status status = dq__model_read_memory(&m, b->p, b->n, "net.bin", &err);
    expect_refused(status, m, &err, message);
    if (!strstr(err.text, message)) fail_msg("expected \"%s\", got \"%s\"", message, err.text);
}

/* ---- what must arrive ---- */

static void check_weights(const dq_model *m, struct network *n) {
    assert_int_equal(m->table.count, n->table.count);
    for (int i = 0; i < n->table.count; i++) {
        const dq__layer *l = &n->table.layer[i], *got = &m->table.layer[i];
        assert_string_equal(got->name, l->name);
        assert_int_equal(got->kind, l->kind);
        assert_int_equal(got->ic, l->ic);
        assert_int_equal(got->oc, l->oc);
        const struct array *w = array_of(n, l->name, false), *b = array_of(n, l->name, true);
        if (!w) {
            assert_null(m->weights.weight[i]);
            assert_null(m->weights.bias[i]);
            continue;
        }
        for (size_t k = 0; k < w->count; k++)
            if (m->weights.weight[i][k] != w->data[k]) fail_msg("%s: weight %zu is wrong", l->name, k);
        for (size_t k = 0; k < b->count; k++)
            if (m->weights.bias[i][k] != b->data[k]) fail_msg("%s: bias %zu is wrong", l->name, k);
    }
}

static void check_input(const dq_model *m, const char *family) {
    dq__input want = strcmp(family, "torchvision") == 0 ? dq__input_torchvision : dq__input_caffe;
    if (strcmp(family, "input") == 0) {
        memcpy(want.matrix, input_matrix, sizeof want.matrix);
        memcpy(want.offset, input_offset, sizeof want.offset);
    }
    if (strcmp(family, "mat") == 0) want = (dq__input){{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}}, {-123.5f, -116.25f, -103.75f}};
    assert_memory_equal(&m->table.input, &want, sizeof want);
}

static void every_weight_arrives(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++)
        for (int depth = 16; depth <= 19; depth += 3) {
            struct network n;
            struct bytes b = {0};
            dq_model *m;
            dq__error err = {0};
            make_narrow(&n, &formats[f], depth, has_input(&formats[f]) ? depth == 19 ? "conv5_4" : "conv5_3" : "fc8");
            formats[f].make(&b, &n);
            if (read_made(&m, &b, &err)) fail_msg("format %d: %s", f, err.text);
            check_weights(m, &n);
            check_input(m, formats[f].family);
            assert_string_equal(m->format, formats[f].name);
            assert_string_equal(m->source, "net.bin");
            assert_string_equal(m->table.name, depth == 19 ? "vgg19-custom" : "vgg16-custom");
            assert_int_equal(m->table.padding, has_input(&formats[f]) ? DQ__PAD_REFLECT : DQ__PAD_ZERO);
            assert_int_equal(m->table.pooling, DQ__POOL_MAX);
            assert_int_equal(strlen(m->sha256), 64);
            dq__model_free(&m);
            free_bytes(&b);
            free_network(&n);
        }
    assert_int_equal(dq__mem_now(), 0);
}

static void chains_may_stop_anywhere(void **state) {
    (void)state;
    const char *last[] = {"conv1_1", "conv1_2", "conv2_1", "conv3_1", "conv3_4", "conv4_2", "conv5_1", "conv5_4", "fc6", "fc7"};
    for (int f = 0; f < FORMATS; f++)
        for (size_t k = 0; k < sizeof last / sizeof *last; k++) {
            struct network n;
            struct bytes b = {0};
            dq_model *m;
            dq__error err = {0};
            if (last[k][0] == 'f' && has_input(&formats[f])) continue;
            make_narrow(&n, &formats[f], 19, last[k]);
            formats[f].make(&b, &n);
            if (read_made(&m, &b, &err)) fail_msg("format %d to %s: %s", f, last[k], err.text);
            check_weights(m, &n);
            dq__model_free(&m);
            free_bytes(&b);
            free_network(&n);
        }
}

static void full_width_has_the_plain_name(void **state) {
    (void)state;
    const int width[5] = {64, 128, 256, 512, 512};
    struct network n;
    struct bytes b = {0};
    dq_model *m;
    dq__error err;
    make_network(&n, 19, width, "conv2_1");
    caffe_v2(&b, &n);
    assert_int_equal(dq__model_read_memory(&m, b.p, b.n, "x", &err), DQ_OK);
    assert_string_equal(m->table.name, "vgg19");
    dq__model_free(&m);
    free_bytes(&b);
    free_network(&n);
}

static void a_file_without_mean_takes_that_of_caffe(void **state) {
    (void)state;
#ifdef DQ_HAVE_MATIO
    struct network n;
    dq_model *m;
    dq__error err;
    make_network(&n, 19, narrow, "conv1_2");
    make_mat(in_folder("net.mat"), &n, false, false, NULL);
    assert_int_equal(dq__model_read(&m, in_folder("net.mat"), &err), DQ_OK);
    assert_near((double)m->table.input.offset[0], -123.68, 1e-5);
    assert_near((double)m->table.input.matrix[2][2], 255, 0);
    dq__model_free(&m);
    remove(in_folder("net.mat"));
    free_network(&n);
#else
    skip();
#endif
}

/* MATLAB stores numbers that happen to be whole as small integers; other versions and byte orders are refused with a word. */
static void whole_numbers_and_old_matlab_files(void **state) {
    (void)state;
#ifdef DQ_HAVE_MATIO
    struct network n;
    struct bytes b = {0};
    dq_model *m;
    dq__error err = {0};
    make_network(&n, 19, narrow, "conv1_1");
    mat_new(&b, &n);
    /* the bias, four singles (tag 7, 16 bytes), becomes four bytes of the second kind within their tag, and filler */
    struct bytes tag = {0};
    const struct array *bias = array_of(&n, "conv1_1", true);
    put_le(&tag, 7, 4);
    put_le(&tag, 16, 4);
    for (int i = 0; i < 4; i++) put_number(&tag, bias->data[i], F32);
    unsigned char *at = memmem(b.p, b.n, tag.p, tag.n);
    assert_non_null(at);
    memcpy(at, "\x02\0\x04\0\x07\x08\xff\0", 8);
    memset(at + 8, 0, 16);
    if (read_made(&m, &b, &err)) fail_msg("%s", err.text);
    const float want[4] = {7, 8, 255, 0};
    assert_memory_equal(m->weights.bias[0], want, sizeof want);
    dq__model_free(&m);
    memcpy(at, "\x01", 1);
    assert_int_equal(read_made(&m, &b, &err), DQ_OK);
    assert_true(m->weights.bias[0][2] == -1);
    dq__model_free(&m);
    memcpy(b.p + 126, "MI", 2);
    expect_message(&b, "big-endian");
    memcpy(b.p, "MATLAB 7.3", 10);
    expect_message(&b, "version 7.3; save it with -v7");
    free_bytes(&tag);
    free_bytes(&b);
    free_network(&n);
#else
    skip();
#endif
}

static void compressed_keras_files_are_refused(void **state) {
    (void)state;
#ifdef DQ_HAVE_HDF5
    struct network n;
    dq_model *m;
    dq__error err;
    make_network(&n, 19, narrow, "conv1_2");
    make_h5(in_folder("net.h5"), &n, 2, true);
    assert_int_equal(dq__model_read(&m, in_folder("net.h5"), &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "block1_conv1.weight is compressed or in pieces"));
    remove(in_folder("net.h5"));
    free_network(&n);
#else
    skip();
#endif
}

/* ---- damage ---- */

static void truncated_files_are_refused(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        struct network n;
        struct bytes b = {0};
        make_narrow(&n, &formats[f], 19, "conv3_1");
        formats[f].make(&b, &n);
        for (size_t k = 0; k <= 16; k++) {
            char about[64];
            dq_model *m;
            dq__error err = {0};
            struct bytes cut = {b.p, k < 16 ? b.n * k / 16 : b.n - 1, 0};
            snprintf(about, sizeof about, "format %d cut at %zu of %zu", f, cut.n, b.n);
            dq_status status = read_made(&m, &cut, &err);
            expect_refused(status, m, &err, about);
        }
        free_bytes(&b);
        free_network(&n);
    }
    assert_int_equal(dq__mem_now(), 0);
}

/* A flipped bit may be a valid other file; it must never be more than an error, and nothing may be left behind. */
static void flipped_bits_do_no_harm(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        struct network n;
        struct bytes b = {0};
        int tries = 3000;
        make_narrow(&n, &formats[f], 19, "conv2_1");
        formats[f].make(&b, &n);
        for (int k = 0; k < tries; k++) {
            uint64_t random = dq__rng_bits(5, (uint64_t)f, (uint64_t)k);
            size_t at = random % (k % 2 ? b.n : b.n < 4096 ? b.n : 4096);
            unsigned char bit = (unsigned char)(1 << (random >> 40 & 7));
            dq_model *m;
            dq__error err = {0};
            b.p[at] ^= bit;
            dq_status status = read_made(&m, &b, &err);
            if (status != DQ_OK && status != DQ_BAD_MODEL && status != DQ_LIMIT)
                fail_msg("format %d, byte %zu: %s", f, at, err.text);
            assert_int_equal(status == DQ_OK, m != NULL);
            dq__model_free(&m);
            b.p[at] ^= bit;
        }
        free_bytes(&b);
        free_network(&n);
    }
    assert_int_equal(dq__mem_now(), 0);
}

static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        struct network n;
        struct bytes b = {0};
        dq_status status = DQ_LIMIT;
        make_narrow(&n, &formats[f], 19, "conv2_1");
        formats[f].make(&b, &n);
        for (long k = 1; status; k++) {
            dq_model *m;
            dq__error err = {0};
            dq__mem_fail_at(k);
            status = read_made(&m, &b, &err);
            dq__mem_fail_at(0);
            if (status && status != DQ_LIMIT) fail_msg("format %d, allocation %ld: %s", f, k, err.text);
            dq__model_free(&m);
            assert_int_equal(dq__mem_now(), 0);
        }
        free_bytes(&b);
        free_network(&n);
    }
}

/* ---- wrong contents ---- */

/* One change to a network, and what the message must contain. */
struct fault {
    const char *about, *message;
    void (*apply)(struct network *n);
};

static void fault_nan(struct network *n) { array_of(n, "conv2_2", false)->data[7] = NAN; }
static void fault_infinite(struct network *n) { array_of(n, "conv1_2", true)->data[1] = -INFINITY; }
static void fault_no_bias(struct network *n) { drop_array(n, "conv2_1", true); }
static void fault_no_weight(struct network *n) { drop_array(n, "conv2_1", false); }
static void fault_no_layer(struct network *n) {
    drop_array(n, "conv2_1", false);
    drop_array(n, "conv2_1", true);
}
static void fault_no_first(struct network *n) {
    drop_array(n, "conv1_1", false);
    drop_array(n, "conv1_1", true);
}
static void set_shape4(struct array *a, size_t s0, size_t s1, size_t s2, size_t s3) {
    a->shape[0] = s0, a->shape[1] = s1, a->shape[2] = s2, a->shape[3] = s3;
    a->count = s0 * s1 * s2 * s3;
    free(a->data);
    a->data = calloc(a->count, sizeof(float));
    assert_non_null(a->data);
}
static void fault_channels(struct network *n) { set_shape4(array_of(n, "conv2_1", false), 5, 3, 3, 3); }
static void fault_kernel(struct network *n) { set_shape4(array_of(n, "conv2_1", false), 5, 4, 5, 5); }
static void fault_bias_length(struct network *n) {
    array_of(n, "conv1_2", true)->shape[0]--;
    array_of(n, "conv1_2", true)->count--;
}
static void fault_decoder(struct network *n) { set_shape4(array_of(n, "conv1_1", false), 4, 64, 3, 3); }

static const struct fault faults[] = {
    {"NaN", "conv2_2 has a weight that is NaN", fault_nan},
    {"infinite", "conv1_2 has a bias that is infinite", fault_infinite},
    {"no bias", "conv2_1 has no bias", fault_no_bias},
    {"no weight", "conv2_1 has no weights", fault_no_weight},
    {"no layer", "", fault_no_layer},
    {"no first layer", "", fault_no_first},
    {"channels", "conv2_1 takes 3 channels but the layer below gives 4", fault_channels},
    {"kernel", "conv2_1 has the shape 5×4×5×5, not that of a 3×3 convolution", fault_kernel},
    {"length of bias", "conv1_2 has 4 channels but a bias of shape", fault_bias_length},
    {"decoder", "conv1_1 takes 64 channels, not the 3 of a picture", fault_decoder},
};

/* The makers of Caffe's, Keras' and MATLAB's files want both arrays of each layer of the table. */
static bool holds_anything(const struct format *f) { return strcmp(f->name, "pth") == 0 || strcmp(f->name, "safetensors") == 0; }

static void wrong_contents_are_named(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++)
        for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
            struct network n;
            struct bytes b = {0};
            dq_model *m;
            dq__error err = {0};
            char about[64];
            if (!holds_anything(&formats[f])) continue;
            snprintf(about, sizeof about, "format %d with %s", f, faults[k].about);
            make_narrow(&n, &formats[f], 19, "conv2_2");
            faults[k].apply(&n);
            formats[f].make(&b, &n);
            dq_status status = read_made(&m, &b, &err);
            expect_refused(status, m, &err, about);
            if (!strstr(err.text, faults[k].message)) fail_msg("%s: %s", about, err.text);
            free_bytes(&b);
            free_network(&n);
        }
}

static void wrong_contents_in_the_other_formats(void **state) {
    (void)state;
    const struct {
        const char *message;
        void (*apply)(struct network *n);
    } cases[] = {{"NaN", fault_nan},
                 {"conv1_2", fault_infinite},
                 {"conv1_1 takes 64 channels", fault_decoder},
                 {"conv2_1 takes 3 channels", fault_channels}};
    for (int f = 0; f < FORMATS; f++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            struct network n;
            struct bytes b = {0};
            dq_model *m;
            dq__error err = {0};
            if (holds_anything(&formats[f])) continue;
            make_narrow(&n, &formats[f], 19, "conv2_2");
            cases[k].apply(&n);
            formats[f].make(&b, &n);
            dq_status status = read_made(&m, &b, &err);
            expect_refused(status, m, &err, cases[k].message);
            if (!strstr(err.text, cases[k].message)) fail_msg("format %d: %s", f, err.text);
            free_bytes(&b);
            free_network(&n);
        }
}

/* Safetensors with up to three arrays of ones: kernels of 27×3×3×3 and biases of 27. */
static void put_named(struct bytes *b, const char *const names[3]) {
    struct bytes header = {0};
    char text[160];
    size_t offset = 0;
    for (int i = 0; i < 3 && names[i]; i++) {
        bool bias = strstr(names[i], "bias") != NULL;
        size_t end = offset + (bias ? 27 : 729) * sizeof(float);
        snprintf(text, sizeof text, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                 i ? ',' : '{', names[i],
                 bias ? "[27]" : "[27,3,3,3]", offset, end);
        put_text(&header, text);
        offset = end;
    }
    put_text(&header, "}");
    put_le(b, header.n, 8);
    put(b, header.p, header.n);
    for (size_t i = 0; i < offset / sizeof(float); i++) put_number(b, 1, F32);
    free_bytes(&header);
}

/* Arrays that no VGG has must not be passed over in silence: without them the features would be others. */
static void other_networks_are_refused(void **state) {
    (void)state;
    const struct {
        const char *names[3], *message;
    } cases[] = {{{"layer1.0.conv1.weight"}, "layer1.0.conv1.weight is no layer of a VGG"},
                 {{"conv1_1.weight", "conv1_1.bias", "conv1_1/bn.weight"}, "conv1_1/bn.weight is no layer"},
                 {{"conv1_1.weight", "features.2.weight"}, "does not go with the names before it"},
                 {{"features.3.weight", "features.3.bias"}, "3 is not where the first convolution"},
                 {{"features.0.weight", "features.4.weight"}, "4 is not where a VGG has a convolution"},
                 {{"conv1_1.weight", "module.conv1_1.weight"}, "is there twice"},
                 {{"conv1_1.gamma"}, "is neither weight nor bias"},
                 {{"conv7_1.weight", "conv1_1.weight"}, "conv7_1 is a layer that neither"},
                 {{"conv11.weight", "conv11.bias"}, "conv0 is missing"},
                 {{"fc6.weight", "fc6.bias"}, "conv1_1 is missing"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct bytes b = {0};
        put_named(&b, cases[k].names);
        expect_message(&b, cases[k].message);
        free_bytes(&b);
    }
}

/* Names of nn.DataParallel; and the two files whose names are torchvision's but whose weights are Caffe's. */
static void names_and_checksums_tell_the_family(void **state) {
    (void)state;
    const char *const names[3] = {"module.features.0.weight", "module.features.0.bias"};
    const struct {
        const char *sha256;
        const dq__input *input;
    } cases[] = {{"d01eb7cb00", &dq__input_caffe}, {"00b39a1b00", &dq__input_caffe}, {"dcbb9e9d00", &dq__input_torchvision},
                 {"123456789a", &dq__input_torchvision}};
    struct bytes b = {0};
    put_named(&b, names);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        dq__file file = {.bytes = b.p, .size = b.n, .name = "net.bin"};
        dq__tensors list;
        dq_model *m;
        dq__error err = {0};
        assert_int_equal(dq__model_new(&m, &err), DQ_OK);
        assert_int_equal(dq__tensors_init(&list, &err), DQ_OK);
        assert_int_equal(dq__read_safetensors(&file, &list, &err), DQ_OK);
        snprintf(m->sha256, sizeof m->sha256, "%s", cases[k].sha256);
        if (dq__build(m, &list, &file, &err)) fail_msg("%s", err.text);
        assert_memory_equal(&m->table.input, cases[k].input, sizeof m->table.input);
        assert_int_equal(m->credit[0] != 0, k < 3);
        dq__tensors_deinit(&list);
        dq__model_free(&m);
    }
    free_bytes(&b);
}

/* ---- pickles ---- */

/* The older layout with `object` in the place of the weights. */
static void expect_pickle(const char *object, size_t size, const char *message) {
    struct bytes b = {0};
    old_torch_begin(&b, true);
    put(&b, object, size);
    put_text(&b, "\x80\x02].");
    expect_message(&b, message);
    free_bytes(&b);
}

static void pickles_never_run(void **state) {
    (void)state;
#define PICKLE(text, message) expect_pickle(text, sizeof(text) - 1, message)
    PICKLE("\x80\x02" "cos\nsystem\n(U\x04trueтtR.", "os.system, which is no array");
    PICKLE("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93.", "builtins.eval, which is no array");
    PICKLE("\x80\x02" "ctorchvision.models.vgg\nVGG\n)\x81.", "torchvision.models.vgg.VGG");
    PICKLE("\x80\x02" "ccollections\nOrderedDict\n)\x81.", "opcode 0x81");
    PICKLE("(i__main__\nX\n.", "opcode 0x69");
    PICKLE("\x80\x02(o.", "opcode 0x6f");
    PICKLE("\x80\x02\x82\x01.", "opcode 0x82");
    PICKLE("\x80\x02S'x'\n.", "opcode 0x53");
    PICKLE("\x80\x02}N).", "does not end with one value");
    PICKLE("\x80\x02.", "does not end with one value");
    PICKLE("\x80\x02R.", "the stack is empty");
    PICKLE("\x80\x02)R.", "the stack is empty");
    PICKLE("\x80\x02))R.", "a call of something that is no name");
    PICKLE("\x80\x02" "b.", "the stack is empty");
    PICKLE("\x80\x02)b.", "the stack is empty");
    PICKLE("\x80\x02" "a.", "the stack is empty");
    PICKLE("\x80\x02N)a.", "items for no container");
    PICKLE("\x80\x02}Ns.", "the stack is empty");
    PICKLE("\x80\x02}(Nu.", "items for no container");
    PICKLE("\x80\x02(Nu.", "items without a container");
    PICKLE("\x80\x02t.", "no mark");
    PICKLE("\x80\x02(\x85.", "the stack is empty");
    PICKLE("\x80\x02q\x01.", "the stack is empty");
    PICKLE("\x80\x02h\x01.", "a memo that was never set");
    PICKLE("\x80\x02Nr\xff\xff\xff\x7f.", "a memo number out of range");
    PICKLE("\x80\x02Q.", "the stack is empty");
    PICKLE("\x80\x02\x93.", "the stack is empty");
    PICKLE("\x80\x02NN\x93.", "a name that is no text");
    PICKLE("\x80\x02\x8a\x20.", "more than 64 bits");
    PICKLE("\x80\x02" "ccollections\nOrderedDict\nN\x85R.", "something else than pairs");
    PICKLE("\x80\x02" "ccollections\nOrderedDict\n](](Nee\x85R.", "something else than pairs");
    PICKLE("\x80\x02X\xff\xff\xff\x7f", "it ends too early");
    PICKLE("\x80\x02" "ctorch\nFloatStor", "a name without an end");
    PICKLE("\x80\x02}.", "no weights in it");
    PICKLE("\x80\x02" "K\x01.", "no weights in it");
#undef PICKLE
}

/* A list that holds itself, and an OrderedDict from the pairs of Python 2. */
static void pickles_may_be_odd(void **state) {
    (void)state;
    static const char cycle[] = "\x80\x02]q\x01h\x01" "a.";
    expect_pickle(cycle, sizeof cycle - 1, "no weights in it");
    struct network n;
    struct bytes b = {0};
    dq_model *m;
    dq__error err = {0};
    struct pth o = {.naming = TORCHVISION, .shared = true};
    make_network(&n, 19, narrow, "conv1_1");
    size_t total = n.item[0].count + n.item[1].count;
    old_torch_begin(&b, true);
    put_text(&b, "\x80\x02" "ccollections\nOrderedDict\n](](U\x11" "features.0.weight");
    pickle_tensor(&b, &n.item[0], &o, "k", total, 0, true);
    put_text(&b, "e](U\x0f" "features.0.bias");
    pickle_tensor(&b, &n.item[1], &o, "k", total, n.item[0].count, true);
    put_text(&b, "ee\x85R.\x80\x02](X");
    put_le(&b, 1, 4);
    put_text(&b, "ke.");
    put_le(&b, total, 8);
    for (int i = 0; i < 2; i++) put_storage(&b, &n.item[i], &o);
    if (dq__model_read_memory(&m, b.p, b.n, "net.bin", &err)) fail_msg("%s", err.text);
    check_weights(m, &n);
    dq__model_free(&m);
    free_bytes(&b);
    free_network(&n);
}

static void big_endian_is_refused(void **state) {
    (void)state;
    struct bytes b = {0}, directory = {0};
    old_torch_begin(&b, false);
    put_text(&b, "\x80\x02}.\x80\x02].");
    expect_message(&b, "big-endian");
    free_bytes(&b);
    zip_file(&b, &directory, "a/data.pkl", "\x80\x02}.", 4);
    zip_file(&b, &directory, "a/byteorder", "big", 3);
    zip_end(&b, &directory, 2);
    expect_message(&b, "big-endian");
    free_bytes(&b);
}

static void strides_stay_inside_their_storage(void **state) {
    (void)state;
    struct network n;
    struct bytes b = {0};
    make_network(&n, 19, narrow, "conv1_1");
    make_old_pth(&b, &n, &(struct pth){.naming = TORCHVISION});
    /* the first stride (27) becomes 28, then 0 with more rows than numbers */
    unsigned char *at = b.p;
    while (memcmp(at, "J\x1b\0\0\0J\x09\0\0\0", 10) != 0) at++;
    at[1] = 28;
    expect_message(&b, "features.0.weight reaches beyond its storage");
    memset(at + 1, 0, 4);
    memset(at + 6, 0, 4);
    while (memcmp(at, "J\x04\0\0\0J\x03\0\0\0", 10) != 0) at--;
    at[2] = 64;
    expect_message(&b, "features.0.weight reaches beyond its storage");
    free_bytes(&b);
    free_network(&n);
}

/* ---- zip ---- */

static void zip_archives_are_checked(void **state) {
    (void)state;
    struct network n;
    struct bytes b = {0}, directory = {0};
    make_network(&n, 19, narrow, "conv1_1");
    make_pth(&b, &n, &(struct pth){.naming = TORCHVISION});
    size_t end = b.n - 22, central = b.p[end + 16] | (size_t)b.p[end + 17] << 8;
    unsigned char old[46];
    memcpy(old, b.p + central, sizeof old);
    b.p[central + 10] = 8;
    expect_message(&b, "is compressed");
    memcpy(b.p + central, old, sizeof old);
    b.p[central + 8] = 1;
    expect_message(&b, "is encrypted");
    memcpy(b.p + central, old, sizeof old);
    b.p[central + 16] ^= 1;
    expect_message(&b, "checksum is wrong");
    memcpy(b.p + central, old, sizeof old);
    b.p[central + 44] = 127;
    expect_message(&b, "lies outside");
    memcpy(b.p + central, old, sizeof old);
    b.p[central + 22] = b.p[central + 26] = 127;
    expect_message(&b, "lies outside");
    memcpy(b.p + central, old, sizeof old);
    b.p[central] = 0;
    expect_message(&b, "its directory is cut");
    b.p[central] = old[0];
    b.p[end + 19] = 127;
    expect_message(&b, "its directory lies outside");
    free_bytes(&b);
    free_network(&n);
    zip_file(&b, &directory, "a.txt", "hello", 5);
    zip_end(&b, &directory, 1);
    expect_message(&b, "not one of PyTorch");
    free_bytes(&b);
}

/* ---- safetensors ---- */

static void expect_header(const char *header, size_t data, const char *message) {
    struct bytes b = {0};
    put_le(&b, strlen(header), 8);
    put_text(&b, header);
    for (size_t i = 0; i < data; i++) put_byte(&b, 0);
    expect_message(&b, message);
    free_bytes(&b);
}

static void safetensors_headers_are_checked(void **state) {
    (void)state;
#define ENTRY(type, shape, from, to) \
    "{\"conv1_1.weight\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}}"
    expect_header("{\"a\":1", 0, "the header is damaged");
    expect_header("{\"a\":1,\"a\":1}", 0, "the header is damaged");
    expect_header("{\"conv1_1.weight\":7}", 0, "entry for conv1_1.weight is damaged");
    expect_header(ENTRY("F32", "[4]", "0", "17"), 17, "shape and length of conv1_1.weight");
    expect_header(ENTRY("F32", "[4]", "0", "12"), 16, "shape and length of conv1_1.weight");
    expect_header(ENTRY("F32", "[-4]", "0", "16"), 16, "is damaged");
    expect_header(ENTRY("F32", "[4.5]", "0", "16"), 16, "is damaged");
    expect_header(ENTRY("F32", "[4]", "0", "16"), 15, "lies beyond the end");
    expect_header(ENTRY("F32", "[4]", "16", "0"), 16, "lies beyond the end");
    expect_header(ENTRY("F32", "[4]", "0", "16"), 20, "the length of the file do not agree");
    expect_header(ENTRY("F32", "[4294967296,4294967296]", "0", "0"), 0, "shape and length");
    expect_header(ENTRY("F32", "[9223372036854775807,4]", "0", "16"), 16, "shape and length");
    expect_header(ENTRY("I32", "[4,3,3,3]", "0", "432"), 432, "conv1_1 has no bias");
    expect_header(ENTRY("F32", "[4,3,1,3,3]", "0", "432"), 432, "conv1_1 has no bias");
    expect_header("{\"__metadata__\":{\"danqing\":\"2\"}}", 0, "written by a newer danqing");
    expect_header("{\"__metadata__\":{\"danqing\":\"1\"}}", 0, "the network in its metadata is damaged");
#undef ENTRY
    char deep[4096] = "{";
    memset(deep + 1, '[', sizeof deep - 2);
    expect_header(deep, 0, "the header is damaged");
    struct bytes b = {0};
    put_le(&b, 100, 8);
    put_text(&b, "{}");
    expect_message(&b, "it ends within the header");
    free_bytes(&b);
}

/* ---- files ---- */

static void content_tells_the_format(void **state) {
    (void)state;
    struct network n;
    make_network(&n, 19, narrow, "conv1_2");
    for (int f = 0; f < FORMATS; f++) {
        struct bytes b = {0};
        dq_model *m;
        dq__error err;
        if (has_input(&formats[f])) continue;
        formats[f].make(&b, &n);
        write_file(in_folder("weights.jpg"), b.p, b.n);
        assert_int_equal(dq__model_read(&m, in_folder("weights.jpg"), &err), DQ_OK);
        assert_string_equal(m->format, formats[f].name);
        assert_string_equal(m->source, "weights.jpg");
        dq__model_free(&m);
        remove(in_folder("weights.jpg"));
        free_bytes(&b);
    }
    free_network(&n);
}

static void no_weights_no_model(void **state) {
    (void)state;
    dq_model *m;
    dq__error err;
    static const char text[] = "<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>\n";
    assert_int_equal(dq__model_read(&m, in_folder("absent.pth"), &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "absent.pth: cannot be opened: No such file"));
    assert_int_equal(dq__model_read(&m, folder, &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "not a file"));
    write_file(in_folder("x"), "", 0);
    assert_int_equal(dq__model_read(&m, in_folder("x"), &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "the file is empty"));
    write_file(in_folder("x"), text, sizeof text - 1);
    assert_int_equal(dq__model_read(&m, in_folder("x"), &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "not a weights file"));
    remove(in_folder("x"));
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(dq__model_read(&m, in_folder("pipe"), &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "not a file"));
    remove(in_folder("pipe"));
    int fd = open(in_folder("huge"), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0 && ftruncate(fd, ((off_t)2 << 30) + 1) == 0);
    close(fd);
    assert_int_equal(dq__model_read(&m, in_folder("huge"), &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "larger than 2 GiB"));
    remove(in_folder("huge"));
    assert_null(m);
}

/* ---- real files ---- */

static void the_real_vgg19_loads(void **state) {
    (void)state;
    char path[512];
    dq_model *m;
    dq__error err = {0};
    snprintf(path, sizeof path, "%s/models/vgg19-relu3_1/vgg_normalised_conv3_1.pth", test_data());
    if (dq__model_read(&m, path, &err)) fail_msg("%s", err.text);
    assert_string_equal(m->table.name, "vgg19");
    assert_int_equal(m->table.padding, DQ__PAD_REFLECT);
    assert_string_equal(m->table.layer[m->table.count - 1].name, "relu3_1");
    assert_int_equal(m->table.layer[m->table.count - 1].oc, 256);
    assert_non_null(strstr(m->credit, "Simonyan"));
    for (int c = 0; c < 3; c++) { /* it is Caffe's convention, as a 1×1 convolution */
        assert_near((double)m->table.input.offset[c], (double)dq__input_caffe.offset[c], 1e-3);
        for (int k = 0; k < 3; k++) assert_near((double)m->table.input.matrix[c][k], (double)dq__input_caffe.matrix[c][k], 1e-3);
    }
    assert_non_null(strstr(dq__model_describe(m), "\"parameters\":555328"));
    dq__model_free(&m);
}

static void the_real_encoders_load_and_decoders_do_not(void **state) {
    (void)state;
    const char *dir = test_data();
    char path[512];
    dq_model *m;
    dq__error err = {0};
    for (int i = 1; i <= 5; i++) {
        snprintf(path, sizeof path, "%s/models/vgg19-16x/%dSE.pth", dir, i);
        if (dq__model_read(&m, path, &err)) fail_msg("%s", err.text);
        assert_string_equal(m->table.name, "vgg19-custom");
        assert_int_equal(m->table.layer[m->table.count - 1].name[4], '0' + i);
        dq__model_free(&m);
        snprintf(path, sizeof path, "%s/models/vgg19-16x/%dSD.pth", dir, i);
        assert_int_equal(dq__model_read(&m, path, &err), DQ_BAD_MODEL);
        assert_non_null(strstr(err.text, "a decoder or another network"));
    }
    for (int i = 1; i <= 3; i++) {
        snprintf(path, sizeof path, "%s/models/vgg19-relu3_1/feature_invertor_conv%d_1.pth", dir, i);
        assert_int_equal(dq__model_read(&m, path, &err), DQ_BAD_MODEL);
        assert_non_null(strstr(err.text, "a decoder or another network"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_weight_arrives),
                                       cmocka_unit_test(chains_may_stop_anywhere),
                                       cmocka_unit_test(full_width_has_the_plain_name),
                                       cmocka_unit_test(a_file_without_mean_takes_that_of_caffe),
                                       cmocka_unit_test(compressed_keras_files_are_refused),
                                       cmocka_unit_test(truncated_files_are_refused),
                                       cmocka_unit_test(flipped_bits_do_no_harm),
                                       cmocka_unit_test(memory_may_run_out_anywhere),
                                       cmocka_unit_test(wrong_contents_are_named),
                                       cmocka_unit_test(wrong_contents_in_the_other_formats),
                                       cmocka_unit_test(other_networks_are_refused),
                                       cmocka_unit_test(names_and_checksums_tell_the_family),
                                       cmocka_unit_test(whole_numbers_and_old_matlab_files),
                                       cmocka_unit_test(pickles_never_run),
                                       cmocka_unit_test(pickles_may_be_odd),
                                       cmocka_unit_test(big_endian_is_refused),
                                       cmocka_unit_test(strides_stay_inside_their_storage),
                                       cmocka_unit_test(zip_archives_are_checked),
                                       cmocka_unit_test(safetensors_headers_are_checked),
                                       cmocka_unit_test(content_tells_the_format),
                                       cmocka_unit_test(no_weights_no_model),
                                       cmocka_unit_test(the_real_vgg19_loads),
                                       cmocka_unit_test(the_real_encoders_load_and_decoders_do_not)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
