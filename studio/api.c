/* SPDX-License-Identifier: MIT
 * studio/api.c: the table of routes, and what all handlers share. A path is only ever compared with this table; what a request
 * names beyond that is an id of letters and digits. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const route routes[] = {
    {"GET", "/healthz", api_health, ROUTE_OPEN},
    {"GET", "/metrics", api_metrics, ROUTE_PLAIN},
    {"POST", "/api/v1/session", api_session, ROUTE_OPEN},
    {"GET", "/api/v1/openapi.json", api_openapi, ROUTE_OPEN},
    {"GET", "/api/v1/options", api_options, ROUTE_PLAIN},
    {"GET", "/api/v1/counts", api_counts, ROUTE_PLAIN},
    {"GET", "/api/v1/events", api_events, ROUTE_STREAM},
    {"GET", "/api/v1/pictures", api_picture_list, ROUTE_PLAIN},
    {"POST", "/api/v1/pictures", api_picture_add, ROUTE_SLOW | ROUTE_UPLOAD},
    {"GET", "/api/v1/pictures/*", api_picture_one, ROUTE_PLAIN},
    {"PATCH", "/api/v1/pictures/*", api_picture_edit, ROUTE_PLAIN},
    {"DELETE", "/api/v1/pictures/*", api_picture_delete, ROUTE_PLAIN},
    {"GET", "/api/v1/pictures/*/file", api_picture_file, ROUTE_PLAIN},
    {"GET", "/api/v1/pictures/*/view", api_picture_file, ROUTE_PLAIN},
    {"GET", "/api/v1/pictures/*/thumb", api_picture_file, ROUTE_PLAIN},
    {"GET", "/api/v1/folders", api_folder_list, ROUTE_PLAIN},
    {"POST", "/api/v1/folders", api_folder_add, ROUTE_PLAIN},
    {"GET", "/api/v1/folders/*", api_folder_one, ROUTE_PLAIN},
    {"DELETE", "/api/v1/folders/*", api_folder_delete, ROUTE_SLOW},
    {"POST", "/api/v1/folders/*/pairs", api_pair_add, ROUTE_SLOW | ROUTE_UPLOAD},
    {"GET", "/api/v1/pairs/*/thumb", api_pair_file, ROUTE_PLAIN},
    {"DELETE", "/api/v1/pairs/*", api_pair_delete, ROUTE_PLAIN},
    {"GET", "/api/v1/jobs", api_job_list, ROUTE_PLAIN},
    {"POST", "/api/v1/jobs", api_job_add, ROUTE_SLOW | ROUTE_UPLOAD},
    {"GET", "/api/v1/jobs/*", api_job_one, ROUTE_PLAIN},
    {"PATCH", "/api/v1/jobs/*", api_job_edit, ROUTE_PLAIN},
    {"DELETE", "/api/v1/jobs/*", api_job_delete, ROUTE_PLAIN},
    {"POST", "/api/v1/jobs/*/cancel", api_ask, ROUTE_PLAIN},
    {"POST", "/api/v1/jobs/*/finish", api_ask, ROUTE_PLAIN},
    {"POST", "/api/v1/jobs/*/pause", api_ask, ROUTE_PLAIN},
    {"POST", "/api/v1/jobs/*/resume", api_ask, ROUTE_PLAIN},
    {"GET", "/api/v1/jobs/*/events", api_events, ROUTE_STREAM},
    {"GET", "/api/v1/jobs/*/preview", api_job_file, ROUTE_PLAIN},
    {"GET", "/api/v1/jobs/*/view", api_job_file, ROUTE_PLAIN},
    {"GET", "/api/v1/jobs/*/thumb", api_job_file, ROUTE_PLAIN},
    {"GET", "/api/v1/jobs/*/result", api_job_result, ROUTE_SLOW},
};
static const route page = {"GET", "page", api_page, ROUTE_OPEN};

/* True if the path is the pattern, its `*` an id, which is copied. */
static bool matches(const char *pattern, const char *path, char id[STORE_ID]) {
    const char *star = strchr(pattern, '*');
    *id = 0;
    if (!star) return strcmp(pattern, path) == 0;
    const size_t before = (size_t)(star - pattern);
    if (strncmp(pattern, path, before) != 0) return false;
    const size_t length = strcspn(path + before, "/");
    if (length == 0 || length >= STORE_ID || strcmp(star + 1, path + before + length) != 0) return false;
    memcpy(id, path + before, length);
    id[length] = 0;
    return store_id_ok(id);
}

const route *api_route(request *r, const char *method) {
    bool elsewhere = false;
    const bool head = strcmp(method, "HEAD") == 0;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!matches(routes[i].pattern, r->path, r->id)) continue;
        if (strcmp(routes[i].method, method) == 0) return &routes[i];
        if (head && strcmp(routes[i].method, "GET") == 0 && !(routes[i].flags & ROUTE_STREAM)) return &routes[i];
        elsewhere = true;
    }
    *r->id = 0;
    if (elsewhere) answer_problem(r, 405, "method", "that cannot be done with %.10s", method);
    else if (strncmp(r->path, "/api/", 5) == 0) answer_no(r);
    else if (head || strcmp(method, "GET") == 0) return &page;
    else answer_problem(r, 405, "method", "pages can only be read");
    return NULL;
}

/* ---- what handlers share ----------------------------------------------------------------------------------------- */

json_t *api_body(request *r) {
    json_error_t error;
    if (r->size > HTTP_JSON) {
        answer_problem(r, 413, "bytes", "at most %d bytes of JSON can be sent at once", HTTP_JSON);
        return NULL;
    }
    json_t *object = json_loadb(r->body ? r->body : "", r->size, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(object)) return object;
    json_decref(object);
    answer_problem(r, 400, "json", "the body must be a JSON object: %s", *error.text ? error.text : "it is none");
    return NULL;
}

/* Bytes of the UTF-8 character at p, 0 if there is none. */
static size_t character(const unsigned char *p, size_t left) {
    const size_t n = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

void api_clean(char *out, size_t size, const char *text, size_t length) {
    const unsigned char *p = (const unsigned char *)text, *end = p + length;
    size_t n = 0;
    while (p < end && n + 5 < size) {
        const size_t bytes = character(p, (size_t)(end - p));
        if (bytes <= 1) out[n++] = bytes && *p >= 32 && *p != 127 ? (char)*p : '?';
        else {
            memcpy(out + n, p, bytes);
            n += bytes;
        }
        p += bytes ? bytes : 1;
    }
    out[n] = 0;
}

json_t *api_job_public(json_t *job) {
    json_object_del(job, "worker");
    return job;
}

/* ---- the small ones ---------------------------------------------------------------------------------------------- */

void api_health(request *r, store *s) {
    json_t *counts = store_counts(s);
    if (!counts) answer_store(r, s);
    else answer_json(r, 200, json_pack("{s:s, s:s}", "status", "ok", "version", dq_version()));
    json_decref(counts);
}

void api_counts(request *r, store *s) {
    json_t *counts = store_counts(s);
    if (counts) answer_json(r, 200, counts);
    else answer_store(r, s);
}

void api_options(request *r, store *s) {
    (void)s;
    answer_json(r, 200, json_deep_copy(r->server->options));
}

void api_session(request *r, store *s) {
    (void)s;
    json_t *body = api_body(r);
    if (!body) return;
    const char *token = json_string_value(json_object_get(body, "token"));
    if (!guard_take(r->server, r->address, true))
        answer_problem(r, 429, "guesses", "too many guesses; wait a minute");
    else if (!token || !guard_is_token(r->server, token)) answer_problem(r, 401, "token", "that is not the token");
    else {
        char cookie[160];
        snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000", r->server->cookie,
                 r->server->token);
        answer_empty(r, 204);
        answer_header(r, "Set-Cookie", cookie);
    }
    json_decref(body);
}

void api_ask(request *r, store *s) {
    const char *what = strrchr(r->path, '/') + 1;
    const int code = store_job_ask(s, r->id, what);
    if (code < 0) answer_store(r, s);
    else if (code == 1) answer_no(r);
    else if (code == 2) answer_problem(r, 409, "state", "the job is not in a state in which it could be asked to %s", what);
    else api_job_one(r, s);
}
