/* SPDX-License-Identifier: MIT
 * studio/sketch.c: the methods of drawing with the settings that concern each, and what these may be. */
#include "sketch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "lines" needs no folder. */
static const struct {
    const char *name, *settings;
} methods[] = {
    {"lines", ""},
    {"mwf", "folder direction eyes frame neighbours"},
    {"lle", "folder direction eyes frame neighbours"},
    {"mrf", "folder direction eyes frame neighbours"},
    {"ssd", "folder direction eyes frame neighbours"},
    {"rslcr", "folder direction eyes frame fast"},
    {"ridge", "folder direction eyes frame"},
    {"dgfl", "folder direction eyes frame neighbours"},
    {"student", "folder direction eyes frame steps"},
};

/* What a value may be: one of the choices, a whole number of a range, an id, or four numbers. */
static const struct {
    const char *name, *choices;
    long least, most;
} settings[] = {
    {"method", NULL, 0, 0},
    {"folder", NULL, 0, 0},
    {"eyes", NULL, 0, 0},
    {"direction", "photo-to-sketch sketch-to-photo", 0, 0},
    {"frame", "on off", 0, 0},
    {"fast", "on off", 0, 0},
    {"neighbours", NULL, 1, 36},
    {"steps", NULL, 20, 4000},
};
enum { METHODS = sizeof methods / sizeof *methods, SETTINGS = sizeof settings / sizeof *settings };

/* True if the word is one of those that stand in a line, parted by blanks. */
static bool is_among(const char *word, const char *line) {
    const size_t n = strlen(word);
    if (n == 0 || strchr(word, ' ')) return false;
    for (const char *at = line; (at = strstr(at, word)); at += n)
        if ((at == line || at[-1] == ' ') && (at[n] == ' ' || at[n] == 0)) return true;
    return false;
}

static int method_of(const json_t *sketch) {
    const char *name = sketch_value(sketch, "method");
    for (int i = 0; i < METHODS; i++)
        if (strcmp(methods[i].name, name) == 0) return i;
    return -1;
}

json_t *sketch_methods(void) {
    json_t *rows = json_array();
    for (int i = 0; i < METHODS; i++) {
        json_t *names = json_array();
        for (int k = 0; k < SETTINGS; k++)
            if (is_among(settings[k].name, methods[i].settings)) json_array_append_new(names, json_string(settings[k].name));
        json_array_append_new(rows, json_pack("{s:s, s:b, s:o}", "name", methods[i].name, "pairs",
                                              is_among("folder", methods[i].settings), "settings", names));
    }
    return rows;
}

bool sketch_is_setting(const char *name) {
    for (int k = 0; k < SETTINGS; k++)
        if (strcmp(settings[k].name, name) == 0) return true;
    return false;
}

const char *sketch_value(const json_t *sketch, const char *name) {
    const char *text = json_string_value(json_object_get(sketch, name));
    return text ? text : "";
}

bool sketch_from_pairs(const json_t *sketch) {
    const int method = method_of(sketch);
    return method >= 0 && is_among("folder", methods[method].settings) && strcmp(methods[method].name, "student") != 0;
}

/* "x1,y1,x2,y2" */
static bool are_eyes(const char *value) {
    char *end;
    for (int i = 0; i < 4; i++) {
        const double x = strtod(value, &end);
        if (end == value || !(x >= 0 && x <= 1e5) || *end != (i < 3 ? ',' : 0)) return false;
        value = end + 1;
    }
    return true;
}

static bool is_right(int k, const char *value) {
    char *end;
    if (strlen(value) >= 100 || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789.,-") != strlen(value)) return false;
    if (settings[k].choices) return is_among(value, settings[k].choices);
    if (strcmp(settings[k].name, "eyes") == 0) return are_eyes(value);
    if (settings[k].most == 0) return *value && !strpbrk(value, ".,-"); /* a name or an id: looked up by who uses it */
    const long n = strtol(value, &end, 10);
    return end != value && *end == 0 && n >= settings[k].least && n <= settings[k].most;
}

const char *sketch_refusal(const json_t *sketch, char text[240]) {
    const char *name;
    json_t *value;
    const int method = method_of(sketch);
    if (method < 0) return "a sketch has a method: lines, mwf, lle, mrf, ssd, rslcr, ridge, dgfl or student";
    const char *has = methods[method].settings;
    if (is_among("folder", has) && !*sketch_value(sketch, "folder"))
        return "this method draws from a folder of pairs: give its id as \"folder\"";
    json_object_foreach((json_t *)(uintptr_t)sketch, name, value) {
        int k = 0;
        while (k < SETTINGS && strcmp(settings[k].name, name) != 0) k++;
        const bool known = k == 0 || (k < SETTINGS && is_among(name, has));
        if (known && is_right(k, sketch_value(sketch, name))) continue;
        snprintf(text, 240, known ? "'%.40s' cannot have that value" : "'%.40s' is no setting of the method %.20s", name,
                 methods[method].name);
        return text;
    }
    return NULL;
}
