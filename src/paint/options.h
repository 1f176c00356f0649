/* SPDX-License-Identifier: MIT
 * paint/options.h: settings of a job by name and as a struct. Every number of a recipe is an option (options.def); a recipe
 * is text, "name = value" lines (recipes.c). Knows nothing of how a job runs. */
#ifndef DQ_PAINT_OPTIONS_H
#define DQ_PAINT_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum dq__normalization { DQ__NORM_MEAN, DQ__NORM_COURSE, DQ__NORM_GATYS };
enum dq__pooling_choice { DQ__POOLING_MODEL, DQ__POOLING_MAX, DQ__POOLING_AVERAGE };
enum dq__padding_choice { DQ__PADDING_MODEL, DQ__PADDING_ZERO, DQ__PADDING_REFLECT, DQ__PADDING_REPLICATE };
enum dq__optimizer_choice { DQ__OPTIMIZER_ADAM, DQ__OPTIMIZER_LBFGS };

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

/* dq_options is opaque in danqing.h; options.c holds it. */
dq_status dq__options_new(dq_options **out, dq__error *err);
void dq__options_free(dq_options **options);
dq_status dq__options_set(dq_options *options, const char *name, const char *value, dq__error *err);
const char *dq__options_get(dq_options *options, const char *name);
/* Defaults, then the recipe's lines, then what was set. */
dq_status dq__options_resolve(const dq_options *options, dq__settings *settings, dq__error *err);
/* All resolved values as a JSON object {"size": "512", …}, for the record of a picture; free with dq__free. */
char *dq__options_json(const dq_options *options);

/* recipes.c: the text of a built-in recipe ("name = value" lines, # comments), NULL if unknown; by index for lists. */
const char *dq__recipe_text(const char *name);
const char *dq__recipe_at(int index, const char **description);

#endif
