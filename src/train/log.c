/* SPDX-License-Identifier: MIT
 * train/log.c: writes and continues the CSV; numbers are written the same whatever the locale. */
#include "train/log.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static dq_status cannot(const char *path, int why, dq__error *err) {
    return dq__fail(err, DQ_OUTPUT, "%s: the log cannot be written: %s", path, strerror(why));
}

static void put_head(FILE *file, const dq__task *task) {
    fputs("step,set,rate,loss", file);
    for (int i = 0; i < task->parts; i++) fprintf(file, ",%s", task->part_name[i]);
    fputs(",seconds\n", file);
}

/* Whether the first line is the one that this task's log has. */
static bool same_head(const char *line, const dq__task *task) {
    char *head = NULL;
    size_t size;
    FILE *memory = open_memstream(&head, &size);
    if (!memory) return false;
    put_head(memory, task);
    const bool same = fclose(memory) == 0 && strcmp(line, head) == 0;
    free(head);
    return same;
}

/* True for a whole row of a step up to `from`. */
static bool is_kept(const char *line, int64_t from) {
    char *end;
    errno = 0;
    const long long step = strtoll(line, &end, 10);
    return *end == ',' && errno == 0 && step >= 0 && step <= from && strchr(end, '\n');
}

/* The length of what is to stay, −1 for a file that is not a log of this task. */
static off_t kept_length(FILE *file, const dq__task *task, int64_t from) {
    char *line = NULL;
    size_t room = 0;
    off_t length = -1;
    ssize_t n = getline(&line, &room, file);
    if (n > 0 && same_head(line, task)) {
        length = n;
        while ((n = getline(&line, &room, file)) > 0 && is_kept(line, from)) length += n;
    }
    free(line);
    return length;
}

static dq_status cut(dq__log *log, const dq__task *task, int64_t from, dq__error *err) {
    const off_t length = kept_length(log->file, task, from);
    if (length < 0)
        return dq__fail(err, DQ_OUTPUT, "%s: not the log of such a run; name another file for the log", log->path);
    if (fseeko(log->file, length, SEEK_SET) != 0 || ftruncate(fileno(log->file), length) != 0)
        return cannot(log->path, errno, err);
    return DQ_OK;
}

dq_status dq__log_open(dq__log *log, const char *path, const dq__task *task, bool resume, int64_t from, dq__error *err) {
    *log = (dq__log){.path = path};
    if (!path) return DQ_OK;
    log->file = resume ? fopen(path, "r+e") : NULL;
    if (log->file) {
        dq_status status = cut(log, task, from, err);
        if (status) dq__log_close(log);
        return status;
    }
    log->file = fopen(path, "we");
    if (!log->file) return cannot(path, errno, err);
    put_head(log->file, task);
    return dq__log_flush(log, err);
}

static void put_number(FILE *file, const char *format, double value) {
    char text[64];
    fprintf(file, ",%s", g_ascii_formatd(text, sizeof text, format, value));
}

void dq__log_row(dq__log *log, const char *set, const dq_train_progress *p) {
    if (!log->file) return;
    fprintf(log->file, "%lld,%s", (long long)p->step, set);
    put_number(log->file, "%.9g", p->rate);
    put_number(log->file, "%.9g", p->loss);
    for (int i = 0; i < p->parts; i++) put_number(log->file, "%.9g", p->part[i]);
    put_number(log->file, "%.3f", p->seconds);
    fputc('\n', log->file);
}

dq_status dq__log_flush(dq__log *log, dq__error *err) {
    if (!log->file || (fflush(log->file) == 0 && !ferror(log->file))) return DQ_OK;
    return cannot(log->path, errno, err);
}

void dq__log_close(dq__log *log) {
    if (log->file) fclose(log->file);
    log->file = NULL;
}
