/* SPDX-License-Identifier: MIT
 * cli/input.c: pictures from files and from standard input. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 1 << 20 };
static const size_t LIMIT = (size_t)1 << 30; /* bytes of a picture on standard input */

/* All of standard input; NULL on failure, with *why. Free the result. */
static void *read_all(size_t *size, const char **why) {
    size_t room = FIRST;
    char *bytes = malloc(room);
    *size = 0;
    for (;;) {
        if (!bytes) break;
        *size += fread(bytes + *size, 1, room - *size, stdin);
        if (ferror(stdin)) break;
        if (*size < room) return bytes;
        char *more = room < LIMIT ? realloc(bytes, room *= 2) : NULL;
        if (!more) free(bytes);
        bytes = more;
    }
    *why = bytes ? strerror(errno) : room >= LIMIT ? "more than 1 GB" : "out of memory";
    free(bytes);
    return NULL;
}

dq_status cli_read_picture(dq_context *ctx, dq_image **out, const char *path) {
    *out = NULL;
    if (strcmp(path, "-") != 0) {
        dq_status status = dq_image_read(ctx, out, path);
        return status ? (dq_status)cli_error_of(ctx, status) : DQ_OK;
    }
    size_t size;
    const char *why = "";
    void *bytes = read_all(&size, &why);
    if (!bytes) return (dq_status)cli_error(DQ_BAD_IMAGE, "cannot read standard input: %s", why);
    dq_status status = dq_image_read_memory(ctx, out, bytes, size, "standard input");
    free(bytes);
    return status ? (dq_status)cli_error_of(ctx, status) : DQ_OK;
}
