/* SPDX-License-Identifier: MIT
 * train/checkpoint.c: the file, little-endian throughout:
 *   "DQCKPT1\n" · digest of the recipe (32) · parameters, step, taken, skipped, bad (int64 each) · seconds (double) ·
 *   parameters, first moments, second moments, running average (floats; the last only where one is kept) · SHA-256 of it all.
 * Reading checks everything before the trainer is touched. */
#include "train/checkpoint.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char MAGIC[8] = "DQCKPT1\n";
enum { NUMBERS = 5, HEAD = 8 + DQ__DIGEST + 8 * NUMBERS + 8, SUM = 32, MAX_ARRAYS = 4 };

/* The arrays of the state, in the order of the file. */
static int list_arrays(const dq__trainer *t, float *array[MAX_ARRAYS]) {
    array[0] = t->theta;
    array[1] = t->adam.m;
    array[2] = t->adam.v;
    array[3] = t->average;
    return t->average == t->theta ? 3 : 4;
}

/* Size of a checkpoint of this trainer; false where it is beyond what a machine has. */
static bool file_size(const dq__trainer *t, size_t *size) {
    float *array[MAX_ARRAYS];
    return dq__mul(t->task->parameters, 4 * (size_t)list_arrays(t, array), size) && dq__add(*size, HEAD + SUM, size);
}

static void sum_of(const unsigned char *bytes, size_t size, unsigned char sum[SUM]) {
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = SUM;
    for (size_t at = 0; at < size; at += 1 << 30)
        g_checksum_update(checksum, bytes + at, (gssize)(size - at < 1 << 30 ? size - at : 1 << 30));
    g_checksum_get_digest(checksum, sum, &length);
    g_checksum_free(checksum);
}

/* ---- numbers ---- */

static void put_le(unsigned char **out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) *(*out)++ = (unsigned char)(value >> 8 * i);
}

static uint64_t get_le(const unsigned char **in, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)*(*in)++ << 8 * i;
    return value;
}

static void put_floats(unsigned char **out, const float *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &from[i], sizeof bits);
        put_le(out, bits, 4);
    }
}

static float get_float(const unsigned char **in) {
    const uint32_t bits = (uint32_t)get_le(in, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- writing ---- */

static void encode(const dq__trainer *t, const unsigned char *digest, double seconds, unsigned char *bytes, size_t size) {
    const int64_t number[NUMBERS] = {(int64_t)t->task->parameters, t->step, t->adam.step, t->skipped, t->bad};
    float *array[MAX_ARRAYS];
    uint64_t bits;
    unsigned char *p = bytes;
    memcpy(p, MAGIC, sizeof MAGIC);
    memcpy(p + sizeof MAGIC, digest, DQ__DIGEST);
    p += sizeof MAGIC + DQ__DIGEST;
    for (int i = 0; i < NUMBERS; i++) put_le(&p, (uint64_t)number[i], 8);
    memcpy(&bits, &seconds, sizeof bits);
    put_le(&p, bits, 8);
    const int arrays = list_arrays(t, array);
    for (int i = 0; i < arrays; i++) put_floats(&p, array[i], t->task->parameters);
    sum_of(bytes, size - SUM, p);
}

static bool write_all(int fd, const unsigned char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        size -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* The temporary file has a fixed name, so that a killed run leaves one at most. */
static dq_status write_file(const unsigned char *bytes, size_t size, const char *path, dq__error *err) {
    char temporary[4096];
    const int n = snprintf(temporary, sizeof temporary, "%s.part", path);
    if (n < 0 || (size_t)n >= sizeof temporary) return dq__fail(err, DQ_OUTPUT, "the name of the checkpoint is too long");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), why = errno;
    bool good = fd >= 0;
    if (good && !write_all(fd, bytes, size)) good = false, why = errno;
    if (fd >= 0 && close(fd) != 0 && good) good = false, why = errno;
    if (good && rename(temporary, path) != 0) good = false, why = errno;
    if (good) return DQ_OK;
    if (fd >= 0) unlink(temporary);
    return dq__fail(err, DQ_OUTPUT, "%s: the checkpoint cannot be written: %s", path, strerror(why));
}

dq_status dq__checkpoint_write(const dq__trainer *t, const unsigned char digest[DQ__DIGEST], double seconds,
                               const char *path, dq__error *err) {
    size_t size;
    unsigned char *bytes = file_size(t, &size) ? dq__alloc(size) : NULL;
    if (!bytes) return dq__no_memory(err, t->task->parameters, "a checkpoint");
    encode(t, digest, seconds, bytes, size);
    dq_status status = write_file(bytes, size, path, err);
    dq__free(bytes);
    return status;
}

/* ---- reading ---- */

static dq_status damaged(const char *name, const char *why, dq__error *err) {
    return dq__fail(err, DQ_BAD_MODEL, "%s: the checkpoint is damaged (%s); remove it to begin anew", name, why);
}

/* Whether frame and checksum are right, and the recipe is the trainer's. */
static dq_status check_frame(const dq__trainer *t, const unsigned char *digest, const unsigned char *bytes, size_t size,
                             const char *name, dq__error *err) {
    unsigned char sum[SUM];
    size_t expected;
    if (size < HEAD + SUM || memcmp(bytes, MAGIC, sizeof MAGIC) != 0) return damaged(name, "not a checkpoint", err);
    if (memcmp(bytes + sizeof MAGIC, digest, DQ__DIGEST) != 0)
        return dq__fail(err, DQ_USAGE, "%s: the checkpoint is of a run with other settings; use the recipe and the settings it "
                        "was begun with, or remove it", name);
    if (!file_size(t, &expected) || size != expected) return damaged(name, "its size is wrong", err);
    sum_of(bytes, size - SUM, sum);
    return memcmp(bytes + size - SUM, sum, SUM) == 0 ? DQ_OK : damaged(name, "its checksum is wrong", err);
}

static bool numbers_agree(const dq__trainer *t, const int64_t n[NUMBERS], double seconds) {
    const int64_t step = n[1], taken = n[2], skipped = n[3], bad = n[4];
    return n[0] == (int64_t)t->task->parameters && step >= 0 && taken >= 0 && taken <= step && skipped == step - taken &&
           bad >= 0 && bad <= skipped && bad < DQ__MAX_BAD_STEPS && isfinite(seconds) && seconds >= 0;
}

/* Whether all arrays are finite, and no second moment is negative. */
static bool arrays_agree(const unsigned char *in, int arrays, size_t count) {
    for (int a = 0; a < arrays; a++)
        for (size_t i = 0; i < count; i++) {
            const float value = get_float(&in);
            if (!isfinite(value) || (a == 2 && value < 0)) return false;
        }
    return true;
}

static void take_arrays(float *const *array, int arrays, const unsigned char *in, size_t count) {
    for (int a = 0; a < arrays; a++)
        for (size_t i = 0; i < count; i++) array[a][i] = get_float(&in);
}

dq_status dq__checkpoint_parse(dq__trainer *t, const unsigned char digest[DQ__DIGEST], double *seconds,
                               const unsigned char *bytes, size_t size, const char *name, dq__error *err) {
    int64_t number[NUMBERS];
    float *array[MAX_ARRAYS];
    double worked;
    dq_status status = check_frame(t, digest, bytes, size, name, err);
    if (status) return status;
    const unsigned char *in = bytes + sizeof MAGIC + DQ__DIGEST;
    for (int i = 0; i < NUMBERS; i++) number[i] = (int64_t)get_le(&in, 8);
    const uint64_t bits = get_le(&in, 8);
    memcpy(&worked, &bits, sizeof worked);
    if (!numbers_agree(t, number, worked)) return damaged(name, "its counters do not agree", err);
    const int arrays = list_arrays(t, array);
    if (!arrays_agree(in, arrays, t->task->parameters)) return damaged(name, "it has numbers that cannot be", err);
    take_arrays(array, arrays, in, t->task->parameters);
    t->step = number[1];
    t->adam.step = number[2];
    t->skipped = number[3];
    t->bad = number[4];
    *seconds = worked;
    return DQ_OK;
}

/* Up to `most` bytes of a file. */
static bool read_up_to(const char *path, unsigned char *bytes, size_t most, size_t *size) {
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *size = 0;
    if (fd < 0) return false;
    while (got > 0 && *size < most) {
        got = read(fd, bytes + *size, most - *size);
        if (got > 0) *size += (size_t)got;
    }
    const int why = errno;
    close(fd);
    errno = why;
    return got >= 0;
}

dq_status dq__checkpoint_read(dq__trainer *t, const unsigned char digest[DQ__DIGEST], double *seconds, const char *path,
                              dq__error *err) {
    size_t expected, size;
    unsigned char *bytes = file_size(t, &expected) ? dq__alloc(expected + 1) : NULL; /* one more shows a longer file */
    dq_status status;
    if (!bytes) return dq__no_memory(err, t->task->parameters, "a checkpoint");
    if (!read_up_to(path, bytes, expected + 1, &size))
        status = dq__fail(err, DQ_BAD_MODEL, "%s: the checkpoint cannot be read: %s", path, strerror(errno));
    else
        status = dq__checkpoint_parse(t, digest, seconds, bytes, size, path, err);
    dq__free(bytes);
    return status;
}
