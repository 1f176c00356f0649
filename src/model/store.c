/* SPDX-License-Identifier: MIT
 * model/store.c: finds models by name and lists them. Folders in the order of search: each of $DANQING_MODELS, the user's
 * data folder, each of $XDG_DATA_DIRS, the folder of this installation. Must not read weights or use the network. */
#include "model/store.h"

#include "base/mem.h"
#include "base/number.h"
#include "model/builtin.h"
#include "model/fetch.h"
#include "model/model.h"

#include <dirent.h>
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef DQ_DATADIR
#define DQ_DATADIR "/usr/local/share"
#endif

static const char BELOW[] = "danqing/models";
/* Files of one name: the first ending wins. */
static const char *const endings[] = {".safetensors", ".pth", ".h5", ".mat", ".caffemodel"};
enum { ENDINGS = sizeof endings / sizeof *endings };

struct folders {
    char **path;
    int count;
};

/* ---- paths ---- */

char *dq__store_path(const char *folder, const char *name, const char *ending) {
    size_t size = strlen(folder) + strlen(name) + strlen(ending) + 2;
    char *path = dq__alloc(size);
    if (path) snprintf(path, size, "%s/%s%s", folder, name, ending);
    return path;
}

static bool is_file(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

static uint64_t file_bytes(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && s.st_size > 0 ? (uint64_t)s.st_size : 0;
}

/* The length of `file` without the ending of a model file, 0 if it has none. */
static size_t stem(const char *file) {
    for (int e = 0; e < ENDINGS; e++) {
        size_t n = strlen(file), m = strlen(endings[e]);
        if (n > m && !strcmp(file + n - m, endings[e])) return n - m;
    }
    return 0;
}

/* ---- folders ---- */

dq_status dq__store_user_folder(char **folder, dq__error *err) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    *folder = NULL;
    if (data && *data == '/')
        *folder = dq__store_path(data, BELOW, "");
    else if (home && *home == '/')
        *folder = dq__store_path(home, ".local/share/", BELOW);
    else
        return DQ_OK;
    return *folder ? DQ_OK : dq__no_memory(err, strlen(BELOW), "a path");
}

static void folders_free(struct folders *f) {
    for (int i = 0; i < f->count; i++) dq__free(f->path[i]);
    dq__free(f->path);
    *f = (struct folders){0};
}

/* Takes over `path`, which is NULL when there was no memory; one that is there already is dropped. */
static dq_status add_folder(struct folders *f, char *path, dq__error *err) {
    if (!path) return dq__no_memory(err, strlen(BELOW), "a path");
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->path[i], path)) {
            dq__free(path);
            return DQ_OK;
        }
    f->path[f->count++] = path;
    return DQ_OK;
}

/* Adds each entry of a colon list; with `below`, only absolute ones, as the XDG rules want, and that folder below them. */
static dq_status add_list(struct folders *f, const char *list, const char *below, dq__error *err) {
    dq_status status = DQ_OK;
    while (*list && !status) {
        size_t n = strcspn(list, ":");
        if (n && (!below || *list == '/')) {
            char *entry = dq__alloc(n + 1);
            if (!entry) return dq__no_memory(err, n + 1, "a path");
            memcpy(entry, list, n);
            entry[n] = 0;
            status = add_folder(f, below ? dq__store_path(entry, below, "") : dq__strdup(entry), err);
            dq__free(entry);
        }
        list += n + (list[n] != 0);
    }
    return status;
}

static size_t entries(const char *list) {
    size_t n = 1;
    for (; *list; list++) n += *list == ':';
    return n;
}

static dq_status folders_new(struct folders *f, dq__error *err) {
    const char *own = getenv("DANQING_MODELS"), *dirs = getenv("XDG_DATA_DIRS");
    if (!own) own = "";
    if (!dirs || !*dirs) dirs = "/usr/local/share:/usr/share";
    size_t room = (entries(own) + entries(dirs) + 2) * sizeof(char *);
    *f = (struct folders){.path = dq__alloc_zero(room)};
    if (!f->path) return dq__no_memory(err, room, "the model folders");
    char *user = NULL;
    dq_status status = add_list(f, own, NULL, err);
    if (!status) status = dq__store_user_folder(&user, err);
    if (!status && user) status = add_folder(f, user, err);
    if (!status) status = add_list(f, dirs, BELOW, err);
    if (!status) status = add_folder(f, dq__store_path(DQ_DATADIR, BELOW, ""), err);
    if (status) folders_free(f);
    return status;
}

/* ---- finding ---- */

/* *path = FOLDER/name with the first ending that exists (or none, where the name has one already), else NULL. */
static dq_status find_in(const struct folders *f, const char *name, char **path, dq__error *err) {
    bool whole = stem(name) > 0;
    *path = NULL;
    for (int i = 0; i < f->count; i++)
        for (int e = whole ? -1 : 0; e < ENDINGS; e++) {
            char *candidate = dq__store_path(f->path[i], name, e < 0 ? "" : endings[e]);
            if (!candidate) return dq__no_memory(err, strlen(name), "a path");
            if (is_file(candidate)) {
                *path = candidate;
                return DQ_OK;
            }
            dq__free(candidate);
        }
    return DQ_OK;
}

dq_status dq__store_find(const char *name, char **path, dq__error *err) {
    struct folders f;
    *path = NULL;
    dq_status status = folders_new(&f, err);
    if (status) return status;
    status = find_in(&f, name, path, err);
    folders_free(&f);
    return status;
}

static dq_status not_found(const struct folders *f, const char *name, dq__error *err) {
    const dq__known *row = dq__known_find(name);
    if (row)
        return dq__fail(err, DQ_BAD_MODEL, "model %s is not installed; 'danqing model fetch %s' downloads it (%.0f MB)", name,
                        name, (double)row->bytes / 1e6);
    char text[256] = "";
    for (int i = 0; i < f->count; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", f->path[i]);
    }
    return dq__fail(err, DQ_BAD_MODEL, "no model '%s' (see 'danqing model list'); looked in %s", name, text);
}

/* ---- opening ---- */

/* "random" or "random:SEED". */
static dq_status open_random(dq_model **out, const char *name, dq__error *err) {
    int64_t seed = 0;
    if (name[6] && (!dq__parse_int(name + 7, &seed) || seed < 0))
        return dq__fail(err, DQ_BAD_MODEL, "model %s: the seed must be a whole number from 0 up", name);
    return dq__model_random(out, (uint64_t)seed, err);
}

static dq_status open_builtin(dq_model **out, dq__error *err) {
    size_t bytes;
    const void *file = dq__builtin(&bytes);
    return dq__model_read_memory(out, file, bytes, dq__builtin_name, err);
}

dq_status dq__model_open(dq_model **out, const char *name, dq__error *err) {
    struct folders f;
    *out = NULL;
    if (!name || !*name) name = dq__builtin_name;
    if (!strcmp(name, "random") || !strncmp(name, "random:", 7)) return open_random(out, name, err);
    if (strchr(name, '/') || is_file(name)) return dq__model_read(out, name, err);
    dq_status status = folders_new(&f, err);
    if (status) return status;
    char *path = NULL;
    status = find_in(&f, name, &path, err);
    if (!status && path)
        status = dq__model_read(out, path, err);
    else if (!status)
        status = strcmp(name, dq__builtin_name) ? not_found(&f, name, err) : open_builtin(out, err);
    dq__free(path);
    folders_free(&f);
    return status;
}

/* ---- listing ---- */

/* A JSON string of text that a file system gave, which need not be UTF-8. */
static json_t *text_json(const char *text) {
    char *valid = g_utf8_make_valid(text, -1);
    json_t *j = json_string(valid);
    g_free(valid);
    return j;
}

/* What a download of `row` would do. False when there is no memory. */
static bool add_plan(json_t *entry, const dq__known *row, const char *user_folder) {
    json_t *sum = json_sprintf("%s:%s", row->kind, row->checksum);
    bool good = json_object_set_new(entry, "url", json_string(row->url)) == 0;
    good &= json_object_set_new(entry, "checksum", sum) == 0;
    if (!user_folder) return good;
    char *file = dq__store_path(user_folder, row->name, row->ending);
    char *part = file ? dq__store_path(user_folder, row->name, ".part") : NULL;
    good &= file && part && json_object_set_new(entry, "destination", text_json(file)) == 0;
    good &= file && part && json_object_set_new(entry, "partial", json_integer((json_int_t)file_bytes(part))) == 0;
    dq__free(part);
    dq__free(file);
    return good;
}

/* Appends one model: installed at `path`, or only known (path NULL). False when there is no memory. */
static bool add_entry(json_t *list, const char *name, const char *path, const char *user_folder) {
    const dq__known *row = dq__known_find(name);
    size_t builtin;
    const bool own = !path && strcmp(name, dq__builtin_name) == 0;
    if (own) dq__builtin(&builtin);
    uint64_t bytes = path ? file_bytes(path) : row ? row->bytes : own ? builtin : 0;
    const char *note = row    ? row->note
                       : path ? ""
                       : own  ? "Danqing's own, part of the program: the default"
                              : "seeded random weights; needs no file";
    json_t *entry = json_pack("{s:o, s:I, s:b, s:s}", "name", text_json(name), "bytes", (json_int_t)bytes, "installed",
                              path || !row, "note", note);
    if (!entry) return false;
    bool good = !path || json_object_set_new(entry, "path", text_json(path)) == 0;
    good = good && (!row || add_plan(entry, row, user_folder));
    return json_array_append_new(list, entry) == 0 && good;
}

static bool listed(const json_t *list, const char *name) {
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry) if (!strcmp(json_string_value(json_object_get(entry, "name")), name)) return true;
    return false;
}

static int is_model_file(const struct dirent *d) { return d->d_name[0] != '.' && stem(d->d_name) > 0; }

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* Appends what lies in one folder and would be opened by its name: earlier folders and endings come first. */
static dq_status add_folder_entries(json_t *list, const struct folders *f, int index, const char *user, dq__error *err) {
    struct dirent **found = NULL;
    int count = scandir(f->path[index], &found, is_model_file, by_name);
    dq_status status = DQ_OK;
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        found[i]->d_name[stem(found[i]->d_name)] = 0;
        const char *name = found[i]->d_name;
        if (!status && !listed(list, name)) {
            status = find_in(f, name, &path, err);
            if (!status && path && !add_entry(list, name, path, user)) status = dq__no_memory(err, 0, "the list of models");
        }
        dq__free(path);
        free(found[i]);
    }
    free(found);
    return status;
}

/* Appends the known models that are not installed, and those that need no file. */
static dq_status add_known_entries(json_t *list, const char *user, dq__error *err) {
    bool good = true;
    const dq__known *row;
    for (int i = 0; (row = dq__known_at(i)); i++)
        if (!listed(list, row->name)) good = good && add_entry(list, row->name, NULL, user);
    if (!listed(list, dq__builtin_name)) good = good && add_entry(list, dq__builtin_name, NULL, user);
    good = good && add_entry(list, "random", NULL, user);
    return good ? DQ_OK : dq__no_memory(err, 0, "the list of models");
}

dq_status dq__model_list(char **json, dq__error *err) {
    struct folders f;
    char *user = NULL, *text = NULL;
    *json = NULL;
    dq_status status = folders_new(&f, err);
    if (status) return status;
    json_t *list = json_array();
    if (!list) status = dq__no_memory(err, 0, "the list of models");
    if (!status) status = dq__store_user_folder(&user, err);
    for (int i = 0; !status && i < f.count; i++) status = add_folder_entries(list, &f, i, user, err);
    if (!status) status = add_known_entries(list, user, err);
    if (!status) {
        text = json_dumps(list, JSON_INDENT(2));
        *json = text ? dq__strdup(text) : NULL;
        if (!*json) status = dq__no_memory(err, 0, "the list of models");
    }
    free(text);
    json_decref(list);
    dq__free(user);
    folders_free(&f);
    return status;
}
