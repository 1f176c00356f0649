/* SPDX-License-Identifier: MIT
 * studio/assets.h: the page and the pictures of our own shelf, which are part of the program. */
#ifndef DQ_STUDIO_ASSETS_H
#define DQ_STUDIO_ASSETS_H

#include <stddef.h>

typedef struct asset {
    const char *name, *type; /* "/app.js", "text/javascript; charset=utf-8" */
    const char *begin, *end;
    char tag[20]; /* for ETag, with its quotes */
} asset;

/* NULL if there is no such file. */
const asset *asset_named(const char *name);
size_t asset_size(const asset *a);

/* A painting or photo that every studio has. */
typedef struct asset_sample {
    const char *id, *kind, *name;
    const char *begin, *end;
} asset_sample;

/* NULL past the last. */
const asset_sample *asset_sample_at(int index);

#endif
