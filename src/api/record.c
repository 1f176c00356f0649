/* SPDX-License-Identifier: MIT
 * api/record.c: writes the record. Must not let in anything that differs between two runs that give the same pixels. */
#include "api/record.h"

#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *size_of(const dq_image *image) {
    return json_pack("{s:i, s:i}", "width", image->width, "height", image->height);
}

static json_t *sizes_of(const dq_image *const *images, int count) {
    json_t *array = json_array();
    for (int i = 0; i < count; i++)
        if (json_array_append_new(array, size_of(images[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* What --model opens this model again, for a job that left the choice to the library. */
static json_t *name_of(const dq_model *model) {
    unsigned long long seed;
    if (strcmp(model->format, "random") == 0 && sscanf(model->source, "seed %llu", &seed) == 1)
        return json_sprintf("random:%llu", seed);
    json_t *name = json_string(strcmp(model->format, "safetensors") == 0 ? model->table.name : model->source);
    return name ? name : json_string("?");
}

/* The resolved options; NULL when out of memory. */
static json_t *options_of(const dq_options *options, const dq_model *model) {
    char *text = dq__options_json(options);
    json_t *object = text ? json_loads(text, 0, NULL) : NULL;
    dq__free(text);
    if (object && !*dq__options_get(options, "model")) json_object_set_new(object, "model", name_of(model));
    return object;
}

/* The text of a JSON value, which is released. */
static dq_status dump(json_t *object, char **out, dq__error *err) {
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    *out = text ? dq__strdup(text) : NULL;
    free(text);
    json_decref(object);
    return *out ? DQ_OK : dq__no_memory(err, 0, "the record of the picture");
}

dq_status dq__record_new(char **out, const dq_model *model, const dq_image *content, const dq_image *const *styles,
                         int style_count, const dq_options *options, const char *isa, dq__error *err) {
    json_t *resolved = options_of(options, model);
    json_t *recipe = json_incref(json_object_get(resolved, "recipe"));
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:o, s:I, s:o, s:{s:s, s:s}, s:o, s:o}", "software", "danqing", "version", dq_version(), "isa", isa,
        "recipe", recipe, "seed", (json_int_t)strtoll(dq__options_get(options, "seed"), NULL, 10), "options", resolved,
        "model", "name", model->table.name, "sha256", model->sha256, "content", size_of(content), "styles",
        sizes_of(styles, style_count));
    return dump(object, out, err);
}

dq_status dq__record_reached(dq_image *image, const dq_progress *p, dq__error *err) {
    if (!image->record) return DQ_OK;
    char *text = NULL;
    json_t *object = json_loads(image->record, 0, NULL);
    json_t *cost = isfinite(p->cost) ? json_real(p->cost) : json_null(); /* JSON has no number that is none */
    json_t *reached = json_pack("{s:i, s:i, s:i, s:i, s:o}", "scale", p->scale, "scales", p->scales, "iteration",
                                p->iteration, "iterations", p->iterations, "cost", cost);
    if (json_object_set_new(object, "reached", reached)) {
        json_decref(object);
        return dq__no_memory(err, 0, "the record of the picture");
    }
    dq_status status = dump(object, &text, err);
    if (!status) status = dq__image_set_record(image, text, err);
    dq__free(text);
    return status;
}
