/* SPDX-License-Identifier: MIT
 * explain/sight.h: what the tools that look through a network share: the network made ready, layers by name, photos made small,
 * maps and weights as pictures, captions. */
#ifndef DQ_EXPLAIN_SIGHT_H
#define DQ_EXPLAIN_SIGHT_H

#include "base/tool.h"
#include "image/sheet.h"
#include "model/model.h"
#include "net/executor.h"

typedef struct dq__sight {
    dq__pool *pool;
    dq_model *model;
    dq__packed *packed;
    int layer[DQ__MAX_TAPS]; /* ascending, distinct */
    int layers;
} dq__sight;

/* Opens the model and finds the layers of a list of names, "relu1_1,relu2_1"; of the default ones where names is NULL.
 * backward: it will be looked at from above, too. Close it whatever was returned. */
typedef enum dq__default_layers { DQ__ONE_OF_EACH_STAGE, DQ__RELU3_1_OR_DEEPEST } dq__default_layers;
dq_status dq__sight_open(dq__sight *s, const dq__call *call, const char *model, const char *names, dq__default_layers otherwise,
                         bool backward, dq__error *err);
void dq__sight_close(dq__sight *s);
/* An executor with a tap at each of the layers, or at layer `only` ≥ 0 alone. */
dq_status dq__sight_exec(dq__exec **out, const dq__sight *s, int only, int h, int w, bool backward, dq__error *err);

/* Reads a picture and makes its longest side at most `size`. */
dq_status dq__read_small(dq_image **out, const char *path, int size, dq__error *err);
/* The names of the files of a folder, sorted; free with dq__free_names. DQ_BAD_IMAGE where it cannot be read. */
dq_status dq__list_folder(char ***names, int *count, const char *folder, dq__error *err);
void dq__free_names(char **names, int count);

/* side × side pixels of a picture that may be smaller or larger, by squares or smoothly. */
dq_status dq__enlarge(dq_image **out, const dq_image *image, int width, int height, bool smooth, dq__error *err);
/* Around middle grey: ½ + ½·v/most. */
void dq__show_signed(float *rgb, size_t count, float most);
/* The greatest |v|, and at least a little. */
float dq__greatest(const float *v, size_t count);
/* The same, but not more than five times the root mean square of those that are not 0: so that few do not hide the others. */
float dq__usual(const float *v, size_t count);
/* A caption of dq__alloc. */
char *dq__caption(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes the sheet of the tiles to the call's output and answers with its size, what `says` tells of it, and `more` (taken; NULL
 * for none). The tiles are freed. */
dq_status dq__sheet_answer(const dq__call *call, dq__tile *tile, int count, int side, const char *says, struct json_t *more,
                           dq__error *err);

#endif
