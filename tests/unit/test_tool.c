/* SPDX-License-Identifier: MIT
 * Unit tests of base/tool.c and dq_tool_run: settings by a table, what a call refuses, progress, the answer and who frees it. */
#include "test.h"

#include "base/mem.h"
#include "base/tool.h"

#include <jansson.h>

typedef struct fields {
    int64_t count;
    double factor;
    bool flag;
    int choice;
    const char *text, *none;
} fields;

static const dq__setting rows[] = {
    {"count", DQ__SET_INT, offsetof(fields, count), "3", 1, 9, NULL},
    {"factor", DQ__SET_FLOAT, offsetof(fields, factor), "0.5", -1, 1, NULL},
    {"flag", DQ__SET_FLAG, offsetof(fields, flag), "off", 0, 0, NULL},
    {"choice", DQ__SET_CHOICE, offsetof(fields, choice), "two", 0, 0, "one|two|three"},
    {"text", DQ__SET_TEXT, offsetof(fields, text), "word", 0, 0, NULL},
    {"none", DQ__SET_TEXT, offsetof(fields, none), NULL, 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

static dq_status read_settings(fields *f, int count, const char *const *settings, dq__error *err) {
    const dq_tool tool = {.name = "tool", .settings = settings, .setting_count = count};
    const dq__call call = {.tool = &tool};
    return dq__call_settings(&call, rows, ROWS, f, err);
}

static void defaults_then_settings(void **state) {
    (void)state;
    fields f;
    dq__error err;
    assert_int_equal(read_settings(&f, 0, NULL, &err), DQ_OK);
    assert_true(f.count == 3 && f.factor == 0.5 && !f.flag && f.choice == 1 && strcmp(f.text, "word") == 0 && !f.none);
    const char *const some[] = {"count=4", "flag=", "choice=three", "factor=-1", "count=9", "none=a=b", "text=", "threads=2"};
    assert_int_equal(read_settings(&f, 8, some, &err), DQ_OK);
    assert_true(f.count == 9 && f.factor == -1 && f.flag && f.choice == 2 && !*f.text && strcmp(f.none, "a=b") == 0);
}

static void wrong_settings_are_named(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"count=0", "option count takes a whole number from 1 to 9, not '0'"},
        {"count=1.5", "option count takes a whole number from 1 to 9, not '1.5'"},
        {"factor=1.01", "option factor takes a number from -1 to 1, not '1.01'"},
        {"factor=nan", "option factor takes a number from -1 to 1, not 'nan'"},
        {"flag=yes", "option flag takes on or off, not 'yes'"},
        {"choice=on", "option choice takes one of one|two|three, not 'on'"},
        {"choice=", "option choice takes one of one|two|three, not ''"},
        {"counts=1", "'tool' has no setting 'counts=1' (name=value); there are: threads count factor flag choice text none"},
        {"count", "'tool' has no setting 'count' (name=value); there are: threads count factor flag choice text none"},
    };
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        fields f;
        dq__error err = {0};
        assert_int_equal(read_settings(&f, 1, &wrong[k][0], &err), DQ_USAGE);
        assert_string_equal(err.text, wrong[k][1]);
    }
}

static void settings_can_be_repeated(void **state) {
    (void)state;
    const char *const settings[] = {"at=1", "other=2", "at=3"};
    const dq_tool tool = {.name = "tool", .settings = settings, .setting_count = 3};
    const dq__call call = {.tool = &tool};
    assert_string_equal(dq__call_setting(&call, "at", 0), "1");
    assert_string_equal(dq__call_setting(&call, "at", 1), "3");
    assert_null(dq__call_setting(&call, "at", 2));
    assert_null(dq__call_setting(&call, "a", 0));
}

/* ---- dq_tool_run ------------------------------------------------------------------------------------------------- */

static dq_context *new_context(void) {
    dq_context *ctx = NULL;
    assert_int_equal(dq_context_new(&ctx, 2), DQ_OK);
    return ctx;
}

static const char *const small[] = {"model=random", "size=16", "rounds=2", "content-layers=relu2_1", "style-layers=relu1_1",
                                    "threads=1"};
static const dq_tool bench = {.name = "bench", .settings = small, .setting_count = 6};

static int count_calls(void *user, const dq_progress *p) {
    assert_true(p->done > 0 && p->done < 1.001 && p->seconds >= 0);
    return --*(int *)user == 0;
}

static void an_answer_is_one_object(void **state) {
    (void)state;
    dq_context *ctx = new_context();
    char *text;
    int calls = 1000;
    assert_int_equal(dq_tool_run(ctx, &bench, count_calls, &calls, &text), DQ_OK);
    json_t *answer = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(answer, "model")), "random");
    assert_int_equal(json_integer_value(json_object_get(answer, "threads")), 1);
    assert_int_equal(json_integer_value(json_object_get(answer, "rounds")), 2);
    assert_int_equal(json_array_size(json_object_get(answer, "layers")), 6); /* conv1_1, conv1_2, conv2_1, both ways */
    assert_int_equal(json_array_size(json_object_get(answer, "grams")), 1);
    assert_true(calls < 1000);
    json_decref(answer);
    dq_bytes_free((void **)&text);
    assert_int_equal(dq_tool_run(ctx, &bench, NULL, NULL, NULL), DQ_OK); /* an answer that nobody wants */
    dq_context_free(&ctx);
}

static void a_tool_can_be_stopped(void **state) {
    (void)state;
    dq_context *ctx = new_context();
    char *text = NULL;
    int calls = 2;
    assert_int_equal(dq_tool_run(ctx, &bench, count_calls, &calls, &text), DQ_CANCELLED);
    assert_null(text);
    dq_context_free(&ctx);
}

static void refuse(const dq_tool *tool, const char *why) {
    dq_context *ctx = new_context();
    char *text;
    assert_int_equal(dq_tool_run(ctx, tool, NULL, NULL, &text), DQ_USAGE);
    assert_null(text);
    if (!strstr(dq_last_error(ctx), why)) fail_msg("'%s' lacks '%s'", dq_last_error(ctx), why);
    dq_context_free(&ctx);
}

static void wrong_calls_are_refused(void **state) {
    (void)state;
    static const char *const path[] = {"photo.png"}, *const null[] = {NULL}, *const bad[] = {"threads=300"},
                             *const unknown[] = {"seed=1"}, *const size[] = {"size=5"}, *const rounds[] = {"rounds=0"};
    refuse(NULL, "the tool must not be NULL");
    refuse(&(dq_tool){.name = NULL}, "the name of the tool must not be NULL");
    refuse(&(dq_tool){.name = "paint"}, "there is no tool 'paint'; there are: ");
    refuse(&(dq_tool){.name = "bench", .inputs = path, .input_count = 1}, "'bench' takes no input; there are 1 inputs");
    refuse(&(dq_tool){.name = "bench", .inputs = null, .input_count = 1}, "an input must not be NULL");
    refuse(&(dq_tool){.name = "bench", .setting_count = 1}, "a setting must not be NULL");
    refuse(&(dq_tool){.name = "bench", .settings = null, .setting_count = 1}, "a setting must not be NULL");
    refuse(&(dq_tool){.name = "bench", .settings = bad, .setting_count = 1}, "option threads takes a whole number from 0 to 256");
    refuse(&(dq_tool){.name = "bench", .settings = unknown, .setting_count = 1}, "'bench' has no setting 'seed=1'");
    refuse(&(dq_tool){.name = "bench", .settings = size, .setting_count = 1}, "option size takes a whole number from 16");
    refuse(&(dq_tool){.name = "bench", .settings = rounds, .setting_count = 1}, "option rounds takes a whole number from 1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_then_settings),  cmocka_unit_test(wrong_settings_are_named),
        cmocka_unit_test(settings_can_be_repeated), cmocka_unit_test(an_answer_is_one_object),
        cmocka_unit_test(a_tool_can_be_stopped),   cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
