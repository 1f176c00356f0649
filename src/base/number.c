/* SPDX-License-Identifier: MIT
 * base/number.c: strict number parsing (GLib's locale-free strtod beneath). */
#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool dq__parse_int(const char *text, int64_t *value) {
    char *end;
    if (!*text || isspace((unsigned char)*text)) return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || *end) return false;
    *value = v;
    return true;
}

static bool number(const char *text, double *value, char **end) {
    if (!isdigit((unsigned char)*text) && *text != '-' && *text != '+' && *text != '.') return false;
    errno = 0;
    *value = g_ascii_strtod(text, end);
    if (strspn(text, "0123456789+-.eE") < (size_t)(*end - text)) return false; /* hexadecimal */
    return *end != text && isfinite(*value) && (errno == 0 || *value == 0.0);
}

bool dq__parse_double(const char *text, double *value) {
    char *end;
    return number(text, value, &end) && !*end;
}

bool dq__parse_bytes(const char *text, uint64_t *value) {
    char *end;
    double v;
    if (!number(text, &v, &end) || v < 0) return false;
    if (*end) {
        const char *units = "KMGT", *unit = units;
        while (*unit && *unit != toupper((unsigned char)*end)) unit++;
        if (!*unit || end[1]) return false;
        v = ldexp(v, 10 * (int)(unit - units + 1));
    }
    if (v >= 0x1p63) return false;
    *value = (uint64_t)v;
    return true;
}
