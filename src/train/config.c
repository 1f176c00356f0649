/* SPDX-License-Identifier: MIT
 * train/config.c: reads a recipe into entries, takes the trainer's own by one table, keeps the others for the task. Must not
 * know what a task's setting means. */
#include "train/config.h"

#include "base/mem.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_ENTRIES = 1024, MAX_TEXT = 1 << 20, MAX_NAME = 256 };

typedef struct entry {
    const char *name, *value; /* in the config's text */
    int line;                 /* of the recipe; 0: set by the caller */
} entry;

struct dq__config {
    char name[MAX_NAME]; /* of the recipe, for messages */
    char *text;          /* recipe and what was set, cut into words */
    entry entry[MAX_ENTRIES];
    int count;
    dq__train_settings settings;
};

/* ---- the trainer's own settings ---------------------------------------------------------------------------------- */

enum type { INT, FLOAT, SCHEDULE };

typedef struct row {
    const char *name;
    enum type type;
    size_t offset;
    double normal, minimum, maximum;
    bool result; /* the trained weights depend on it */
} row;

#define AT(field) offsetof(dq__train_settings, field)
static const row rows[] = {
    {"steps", INT, AT(steps), 10000, 1, 1e9, true},
    {"seed", INT, AT(seed), 1, 0, 9007199254740992.0, true},
    {"schedule", SCHEDULE, AT(schedule), DQ__COSINE, 0, 0, true},
    {"rate", FLOAT, AT(rate), 1e-3, 1e-12, 10, true},
    {"final-rate", FLOAT, AT(final_rate), 1e-5, 0, 10, true},
    {"warmup", INT, AT(warmup), 100, 0, 1e9, true},
    {"beta1", FLOAT, AT(beta1), 0.9, 0, 0.999999, true},
    {"beta2", FLOAT, AT(beta2), 0.999, 0, 0.999999, true},
    {"epsilon", FLOAT, AT(epsilon), 1e-8, 1e-15, 1, true},
    {"weight-decay", FLOAT, AT(weight_decay), 0, 0, 10, true},
    {"clip", FLOAT, AT(clip), 1, 0, 1e9, true},
    {"average", FLOAT, AT(average), 0.999, 0, 0.999999, true},
    {"validate-every", INT, AT(validate_every), 1000, 0, 1e9, false},
    {"save-every", INT, AT(save_every), 0, 0, 1e9, false},
    {"checkpoint-every", INT, AT(checkpoint_every), 300, 1, 1e6, false},
    {"threads", INT, AT(threads), 0, 0, 256, false},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const row *find_row(const char *name) {
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static void *place(dq__train_settings *s, const row *r) { return (char *)s + r->offset; }

static void set_normal(dq__train_settings *s) {
    for (int i = 0; i < ROWS; i++) {
        void *at = place(s, &rows[i]);
        if (rows[i].type == INT) *(int64_t *)at = (int64_t)rows[i].normal;
        else if (rows[i].type == FLOAT) *(double *)at = rows[i].normal;
        else *(dq__schedule *)at = (dq__schedule)rows[i].normal;
    }
}

dq_status dq__config_int(const char *value, int64_t minimum, int64_t maximum, int64_t *number, dq__error *err) {
    int64_t v;
    if (!dq__parse_int(value, &v) || v < minimum || v > maximum)
        return dq__fail(err, DQ_USAGE, "a whole number from %lld to %lld is wanted, not '%.64s'", (long long)minimum,
                        (long long)maximum, value);
    *number = v;
    return DQ_OK;
}

dq_status dq__config_double(const char *value, double minimum, double maximum, double *number, dq__error *err) {
    double v;
    if (!dq__parse_double(value, &v) || v < minimum || v > maximum)
        return dq__fail(err, DQ_USAGE, "a number from %.9g to %.9g is wanted, not '%.64s'", minimum, maximum, value);
    *number = v;
    return DQ_OK;
}

static dq_status set_schedule(dq__schedule *schedule, const char *value, dq__error *err) {
    *schedule = strcmp(value, "constant") == 0 ? DQ__CONSTANT : DQ__COSINE;
    if (*schedule == DQ__CONSTANT || strcmp(value, "cosine") == 0) return DQ_OK;
    return dq__fail(err, DQ_USAGE, "cosine or constant is wanted, not '%.64s'", value);
}

static dq_status set_own(dq__train_settings *s, const row *r, const char *value, dq__error *err) {
    void *at = place(s, r);
    if (r->type == SCHEDULE) return set_schedule(at, value, err);
    if (r->type == FLOAT) return dq__config_double(value, r->minimum, r->maximum, at, err);
    return dq__config_int(value, (int64_t)r->minimum, (int64_t)r->maximum, at, err);
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* Puts before a message where the setting was made. */
static dq_status locate(const dq__config *c, const entry *e, dq__error *err) {
    if (!err) return DQ_USAGE;
    dq__error why = *err;
    if (e->line) return dq__fail(err, why.status, "%s:%d: %s: %s", c->name, e->line, e->name, why.text);
    return dq__fail(err, why.status, "%s = %s: %s", e->name, e->value, why.text);
}

static char *trim(char *text) {
    text += strspn(text, " \t\r");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r", text[n - 1])) text[--n] = 0;
    return text;
}

/* Ends a line where its comment begins. */
static void cut_comment(char *line) {
    for (char *p = line; *p; p++)
        if (*p == '#' && (p == line || p[-1] == ' ' || p[-1] == '\t')) {
            *p = 0;
            return;
        }
}

static bool is_name(const char *name) {
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == strlen(name) && strlen(name) < 64;
}

/* "name = value" as an entry; the text is cut in place. */
static dq_status add(dq__config *c, char *text, int line, dq__error *err) {
    char *equals = strchr(text, '='), where[MAX_NAME + 16] = "";
    if (line) snprintf(where, sizeof where, "%s:%d: ", c->name, line);
    if (equals) *equals = 0;
    entry e = {.name = trim(text), .value = equals ? trim(equals + 1) : "", .line = line};
    if (!equals || !is_name(e.name))
        return dq__fail(err, DQ_USAGE, "%s'name = value' is wanted, not '%.64s'", where, e.name);
    if (!*e.value) return dq__fail(err, DQ_USAGE, "%s%s has no value", where, e.name);
    if (c->count == MAX_ENTRIES) return dq__fail(err, DQ_USAGE, "%smore than %d settings", where, MAX_ENTRIES);
    c->entry[c->count++] = e;
    return DQ_OK;
}

static dq_status add_lines(dq__config *c, char *text, dq__error *err) {
    dq_status status = DQ_OK;
    char *rest = text, *line;
    for (int number = 1; !status && (line = strsep(&rest, "\n")); number++) {
        cut_comment(line);
        if (*trim(line)) status = add(c, line, number, err);
    }
    return status;
}

/* Drops the recipe's entries (the first `lines`) whose names were set by the caller too. */
static void drop_overridden(dq__config *c, int lines) {
    int kept = 0;
    for (int i = 0; i < c->count; i++) {
        bool set = false;
        for (int k = lines; i < lines && !set && k < c->count; k++) set = strcmp(c->entry[i].name, c->entry[k].name) == 0;
        if (!set) c->entry[kept++] = c->entry[i];
    }
    c->count = kept;
}

static bool listed(const char *const *lists, const char *name) {
    for (; lists && *lists; lists++)
        if (strcmp(*lists, name) == 0) return true;
    return false;
}

static dq_status check_repeated(const dq__config *c, const char *const *lists, dq__error *err) {
    for (int i = 1; i < c->count; i++)
        for (int k = 0; k < i; k++) {
            if (strcmp(c->entry[i].name, c->entry[k].name) != 0 || listed(lists, c->entry[i].name)) continue;
            dq__fail(err, DQ_USAGE, "given more than once");
            return locate(c, &c->entry[i], err);
        }
    return DQ_OK;
}

static dq_status take_own(dq__config *c, dq__error *err) {
    for (int i = 0; i < c->count; i++) {
        const row *r = find_row(c->entry[i].name);
        if (r && set_own(&c->settings, r, c->entry[i].value, err)) return locate(c, &c->entry[i], err);
    }
    return DQ_OK;
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

/* Room for the recipe and every text that was set, each with its end; the latter follow the former. */
static dq_status copy_text(dq__config *c, const char *text, const char *const *set, int sets, dq__error *err) {
    size_t size = strlen(text) + 1, at = size;
    for (int i = 0; i < sets; i++) size += strlen(set[i]) + 1;
    if (size > MAX_TEXT) return dq__fail(err, DQ_USAGE, "%s: a recipe has at most %d bytes", c->name, MAX_TEXT);
    c->text = dq__alloc(size);
    if (!c->text) return dq__no_memory(err, size, "a recipe");
    memcpy(c->text, text, at);
    for (int i = 0; i < sets; at += strlen(set[i]) + 1, i++) memcpy(c->text + at, set[i], strlen(set[i]) + 1);
    return DQ_OK;
}

static dq_status fill(dq__config *c, const char *text, const char *const *set, int sets, const char *const *lists,
                      dq__error *err) {
    dq_status status = copy_text(c, text, set, sets, err);
    if (!status) status = add_lines(c, c->text, err);
    const int lines = c->count;
    size_t at = strlen(text) + 1;
    for (int i = 0; !status && i < sets; at += strlen(set[i]) + 1, i++) status = add(c, c->text + at, 0, err);
    if (status) return status;
    drop_overridden(c, lines);
    status = check_repeated(c, lists, err);
    return status ? status : take_own(c, err);
}

dq_status dq__config_new(dq__config **out, const char *name, const char *text, const char *const *set, int sets,
                         const char *const *lists, dq__error *err) {
    *out = NULL;
    dq__config *c = dq__alloc_zero(sizeof *c);
    if (!c) return dq__no_memory(err, sizeof *c, "a recipe");
    snprintf(c->name, sizeof c->name, "%s", name);
    set_normal(&c->settings);
    dq_status status = fill(c, text, set, sets, lists, err);
    if (status) dq__config_free(&c);
    *out = c;
    return status;
}

/* The whole of a text file, ended by 0; dq__free it. */
static dq_status read_text(char **out, const char *path, dq__error *err) {
    size_t used = 0;
    ssize_t got = 1;
    char *text = dq__alloc(MAX_TEXT + 1);
    *out = NULL;
    if (!text) return dq__no_memory(err, MAX_TEXT, "a recipe");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && got > 0 && used <= MAX_TEXT) {
        got = read(fd, text + used, MAX_TEXT + 1 - used);
        if (got > 0) used += (size_t)got;
    }
    const int why = errno;
    if (fd >= 0) close(fd);
    dq_status status = DQ_OK;
    if (fd < 0 || got < 0) status = dq__fail(err, DQ_USAGE, "%s: the recipe cannot be read: %s", path, strerror(why));
    else if (used > MAX_TEXT || memchr(text, 0, used))
        status = dq__fail(err, DQ_USAGE, "%s: not a recipe: %s", path, used > MAX_TEXT ? "too long" : "not a text");
    if (status) {
        dq__free(text);
        return status;
    }
    text[used] = 0;
    *out = text;
    return DQ_OK;
}

dq_status dq__config_read(dq__config **out, const char *path, const char *const *set, int sets, const char *const *lists,
                          dq__error *err) {
    char *text;
    *out = NULL;
    dq_status status = read_text(&text, path, err);
    if (status) return status;
    status = dq__config_new(out, path, text, set, sets, lists, err);
    dq__free(text);
    return status;
}

const dq__train_settings *dq__config_settings(const dq__config *c) { return &c->settings; }

dq_status dq__config_apply(const dq__config *c, dq__config_fn fn, void *user, dq__error *err) {
    for (int i = 0; i < c->count; i++) {
        const entry *e = &c->entry[i];
        if (!find_row(e->name) && fn(user, e->name, e->value, err)) return locate(c, e, err);
    }
    return DQ_OK;
}

static void digest_text(GChecksum *sum, const char *name, const char *value) {
    g_checksum_update(sum, (const guchar *)name, (gssize)strlen(name) + 1);
    g_checksum_update(sum, (const guchar *)value, (gssize)strlen(value) + 1);
}

void dq__config_digest(const dq__config *c, unsigned char digest[DQ__DIGEST]) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize size = DQ__DIGEST;
    dq__train_settings s = c->settings;
    if (s.schedule == DQ__CONSTANT) s.steps = 0; /* more steps at the same rate go on from fewer */
    for (int i = 0; i < ROWS; i++) {
        char value[32];
        const void *at = place(&s, &rows[i]);
        if (!rows[i].result) continue;
        if (rows[i].type == FLOAT) g_ascii_formatd(value, sizeof value, "%.17g", *(const double *)at);
        else snprintf(value, sizeof value, "%lld", rows[i].type == INT ? (long long)*(const int64_t *)at : (long long)s.schedule);
        digest_text(sum, rows[i].name, value);
    }
    for (int i = 0; i < c->count; i++)
        if (!find_row(c->entry[i].name)) digest_text(sum, c->entry[i].name, c->entry[i].value);
    g_checksum_get_digest(sum, digest, &size);
    g_checksum_free(sum);
}

void dq__config_free(dq__config **config) {
    if (!*config) return;
    dq__free((*config)->text);
    dq__free(*config);
    *config = NULL;
}
