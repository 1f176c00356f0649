/* SPDX-License-Identifier: MIT
 * model/zip.h: looks up stored (not compressed) files in a zip archive that lies in memory. That is all that PyTorch's
 * archives need, and it gives views instead of copies, which a general zip library does not. */
#ifndef DQ_MODEL_ZIP_H
#define DQ_MODEL_ZIP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct dq__zip {
    const unsigned char *bytes;
    size_t size;
    size_t directory, directory_end; /* offsets */
    size_t count;
    const char *name; /* for messages */
} dq__zip;

typedef struct dq__zip_entry {
    const char *name; /* inside the archive's bytes, not terminated */
    size_t name_length;
    const unsigned char *data;
    size_t size;
} dq__zip_entry;

bool dq__zip_is(const unsigned char *bytes, size_t size);
/* Finds the directory at the end of the bytes, which must outlive *zip. */
dq_status dq__zip_open(dq__zip *zip, const unsigned char *bytes, size_t size, const char *name, dq__error *err);
/* The entry called `prefix` + `rest`, its CRC verified; prefix NULL: the first whose name ends in `rest`.
 * entry->data is NULL if there is none. */
dq_status dq__zip_find(const dq__zip *zip, const char *prefix, size_t prefix_length, const char *rest, dq__zip_entry *entry,
                       dq__error *err);

#endif
