/* SPDX-License-Identifier: MIT
 * Unit tests of explain/: receptive fields and counts of networks, projections against cases computed by hand and against the
 * executor, where channels are excited most, pictures made to excite them, rebuilding, classes, sheets. Weights are seeded. */
#include "net_test.h"

#include "explain/fields.h"
#include "explain/maximise.h"
#include "explain/peaks.h"
#include "explain/project.h"
#include "explain/rebuild.h"
#include "folder.h"

#include <danqing.h>
#include <jansson.h>

static dq__pool *pool;

static int setup(void **state) { return dq__pool_new(&pool, 3, &err) || make_folder(state); }

static int teardown(void **state) {
    dq__pool_free(&pool);
    return remove_folder(state);
}

/* ---- fields and counts --------------------------------------------------------------------------------------------- */

static void vgg19_is_as_the_field_knows_it(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int field, side;
        double parameters;
    } known[] = {{"conv1_1", 3, 224, 64 * 28.0}, {"relu1_2", 5, 224, 0},         {"pool1", 6, 112, 0},
                 {"relu2_1", 10, 112, 0},        {"relu3_1", 24, 56, 0},         {"relu4_1", 68, 28, 0},
                 {"conv4_2", 84, 28, 2359808},   {"relu5_1", 156, 14, 0},        {"pool5", 268, 7, 0}};
    dq__table table;
    dq__field field[DQ__MAX_LAYERS];
    dq__shape shape[DQ__MAX_LAYERS];
    double parameters = 0, multiplications = 0;
    dq__table_vgg(&table, 19);
    dq__fields_of(&table, field);
    assert_ok(dq__shapes_of(&table, 224, 224, shape, &err));
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        int i = 0;
        while (strcmp(table.layer[i].name, known[k].name) != 0) i++;
        assert_true(field[i].size == known[k].field && !field[i].whole);
        assert_true(shape[i].h == known[k].side && shape[i].w == known[k].side);
        assert_true(shape[i].parameters == known[k].parameters);
    }
    for (int i = 0; i < table.count; i++) parameters += shape[i].parameters, multiplications += shape[i].multiplications;
    assert_true(parameters == 143667240 && multiplications == 19632062464);
    assert_true(field[table.count - 1].whole);
    assert_int_equal(dq__shapes_of(&table, 225, 300, shape, &err), DQ_USAGE); /* fc6 reads 7 × 7 */
    assert_non_null(strstr(err.text, "does not fit fc6"));
}

/* Changes every pixel of a picture in turn: those that change a value are its field. */
static void fields_are_the_pixels_that_count(void **state) {
    (void)state;
    enum { SIDE = 40, AT = 4 };
    dq_model *model;
    dq__packed *packed;
    dq__exec *exec;
    dq__field field[DQ__MAX_LAYERS];
    dq_image *image = synthetic_picture(1, SIDE, SIDE);
    assert_ok(dq__model_random(&model, 1, &err));
    dq__fields_of(&model->table, field);
    const int layer = dq__table_find(&model->table, "relu3_1");
    const dq__exec_options options = {.h = SIDE, .w = SIDE, .tap = &layer, .taps = 1, .direct = true};
    assert_ok(dq__packed_new(&packed, &model->table, &model->weights, layer, false, &err));
    assert_ok(dq__exec_new(&exec, NULL, &model->table, packed, &options, &err));
    dq__exec_forward(exec, image->rgb);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    float before[128];
    memcpy(before, dq__pixel(f, AT, AT), sizeof before);
    const int64_t first = field[layer].start + AT * field[layer].step, end = first + field[layer].size;
    for (int x = 0; x < SIDE; x++) { /* a column of the picture */
        dq_image *changed = synthetic_picture(1, SIDE, SIDE);
        for (int y = 0; y < SIDE; y++) changed->rgb[3 * (y * SIDE + x)] = 1 - changed->rgb[3 * (y * SIDE + x)];
        dq__exec_forward(exec, changed->rgb);
        const bool differs = memcmp(before, dq__pixel(f, AT, AT), sizeof before) != 0;
        assert_true(differs == (x >= first && x < end));
        dq__image_free(&changed);
    }
    dq__exec_free(&exec);
    dq__packed_free(&packed);
    dq__image_free(&image);
    dq__model_free(&model);
}

/* ---- projections by hand ------------------------------------------------------------------------------------------- */

/* A network whose input is the picture as it is. */
static void begin(dq__table *table) {
    memset(table, 0, sizeof *table);
    snprintf(table->name, sizeof table->name, "toy");
    for (int c = 0; c < 3; c++) table->input.matrix[c][c] = 1;
}

static void add(dq__table *table, dq__kind kind, int oc, int kernel, const char *name) {
    const int ic = table->count ? table->layer[table->count - 1].oc : 3;
    dq__layer *l = dq__table_add(table, kind, ic, oc, name);
    if (kind == DQ__CONV) l->kernel = kernel, l->pad = kernel / 2;
}

/* What `method` shows of a value: the red channel of a picture of h × w, all else must be 0. */
static void project(const dq__table *table, const dq__weights *weights, dq__method method, const float *red, int h, int w,
                    int channel, int y, int x, float *seen) {
    dq__packed *packed;
    dq__projector *p;
    float rgb[3 * 64] = {0};
    for (int i = 0; i < h * w; i++) rgb[3 * i] = red[i];
    assert_ok(dq__packed_new(&packed, table, weights, table->count - 1, true, &err));
    assert_ok(dq__projector_new(&p, pool, table, packed, table->count - 1, h, w, &err));
    dq__projector_forward(p, rgb);
    dq__projector_back(p, method, channel, y, x, rgb);
    for (int i = 0; i < h * w; i++) {
        seen[i] = rgb[3 * i];
        assert_true(rgb[3 * i + 1] == 0 && rgb[3 * i + 2] == 0);
    }
    dq__projector_free(&p);
    dq__packed_free(&packed);
}

/* One convolution, ReLU and pool. A white pixel at (1,1) copies the filter turned round: 3 at (1,1), 2 at (1,2), 1 at (2,1), −1
 * at (0,0), which the ReLU takes. The pool takes 3, 2 and 1 from there; each goes back as that many times the filter, with its
 * middle where it came from. */
static void one_convolution_and_pool_by_hand(void **state) {
    (void)state;
    static const float red[16] = {[5] = 1};
    float filter[27] = {0, 1, 0, 2, 3, 0, 0, 0, -1}, bias[1] = {0}, seen[16];
    static const struct {
        int y, x;
        float seen[16];
    } cases[] = {{0, 0, {0, 3, 0, 0, 6, 9, 0, 0, 0, 0, -3, 0}},
                 {0, 1, {0, 0, 2, 0, 0, 4, 6, 0, 0, 0, 0, -2}},
                 {1, 0, {0, 0, 0, 0, 0, 1, 0, 0, 2, 3, 0, 0, 0, 0, -1, 0}},
                 {1, 1, {0}}};
    dq__table table;
    begin(&table);
    add(&table, DQ__CONV, 1, 3, "conv1");
    add(&table, DQ__RELU, 1, 0, "relu1");
    add(&table, DQ__POOL, 1, 2, "pool1");
    const dq__weights weights = {.weight = {filter}, .bias = {bias}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int method = 0; method < 3; method++) {
            project(&table, &weights, (dq__method)method, red, 4, 4, 0, cases[k].y, cases[k].x, seen);
            for (int i = 0; i < 16; i++) assert_true(seen[i] == cases[k].seen[i]);
        }
}

/* Two channels f and g of the red r = 5, then their mix v: what the methods make of it.
 * f = g = r, v = 2f − g = 5: from above come 10 and −5; deconvnet and guided drop the −5.
 * f = r, g = relu(−r) = 0, v = f + g = 5: from above 5 and 5; g is shut, which only the deconvnet ignores: 5·1 + 5·(−1) = 0. */
static void methods_differ_at_the_relu_by_hand(void **state) {
    (void)state;
    static const float red[1] = {5};
    float first[2][6] = {{1, 0, 0, 1, 0, 0}, {1, 0, 0, -1, 0, 0}}, second[2][2] = {{2, -1}, {1, 1}}, bias[2] = {0}, seen[1];
    static const float wanted[2][3] = {{10, 10, 5}, {0, 5, 5}}; /* deconvnet, guided, gradient */
    for (int k = 0; k < 2; k++) {
        dq__table table;
        begin(&table);
        add(&table, DQ__CONV, 2, 1, "conv1");
        add(&table, DQ__RELU, 2, 0, "relu1");
        add(&table, DQ__CONV, 1, 1, "conv2");
        add(&table, DQ__RELU, 1, 0, "relu2");
        const dq__weights weights = {.weight = {[0] = first[k], [2] = second[k]}, .bias = {[0] = bias, [2] = bias}};
        for (int method = 0; method < 3; method++) {
            project(&table, &weights, (dq__method)method, red, 1, 1, 0, 0, 0, seen);
            assert_true(seen[0] == wanted[k][method]);
        }
    }
}

static void what_is_no_chain_is_refused(void **state) {
    (void)state;
    dq__table table;
    dq__packed packed = {0};
    dq__projector *p;
    dq__table_vgg(&table, 19);
    assert_int_equal(dq__projector_new(&p, pool, &table, &packed, dq__table_find(&table, "relu6"), 224, 224, &err), DQ_USAGE);
    assert_null(p);
    assert_non_null(strstr(err.text, "fc6, which cannot be taken back to pixels"));
    assert_int_equal(dq__projector_new(&p, pool, &table, &packed, dq__table_find(&table, "relu2_1"), 1, 1, &err), DQ_LIMIT);
    assert_null(p);
}

/* ---- projections through VGG-19 ------------------------------------------------------------------------------------ */

typedef struct one_value {
    int channel, y, x;
} one_value;

static void gradient_of_one(void *user, int tap, const dq__tensor *f, const dq__tensor *grad) {
    const one_value *v = user;
    (void)tap;
    dq__pixel(grad, v->y, v->x)[v->channel] += dq__pixel(f, v->y, v->x)[v->channel];
}

/* The executor's way back is the gradient; rounding apart, the projector's is the same. */
static void the_gradient_is_the_executors(const dq_model *model, int layer, const dq_image *image, one_value at) {
    const int n = 3 * image->width * image->height;
    dq__packed *packed;
    dq__exec *exec;
    dq__projector *p;
    float *ours = malloc(sizeof *ours * (size_t)n), *theirs = malloc(sizeof *theirs * (size_t)n);
    const dq__exec_options options = {.h = image->height, .w = image->width, .tap = &layer, .taps = 1, .backward = true};
    assert_ok(dq__packed_new(&packed, &model->table, &model->weights, layer, true, &err));
    assert_ok(dq__exec_new(&exec, pool, &model->table, packed, &options, &err));
    assert_ok(dq__projector_new(&p, pool, &model->table, packed, layer, image->height, image->width, &err));
    dq__exec_forward(exec, image->rgb);
    dq__projector_forward(p, image->rgb);
    const float value = dq__pixel(dq__exec_tap(exec, 0), at.y, at.x)[at.channel];
    assert_true(value > 0);
    assert_near((double)dq__pixel(dq__projector_map(p), at.y, at.x)[at.channel], (double)value, 1e-4 * (double)value);
    dq__exec_backward(exec, gradient_of_one, &at, theirs);
    dq__projector_back(p, DQ__GRADIENT, at.channel, at.y, at.x, ours);
    double most = 0;
    for (int i = 0; i < n; i++) most = fmax(most, fabs((double)theirs[i]));
    for (int i = 0; i < n; i++) assert_near((double)ours[i], (double)theirs[i], 1e-4 * most);
    free(ours);
    free(theirs);
    dq__projector_free(&p);
    dq__exec_free(&exec);
    dq__packed_free(&packed);
}

/* Energy of a projection, and how much of it lies in the receptive field. */
static void its_energy_is_in_the_field(const dq_model *model, int layer, const dq_image *image, one_value at) {
    const int w = image->width, h = image->height;
    dq__field field[DQ__MAX_LAYERS];
    dq__packed *packed;
    dq__projector *p;
    float *seen = malloc(sizeof *seen * 3 * (size_t)(w * h));
    dq__fields_of(&model->table, field);
    const int64_t top = field[layer].start + at.y * field[layer].step, left = field[layer].start + at.x * field[layer].step;
    assert_ok(dq__packed_new(&packed, &model->table, &model->weights, layer, true, &err));
    assert_ok(dq__projector_new(&p, pool, &model->table, packed, layer, h, w, &err));
    dq__projector_forward(p, image->rgb);
    for (int method = 0; method < 3; method++) {
        double inside = 0, outside = 0;
        dq__projector_back(p, (dq__method)method, at.channel, at.y, at.x, seen);
        for (int i = 0; i < 3 * w * h; i++) {
            const int y = i / 3 / w, x = i / 3 % w;
            const bool in = y >= top && y < top + field[layer].size && x >= left && x < left + field[layer].size;
            *(in ? &inside : &outside) += (double)seen[i] * (double)seen[i];
        }
        assert_true(inside > 0 && outside <= 1e-9 * inside); /* Winograd's tiles leave a little rounding */
    }
    free(seen);
    dq__projector_free(&p);
    dq__packed_free(&packed);
}

static one_value strongest(const dq_model *model, int layer, const dq_image *image, int channel) {
    one_value best = {channel, 0, 0};
    dq__packed *packed;
    dq__exec *exec;
    const dq__exec_options options = {.h = image->height, .w = image->width, .tap = &layer, .taps = 1};
    assert_ok(dq__packed_new(&packed, &model->table, &model->weights, layer, false, &err));
    assert_ok(dq__exec_new(&exec, pool, &model->table, packed, &options, &err));
    dq__exec_forward(exec, image->rgb);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    for (int i = 0; i < f->h * f->w; i++)
        if (dq__pixel(f, i / f->w, i % f->w)[channel] > dq__pixel(f, best.y, best.x)[channel])
            best.y = i / f->w, best.x = i % f->w;
    dq__exec_free(&exec);
    dq__packed_free(&packed);
    return best;
}

static void projections_through_random_vgg19(void **state) {
    (void)state;
    dq_model *model = random_vgg19_model();
    dq_image *image = synthetic_picture(3, 61, 70);
    const int layer = dq__table_find(&model->table, "relu3_1");
    for (int channel = 0; channel < 2; channel++) {
        const one_value at = strongest(model, layer, image, 50 * channel + 1);
        the_gradient_is_the_executors(model, layer, image, at);
        its_energy_is_in_the_field(model, layer, image, at);
    }
    dq__image_free(&image);
    dq__model_free(&model);
}

static void projections_through_the_real_vgg19(void **state) {
    (void)state;
    char path[512];
    dq_model *model;
    dq_image *image;
    snprintf(path, sizeof path, "%s/models/vgg19-relu3_1/vgg_normalised_conv3_1.pth", test_data());
    assert_ok(dq__model_read(&model, path, &err));
    snprintf(path, sizeof path, "%s/images/portraits/face01.jpg", test_data());
    assert_ok(dq__read_small(&image, path, 96, &err));
    const int layer = dq__table_find(&model->table, "relu3_1");
    its_energy_is_in_the_field(model, layer, image, strongest(model, layer, image, 245));
    the_gradient_is_the_executors(model, layer, image, strongest(model, layer, image, 96));
    dq__image_free(&image);
    dq__model_free(&model);
}

/* ---- the tools by their settings ----------------------------------------------------------------------------------- */

static dq_status call_tool(dq_context *ctx, const char *name, const char *input, const char *settings, const char *output,
                           json_t **answer) {
    char text[1024], *rest = text, *word;
    const char *list[16];
    int count = 0;
    char *json = NULL;
    snprintf(text, sizeof text, "%s", settings);
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word) list[count++] = word;
    const dq_tool tool = {.name = name, .inputs = &input, .input_count = input ? 1 : 0, .settings = list, .setting_count = count,
                          .output = output};
    const dq_status status = dq_tool_run(ctx, &tool, NULL, NULL, &json);
    if (answer) *answer = json ? json_loads(json, 0, NULL) : NULL;
    dq_bytes_free((void **)&json);
    return status;
}

static int integer_of(const json_t *object, const char *key) { return (int)json_integer_value(json_object_get(object, key)); }

static void write_picture(const char *path, uint64_t stream, int w, int h) {
    dq_image *image = synthetic_picture(stream, w, h);
    assert_ok(dq__image_write(image, path, NULL, &err));
    dq__image_free(&image);
}

/* Runs a tool that makes a picture; the picture must have the size that is told. */
static json_t *make_sheet(dq_context *ctx, const char *name, const char *input, const char *settings) {
    char path[320];
    json_t *answer;
    dq_image *sheet;
    snprintf(path, sizeof path, "%s", in_folder("sheet.png"));
    if (call_tool(ctx, name, input, settings, path, &answer)) fail_msg("%s: %s", name, dq_last_error(ctx));
    assert_ok(dq__image_read(&sheet, path, &err));
    assert_int_equal(sheet->width, integer_of(answer, "width"));
    assert_int_equal(sheet->height, integer_of(answer, "height"));
    assert_true(json_string_length(json_object_get(answer, "says")) > 10);
    dq__image_free(&sheet);
    remove(path);
    return answer;
}

static void sheets_have_what_was_asked_for(void **state) {
    (void)state;
    char photo[320];
    dq_context *ctx;
    assert_int_equal(dq_context_new(&ctx, 2), DQ_OK);
    snprintf(photo, sizeof photo, "%s", in_folder("photo.png"));
    write_picture(photo, 1, 70, 50);
    json_t *answer = make_sheet(ctx, "explain features", photo, "model=random layer=conv2_1 size=48 maps=11");
    const json_t *channels = json_object_get(answer, "channels");
    assert_int_equal(json_array_size(channels), 11);
    assert_string_equal(json_string_value(json_object_get(answer, "layer")), "relu2_1");
    for (size_t k = 1; k < 11; k++)
        assert_true(json_number_value(json_object_get(json_array_get(channels, k - 1), "mean")) >=
                    json_number_value(json_object_get(json_array_get(channels, k), "mean")));
    json_decref(answer);
    answer = make_sheet(ctx, "explain reconstruct", photo, "model=random size=32 iterations=2 content-layers=relu1_1,relu2_1 "
                        "style-layers=relu1_1,relu1_2,relu2_1");
    assert_int_equal(json_array_size(json_object_get(answer, "pictures")), 5);
    json_decref(answer);
    answer = make_sheet(ctx, "explain channel", NULL,
                        "model=random layer=relu1_1,relu2_1 channel=3,1,4 method=maximise iterations=3");
    assert_int_equal(json_array_size(json_object_get(answer, "channels")), 6);
    json_decref(answer);
    char settings[400];
    for (int method = 0; method < 4; method++) {
        static const char *const names[] = {"deconvnet", "guided", "gradient", "maximise"};
        snprintf(settings, sizeof settings, "model=random images=%s count=2 size=64 iterations=3 layer=relu1_1,relu3_1 method=%s",
                 folder, names[method]);
        answer = make_sheet(ctx, "explain channel", NULL, settings);
        assert_int_equal(json_array_size(json_object_get(answer, "channels")), 4);
        json_decref(answer);
    }
    remove(photo);
    dq_context_free(&ctx);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *settings;
        dq_status status;
        const char *why;
    } wrong[] = {
        {"explain features", "model=random layer=relu9_9", DQ_USAGE, "has no layer 'relu9_9'; it has: relu1_1"},
        {"explain features", "model=random layer=relu1_1,relu2_1", DQ_USAGE, "one layer at a time"},
        {"explain features", "model=nowhere", DQ_BAD_MODEL, "nowhere"},
        {"explain features", "model=random size=8 layer=relu5_1", DQ_LIMIT, ""},
        {"explain features", "model=random maps=0", DQ_USAGE, "option maps takes a whole number from 1 to 1024"},
        {"explain reconstruct", "model=random content-layers=none style-layers=none", DQ_USAGE, "cannot both be none"},
        {"explain reconstruct", "model=random content-layers=relu1_1,", DQ_USAGE, "has no layer ''"},
        {"explain classify", "model=random", DQ_USAGE, "the network 'random' does not classify: it ends with relu5_1"},
        {"explain network", "model=random", DQ_USAGE, "'explain network' takes no input"},
        {"explain channel", "model=random method=maximise", DQ_USAGE, "takes no input but images=FOLDER"},
        {"filter", "", DQ_USAGE, "needs either a template"},
        {"filter", "template=smooth kernel=1", DQ_USAGE, "needs either a template"},
        {"filter", "template=smoth", DQ_USAGE, "there is no template 'smoth'; there are: smooth|gauss"},
        {"filter", "template=smooth kernel-size=4", DQ_USAGE, "an odd number from 3 to 255, not 4"},
        {"filter", "template=smooth sigma=2", DQ_USAGE, "sigma is for gauss and sketch-lines only"},
        {"filter", "template=smooth threshold=0.5", DQ_USAGE, "for sketch-lines only"},
        {"filter", "template=sketch-lines padding=zero", DQ_USAGE, "padding has no effect on sketch-lines"},
        {"filter", "template=laplace normalise= repeat=2", DQ_USAGE, "normalise and repeat do not go together"},
        {"filter", "kernel=no-such-file", DQ_USAGE, "neither a matrix nor a file"},
        {"filter", "kernel=1 kernel-size=3", DQ_USAGE, "has its own size"},
        {"filter", "template=smooth kernel-size=255 padding=valid", DQ_USAGE, "no place where a matrix of 255 × 255"},
    };
    char photo[320], output[320];
    dq_context *ctx;
    assert_int_equal(dq_context_new(&ctx, 2), DQ_OK);
    snprintf(photo, sizeof photo, "%s", in_folder("photo.png"));
    snprintf(output, sizeof output, "%s", in_folder("output.png"));
    write_picture(photo, 1, 40, 30);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        const dq_status status = call_tool(ctx, wrong[k].name, photo, wrong[k].settings, output, NULL);
        if (status != wrong[k].status || !strstr(dq_last_error(ctx), wrong[k].why))
            fail_msg("%s %s: %d %s", wrong[k].name, wrong[k].settings, status, dq_last_error(ctx));
        assert_true(access(output, F_OK) != 0);
    }
    assert_int_equal(call_tool(ctx, "explain features", photo, "model=random", NULL, NULL), DQ_USAGE);
    assert_int_equal(call_tool(ctx, "explain features", "/nowhere.jpg", "model=random", output, NULL), DQ_BAD_IMAGE);
    assert_int_equal(call_tool(ctx, "explain channel", NULL, "model=random images=/nowhere", output, NULL), DQ_BAD_IMAGE);
    assert_int_equal(call_tool(ctx, "explain channel", NULL, "model=random", output, NULL), DQ_USAGE);
    static const char beyond[] = "model=random channel=32 layer=relu1_1 method=maximise";
    assert_int_equal(call_tool(ctx, "explain channel", NULL, beyond, output, NULL), DQ_USAGE);
    assert_string_equal(dq_last_error(ctx), "relu1_1 has channels 0 to 31, not 32");
    assert_int_equal(call_tool(ctx, "explain channel", NULL, "model=random channel=1,x method=maximise", output, NULL), DQ_USAGE);
    remove(photo);
    dq_context_free(&ctx);
}

/* ---- peaks --------------------------------------------------------------------------------------------------------- */

/* A network that sees red: relu(R − 0.2), one value a pixel. */
static dq_model *red_network(void) {
    dq_model *model;
    assert_ok(dq__model_new(&model, &err));
    begin(&model->table);
    add(&model->table, DQ__CONV, 1, 1, "conv1");
    add(&model->table, DQ__RELU, 1, 0, "relu1");
    model->weights.weight[0] = dq__alloc_zero(sizeof(float) * 3);
    model->weights.bias[0] = dq__alloc_zero(sizeof(float));
    model->weights.weight[0][0] = 1;
    model->weights.bias[0][0] = -0.2f;
    return model;
}

static void peaks_are_the_reddest_pixels(void **state) {
    (void)state;
    static const struct {
        int photo, y, x;
        float red;
    } spot[] = {{0, 3, 4, 1.0f}, {0, 20, 9, 0.6f}, {1, 7, 7, 0.8f}};
    char path[2][320], other[320];
    for (int i = 0; i < 2; i++) {
        dq_image *image;
        snprintf(path[i], sizeof path[i], "%s/%d.png", folder, i);
        assert_ok(dq__image_new(&image, 20, 30, false, &err));
        for (int k = 0; k < 3; k++)
            if (spot[k].photo == i) image->rgb[3 * (spot[k].y * 20 + spot[k].x)] = spot[k].red;
        assert_ok(dq__image_write(image, path[i], NULL, &err));
        dq__image_free(&image);
    }
    snprintf(other, sizeof other, "%s", in_folder("notes.txt"));
    write_file(other, "no picture", 10);
    dq__sight sight = {.pool = pool, .model = red_network(), .layer = {1}, .layers = 1};
    dq__peaks peaks;
    const dq__call call = {0};
    assert_ok(dq__packed_new(&sight.packed, &sight.model->table, &sight.model->weights, 1, false, &err));
    assert_ok(dq__peaks_find(&peaks, &sight, &call, folder, 100, 1, &err));
    assert_int_equal(peaks.photos, 2);
    const dq__excited *e = &peaks.channel[0][0];
    static const int order[] = {0, 2, 1};
    assert_int_equal(e->count, 3);
    for (int k = 0; k < 3; k++) {
        const dq__peak *p = &e->best[k];
        assert_true(p->photo == spot[order[k]].photo && p->y == spot[order[k]].y && p->x == spot[order[k]].x);
        assert_near((double)p->value, (double)spot[order[k]].red - 0.2, 1e-6);
    }
    assert_near(e->sum, 0.8 + 0.4 + 0.6, 1e-5);
    assert_true(peaks.places[0] == 2 * 20 * 30);
    dq__peaks_free(&peaks);
    dq__sight_close(&sight);
    for (int i = 0; i < 2; i++) remove(path[i]);
    remove(other);
}

/* ---- rebuilding and exciting --------------------------------------------------------------------------------------- */

static dq__sight random_sight(dq__pool *with, const char *layer) {
    dq__sight sight = {.pool = with, .layers = 1};
    assert_ok(dq__model_random(&sight.model, 1, &err));
    sight.layer[0] = dq__table_find(&sight.model->table, layer);
    assert_ok(dq__packed_new(&sight.packed, &sight.model->table, &sight.model->weights, sight.layer[0], true, &err));
    return sight;
}

static int stop_at_three(void *user, int iteration) {
    *(int *)user = iteration;
    return iteration == 3;
}

static void rebuilding_comes_near_and_is_the_same_for_any_threads(void **state) {
    (void)state;
    dq_image *image = synthetic_picture(2, 40, 32);
    for (int style = 0; style < 2; style++) {
        dq_image *few, *many, *alone;
        double after_few, after_many, after_alone;
        dq__sight sight = random_sight(pool, "relu2_1"), one = random_sight(NULL, "relu2_1");
        dq__rebuilding how = {.layer = {sight.layer[0]}, .layers = 1, .style = style, .iterations = 4};
        assert_ok(dq__rebuild(&few, &sight, &how, image, 40, 32, &after_few, &err));
        how.iterations = 40;
        assert_ok(dq__rebuild(&many, &sight, &how, image, 40, 32, &after_many, &err));
        assert_ok(dq__rebuild(&alone, &one, &how, image, 40, 32, &after_alone, &err));
        assert_true(after_many < 0.5 * after_few && after_many < 0.1);
        assert_memory_equal(many->rgb, alone->rgb, sizeof(float) * 3 * 40 * 32);
        int seen = 0;
        dq_image *stopped;
        how.tell = stop_at_three, how.user = &seen;
        assert_int_equal(dq__rebuild(&stopped, &sight, &how, image, 40, 32, &after_few, &err), DQ_CANCELLED);
        assert_true(seen == 3 && !stopped);
        dq__image_free(&few), dq__image_free(&many), dq__image_free(&alone);
        dq__sight_close(&sight), dq__sight_close(&one);
    }
    dq__image_free(&image);
}

static double mean_of(const dq__sight *sight, const dq_image *image, int channel) {
    dq__exec *exec;
    double sum = 0;
    assert_ok(dq__sight_exec(&exec, sight, -1, image->height, image->width, false, &err));
    dq__exec_forward(exec, image->rgb);
    const dq__tensor *f = dq__exec_tap(exec, 0);
    for (int i = 0; i < f->h * f->w; i++) sum += (double)dq__pixel(f, i / f->w, i % f->w)[channel];
    sum /= f->h * f->w;
    dq__exec_free(&exec);
    return sum;
}

static void a_made_picture_excites_its_channel(void **state) {
    (void)state;
    dq__sight sight = random_sight(pool, "relu2_1"), one = random_sight(NULL, "relu2_1");
    for (int channel = 0; channel < 40; channel += 13) {
        const dq__maximisation m = {.layer = sight.layer[0], .channel = channel, .side = 48, .iterations = 24, .seed = 5};
        dq_image *made, *again, *noise = synthetic_picture(4, 48, 48);
        assert_ok(dq__maximise(&made, &sight, &m, &err));
        assert_ok(dq__maximise(&again, &one, &m, &err));
        assert_true(made->width == 48 && made->height == 48);
        assert_true(mean_of(&sight, made, channel) > 1.5 * mean_of(&sight, noise, channel));
        assert_memory_equal(made->rgb, again->rgb, sizeof(float) * 3 * 48 * 48);
        for (int i = 0; i < 3 * 48 * 48; i++) assert_true(made->rgb[i] >= 0 && made->rgb[i] <= 1);
        dq__image_free(&made), dq__image_free(&again), dq__image_free(&noise);
    }
    dq__sight_close(&sight), dq__sight_close(&one);
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

/* Three classes: the mean of red, of green and of blue, times ten, by a pooled or by a linear head on maps of 4 × 4. */
static void write_classifier(const char *path, bool linear) {
    dq_model *model;
    assert_ok(dq__model_new(&model, &err));
    begin(&model->table);
    add(&model->table, DQ__CONV, 3, 1, "conv1");
    add(&model->table, DQ__RELU, 3, 0, "relu1");
    if (linear) dq__table_add(&model->table, DQ__LINEAR, 48, 3, "fc1");
    else add(&model->table, DQ__GLOBAL_POOL, 3, 0, "classes");
    model->weights.weight[0] = dq__alloc_zero(sizeof(float) * 9);
    model->weights.bias[0] = dq__alloc_zero(sizeof(float) * 3);
    for (int c = 0; c < 3; c++) model->weights.weight[0][4 * c] = linear ? 1 : 10;
    if (linear) {
        model->weights.weight[2] = dq__alloc_zero(sizeof(float) * 144);
        model->weights.bias[2] = dq__alloc_zero(sizeof(float) * 3);
        for (int k = 0; k < 48; k++) model->weights.weight[2][k / 16 * 48 + k] = 10 / 16.0f;
    }
    assert_ok(dq__model_write(model, path, false, &err));
    dq__model_free(&model);
}

/* The likeliest is the colour of which there is most, by softmax of ten times the means. */
static void check_classes(dq_context *ctx, const char *photo, const char *model, const char *labels) {
    static const double mean[] = {0.2, 0.6, 0.4};
    static const int order[] = {1, 2, 0};
    static const char *const name[] = {"red", "green", "blue"};
    char settings[700];
    json_t *answer;
    double sum = 0;
    for (int c = 0; c < 3; c++) sum += exp(10 * mean[c]);
    snprintf(settings, sizeof settings, "model=%s labels=%s", model, labels);
    if (call_tool(ctx, "explain classify", photo, settings, NULL, &answer)) fail_msg("%s", dq_last_error(ctx));
    const json_t *classes = json_object_get(answer, "classes");
    assert_int_equal(json_array_size(classes), 3);
    for (size_t k = 0; k < 3; k++) {
        const json_t *class = json_array_get(classes, k);
        assert_int_equal(integer_of(class, "class"), order[k]);
        assert_string_equal(json_string_value(json_object_get(class, "label")), name[order[k]]);
        assert_near(json_number_value(json_object_get(class, "probability")), exp(10 * mean[order[k]]) / sum, 1e-2);
    }
    json_decref(answer);
}

static void classes_by_both_heads(void **state) {
    (void)state;
    char photo[320], model[320], labels[320], settings[700];
    dq_context *ctx;
    dq_image *image;
    assert_int_equal(dq_context_new(&ctx, 2), DQ_OK);
    snprintf(photo, sizeof photo, "%s", in_folder("photo.png"));
    snprintf(model, sizeof model, "%s", in_folder("model.safetensors"));
    snprintf(labels, sizeof labels, "%s", in_folder("labels.txt"));
    assert_ok(dq__image_new(&image, 60, 35, false, &err));
    for (int i = 0; i < 60 * 35; i++) image->rgb[3 * i] = 0.2f, image->rgb[3 * i + 1] = 0.6f, image->rgb[3 * i + 2] = 0.4f;
    assert_ok(dq__image_write(image, photo, NULL, &err));
    dq__image_free(&image);
    for (int linear = 0; linear < 2; linear++) {
        write_classifier(model, linear);
        write_file(labels, "red\ngreen\r\nblue", 15);
        if (!linear) check_classes(ctx, photo, model, labels);
        write_file(labels, "red\ngreen\n", 10);
        snprintf(settings, sizeof settings, "model=%s labels=%s", model, labels);
        assert_int_equal(call_tool(ctx, "explain classify", photo, settings, NULL, NULL), DQ_USAGE);
        assert_non_null(strstr(dq_last_error(ctx), "has 2 lines; the network knows 3 classes"));
    }
    snprintf(settings, sizeof settings, "model=%s size=5", model);
    assert_int_equal(call_tool(ctx, "explain classify", photo, settings, NULL, NULL), DQ_USAGE);
    assert_non_null(strstr(dq_last_error(ctx), "a picture of 5 × 5 does not fit fc1"));
    snprintf(settings, sizeof settings, "model=%s size=4 top=1", model);
    assert_int_equal(call_tool(ctx, "explain classify", photo, settings, NULL, NULL), DQ_OK);
    remove(photo), remove(model), remove(labels);
    dq_context_free(&ctx);
}

/* ---- sheets -------------------------------------------------------------------------------------------------------- */

/* Two rows of 16 + width + 16 + … pixels; a field where there is no picture; text is darker than paper. */
static void tiles_lie_in_rows(void **state) {
    (void)state;
    dq_image *sheet;
    dq__tile tile[3] = {{.caption = dq__caption("red × %d", 2)}, {.caption = NULL}, {.caption = dq__caption("x"), .row = true}};
    assert_ok(dq__grey_field(&tile[0].image, 30, 20, 0, &err));
    assert_ok(dq__grey_field(&tile[2].image, 50, 10, 0.5f, &err));
    assert_ok(dq__sheet(&sheet, tile, 3, 40, &err));
    assert_int_equal(sheet->width, 16 + 40 + 16 + 40 + 16);
    const int first = 16, line = dq__letters_line(), second = first + 20 + 2 * line + 16; /* "red", "× 2" */
    assert_int_equal(sheet->height, second + 10 + line + 16);
    const float *rgb = sheet->rgb;
#define GREY(y, x) rgb[3 * ((y) * sheet->width + (x))]
    assert_true(GREY(first, 16) == 0 && GREY(first + 19, 45) == 0 && GREY(first, 46) == 1);
    assert_true(GREY(first, 72) == 0.85f && GREY(first + 19, 111) == 0.85f);
    assert_true(GREY(second, 16) == 0.5f && GREY(second + 9, 65) == 0.5f);
    float darkest = 1;
    for (int x = 16; x < 56; x++)
        for (int y = first + 24; y < first + 24 + line; y++) darkest = fminf(darkest, GREY(y, x));
    assert_true(darkest < 0.6f);
#undef GREY
    for (int i = 0; i < 3; i++) dq__tile_free(&tile[i]);
    dq__image_free(&sheet);
    dq__tile many = {0};
    assert_int_equal(dq__sheet(&sheet, &many, 1, 40000, &err), DQ_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vgg19_is_as_the_field_knows_it),
        cmocka_unit_test(fields_are_the_pixels_that_count),
        cmocka_unit_test(one_convolution_and_pool_by_hand),
        cmocka_unit_test(methods_differ_at_the_relu_by_hand),
        cmocka_unit_test(what_is_no_chain_is_refused),
        cmocka_unit_test(projections_through_random_vgg19),
        cmocka_unit_test(projections_through_the_real_vgg19),
        cmocka_unit_test(sheets_have_what_was_asked_for),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(peaks_are_the_reddest_pixels),
        cmocka_unit_test(rebuilding_comes_near_and_is_the_same_for_any_threads),
        cmocka_unit_test(a_made_picture_excites_its_channel),
        cmocka_unit_test(classes_by_both_heads),
        cmocka_unit_test(tiles_lie_in_rows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
