/* SPDX-License-Identifier: MIT
 * studio/api_meta.c: what programs read about the studio: figures for Prometheus, and the description of the API. */
#include "assets.h"
#include "crew.h"
#include "events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Bytes of memory that this process has. */
static long resident(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void write_jobs(FILE *to, json_t *counts) {
    static const char *const states[] = {"queued", "running", "paused", "finished", "failed", "cancelled"};
    fprintf(to, "# HELP danqing_jobs Jobs by state.\n# TYPE danqing_jobs gauge\n");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        fprintf(to, "danqing_jobs{state=\"%s\"} %lld\n", states[i],
                (long long)json_integer_value(json_object_get(counts, states[i])));
}

static void gauge(FILE *to, const char *name, const char *help, const char *type, long long value) {
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", name, help, name, type, name, value);
}

void api_metrics(request *r, store *s) {
    char *text = NULL;
    size_t size = 0;
    server *v = r->server;
    json_t *counts = store_counts(s);
    FILE *to = counts ? open_memstream(&text, &size) : NULL;
    if (!to) {
        json_decref(counts);
        answer_store(r, s);
        return;
    }
    write_jobs(to, counts);
    gauge(to, "danqing_pictures", "Pictures that are kept.", "gauge", json_integer_value(json_object_get(counts, "pictures")));
    gauge(to, "danqing_changes_total", "Changes of jobs.", "counter", json_integer_value(json_object_get(counts, "change")));
    gauge(to, "danqing_watchers", "Streams of events that are open.", "gauge", events_watchers(v->events));
    gauge(to, "danqing_connections", "Connections that are open.", "gauge", atomic_load(&v->open));
    gauge(to, "danqing_worker_deaths_total", "Painting processes that ended by themselves.", "counter", v->crew->deaths);
    gauge(to, "danqing_resident_bytes", "Memory of the server.", "gauge", resident());
    fprintf(to, "# HELP danqing_answers_total Answers by status.\n# TYPE danqing_answers_total counter\n");
    for (int i = 2; i < 6; i++) fprintf(to, "danqing_answers_total{status=\"%dxx\"} %ld\n", i, atomic_load(&v->answers[i]));
    json_decref(counts);
    fclose(to);
    answer_bytes(r, "text/plain; version=0.0.4", text, size, 0);
}

void api_openapi(request *r, store *s) {
    (void)s;
    const asset *a = asset_named("/openapi.json");
    answer_fixed(r, "application/json", a->begin, asset_size(a), a->tag);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

/* The address that is printed carries the token; the browser keeps it as a cookie and forgets the address. */
static bool enter(request *r) {
    const char *token = http_query(r, "token");
    char cookie[160];
    if (!*token || strcmp(r->path, "/") != 0) return false;
    if (!guard_take(r->server, r->address, true)) answer_problem(r, 429, "guesses", "too many guesses; wait a minute");
    else if (!guard_is_token(r->server, token)) return false;
    else {
        snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000", r->server->cookie,
                 r->server->token);
        answer_empty(r, 303);
        answer_header(r, "Location", "/");
        answer_header(r, "Set-Cookie", cookie);
    }
    return true;
}

void api_page(request *r, store *s) {
    (void)s;
    const asset *a = asset_named(strcmp(r->path, "/") == 0 ? "/index.html" : r->path);
    if (enter(r)) return;
    if (!a || strcmp(a->name, "/openapi.json") == 0) {
        answer_no(r);
        return;
    }
    answer_fixed(r, a->type, a->begin, asset_size(a), a->tag);
}
