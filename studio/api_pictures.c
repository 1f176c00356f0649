/* SPDX-License-Identifier: MIT
 * studio/api_pictures.c: photos, paintings and masks: taken in through the child that decodes them, listed, given out. */
#include "child.h"
#include "http.h"
#include "multipart.h"
#include "sniff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECODE_SECONDS = 40 };

/* ---- taking in --------------------------------------------------------------------------------------------------- */

static bool is_kind(const char *kind) {
    return strcmp(kind, "photo") == 0 || strcmp(kind, "style") == 0 || strcmp(kind, "mask") == 0;
}

/* What the first bytes tell is enough to refuse most of what cannot be used. */
static bool looks_right(request *r, const void *bytes, size_t size) {
    uint32_t w, h;
    const char *kind = sniff(bytes, size, &w, &h);
    const double most = r->server->settings->max_pixels * 1e6;
    if (!kind) answer_problem(r, 415, "kind", "pictures can be JPEG, PNG, WebP or HEIC; this is none of them or is damaged");
    else if ((double)w * h > most || w > 32768 || h > 32768)
        answer_problem(r, 413, "pixels", "%u x %u pixels are more than the %.0f million that are allowed", w, h, most / 1e6);
    else return true;
    return false;
}

static void refuse(request *r, const child_picture *p) {
    if (p->status == DQ_LIMIT) answer_problem(r, 413, "pixels", "%s", p->reason);
    else answer_problem(r, 422, "damaged", "%s", p->reason);
}

/* Files first, the row last: a row never names a file that is not there. */
static int keep(store *s, const json_t *row, const child_picture *p) {
    static const char *const parts[] = {NULL, "view", "thumb"};
    const char *id = json_string_value(json_object_get(row, "id"));
    int code = 0;
    for (int i = 0; !code && i < 3; i++) code = store_put(s, id, parts[i] ? parts[i] : p->format, p->file[i], p->size[i]);
    return code ? code : store_picture_put(s, row);
}

static json_t *row_of(const char *id, const char *kind, const char *name, const child_picture *p) {
    char clean[120];
    api_clean(clean, sizeof clean, name, strlen(name));
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b}", "id", id, "kind", kind, "name", clean, "width", p->width, "height",
                     p->height, "format", p->format, "builtin", 0);
}

bool api_decode(request *r, const void *bytes, size_t size, child_picture *p) {
    char most[32];
    if (!looks_right(r, bytes, size)) return false;
    snprintf(most, sizeof most, "%lld", r->server->settings->max_pixels * 1000000ll);
    if (child_decode("intake", most, bytes, size, DECODE_SECONDS, p) == 0) return true;
    refuse(r, p);
    return false;
}

json_t *api_take_in(request *r, store *s, const char *kind, const char *name, const void *bytes, size_t size) {
    char id[STORE_ID];
    child_picture p;
    if (!api_decode(r, bytes, size, &p)) return NULL;
    store_new_id(id);
    json_t *row = row_of(id, kind, *name ? name : kind, &p);
    if (keep(s, row, &p)) {
        answer_store(r, s);
        json_decref(row);
        row = NULL;
    }
    free(p.block);
    return row;
}

void api_plain_name(char out[120], const char *file) {
    const char *base = strrchr(file, '/'), *back = strrchr(file, '\\');
    base = base && base > back ? base + 1 : back ? back + 1 : file;
    const char *dot = strrchr(base, '.');
    const size_t length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    snprintf(out, 120, "%.*s", (int)(length < 110 ? length : 110), base);
}

/* The file of a form, and its fields kind and name. */
static void add_form(request *r, store *s, const char *boundary) {
    multipart_part parts[MULTIPART_PARTS], *file = NULL;
    char kind[16] = "photo", name[120] = "";
    const int count = multipart_parse(r->body ? r->body : "", r->size, boundary, parts);
    for (int i = 0; i < count; i++) {
        const int length = (int)(parts[i].size < 110 ? parts[i].size : 110);
        if (strcmp(parts[i].name, "kind") == 0) snprintf(kind, sizeof kind, "%.*s", length, parts[i].bytes);
        else if (strcmp(parts[i].name, "name") == 0) snprintf(name, sizeof name, "%.*s", length, parts[i].bytes);
        else if (strcmp(parts[i].name, "file") == 0) file = &parts[i];
    }
    if (count < 0) answer_problem(r, 400, "form", "the form is not well formed");
    else if (!file || !is_kind(kind)) answer_problem(r, 400, "form", "a form has a file, and a kind: photo, style or mask");
    else {
        if (!*name) api_plain_name(name, file->file);
        json_t *row = api_take_in(r, s, kind, name, file->bytes, file->size);
        if (row) answer_json(r, 201, row);
    }
}

void api_picture_add(request *r, store *s) {
    char boundary[MULTIPART_BOUNDARY + 1];
    const char *type = http_header(r, "Content-Type"), *kind = http_query(r, "kind");
    if (type && multipart_boundary(type, boundary) == 0) add_form(r, s, boundary);
    else if (!type || strncmp(type, "image/", 6) != 0)
        answer_problem(r, 415, "form", "send multipart/form-data with a file, or the picture itself as image/…");
    else if (*kind && !is_kind(kind)) answer_problem(r, 400, "form", "kind is photo, style or mask");
    else {
        json_t *row = api_take_in(r, s, *kind ? kind : "photo", http_query(r, "name"), r->body ? r->body : "", r->size);
        if (row) answer_json(r, 201, row);
    }
}

/* ---- giving out -------------------------------------------------------------------------------------------------- */

void api_picture_list(request *r, store *s) {
    json_t *rows = store_pictures(s, http_query(r, "kind"), http_query_number(r, "before", 0, 0, INT64_MAX),
                                  (int)http_query_number(r, "limit", 200, 1, 500));
    if (rows) answer_json(r, 200, json_pack("{s:o}", "pictures", rows));
    else answer_store(r, s);
}

/* The row, or NULL with an answer. */
static json_t *find(request *r, store *s) {
    json_t *row = store_picture(s, r->id);
    if (!row && *store_reason(s)) answer_store(r, s);
    else if (!row) answer_no(r);
    return row;
}

void api_picture_one(request *r, store *s) {
    json_t *row = find(r, s);
    if (row) answer_json(r, 200, row);
}

void api_picture_file(request *r, store *s) {
    void *bytes;
    size_t size;
    json_t *row = find(r, s);
    if (!row) return;
    const char *part = strrchr(r->path, '/') + 1, *format = json_string_value(json_object_get(row, "format"));
    const bool whole = strcmp(part, "file") == 0;
    const int code = store_get(s, r->id, whole ? format : part, &bytes, &size);
    if (code < 0) answer_store(r, s);
    else if (code) answer_no(r);
    else answer_bytes(r, whole && strcmp(format, "png") == 0 ? "image/png" : "image/jpeg", bytes, size, 31536000);
    json_decref(row);
}

void api_picture_edit(request *r, store *s) {
    char name[120];
    json_t *body = api_body(r), *row = body ? find(r, s) : NULL;
    if (row) {
        const char *new_name = json_string_value(json_object_get(body, "name"));
        const char *kind = json_string_value(json_object_get(body, "kind"));
        if (!new_name || !*new_name) new_name = json_string_value(json_object_get(row, "name"));
        if (!kind) kind = json_string_value(json_object_get(row, "kind"));
        api_clean(name, sizeof name, new_name, strlen(new_name));
        if (!is_kind(kind)) answer_problem(r, 422, "form", "kind is photo, style or mask");
        else if (store_picture_rename(s, r->id, name, kind) < 0) answer_store(r, s);
        else api_picture_one(r, s);
    }
    json_decref(row);
    json_decref(body);
}

void api_picture_delete(request *r, store *s) {
    json_t *row = find(r, s);
    if (!row) return;
    const int code = json_is_true(json_object_get(row, "builtin")) ? 3 : store_picture_delete(s, r->id);
    if (code < 0) answer_store(r, s);
    else if (code == 1) answer_no(r);
    else if (code == 2) answer_problem(r, 409, "used", "a job that is not finished needs this picture");
    else if (code == 3) answer_problem(r, 409, "builtin", "the studio's own pictures stay");
    else answer_empty(r, 204);
    json_decref(row);
}
