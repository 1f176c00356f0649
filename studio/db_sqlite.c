/* SPDX-License-Identifier: MIT
 * studio/db_sqlite.c: the embedded database, SQLite in WAL mode, with pictures as files in a folder beside it. A file is
 * written under a temporary name, synced and renamed, so that a name either leads to a whole file or to none. */
#include "db.h"

#include <sqlite3.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct sqlite_db {
    db base;
    sqlite3 *handle;
    int folder; /* of the files */
    bool durable;
} sqlite_db;

static int failed(sqlite_db *s) { return db_fail(&s->base, "the database says: %s", sqlite3_errmsg(s->handle)); }

/* ---- statements -------------------------------------------------------------------------------------------------- */

static void bind(sqlite3_stmt *statement, int at, const db_value *v) {
    switch (v->kind) {
    case DB_NULL: sqlite3_bind_null(statement, at); break;
    case DB_INT: sqlite3_bind_int64(statement, at, v->number); break;
    case DB_REAL: sqlite3_bind_double(statement, at, v->real); break;
    case DB_TEXT: sqlite3_bind_text(statement, at, v->text, -1, SQLITE_STATIC); break;
    }
}

/* Parameters are found by their names, "$1" and so on, in whatever order the statement uses them. */
static void bind_all(sqlite3_stmt *statement, int count, const db_value *values) {
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i + 1);
        const int at = sqlite3_bind_parameter_index(statement, name);
        if (at) bind(statement, at, &values[i]);
    }
}

static int keep_row(sqlite_db *s, sqlite3_stmt *statement, db_rows *rows) {
    rows->columns = sqlite3_column_count(statement);
    char **more = realloc(rows->cell, sizeof *more * (size_t)(rows->rows + 1) * (size_t)rows->columns);
    if (!more) return db_fail(&s->base, "out of memory");
    rows->cell = more;
    for (int c = 0; c < rows->columns; c++) {
        const char *text = (const char *)sqlite3_column_text(statement, c);
        rows->cell[rows->rows * rows->columns + c] = text ? strdup(text) : NULL;
    }
    rows->rows++;
    return 0;
}

static int run(db *d, const char *sql, int count, const db_value *values, db_rows *rows) {
    sqlite_db *s = (sqlite_db *)d;
    sqlite3_stmt *statement = NULL;
    if (rows) *rows = (db_rows){0};
    if (sqlite3_prepare_v2(s->handle, sql, -1, &statement, NULL) != SQLITE_OK) return failed(s);
    bind_all(statement, count, values);
    int status, code = 0;
    while ((status = sqlite3_step(statement)) == SQLITE_ROW && !code)
        if (rows) code = keep_row(s, statement, rows);
    if (!code && status != SQLITE_DONE) code = failed(s);
    sqlite3_finalize(statement);
    if (code && rows) db_rows_free(rows);
    return code;
}

static int begin(db *d) { return run(d, "BEGIN IMMEDIATE", 0, NULL, NULL); }

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int write_all(int file, const char *bytes, size_t size) {
    while (size > 0) {
        const ssize_t n = write(file, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        bytes += n, size -= (size_t)n;
    }
    return 0;
}

static int put(db *d, const char *name, const void *bytes, size_t size) {
    sqlite_db *s = (sqlite_db *)d;
    char temporary[140];
    if (!db_name_ok(name)) return db_fail(d, "a file cannot be named so");
    snprintf(temporary, sizeof temporary, ".%s.%ld", name, (long)getpid());
    const int file = openat(s->folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int bad = file < 0 || write_all(file, bytes, size) || (s->durable && fsync(file));
    if (file >= 0 && close(file)) bad = 1;
    if (!bad && renameat(s->folder, temporary, s->folder, name)) bad = 1;
    if (!bad && s->durable && fsync(s->folder)) bad = 1;
    if (!bad) return 0;
    const int code = db_fail(d, "cannot write into the studio's folder: %s", strerror(errno));
    unlinkat(s->folder, temporary, 0);
    return code;
}

static int get(db *d, const char *name, void **bytes, size_t *size) {
    sqlite_db *s = (sqlite_db *)d;
    struct stat info;
    *bytes = NULL;
    if (!db_name_ok(name)) return 1;
    const int file = openat(s->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return errno == ENOENT ? 1 : db_fail(d, "cannot read from the studio's folder: %s", strerror(errno));
    int code = fstat(file, &info) ? db_fail(d, "cannot read from the studio's folder: %s", strerror(errno)) : 0;
    *size = code ? 0 : (size_t)info.st_size;
    *bytes = malloc(*size + 1);
    for (size_t done = 0; !code && *bytes && done < *size;) {
        const ssize_t n = read(file, (char *)*bytes + done, *size - done);
        if (n <= 0) code = db_fail(d, "a file of the studio is shorter than it was");
        else done += (size_t)n;
    }
    close(file);
    if (!*bytes) return db_fail(d, "out of memory");
    if (code) free(*bytes), *bytes = NULL;
    return code;
}

static int drop(db *d, const char *name) {
    sqlite_db *s = (sqlite_db *)d;
    if (!db_name_ok(name) || (unlinkat(s->folder, name, 0) && errno != ENOENT)) return db_fail(d, "cannot delete a file");
    return 0;
}

/* True for the temporary name of a process that is gone (or of this one: nothing is being written while files are listed). */
static bool is_left_over(const char *name) {
    const char *dot = strrchr(name, '.');
    char path[64];
    if (name[0] != '.' || !dot || dot == name || strspn(dot + 1, "0123456789") != strlen(dot + 1)) return false;
    snprintf(path, sizeof path, "/proc/%.20s", dot + 1);
    return strtol(dot + 1, NULL, 10) == getpid() || access(path, F_OK) != 0;
}

static int list(db *d, void (*each)(void *user, const char *name), void *user) {
    sqlite_db *s = (sqlite_db *)d;
    struct dirent *entry;
    const int copy = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) return db_fail(d, "cannot list the studio's folder: %s", strerror(errno));
    while ((entry = readdir(folder))) {
        if (is_left_over(entry->d_name)) unlinkat(s->folder, entry->d_name, 0);
        else if (db_name_ok(entry->d_name)) each(user, entry->d_name);
    }
    closedir(folder);
    return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int mend(db *d) {
    (void)d;
    return 0;
}

static void close_db(db *d) {
    sqlite_db *s = (sqlite_db *)d;
    if (s->handle) sqlite3_close(s->handle);
    if (s->folder >= 0) close(s->folder);
    free(s);
}

static const db_driver driver = {.skip_locked = "",
                                 .now = "SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
                                 .job_columns = "SELECT name FROM pragma_table_info('jobs')",
                                 .run = run, .begin = begin, .put = put, .get = get, .drop = drop, .list = list, .mend = mend,
                                 .close = close_db};

static int open_folder(sqlite_db *s, const char *folder) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/pictures", folder) >= (int)sizeof path) return db_fail(&s->base, "too long a path");
    if (mkdir(path, 0700) && errno != EEXIST) return db_fail(&s->base, "cannot make %s: %s", path, strerror(errno));
    s->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->folder < 0 ? db_fail(&s->base, "cannot open %s: %s", path, strerror(errno)) : 0;
}

static int open_database(sqlite_db *s, const char *folder) {
    char path[4096];
    snprintf(path, sizeof path, "%s/studio.db", folder);
    if (sqlite3_open_v2(path, &s->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        return db_fail(&s->base, "cannot open %s: %s", path, s->handle ? sqlite3_errmsg(s->handle) : "out of memory");
    sqlite3_busy_timeout(s->handle, 10000);
    int code = run(&s->base, "PRAGMA journal_mode=WAL", 0, NULL, NULL);
    if (!code) code = run(&s->base, s->durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", 0, NULL, NULL);
    return code;
}

db *db_sqlite_open(const char *folder, bool durable, char reason[240]) {
    sqlite_db *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->base.driver = &driver;
    s->folder = -1;
    s->durable = durable;
    if (!open_folder(s, folder) && !open_database(s, folder)) return &s->base;
    snprintf(reason, 240, "%s", s->base.reason);
    close_db(&s->base);
    return NULL;
}
