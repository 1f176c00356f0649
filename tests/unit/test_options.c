/* SPDX-License-Identifier: MIT
 * Unit tests of paint/options.c and recipes.c: order of resolution, refused values and their messages, recipes as text. */
#include "test.h"

#include "base/mem.h"
#include "paint/options.h"

#include <jansson.h>
#include <unistd.h>

static dq_options *fresh(void) {
    dq_options *options;
    assert_int_equal(dq__options_new(&options, NULL), DQ_OK);
    return options;
}

static void set(dq_options *options, const char *name, const char *value) {
    dq__error err = {.text = ""};
    if (dq__options_set(options, name, value, &err)) fail_msg("%s = %s: %s", name, value, err.text);
}

static void refuse(dq_options *options, const char *name, const char *value, const char *message) {
    dq__error err = {.text = ""};
    assert_int_equal(dq__options_set(options, name, value, &err), DQ_USAGE);
    assert_string_equal(err.text, message);
}

static void rows_are_well_formed(void **state) {
    (void)state;
    static const char *const groups[] = {"basic", "cost", "optimiser", "picture", "machine"};
    dq_options *options = fresh();
    const dq_option_info *row;
    int count = 0;
    for (; (row = dq__option_at(count)); count++) {
        bool known = false;
        for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) known = known || strcmp(groups[g], row->group) == 0;
        assert_true(known);
        assert_true(*row->argument && *row->help && *row->help_zh);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(row->name));
        set(options, row->name, row->default_text); /* a default is a value that is taken */
        if (strcmp(row->type, "int") == 0 || strcmp(row->type, "float") == 0) assert_true(row->minimum < row->maximum);
        assert_true((strcmp(row->type, "choice") == 0) == (*row->choices != 0));
    }
    assert_int_equal(count, DQ__OPTION_COUNT);
    assert_null(dq__option_at(-1));
    dq__options_free(&options);
    assert_null(options);
    dq__options_free(&options);
}

static void defaults_resolve(void **state) {
    (void)state;
    dq_options *options = fresh();
    dq__settings s;
    assert_int_equal(dq__options_resolve(options, &s, NULL), DQ_OK);
    assert_string_equal(s.recipe, "portrait");
    assert_string_equal(s.model, "");
    assert_int_equal(s.optimizer, DQ__OPTIMIZER_LBFGS);
    assert_true(s.clamp);
    assert_true(s.max_memory == 0);
    assert_null(dq__options_get(options, "no-such"));
    dq__options_free(&options);
}

static void every_type_is_parsed(void **state) {
    (void)state;
    dq_options *options = fresh();
    dq__settings s;
    set(options, "size", "300");
    set(options, "style-weight", "1e3");
    set(options, "clamp", "off");
    set(options, "max-memory", "1.5G");
    set(options, "padding", "reflect");
    set(options, "style-layers", "relu1_1=2,relu3_1");
    assert_int_equal(dq__options_resolve(options, &s, NULL), DQ_OK);
    assert_int_equal(s.size, 300);
    assert_near(s.style_weight, 1000, 0);
    assert_false(s.clamp);
    assert_true(s.max_memory == 1610612736u);
    assert_int_equal(s.padding, DQ__PADDING_REFLECT);
    assert_string_equal(s.style_layers, "relu1_1=2,relu3_1");
    assert_string_equal(dq__options_get(options, "max-memory"), "1.5G");
    dq__options_free(&options);
}

static void explicit_wins_over_recipe_in_any_order(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        dq_options *options = fresh();
        if (order) set(options, "recipe", "classic");
        set(options, "iterations", "7");
        if (!order) set(options, "recipe", "classic");
        assert_string_equal(dq__options_get(options, "recipe"), "classic");
        assert_string_equal(dq__options_get(options, "iterations"), "7");
        assert_string_equal(dq__options_get(options, "size"), "400");
        set(options, "recipe", "portrait");
        assert_string_equal(dq__options_get(options, "iterations"), "7");
        dq_options *portrait = fresh();
        assert_string_equal(dq__options_get(options, "size"), dq__options_get(portrait, "size"));
        dq__options_free(&portrait);
        dq__options_free(&options);
    }
}

static void bad_values_are_refused_with_what_is_possible(void **state) {
    (void)state;
    dq_options *options = fresh();
    refuse(options, "size", "abc", "option size takes a whole number from 16 to 32768, not 'abc'");
    refuse(options, "size", "15", "option size takes a whole number from 16 to 32768, not '15'");
    refuse(options, "size", "32769", "option size takes a whole number from 16 to 32768, not '32769'");
    refuse(options, "noise", "nan", "option noise takes a number from 0 to 1, not 'nan'");
    refuse(options, "beta2", "1", "option beta2 takes a number from 0 to 0.9999999, not '1'");
    refuse(options, "seed", "-1", "option seed takes a whole number from 0 to 9007199254740991, not '-1'");
    refuse(options, "clamp", "yes", "option clamp takes on or off, not 'yes'");
    refuse(options, "optimizer", "ada", "option optimizer takes one of adam|lbfgs, not 'ada'");
    refuse(options, "optimizer", "adam|lbfgs", "option optimizer takes one of adam|lbfgs, not 'adam|lbfgs'");
    refuse(options, "optimizer", "", "option optimizer takes one of adam|lbfgs, not ''");
    refuse(options, "max-memory", "2GB", "option max-memory takes a number of bytes such as 800M or 2G, not '2GB'");
    refuse(options, "stlye-wieght", "1", "there is no option 'stlye-wieght'; 'danqing paint --help' lists them");
    refuse(options, "style-wieght", "1", "there is no option 'style-wieght'; did you mean 'style-weight'?");
    refuse(options, "Size", "1", "there is no option 'Size'; did you mean 'size'?");
    refuse(options, "recipe", "oil",
           "there is no recipe 'oil'; there are portrait, painting, sketch, quick, classic, neural-style, deepart, and files of "
           "your own (./oil)");
    assert_string_equal(dq__options_get(options, "clamp"), "on");
    assert_string_equal(dq__options_get(options, "recipe"), "portrait");
    char *huge = malloc(6000);
    memset(huge, 'x', 5999), huge[5999] = 0;
    assert_int_equal(dq__options_set(options, "style-layers", huge, NULL), DQ_USAGE);
    assert_int_equal(dq__options_set(options, huge, "1", NULL), DQ_USAGE);
    free(huge);
    dq__options_free(&options);
}

static void built_in_recipes_hold(void **state) {
    (void)state;
    const char *name, *description;
    int count = 0;
    for (; (name = dq__recipe_at(count, &description)); count++) {
        dq_options *options = fresh();
        dq__settings s;
        set(options, "recipe", name);
        assert_int_equal(dq__options_resolve(options, &s, NULL), DQ_OK);
        assert_string_equal(s.recipe, name);
        assert_true(*description && !strchr(description, '\n'));
        dq__options_free(&options);
    }
    assert_int_equal(count, 7);
    assert_null(dq__recipe_text("oil"));
    assert_string_equal(dq__recipe_at(0, NULL), "portrait");
}

static void classic_is_the_course(void **state) {
    (void)state;
    dq_options *options = fresh();
    dq__settings s;
    set(options, "recipe", "classic");
    assert_int_equal(dq__options_resolve(options, &s, NULL), DQ_OK);
    assert_int_equal(s.normalization, DQ__NORM_COURSE);
    assert_near(s.content_weight, 10, 0);
    assert_near(s.style_weight, 40, 0);
    assert_near(s.learning_rate, 0.03, 0);
    assert_near(s.epsilon, 1e-7, 0);
    assert_near(s.noise, 0.25, 0);
    assert_near(s.average, 0, 0);
    assert_int_equal(s.iterations, 1001);
    assert_int_equal(s.min_size, 0);
    dq__options_free(&options);
}

static void painting_is_crowsons(void **state) {
    (void)state;
    dq_options *options = fresh();
    dq__settings s;
    set(options, "recipe", "painting");
    assert_int_equal(dq__options_resolve(options, &s, NULL), DQ_OK);
    assert_int_equal(s.style_loss, DQ__STYLE_W2);
    assert_int_equal(s.optimizer, DQ__OPTIMIZER_ADAM);
    assert_near(s.content_weight, 0.015, 0);
    assert_near(s.learning_rate, 0.02, 0);
    assert_near(s.average, 0.99, 0);
    assert_near(s.tv_weight, 2, 0);
    assert_int_equal(s.initial_iterations, 1000);
    double sum = 0;
    const char *weight = s.style_layers;
    for (int layer = 0; layer < 5; layer++) {
        weight = strchr(weight, '=') + 1;
        assert_near(strtod(weight, NULL), pow(4, 4 - layer) / 341, 1e-6);
        sum += strtod(weight, NULL);
    }
    assert_near(sum, 1, 1e-6);
    dq__options_free(&options);
}

static void recipe_text(const char *text, const char *message) {
    dq_options *options = fresh();
    dq__error err = {.text = ""};
    assert_int_equal(dq__options_read_recipe(options, text, "mine", &err), *message ? DQ_USAGE : DQ_OK);
    assert_string_equal(err.text, message);
    dq__options_free(&options);
}

static void recipe_text_is_read_whole_or_not_at_all(void **state) {
    (void)state;
    recipe_text("", "");
    recipe_text("# nothing\n\n  \t\r\n", "");
    recipe_text("size=300", "");
    recipe_text("size = 300 # small\r\n iterations=5\n", "");
    recipe_text("size 300", "recipe mine, line 1: expected 'name = value'");
    recipe_text("\n\nsize = big", "recipe mine, line 3: option size takes a whole number from 16 to 32768, not 'big'");
    recipe_text("sise = 300", "recipe mine, line 1: there is no option 'sise'; did you mean 'size'?");
    recipe_text("recipe = classic", "recipe mine, line 1: a recipe cannot name another one");
    dq_options *options = fresh();
    assert_int_equal(dq__options_read_recipe(options, "seed = 99\nnoise = 2", "mine", NULL), DQ_USAGE);
    assert_string_equal(dq__options_get(options, "seed"), "0");
    assert_int_equal(dq__options_read_recipe(options, "init = a#b.png", "mine", NULL), DQ_OK);
    assert_string_equal(dq__options_get(options, "init"), "a#b.png");
    dq__options_free(&options);
}

static void a_recipe_can_be_a_file(void **state) {
    (void)state;
    char path[] = "/tmp/danqing-recipe-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, "size = 77\n", 10) == 10);
    close(fd);
    dq_options *options = fresh();
    set(options, "recipe", path);
    assert_string_equal(dq__options_get(options, "size"), "77");
    unlink(path);
    assert_int_equal(dq__options_set(options, "recipe", path, NULL), DQ_USAGE);
    assert_int_equal(dq__options_set(options, "recipe", "/tmp", NULL), DQ_USAGE);
    assert_int_equal(dq__options_set(options, "recipe", "/proc/self/exe", NULL), DQ_USAGE);
    assert_string_equal(dq__options_get(options, "size"), "77");
    dq__options_free(&options);
}

static void json_has_no_paths_and_no_machine(void **state) {
    (void)state;
    dq_options *options = fresh();
    set(options, "init", "/home/someone/face.png");
    set(options, "model", "\xff.safetensors"); /* not UTF-8 */
    set(options, "threads", "3");
    set(options, "style-mask", "/home/someone/a.png,,b/c.png");
    char *text = dq__options_json(options);
    assert_non_null(text);
    json_t *object = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "init")), "face.png");
    assert_string_equal(json_string_value(json_object_get(object, "model")), "?");
    assert_string_equal(json_string_value(json_object_get(object, "style-mask")), "a.png,,c.png");
    assert_string_equal(json_string_value(json_object_get(object, "seed")), "0");
    assert_null(json_object_get(object, "threads"));
    assert_null(json_object_get(object, "max-memory"));
    json_decref(object);
    dq__free(text);
    dq__options_free(&options);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    size_t before = dq__mem_now();
    bool finished = false;
    for (long n = 1; !finished; n++) {
        dq_options *options = NULL;
        char *text = NULL;
        dq__error err = {.status = DQ_OK};
        dq__mem_fail_at(n);
        dq_status status = dq__options_new(&options, &err);
        if (!status) status = dq__options_set(options, "recipe", "classic", &err);
        if (!status) status = dq__options_set(options, "size", "64", &err);
        if (!status && !(text = dq__options_json(options))) status = DQ_LIMIT;
        dq__mem_fail_at(0);
        finished = status == DQ_OK;
        if (!finished) assert_int_equal(status, DQ_LIMIT);
        dq__free(text);
        dq__options_free(&options);
        assert_int_equal(dq__mem_now(), before);
        assert_true(n < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_well_formed), cmocka_unit_test(defaults_resolve), cmocka_unit_test(every_type_is_parsed),
        cmocka_unit_test(explicit_wins_over_recipe_in_any_order),
        cmocka_unit_test(bad_values_are_refused_with_what_is_possible), cmocka_unit_test(built_in_recipes_hold),
        cmocka_unit_test(classic_is_the_course),
        cmocka_unit_test(painting_is_crowsons), cmocka_unit_test(recipe_text_is_read_whole_or_not_at_all),
        cmocka_unit_test(a_recipe_can_be_a_file), cmocka_unit_test(json_has_no_paths_and_no_machine),
        cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
