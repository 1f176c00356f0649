/* SPDX-License-Identifier: MIT
 * studio/http.c: between libmicrohttpd and the API. One thread answers; what takes long (decoding) is done by two more while the
 * connection sleeps. Bodies are counted while they arrive, and who sends too slowly is sent away. */
#include "http.h"

#include "events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_HELD = 512 << 20, HEADER_SECONDS = 20, CONNECTIONS = 1024 };

const char *http_header(const request *r, const char *name) {
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *http_query(const request *r, const char *name) {
    const char *value = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : "";
}

int64_t http_query_number(const request *r, const char *name, int64_t otherwise, int64_t least, int64_t most) {
    char *end;
    const char *text = http_query(r, name);
    const int64_t n = strtoll(text, &end, 10);
    return end == text || *end ? otherwise : n < least ? least : n > most ? most : n;
}

/* ---- slow senders ------------------------------------------------------------------------------------------------ */

static int socket_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/* When a connection must have got further; 0 takes the limit away. */
static void set_deadline(server *v, int slot, double until) {
    if (slot < 0) return;
    pthread_mutex_lock(&v->watch_lock);
    v->watched[slot].until = until;
    pthread_mutex_unlock(&v->watch_lock);
}

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    server *v = user;
    pthread_mutex_lock(&v->watch_lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = NULL;
        atomic_fetch_add(&v->open, 1);
        for (int i = 0; i < HTTP_WATCHED; i++)
            if (v->watched[i].socket < 0) {
                v->watched[i].socket = socket_of(connection);
                v->watched[i].until = guard_now() + HEADER_SECONDS;
                *context = &v->watched[i];
                break;
            }
    } else {
        atomic_fetch_sub(&v->open, 1);
        for (int i = 0; i < HTTP_WATCHED; i++)
            if (*context == &v->watched[i]) v->watched[i].socket = -1;
    }
    pthread_mutex_unlock(&v->watch_lock);
}

void http_tend(server *v) {
    const double time = guard_now();
    pthread_mutex_lock(&v->watch_lock);
    for (int i = 0; i < HTTP_WATCHED; i++)
        if (v->watched[i].socket >= 0 && v->watched[i].until > 0 && v->watched[i].until < time) {
            shutdown(v->watched[i].socket, SHUT_RDWR);
            v->watched[i].until = 0;
        }
    pthread_mutex_unlock(&v->watch_lock);
}

/* Makes the answer. Where the store did not answer its connection is opened again, and what only reads is asked once more. */
static void handle(request *r, store *s) {
    r->route->handle(r, s);
    if (!*store_reason(s) || store_mend(s) || r->status != 503 || strcmp(r->route->method, "GET") != 0) return;
    if (r->answer) MHD_destroy_response(r->answer);
    r->answer = NULL;
    r->route->handle(r, s);
}

/* ---- long work --------------------------------------------------------------------------------------------------- */

static request *next_request(server *v) {
    pthread_mutex_lock(&v->lock);
    while (!v->first && !v->ending) pthread_cond_wait(&v->more, &v->lock);
    request *r = v->first;
    if (r) v->first = r->next;
    if (!v->first) v->last = NULL;
    pthread_mutex_unlock(&v->lock);
    return r;
}

static void *work_long(void *user) {
    server *v = user;
    char reason[240];
    request *r;
    store *s = store_open(v->location, true, reason);
    while ((r = next_request(v))) {
        if (!s) s = store_open(v->location, true, reason);
        if (s) handle(r, s);
        else answer_problem(r, 503, "store", "%s", reason);
        r->worked = true;
        MHD_resume_connection(r->connection);
    }
    store_close(s);
    return NULL;
}

/* The connection sleeps until a thread has made the answer; false when the threads are ending. */
static bool hand_over(request *r) {
    server *v = r->server;
    pthread_mutex_lock(&v->lock);
    const bool ending = v->ending;
    if (!ending) {
        MHD_suspend_connection(r->connection);
        r->next = NULL;
        if (v->last) v->last->next = r;
        else v->first = r;
        v->last = r;
        pthread_cond_signal(&v->more);
    }
    pthread_mutex_unlock(&v->lock);
    return !ending;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

static int take_bytes(request *r, const char *bytes, size_t size) {
    if (size > r->most - r->size) return -1;
    if (r->size + size > r->room) {
        size_t room = r->room ? 2 * r->room : 16384;
        while (room < r->size + size) room *= 2;
        if (atomic_fetch_add(&r->server->held, room - r->room) + room - r->room > MOST_HELD) {
            atomic_fetch_sub(&r->server->held, room - r->room);
            return -1;
        }
        char *more = realloc(r->body, room + 1);
        if (!more) {
            atomic_fetch_sub(&r->server->held, room - r->room);
            return -1;
        }
        r->body = more, r->room = room;
    }
    memcpy(r->body + r->size, bytes, size);
    r->size += size;
    r->body[r->size] = 0;
    return 0;
}

/* True if the length that was announced is allowed, or none was. */
static bool length_allowed(request *r) {
    const char *length = http_header(r, "Content-Length");
    return !length || strtoull(length, NULL, 10) <= r->most;
}

/* ---- libmicrohttpd's calls --------------------------------------------------------------------------------------- */

static enum MHD_Result send_answer(request *r) {
    if (!r->answer) answer_problem(r, 500, "failed", "no answer was made");
    if (!r->answer) return MHD_NO;
    atomic_fetch_add(&r->server->answers[r->status / 100 % 6], 1);
    const enum MHD_Result result = MHD_queue_response(r->connection, r->status, r->answer);
    MHD_destroy_response(r->answer);
    r->answer = NULL;
    return result;
}

static void address_of(request *r) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;
    if (a && a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, r->address, sizeof r->address);
    else if (a && a->sa_family == AF_INET6) /* a household has a /64 */
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, r->address, sizeof r->address);
}

static request *new_request(server *v, struct MHD_Connection *connection, const char *url) {
    request *r = calloc(1, sizeof *r);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (!r) return NULL;
    r->server = v, r->connection = connection, r->slot = -1;
    for (int i = 0; info && i < HTTP_WATCHED; i++)
        if (info->socket_context == &v->watched[i]) r->slot = i;
    snprintf(r->path, sizeof r->path, "%s", strlen(url) < sizeof r->path ? url : "/?");
    address_of(r);
    return r;
}

/* The headers are there: everything that can be refused now is, before a byte of the body is kept. */
static bool begin_request(request *r, const char *method) {
    r->route = api_route(r, method);
    if (!r->route || !guard_allows(r)) return false;
    const bool upload = r->route->flags & ROUTE_UPLOAD;
    r->most = upload ? (size_t)r->server->settings->max_upload << 20 : HTTP_JSON;
    set_deadline(r->server, r->slot, guard_now() + (upload ? HTTP_MINUTE * 3 : HEADER_SECONDS));
    if (length_allowed(r)) return true;
    answer_problem(r, 413, "bytes", "at most %zu bytes can be sent at once", r->most);
    return false;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *bytes, size_t *size, void **context) {
    server *v = user;
    request *r = *context;
    (void)version;
    if (!r) {
        r = *context = new_request(v, connection, url);
        if (!r) return MHD_NO;
        return begin_request(r, method) ? MHD_YES : send_answer(r);
    }
    if (*size) {
        if (!r->answer && take_bytes(r, bytes, *size))
            answer_problem(r, r->size + *size > r->most ? 413 : 503, "bytes", "the body is larger than can be taken now");
        *size = 0;
        return MHD_YES;
    }
    set_deadline(v, r->slot, 0);
    if (r->answer || r->worked) return send_answer(r);
    if (r->route->flags & ROUTE_SLOW) {
        if (hand_over(r)) return MHD_YES;
        answer_problem(r, 503, "ending", "the studio is closing");
        return send_answer(r);
    }
    handle(r, v->s);
    return send_answer(r);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code) {
    request *r = *context;
    (void)user, (void)connection, (void)code;
    if (!r) return;
    set_deadline(r->server, r->slot, guard_now() + HEADER_SECONDS);
    atomic_fetch_sub(&r->server->held, r->room);
    if (r->answer) MHD_destroy_response(r->answer);
    free(r->body);
    free(r);
    *context = NULL;
}

/* ---- starting and ending ----------------------------------------------------------------------------------------- */

static int parse_address(const char *text, int port, struct sockaddr_storage *address) {
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) four->sin_family = AF_INET, four->sin_port = htons((uint16_t)port);
    else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
        six->sin6_family = AF_INET6, six->sin6_port = htons((uint16_t)port);
    else return -1;
    return 0;
}

/* The usual limit of 1024 open files is less than the connections and what belongs to them. */
static void allow_files(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= 4 * CONNECTIONS) return;
    limit.rlim_cur = limit.rlim_max < 4 * CONNECTIONS ? limit.rlim_max : 4 * CONNECTIONS;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void silent(void *user, const char *format, va_list list) { (void)user, (void)format, (void)list; }

int http_start(server *v, char message[STUDIO_MESSAGE]) {
    struct sockaddr_storage address;
    const char *listen = v->settings->listen ? v->settings->listen : "127.0.0.1";
    if (parse_address(listen, v->settings->port, &address)) {
        snprintf(message, STUDIO_MESSAGE, "--listen wants an address, like 192.168.1.10 or 0.0.0.0, not '%.60s'", listen);
        return DQ_USAGE;
    }
    for (int i = 0; i < HTTP_WATCHED; i++) v->watched[i].socket = -1;
    allow_files();
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                           (address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    v->daemon = MHD_start_daemon(
        flags, (uint16_t)v->settings->port, NULL, NULL, on_request, v, MHD_OPTION_EXTERNAL_LOGGER, silent, NULL,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS / 2,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536, MHD_OPTION_NOTIFY_COMPLETED, on_completed, v,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, v, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (!v->daemon) {
        snprintf(message, STUDIO_MESSAGE, "cannot listen on %s port %d: %s; --port N takes another", listen, v->settings->port,
                 strerror(errno));
        return DQ_FAILED;
    }
    v->port = MHD_get_daemon_info(v->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(v->cookie, sizeof v->cookie, "danqing_%d", v->port); /* browsers share cookies among ports */
    for (int i = 0; i < HTTP_WORKERS; i++)
        if (pthread_create(&v->worker[i], NULL, work_long, v)) return DQ_FAILED;
    return DQ_OK;
}

void http_end(server *v) {
    pthread_mutex_lock(&v->lock);
    v->ending = true;
    pthread_cond_broadcast(&v->more);
    pthread_mutex_unlock(&v->lock);
    for (int i = 0; i < HTTP_WORKERS; i++) pthread_join(v->worker[i], NULL);
    events_end(v->events);
    MHD_stop_daemon(v->daemon);
}
