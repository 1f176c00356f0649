/* SPDX-License-Identifier: MIT
 * cli/text.c: text for people: width and wrapping of UTF-8 (Chinese takes two columns), quoting, units. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 64 };

bool cli_chinese(void) {
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) return strncmp(value, "zh", 2) == 0;
    }
    return false;
}

/* Bytes of the character at `text`, its columns in *columns. Bytes that are no UTF-8 count one column each. */
static size_t character(const char *text, int *columns) {
    const unsigned char *b = (const unsigned char *)text;
    size_t size = b[0] < 0xc0 ? 1 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    unsigned code = size == 1 ? b[0] : b[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((b[i] & 0xc0) != 0x80) size = i;
        else code = code << 6 | (b[i] & 0x3f);
    }
    bool wide = (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) ||
                (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe4f) ||
                (code >= 0xff00 && code <= 0xff60) || code >= 0x1f300;
    *columns = wide ? 2 : 1;
    return size;
}

int cli_width(const char *text) {
    int width = 0, columns;
    for (; *text; width += columns) text += character(text, &columns);
    return width;
}

static bool begins_with_one_of(const char *text, const char *const *marks) {
    for (; *marks; marks++)
        if (strncmp(text, *marks, strlen(*marks)) == 0) return true;
    return false;
}

/* Chinese punctuation that must not begin a line, and that must not end one. */
static bool closes(const char *text) {
    static const char *const marks[] = {"，", "。", "；", "：", "、", "）", "”", NULL};
    return begins_with_one_of(text, marks);
}

static bool opens(const char *text) {
    static const char *const marks[] = {"（", "“", NULL};
    return begins_with_one_of(text, marks);
}

/* Bytes of what must stay on one line: a word, or one wide character; with the punctuation around it. */
static size_t unit(const char *text, int *width) {
    size_t size = 0;
    int columns, next = 1;
    bool more = true;
    *width = 0;
    while (more) {
        bool opened = opens(text + size);
        size += character(text + size, &columns);
        *width += columns;
        if (!text[size] || text[size] == ' ') break;
        character(text + size, &next);
        more = opened || closes(text + size) || (columns == 1 && next == 1);
    }
    return size;
}

void cli_wrap(FILE *to, const char *text, int indent, int columns) {
    int at = indent, width;
    while (*text) {
        size_t blanks = strspn(text, " ");
        text += blanks;
        if (!*text) break;
        size_t size = unit(text, &width);
        if (at > indent && at + (int)blanks + width > columns) {
            fprintf(to, "\n%*s", indent, "");
            at = indent;
        } else if (blanks && at > indent) {
            fprintf(to, "%*s", (int)blanks, "");
            at += (int)blanks;
        }
        fwrite(text, 1, size, to);
        at += width;
        text += size;
    }
    fputc('\n', to);
}

int cli_distance(const char *a, const char *b) {
    size_t n = strlen(b);
    int row[MAX_NAME];
    if (n >= MAX_NAME || strlen(a) >= MAX_NAME) return MAX_NAME;
    for (size_t j = 0; j <= n; j++) row[j] = (int)j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            int replace = diagonal + (a[i - 1] != b[j - 1]);
            int other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = replace < other ? replace : other;
        }
    }
    return row[n];
}

void cli_print_quoted(FILE *to, const char *text) {
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
    if (*text && strspn(text, safe) == strlen(text)) {
        fputs(text, to);
        return;
    }
    fputc('\'', to);
    for (; *text; text++) {
        if (*text == '\'') fputs("'\\''", to);
        else fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, to);
    }
    fputc('\'', to);
}

void cli_print_clean(FILE *to, const char *text) {
    for (; *text; text++) {
        bool c1 = text[0] == '\xc2' && (unsigned char)text[1] < 0xa0; /* U+0080 … U+009F */
        bool control = (unsigned char)*text < 0x20 || *text == 0x7f || c1;
        fputc(control ? '?' : *text, to);
        if (c1 && text[1]) text++;
    }
}

const char *cli_bytes(double bytes, char text[32]) {
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    int u = 0;
    while (bytes >= 999.5 && u < 4) bytes /= 1000, u++;
    snprintf(text, 32, bytes < 9.95 && u > 0 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
    return text;
}

const char *cli_time(double seconds, char text[32]) {
    long s = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (s >= 3600) snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    return text;
}
