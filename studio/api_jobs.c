/* SPDX-License-Identifier: MIT
 * studio/api_jobs.c: jobs: a request becomes a row of the queue when everything in it has been checked; results are given out
 * in the format that is asked for. */
#include "child.h"
#include "crew.h"
#include "events.h"
#include "http.h"
#include "multipart.h"
#include "options.h"
#include "sketch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONVERT_SECONDS = 60, STYLES = 16 };

/* ---- from a request to {photo, styles, options, sketch, title, batch, priority} ---------------------------------- */

/* Numbers and switches of JSON become the texts that options are. */
static json_t *option_text(const json_t *value) {
    char text[64];
    if (json_is_string(value)) return json_string(json_string_value(value));
    if (json_is_boolean(value)) return json_string(json_is_true(value) ? "on" : "off");
    if (json_is_integer(value)) snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) snprintf(text, sizeof text, "%.9g", json_real_value(value));
    else return json_null(); /* refused later, by its name */
    return json_string(text);
}

static json_t *option_texts(const json_t *object) {
    const char *name;
    json_t *value, *texts = json_object();
    json_object_foreach((json_t *)(uintptr_t)object, name, value) json_object_set_new(texts, name, option_text(value));
    return texts;
}

static json_t *job_of_json(request *r) {
    json_t *body = api_body(r);
    if (!body) return NULL;
    json_t *options = option_texts(json_object_get(body, "options")), *sketch = json_object_get(body, "sketch");
    json_t *job = json_pack("{s:O?, s:O?, s:o, s:O?, s:O?, s:O?}", "photo", json_object_get(body, "photo"), "styles",
                            json_object_get(body, "styles"), "options", options, "title", json_object_get(body, "title"), "batch",
                            json_object_get(body, "batch"), "priority", json_object_get(body, "priority"));
    if (sketch && !json_is_null(sketch)) json_object_set_new(job, "sketch", option_texts(sketch));
    json_decref(body);
    return job;
}

static json_t *text_of(const multipart_part *part) {
    char text[600];
    api_clean(text, sizeof text, part->bytes, part->size);
    return json_string(text);
}

/* The id of a part: as it says, or of the file in it, which is taken in. NULL with an answer. */
static json_t *id_of(request *r, store *s, const multipart_part *part, const char *kind) {
    char name[120];
    if (!*part->file) return text_of(part);
    const char *dot = strrchr(part->file, '.');
    snprintf(name, sizeof name, "%.*s", (int)(dot && dot > part->file ? dot - part->file : 110), part->file);
    json_t *row = api_take_in(r, s, kind, name, part->bytes, part->size);
    json_t *id = row ? json_incref(json_object_get(row, "id")) : NULL;
    json_decref(row);
    return id;
}

static int add_part(request *r, store *s, json_t *job, const multipart_part *part) {
    json_t *id;
    const char *name = part->name;
    const bool photo = strcmp(name, "photo") == 0, style = strcmp(name, "style") == 0 || strcmp(name, "styles") == 0;
    if (photo || style) {
        if (!(id = id_of(r, s, part, photo ? "photo" : "style"))) return -1;
        return photo ? json_object_set_new(job, name, id) : json_array_append_new(json_object_get(job, "styles"), id);
    }
    if (strcmp(name, "title") == 0 || strcmp(name, "batch") == 0) return json_object_set_new(job, name, text_of(part));
    if (strcmp(name, "priority") == 0) return json_object_set_new(job, name, json_integer(strtol(part->bytes, NULL, 10)));
    if (sketch_is_setting(name)) {
        if (!json_object_get(job, "sketch")) json_object_set_new(job, "sketch", json_object());
        return json_object_set_new(json_object_get(job, "sketch"), name, text_of(part));
    }
    const dq_option_info *info = option_named(name);
    const option_use use = info ? option_use_of(info) : OPTION_NEVER;
    const bool picture = *part->file && (use == OPTION_PICTURE || use == OPTION_INIT);
    if (!(id = picture ? id_of(r, s, part, "mask") : text_of(part))) return -1;
    return json_object_set_new(json_object_get(job, "options"), name, id);
}

static json_t *job_of_form(request *r, store *s, const char *boundary) {
    multipart_part parts[MULTIPART_PARTS];
    const int count = multipart_parse(r->body ? r->body : "", r->size, boundary, parts);
    if (count < 0) {
        answer_problem(r, 400, "form", "the form is not well formed");
        return NULL;
    }
    json_t *job = json_pack("{s:[], s:{}}", "styles", "options");
    for (int i = 0; i < count; i++)
        if (add_part(r, s, job, &parts[i])) {
            json_decref(job);
            return NULL;
        }
    return job;
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

/* The picture's name goes to `name`. */
static bool is_there(store *s, const char *id, char name[120]) {
    json_t *row = id && store_id_ok(id) ? store_picture(s, id) : NULL;
    if (!row) return false;
    snprintf(name, 120, "%s", json_string_value(json_object_get(row, "name")));
    json_decref(row);
    return true;
}

static void set_title(json_t *job, const char *title) {
    char clean[300];
    if (json_string_length(json_object_get(job, "title"))) return;
    api_clean(clean, sizeof clean, title, strlen(title));
    json_object_set_new(job, "title", json_string(clean));
}

/* A sketch has no paintings and no options, but perhaps a folder of pairs, which must not be empty. */
static bool sketch_is_right(request *r, store *s, json_t *job, const char *photo) {
    char text[240], title[300];
    const json_t *sketch = json_object_get(job, "sketch");
    const char *refusal = sketch_refusal(sketch, text), *id = sketch_value(sketch, "folder");
    if (json_array_size(json_object_get(job, "styles")) || json_object_size(json_object_get(job, "options")))
        refusal = "a sketch takes no paintings, and no options of painting";
    json_t *folder = !refusal && *id && store_id_ok(id) ? store_folder(s, id) : NULL;
    if (!refusal && *id && json_integer_value(json_object_get(folder, "pairs")) < 1)
        refusal = folder ? "the folder has no pairs yet" : "the folder is not here";
    const char *name = json_string_value(json_object_get(folder, "name"));
    snprintf(title, sizeof title, "%.60s · %.80s", photo, name ? name : sketch_value(sketch, "method"));
    if (refusal) answer_problem(r, 422, "sketch", "%s", refusal);
    else set_title(job, title);
    if (!refusal) json_object_set_new(job, "styles", json_array());
    json_decref(folder);
    return !refusal;
}

/* "photo · painting + painting", where the request gives no title. */
static bool pictures_are_there(request *r, store *s, json_t *job) {
    char title[300], name[120];
    size_t i;
    json_t *style, *styles = json_object_get(job, "styles");
    if (!is_there(s, json_string_value(json_object_get(job, "photo")), name)) {
        answer_problem(r, 422, "photo", "photo must be a file, or the id of a picture that is here");
        return false;
    }
    if (json_object_get(job, "sketch")) return sketch_is_right(r, s, job, name);
    if (!json_is_array(styles) || json_array_size(styles) < 1 || json_array_size(styles) > STYLES) {
        answer_problem(r, 422, "styles", "there must be 1 to %d styles", STYLES);
        return false;
    }
    int n = snprintf(title, sizeof title, "%.60s", name);
    json_array_foreach(styles, i, style) {
        if (!is_there(s, json_string_value(style), name)) {
            answer_problem(r, 422, "styles", "style %zu is not a picture that is here", i + 1);
            return false;
        }
        if (n < 200) n += snprintf(title + n, sizeof title - (size_t)n, "%s%.50s", i ? " + " : " · ", name);
    }
    set_title(job, title);
    return true;
}

/* Pictures among the options must be there, too. */
static bool options_are_right(request *r, store *s, const json_t *job) {
    char text[240], name[120], id[STORE_ID];
    const char *option;
    json_t *value, *options = json_object_get(job, "options");
    dq_context *ctx = NULL;
    const char *refusal = dq_context_new(&ctx, 1) ? "no memory" : options_refusal(ctx, options, text);
    json_object_foreach(options, option, value) {
        const dq_option_info *info = option_named(option);
        const option_use use = info ? option_use_of(info) : OPTION_VALUE;
        const char *list = json_string_value(value);
        if (refusal || !option_is_picture(use, list)) continue;
        while (!refusal && option_next_id(&list, id))
            if (!is_there(s, id, name)) refusal = "a picture among the options is not here";
    }
    if (refusal) answer_problem(r, 422, "options", "%s", refusal);
    dq_context_free(&ctx);
    return !refusal;
}

static void tidy_text(json_t *job, const char *name, const char *otherwise, size_t most) {
    char clean[240];
    const char *text = json_string_value(json_object_get(job, name));
    if (!text || !*text) text = otherwise;
    api_clean(clean, most < sizeof clean ? most : sizeof clean, text, strlen(text));
    json_object_set_new(job, name, json_string(clean));
}

static bool queue_has_room(request *r, store *s) {
    json_t *counts = store_counts(s);
    const int64_t waiting = json_integer_value(json_object_get(counts, "queued"));
    if (!counts) answer_store(r, s);
    else if (waiting >= r->server->settings->max_queue)
        answer_problem(r, 429, "queue", "%lld jobs are waiting already", (long long)waiting);
    const bool room = counts && waiting < r->server->settings->max_queue;
    json_decref(counts);
    return room;
}

void api_job_add(request *r, store *s) {
    char boundary[MULTIPART_BOUNDARY + 1], id[STORE_ID], location[64];
    const char *type = http_header(r, "Content-Type");
    json_t *job = NULL;
    if (!queue_has_room(r, s)) return;
    if (type && multipart_boundary(type, boundary) == 0) job = job_of_form(r, s, boundary);
    else if (type && strncmp(type, "application/json", 16) == 0) job = job_of_json(r);
    else answer_problem(r, 415, "form", "send multipart/form-data or application/json");
    if (!job) return;
    if (pictures_are_there(r, s, job) && options_are_right(r, s, job)) {
        int64_t priority = json_integer_value(json_object_get(job, "priority"));
        store_new_id(id);
        tidy_text(job, "title", "", 240);
        tidy_text(job, "batch", id, 40);
        json_object_set_new(job, "id", json_string(id));
        json_object_set_new(job, "priority", json_integer(priority < -9 ? -9 : priority > 9 ? 9 : priority));
        if (store_job_add(s, job)) answer_store(r, s);
        else {
            crew_wake(r->server->crew);
            answer_json(r, 201, api_job_public(store_job(s, id)));
            snprintf(location, sizeof location, "/api/v1/jobs/%s", id);
            answer_header(r, "Location", location);
        }
    }
    json_decref(job);
}

/* ---- reading and changing ---------------------------------------------------------------------------------------- */

/* The row, or NULL with an answer. */
static json_t *find(request *r, store *s) {
    json_t *row = store_job(s, r->id);
    if (!row && *store_reason(s)) answer_store(r, s);
    else if (!row) answer_no(r);
    return row;
}

void api_job_one(request *r, store *s) {
    json_t *job = find(r, s);
    if (job) answer_json(r, 200, api_job_public(job));
}

void api_job_list(request *r, store *s) {
    size_t i;
    json_t *job;
    char search[200];
    api_clean(search, sizeof search, http_query(r, "q"), strlen(http_query(r, "q")));
    const store_filter filter = {.state = http_query(r, "state"), .search = search, .batch = http_query(r, "batch"),
                                 .favourite = strcmp(http_query(r, "favourite"), "1") == 0,
                                 .before = http_query_number(r, "before", 0, 0, INT64_MAX),
                                 .limit = (int)http_query_number(r, "limit", 60, 1, 500)};
    json_t *jobs = store_jobs(s, &filter);
    if (!jobs) {
        answer_store(r, s);
        return;
    }
    json_array_foreach(jobs, i, job) json_object_del(api_job_public(job), "curve");
    answer_json(r, 200, json_pack("{s:o}", "jobs", jobs));
}

void api_job_edit(request *r, store *s) {
    char title[240];
    json_t *body = api_body(r);
    if (!body) return;
    const char *given = json_string_value(json_object_get(body, "title"));
    if (given) {
        api_clean(title, sizeof title, given, strlen(given));
        json_object_set_new(body, "title", json_string(title));
    }
    const int code = store_job_edit(s, r->id, body);
    if (code < 0) answer_store(r, s);
    else if (code) answer_no(r);
    else api_job_one(r, s);
    json_decref(body);
}

void api_job_delete(request *r, store *s) {
    char data[64];
    const int code = store_job_delete(s, r->id);
    if (code < 0) answer_store(r, s);
    else if (code == 1) answer_no(r);
    else if (code == 2) answer_problem(r, 409, "state", "the job is being painted; cancel it first");
    else {
        snprintf(data, sizeof data, "{\"id\":\"%s\"}", r->id);
        events_tell(r->server->events, "gone", r->id, data);
        answer_empty(r, 204);
    }
}

/* ---- pictures of a job ------------------------------------------------------------------------------------------- */

void api_job_file(request *r, store *s) {
    void *bytes;
    size_t size;
    const char *part = strrchr(r->path, '/') + 1;
    const int code = store_get(s, r->id, part, &bytes, &size);
    if (code < 0) answer_store(r, s);
    else if (code) answer_no(r);
    else answer_bytes(r, "image/jpeg", bytes, size, strcmp(part, "preview") == 0 ? 0 : 31536000);
}

/* The result in another format: kept once it has been made. */
static int converted(request *r, store *s, const char *format, void **bytes, size_t *size) {
    char part[24];
    child_picture p;
    void *original;
    snprintf(part, sizeof part, "result-%s", format);
    int code = store_get(s, r->id, part, bytes, size);
    if (code <= 0) return code;
    code = store_get(s, r->id, "result", &original, size);
    if (code) return code;
    const int failed = child_decode("convert", format, original, *size, CONVERT_SECONDS, &p);
    free(original);
    if (failed) {
        answer_problem(r, 503, "convert", "%s", p.reason);
        return 2;
    }
    *size = p.size[0];
    *bytes = malloc(*size + 1);
    if (*bytes) memcpy(*bytes, p.file[0], *size);
    free(p.block);
    if (!*bytes) return -1;
    store_put(s, r->id, part, *bytes, *size); /* if it cannot be kept it is made again */
    return 0;
}

void api_job_result(request *r, store *s) {
    void *bytes = NULL;
    size_t size = 0;
    char name[300], type[24];
    const char *format = *http_query(r, "format") ? http_query(r, "format") : "png";
    json_t *job = find(r, s);
    if (!job) return;
    int code = 2;
    const bool known = strcmp(format, "png") == 0 || strcmp(format, "jpeg") == 0 || strcmp(format, "webp") == 0;
    if (!known) answer_problem(r, 422, "format", "format is png, jpeg or webp");
    else if (strcmp(json_string_value(json_object_get(job, "state")), "finished") != 0)
        answer_problem(r, 409, "state", "the job is not finished");
    else if (strcmp(format, "png") == 0) code = store_get(s, r->id, "result", &bytes, &size);
    else code = converted(r, s, format, &bytes, &size);
    if (code < 0) answer_store(r, s);
    else if (code == 1) answer_no(r);
    else if (code == 0) {
        snprintf(type, sizeof type, "image/%s", format);
        answer_bytes(r, type, bytes, size, 31536000);
        snprintf(name, sizeof name, "%.200s.%s", json_string_value(json_object_get(job, "title")),
                 strcmp(format, "jpeg") == 0 ? "jpg" : format);
        if (strcmp(http_query(r, "download"), "1") == 0) answer_name(r, name);
    }
    json_decref(job);
}
