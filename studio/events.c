/* SPDX-License-Identifier: MIT
 * studio/events.c: a list of streams, each with the text that waits to be sent. A stream without text sleeps (its connection is
 * suspended) until it is told something. */
#include "events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WAITING = 1 << 20, MOST_STREAMS = 600, SILENCE = 10 };

typedef struct stream {
    events *owner;
    struct MHD_Connection *connection;
    char id[STORE_ID]; /* of the one job it watches, "" for all */
    char *text;
    size_t size, sent, room;
    bool asleep, over;
    double told;
    struct stream *next;
} stream;

struct events {
    pthread_mutex_t lock;
    stream *first;
    int count;
    bool over;
};

events *events_new(void) {
    events *e = calloc(1, sizeof *e);
    if (e) pthread_mutex_init(&e->lock, NULL);
    return e;
}

void events_free(events *e) { free(e); }

int events_watchers(events *e) {
    pthread_mutex_lock(&e->lock);
    const int count = e->count;
    pthread_mutex_unlock(&e->lock);
    return count;
}

/* ---- under the lock ---------------------------------------------------------------------------------------------- */

static void wake(stream *s) {
    if (!s->asleep) return;
    s->asleep = false;
    MHD_resume_connection(s->connection);
}

static void append(stream *s, const char *text, size_t size) {
    if (s->sent == s->size) s->sent = s->size = 0;
    if (s->size + size > MOST_WAITING) s->over = true;
    if (!s->over && s->size + size > s->room) {
        const size_t room = 2 * (s->size + size);
        char *more = realloc(s->text, room);
        if (more) s->text = more, s->room = room;
        else s->over = true;
    }
    if (!s->over) {
        memcpy(s->text + s->size, text, size);
        s->size += size;
    }
    s->told = guard_now();
    wake(s);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

void events_tell(events *e, const char *kind, const char *id, const char *data) {
    char *text = NULL;
    const int size = asprintf(&text, "event: %s\ndata: %s\n\n", kind, data);
    if (size < 0) return;
    pthread_mutex_lock(&e->lock);
    for (stream *s = e->first; s; s = s->next)
        if (!*s->id || strcmp(s->id, id) == 0) append(s, text, (size_t)size);
    pthread_mutex_unlock(&e->lock);
    free(text);
}

void events_tend(events *e) {
    const double time = guard_now();
    pthread_mutex_lock(&e->lock);
    for (stream *s = e->first; s; s = s->next)
        if (time - s->told > SILENCE) append(s, ": here\n\n", 8);
    pthread_mutex_unlock(&e->lock);
}

void events_end(events *e) {
    pthread_mutex_lock(&e->lock);
    e->over = true;
    for (stream *s = e->first; s; s = s->next) {
        s->over = true;
        wake(s);
    }
    pthread_mutex_unlock(&e->lock);
}

/* ---- libmicrohttpd's calls --------------------------------------------------------------------------------------- */

static ssize_t read_stream(void *user, uint64_t position, char *buffer, size_t most) {
    stream *s = user;
    ssize_t n = 0;
    (void)position;
    pthread_mutex_lock(&s->owner->lock);
    if (s->over) n = MHD_CONTENT_READER_END_OF_STREAM;
    else if (s->sent < s->size) {
        n = (ssize_t)(s->size - s->sent < most ? s->size - s->sent : most);
        memcpy(buffer, s->text + s->sent, (size_t)n);
        s->sent += (size_t)n;
    } else {
        s->asleep = true;
        MHD_suspend_connection(s->connection);
    }
    pthread_mutex_unlock(&s->owner->lock);
    return n;
}

static void free_stream(void *user) {
    stream *s = user, **link;
    pthread_mutex_lock(&s->owner->lock);
    for (link = &s->owner->first; *link && *link != s; link = &(*link)->next) continue;
    if (*link) *link = s->next, s->owner->count--;
    pthread_mutex_unlock(&s->owner->lock);
    free(s->text);
    free(s);
}

/* Adds the stream unless there are too many or the studio is closing. */
static bool join(events *e, stream *s) {
    pthread_mutex_lock(&e->lock);
    const bool good = !e->over && e->count < MOST_STREAMS;
    if (good) s->next = e->first, e->first = s, e->count++;
    pthread_mutex_unlock(&e->lock);
    return good;
}

/* The first thing a watcher of one job is told: how it stands. */
static int tell_now(request *r, store *db, stream *s) {
    json_t *job = store_job(db, r->id);
    if (!job) return -1;
    char *data = json_dumps(api_job_public(job), JSON_COMPACT), *text = NULL;
    json_decref(job);
    const int size = data ? asprintf(&text, "event: job\ndata: %s\n\n", data) : -1;
    if (size > 0) append(s, text, (size_t)size);
    free(data);
    free(text);
    return 0;
}

void api_events(request *r, store *db) {
    static const char hello[] = "retry: 2000\n\n";
    stream *s = calloc(1, sizeof *s);
    if (!s) return;
    s->owner = r->server->events, s->connection = r->connection;
    snprintf(s->id, sizeof s->id, "%s", r->id);
    append(s, hello, sizeof hello - 1);
    if (*r->id && tell_now(r, db, s)) {
        free(s->text);
        free(s);
        answer_no(r);
        return;
    }
    if (!join(s->owner, s)) {
        free(s->text);
        free(s);
        answer_problem(r, 503, "watchers", "too many are watching");
        return;
    }
    r->status = 200;
    r->answer = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_stream, s, free_stream);
    answer_header(r, "Content-Type", "text/event-stream");
    answer_header(r, "Cache-Control", "no-store");
    answer_header(r, "X-Accel-Buffering", "no");
}
