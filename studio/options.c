/* SPDX-License-Identifier: MIT
 * studio/options.c: the option table as the page sees it, and what a request may say. A new option of a number, a choice or
 * on/off appears in the page by itself; a new text option needs a row in `texts`, and tests/unit/test_studio.c demands it. */
#include "options.h"

#include "sketch.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    option_use use;
} texts[] = {
    {"recipe", OPTION_RECIPE},
    {"model", OPTION_MODEL},
    {"init", OPTION_INIT},
    {"style-weights", OPTION_WORDS},
    {"content-layers", OPTION_WORDS},
    {"style-layers", OPTION_WORDS},
    {"face", OPTION_WORDS},
    {"content-mask", OPTION_PICTURE},
    {"mask", OPTION_PICTURE},
    {"style-mask", OPTION_PICTURE},
};

option_use option_use_of(const dq_option_info *info) {
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, info->name) == 0) return texts[i].use;
    if (strcmp(info->type, "text") == 0 || strcmp(info->group, "machine") == 0) return OPTION_NEVER;
    return OPTION_VALUE;
}

const dq_option_info *option_named(const char *name) {
    const dq_option_info *info;
    for (int i = 0; (info = dq_option_at(i)); i++)
        if (strcmp(info->name, name) == 0) return info;
    return NULL;
}

bool option_is_picture(option_use use, const char *value) {
    if (use == OPTION_PICTURE) return *value;
    return use == OPTION_INIT && strcmp(value, "palette") != 0 && strcmp(value, "content") != 0 &&
           strcmp(value, "noise") != 0;
}

bool option_next_id(const char **list, char id[STORE_ID]) {
    const size_t n = strcspn(*list, ",");
    id[0] = 0;
    if (!**list) return false;
    if (n > 0 && n < STORE_ID) {
        memcpy(id, *list, n);
        id[n] = 0;
    }
    *list += n + ((*list)[n] == ',');
    if (!store_id_ok(id)) id[0] = 0;
    return *id;
}

/* ---- for the page ------------------------------------------------------------------------------------------------ */

static const char *use_name(option_use use) {
    static const char *const names[] = {"never", "value", "words", "recipe", "model", "init", "picture"};
    return names[use];
}

static json_t *option_json(const dq_option_info *info, dq_options *defaults) {
    const char *value = dq_options_get(defaults, info->name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:s, s:s, s:s}", "name", info->name, "argument", info->argument,
                     "group", info->group, "type", info->type, "use", use_name(option_use_of(info)), "default",
                     value ? value : "", "minimum", info->minimum, "maximum", info->maximum, "choices", info->choices, "help",
                     info->help, "help_zh", info->help_zh);
}

json_t *options_models(dq_context *ctx) {
    char *text = NULL;
    json_t *names = json_array(), *row;
    size_t i;
    if (dq_model_list(ctx, &text)) return names;
    json_t *list = json_loads(text, 0, NULL);
    dq_bytes_free((void **)&text);
    json_array_foreach(list, i, row) {
        const char *name = json_string_value(json_object_get(row, "name"));
        const bool here = json_is_true(json_object_get(row, "installed"));
        if (name && here && strcmp(name, "random") != 0) json_array_append_new(names, json_string(name));
    }
    json_decref(list);
    return names;
}

static json_t *recipes_json(dq_context *ctx) {
    json_t *array = json_array();
    const char *name, *description;
    const dq_option_info *info;
    for (int i = 0; (name = dq_recipe_at(i, &description)); i++) {
        dq_options *options = NULL;
        json_t *values = json_object();
        if (!dq_options_new(ctx, &options) && !dq_options_set(options, "recipe", name))
            for (int k = 0; (info = dq_option_at(k)); k++)
                if (option_use_of(info) != OPTION_NEVER)
                    json_object_set_new(values, info->name, json_string(dq_options_get(options, info->name)));
        dq_options_free(&options);
        json_array_append_new(array, json_pack("{s:s, s:s, s:o}", "name", name, "description", description, "values", values));
    }
    return array;
}

json_t *options_json(dq_context *ctx) {
    json_t *rows = json_array();
    const dq_option_info *info;
    dq_options *defaults = NULL;
    if (dq_options_new(ctx, &defaults)) {
        json_decref(rows);
        return NULL;
    }
    for (int i = 0; (info = dq_option_at(i)); i++)
        if (option_use_of(info) != OPTION_NEVER) json_array_append_new(rows, option_json(info, defaults));
    dq_options_free(&defaults);
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "version", dq_version(), "options", rows, "recipes", recipes_json(ctx),
                     "models", options_models(ctx), "sketches", sketch_methods());
}

/* ---- for requests ------------------------------------------------------------------------------------------------ */

static bool is_recipe(const char *value) {
    const char *name;
    for (int i = 0; (name = dq_recipe_at(i, NULL)); i++)
        if (strcmp(name, value) == 0) return true;
    return false;
}

static bool is_model(dq_context *ctx, const char *value) {
    size_t i;
    json_t *name, *names = options_models(ctx);
    bool found = *value == 0;
    json_array_foreach(names, i, name) if (strcmp(json_string_value(name), value) == 0) found = true;
    json_decref(names);
    return found;
}

static bool is_words(const char *value) {
    static const char signs[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=,.?+-";
    return strlen(value) < 400 && strspn(value, signs) == strlen(value);
}

static bool is_ids(const char *value) {
    char id[STORE_ID];
    bool good = strlen(value) < 16 * STORE_ID;
    while (good && *value) good = option_next_id(&value, id);
    return good;
}

static bool allowed(dq_context *ctx, option_use use, const char *value) {
    switch (use) {
    case OPTION_NEVER: return false;
    case OPTION_VALUE: return strlen(value) < 40;
    case OPTION_WORDS: return is_words(value);
    case OPTION_RECIPE: return is_recipe(value);
    case OPTION_MODEL: return is_model(ctx, value);
    case OPTION_INIT: return store_id_ok(value); /* "palette", "content" and "noise" look like ids, too */
    case OPTION_PICTURE: return is_ids(value);
    }
    return false;
}

const char *options_refusal(dq_context *ctx, const json_t *options, char text[240]) {
    const char *name, *refusal = NULL;
    json_t *value;
    dq_options *resolved = NULL;
    if (dq_options_new(ctx, &resolved)) return "no memory";
    json_object_foreach((json_t *)(uintptr_t)options, name, value) {
        const dq_option_info *info = option_named(name);
        const char *given = json_string_value(value);
        const option_use use = info ? option_use_of(info) : OPTION_NEVER;
        if (use == OPTION_NEVER) snprintf(text, 240, "there is no option '%.40s' here", name);
        else if (!given || !allowed(ctx, use, given)) snprintf(text, 240, "'%.40s' cannot have that value", name);
        else if (!option_is_picture(use, given) && dq_options_set(resolved, name, given))
            snprintf(text, 240, "%.230s", dq_last_error(ctx));
        else continue;
        refusal = text;
        break;
    }
    dq_options_free(&resolved);
    return refusal;
}
