/* SPDX-License-Identifier: MIT
 * sketch/cache.c: what was learnt from a folder of pairs, as a file: a line that says what it is, the number of floats, the
 * floats, a checksum. Believed only when all of it fits. */
#include "sketch/pairs.h"

#include "base/mem.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4608, KEY = 256 };

static void hex(const unsigned char *digest, char text[65]) {
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* The line: "danqing-sketch WHAT DIGEST COUNT\n". */
static void head(const dq__pairs *p, const char *what, size_t count, char line[KEY]) {
    char digest[65];
    hex(p->digest, digest);
    snprintf(line, KEY, "danqing-sketch %.100s %s %zu\n", what, digest, count);
}

static void checksum(const float *values, size_t count, unsigned char sum[32]) {
    GChecksum *c = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = 32;
    for (size_t at = 0; at < count; at += 1 << 20)
        g_checksum_update(c, (const guchar *)(values + at), (gssize)(sizeof(float) * (count - at < 1 << 20 ? count - at
                                                                                      : 1 << 20)));
    g_checksum_get_digest(c, sum, &length);
    g_checksum_free(c);
}

/* Place 0: beside the pairs; 1: the user's folder for caches. The file is named after the line, so that caches do not collide. */
static bool place(const dq__pairs *p, const char *line, int number, char folder[PATH], char path[PATH + 80]) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool own = cache && cache[0] == '/';
    int n;
    if (number == 0) n = snprintf(folder, PATH, "%s/.danqing", p->folder);
    else if (own || (home && home[0] == '/'))
        n = snprintf(folder, PATH, "%s%s/danqing", own ? cache : home, own ? "" : "/.cache");
    else return false;
    if (n < 0 || n >= PATH) return false;
    char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, line, -1);
    snprintf(path, PATH + 80, "%s/sketch-%.24s.cache", folder, sum);
    g_free(sum);
    return true;
}

static bool read_all(FILE *file, const char *line, float *values, size_t count) {
    char found[KEY] = "";
    unsigned char sum[2][32];
    const size_t n = strlen(line);
    if (fread(found, 1, n, file) != n || memcmp(found, line, n) != 0) return false;
    if (fread(values, sizeof(float), count, file) != count || fread(sum[0], 1, 32, file) != 32 || fgetc(file) != EOF)
        return false;
    checksum(values, count, sum[1]);
    return memcmp(sum[0], sum[1], 32) == 0;
}

bool dq__cache_read(const dq__pairs *p, const char *what, float *values, size_t count) {
    char line[KEY], folder[PATH], path[PATH + 80];
    head(p, what, count, line);
    for (int k = 0; k < 2; k++) {
        FILE *file = place(p, line, k, folder, path) ? fopen(path, "rbe") : NULL;
        if (!file) continue;
        const bool whole = read_all(file, line, values, count);
        fclose(file);
        if (whole) return true;
    }
    return false;
}

static bool write_all(FILE *file, const char *line, const float *values, size_t count) {
    unsigned char sum[32];
    checksum(values, count, sum);
    const bool whole = fputs(line, file) >= 0 && fwrite(values, sizeof(float), count, file) == count && fwrite(sum, 1, 32,
        file) == 32;
    return fflush(file) == 0 && whole;
}

void dq__cache_write(const dq__pairs *p, const char *what, const float *values, size_t count) {
    char line[KEY], folder[PATH], path[PATH + 80], temporary[PATH + 96];
    head(p, what, count, line);
    for (int k = 0; k < 2; k++) {
        if (!place(p, line, k, folder, path)) continue;
        if (g_mkdir_with_parents(folder, 0700)) continue;
        snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
        const int fd = mkstemp(temporary);
        FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
        bool kept = file && write_all(file, line, values, count);
        if (file) kept = fclose(file) == 0 && kept;
        else if (fd >= 0) close(fd);
        kept = kept && rename(temporary, path) == 0;
        if (!kept && fd >= 0) unlink(temporary);
        if (kept) return;
    }
}
