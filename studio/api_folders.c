/* SPDX-License-Identifier: MIT
 * studio/api_folders.c: folders of pairs that sketches are drawn from: made, filled with a photo and its sketch at a time,
 * listed, deleted. Their files are named by ids; what people call them is only shown. */
#include "child.h"
#include "http.h"
#include "multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDERS = 200 };

/* The row, or NULL with an answer. */
static json_t *found(request *r, store *s, json_t *row) {
    if (!row && *store_reason(s)) answer_store(r, s);
    else if (!row) answer_no(r);
    return row;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

void api_folder_list(request *r, store *s) {
    json_t *rows = store_folders(s);
    if (rows) answer_json(r, 200, json_pack("{s:o}", "folders", rows));
    else answer_store(r, s);
}

void api_folder_one(request *r, store *s) {
    json_t *folder = found(r, s, store_folder(s, r->id)), *pairs = folder ? store_pairs(s, r->id) : NULL;
    if (pairs) {
        json_object_set_new(folder, "pairs", pairs);
        answer_json(r, 200, folder);
    } else if (folder) {
        answer_store(r, s);
        json_decref(folder);
    }
}

void api_folder_add(request *r, store *s) {
    char name[120], id[STORE_ID];
    json_t *body = api_body(r), *rows = body ? store_folders(s) : NULL;
    const char *given = json_string_value(json_object_get(body, "name"));
    api_clean(name, sizeof name, given ? given : "", given ? strlen(given) : 0);
    store_new_id(id);
    if (body && !rows) answer_store(r, s);
    else if (body && !*name) answer_problem(r, 422, "form", "a folder has a name");
    else if (body && json_array_size(rows) >= FOLDERS) answer_problem(r, 409, "full", "there are %d folders already", FOLDERS);
    else if (body && store_folder_add(s, id, name)) answer_store(r, s);
    else if (body) answer_json(r, 201, store_folder(s, id));
    json_decref(rows);
    json_decref(body);
}

void api_folder_delete(request *r, store *s) {
    const int code = store_folder_delete(s, r->id);
    if (code < 0) answer_store(r, s);
    else if (code == 1) answer_no(r);
    else if (code == 2) answer_problem(r, 409, "used", "a job that is not finished draws from this folder");
    else answer_empty(r, 204);
}

/* ---- pairs ------------------------------------------------------------------------------------------------------- */

/* Files first, the row last. The thumbnail is the sketch's. */
static int keep(store *s, const char *id, const child_picture *photo, const child_picture *sketch) {
    int code = store_put(s, id, "photo", photo->file[0], photo->size[0]);
    if (!code) code = store_put(s, id, "sketch", sketch->file[0], sketch->size[0]);
    if (!code) code = store_put(s, id, "thumb", sketch->file[2], sketch->size[2]);
    return code;
}

static void drop(store *s, const char *id) {
    static const char *const parts[] = {"photo", "sketch", "thumb"};
    for (int i = 0; i < 3; i++) store_drop(s, id, parts[i]);
}

static void add(request *r, store *s, const multipart_part *photo, const multipart_part *sketch, const char *name) {
    char id[STORE_ID];
    child_picture p = {0}, k = {0};
    if (!api_decode(r, photo->bytes, photo->size, &p) || !api_decode(r, sketch->bytes, sketch->size, &k)) {
        free(p.block);
        return;
    }
    store_new_id(id);
    int code = 0;
    if (p.width != k.width || p.height != k.height)
        answer_problem(r, 422, "pair", "the photo is %d x %d, its sketch %d x %d; both must have one size", p.width, p.height,
                       k.width, k.height);
    else if (keep(s, id, &p, &k) || (code = store_pair_add(s, id, r->id, name)) < 0) answer_store(r, s);
    else if (code) {
        drop(s, id);
        answer_problem(r, 409, "full", "the folder has %d pairs already, or has been deleted", STORE_PAIRS);
    } else answer_json(r, 201, json_pack("{s:s, s:s, s:s}", "id", id, "folder", r->id, "name", name));
    free(p.block);
    free(k.block);
}

/* A form with the files photo and sketch, and a name; without one the pair is called as the photo. */
void api_pair_add(request *r, store *s) {
    char boundary[MULTIPART_BOUNDARY + 1], name[120] = "", clean[120];
    multipart_part parts[MULTIPART_PARTS], *photo = NULL, *sketch = NULL;
    const char *type = http_header(r, "Content-Type");
    const bool form = type && multipart_boundary(type, boundary) == 0;
    const int count = form ? multipart_parse(r->body ? r->body : "", r->size, boundary, parts) : -1;
    for (int i = 0; i < count; i++) {
        if (strcmp(parts[i].name, "photo") == 0) photo = &parts[i];
        else if (strcmp(parts[i].name, "sketch") == 0) sketch = &parts[i];
        else if (strcmp(parts[i].name, "name") == 0)
            snprintf(name, sizeof name, "%.*s", (int)(parts[i].size < 110 ? parts[i].size : 110), parts[i].bytes);
    }
    if (photo && !*name) api_plain_name(name, photo->file);
    api_clean(clean, sizeof clean, *name ? name : "pair", strlen(*name ? name : "pair"));
    json_t *folder = found(r, s, store_folder(s, r->id));
    if (folder && (!photo || !sketch)) answer_problem(r, 400, "form", "a pair is a form with the files photo and sketch");
    else if (folder) add(r, s, photo, sketch, clean);
    json_decref(folder);
}

void api_pair_file(request *r, store *s) {
    void *bytes;
    size_t size;
    json_t *row = found(r, s, store_pair(s, r->id));
    const int code = row ? store_get(s, r->id, "thumb", &bytes, &size) : 2;
    if (code < 0) answer_store(r, s);
    else if (code == 1) answer_no(r);
    else if (code == 0) answer_bytes(r, "image/jpeg", bytes, size, 31536000);
    json_decref(row);
}

void api_pair_delete(request *r, store *s) {
    const int code = store_pair_delete(s, r->id);
    if (code < 0) answer_store(r, s);
    else if (code) answer_no(r);
    else answer_empty(r, 204);
}
