/* SPDX-License-Identifier: MIT
 * Unit tests of src/model/store.c and fetch.c: names become files, downloads survive what servers do. The server is a thread
 * of this program on the loopback interface; nothing here needs a network or a real model's weights. */
#include "test.h"

#include "base/mem.h"
#include "model/fetch.h"
#include "model/model.h"
#include "model/store.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a server with manners, good and bad ---- */

enum mode {
    HONEST,        /* serves ranges */
    NO_RANGES,     /* always the whole file */
    HALF,          /* announces the whole, closes after half of what is asked */
    HALF_SILENT,   /* the same without announcing a length */
    OTHER_RANGE,   /* 206, but from another place */
    NEVER_RANGES,  /* 416 whenever a range is asked */
    MISSING,       /* 404 */
    BROKEN,        /* 500 */
    WRONG_BYTES,   /* right length, one bit changed */
    WRONG_LENGTH,  /* announces another length */
    ENDLESS,       /* no length, bytes without end */
    REDIRECT,      /* to the same file elsewhere on this server, then honest */
    REDIRECT_FILE, /* to a file: address */
    REDIRECT_LOOP  /* to itself */
};

enum { BYTES = 200000 };

static struct {
    int listener, port;
    atomic_int mode, requests;
    atomic_long last_start; /* of the range last asked for, −1 without */
    atomic_bool proxied;    /* the last request named a host, as to a proxy */
    pthread_t thread;
} server;

static unsigned char body[BYTES];
static char base[64];

static bool send_all(int s, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n) {
        ssize_t sent = send(s, p, n, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        p += sent, n -= (size_t)sent;
    }
    return true;
}

static void send_head(int s, const char *status, const char *more, long length) {
    char head[512];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nConnection: close\r\n%s", status, more);
    if (length >= 0) n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %ld\r\n", length);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    send_all(s, head, (size_t)n);
}

static void send_endless(int s) {
    send_head(s, "200 OK", "", -1);
    while (send_all(s, body, BYTES)) {}
}

static void send_file(int s, enum mode mode, long start) {
    char range[96] = "";
    long from = start < 0 || mode == NO_RANGES ? 0 : start, claimed = mode == OTHER_RANGE ? from / 2 : from;
    bool part = start >= 0 && mode != NO_RANGES;
    if (part) snprintf(range, sizeof range, "Content-Range: bytes %ld-%d/%d\r\n", claimed, BYTES - 1, BYTES);
    long length = BYTES - from, announced = mode == HALF_SILENT ? -1 : mode == WRONG_LENGTH ? length + 7 : length;
    send_head(s, part ? "206 Partial Content" : "200 OK", range, announced);
    long sent = mode == HALF || mode == HALF_SILENT ? length / 2 : length;
    if (mode == WRONG_BYTES) {
        unsigned char last = body[BYTES - 1] ^ 1;
        send_all(s, body + from, (size_t)sent - 1);
        send_all(s, &last, 1);
    } else {
        send_all(s, body + from, (size_t)sent);
    }
}

static void answer(int s, const char *request) {
    char where[128];
    const char *range = strstr(request, "Range: bytes=");
    long start = range ? strtol(range + 13, NULL, 10) : -1;
    enum mode mode = (enum mode)atomic_load(&server.mode);
    atomic_fetch_add(&server.requests, 1);
    atomic_store(&server.last_start, start);
    atomic_store(&server.proxied, !strncmp(request, "GET http://", 11));
    bool moved = strstr(request, "/moved/") != NULL;
    if (mode == REDIRECT && !moved) {
        snprintf(where, sizeof where, "Location: %s/moved/tiny.bin\r\n", base);
        send_head(s, "302 Found", where, 0);
    } else if (mode == REDIRECT_LOOP) {
        snprintf(where, sizeof where, "Location: %s/tiny.bin\r\n", base);
        send_head(s, "302 Found", where, 0);
    } else if (mode == REDIRECT_FILE) {
        send_head(s, "302 Found", "Location: file:///proc/self/environ\r\n", 0);
    } else if (mode == MISSING) {
        send_head(s, "404 Not Found", "", 0);
    } else if (mode == BROKEN) {
        send_head(s, "500 Internal Server Error", "", 0);
    } else if (mode == NEVER_RANGES && start >= 0) {
        send_head(s, "416 Range Not Satisfiable", "", 0);
    } else if (mode == ENDLESS) {
        send_endless(s);
    } else {
        send_file(s, mode, start);
    }
}

static void *serve(void *unused) {
    (void)unused;
    int s;
    while ((s = accept(server.listener, NULL, NULL)) >= 0) {
        char request[4096];
        size_t n = 0;
        while (n < sizeof request - 1) {
            ssize_t got = recv(s, request + n, sizeof request - 1 - n, 0);
            if (got <= 0) break;
            n += (size_t)got;
            request[n] = 0;
            if (strstr(request, "\r\n\r\n")) break;
        }
        if (n) answer(s, request);
        shutdown(s, SHUT_WR);
        close(s);
    }
    return NULL;
}

/* ---- a fresh folder and the row of a small file for each test ---- */

static char folder[PATH_MAX];
static char checksum[80];
static dq__known row = {"tiny", ".h5", "https://models.invalid/some/where/tiny.bin", BYTES, "sha256", checksum, "for tests"};
static dq__error err;

static void in_folder(char *path, size_t size, const char *name) { snprintf(path, size, "%s/%s", folder, name); }

static bool here(const char *name) {
    char path[PATH_MAX + 64];
    in_folder(path, sizeof path, name);
    return access(path, F_OK) == 0;
}

static void put(const char *name, const void *bytes, size_t n) {
    char path[PATH_MAX + 64];
    in_folder(path, sizeof path, name);
    assert_true(g_file_set_contents(path, bytes, (gssize)n, NULL));
}

static void assert_holds(const char *name, const void *bytes, size_t n) {
    char path[PATH_MAX + 64], *text = NULL;
    gsize length = 0;
    in_folder(path, sizeof path, name);
    assert_true(g_file_get_contents(path, &text, &length, NULL));
    assert_int_equal(length, n);
    assert_memory_equal(text, bytes, n);
    g_free(text);
}

static void remove_tree(const char *path) {
    DIR *d = opendir(path);
    const struct dirent *entry;
    char below[PATH_MAX + 300];
    while (d && (entry = readdir(d))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (unlink(below)) remove_tree(below);
    }
    if (d) closedir(d);
    rmdir(path);
}

static int fresh_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/danqing-test-XXXXXX", g_get_tmp_dir());
    atomic_store(&server.requests, 0);
    err = (dq__error){0};
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    const char *variables[] = {"XDG_DATA_HOME", "XDG_DATA_DIRS", "DANQING_MODELS", "DANQING_FETCH_BASE", "http_proxy"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    setenv("no_proxy", "*", 1);
    remove_tree(folder);
    return 0;
}

static dq_status fetch(enum mode mode) {
    atomic_store(&server.mode, (int)mode);
    return dq__fetch_from(&row, folder, base, NULL, NULL, &err);
}

/* ---- downloads ---- */

static int count_calls(void *user, uint64_t received, uint64_t total) {
    assert_true(received <= total);
    assert_int_equal(total, BYTES);
    ++*(int *)user;
    return 0;
}

static void fetches_a_whole_file_once(void **state) {
    (void)state;
    int calls = 0;
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__fetch_from(&row, folder, base, count_calls, &calls, &err), DQ_OK);
    assert_true(calls > 0);
    assert_holds("tiny.h5", body, BYTES);
    assert_false(here("tiny.part"));
    assert_int_equal(atomic_load(&server.last_start), -1);
    assert_int_equal(fetch(BROKEN), DQ_OK);
    assert_int_equal(atomic_load(&server.requests), 1);
}

static void replaces_a_damaged_file(void **state) {
    (void)state;
    put("tiny.h5", body, BYTES - 1);
    assert_int_equal(fetch(HONEST), DQ_OK);
    assert_holds("tiny.h5", body, BYTES);
}

static void makes_the_folder(void **state) {
    (void)state;
    char below[PATH_MAX + 64];
    in_folder(below, sizeof below, "a/b");
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__fetch_from(&row, below, base, NULL, NULL, &err), DQ_OK);
    assert_holds("a/b/tiny.h5", body, BYTES);
}

static void goes_on_where_it_stopped(void **state) {
    (void)state;
    assert_int_equal(fetch(HALF), DQ_NETWORK);
    assert_non_null(strstr(err.text, "0.1 of 0.2 MB"));
    assert_holds("tiny.part", body, BYTES / 2);
    assert_false(here("tiny.h5"));
    assert_int_equal(fetch(HALF), DQ_NETWORK);
    assert_int_equal(atomic_load(&server.last_start), BYTES / 2);
    assert_int_equal(fetch(HONEST), DQ_OK);
    assert_int_equal(atomic_load(&server.last_start), BYTES * 3 / 4);
    assert_holds("tiny.h5", body, BYTES);
    assert_false(here("tiny.part"));
}

static void an_early_end_without_length_is_seen(void **state) {
    (void)state;
    assert_int_equal(fetch(HALF_SILENT), DQ_NETWORK);
    assert_holds("tiny.part", body, BYTES / 2);
    assert_int_equal(fetch(HONEST), DQ_OK);
    assert_holds("tiny.h5", body, BYTES);
}

/* Bytes in the part that would show if they were kept. */
static void put_false_part(size_t n) {
    unsigned char junk[1000];
    memset(junk, 'x', sizeof junk);
    assert_true(n <= sizeof junk);
    put("tiny.part", junk, n);
}

static void a_server_without_ranges_starts_over(void **state) {
    (void)state;
    put_false_part(1000);
    assert_int_equal(fetch(NO_RANGES), DQ_OK);
    assert_int_equal(atomic_load(&server.last_start), 1000);
    assert_holds("tiny.h5", body, BYTES);
}

static void a_refused_range_starts_over(void **state) {
    (void)state;
    put_false_part(1000);
    assert_int_equal(fetch(NEVER_RANGES), DQ_OK);
    assert_int_equal(atomic_load(&server.requests), 2);
    assert_holds("tiny.h5", body, BYTES);
}

static void another_range_is_not_taken(void **state) {
    (void)state;
    put("tiny.part", body, 1000);
    assert_int_equal(fetch(OTHER_RANGE), DQ_NETWORK);
    assert_false(here("tiny.h5"));
    assert_int_equal(fetch(HONEST), DQ_OK);
    assert_holds("tiny.h5", body, BYTES);
}

static void a_complete_part_needs_no_server(void **state) {
    (void)state;
    put("tiny.part", body, BYTES);
    assert_int_equal(fetch(BROKEN), DQ_OK);
    assert_int_equal(atomic_load(&server.requests), 0);
    assert_holds("tiny.h5", body, BYTES);
}

static void a_part_too_long_is_dropped(void **state) {
    (void)state;
    unsigned char *longer = calloc(1, BYTES + 1);
    assert_non_null(longer);
    put("tiny.part", longer, BYTES + 1);
    free(longer);
    assert_int_equal(fetch(HONEST), DQ_OK);
    assert_holds("tiny.h5", body, BYTES);
}

static void a_wrong_checksum_deletes_the_part(void **state) {
    (void)state;
    assert_int_equal(fetch(WRONG_BYTES), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "sha256"));
    assert_false(here("tiny.part"));
    assert_false(here("tiny.h5"));
    put_false_part(1000);
    assert_int_equal(fetch(HONEST), DQ_BAD_MODEL);
    assert_false(here("tiny.part"));
}

static void md5_rows_are_verified_too(void **state) {
    (void)state;
    char *sum = g_compute_checksum_for_data(G_CHECKSUM_MD5, body, BYTES);
    dq__known keras = row;
    keras.kind = "md5", keras.checksum = sum;
    atomic_store(&server.mode, WRONG_BYTES);
    assert_int_equal(dq__fetch_from(&keras, folder, base, NULL, NULL, &err), DQ_BAD_MODEL);
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__fetch_from(&keras, folder, base, NULL, NULL, &err), DQ_OK);
    g_free(sum);
}

static void a_file_of_another_length_is_refused_at_once(void **state) {
    (void)state;
    put("tiny.part", body, 1000);
    assert_int_equal(fetch(WRONG_LENGTH), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "200007"));
    assert_holds("tiny.part", body, 1000);
}

static void an_endless_body_is_cut(void **state) {
    (void)state;
    assert_int_equal(fetch(ENDLESS), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "more than the 200000 bytes"));
    assert_false(here("tiny.h5"));
    struct stat s;
    char part[PATH_MAX + 64];
    in_folder(part, sizeof part, "tiny.part");
    if (stat(part, &s) == 0) assert_true(s.st_size <= BYTES);
}

static void refusals_leave_nothing_behind(void **state) {
    (void)state;
    assert_int_equal(fetch(MISSING), DQ_NETWORK);
    assert_non_null(strstr(err.text, "404"));
    assert_false(here("tiny.part"));
    assert_int_equal(fetch(BROKEN), DQ_NETWORK);
    assert_non_null(strstr(err.text, "500"));
    assert_false(here("tiny.part"));
    put("tiny.part", body, 1000);
    assert_int_equal(fetch(BROKEN), DQ_NETWORK);
    assert_holds("tiny.part", body, 1000);
}

static void no_server_is_a_network_failure(void **state) {
    (void)state;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in here_ip = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here_ip;
    assert_int_equal(bind(s, (struct sockaddr *)&here_ip, size), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&here_ip, &size), 0);
    char nobody[64];
    snprintf(nobody, sizeof nobody, "http://127.0.0.1:%d", ntohs(here_ip.sin_port));
    assert_int_equal(dq__fetch_from(&row, folder, nobody, NULL, NULL, &err), DQ_NETWORK);
    assert_false(here("tiny.part"));
    close(s);
}

static void redirects_are_followed_within_bounds(void **state) {
    (void)state;
    assert_int_equal(fetch(REDIRECT_FILE), DQ_NETWORK);
    assert_int_equal(fetch(REDIRECT_LOOP), DQ_NETWORK);
    assert_true(atomic_load(&server.requests) <= 8);
    put("tiny.part", body, 1000);
    assert_int_equal(fetch(REDIRECT), DQ_OK);
    assert_holds("tiny.h5", body, BYTES);
}

static void a_publisher_is_asked_by_https_only(void **state) {
    (void)state;
    char url[128];
    snprintf(url, sizeof url, "%s/tiny.bin", base);
    dq__known plain = row;
    plain.url = url;
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__fetch_from(&plain, folder, NULL, NULL, NULL, &err), DQ_NETWORK);
    assert_int_equal(atomic_load(&server.requests), 0);
}

static void a_proxy_is_used(void **state) {
    (void)state;
    setenv("http_proxy", base, 1);
    setenv("no_proxy", "", 1);
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__fetch_from(&row, folder, "http://mirror.invalid", NULL, NULL, &err), DQ_OK);
    assert_true(atomic_load(&server.proxied));
}

static int stop_halfway(void *user, uint64_t received, uint64_t total) {
    (void)user;
    return received > total / 4;
}

static void a_callback_cancels_and_the_part_stays(void **state) {
    (void)state;
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__fetch_from(&row, folder, base, stop_halfway, NULL, &err), DQ_CANCELLED);
    assert_true(here("tiny.part"));
    assert_false(here("tiny.h5"));
    assert_int_equal(fetch(HONEST), DQ_OK);
    assert_holds("tiny.h5", body, BYTES);
}

static void an_unwritable_folder_is_named(void **state) {
    (void)state;
    char below[PATH_MAX + 64];
    put("plain", "x", 1);
    in_folder(below, sizeof below, "plain/models");
    assert_int_equal(dq__fetch_from(&row, below, base, NULL, NULL, &err), DQ_OUTPUT);
    assert_non_null(strstr(err.text, "plain/models"));
    in_folder(below, sizeof below, "tiny.part");
    assert_int_equal(mkdir(below, 0755), 0);
    assert_int_equal(fetch(HONEST), DQ_OUTPUT);
    assert_int_equal(atomic_load(&server.requests), 0);
}

static void two_at_once_do_not_mix(void **state) {
    (void)state;
    char part[PATH_MAX + 64];
    put("tiny.part", body, 1000);
    in_folder(part, sizeof part, "tiny.part");
    int fd = open(part, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(fetch(HONEST), DQ_OUTPUT);
    assert_holds("tiny.part", body, 1000);
    close(fd);
    assert_int_equal(fetch(HONEST), DQ_OK);
}

static void unknown_names_and_bases_are_refused(void **state) {
    (void)state;
    setenv("XDG_DATA_HOME", folder, 1);
    assert_int_equal(dq__model_fetch("nothing", NULL, NULL, &err), DQ_USAGE);
    assert_non_null(strstr(err.text, "vgg19, vgg16"));
    setenv("DANQING_FETCH_BASE", "file:///etc", 1);
    assert_int_equal(dq__model_fetch("vgg19", NULL, NULL, &err), DQ_USAGE);
    setenv("DANQING_FETCH_BASE", base, 1);
    atomic_store(&server.mode, HONEST);
    assert_int_equal(dq__model_fetch("vgg19", NULL, NULL, &err), DQ_BAD_MODEL);
    assert_int_equal(atomic_load(&server.requests), 1);
}

static void memory_that_runs_out_is_told(void **state) {
    (void)state;
    size_t before = dq__mem_now();
    for (int n = 1; n <= 3; n++) {
        dq__mem_fail_at(n);
        assert_int_equal(fetch(HONEST), DQ_LIMIT);
        dq__mem_fail_at(0);
        assert_int_equal(dq__mem_now(), before);
    }
    assert_int_equal(fetch(HONEST), DQ_OK);
}

/* ---- names ---- */

static void write_model(const char *name, uint64_t seed) {
    char path[PATH_MAX + 64];
    dq_model *model;
    in_folder(path, sizeof path, name);
    assert_int_equal(dq__model_random(&model, seed, &err), DQ_OK);
    assert_int_equal(dq__model_write(model, path, false, &err), DQ_OK);
    dq__model_free(&model);
}

static void in_subfolder(const char *name) {
    char path[PATH_MAX + 64];
    in_folder(path, sizeof path, name);
    assert_int_equal(g_mkdir_with_parents(path, 0755), 0);
}

/* The user's folder is FOLDER/home, the system's FOLDER/share; $DANQING_MODELS lists FOLDER/own (twice). */
static void three_folders(void) {
    char text[3 * PATH_MAX];
    in_subfolder("own");
    in_subfolder("home/danqing/models");
    in_subfolder("share/danqing/models");
    snprintf(text, sizeof text, ":%s/own:%s/own", folder, folder);
    setenv("DANQING_MODELS", text, 1);
    snprintf(text, sizeof text, "%s/home", folder);
    setenv("XDG_DATA_HOME", text, 1);
    snprintf(text, sizeof text, "relative:%s/share", folder);
    setenv("XDG_DATA_DIRS", text, 1);
}

/* Models are told apart by the seed of their weights, which the file keeps. */
static void assert_opens(const char *name, int seed) {
    char source[32];
    dq_model *model;
    snprintf(source, sizeof source, "seed %d", seed);
    assert_int_equal(dq__model_open(&model, name, &err), DQ_OK);
    assert_string_equal(model->source, source);
    dq__model_free(&model);
}

static void names_are_searched_in_order(void **state) {
    (void)state;
    char path[PATH_MAX + 64];
    three_folders();
    write_model("share/danqing/models/a.safetensors", 1);
    write_model("home/danqing/models/a.pth", 2);
    in_folder(path, sizeof path, "home/danqing/models/a.pth");
    char *found;
    assert_int_equal(dq__store_find("a", &found, &err), DQ_OK);
    assert_string_equal(found, path);
    dq__free(found);
    assert_opens("a", 2);
    write_model("own/a.h5", 3);
    assert_opens("a", 3);
    assert_opens("a.safetensors", 1);
    assert_int_equal(dq__store_find("b", &found, &err), DQ_OK);
    assert_null(found);
}

static void relative_xdg_folders_do_not_count(void **state) {
    (void)state;
    char *found, *before = g_get_current_dir();
    three_folders();
    in_subfolder("relative/danqing/models");
    put("relative/danqing/models/a.pth", "x", 1);
    assert_int_equal(chdir(folder), 0);
    dq_status status = dq__store_find("a", &found, &err);
    assert_int_equal(chdir(before), 0);
    g_free(before);
    assert_int_equal(status, DQ_OK);
    assert_null(found);
}

static void paths_are_opened_as_they_are(void **state) {
    (void)state;
    char path[PATH_MAX + 64];
    dq_model *model;
    write_model("odd name", 4);
    in_folder(path, sizeof path, "odd name");
    assert_opens(path, 4);
    in_folder(path, sizeof path, "absent");
    assert_int_equal(dq__model_open(&model, path, &err), DQ_BAD_MODEL);
    assert_null(model);
    assert_non_null(strstr(err.text, "absent"));
}

static void random_takes_a_seed(void **state) {
    (void)state;
    dq_model *a, *b;
    assert_int_equal(dq__model_open(&a, "random", &err), DQ_OK);
    assert_int_equal(dq__model_open(&b, "random:7", &err), DQ_OK);
    assert_string_not_equal(a->sha256, b->sha256);
    dq__model_free(&a);
    dq__model_free(&b);
    const char *bad[] = {"random:", "random:-1", "random:x", "random:1.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dq__model_open(&a, bad[i], &err), DQ_BAD_MODEL);
}

static void assert_opens_builtin(const char *name) {
    dq_model *model;
    assert_int_equal(dq__model_open(&model, name, &err), DQ_OK);
    assert_string_equal(model->table.name, "compact");
    assert_string_equal(model->format, "safetensors");
    assert_true(dq__table_find(&model->table, "relu5_1") > dq__table_exact(&model->table, "relu5_1")); /* its root */
    dq__model_free(&model);
}

static void no_name_is_our_own_network(void **state) {
    (void)state;
    if (access(DQ_DATADIR "/danqing/models", F_OK) == 0) {
        print_message("skipped: models of an installed danqing in " DQ_DATADIR " would be found\n");
        skip();
    }
    three_folders();
    assert_opens_builtin(NULL);
    write_model("share/danqing/models/vgg19.safetensors", 6);
    assert_opens_builtin("");
    assert_opens_builtin("compact");
    write_model("own/compact.safetensors", 7); /* a file of that name goes before it */
    assert_opens("", 7);
}

static void what_is_missing_is_said(void **state) {
    (void)state;
    dq_model *model;
    three_folders();
    assert_int_equal(dq__model_open(&model, "nothing", &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "nothing"));
    const char *own = strstr(err.text, "/own");
    assert_non_null(own);
    assert_null(strstr(own + 1, "/own"));
    assert_int_equal(dq__model_open(&model, "vgg19", &err), DQ_BAD_MODEL);
    assert_non_null(strstr(err.text, "model fetch vgg19"));
    unsetenv("XDG_DATA_HOME");
    char *home = g_strdup(getenv("HOME"));
    unsetenv("HOME");
    dq_status status = dq__model_fetch("vgg19", NULL, NULL, &err);
    if (home) setenv("HOME", home, 1);
    g_free(home);
    assert_int_equal(status, DQ_OUTPUT);
}

static const json_t *entry_of(const json_t *list, const char *name) {
    size_t i;
    const json_t *entry, *found = NULL;
    json_array_foreach(list, i, entry) {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name)) continue;
        assert_null(found);
        found = entry;
    }
    return found;
}

static void the_list_has_each_model_once(void **state) {
    (void)state;
    char *text, path[PATH_MAX + 64];
    three_folders();
    put("own/one.safetensors", "abc", 3);
    put("own/one.pth", "abcd", 4);
    put("share/danqing/models/one.pth", "abcde", 5);
    put("share/danqing/models/vgg19.h5", "abcdef", 6);
    put("home/danqing/models/vgg19.part", "abcdefg", 7);
    put("own/notes.txt", "x", 1);
    put("own/.hidden.pth", "x", 1);
    put("own/\xff.pth", "x", 1);
    assert_int_equal(dq__model_list(&text, &err), DQ_OK);
    json_t *list = json_loads(text, 0, NULL);
    assert_non_null(list);
    const json_t *one = entry_of(list, "one"), *vgg19 = entry_of(list, "vgg19"), *vgg16 = entry_of(list, "vgg16");
    assert_int_equal(json_integer_value(json_object_get(one, "bytes")), 3);
    assert_true(json_is_true(json_object_get(one, "installed")));
    assert_true(json_is_true(json_object_get(vgg19, "installed")));
    assert_int_equal(json_integer_value(json_object_get(vgg19, "partial")), 7);
    in_folder(path, sizeof path, "home/danqing/models/vgg19.h5");
    assert_string_equal(json_string_value(json_object_get(vgg19, "destination")), path);
    assert_true(json_is_false(json_object_get(vgg16, "installed")));
    assert_int_equal(json_integer_value(json_object_get(vgg16, "bytes")), 58889256);
    assert_true(g_str_has_prefix(json_string_value(json_object_get(vgg16, "checksum")), "md5:"));
    assert_null(json_object_get(vgg16, "path"));
    assert_true(json_is_true(json_object_get(entry_of(list, "random"), "installed")));
    assert_true(json_is_true(json_object_get(entry_of(list, "compact"), "installed")));
    assert_true(json_integer_value(json_object_get(entry_of(list, "compact"), "bytes")) <= 2600000);
    assert_null(entry_of(list, "notes"));
    assert_null(entry_of(list, ".hidden"));
    json_decref(list);
    dq__free(text);
}

static void the_list_survives_lack_of_memory(void **state) {
    (void)state;
    char *text = NULL;
    three_folders();
    put("own/one.pth", "abcd", 4);
    size_t before = dq__mem_now();
    dq_status status = DQ_LIMIT;
    int n = 1;
    for (; status && n < 1000; n++) {
        dq__mem_fail_at(n);
        status = dq__model_list(&text, &err);
        dq__mem_fail_at(0);
        assert_true(status == DQ_OK || status == DQ_LIMIT);
        if (status) assert_null(text);
    }
    assert_true(n > 10);
    assert_int_equal(status, DQ_OK);
    dq__free(text);
    assert_int_equal(dq__mem_now(), before);
}

static void the_table_is_sane(void **state) {
    (void)state;
    const dq__known *r;
    int i;
    for (i = 0; (r = dq__known_at(i)); i++) {
        assert_ptr_equal(dq__known_find(r->name), r);
        assert_true(g_str_has_prefix(r->url, "https://"));
        assert_true(r->bytes > 1000000);
        bool md5 = !strcmp(r->kind, "md5");
        assert_true(md5 || !strcmp(r->kind, "sha256"));
        assert_int_equal(strlen(r->checksum), md5 ? 32 : 64);
        assert_int_equal(strspn(r->checksum, "0123456789abcdef"), md5 ? 32 : 64);
        /* torchvision's file names end in the first digits of the sum */
        const char *digits = strstr(r->url, "pytorch.org") ? strrchr(r->url, '-') + 1 : NULL;
        if (digits) assert_memory_equal(digits, r->checksum, 8);
    }
    assert_true(i >= 4);
    assert_null(dq__known_at(-1));
}

/* ---- running ---- */

static int start_server(void **state) {
    (void)state;
    struct sockaddr_in ip = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof ip;
    setenv("no_proxy", "*", 1);
    for (int i = 0; i < BYTES; i++) body[i] = (unsigned char)(i * 7 + i / 251);
    char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, body, BYTES);
    snprintf(checksum, sizeof checksum, "%s", sum);
    g_free(sum);
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (server.listener < 0 || bind(server.listener, (struct sockaddr *)&ip, size) || listen(server.listener, 8)) return -1;
    if (getsockname(server.listener, (struct sockaddr *)&ip, &size)) return -1;
    server.port = ntohs(ip.sin_port);
    snprintf(base, sizeof base, "http://127.0.0.1:%d", server.port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state) {
    (void)state;
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    return 0;
}

#define HERE(test) cmocka_unit_test_setup_teardown(test, fresh_folder, drop_folder)

int main(void) {
    const struct CMUnitTest names[] = {
        HERE(names_are_searched_in_order), HERE(relative_xdg_folders_do_not_count), HERE(paths_are_opened_as_they_are),
        HERE(random_takes_a_seed), HERE(no_name_is_our_own_network), HERE(what_is_missing_is_said),
        HERE(the_list_has_each_model_once), HERE(the_list_survives_lack_of_memory), HERE(the_table_is_sane)};
    const struct CMUnitTest downloads[] = {
        HERE(fetches_a_whole_file_once), HERE(replaces_a_damaged_file), HERE(makes_the_folder), HERE(goes_on_where_it_stopped),
        HERE(an_early_end_without_length_is_seen), HERE(a_server_without_ranges_starts_over),
        HERE(a_refused_range_starts_over), HERE(another_range_is_not_taken), HERE(a_complete_part_needs_no_server),
        HERE(a_part_too_long_is_dropped), HERE(a_wrong_checksum_deletes_the_part), HERE(md5_rows_are_verified_too),
        HERE(a_file_of_another_length_is_refused_at_once), HERE(an_endless_body_is_cut), HERE(refusals_leave_nothing_behind),
        HERE(no_server_is_a_network_failure), HERE(redirects_are_followed_within_bounds),
        HERE(a_publisher_is_asked_by_https_only), HERE(a_proxy_is_used), HERE(a_callback_cancels_and_the_part_stays),
        HERE(an_unwritable_folder_is_named), HERE(two_at_once_do_not_mix), HERE(unknown_names_and_bases_are_refused),
        HERE(memory_that_runs_out_is_told)};
    int failed = cmocka_run_group_tests(names, NULL, NULL);
#ifdef DQ_HAVE_CURL
    failed += cmocka_run_group_tests(downloads, start_server, stop_server);
#else
    (void)downloads, (void)start_server, (void)stop_server;
    print_message("skipped: built without libcurl, nothing can be downloaded\n");
#endif
    return failed;
}
