/* SPDX-License-Identifier: MIT
 * tests/unit/test_studio.c: the studio's store and queue, forms, headers of pictures, and what a request may set. The store is
 * tested in a folder, and once more in the PostgreSQL that DANQING_TEST_STORE names (tests/studio/postgres.sh starts one). */
#include "test.h"

#include "studio/multipart.h"
#include "studio/options.h"
#include "studio/sniff.h"
#include "studio/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/danqing-studio-XXXXXX";
static const char *place; /* where the store under test is */
static store *s;

/* ---- helpers ---- */

static const char *text_of(const json_t *row, const char *name) { return json_string_value(json_object_get(row, name)); }

static void add_priority(const char *id, const char *batch, int priority) {
    json_t *job = json_pack("{s:s, s:s, s:s, s:s, s:[s], s:{s:s}, s:i}", "id", id, "title", id, "batch", batch, "photo", "p1",
                            "styles", "night", "options", "size", "64", "priority", priority);
    assert_int_equal(store_job_add(s, job), 0);
    json_decref(job);
}

static void add(const char *id, const char *batch) { add_priority(id, batch, 0); }

/* Claims the next job, which must be `id` ("" for none). */
static void claim(const char *worker, const char *id) {
    json_t *job = store_claim(s, worker, 10000);
    assert_string_equal(store_reason(s), "");
    assert_string_equal(job ? text_of(job, "id") : "", id);
    json_decref(job);
}

static int beat(const char *id, const char *worker) {
    const store_progress p = {.scale = 1, .scales = 3, .iteration = 2, .iterations = 5, .width = 9, .height = 8, .preview = 1,
                              .cost = 1.5, .done = 0.25, .seconds_left = NAN, .memory = 1000, .curve = "[[1,2.5,1]]"};
    return store_beat(s, id, worker, 10000, &p);
}

static void is_state(const char *id, const char *state) {
    json_t *job = store_job(s, id);
    assert_non_null(job);
    assert_string_equal(text_of(job, "state"), state);
    json_decref(job);
}

static int length_of(json_t *array) {
    const int n = (int)json_array_size(array);
    json_decref(array);
    return n;
}

static int count(const char *state, const char *search) {
    return length_of(store_jobs(s, &(store_filter){.state = state, .search = search, .batch = "", .limit = 100}));
}

/* Every test of the store begins with an empty one. */
static int open_empty(void **state) {
    char reason[240];
    (void)state;
    s = store_open(place, false, reason);
    if (!s) print_message("%s\n", reason);
    if (!s) return -1;
    store_expire(s, true);
    json_t *jobs = store_jobs(s, &(store_filter){.state = "", .search = "", .batch = "", .limit = 1000}), *job;
    size_t i;
    json_array_foreach(jobs, i, job) store_job_delete(s, text_of(job, "id"));
    json_decref(jobs);
    return 0;
}

static int close_store(void **state) {
    (void)state;
    store_close(s);
    return 0;
}

/* ---- the queue ---- */

static void batches_take_turns(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) add((const char *[]){"a1", "a2", "a3"}[i], "a");
    add("b1", "b");
    add("c1", "c");
    claim("w.1", "a1");
    claim("w.1", "b1");
    claim("w.1", "c1");
    add("d1", "d"); /* comes after what is painted now, not after all of a */
    claim("w.1", "a2");
    claim("w.1", "d1");
    claim("w.1", "a3");
    claim("w.1", "");
}

static void priority_goes_first(void **state) {
    (void)state;
    add("low", "x");
    add_priority("high", "y", 5);
    claim("w.1", "high");
    claim("w.1", "low");
}

static void beats_keep_and_tell(void **state) {
    (void)state;
    add("j1", "x");
    claim("w.1", "j1");
    assert_int_equal(beat("j1", "w.1"), STORE_GO_ON);
    assert_int_equal(beat("j1", "w.2"), STORE_LOST);
    json_t *job = store_job(s, "j1");
    assert_near(json_real_value(json_object_get(job, "done")), 0.25, 0);
    assert_true(json_is_null(json_object_get(job, "seconds_left"))); /* what is no number is none */
    assert_int_equal(json_array_size(json_object_get(job, "curve")), 1);
    json_decref(job);
    assert_int_equal(store_memory(s, "other", "w"), 1000);
    assert_int_equal(store_memory(s, "j1", "w"), 0);
    assert_int_equal(store_memory(s, "other", "elsewhere"), 0);
    assert_int_equal(store_end(s, "j1", "w.2", "finished", "", false), STORE_LOST);
    assert_int_equal(store_end(s, "j1", "w.1", "finished", "", false), 0);
    is_state("j1", "finished");
    assert_int_equal(beat("j1", "w.1"), STORE_LOST);
}

static void wishes_reach_the_worker(void **state) {
    (void)state;
    static const struct {
        const char *what;
        int wish;
    } wishes[] = {{"cancel", STORE_CANCEL}, {"finish", STORE_FINISH}, {"pause", STORE_PAUSE}};
    for (int i = 0; i < 3; i++) {
        const char *id = (const char *[]){"r1", "r2", "r3"}[i];
        add(id, "x");
        claim("w.1", id);
        assert_int_equal(store_job_ask(s, id, wishes[i].what), 0);
        is_state(id, "running");
        assert_int_equal(beat(id, "w.1"), wishes[i].wish);
    }
}

static void wishes_without_a_worker(void **state) {
    (void)state;
    add("j1", "x");
    assert_int_equal(store_job_ask(s, "j1", "finish"), 2);
    assert_int_equal(store_job_ask(s, "j1", "resume"), 2);
    assert_int_equal(store_job_ask(s, "j1", "nonsense"), 2);
    assert_int_equal(store_job_ask(s, "nobody", "cancel"), 1);
    assert_int_equal(store_job_ask(s, "j1", "pause"), 0);
    is_state("j1", "paused");
    claim("w.1", "");
    assert_int_equal(store_job_ask(s, "j1", "resume"), 0);
    assert_int_equal(store_job_ask(s, "j1", "cancel"), 0);
    is_state("j1", "cancelled");
    assert_int_equal(store_job_ask(s, "j1", "cancel"), 2);
}

static void a_lease_runs_out(void **state) {
    (void)state;
    add("j1", "x");
    json_t *job = store_claim(s, "w.1", -1);
    assert_non_null(job);
    json_decref(job);
    assert_int_equal(store_expire(s, false), 0);
    is_state("j1", "queued");
    claim("w.2", "j1");
    assert_int_equal(beat("j1", "w.1"), STORE_LOST); /* who comes back too late has lost it */
    assert_int_equal(store_expire(s, false), 0);
    is_state("j1", "running");
    assert_int_equal(store_keep(s, "j1", "w.2", -1), 0);
    assert_int_equal(store_expire(s, false), 0);
    is_state("j1", "queued");
}

static void what_was_asked_outlives_the_worker(void **state) {
    (void)state;
    add("j1", "x");
    add("j2", "x");
    claim("w.1", "j1");
    claim("w.2", "j2");
    assert_int_equal(store_job_ask(s, "j1", "cancel"), 0);
    assert_int_equal(store_job_ask(s, "j2", "pause"), 0);
    assert_int_equal(store_expire(s, true), 0);
    is_state("j1", "cancelled");
    is_state("j2", "paused");
}

static void a_job_that_kills_workers_fails(void **state) {
    (void)state;
    add("j1", "x");
    for (int i = 0; i < STORE_FAULTS; i += 4) {
        is_state("j1", "queued");
        claim("w.1", "j1");
        assert_int_equal(store_fault(s, "w.1", 4, "it killed its workers"), 0);
    }
    is_state("j1", "failed");
    assert_int_equal(store_fault(s, "w.1", 4, "nothing to lose"), 0);
}

static void a_released_job_waits(void **state) {
    (void)state;
    add("j1", "x");
    claim("w.1", "j1");
    assert_int_equal(store_release(s, "j1", "w.1", 60000), 0);
    claim("w.1", "");
    claim("w.1", "");
}

/* ---- rows ---- */

static void changes_come_in_order(void **state) {
    int64_t change;
    (void)state;
    json_t *counts = store_counts(s);
    change = json_integer_value(json_object_get(counts, "change"));
    json_decref(counts);
    add("j1", "x");
    add("j2", "x");
    const int64_t before = change;
    assert_int_equal(length_of(store_changes(s, &change)), 2);
    assert_int_equal(change, before + 2);
    assert_int_equal(length_of(store_changes(s, &change)), 0);
    assert_int_equal(store_job_ask(s, "j1", "nonsense"), 2);
    assert_int_equal(length_of(store_changes(s, &change)), 0);
    claim("w.1", "j1");
    assert_int_equal(length_of(store_changes(s, &change)), 1);
}

static void lists_are_filtered(void **state) {
    (void)state;
    add("plain", "x");
    add("100%_sure\\", "x");
    json_t *edit = json_pack("{s:b, s:s}", "favourite", 1, "title", "Ölbild von Mia");
    assert_int_equal(store_job_edit(s, "plain", edit), 0);
    assert_int_equal(store_job_edit(s, "nobody", edit), 1);
    json_decref(edit);
    assert_int_equal(count("", "mia"), 1);
    assert_int_equal(count("", "%"), 1);
    assert_int_equal(count("", "_"), 1);
    assert_int_equal(count("", "\\"), 1);
    assert_int_equal(count("active", ""), 2);
    assert_int_equal(count("finished", ""), 0);
    assert_int_equal(count("' OR 1=1 --", ""), 0);
    assert_int_equal(length_of(store_jobs(s, &(store_filter){.state = "", .search = "", .batch = "", .favourite = true,
        .limit = 9})),
                     1);
}

static void old_results_go(void **state) {
    (void)state;
    const char *ids[] = {"old", "kept", "waits"};
    for (int i = 0; i < 3; i++) add(ids[i], "x");
    claim("w.1", "old");
    claim("w.1", "kept");
    assert_int_equal(store_end(s, "old", "w.1", "finished", "", false), 0);
    assert_int_equal(store_end(s, "kept", "w.1", "finished", "", true), 0);
    assert_int_equal(store_put(s, "old", "result", "x", 1), 0);
    json_t *edit = json_pack("{s:b}", "favourite", 1);
    assert_int_equal(store_job_edit(s, "kept", edit), 0);
    json_decref(edit);
    assert_int_equal(store_retain(s, store_now(s) - 100000), 0);
    assert_int_equal(store_retain(s, store_now(s) + 100000), 1);
    void *bytes;
    size_t size;
    assert_int_equal(store_get(s, "old", "result", &bytes, &size), 1);
    is_state("kept", "finished");
    is_state("waits", "queued");
}

static void pictures_that_are_needed_stay(void **state) {
    (void)state;
    json_t *p = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b}", "id", "p1", "kind", "photo", "name", "me", "width", 4,
        "height", 5,
                          "format", "png", "builtin", 0);
    assert_int_equal(store_picture_put(s, p), 0);
    assert_int_equal(store_picture_put(s, p), 0); /* once more is the same */
    json_decref(p);
    assert_int_equal(store_put(s, "p1", "png", "\0\1\2", 3), 0);
    add("j1", "x");
    assert_int_equal(store_picture_delete(s, "p1"), 2);
    assert_int_equal(store_picture_rename(s, "p1", "you", "style"), 0);
    assert_int_equal(store_job_ask(s, "j1", "cancel"), 0);
    assert_int_equal(store_picture_delete(s, "p1"), 0);
    assert_int_equal(store_picture_delete(s, "p1"), 1);
}

/* ---- files ---- */

static void files_are_whole_or_not_there(void **state) {
    void *bytes;
    size_t size;
    (void)state;
    assert_int_equal(store_put(s, "f1", "png", "\0one", 4), 0);
    assert_int_equal(store_put(s, "f1", "png", "\0two\0", 5), 0);
    assert_int_equal(store_get(s, "f1", "png", &bytes, &size), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "\0two\0", 5);
    free(bytes);
    static const char *const odd[] = {"", "..", "a/b", "../token", "A", "a b", "-", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_int_not_equal(store_put(s, odd[i], "png", "x", 1), 0);
        assert_int_not_equal(store_get(s, odd[i], "png", &bytes, &size), 0);
    }
    assert_int_not_equal(store_get(s, "f1", "../../token", &bytes, &size), 0);
    assert_true(store_sweep(s) >= 1); /* no row names it */
    assert_int_equal(store_get(s, "f1", "png", &bytes, &size), 1);
}

static void half_written_files_go(void **state) {
    char path[200];
    (void)state;
    if (strcmp(place, folder) != 0) skip(); /* PostgreSQL has none */
    snprintf(path, sizeof path, "%s/pictures/.x.png.999999999", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_true(store_sweep(s) >= 0);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- forms ---- */

static void boundaries_are_read(void **state) {
    char b[MULTIPART_BOUNDARY + 1];
    (void)state;
    assert_int_equal(multipart_boundary("multipart/form-data; boundary=abc", b), 0);
    assert_string_equal(b, "abc");
    assert_int_equal(multipart_boundary("Multipart/Form-Data;  boundary=\"a b\"", b), -1);
    assert_int_equal(multipart_boundary("multipart/form-data; boundary=\"a-b\"; x", b), 0);
    assert_string_equal(b, "a-b");
    static const char *const wrong[] = {"", "multipart/form-data", "multipart/mixed; boundary=a",
        "multipart/form-data; boundary=",
                                        "multipart/form-data; boundary=\"a",
                                        "multipart/form-data; boundary=0123456789012345678901234567890123456789"
                                        "0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_int_equal(multipart_boundary(wrong[i], b), -1);
}

#define PART(name, file, body) "--B\r\nContent-Disposition: form-data; name=\"" name "\"" file "\r\n\r\n" body "\r\n"

static int parse(const char *body, size_t size, multipart_part *parts) {
    char *copy = malloc(size ? size : 1); /* of the exact size, so that a sanitizer sees a read beyond it */
    memcpy(copy, body, size);
    const int n = multipart_parse(copy, size, "B", parts);
    for (int i = 0; i < n; i++) parts[i].bytes = body + (parts[i].bytes - copy);
    free(copy);
    return n;
}

static void forms_are_split(void **state) {
    multipart_part p[MULTIPART_PARTS];
    static const char body[] = PART("kind", "", "style") PART("empty", "", "")
        PART("file", "; filename=\"a.png\"\r\nContent-Type: image/png", "\0\r\n--\r\n-B") "--B--\r\n";
    (void)state;
    assert_int_equal(parse(body, sizeof body - 1, p), 3);
    assert_string_equal(p[0].name, "kind");
    assert_int_equal(p[0].size, 5);
    assert_memory_equal(p[0].bytes, "style", 5);
    assert_int_equal(p[1].size, 0);
    assert_string_equal(p[2].file, "a.png");
    assert_int_equal(p[2].size, 9);
    for (size_t cut = 0; cut < sizeof body - 5; cut++) assert_int_equal(parse(body, cut, p), -1);
}

static void odd_forms_are_refused(void **state) {
    multipart_part p[MULTIPART_PARTS];
    static char many[70 * 80];
    static const char *const wrong[] = {
        "", "--B", "--B--x", "B--", "\r\n--B--", "--B\r\n\r\nx\r\n--B--", PART("x", "", "y"), "--Bx\r\n" PART("x", "",
        "y") "--B--",
        "--B\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n--B--",
        "--B\r\nContent-Disposition: form-data; name=\"0123456789012345678901234567890123456789"
        "012345678901234567890123456789\"\r\n\r\ny\r\n--B--"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (strcmp(wrong[i], "--B--x") != 0) assert_int_equal(parse(wrong[i], strlen(wrong[i]), p), -1);
    for (int i = 0; i < 66; i++) strncat(many, PART("x", "", "y"), sizeof many - strlen(many) - 1);
    strncat(many, "--B--", sizeof many - strlen(many) - 1);
    assert_int_equal(parse(many, strlen(many), p), -1);
}

/* ---- headers of pictures ---- */

static void sizes_are_read_before_decoding(void **state) {
    uint32_t w, h;
    static const unsigned char png[24] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\1\0\0\0\0\2";
    static const unsigned char jpeg[] = "\xff\xd8\xff\xe0\0\4ab\xff\xc0\0\x11\x08\1\2\3\4\3\1\x22\0\2\x11";
    static const unsigned char webp[] = "RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\0\0\x7f\0\0";
    (void)state;
    assert_string_equal(sniff(png, sizeof png, &w, &h), "png");
    assert_int_equal(w, 65536);
    assert_string_equal(sniff(jpeg, sizeof jpeg, &w, &h), "jpeg");
    assert_int_equal(w, 0x0304);
    assert_int_equal(h, 0x0102);
    assert_string_equal(sniff(webp, sizeof webp - 1, &w, &h), "webp");
    assert_int_equal(w, 256);
    assert_int_equal(h, 128);
    assert_null(sniff("GIF89a..............", 20, &w, &h));
    assert_null(sniff("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", 40, &w, &h));
    for (size_t cut = 0; cut < 18; cut++) assert_null(sniff(jpeg, cut, &w, &h));
}

/* ---- what a request may set ---- */

static bool refused(dq_context *ctx, const char *name, const char *value) {
    char text[240];
    json_t *options = json_pack("{s:s}", name, value);
    const char *refusal = options_refusal(ctx, options, text);
    json_decref(options);
    return refusal != NULL;
}

static void no_option_is_a_path(void **state) {
    dq_context *ctx;
    const dq_option_info *info;
    (void)state;
    assert_int_equal(dq_context_new(&ctx, 1), DQ_OK);
    for (int i = 0; (info = dq_option_at(i)); i++) {
        assert_true(refused(ctx, info->name, "/etc/passwd"));
        assert_true(refused(ctx, info->name, "../x"));
        assert_true(refused(ctx, info->name, "a.png,/etc/passwd"));
        if (strcmp(info->type, "text") == 0 && strcmp(info->group, "machine") != 0)
            if (option_use_of(info) == OPTION_NEVER) fail_msg("studio/options.c has no row for the text option %s", info->name);
    }
    static const char *const never[] = {"threads", "max-memory", "checkpoint", "checkpoint-every", "nonsense", ""};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) assert_true(refused(ctx, never[i], "1"));
    dq_context_free(&ctx);
}

static void right_options_pass(void **state) {
    dq_context *ctx;
    (void)state;
    static const char *const good[][2] = {{"recipe", "quick"}, {"size", "300"}, {"strength", "0.4"}, {"init", "noise"},
                                          {"style-layers", "relu1_1=0.2,relu2_1?"}, {"colour", "match"}, {"model", "compact"},
                                          {"init", "0123456789abcdefghij"}, {"clamp", "off"}};
    static const char *const bad[][2] = {{"recipe", "nonsense"}, {"size", "-3"}, {"strength", "9"}, {"size", "x"},
                                         {"colour", "purple"}, {"model", "x.pth"}, {"init", "photo.png"}};
    assert_int_equal(dq_context_new(&ctx, 1), DQ_OK);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (refused(ctx, good[i][0], good[i][1])) fail_msg("%s=%s is refused", good[i][0], good[i][1]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_true(refused(ctx, bad[i][0], bad[i][1]));
    dq_context_free(&ctx);
}

/* ---- all of it ---- */

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, open_empty, close_store)

static const struct CMUnitTest store_tests[] = {
    STORE_TEST(batches_take_turns),         STORE_TEST(priority_goes_first),
    STORE_TEST(beats_keep_and_tell),        STORE_TEST(wishes_reach_the_worker),
    STORE_TEST(wishes_without_a_worker),    STORE_TEST(a_lease_runs_out),
    STORE_TEST(what_was_asked_outlives_the_worker), STORE_TEST(a_job_that_kills_workers_fails),
    STORE_TEST(a_released_job_waits),       STORE_TEST(changes_come_in_order),
    STORE_TEST(lists_are_filtered),         STORE_TEST(old_results_go),
    STORE_TEST(pictures_that_are_needed_stay), STORE_TEST(files_are_whole_or_not_there),
    STORE_TEST(half_written_files_go),
};

static const struct CMUnitTest other_tests[] = {
    cmocka_unit_test(boundaries_are_read), cmocka_unit_test(forms_are_split),
    cmocka_unit_test(odd_forms_are_refused), cmocka_unit_test(sizes_are_read_before_decoding),
    cmocka_unit_test(no_option_is_a_path), cmocka_unit_test(right_options_pass),
};

/* The folder with what is in it: a database and a folder of files. */
static void clean_up(void) {
    char path[4096];
    struct dirent *entry;
    snprintf(path, sizeof path, "%s/pictures", folder);
    const char *const both[] = {path, folder};
    for (int i = 0; i < 2; i++) {
        DIR *d = opendir(both[i]);
        while (d && (entry = readdir(d))) unlinkat(dirfd(d), entry->d_name, 0);
        if (d) closedir(d);
        rmdir(both[i]);
    }
}

int main(void) {
    const char *remote = getenv("DANQING_TEST_STORE");
    if (!mkdtemp(folder)) return 1;
    place = folder;
    int failed = cmocka_run_group_tests_name("store in a folder", store_tests, NULL, NULL);
    if (remote && *remote) {
        place = remote;
        failed += cmocka_run_group_tests_name("store in PostgreSQL", store_tests, NULL, NULL);
    }
    failed += cmocka_run_group_tests_name("requests", other_tests, NULL, NULL);
    clean_up();
    return failed;
}
