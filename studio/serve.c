/* SPDX-License-Identifier: MIT
 * studio/serve.c: the server as a whole: folder, lock, store, our own pictures, children that paint, HTTP, and the loop that
 * tells watchers what has changed. Also `danqing worker`, which is the children alone. */
#include "assets.h"
#include "child.h"
#include "crew.h"
#include "events.h"
#include "http.h"
#include "options.h"
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int say_why(char message[STUDIO_MESSAGE], int status, const char *what, const char *reason) {
    snprintf(message, STUDIO_MESSAGE, "%s: %.240s", what, reason);
    return status;
}

/* ---- our own pictures -------------------------------------------------------------------------------------------- */

static int add_sample(store *s, const asset_sample *sample) {
    static const char *const parts[] = {"png", "view", "thumb"};
    child_picture p;
    int code = child_decode("intake", "4000000", sample->begin, (size_t)(sample->end - sample->begin), 60, &p);
    for (int i = 0; !code && i < 3; i++) code = store_put(s, sample->id, parts[i], p.file[i], p.size[i]);
    if (!code) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b}", "id", sample->id, "kind", sample->kind, "name",
                                sample->name, "width", p.width, "height", p.height, "format", "png", "builtin", 1);
        code = store_picture_put(s, row);
        json_decref(row);
    }
    free(p.block);
    return code;
}

static int add_samples(store *s) {
    const asset_sample *sample;
    int code = 0;
    for (int i = 0; !code && (sample = asset_sample_at(i)); i++) {
        json_t *row = store_picture(s, sample->id);
        if (!row) code = *store_reason(s) ? -1 : add_sample(s, sample);
        json_decref(row);
    }
    return code;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

/* One server for a folder: the lock ends with the process, however it ends. */
static int lock_folder(const char *data, char message[STUDIO_MESSAGE]) {
    char path[4200];
    snprintf(path, sizeof path, "%s/lock", data);
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) say_why(message, DQ_OUTPUT, "cannot write the lock in the studio's folder", strerror(errno));
    else if (flock(file, LOCK_EX | LOCK_NB)) {
        say_why(message, DQ_FAILED, "a studio runs here already; --data FOLDER starts another in its own folder", data);
        close(file);
        return -1;
    }
    return file;
}

/* Puts everything that an earlier process left into order. */
static int recover(store *s, bool local) {
    int code = store_expire(s, local);
    if (!code && local && store_sweep(s) < 0) code = -1;
    return code ? code : add_samples(s);
}

static bool is_loopback(const char *listen) {
    return !listen || strncmp(listen, "127.", 4) == 0 || strcmp(listen, "::1") == 0;
}

static void open_browser(const char *url) {
    pid_t pid;
    char *arguments[] = {(char[]){"xdg-open"}, (char *)(uintptr_t)url, NULL};
    posix_spawn_file_actions_t actions;
    if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) return;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++) posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
    if (posix_spawnp(&pid, "xdg-open", &actions, NULL, arguments, environ) == 0) waitpid(pid, NULL, WNOHANG);
    posix_spawn_file_actions_destroy(&actions);
}

static void greet(const server *v) {
    char line[400], url[200];
    const char *listen = v->settings->listen ? v->settings->listen : "127.0.0.1";
    const char *name = strcmp(listen, "0.0.0.0") == 0 || strcmp(listen, "::") == 0 ? "localhost" : listen;
    if (v->settings->host) name = v->settings->host;
    const bool brackets = name == listen && strchr(listen, ':');
    snprintf(url, sizeof url, brackets ? "http://[%s]:%d/?token=%s" : "http://%s:%d/?token=%s", name, v->port, v->token);
    snprintf(line, sizeof line, "the studio is open at %s", url);
    v->settings->say(line);
    if (!is_loopback(v->settings->listen))
        v->settings->say("everybody who reaches this address and has the token can use the studio and see its pictures; what is"
                         " sent is not encrypted, so put a proxy with TLS before it outside a network that you trust");
    if (v->settings->open) open_browser(url);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void tell_changes(server *v, store *s, int64_t *change) {
    size_t i;
    json_t *job, *jobs = store_changes(s, change);
    json_array_foreach(jobs, i, job) {
        char *data = json_dumps(api_job_public(job), JSON_COMPACT | JSON_REAL_PRECISION(9));
        if (data) events_tell(v->events, "job", json_string_value(json_object_get(job, "id")), data);
        free(data);
    }
    json_decref(jobs);
}

static int64_t change_now(store *s) {
    json_t *counts = store_counts(s);
    const int64_t change = json_integer_value(json_object_get(counts, "change"));
    json_decref(counts);
    return change;
}

static void tidy(store *s, const char *data, int keep_days) {
    if (keep_days > 0) store_retain(s, store_now(s) - keep_days * 86400000ll);
    crew_clear(data, s);
    draw_clear(data, s);
}

static void loop(server *v, store *s, const char *data) {
    int64_t change = change_now(s);
    for (long round = 0; !v->settings->stopped(); round++) {
        if (*store_reason(s)) store_mend(s);
        tell_changes(v, s, &change);
        crew_tend(v->crew, s);
        if (round % 20 == 0) {
            http_tend(v);
            events_tend(v->events);
        }
        if (round % 60 == 0) store_expire(s, false);
        if (round % 72000 == 0) tidy(s, data, v->settings->keep_days);
        usleep(50000);
    }
}

static int serve(server *v, store *s, const char *data, char message[STUDIO_MESSAGE]) {
    if (dq_context_new(&v->ctx, 1) || !(v->options = options_json(v->ctx)) || !(v->events = events_new()))
        return say_why(message, DQ_FAILED, "the library does not start", "out of memory");
    int code = recover(s, !v->settings->store);
    if (code) return say_why(message, DQ_FAILED, "the studio's folder cannot be used", store_reason(s));
    crew painters;
    if (crew_start(&painters, v->settings, data, v->location))
        return say_why(message, DQ_FAILED, "cannot start", strerror(errno));
    v->crew = &painters;
    code = guard_token(v, data, message) ? DQ_OUTPUT : http_start(v, message);
    if (!code) {
        greet(v);
        loop(v, s, data);
    }
    if (v->daemon) http_end(v);
    crew_end(&painters, 5);
    return code;
}

int studio_serve(const studio_settings *settings, char message[STUDIO_MESSAGE]) {
    char data[4096], reason[240];
    server *v = calloc(1, sizeof *v);
    if (!v) return say_why(message, DQ_LIMIT, "cannot start", "out of memory");
    v->settings = settings;
    pthread_mutex_init(&v->lock, NULL);
    pthread_mutex_init(&v->watch_lock, NULL);
    pthread_cond_init(&v->more, NULL);
    int code = crew_folder(settings->data, data, message) ? DQ_OUTPUT : 0;
    const int lock = code ? -1 : lock_folder(data, message);
    if (!code && lock < 0) code = DQ_FAILED;
    v->location = settings->store ? settings->store : data;
    store *s = code ? NULL : store_open(v->location, true, reason);
    v->s = s ? store_open(v->location, true, reason) : NULL;
    if (!code && !v->s) code = say_why(message, DQ_FAILED, "the store cannot be opened", reason);
    if (!code) code = serve(v, s, data, message);
    store_close(s);
    store_close(v->s);
    if (v->events) events_free(v->events);
    json_decref(v->options);
    dq_context_free(&v->ctx);
    if (lock >= 0) close(lock);
    free(v);
    return code;
}

/* ---- danqing worker ---------------------------------------------------------------------------------------------- */

int studio_worker(const studio_settings *settings, char message[STUDIO_MESSAGE]) {
    char data[4096], reason[240];
    crew painters;
    if (crew_folder(settings->data, data, message)) return DQ_OUTPUT;
    const char *location = settings->store ? settings->store : data;
    store *s = store_open(location, true, reason);
    if (!s) return say_why(message, DQ_FAILED, "the store cannot be opened", reason);
    int code = crew_start(&painters, settings, data, location);
    if (code) code = say_why(message, DQ_FAILED, "cannot start", strerror(errno));
    else settings->say("painting what the queue holds");
    for (long round = 0; !code && !settings->stopped(); round++) {
        if (*store_reason(s)) store_mend(s);
        crew_tend(&painters, s);
        if (round % 30 == 0) store_expire(s, false);
        usleep(100000);
    }
    if (!code) crew_end(&painters, 5);
    store_close(s);
    return code;
}
