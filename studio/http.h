/* SPDX-License-Identifier: MIT
 * studio/http.h: requests and answers on top of libmicrohttpd: who may ask (token, host, origin, rate), how much may be sent and
 * how slowly, and answers as JSON, problems (RFC 9457) or bytes. Knows nothing of jobs: api.c has the table of routes. */
#ifndef DQ_STUDIO_HTTP_H
#define DQ_STUDIO_HTTP_H

#include "store.h"
#include "studio.h"

#include <danqing.h>

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct child_picture;
struct crew;
struct events;
typedef struct request request;

enum { HTTP_WATCHED = 1100, HTTP_ADDRESSES = 256, HTTP_WORKERS = 2, HTTP_MINUTE = 60, HTTP_JSON = 256 << 10 };

/* A bucket of tokens for one address: what it may still do. */
typedef struct bucket {
    char address[48];
    double changes, guesses, at;
} bucket;

typedef struct server {
    const studio_settings *settings;
    const char *location; /* of the store */
    int port;
    char token[40], cookie[32];
    struct MHD_Daemon *daemon;
    store *s;          /* of the thread that answers */
    dq_context *ctx;   /* of the same thread: resolves options */
    struct crew *crew;
    struct events *events;
    json_t *options;   /* answer of /options, made once */
    /* requests that take long are worked on by threads with stores of their own */
    pthread_mutex_t lock;
    pthread_cond_t more;
    request *first, *last;
    pthread_t worker[HTTP_WORKERS];
    bool ending;
    atomic_size_t held; /* bytes of bodies in memory */
    atomic_long answers[6]; /* by hundreds of the status */
    atomic_int open;
    /* connections that wait for a request, so that who sends too slowly can be sent away */
    struct {
        int socket;
        double until; /* 0 for none */
    } watched[HTTP_WATCHED];
    pthread_mutex_t watch_lock;
    bucket bucket[HTTP_ADDRESSES];
} server;

/* A row of the table of routes. A `*` in the pattern is an id. */
typedef struct route {
    const char *method, *pattern;
    void (*handle)(request *r, store *s);
    enum { ROUTE_PLAIN = 0, ROUTE_OPEN = 1, ROUTE_SLOW = 2, ROUTE_UPLOAD = 4, ROUTE_STREAM = 8 } flags;
} route;

struct request {
    server *server;
    struct MHD_Connection *connection;
    const route *route;
    char path[200], id[STORE_ID], address[48];
    char *body;
    size_t size, room, most;
    int slot; /* in server.watched, −1 for none */
    struct MHD_Response *answer;
    unsigned status;
    bool worked; /* a thread has answered it */
    request *next;
};

/* ---- http.c ---- */

/* Starts to listen; 0, or −1 with a message. */
int http_start(server *v, char message[STUDIO_MESSAGE]);
void http_end(server *v);
/* Sends slow senders away; call it now and then. */
void http_tend(server *v);
const char *http_header(const request *r, const char *name);
const char *http_query(const request *r, const char *name); /* "" if it is not there */
int64_t http_query_number(const request *r, const char *name, int64_t otherwise, int64_t least, int64_t most);

/* ---- answer.c: each takes what it is given and may be called once for a request ---- */

void answer_json(request *r, unsigned status, json_t *object);
/* A problem as JSON; `code` is a word that a page can translate. */
void answer_problem(request *r, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What the store says it cannot do. */
void answer_store(request *r, const store *s);
void answer_no(request *r); /* 404 */
void answer_empty(request *r, unsigned status);
/* malloc'd bytes. cache: seconds that a browser may keep them. */
void answer_bytes(request *r, const char *type, void *bytes, size_t size, int cache);
/* Bytes that live as long as the program; compares If-None-Match. */
void answer_fixed(request *r, const char *type, const void *bytes, size_t size, const char *tag);
/* "attachment" with a name that people see. */
void answer_name(request *r, const char *name);
void answer_header(request *r, const char *name, const char *value);

/* ---- guard.c: who may ask ---- */

/* Reads the token file of the studio's folder, or makes it. */
int guard_token(server *v, const char *data, char message[STUDIO_MESSAGE]);
/* False with an answer if the request is not allowed. */
bool guard_allows(request *r);
/* True if the text is the token. */
bool guard_is_token(const server *v, const char *text);
/* Takes one from the address's bucket of changes or of guesses at the token; false if it is empty. */
bool guard_take(server *v, const char *address, bool guess);
double guard_now(void);

/* ---- api.c and what the files of the API share ---- */

/* The route of a method and path, with its id; NULL and an answer if there is none. */
const route *api_route(request *r, const char *method);
void api_ask(request *r, store *s);
void api_counts(request *r, store *s);
void api_health(request *r, store *s);
void api_metrics(request *r, store *s);
void api_openapi(request *r, store *s);
void api_options(request *r, store *s);
void api_page(request *r, store *s);
void api_session(request *r, store *s);
void api_picture_add(request *r, store *s);
void api_picture_delete(request *r, store *s);
void api_picture_edit(request *r, store *s);
void api_picture_file(request *r, store *s);
void api_picture_list(request *r, store *s);
void api_picture_one(request *r, store *s);
void api_job_add(request *r, store *s);
void api_job_delete(request *r, store *s);
void api_job_edit(request *r, store *s);
void api_job_file(request *r, store *s);
void api_job_list(request *r, store *s);
void api_job_one(request *r, store *s);
void api_job_result(request *r, store *s);
void api_events(request *r, store *s);
void api_folder_add(request *r, store *s);
void api_folder_delete(request *r, store *s);
void api_folder_list(request *r, store *s);
void api_folder_one(request *r, store *s);
void api_pair_add(request *r, store *s);
void api_pair_delete(request *r, store *s);
void api_pair_file(request *r, store *s);

/* The body as a JSON object; NULL with an answer. */
json_t *api_body(request *r);
/* Text from a stranger as one that can be shown: valid UTF-8 without control characters, at most `size` − 1 bytes. */
void api_clean(char *out, size_t size, const char *text, size_t length);
/* A file's name without its ending and folders, for people. */
void api_plain_name(char out[120], const char *file);
/* Decodes bytes in a child; false with an answer. Slow. */
bool api_decode(request *r, const void *bytes, size_t size, struct child_picture *p);
/* Decodes bytes and keeps the picture; its row, or NULL with an answer. Slow. */
json_t *api_take_in(request *r, store *s, const char *kind, const char *name, const void *bytes, size_t size);
/* The worker's own columns are not for readers. */
json_t *api_job_public(json_t *job);

#endif
