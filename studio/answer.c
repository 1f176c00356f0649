/* SPDX-License-Identifier: MIT
 * studio/answer.c: makes answers, all with the headers that keep a browser from doing more with them than was meant. */
#include "http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *value;
} always[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src"
     " 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(self), microphone=(), geolocation=()"},
};

static void answer(request *r, unsigned status, struct MHD_Response *response, const char *type, const char *cache) {
    r->status = status;
    r->answer = response;
    if (!response) return;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        MHD_add_response_header(response, always[i].name, always[i].value);
    if (type) MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", cache);
}

void answer_header(request *r, const char *name, const char *value) {
    if (r->answer) MHD_add_response_header(r->answer, name, value);
}

static void answer_text(request *r, unsigned status, char *text, const char *type) {
    if (!text) text = strdup("{}");
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    answer(r, status, response, type, "no-store");
}

void answer_json(request *r, unsigned status, json_t *object) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    answer_text(r, status, text, "application/json");
}

static const char *title_of(unsigned status) {
    switch (status) {
    case 400: return "Bad request";
    case 401: return "A token is needed";
    case 403: return "Not from here";
    case 404: return "Not here";
    case 405: return "Not that method";
    case 409: return "Not in this state";
    case 413: return "Too large";
    case 415: return "Not a kind that is read here";
    case 422: return "Cannot be used";
    case 429: return "Too much at once";
    case 503: return "Not now";
    default: return "Failed";
    }
}

void answer_problem(request *r, unsigned status, const char *code, const char *format, ...) {
    char detail[400], clean[400];
    va_list list;
    va_start(list, format);
    vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    api_clean(clean, sizeof clean, detail, strlen(detail));
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank", "title", title_of(status), "status",
                                (int)status, "detail", clean, "code", code);
    char *text = json_dumps(problem, JSON_COMPACT);
    json_decref(problem);
    answer_text(r, status, text, "application/problem+json");
    if (status == 429 || status == 503) answer_header(r, "Retry-After", "2");
    if (status == 401) answer_header(r, "WWW-Authenticate", "Bearer");
}

void answer_store(request *r, const store *s) {
    answer_problem(r, 503, "store", "%s", *store_reason(s) ? store_reason(s) : "the store does not answer");
}

void answer_no(request *r) { answer_problem(r, 404, "not-found", "there is no such thing here"); }

void answer_empty(request *r, unsigned status) {
    answer(r, status, MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT), NULL, "no-store");
}

void answer_bytes(request *r, const char *type, void *bytes, size_t size, int cache) {
    char control[64];
    snprintf(control, sizeof control, cache ? "private, max-age=%d, immutable" : "no-store", cache);
    answer(r, 200, MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE), type, control);
}

void answer_fixed(request *r, const char *type, const void *bytes, size_t size, const char *tag) {
    const char *known = http_header(r, "If-None-Match");
    const bool same = known && strcmp(known, tag) == 0;
    answer(r, same ? 304 : 200,
           MHD_create_response_from_buffer(same ? 0 : size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT), type, "no-cache");
    answer_header(r, "ETag", tag);
}

/* The name as RFC 6266 wants it: plain letters, and all of it in percent signs. */
void answer_name(request *r, const char *name) {
    char value[700] = "attachment; filename=\"";
    size_t n = strlen(value);
    for (const char *p = name; *p && n < 120; p++) value[n++] = *p > 32 && *p < 127 && !strchr("\"\\/;%", *p) ? *p : '_';
    n += (size_t)snprintf(value + n, sizeof value - n, "\"; filename*=UTF-8''");
    for (const unsigned char *p = (const unsigned char *)name; *p && n < sizeof value - 4; p++) {
        const bool plain = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || strchr("-._", *p);
        n += (size_t)snprintf(value + n, sizeof value - n, plain ? "%c" : "%%%02X", *p);
    }
    answer_header(r, "Content-Disposition", value);
}
