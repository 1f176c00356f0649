/* SPDX-License-Identifier: MIT
 * explain/classify.c: the tool "explain classify": the classes that a network with a linear layer or a mean of maps at its end
 * takes a photo for, with their probabilities. */
#include "explain/explain.h"
#include "explain/fields.h"
#include "explain/sight.h"

#include "base/mem.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct classify_settings {
    const char *model, *labels;
    int64_t size, top;
} classify_settings;

static const dq__setting rows[] = {
    {"model", DQ__SET_TEXT, offsetof(classify_settings, model), "", 0, 0, NULL},
    {"labels", DQ__SET_TEXT, offsetof(classify_settings, labels), NULL, 0, 0, NULL},
    {"size", DQ__SET_INT, offsetof(classify_settings, size), "0", 0, 4096, NULL},
    {"top", DQ__SET_INT, offsetof(classify_settings, top), "5", 1, 1000, NULL},
};

typedef struct guess {
    int class;
    double probability;
} guess;

/* ---- labels ------------------------------------------------------------------------------------------------------ */

/* Lines of a text file; the last may lack its end. DQ_USAGE unless there are `classes` of them. */
static dq_status read_labels(char ***label, const char *path, int classes, dq__error *err) {
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    ssize_t length;
    dq_status status = DQ_OK;
    FILE *file = fopen(path, "re");
    if (!file) return dq__fail(err, DQ_USAGE, "cannot read %.200s: %s", path, strerror(errno));
    *label = dq__alloc_zero(sizeof **label * (size_t)classes);
    if (!*label) status = dq__no_memory(err, sizeof **label * (size_t)classes, "the labels");
    while (!status && (length = getline(&line, &room, file)) >= 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
        if (count < classes) (*label)[count] = dq__strdup(line);
        if (count < classes && !(*label)[count]) status = dq__no_memory(err, (size_t)length, "a label");
        count++;
    }
    if (!status && ferror(file)) status = dq__fail(err, DQ_USAGE, "cannot read %.200s: %s", path, strerror(errno));
    if (!status && count != classes)
        status = dq__fail(err, DQ_USAGE, "%.200s has %d lines; the network knows %d classes", path, count, classes);
    free(line);
    fclose(file);
    return status;
}

/* ---- the photo --------------------------------------------------------------------------------------------------- */

/* The sides that the last layer fits: the wanted one, or 224, or the first that fits. */
static dq_status find_side(const dq_model *model, int wanted, int *side, dq__error *err) {
    enum { USUAL = 224, LARGEST = 512 };
    dq__shape *shape = dq__alloc(sizeof *shape * DQ__MAX_LAYERS);
    if (!shape) return dq__no_memory(err, sizeof *shape * DQ__MAX_LAYERS, "shapes");
    *side = wanted ? wanted : USUAL;
    dq_status status = dq__shapes_of(&model->table, *side, *side, shape, err);
    for (int s = 8; status && !wanted && s <= LARGEST; s++) {
        *side = s;
        status = dq__shapes_of(&model->table, s, s, shape, err);
    }
    dq__free(shape);
    return status;
}

/* The middle square of a photo, side × side. */
static dq_status middle(dq_image **out, const dq_image *image, int side, dq__error *err) {
    const int least = image->width < image->height ? image->width : image->height;
    const int width = (int)((int64_t)image->width * side / least), height = (int)((int64_t)image->height * side / least);
    dq_image *small;
    dq_status status = dq__image_resize(&small, image, width < side ? side : width, height < side ? side : height, err);
    if (!status) status = dq__image_new(out, side, side, false, err);
    for (int y = 0; y < side && !status; y++)
        memcpy((*out)->rgb + 3 * (size_t)y * (size_t)side,
               small->rgb + 3 * ((size_t)(y + (small->height - side) / 2) * (size_t)small->width +
                                 (size_t)((small->width - side) / 2)),
               sizeof(float) * 3 * (size_t)side);
    dq__image_free(&small);
    return status;
}

/* ---- probabilities ----------------------------------------------------------------------------------------------- */

static int likelier(const void *a, const void *b) {
    const guess *one = a, *other = b;
    if (one->probability != other->probability) return one->probability < other->probability ? 1 : -1;
    return one->class - other->class;
}

/* Softmax, the likeliest first. */
static void rank(guess *g, const float *score, int classes) {
    double most = -INFINITY, sum = 0;
    for (int k = 0; k < classes; k++) most = (double)score[k] > most ? (double)score[k] : most;
    for (int k = 0; k < classes; k++) sum += exp((double)score[k] - most);
    for (int k = 0; k < classes; k++) g[k] = (guess){k, exp((double)score[k] - most) / sum};
    qsort(g, (size_t)classes, sizeof *g, likelier);
}

static json_t *answer(const dq_model *model, const guess *g, int count, char *const *label, int side) {
    json_t *classes = json_array();
    for (int k = 0; k < count; k++) {
        char number[24];
        snprintf(number, sizeof number, "class %d", g[k].class);
        json_t *name = json_string(label ? label[g[k].class] : number);
        if (!name) name = json_string(number); /* a label that is not UTF-8 */
        json_array_append_new(classes, json_pack("{s:i, s:o, s:f}", "class", g[k].class, "label", name, "probability",
                                                 g[k].probability));
    }
    return json_pack("{s:s, s:i, s:o}", "model", model->table.name, "size", side, "classes", classes);
}

/* ---- the tool ---------------------------------------------------------------------------------------------------- */

/* The last layer must give one number for each class. */
static dq_status check_end(const dq_model *model, dq__error *err) {
    const dq__layer *last = &model->table.layer[model->table.count - 1];
    if (last->kind == DQ__LINEAR || last->kind == DQ__GLOBAL_POOL) return DQ_OK;
    return dq__fail(err, DQ_USAGE, "the network '%s' does not classify: it ends with %s, not with a linear layer or a mean over "
                    "all places", model->table.name, last->name);
}

static dq_status look(const dq__call *call, dq_model *model, const dq_image *photo, int side, guess *g, dq__error *err) {
    dq__sight sight = {.pool = call->pool, .model = model};
    const int last = model->table.count - 1;
    dq_image *square = NULL;
    dq__exec *exec = NULL;
    dq_status status = middle(&square, photo, side, err);
    if (!status) status = dq__packed_new(&sight.packed, &model->table, &model->weights, last, false, err);
    if (!status) status = dq__sight_exec(&exec, &sight, last, side, side, false, err);
    if (!status) {
        dq__exec_forward(exec, square->rgb);
        rank(g, dq__exec_tap(exec, 0)->data, model->table.layer[last].oc);
    }
    dq__exec_free(&exec);
    dq__packed_free(&sight.packed);
    dq__image_free(&square);
    return status;
}

dq_status dq__classify_tool(const dq__call *call, dq__error *err) {
    classify_settings s;
    dq_model *model = NULL;
    dq_image *photo = NULL;
    guess *g = NULL;
    char **label = NULL;
    int side = 0, classes = 0;
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &s, err);
    if (!status) status = dq__call_inputs(call, 1, 1, "one photo", err);
    if (!status) status = dq__model_open(&model, s.model, err);
    if (!status) status = check_end(model, err);
    if (status) goto done;
    classes = model->table.layer[model->table.count - 1].oc;
    if (s.labels) status = read_labels(&label, s.labels, classes, err);
    if (!status) status = find_side(model, (int)s.size, &side, err);
    if (!status) status = dq__image_read(&photo, call->tool->inputs[0], err);
    g = dq__alloc(sizeof *g * (size_t)classes);
    if (!status && !g) status = dq__no_memory(err, sizeof *g * (size_t)classes, "the classes");
    if (!status) status = look(call, model, photo, side, g, err);
    if (!status) status = dq__call_answer(call, answer(model, g, s.top < classes ? (int)s.top : classes, label, side), err);
done:
    dq__free(g);
    dq__free_names(label, classes);
    dq__image_free(&photo);
    dq__model_free(&model);
    return status;
}
