/* SPDX-License-Identifier: MIT
 * studio/multipart.c: splits a body at its boundaries and reads the one header that counts, Content-Disposition. Strict: what a
 * browser or curl would not send is refused. */
#include "multipart.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* ---- Content-Type ------------------------------------------------------------------------------------------------ */

static bool boundary_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("'()+_,-./:=?", c));
}

int multipart_boundary(const char *type, char boundary[MULTIPART_BOUNDARY + 1]) {
    static const char form[] = "multipart/form-data";
    if (strncasecmp(type, form, sizeof form - 1) != 0) return -1;
    const char *at = type + sizeof form - 1;
    while (*at == ' ' || *at == ';') at++;
    if (strncasecmp(at, "boundary=", 9) != 0) return -1;
    at += 9;
    const bool quoted = *at == '"';
    size_t n = 0;
    at += quoted;
    while (n < MULTIPART_BOUNDARY && boundary_char(at[n])) n++;
    memcpy(boundary, at, n);
    boundary[n] = 0;
    const char end = at[n];
    return n > 0 && (quoted ? end == '"' : end == 0 || end == ';' || end == ' ') ? 0 : -1;
}

/* ---- headers of a part ------------------------------------------------------------------------------------------- */

/* Copies the quoted value that follows `key` in the header line; −1 if it is not there or does not fit. */
static int quoted_value(const char *line, size_t size, const char *key, char *out, size_t room) {
    const size_t length = strlen(key);
    for (size_t i = 0; i + length < size; i++) {
        if ((line[i] != ' ' && line[i] != ';') || strncasecmp(line + i + 1, key, length) != 0) continue;
        const char *from = line + i + 1 + length, *end = memchr(from, '"', (size_t)(line + size - from));
        if (i + 1 + length > size || !end || (size_t)(end - from) >= room || memchr(from, 0, (size_t)(end - from))) return -1;
        memcpy(out, from, (size_t)(end - from));
        out[end - from] = 0;
        return 0;
    }
    return -1;
}

/* Reads the header lines up to the empty one; *used becomes their size. */
static int read_headers(const char *bytes, size_t size, multipart_part *part, size_t *used) {
    static const char disposition[] = "content-disposition:";
    bool named = false;
    for (size_t at = 0; at < size && at < 4096;) {
        const char *end = memmem(bytes + at, size - at, "\r\n", 2);
        if (!end) return -1;
        const size_t length = (size_t)(end - bytes) - at;
        if (length == 0) {
            *used = at + 2;
            return named ? 0 : -1;
        }
        if (length > sizeof disposition && strncasecmp(bytes + at, disposition, sizeof disposition - 1) == 0) {
            if (quoted_value(bytes + at, length, "name=\"", part->name, sizeof part->name)) return -1;
            if (quoted_value(bytes + at, length, "filename=\"", part->file, sizeof part->file)) part->file[0] = 0;
            named = true;
        }
        at += length + 2;
    }
    return -1;
}

/* ---- the body ---------------------------------------------------------------------------------------------------- */

int multipart_parse(const char *body, size_t size, const char *boundary, multipart_part parts[MULTIPART_PARTS]) {
    char mark[MULTIPART_BOUNDARY + 5];
    const size_t n = strlen(boundary) + 4;
    int count = 0;
    memcpy(mark, "\r\n--", 4);
    memcpy(mark + 4, boundary, n - 4);
    if (size < n || memcmp(body, mark + 2, n - 2) != 0) return -1; /* the first one has no line before it */
    for (size_t at = n - 2;;) {
        if (size - at >= 2 && memcmp(body + at, "--", 2) == 0) return count;
        if (count == MULTIPART_PARTS || size - at < 2 || memcmp(body + at, "\r\n", 2) != 0) return -1;
        multipart_part *part = &parts[count++];
        size_t used;
        *part = (multipart_part){0};
        at += 2;
        if (read_headers(body + at, size - at, part, &used)) return -1;
        /* The line end before the boundary may be that of the empty line itself, when the part is empty. */
        const char *from = body + at + used, *end = memmem(from - 2, size - at - used + 2, mark, n);
        if (!end) return -1;
        part->bytes = from;
        part->size = end < from ? 0 : (size_t)(end - from);
        at = (size_t)(end - body) + n;
    }
}
