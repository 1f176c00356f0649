/* SPDX-License-Identifier: MIT
 * studio/store.c: the studio's tables and every statement on them, in the SQL that SQLite and PostgreSQL share. A change takes
 * the next number of the counter "change" inside its transaction, so numbers appear in the order in which changes do. */
#include "store.h"

#include "db.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct store {
    db *d;
    int64_t offset; /* the database's clock minus ours */
    bool in_order;  /* the last call did not fail */
};

#define COUNT(values) ((int)(sizeof(values) / sizeof *(values)))
#define RUN(s, sql, rows, ...) \
    run(s, sql, rows, COUNT(((db_value[]){__VA_ARGS__})), (db_value[]){__VA_ARGS__})

static int run(store *s, const char *sql, db_rows *rows, int count, const db_value *values) {
    const int code = s->d->driver->run(s->d, sql, count, values, rows);
    s->in_order = !code;
    return code;
}

static int bare(store *s, const char *sql) { return run(s, sql, NULL, 0, NULL); }

static int begin(store *s) {
    const int code = s->d->driver->begin(s->d);
    s->in_order = !code;
    return code;
}

/* Ends a transaction: commits if code is 0, else undoes it and keeps the reason. Returns the code. */
static int end(store *s, int code) {
    char reason[sizeof s->d->reason];
    if (!code) code = bare(s, "COMMIT");
    if (!code) return 0;
    memcpy(reason, s->d->reason, sizeof reason);
    const bool in_order = s->in_order;
    bare(s, "ROLLBACK");
    memcpy(s->d->reason, reason, sizeof reason);
    s->in_order = in_order;
    return code;
}

/* One number of the first row; −1 if there is no row. */
static int64_t first_number(db_rows *rows) {
    const int64_t n = rows->rows ? db_number(rows, 0, 0) : -1;
    db_rows_free(rows);
    return n;
}

static int next_change(store *s, int64_t *change) {
    db_rows rows;
    if (run(s, "UPDATE counters SET n = n + 1 WHERE name = 'change' RETURNING n", &rows, 0, NULL)) return -1;
    *change = first_number(&rows);
    return 0;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL)",
    "INSERT INTO counters (name, n) VALUES ('change', 0), ('turn', 0) ON CONFLICT (name) DO NOTHING",
    "CREATE TABLE IF NOT EXISTS pictures (id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, created BIGINT NOT NULL,"
    " width BIGINT NOT NULL, height BIGINT NOT NULL, format TEXT NOT NULL, builtin BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, number BIGINT NOT NULL, change BIGINT NOT NULL, state TEXT NOT NULL,"
    " ask TEXT NOT NULL DEFAULT '', batch TEXT NOT NULL, priority BIGINT NOT NULL, turn BIGINT NOT NULL, later BIGINT NOT NULL"
    " DEFAULT 0, title TEXT NOT NULL, photo TEXT NOT NULL, styles TEXT NOT NULL, options TEXT NOT NULL, created BIGINT NOT NULL,"
    " started BIGINT, ended BIGINT, worker TEXT NOT NULL DEFAULT '', lease BIGINT NOT NULL DEFAULT 0, faults BIGINT NOT NULL"
    " DEFAULT 0, scale BIGINT, scales BIGINT, iteration BIGINT, iterations BIGINT, width BIGINT, height BIGINT,"
    " cost DOUBLE PRECISION, content_cost DOUBLE PRECISION, style_cost DOUBLE PRECISION, done DOUBLE PRECISION NOT NULL"
    " DEFAULT 0, seconds DOUBLE PRECISION, seconds_left DOUBLE PRECISION, preview BIGINT NOT NULL DEFAULT 0, memory BIGINT"
    " NOT NULL DEFAULT 0, curve TEXT NOT NULL DEFAULT '[]', error TEXT NOT NULL DEFAULT '', favourite BIGINT NOT NULL DEFAULT 0,"
    " early BIGINT NOT NULL DEFAULT 0)",
    "CREATE INDEX IF NOT EXISTS jobs_queue ON jobs (state, priority, turn, number)",
    "CREATE INDEX IF NOT EXISTS jobs_number ON jobs (number)",
    "CREATE INDEX IF NOT EXISTS jobs_change ON jobs (change)",
    "CREATE INDEX IF NOT EXISTS jobs_batch ON jobs (batch)",
    "CREATE TABLE IF NOT EXISTS folders (id TEXT PRIMARY KEY, name TEXT NOT NULL, created BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pairs (id TEXT PRIMARY KEY, folder TEXT NOT NULL, name TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS pairs_folder ON pairs (folder)",
};

/* A store from before there were sketches gets their column. */
static int add_sketches(store *s) {
    db_rows rows;
    if (run(s, s->d->driver->job_columns, &rows, 0, NULL)) return -1;
    bool there = false;
    for (int r = 0; r < rows.rows; r++) there |= strcmp(db_text(&rows, r, 0), "sketch") == 0;
    db_rows_free(&rows);
    return there ? 0 : bare(s, "ALTER TABLE jobs ADD COLUMN sketch TEXT NOT NULL DEFAULT 'null'");
}

static int make_tables(store *s) {
    int code = begin(s);
    const db_driver *driver = s->d->driver;
    if (code) return code;
    if (driver->setup) {
        db_rows rows;
        code = run(s, driver->setup, &rows, 0, NULL);
        if (!code) db_rows_free(&rows);
    }
    for (int i = 0; !code && i < COUNT(tables); i++) code = bare(s, tables[i]);
    if (!code) code = add_sketches(s);
    if (!code && driver->more_tables) code = bare(s, driver->more_tables);
    return end(s, code);
}

static int64_t own_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int set_clock(store *s) {
    db_rows rows;
    if (run(s, s->d->driver->now, &rows, 0, NULL)) return -1;
    s->offset = first_number(&rows) - own_now();
    return 0;
}

store *store_open(const char *location, bool durable, char reason[240]) {
    store *s = calloc(1, sizeof *s);
    *reason = 0;
    if (!s) return NULL;
    const bool remote = strncmp(location, "postgresql://", 13) == 0 || strncmp(location, "postgres://", 11) == 0;
    s->d = remote ? db_postgres_open(location, reason) : db_sqlite_open(location, durable, reason);
    if (s->d && !make_tables(s) && !set_clock(s)) return s;
    if (s->d) snprintf(reason, 240, "%s", s->d->reason);
    store_close(s);
    return NULL;
}

void store_close(store *s) {
    if (s && s->d) s->d->driver->close(s->d);
    free(s);
}

const char *store_reason(const store *s) { return s->in_order ? "" : s->d->reason; }

int store_mend(store *s) { return s->d->driver->mend(s->d) ? -1 : set_clock(s); }

int64_t store_now(const store *s) { return own_now() + s->offset; }

/* ---- ids and files ----------------------------------------------------------------------------------------------- */

void store_new_id(char id[STORE_ID]) {
    static const char letters[] = "0123456789abcdefghijkmnpqrstuvwx"; /* 32: five bits each */
    unsigned char random[20] = {0};
    while (getrandom(random, sizeof random, 0) != sizeof random && errno == EINTR) continue;
    for (int i = 0; i < 20; i++) id[i] = letters[random[i] % 32];
    id[20] = 0;
}

bool store_id_ok(const char *id) {
    const size_t n = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz");
    return n > 0 && n < STORE_ID && id[n] == 0;
}

/* "id.part", or a failure that an odd id or part earns. */
static int name_of(store *s, char name[64], const char *id, const char *part) {
    s->in_order = store_id_ok(id) && strlen(part) < 32;
    if (!s->in_order) return db_fail(s->d, "not an id");
    snprintf(name, 64, "%s.%s", id, part);
    return 0;
}

int store_put(store *s, const char *id, const char *part, const void *bytes, size_t size) {
    char name[64];
    int code = name_of(s, name, id, part);
    if (!code) code = s->d->driver->put(s->d, name, bytes, size);
    s->in_order = !code;
    return code;
}

int store_get(store *s, const char *id, const char *part, void **bytes, size_t *size) {
    char name[64];
    *bytes = NULL, *size = 0;
    int code = name_of(s, name, id, part);
    if (!code) code = s->d->driver->get(s->d, name, bytes, size);
    s->in_order = code >= 0;
    return code;
}

int store_drop(store *s, const char *id, const char *part) {
    char name[64];
    int code = name_of(s, name, id, part);
    if (!code) code = s->d->driver->drop(s->d, name);
    s->in_order = !code;
    return code;
}

static const char *const parts[] = {"png", "jpeg", "thumb", "view", "preview", "result", "result-jpeg", "result-webp",
                                    "photo", "sketch"};

static void drop_all(store *s, const char *id) {
    for (int i = 0; i < COUNT(parts); i++) store_drop(s, id, parts[i]);
}

struct listed {
    store *s;
    json_t *names;
};

static void note_name(void *user, const char *name) { json_array_append_new(((struct listed *)user)->names, json_string(name)); }

int store_sweep(store *s) {
    struct listed listed = {s, json_array()};
    db_rows rows;
    int code = s->d->driver->list(s->d, note_name, &listed), count = 0;
    size_t i;
    json_t *name;
    json_array_foreach(listed.names, i, name) {
        char id[64];
        snprintf(id, sizeof id, "%.*s", (int)strcspn(json_string_value(name), "."), json_string_value(name));
        if (code || RUN(s, "SELECT 1 FROM jobs WHERE id = $1 UNION ALL SELECT 1 FROM pictures WHERE id = $1 UNION ALL SELECT 1"
                   " FROM pairs WHERE id = $1", &rows, DB_T(id)))
            break;
        if (first_number(&rows) < 0 && !s->d->driver->drop(s->d, json_string_value(name))) count++;
    }
    json_decref(listed.names);
    return code ? code : count;
}

/* ---- rows as JSON ------------------------------------------------------------------------------------------------ */

/* A column and how its cells become JSON: text, integer, real, JSON, bool. */
struct column {
    const char *name;
    char kind;
};

static const struct column job_columns[] = {
    {"id", 't'},           {"number", 'i'},   {"change", 'i'},       {"state", 't'},        {"ask", 't'},
    {"batch", 't'},        {"priority", 'i'}, {"title", 't'},        {"photo", 't'},        {"styles", 'j'},
    {"options", 'j'},      {"created", 'i'},  {"started", 'i'},      {"ended", 'i'},        {"worker", 't'},
    {"scale", 'i'},        {"scales", 'i'},   {"iteration", 'i'},    {"iterations", 'i'},   {"width", 'i'},
    {"height", 'i'},       {"cost", 'r'},     {"content_cost", 'r'}, {"style_cost", 'r'},   {"done", 'r'},
    {"seconds", 'r'},      {"seconds_left", 'r'}, {"preview", 'i'},  {"curve", 'j'},        {"error", 't'},
    {"favourite", 'b'},    {"early", 'b'},    {"sketch", 'j'},
};
#define JOB_COLUMNS \
    "id, number, change, state, ask, batch, priority, title, photo, styles, options, created, started, ended, worker, scale," \
    " scales, iteration, iterations, width, height, cost, content_cost, style_cost, done, seconds, seconds_left, preview," \
    " curve, error, favourite, early, sketch"

static const struct column picture_columns[] = {{"id", 't'},    {"kind", 't'},   {"name", 't'},   {"created", 'i'},
                                                {"width", 'i'}, {"height", 'i'}, {"format", 't'}, {"builtin", 'b'}};
#define PICTURE_COLUMNS "id, kind, name, created, width, height, format, builtin"

static json_t *cell_json(const db_rows *rows, int row, int column, char kind) {
    const char *text = rows->cell[row * rows->columns + column];
    if (!text) return json_null();
    switch (kind) {
    case 'i': return json_integer(strtoll(text, NULL, 10));
    case 'r': return json_real(strtod(text, NULL));
    case 'b': return json_boolean(strcmp(text, "0") != 0);
    case 'j': return json_loads(text, JSON_DECODE_ANY, NULL);
    default: return json_string(text);
    }
}

static json_t *row_json(const db_rows *rows, int row, const struct column *columns) {
    json_t *object = json_object();
    for (int c = 0; c < rows->columns; c++)
        json_object_set_new(object, columns[c].name, cell_json(rows, row, c, columns[c].kind));
    return object;
}

static json_t *rows_json(db_rows *rows, const struct column *columns) {
    json_t *array = json_array();
    for (int r = 0; r < rows->rows; r++) json_array_append_new(array, row_json(rows, r, columns));
    db_rows_free(rows);
    return array;
}

/* The one row, or NULL. */
static json_t *only_row(db_rows *rows, const struct column *columns) {
    json_t *object = rows->rows ? row_json(rows, 0, columns) : NULL;
    db_rows_free(rows);
    return object;
}

static const char *text_in(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static int64_t number_in(const json_t *object, const char *name) { return json_integer_value(json_object_get(object, name)); }

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

int store_picture_put(store *s, const json_t *p) {
    return RUN(s,
               "INSERT INTO pictures (" PICTURE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET"
               " name = EXCLUDED.name, kind = EXCLUDED.kind, width = EXCLUDED.width, height = EXCLUDED.height,"
               " format = EXCLUDED.format",
               NULL, DB_T(text_in(p, "id")), DB_T(text_in(p, "kind")), DB_T(text_in(p, "name")), DB_I(store_now(s)),
               DB_I(number_in(p, "width")), DB_I(number_in(p, "height")), DB_T(text_in(p, "format")),
               DB_I(json_is_true(json_object_get(p, "builtin"))));
}

json_t *store_picture(store *s, const char *id) {
    db_rows rows;
    if (RUN(s, "SELECT " PICTURE_COLUMNS " FROM pictures WHERE id = $1", &rows, DB_T(id))) return NULL;
    return only_row(&rows, picture_columns);
}

json_t *store_pictures(store *s, const char *kind, int64_t before, int limit) {
    db_rows rows;
    if (RUN(s,
            "SELECT " PICTURE_COLUMNS " FROM pictures WHERE ($1 = '' OR kind = $1) AND (CAST($2 AS BIGINT) = 0 OR created < $2)"
            " ORDER BY builtin DESC, created DESC, id LIMIT $3",
            &rows, DB_T(kind), DB_I(before), DB_I(limit)))
        return NULL;
    return rows_json(&rows, picture_columns);
}

int store_picture_rename(store *s, const char *id, const char *name, const char *kind) {
    db_rows rows;
    if (RUN(s, "UPDATE pictures SET name = $2, kind = $3 WHERE id = $1 RETURNING 1", &rows, DB_T(id), DB_T(name), DB_T(kind)))
        return -1;
    return first_number(&rows) < 0;
}

/* A job names pictures in photo, in the JSON of its styles and in that of its options: ids are long and random enough to be
 * found as text. */
#define USED_BY(state) \
    "EXISTS (SELECT 1 FROM jobs WHERE " state " (photo = pictures.id OR styles LIKE '%\"' || pictures.id || '\"%' OR options" \
    " LIKE '%\"' || pictures.id || '\"%'))"

int store_picture_delete(store *s, const char *id) {
    db_rows rows;
    json_t *picture = store_picture(s, id);
    if (!picture) return s->in_order ? 1 : -1;
    json_decref(picture);
    if (RUN(s,
            "DELETE FROM pictures WHERE id = $1 AND NOT " USED_BY("state IN ('queued', 'running', 'paused') AND") " RETURNING 1",
            &rows, DB_T(id)))
        return -1;
    if (first_number(&rows) < 0) return 2;
    drop_all(s, id);
    return 0;
}

/* ---- folders of pairs -------------------------------------------------------------------------------------------- */

static const struct column folder_columns[] = {{"id", 't'}, {"name", 't'}, {"created", 'i'}, {"pairs", 'i'}};
static const struct column pair_columns[] = {{"id", 't'}, {"folder", 't'}, {"name", 't'}};
#define FOLDER_COLUMNS "id, name, created, (SELECT COUNT(*) FROM pairs WHERE pairs.folder = folders.id)"

int store_folder_add(store *s, const char *id, const char *name) {
    return RUN(s, "INSERT INTO folders (id, name, created) VALUES ($1, $2, $3)", NULL, DB_T(id), DB_T(name), DB_I(store_now(s)));
}

json_t *store_folder(store *s, const char *id) {
    db_rows rows;
    if (RUN(s, "SELECT " FOLDER_COLUMNS " FROM folders WHERE id = $1", &rows, DB_T(id))) return NULL;
    return only_row(&rows, folder_columns);
}

json_t *store_folders(store *s) {
    db_rows rows;
    if (run(s, "SELECT " FOLDER_COLUMNS " FROM folders ORDER BY created DESC, id", &rows, 0, NULL)) return NULL;
    return rows_json(&rows, folder_columns);
}

/* A pair is only added where its folder is there and has room. */
int store_pair_add(store *s, const char *id, const char *folder, const char *name) {
    db_rows rows;
    if (RUN(s,
            "INSERT INTO pairs (id, folder, name) SELECT $1, id, $3 FROM folders WHERE id = $2 AND (SELECT COUNT(*) FROM pairs"
            " WHERE folder = $2) < CAST($4 AS BIGINT) RETURNING 1",
            &rows, DB_T(id), DB_T(folder), DB_T(name), DB_I(STORE_PAIRS)))
        return -1;
    return first_number(&rows) < 0;
}

json_t *store_pair(store *s, const char *id) {
    db_rows rows;
    if (RUN(s, "SELECT id, folder, name FROM pairs WHERE id = $1", &rows, DB_T(id))) return NULL;
    return only_row(&rows, pair_columns);
}

json_t *store_pairs(store *s, const char *folder) {
    db_rows rows;
    if (RUN(s, "SELECT id, folder, name FROM pairs WHERE folder = $1 ORDER BY name, id", &rows, DB_T(folder))) return NULL;
    return rows_json(&rows, pair_columns);
}

/* Drops the files of deleted rows; their ids are in the first column. */
static int drop_rows(store *s, db_rows *rows) {
    const int count = rows->rows;
    for (int r = 0; r < count; r++) drop_all(s, db_text(rows, r, 0));
    db_rows_free(rows);
    return count;
}

int store_pair_delete(store *s, const char *id) {
    db_rows rows;
    if (RUN(s, "DELETE FROM pairs WHERE id = $1 RETURNING id", &rows, DB_T(id))) return -1;
    return drop_rows(s, &rows) == 0;
}

int store_folder_delete(store *s, const char *id) {
    db_rows rows;
    json_t *folder = store_folder(s, id);
    if (!folder) return s->in_order ? 1 : -1;
    json_decref(folder);
    if (RUN(s,
            "DELETE FROM folders WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE state IN ('queued', 'running', 'paused')"
            " AND sketch LIKE '%\"' || $1 || '\"%') RETURNING 1",
            &rows, DB_T(id)))
        return -1;
    if (first_number(&rows) < 0) return 2;
    if (RUN(s, "DELETE FROM pairs WHERE folder = $1 RETURNING id", &rows, DB_T(id))) return -1;
    drop_rows(s, &rows);
    return 0;
}

/* ---- jobs: adding and reading ------------------------------------------------------------------------------------ */

/* The turn of a new job: one after the batch's last, or after what is being painted now. So many batches take turns, however
 * long each is, and one picture never waits for somebody's hundred. */
static int next_turn(store *s, const char *batch, int64_t *turn) {
    db_rows rows;
    if (RUN(s,
            "SELECT 1 + CASE WHEN c.n > j.t THEN c.n ELSE j.t END FROM (SELECT n FROM counters WHERE name = 'turn') c,"
            " (SELECT COALESCE(MAX(turn), 0) AS t FROM jobs WHERE batch = $1) j",
            &rows, DB_T(batch)))
        return -1;
    *turn = first_number(&rows);
    return 0;
}

int store_job_add(store *s, const json_t *job) {
    int64_t change = 0, turn = 0;
    char *styles = json_dumps(json_object_get(job, "styles"), JSON_COMPACT);
    char *options = json_dumps(json_object_get(job, "options"), JSON_COMPACT | JSON_SORT_KEYS);
    char *sketch = json_dumps(json_object_get(job, "sketch"), JSON_COMPACT | JSON_SORT_KEYS);
    int code = begin(s);
    if (!code) {
        code = next_change(s, &change);
        if (!code) code = next_turn(s, text_in(job, "batch"), &turn);
        if (!code)
            code = RUN(s,
                       "INSERT INTO jobs (id, number, change, state, batch, priority, turn, title, photo, styles, options,"
                       " created, sketch) VALUES ($1, $2, $2, 'queued', $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                       NULL, DB_T(text_in(job, "id")), DB_I(change), DB_T(text_in(job, "batch")),
                       DB_I(number_in(job, "priority")), DB_I(turn), DB_T(text_in(job, "title")), DB_T(text_in(job, "photo")),
                       DB_T(styles), DB_T(options), DB_I(store_now(s)), DB_T(sketch ? sketch : "null"));
        code = end(s, code);
    }
    free(sketch);
    free(styles);
    free(options);
    return code;
}

json_t *store_job(store *s, const char *id) {
    db_rows rows;
    if (RUN(s, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = $1", &rows, DB_T(id))) return NULL;
    return only_row(&rows, job_columns);
}

/* "%words%" with the signs that LIKE knows made plain. */
static void pattern_of(char pattern[512], const char *search) {
    size_t n = 0;
    pattern[n++] = '%';
    for (const char *p = search; *p && n < 500; p++) {
        if (strchr("%_\\", *p)) pattern[n++] = '\\';
        pattern[n++] = *p;
    }
    pattern[n++] = '%';
    pattern[n] = 0;
}

json_t *store_jobs(store *s, const store_filter *f) {
    db_rows rows;
    char pattern[512];
    pattern_of(pattern, f->search);
    if (RUN(s,
            "SELECT " JOB_COLUMNS " FROM jobs WHERE ($1 = '' OR state = $1 OR ($1 = 'active' AND state IN ('queued', 'running',"
            " 'paused'))) AND LOWER(title) LIKE LOWER($2) ESCAPE '\\' AND ($3 = 0 OR favourite = 1) AND ($4 = '' OR batch = $4)"
            " AND (CAST($5 AS BIGINT) = 0 OR number < $5) ORDER BY number DESC LIMIT $6",
            &rows, DB_T(f->state), DB_T(pattern), DB_I(f->favourite), DB_T(f->batch), DB_I(f->before), DB_I(f->limit)))
        return NULL;
    return rows_json(&rows, job_columns);
}

json_t *store_changes(store *s, int64_t *change) {
    db_rows rows;
    if (RUN(s, "SELECT " JOB_COLUMNS " FROM jobs WHERE change > $1 ORDER BY change LIMIT 500", &rows, DB_I(*change))) return NULL;
    for (int r = 0; r < rows.rows; r++) *change = db_number(&rows, r, 2);
    return rows_json(&rows, job_columns);
}

json_t *store_counts(store *s) {
    db_rows rows;
    json_t *counts = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "queued", 0, "running", 0, "paused", 0, "finished", 0,
                               "failed", 0, "cancelled", 0);
    int code = run(s,
                   "SELECT state, COUNT(*) FROM jobs GROUP BY state UNION ALL SELECT 'pictures', COUNT(*) FROM pictures"
                   " UNION ALL SELECT name, n FROM counters WHERE name = 'change'",
                   &rows, 0, NULL);
    for (int r = 0; !code && r < rows.rows; r++)
        json_object_set_new(counts, db_text(&rows, r, 0), json_integer(db_number(&rows, r, 1)));
    if (!code) db_rows_free(&rows);
    if (!code) return counts;
    json_decref(counts);
    return NULL;
}

/* ---- jobs: changing ---------------------------------------------------------------------------------------------- */

/* Runs an UPDATE … RETURNING whose $1 is the next change; the first cell of its row goes to *cell (or it is NULL). 1: no row. */
static int change_row(store *s, const char *sql, int count, db_value *values, char cell[16]) {
    int64_t change;
    db_rows rows;
    int code = begin(s);
    if (code) return code;
    code = next_change(s, &change);
    if (!code) {
        values[0] = DB_I(change);
        code = run(s, sql, &rows, count, values);
    }
    if (!code) {
        if (cell) snprintf(cell, 16, "%s", db_text(&rows, 0, 0));
        code = rows.rows == 0;
        db_rows_free(&rows);
    }
    return end(s, code); /* a change that hit no row is undone, with its number */
}
#define CHANGE(s, cell, sql, ...) \
    change_row(s, sql, 1 + COUNT(((db_value[]){__VA_ARGS__})), (db_value[]){DB_I(0), __VA_ARGS__}, cell)

int store_job_edit(store *s, const char *id, const json_t *edit) {
    json_t *job = store_job(s, id);
    if (!job) return s->in_order ? 1 : -1;
    const json_t *favourite = json_object_get(edit, "favourite"), *priority = json_object_get(edit, "priority");
    const char *title = text_in(edit, "title");
    if (!favourite) favourite = json_object_get(job, "favourite");
    if (!priority) priority = json_object_get(job, "priority");
    const int code = CHANGE(s, NULL,
                            "UPDATE jobs SET change = $1, favourite = $3, priority = $4, title = $5 WHERE id = $2 RETURNING 1",
                            DB_T(id), DB_I(json_is_true(favourite)), DB_I(json_integer_value(priority)),
                            DB_T(*title ? title : text_in(job, "title")));
    json_decref(job);
    return code;
}

/* What asking does, by the state that a job is in. */
#define ASK_CANCEL \
    "UPDATE jobs SET change = $1, ask = CASE state WHEN 'running' THEN 'cancel' ELSE '' END, ended = $3, state = CASE state" \
    " WHEN 'running' THEN 'running' ELSE 'cancelled' END WHERE id = $2 AND state IN ('queued', 'running', 'paused') RETURNING 1"
#define ASK_FINISH \
    "UPDATE jobs SET change = $1, ask = 'finish' WHERE id = $2 AND CAST($3 AS BIGINT) > 0 AND state = 'running' AND sketch" \
    " = 'null' RETURNING 1"
#define ASK_PAUSE \
    "UPDATE jobs SET change = $1, ask = CASE state WHEN 'running' THEN 'pause' ELSE '' END, state = CASE state WHEN 'running'" \
    " THEN 'running' ELSE 'paused' END WHERE id = $2 AND CAST($3 AS BIGINT) > 0 AND state IN ('queued', 'running') RETURNING 1"
#define ASK_RESUME \
    "UPDATE jobs SET change = $1, state = 'queued', ask = '', turn = (SELECT n FROM counters WHERE name = 'turn') WHERE id = $2" \
    " AND CAST($3 AS BIGINT) > 0 AND state = 'paused' RETURNING 1"

int store_job_ask(store *s, const char *id, const char *what) {
    static const struct {
        const char *what, *sql;
    } asks[] = {{"cancel", ASK_CANCEL}, {"finish", ASK_FINISH}, {"pause", ASK_PAUSE}, {"resume", ASK_RESUME}};
    json_t *job = store_job(s, id);
    if (!job) return s->in_order ? 1 : -1;
    json_decref(job);
    for (int i = 0; i < COUNT(asks); i++)
        if (strcmp(asks[i].what, what) == 0) {
            const int code = CHANGE(s, NULL, asks[i].sql, DB_T(id), DB_I(store_now(s)));
            return code == 1 ? 2 : code;
        }
    return 2;
}

int store_job_delete(store *s, const char *id) {
    db_rows rows;
    json_t *job = store_job(s, id);
    if (!job) return s->in_order ? 1 : -1;
    json_decref(job);
    if (RUN(s, "DELETE FROM jobs WHERE id = $1 AND state <> 'running' RETURNING 1", &rows, DB_T(id))) return -1;
    if (first_number(&rows) < 0) return 2;
    drop_all(s, id);
    return 0;
}

int store_retain(store *s, int64_t time) {
    db_rows rows;
    if (RUN(s,
            "DELETE FROM jobs WHERE state IN ('finished', 'failed', 'cancelled') AND favourite = 0 AND ended < $1 RETURNING id",
            &rows, DB_I(time)))
        return -1;
    int count = drop_rows(s, &rows);
    if (RUN(s,
            "DELETE FROM pictures WHERE kind IN ('photo', 'mask') AND builtin = 0 AND created < $1 AND NOT " USED_BY("")
            " RETURNING id",
            &rows, DB_I(time)))
        return -1;
    return count + drop_rows(s, &rows);
}

/* ---- workers ----------------------------------------------------------------------------------------------------- */

static int take(store *s, const char *id, int64_t turn, const char *worker, int64_t lease) {
    int64_t change;
    int code = next_change(s, &change);
    if (!code)
        code = RUN(s,
                   "UPDATE jobs SET change = $1, state = 'running', worker = $3, lease = $4, ask = '', memory = 0, started ="
                   " COALESCE(started, $5) WHERE id = $2",
                   NULL, DB_I(change), DB_T(id), DB_T(worker), DB_I(store_now(s) + lease), DB_I(store_now(s)));
    if (!code) code = RUN(s, "UPDATE counters SET n = $1 WHERE name = 'turn' AND n < $1", NULL, DB_I(turn));
    return code;
}

json_t *store_claim(store *s, const char *worker, int64_t lease) {
    char sql[256], id[STORE_ID] = "";
    db_rows rows;
    if (RUN(s, "SELECT 1 FROM jobs WHERE state = 'queued' AND later <= $1 LIMIT 1", &rows, DB_I(store_now(s)))) return NULL;
    if (first_number(&rows) < 0) return NULL; /* the usual answer, without a transaction */
    snprintf(sql, sizeof sql,
             "SELECT id, turn FROM jobs WHERE state = 'queued' AND later <= $1 ORDER BY priority DESC, turn, number LIMIT 1%s",
             s->d->driver->skip_locked);
    int code = begin(s);
    if (code) return NULL;
    code = RUN(s, sql, &rows, DB_I(store_now(s)));
    if (!code) {
        snprintf(id, sizeof id, "%s", db_text(&rows, 0, 0));
        if (*id) code = take(s, id, db_number(&rows, 0, 1), worker, lease);
        db_rows_free(&rows);
    }
    code = end(s, code);
    return code || !*id ? NULL : store_job(s, id);
}

/* A number for the database, NULL where it is none. */
static db_value real_or_null(double x) { return isfinite(x) ? DB_R(x) : (db_value){.kind = DB_NULL}; }

int store_keep(store *s, const char *id, const char *worker, int64_t lease) {
    return RUN(s, "UPDATE jobs SET lease = $3 WHERE id = $1 AND worker = $2 AND state = 'running'", NULL, DB_T(id), DB_T(worker),
               DB_I(store_now(s) + lease));
}

int store_beat(store *s, const char *id, const char *worker, int64_t lease, const store_progress *p) {
    char ask[16] = "";
    const int code = CHANGE(
        s, ask,
        "UPDATE jobs SET change = $1, lease = $4, scale = $5, scales = $6, iteration = $7, iterations = $8, width = $9, height ="
        " $10, cost = $11, content_cost = $12, style_cost = $13, done = $14, seconds = $15, seconds_left = $16, preview = $17,"
        " memory = $18, curve = $19 WHERE id = $2 AND worker = $3 AND state = 'running' RETURNING ask",
        DB_T(id), DB_T(worker), DB_I(store_now(s) + lease), DB_I(p->scale), DB_I(p->scales), DB_I(p->iteration),
        DB_I(p->iterations), DB_I(p->width), DB_I(p->height), real_or_null(p->cost), real_or_null(p->content_cost),
        real_or_null(p->style_cost), real_or_null(p->done), real_or_null(p->seconds), real_or_null(p->seconds_left),
        DB_I(p->preview), DB_I(p->memory), DB_T(p->curve));
    if (code) return code == 1 ? STORE_LOST : -1;
    return strcmp(ask, "cancel") == 0   ? STORE_CANCEL
           : strcmp(ask, "finish") == 0 ? STORE_FINISH
           : strcmp(ask, "pause") == 0  ? STORE_PAUSE
                                        : STORE_GO_ON;
}

int store_end(store *s, const char *id, const char *worker, const char *state, const char *error, bool early) {
    const int code = CHANGE(s, NULL,
                            "UPDATE jobs SET change = $1, state = $4, error = $5, early = $6, ended = $7, ask = '', worker = ''"
                            " WHERE id = $2 AND worker = $3 AND state = 'running' RETURNING 1",
                            DB_T(id), DB_T(worker), DB_T(state), DB_T(error), DB_I(early), DB_I(store_now(s)));
    return code == 1 ? STORE_LOST : code;
}

int store_release(store *s, const char *id, const char *worker, int64_t delay) {
    const int code = CHANGE(s, NULL,
                            "UPDATE jobs SET change = $1, state = 'queued', later = $4, worker = '' WHERE id = $2 AND worker = $3"
                            " AND state = 'running' RETURNING 1",
                            DB_T(id), DB_T(worker), DB_I(store_now(s) + delay));
    return code == 1 ? STORE_LOST : code;
}

int64_t store_memory(store *s, const char *except, const char *host) {
    db_rows rows;
    if (RUN(s,
            "SELECT COALESCE(SUM(memory), 0) FROM jobs WHERE state = 'running' AND id <> $1 AND worker LIKE $2 || '.%'", &rows,
            DB_T(except), DB_T(host)))
        return 0;
    return first_number(&rows);
}

/* A job that lost its worker goes where it was asked to go, or back to the queue. */
#define LEFT_ALONE \
    "state = CASE ask WHEN 'cancel' THEN 'cancelled' WHEN 'pause' THEN 'paused' ELSE 'queued' END, ask = '', worker = ''"

int store_fault(store *s, const char *worker, int weight, const char *error) {
    int code = CHANGE(s, NULL,
                      "UPDATE jobs SET change = $1, faults = faults + $3, " LEFT_ALONE " WHERE worker = $2 AND state = 'running'"
                      " RETURNING 1",
                      DB_T(worker), DB_I(weight));
    if (code < 0) return code;
    if (code == 1) return 0; /* it had no job */
    code = CHANGE(s, NULL,
                  "UPDATE jobs SET change = $1, state = 'failed', error = $3, ended = $4 WHERE faults >= $2 AND state = 'queued'"
                  " RETURNING 1",
                  DB_I(STORE_FAULTS), DB_T(error), DB_I(store_now(s)));
    return code < 0 ? code : 0;
}

int store_expire(store *s, bool all) {
    db_rows rows;
    const int64_t limit = all ? INT64_MAX : store_now(s);
    if (RUN(s, "SELECT COUNT(*) FROM jobs WHERE state = 'running' AND lease < $1", &rows, DB_I(limit))) return -1;
    if (first_number(&rows) == 0) return 0;
    const int code = CHANGE(s, NULL,
                            "UPDATE jobs SET change = $1, " LEFT_ALONE " WHERE state = 'running' AND lease < $2 RETURNING 1",
                            DB_I(limit));
    return code < 0 ? code : 0;
}
