/* SPDX-License-Identifier: MIT
 * model/model.h: a model = network table + weights + where they came from. Readers (read_*.c) turn one outside format each
 * into it, the store (store.c) finds files by name, fetch.c downloads known ones. Nothing here runs a network. */
#ifndef DQ_MODEL_MODEL_H
#define DQ_MODEL_MODEL_H

#include "base/error.h"
#include "net/layers.h"

#include <stdbool.h>
#include <stdint.h>

struct dq_model {
    dq__table table;
    dq__weights weights;
    char source[256]; /* file name without folders, or "seed N"; our own container remembers what it was made from */
    char format[24];  /* "safetensors", "pth", "h5", "mat", "caffemodel", "random" */
    char credit[256]; /* who trained it and its licence where the file or the format says so, else "" */
    char sha256[65];  /* of the file, hex; of the weights for "random" */
    char *info;       /* JSON text made by dq__model_describe, or NULL */
};

/* ---- model.c: the object ---- */

/* An empty model; free with dq__model_free. */
dq_status dq__model_new(dq_model **out, dq__error *err);
void dq__model_free(dq_model **model);
/* After a reader has filled it: every conv and linear layer has weights, all finite (NaN and infinities are named with
 * their layer), table checked. */
dq_status dq__model_check(const dq_model *model, const char *path, dq__error *err);
/* The JSON of dq_model_info, made on first use. */
const char *dq__model_describe(dq_model *model);
/* Table "random" with smooth oriented filters drawn from `seed`. */
dq_status dq__model_random(dq_model **out, uint64_t seed, dq__error *err);
/* Full VGG-19 (depth 19) or VGG-16 (16), convolutions only, with He-normal weights from `seed`; for tests and bench. */
dq_status dq__model_random_vgg(dq_model **out, int depth, uint64_t seed, dq__error *err);

/* ---- read.c: opening a file ---- */

/* Reads any known format, told by content, not by ending. DQ_BAD_MODEL with a line that names the file and the cause. */
dq_status dq__model_read(dq_model **out, const char *path, dq__error *err);
/* The same from memory; `name` is used in messages and as the source. What the fuzz targets call. */
dq_status dq__model_read_memory(dq_model **out, const void *bytes, size_t size, const char *name, dq__error *err);
/* Writes safetensors; half: fp16. Whole or not at all. */
dq_status dq__model_write(const dq_model *model, const char *path, bool half, dq__error *err);

/* ---- store.c, fetch.c ---- */

/* Finds and reads a model by path or name, see dq_model_open. */
dq_status dq__model_open(dq_model **out, const char *name_or_path, dq__error *err);
/* JSON array of dq_model_list; free with dq__free. */
dq_status dq__model_list(char **json, dq__error *err);
dq_status dq__model_fetch(const char *name, dq_fetch_fn progress, void *user, dq__error *err);

#endif
