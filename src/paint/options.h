/* SPDX-License-Identifier: MIT
 * paint/options.h: settings of a job by name and as a struct. Every number of a recipe is an option (options.def); a recipe
 * is text, "name = value" lines (recipes.c). Knows nothing of how a job runs. */
#ifndef DQ_PAINT_OPTIONS_H
#define DQ_PAINT_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum dq__normalization { DQ__NORM_MEAN, DQ__NORM_COURSE, DQ__NORM_GATYS, DQ__NORM_RELATIVE };
enum dq__style_loss { DQ__STYLE_GRAM, DQ__STYLE_CENTRED, DQ__STYLE_W2 };
enum dq__tv_choice { DQ__TV_CHOICE_NINE, DQ__TV_CHOICE_SUM };
enum dq__pooling_choice { DQ__POOLING_MODEL, DQ__POOLING_MAX, DQ__POOLING_AVERAGE };
enum dq__padding_choice { DQ__PADDING_MODEL, DQ__PADDING_ZERO, DQ__PADDING_REFLECT, DQ__PADDING_REPLICATE };
enum dq__optimizer_choice { DQ__OPTIMIZER_ADAM, DQ__OPTIMIZER_LBFGS };
enum dq__colour_choice { DQ__COLOUR_STYLE, DQ__COLOUR_CONTENT, DQ__COLOUR_MATCH, DQ__COLOUR_LUMINANCE, DQ__COLOUR_OKLAB,
                         DQ__COLOUR_DRAWING };

/* One field per row of options.def: INT int64_t, FLOAT double, BOOL bool, BYTES uint64_t, CHOICE int (index into the row's
 * choices, the enums above), TEXT const char * (never NULL; belongs to the dq_options it was resolved from). */
#define DQ__TYPE_INT int64_t
#define DQ__TYPE_FLOAT double
#define DQ__TYPE_BOOL bool
#define DQ__TYPE_BYTES uint64_t
#define DQ__TYPE_CHOICE int
#define DQ__TYPE_TEXT const char *
typedef struct dq__settings {
#define OPT(field, name, type, ...) DQ__TYPE_##type field;
#include "paint/options.def"
} dq__settings;

/* The rows of options.def by field name: DQ__OPTION_size, …; their number is DQ__OPTION_COUNT. */
enum {
#define OPT(field, ...) DQ__OPTION_##field,
#include "paint/options.def"
    DQ__OPTION_COUNT
};

/* Opaque in danqing.h. A value is text, NULL where nothing was said. */
struct dq_options {
    dq_context *context; /* kept for api/, which tells it of failures; never looked at here */
    char *from_recipe[DQ__OPTION_COUNT];
    char *set[DQ__OPTION_COUNT];
};

dq_status dq__options_new(dq_options **out, dq__error *err);
void dq__options_free(dq_options **options);
/* Sets one option; "recipe" takes a built-in name or a file of recipe lines (a value with a '/' or a '.'). On failure
 * nothing has changed. */
dq_status dq__options_set(dq_options *options, const char *name, const char *value, dq__error *err);
/* Takes the lines of a recipe's text ("name = value", # comments) in place of the recipe so far; `name` is for messages. */
dq_status dq__options_read_recipe(dq_options *options, const char *text, const char *name, dq__error *err);
/* The resolved value as text; NULL for an unknown name. */
const char *dq__options_get(const dq_options *options, const char *name);
/* Defaults, then the recipe's lines, then what was set. */
dq_status dq__options_resolve(const dq_options *options, dq__settings *settings, dq__error *err);
/* What was resolved as a JSON object {"size": "512", …}, for the record of a picture: without the group "machine", which
 * does not change the picture, and with files by their last name only. Free with dq__free; NULL when out of memory. */
char *dq__options_json(const dq_options *options);
/* Row of the option table, NULL past its end. */
const dq_option_info *dq__option_at(int index);

/* recipes.c: the text of a built-in recipe, NULL if unknown; names by index for lists, NULL past the end. */
const char *dq__recipe_text(const char *name);
const char *dq__recipe_at(int index, const char **description);

#endif
