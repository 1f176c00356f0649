/* SPDX-License-Identifier: MIT
 * explain/sheet.c: the tool "sheet": pictures from files as one contact sheet with a caption below each. */
#include "explain/explain.h"
#include "image/sheet.h"

#include "base/mem.h"

#include <string.h>

typedef struct sheet_settings {
    int64_t side, heads, columns;
    const char *caption;
} sheet_settings;

static const dq__setting rows[] = {
    {"side", DQ__SET_INT, offsetof(sheet_settings, side), "200", 16, 4096, NULL},
    {"heads", DQ__SET_INT, offsetof(sheet_settings, heads), "0", 0, 4096, NULL},
    {"columns", DQ__SET_INT, offsetof(sheet_settings, columns), "4", 1, 4096, NULL},
    {"caption", DQ__SET_TEXT, offsetof(sheet_settings, caption), NULL, 0, 0, NULL},
};

/* A picture that cannot be read leaves a field without one. */
static dq_status fill(const dq__call *call, dq__tile *tile, int i, const sheet_settings *s, dq__error *err) {
    const char *path = call->tool->inputs[i], *caption = dq__call_setting(call, "caption", i);
    dq_image *image = NULL;
    dq_status status = DQ_OK;
    if (*path && !dq__image_read(&image, path, NULL)) status = dq__shrink(&tile->image, image, (int)s->side, err);
    dq__image_free(&image);
    if (caption) tile->caption = dq__strdup(caption);
    if (!status && caption && !tile->caption) status = dq__no_memory(err, strlen(caption), "a caption");
    tile->row = i == s->heads || (i > s->heads && (i - s->heads) % s->columns == 0);
    return status;
}

dq_status dq__sheet_tool(const dq__call *call, dq__error *err) {
    enum { MOST = 4096 };
    const int count = call->tool->input_count;
    sheet_settings s;
    dq_image *sheet = NULL;
    dq__tile *tile = NULL;
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &s, err);
    if (!status) status = dq__call_inputs(call, 1, MOST, "1 to 4096 pictures", err);
    if (!status) status = dq__call_output(call, err);
    if (status) return status;
    tile = dq__alloc_zero(sizeof *tile * (size_t)count);
    if (!tile) return dq__no_memory(err, sizeof *tile * (size_t)count, "the sheet");
    for (int i = 0; i < count && !status; i++) {
        status = fill(call, &tile[i], i, &s, err);
        if (!status) status = dq__call_progress(call, (i + 1) / (double)count, err);
    }
    if (!status) status = dq__sheet(&sheet, tile, count, (int)s.side, err);
    if (!status) status = dq__image_write(sheet, call->tool->output, NULL, err);
    for (int i = 0; i < count; i++) dq__tile_free(&tile[i]);
    dq__image_free(&sheet);
    dq__free(tile);
    return status;
}
