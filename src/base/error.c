/* SPDX-License-Identifier: MIT
 * base/error.c: formats the one message of a failure. Must not print. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void flatten(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

dq_status dq__fail(dq__error *err, dq_status status, const char *format, ...) {
    if (!err) return status;
    err->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    flatten(err->text);
    return status;
}

dq_status dq__no_memory(dq__error *err, size_t bytes, const char *what) {
    return dq__fail(err, DQ_LIMIT, "out of memory (%.1f MB for %s)", (double)bytes / 1e6, what);
}

const char *dq_status_name(dq_status status) {
    switch (status) {
    case DQ_OK: return "done";
    case DQ_FAILED: return "failed";
    case DQ_USAGE: return "usage";
    case DQ_BAD_IMAGE: return "bad image";
    case DQ_BAD_MODEL: return "bad model";
    case DQ_LIMIT: return "limit or memory";
    case DQ_OUTPUT: return "cannot write output";
    case DQ_NETWORK: return "network";
    case DQ_CANCELLED: return "cancelled";
    }
    return "unknown";
}
