/* SPDX-License-Identifier: MIT
 * image/vips.c: starts libvips and turns its error text into one line. Must leave a host alone that uses libvips itself:
 * libvips is never shut down, no operation is blocked for the whole process (read.c names its loaders instead), and the
 * cache and the warnings are switched off only if nobody started libvips before us. */
#include "image/parts.h"

#include <vips/vips.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;
static char start_reason[160];

static void discard(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer user) {
    (void)domain, (void)level, (void)text, (void)user;
}

static void start(void) {
    bool host_did = g_type_from_name("VipsObject") != 0;
    if (!host_did) g_log_set_handler("VIPS", G_LOG_LEVEL_MASK, discard, NULL);
    started = VIPS_INIT("danqing") == 0;
    if (!started)
        dq__vips_reason(start_reason, sizeof start_reason);
    else if (!host_did)
        vips_cache_set_max(0);
}

dq_status dq__vips_start(dq__error *err) {
    pthread_once(&once, start);
    if (!started) return dq__fail(err, DQ_FAILED, "libvips does not start (%s)", start_reason);
    return DQ_OK;
}

/* The HEIF and TIFF readers seek behind the end in passing; what matters comes after it. */
static bool is_telling(const char *line) { return *line && !strstr(line, "bad seek to"); }

void dq__vips_reason(char *text, size_t size) {
    char *all = vips_error_buffer_copy(), *rest = all, *line;
    *text = 0;
    while ((line = strsep(&rest, "\n")) != NULL && !*text) {
        if (!is_telling(line)) continue;
        const char *colon = strstr(line, ": ");
        snprintf(text, size, "%s", colon ? colon + 2 : line);
    }
    if (!*text) snprintf(text, size, "libvips does not say why");
    g_free(all);
}

const char *dq__shown_name(const char *name) {
    enum { SHOWN = 240 };
    size_t length = strlen(name);
    if (length <= SHOWN) return name;
    name += length - SHOWN;
    while (((unsigned char)*name & 0xc0) == 0x80) name++; /* not from the middle of a UTF-8 character */
    return name;
}
