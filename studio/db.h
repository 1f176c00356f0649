/* SPDX-License-Identifier: MIT
 * studio/db.h: the little that the store asks of a database: statements with $1 $2 …, rows as text, transactions, and files by
 * name. db_sqlite.c and db_postgres.c fulfil it; the SQL itself is in store.c, once for both. A db belongs to one thread. */
#ifndef DQ_STUDIO_DB_H
#define DQ_STUDIO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum db_kind { DB_NULL, DB_INT, DB_REAL, DB_TEXT } db_kind;

typedef struct db_value {
    db_kind kind;
    int64_t number;
    double real;
    const char *text; /* borrowed */
} db_value;

/* A statement's parameters. */
#define DB_I(x) ((db_value){.kind = DB_INT, .number = (x)})
#define DB_R(x) ((db_value){.kind = DB_REAL, .real = (x)})
#define DB_T(x) ((db_value){.kind = DB_TEXT, .text = (x)})

/* What a statement gave: rows of cells, NULL for SQL's NULL. */
typedef struct db_rows {
    int rows, columns;
    char **cell; /* rows × columns */
} db_rows;

const char *db_text(const db_rows *rows, int row, int column); /* "" for NULL and beyond the end */
int64_t db_number(const db_rows *rows, int row, int column);
double db_real(const db_rows *rows, int row, int column);
void db_rows_free(db_rows *rows);

typedef struct db db;

typedef struct db_driver {
    const char *skip_locked; /* what a claim adds to its SELECT */
    const char *now;         /* gives the database's clock in milliseconds since 1970 */
    const char *setup;       /* a statement that comes before the tables are made, in the same transaction; or NULL */
    const char *job_columns; /* gives the names of the columns of the table jobs */
    const char *more_tables; /* one more statement of that transaction, or NULL */
    /* 0, or −1 with db->reason set. rows may be NULL; what it is given must be freed with db_rows_free. */
    int (*run)(db *d, const char *sql, int count, const db_value *values, db_rows *rows);
    int (*begin)(db *d);
    /* Writes whole or not at all; a name is made of [a-z0-9.-] and begins with a letter or digit. */
    int (*put)(db *d, const char *name, const void *bytes, size_t size);
    int (*get)(db *d, const char *name, void **bytes, size_t *size); /* free *bytes; 1 if there is no such file */
    int (*drop)(db *d, const char *name);
    /* Names of all files that begin with `after` or later, in order: calls `each` for every one. */
    int (*list)(db *d, void (*each)(void *user, const char *name), void *user);
    /* Puts back a connection that broke; 0 when it works again. */
    int (*mend)(db *d);
    void (*close)(db *d);
} db_driver;

struct db {
    const db_driver *driver;
    char reason[240]; /* of the last failure, one line */
};

/* `folder` is where files lie, made if need be; durable: a commit survives a loss of power. */
db *db_sqlite_open(const char *folder, bool durable, char reason[240]);
/* `url` is postgresql://…; NULL with a reason where this program was built without libpq. */
db *db_postgres_open(const char *url, char reason[240]);

int db_fail(db *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True for a name that files may have. */
bool db_name_ok(const char *name);

#endif
