/* SPDX-License-Identifier: MIT
 * studio/db.c: what both databases share: reading cells, and the names of files. Must not know any SQL. */
#include "db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *db_text(const db_rows *rows, int row, int column) {
    if (row >= rows->rows || column >= rows->columns) return "";
    const char *text = rows->cell[row * rows->columns + column];
    return text ? text : "";
}

int64_t db_number(const db_rows *rows, int row, int column) { return strtoll(db_text(rows, row, column), NULL, 10); }

double db_real(const db_rows *rows, int row, int column) { return strtod(db_text(rows, row, column), NULL); }

void db_rows_free(db_rows *rows) {
    for (int i = 0; i < rows->rows * rows->columns; i++) free(rows->cell[i]);
    free(rows->cell);
    *rows = (db_rows){0};
}

int db_fail(db *d, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(d->reason, sizeof d->reason, format, list);
    va_end(list);
    for (char *p = d->reason; *p; p++)
        if (*p == '\n') *p = ' ';
    return -1;
}

bool db_name_ok(const char *name) {
    const size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    return n > 0 && n < 100 && name[n] == 0 && name[0] != '.' && name[0] != '-';
}
