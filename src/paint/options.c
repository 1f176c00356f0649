/* SPDX-License-Identifier: MIT
 * paint/options.c: the option table made of options.def, the check of a value, and the order in which defaults, a recipe and
 * explicit settings give the values of a job. Must not know what a value does. */
#include "paint/options.h"

#include "base/mem.h"
#include "base/number.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUE = 4096, MAX_RECIPE = 65536, MAX_NAME = 64 };

/* ---- the table --------------------------------------------------------------------------------------------------- */

enum type { INT, FLOAT, BOOL, BYTES, CHOICE, TEXT };
#define NAME_INT "int"
#define NAME_FLOAT "float"
#define NAME_BOOL "bool"
#define NAME_BYTES "size"
#define NAME_CHOICE "choice"
#define NAME_TEXT "text"

static const dq_option_info rows[DQ__OPTION_COUNT] = {
#define OPT(field, name_, type_, default_, min_, max_, choices_, argument_, group_, help_, help_zh_) \
    {.name = name_, .argument = argument_, .group = group_, .type = NAME_##type_, .default_text = default_, \
     .minimum = min_, .maximum = max_, .choices = choices_, .help = help_, .help_zh = help_zh_},
#include "paint/options.def"
};

static const struct {
    enum type type;
    size_t offset; /* of the field in dq__settings */
} places[DQ__OPTION_COUNT] = {
#define OPT(field, name, type, ...) {type, offsetof(dq__settings, field)},
#include "paint/options.def"
};

const dq_option_info *dq__option_at(int index) {
    return index >= 0 && index < DQ__OPTION_COUNT ? &rows[index] : NULL;
}

static int find(const char *name) {
    for (int i = 0; i < DQ__OPTION_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0) return i;
    return -1;
}

/* ---- unknown names ----------------------------------------------------------------------------------------------- */

/* Edits (insert, delete, replace) between two names; both shorter than MAX_NAME. */
static size_t distance(const char *a, const char *b) {
    size_t n = strlen(b), row[MAX_NAME];
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (a[i - 1] != b[j - 1]);
            size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < insert ? replace : insert;
        }
    }
    return row[n];
}

/* The option whose name is at most two edits away, NULL if none is. */
static const char *nearest(const char *name) {
    const char *best = NULL;
    size_t least = 3;
    if (strlen(name) >= MAX_NAME) return NULL;
    for (int i = 0; i < DQ__OPTION_COUNT; i++) {
        size_t d = distance(name, rows[i].name);
        if (d < least && d < strlen(rows[i].name)) best = rows[i].name, least = d;
    }
    return best;
}

static dq_status fail_unknown(const char *name, dq__error *err) {
    const char *meant = nearest(name);
    if (meant) return dq__fail(err, DQ_USAGE, "there is no option '%.64s'; did you mean '%s'?", name, meant);
    return dq__fail(err, DQ_USAGE, "there is no option '%.64s'; 'danqing paint --help' lists them", name);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool parse_bool(const char *text, bool *value) {
    *value = strcmp(text, "on") == 0;
    return *value || strcmp(text, "off") == 0;
}

static bool parse_choice(const char *choices, const char *text, int *value) {
    size_t n = strlen(text);
    *value = 0;
    for (const char *c = choices;; c++, (*value)++) {
        size_t length = strcspn(c, "|");
        if (length == n && strncmp(c, text, n) == 0) return true;
        c += length;
        if (!*c) return false;
    }
}

static bool in_range(const dq_option_info *row, double value) { return value >= row->minimum && value <= row->maximum; }

/* Stores the value in its field; false when the text is no such value. */
static bool parse_value(int i, const char *text, dq__settings *settings) {
    const dq_option_info *row = &rows[i];
    void *field = (char *)settings + places[i].offset;
    switch (places[i].type) {
    case INT: return dq__parse_int(text, field) && in_range(row, (double)*(int64_t *)field);
    case FLOAT: return dq__parse_double(text, field) && in_range(row, *(double *)field);
    case BYTES: return dq__parse_bytes(text, field) && in_range(row, (double)*(uint64_t *)field);
    case BOOL: return parse_bool(text, field);
    case CHOICE: return parse_choice(row->choices, text, field);
    case TEXT: *(const char **)field = text; return true;
    }
    return false;
}

/* What the option takes, for its error message. */
static void describe_range(int i, char *text, size_t size) {
    const dq_option_info *row = &rows[i];
    switch (places[i].type) {
    case INT:
        snprintf(text, size, "a whole number from %.0f to %.0f", row->minimum, row->maximum);
        break;
    case FLOAT: snprintf(text, size, "a number from %.7g to %.7g", row->minimum, row->maximum); break;
    case BYTES: snprintf(text, size, "a number of bytes such as 800M or 2G"); break;
    case BOOL: snprintf(text, size, "on or off"); break;
    case CHOICE: snprintf(text, size, "one of %s", row->choices); break;
    case TEXT: snprintf(text, size, "text of at most %d bytes", MAX_VALUE); break;
    }
}

static dq_status check_value(int i, const char *value, dq__error *err) {
    dq__settings scratch;
    char range[160];
    if (strlen(value) <= MAX_VALUE && parse_value(i, value, &scratch)) return DQ_OK;
    describe_range(i, range, sizeof range);
    return dq__fail(err, DQ_USAGE, "option %s takes %s, not '%.64s'", rows[i].name, range, value);
}

/* ---- recipes ----------------------------------------------------------------------------------------------------- */

static void free_values(char *values[DQ__OPTION_COUNT]) {
    for (int i = 0; i < DQ__OPTION_COUNT; i++) {
        dq__free(values[i]);
        values[i] = NULL;
    }
}

/* Stores a copy of value in *place. */
static dq_status store(char **place, const char *value, dq__error *err) {
    char *copy = dq__strdup(value);
    if (!copy) return dq__no_memory(err, strlen(value) + 1, "an option");
    dq__free(*place);
    *place = copy;
    return DQ_OK;
}

/* Cuts a comment (# at the start or after a blank) and the blanks at both ends; returns the new start. */
static char *trim(char *line) {
    for (char *p = line; *p; p++)
        if (*p == '#' && (p == line || strchr(" \t", p[-1]))) *p = 0;
    line += strspn(line, " \t");
    size_t n = strlen(line);
    while (n > 0 && strchr(" \t\r", line[n - 1])) line[--n] = 0;
    return line;
}

static dq_status read_line(char *values[DQ__OPTION_COUNT], char *line, const char *name, int number, dq__error *err) {
    dq__error cause;
    char *equals = strchr(line, '=');
    if (!equals) return dq__fail(err, DQ_USAGE, "recipe %s, line %d: expected 'name = value'", name, number);
    *equals = 0;
    const char *option = trim(line), *value = trim(equals + 1);
    int i = find(option);
    if (i == DQ__OPTION_recipe)
        return dq__fail(err, DQ_USAGE, "recipe %s, line %d: a recipe cannot name another one", name, number);
    dq_status status = i < 0 ? fail_unknown(option, &cause) : check_value(i, value, &cause);
    if (status) return dq__fail(err, status, "recipe %s, line %d: %s", name, number, cause.text);
    return store(&values[i], value, err);
}

dq_status dq__options_read_recipe(dq_options *options, const char *text, const char *name, dq__error *err) {
    char *values[DQ__OPTION_COUNT] = {NULL};
    dq_status status = DQ_OK;
    char *copy = dq__strdup(text);
    if (!copy) return dq__no_memory(err, strlen(text), "a recipe");
    int number = 1;
    for (char *line = copy, *next; line && !status; line = next, number++) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        line = trim(line);
        if (*line) status = read_line(values, line, name, number, err);
    }
    if (status) {
        free_values(values);
    } else {
        free_values(options->from_recipe);
        memcpy(options->from_recipe, values, sizeof values);
    }
    dq__free(copy);
    return status;
}

static dq_status read_recipe_file(dq_options *options, const char *path, dq__error *err) {
    dq_status status;
    char *text = dq__alloc(MAX_RECIPE + 1);
    if (!text) return dq__no_memory(err, MAX_RECIPE, "a recipe");
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(text, 1, MAX_RECIPE + 1, file) : 0;
    if (!file || ferror(file))
        status = dq__fail(err, DQ_USAGE, "cannot read the recipe %.256s: %s", path, strerror(errno));
    else if (n > MAX_RECIPE || memchr(text, 0, n))
        status = dq__fail(err, DQ_USAGE, "%.256s is not a recipe: too long, or not text", path);
    else {
        text[n] = 0;
        status = dq__options_read_recipe(options, text, path, err);
    }
    if (file) fclose(file);
    dq__free(text);
    return status;
}

static dq_status use_recipe(dq_options *options, const char *name, dq__error *err) {
    const char *text = dq__recipe_text(name);
    if (text) return dq__options_read_recipe(options, text, name, err);
    if (strpbrk(name, "/.")) return read_recipe_file(options, name, err);
    char list[256];
    size_t used = 0;
    const char *known;
    for (int i = 0; (known = dq__recipe_at(i, NULL)) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", known);
    return dq__fail(err, DQ_USAGE, "there is no recipe '%.64s'; there are %s, and files of your own (./%.64s)", name, list, name);
}

/* ---- the options of a job ---------------------------------------------------------------------------------------- */

dq_status dq__options_new(dq_options **out, dq__error *err) {
    *out = dq__alloc_zero(sizeof **out);
    if (!*out) return dq__no_memory(err, sizeof **out, "options");
    dq_status status = use_recipe(*out, rows[DQ__OPTION_recipe].default_text, err);
    if (status) dq__options_free(out);
    return status;
}

void dq__options_free(dq_options **options) {
    if (!*options) return;
    free_values((*options)->from_recipe);
    free_values((*options)->set);
    dq__free(*options);
    *options = NULL;
}

dq_status dq__options_set(dq_options *options, const char *name, const char *value, dq__error *err) {
    int i = find(name);
    if (i < 0) return fail_unknown(name, err);
    char *copy = NULL;
    dq_status status = check_value(i, value, err);
    if (!status) status = store(&copy, value, err);
    if (!status && i == DQ__OPTION_recipe) status = use_recipe(options, value, err);
    dq__free(status ? copy : options->set[i]);
    if (!status) options->set[i] = copy;
    return status;
}

static const char *value_of(const dq_options *options, int i) {
    if (options->set[i]) return options->set[i];
    return options->from_recipe[i] ? options->from_recipe[i] : rows[i].default_text;
}

const char *dq__options_get(const dq_options *options, const char *name) {
    int i = find(name);
    return i < 0 ? NULL : value_of(options, i);
}

dq_status dq__options_resolve(const dq_options *options, dq__settings *settings, dq__error *err) {
    for (int i = 0; i < DQ__OPTION_COUNT; i++) {
        dq_status status = check_value(i, value_of(options, i), err);
        if (status) return status;
        parse_value(i, value_of(options, i), settings);
    }
    return DQ_OK;
}

/* The options whose value may name files are recorded without their folders; a name that is no UTF-8 as "?". */
static json_t *recorded_value(const dq_options *options, int i) {
    char names[MAX_VALUE + 1] = "";
    size_t used = 0, item = 0; /* item: where the name under way begins */
    for (const char *p = value_of(options, i); *p && used < MAX_VALUE; p++) {
        if (*p == '/' && places[i].type == TEXT) used = item;
        else names[used++] = *p;
        if (*p == ',') item = used;
    }
    names[used] = 0;
    json_t *string = json_string(names);
    return string ? string : json_string("?");
}

char *dq__options_json(const dq_options *options) {
    char *text = NULL, *copy = NULL;
    json_t *object = json_object();
    for (int i = 0; i < DQ__OPTION_COUNT; i++) {
        if (strcmp(rows[i].group, "machine") == 0) continue;
        if (json_object_set_new(object, rows[i].name, recorded_value(options, i))) goto done;
    }
    text = json_dumps(object, JSON_COMPACT);
    if (text) copy = dq__strdup(text);
done:
    free(text);
    json_decref(object);
    return copy;
}
