/* SPDX-License-Identifier: MIT
 * model/zip.c: reads a zip archive's directory (PKWARE's APPNOTE 4.3). Every offset is checked against the archive; files
 * of 4 GiB and more are refused before they come here, so zip64 has nothing to add. */
#include "model/zip.h"

#include "model/tensors.h"

#include <string.h>
#include <zlib.h>

enum { END_SIZE = 22, CENTRAL_SIZE = 46, LOCAL_SIZE = 30, MAX_COMMENT = 65535 };
static const uint32_t end_mark = 0x06054b50, central_mark = 0x02014b50, local_mark = 0x04034b50;

static dq_status bad(const dq__zip *zip, const char *what, dq__error *err) {
    return dq__fail(err, DQ_BAD_MODEL, "%s: damaged or truncated archive: %s", zip->name, what);
}

bool dq__zip_is(const unsigned char *bytes, size_t size) { return size >= LOCAL_SIZE && dq__le32(bytes) == local_mark; }

dq_status dq__zip_open(dq__zip *zip, const unsigned char *bytes, size_t size, const char *name, dq__error *err) {
    *zip = (dq__zip){.bytes = bytes, .size = size, .name = name};
    if (size < END_SIZE) return bad(zip, "it is too short", err);
    size_t lowest = size > END_SIZE + MAX_COMMENT ? size - END_SIZE - MAX_COMMENT : 0, at = size - END_SIZE;
    while (dq__le32(bytes + at) != end_mark) {
        if (at == lowest) return bad(zip, "its directory is missing", err);
        at--;
    }
    size_t length = dq__le32(bytes + at + 12);
    zip->count = dq__le16(bytes + at + 10);
    zip->directory = dq__le32(bytes + at + 16);
    if (zip->directory > at || length > at - zip->directory) return bad(zip, "its directory lies outside", err);
    zip->directory_end = zip->directory + length;
    return DQ_OK;
}

/* Whether the name is prefix + rest, or ends in rest where there is no prefix. */
static bool matches(const char *name, size_t length, const char *prefix, size_t prefix_length, const char *rest) {
    size_t n = strlen(rest);
    if (prefix ? length != prefix_length + n : length < n) return false;
    return (!prefix || memcmp(name, prefix, prefix_length) == 0) && memcmp(name + length - n, rest, n) == 0;
}

/* The data of the directory's record at `c`. */
static dq_status locate(const dq__zip *zip, const unsigned char *c, dq__zip_entry *entry, dq__error *err) {
    size_t local = dq__le32(c + 42), size = dq__le32(c + 24);
    if (dq__le16(c + 8) & 1) return bad(zip, "an entry is encrypted", err);
    if (dq__le16(c + 10) != 0 || dq__le32(c + 20) != size)
        return dq__fail(err, DQ_BAD_MODEL, "%s: %.*s is compressed; PyTorch stores weights as they are", zip->name,
                        (int)(entry->name_length < 80 ? entry->name_length : 80), entry->name);
    if (zip->size < LOCAL_SIZE || local > zip->size - LOCAL_SIZE || dq__le32(zip->bytes + local) != local_mark)
        return bad(zip, "an entry lies outside", err);
    size_t data = local + LOCAL_SIZE + dq__le16(zip->bytes + local + 26) + dq__le16(zip->bytes + local + 28);
    if (data > zip->size || size > zip->size - data) return bad(zip, "an entry lies outside", err);
    if (crc32_z(0, zip->bytes + data, size) != dq__le32(c + 16)) return bad(zip, "an entry's checksum is wrong", err);
    entry->data = zip->bytes + data;
    entry->size = size;
    return DQ_OK;
}

dq_status dq__zip_find(const dq__zip *zip, const char *prefix, size_t prefix_length, const char *rest, dq__zip_entry *entry,
                       dq__error *err) {
    size_t at = zip->directory;
    *entry = (dq__zip_entry){0};
    for (size_t i = 0; i < zip->count; i++) {
        const unsigned char *c = zip->bytes + at;
        if (zip->directory_end - at < CENTRAL_SIZE || dq__le32(c) != central_mark) return bad(zip, "its directory is cut", err);
        size_t length = dq__le16(c + 28), whole = CENTRAL_SIZE + length + dq__le16(c + 30) + dq__le16(c + 32);
        if (zip->directory_end - at < whole) return bad(zip, "its directory is cut", err);
        const char *name = (const char *)c + CENTRAL_SIZE;
        if (matches(name, length, prefix, prefix_length, rest)) {
            entry->name = name;
            entry->name_length = length;
            return locate(zip, c, entry, err);
        }
        at += whole;
    }
    return DQ_OK;
}
