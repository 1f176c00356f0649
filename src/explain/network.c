/* SPDX-License-Identifier: MIT
 * explain/network.c: the tool "explain network": a network layer by layer as JSON and as a drawing. Runs nothing. */
#include "explain/explain.h"
#include "explain/fields.h"
#include "model/model.h"
#include "model/store.h"

#include "base/mem.h"

#include <glib.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct network_settings {
    const char *model;
    int64_t size;
} network_settings;

static const dq__setting rows[] = {
    {"model", DQ__SET_TEXT, offsetof(network_settings, model), "", 0, 0, NULL},
    {"size", DQ__SET_INT, offsetof(network_settings, size), "224", 8, 32768, NULL},
};

typedef struct anatomy {
    const dq__table *table;
    dq__table own; /* where no model is installed */
    int size;
    dq__field field[DQ__MAX_LAYERS];
    dq__shape shape[DQ__MAX_LAYERS];
} anatomy;

static const char *kind_name(const anatomy *a, const dq__layer *l) {
    static const char *const names[DQ__KINDS] = {
        "convolution", "ReLU", "pool", "linear", "leaky ReLU", "PReLU", "tanh", "sigmoid", "instance norm", "batch norm",
        "global mean", "nearest ×2", "bilinear ×2", "convolution ×2", "sum", "concat",
    };
    if (l->kind != DQ__POOL) return names[l->kind];
    return a->table->pooling == DQ__POOL_MAX ? "max pool" : "average pool";
}

static bool has_window(const dq__layer *l) { return l->kind == DQ__CONV || l->kind == DQ__POOL || l->kind == DQ__CONV_UP; }

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static const char *name_of(const dq__table *table, int i) { return i < 0 ? "picture" : table->layer[i].name; }

static void set_window(json_t *object, const dq__layer *l) {
    json_object_set_new(object, "kernel", json_integer(l->kernel));
    json_object_set_new(object, "stride", json_integer(l->kind == DQ__CONV ? l->stride : 2));
    json_object_set_new(object, "pad", json_integer(l->kind == DQ__POOL ? 0 : l->pad));
}

static json_t *layer_json(const anatomy *a, int i) {
    const dq__layer *l = &a->table->layer[i];
    json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i}", "name", l->name, "kind", kind_name(a, l), "reads",
                               name_of(a->table, l->from), "width", a->shape[i].w, "height", a->shape[i].h, "channels", l->oc);
    if (!object) return NULL;
    if (dq__reads_two(l)) json_object_set_new(object, "reads_too", json_string(name_of(a->table, l->also)));
    if (has_window(l)) set_window(object, l);
    if (a->shape[i].parameters > 0) {
        json_object_set_new(object, "parameters", json_integer((json_int_t)a->shape[i].parameters));
        if (l->kind == DQ__CONV)
            json_object_set_new(object, "parameters_a_filter", json_integer((json_int_t)l->kernel * l->kernel * l->ic + 1));
    }
    if (a->shape[i].multiplications > 0)
        json_object_set_new(object, "multiplications", json_integer((json_int_t)a->shape[i].multiplications));
    if (!a->field[i].whole) json_object_set_new(object, "receptive_field", json_integer(a->field[i].size));
    return object;
}

static json_t *network_json(const anatomy *a) {
    json_t *layers = json_array();
    double parameters = 0, multiplications = 0;
    for (int i = 0; i < a->table->count; i++) {
        json_array_append_new(layers, layer_json(a, i));
        parameters += a->shape[i].parameters, multiplications += a->shape[i].multiplications;
    }
    return json_pack("{s:s, s:i, s:I, s:I, s:o}", "model", a->table->name, "size", a->size, "parameters", (json_int_t)parameters,
                     "multiplications", (json_int_t)multiplications, "layers", layers);
}

/* ---- the drawing ------------------------------------------------------------------------------------------------- */

enum { TALL = 220, LEFT = 30, TOP = 90, GAP = 14, BELOW = 150 };

static int block_height(const anatomy *a, int i) {
    const double h = i < 0 ? a->size : a->shape[i].h;
    return 8 + (int)(TALL * sqrt(h / a->size));
}

static int block_width(const anatomy *a, int i) {
    return i < 0 ? 8 : 6 + (int)(2 * log2((double)a->table->layer[i].oc + 1));
}

static const char *colour_of(dq__kind kind) {
    switch (kind) {
    case DQ__CONV:
    case DQ__CONV_UP: return "#4f81bd";
    case DQ__LINEAR: return "#8064a2";
    case DQ__POOL:
    case DQ__GLOBAL_POOL: return "#c0504d";
    case DQ__ADD:
    case DQ__CONCAT: return "#e3a33b";
    case DQ__UP_NEAREST:
    case DQ__UP_BILINEAR: return "#4bacc6";
    default: return "#9bbb59";
    }
}

/* A block, its name upwards below it, and the size above it where it changes. */
static void draw_block(FILE *to, const anatomy *a, int i, int x) {
    const int w = block_width(a, i), h = block_height(a, i), y = TOP + (TALL + 8 - h) / 2;
    char *name = g_markup_escape_text(i < 0 ? "picture" : a->table->layer[i].name, -1);
    const int before = i < 0 ? 0 : a->table->layer[i].from < 0 ? a->size : a->shape[a->table->layer[i].from].h;
    const bool changes = i < 0 || a->shape[i].h != before;
    fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" stroke=\"#333\"/>\n", x, y, w, h,
            i < 0 ? "#ddd" : colour_of(a->table->layer[i].kind));
    fprintf(to, "<text transform=\"translate(%d %d) rotate(90)\">%s%s", x + w / 2 - 4, TOP + TALL + 18, name, i < 0 ? "" : " ");
    if (i >= 0) fprintf(to, "<tspan fill=\"#777\">%d</tspan>", a->table->layer[i].oc);
    fputs("</text>\n", to);
    if (changes)
        fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d²</text>\n", x + w / 2, y - 8,
                i < 0 ? a->size : a->shape[i].h);
    g_free(name);
}

/* An arc over the blocks between a layer and one that it reads from further away. */
static void draw_arc(FILE *to, int from, int x) {
    const int top = TOP - 24 - (x - from > 400 ? 50 : (x - from) / 8);
    fprintf(to, "<path d=\"M%d %d C%d %d %d %d %d %d\"/>\n", from, TOP - 4, from, top, x, top, x, TOP - 4);
}

static void draw_arcs(FILE *to, const anatomy *a, const int *middle) {
    fputs("<g fill=\"none\" stroke=\"#999\">\n", to);
    for (int i = 0; i < a->table->count; i++) {
        const dq__layer *l = &a->table->layer[i];
        if (l->from != i - 1) draw_arc(to, middle[l->from + 1], middle[i + 1]);
        if (dq__reads_two(l) && l->also != i - 1) draw_arc(to, middle[l->also + 1], middle[i + 1]);
    }
    fputs("</g>\n", to);
}

static void draw(FILE *to, const anatomy *a) {
    int middle[DQ__MAX_LAYERS + 1], width = 2 * LEFT, x = LEFT;
    for (int i = -1; i < a->table->count; i++) width += block_width(a, i) + GAP;
    char *name = g_markup_escape_text(a->table->name, -1);
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"11\">\n",
            width < 480 ? 480 : width, TOP + TALL + BELOW);
    fprintf(to, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"26\" font-size=\"15\">%s on %d × %d"
                "</text>\n", LEFT, name, a->size, a->size);
    for (int i = -1; i < a->table->count; i++) {
        draw_block(to, a, i, x);
        middle[i + 1] = x + block_width(a, i) / 2;
        x += block_width(a, i) + GAP;
    }
    draw_arcs(to, a, middle);
    fputs("</svg>\n", to);
    g_free(name);
}

static dq_status write_drawing(const anatomy *a, const char *path, dq__error *err) {
    char *text = NULL;
    size_t size;
    GError *why = NULL;
    FILE *to = open_memstream(&text, &size);
    if (!to) return dq__no_memory(err, 0, "a drawing");
    draw(to, a);
    if (fclose(to) != 0) {
        free(text);
        return dq__no_memory(err, 0, "a drawing");
    }
    dq_status status = DQ_OK;
    if (!g_file_set_contents(path, text, (gssize)size, &why))
        status = dq__fail(err, DQ_OUTPUT, "cannot write %.200s: %s", path, why->message);
    g_clear_error(&why);
    free(text);
    return status;
}

/* ---- the tool ---------------------------------------------------------------------------------------------------- */

/* The tables of VGG-19 and VGG-16 are known, with all their layers, whether they are installed or not. */
static dq_status find_table(anatomy *a, dq_model **model, const char *name, dq__error *err) {
    const int depth = strcmp(name, "vgg19") == 0 ? 19 : strcmp(name, "vgg16") == 0 ? 16 : 0;
    char *path = NULL;
    dq_status status = depth ? dq__store_find(name, &path, err) : DQ_OK;
    a->table = &a->own;
    if (!status && depth && !path) dq__table_vgg(&a->own, depth);
    else if (!status) status = dq__model_open(model, name, err);
    if (*model) a->table = &(*model)->table;
    dq__free(path);
    return status;
}

dq_status dq__network_tool(const dq__call *call, dq__error *err) {
    network_settings s;
    dq_model *model = NULL;
    anatomy *a = NULL;
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &s, err);
    if (!status) status = dq__call_inputs(call, 0, 0, "no input", err);
    if (status) return status;
    a = dq__alloc_zero(sizeof *a);
    if (!a) return dq__no_memory(err, sizeof *a, "a description");
    a->size = (int)s.size;
    status = find_table(a, &model, s.model, err);
    if (status) goto done;
    dq__fields_of(a->table, a->field);
    status = dq__shapes_of(a->table, a->size, a->size, a->shape, err);
    if (!status && call->tool->output) status = write_drawing(a, call->tool->output, err);
    if (!status) status = dq__call_answer(call, network_json(a), err);
done:
    dq__free(a);
    dq__model_free(&model);
    return status;
}
