/* SPDX-License-Identifier: MIT
 * studio/db_postgres.c: PostgreSQL through libpq, for studios of several machines. Pictures lie in a table, because the machines
 * share no folder. A broken connection is opened again by mend(); a transaction that broke with it has not happened. */
#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef DQ_HAVE_POSTGRES

#include <libpq-fe.h>

enum { MOST_VALUES = 40 };

typedef struct postgres_db {
    db base;
    PGconn *connection;
} postgres_db;

/* PostgreSQL's message may have several lines; the first says it. */
static int failed(postgres_db *p, PGresult *result) {
    const char *text = result ? PQresultErrorMessage(result) : PQerrorMessage(p->connection);
    const int length = (int)strcspn(*text ? text : "no answer", "\n");
    const int code = db_fail(&p->base, "PostgreSQL says: %.*s", length, *text ? text : "no answer");
    PQclear(result);
    return code;
}

static int keep_rows(postgres_db *p, const PGresult *result, db_rows *rows) {
    rows->rows = PQntuples(result), rows->columns = PQnfields(result);
    const int cells = rows->rows * rows->columns;
    rows->cell = cells ? calloc((size_t)cells, sizeof *rows->cell) : NULL;
    if (cells && !rows->cell) {
        *rows = (db_rows){0};
        return db_fail(&p->base, "out of memory");
    }
    for (int i = 0; i < cells; i++) {
        const int r = i / rows->columns, c = i % rows->columns;
        rows->cell[i] = PQgetisnull(result, r, c) ? NULL : strdup(PQgetvalue(result, r, c));
    }
    return 0;
}

static int run(db *d, const char *sql, int count, const db_value *values, db_rows *rows) {
    postgres_db *p = (postgres_db *)d;
    const char *text[MOST_VALUES] = {NULL};
    char number[MOST_VALUES][40];
    if (rows) *rows = (db_rows){0};
    if (count > MOST_VALUES) return db_fail(d, "too many values");
    for (int i = 0; i < count; i++) {
        const db_value *v = &values[i];
        if (v->kind == DB_INT) snprintf(number[i], sizeof number[i], "%lld", (long long)v->number);
        else if (v->kind == DB_REAL) snprintf(number[i], sizeof number[i], "%.17g", v->real);
        text[i] = v->kind == DB_NULL ? NULL : v->kind == DB_TEXT ? v->text : number[i];
    }
    PGresult *result = PQexecParams(p->connection, sql, count, NULL, text, NULL, NULL, 0);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return failed(p, result);
    const int code = rows ? keep_rows(p, result, rows) : 0;
    PQclear(result);
    return code;
}

static int begin(db *d) { return run(d, "BEGIN", 0, NULL, NULL); }

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int put(db *d, const char *name, const void *bytes, size_t size) {
    postgres_db *p = (postgres_db *)d;
    if (!db_name_ok(name) || size > 1 << 30) return db_fail(d, "a file cannot be named so, or is too large");
    const char *values[] = {name, bytes};
    const int lengths[] = {0, (int)size}, formats[] = {0, 1};
    PGresult *result = PQexecParams(p->connection,
                                    "INSERT INTO files (name, bytes) VALUES ($1, $2::bytea)"
                                    " ON CONFLICT (name) DO UPDATE SET bytes = EXCLUDED.bytes",
                                    2, NULL, values, lengths, formats, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) return failed(p, result);
    PQclear(result);
    return 0;
}

static int get(db *d, const char *name, void **bytes, size_t *size) {
    postgres_db *p = (postgres_db *)d;
    const char *values[] = {name};
    *bytes = NULL, *size = 0;
    if (!db_name_ok(name)) return 1;
    PGresult *result =
        PQexecParams(p->connection, "SELECT bytes FROM files WHERE name = $1", 1, NULL, values, NULL, NULL, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) return failed(p, result);
    int code = PQntuples(result) ? 0 : 1;
    if (!code) {
        *size = (size_t)PQgetlength(result, 0, 0);
        *bytes = malloc(*size + 1);
        if (*bytes) memcpy(*bytes, PQgetvalue(result, 0, 0), *size);
        else code = db_fail(d, "out of memory");
    }
    PQclear(result);
    return code;
}

static int drop(db *d, const char *name) {
    return run(d, "DELETE FROM files WHERE name = $1", 1, (db_value[]){DB_T(name)}, NULL);
}

static int list(db *d, void (*each)(void *user, const char *name), void *user) {
    db_rows rows;
    if (run(d, "SELECT name FROM files", 0, NULL, &rows)) return -1;
    for (int i = 0; i < rows.rows; i++) each(user, db_text(&rows, i, 0));
    db_rows_free(&rows);
    return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static void quiet(void *user, const char *text) { (void)user, (void)text; }

static int mend(db *d) {
    postgres_db *p = (postgres_db *)d;
    if (PQstatus(p->connection) != CONNECTION_OK) PQreset(p->connection);
    if (PQstatus(p->connection) != CONNECTION_OK) return failed(p, NULL);
    if (PQtransactionStatus(p->connection) != PQTRANS_IDLE) run(d, "ROLLBACK", 0, NULL, NULL);
    return 0;
}

static void close_db(db *d) {
    postgres_db *p = (postgres_db *)d;
    PQfinish(p->connection);
    free(p);
}

static const db_driver driver = {.skip_locked = " FOR UPDATE SKIP LOCKED",
                                 .now = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
                                 .job_columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'jobs'"
                                                " AND table_schema = CURRENT_SCHEMA()",
                                 .setup = "SELECT pg_advisory_xact_lock(8417)",
                                 .more_tables = "CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, bytes BYTEA NOT NULL)",
                                 .run = run, .begin = begin, .put = put, .get = get,
                                 .drop = drop, .list = list, .mend = mend, .close = close_db};

db *db_postgres_open(const char *url, char reason[240]) {
    postgres_db *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->base.driver = &driver;
    p->connection = PQconnectdb(url);
    PQsetNoticeProcessor(p->connection, quiet, NULL);
    if (PQstatus(p->connection) == CONNECTION_OK) return &p->base;
    failed(p, NULL);
    snprintf(reason, 240, "%s", p->base.reason);
    close_db(&p->base);
    return NULL;
}

#else

db *db_postgres_open(const char *url, char reason[240]) {
    (void)url;
    snprintf(reason, 240, "this danqing was built without libpq, so it cannot use PostgreSQL");
    return NULL;
}

#endif
