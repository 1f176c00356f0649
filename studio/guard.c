/* SPDX-License-Identifier: MIT
 * studio/guard.c: who may ask. The token proves that somebody belongs here; Host and Origin prove that a browser does not ask for
 * somebody else's page; buckets keep one address from asking too much. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

double guard_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the token --------------------------------------------------------------------------------------------------- */

int guard_token(server *v, const char *data, char message[STUDIO_MESSAGE]) {
    char path[4200], other[STORE_ID];
    snprintf(path, sizeof path, "%s/token", data);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = file < 0 ? 0 : read(file, v->token, 36);
    if (file >= 0) close(file);
    v->token[n > 0 ? n : 0] = 0;
    if (strspn(v->token, "0123456789abcdefghijklmnopqrstuvwxyz") == 36) return 0;
    store_new_id(v->token);
    store_new_id(other);
    memcpy(v->token + 20, other, 16);
    v->token[36] = 0;
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool good = file >= 0 && write(file, v->token, 36) == 36;
    if (file >= 0) close(file);
    if (good) return 0;
    snprintf(message, STUDIO_MESSAGE, "cannot write %.200s: %s", path, strerror(errno));
    return -1;
}

/* In a time that does not depend on where they differ. */
bool guard_is_token(const server *v, const char *text) {
    unsigned char differ = 0;
    if (!*v->token || strlen(text) != strlen(v->token)) return false;
    for (size_t i = 0; v->token[i]; i++) differ |= (unsigned char)(text[i] ^ v->token[i]);
    return differ == 0;
}

static bool has_token(const request *r) {
    const char *header = http_header(r, "Authorization");
    if (header) return strncasecmp(header, "Bearer ", 7) == 0 && guard_is_token(r->server, header + 7);
    const char *cookie = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, r->server->cookie);
    return cookie && guard_is_token(r->server, cookie);
}

/* ---- host and origin --------------------------------------------------------------------------------------------- */

/* Parts "name:port" or "[address]:port" into a name; −1 if it is odd. *port is 80 where there is none. */
static int split_host(const char *host, char name[128], int *port) {
    const char *end = *host == '[' ? strchr(host, ']') : host + strcspn(host, ":");
    const size_t skip = *host == '[';
    if (!end || (size_t)(end - host) - skip >= 128) return -1;
    memcpy(name, host + skip, (size_t)(end - host) - skip);
    name[(size_t)(end - host) - skip] = 0;
    end += skip;
    *port = 80;
    if (*end == 0) return 0;
    char *rest;
    *port = (int)strtol(end + 1, &rest, 10);
    return *end == ':' && *rest == 0 && rest > end + 1 ? 0 : -1;
}

/* Only a name can be made to lead here by somebody else's DNS; an address always means itself. */
static bool is_our_name(const server *v, const char *name) {
    unsigned char address[16];
    if (strcasecmp(name, "localhost") == 0 || (v->settings->host && strcasecmp(name, v->settings->host) == 0)) return true;
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_our_host(const server *v, const char *host) {
    char name[128];
    int port;
    if (!host || split_host(host, name, &port) || !is_our_name(v, name)) return false;
    return port == v->port || v->settings->host; /* a proxy has a port of its own */
}

/* A page that changes something must be ours; a program sends no Origin. */
static bool is_our_origin(const request *r) {
    const char *origin = http_header(r, "Origin"), *host = http_header(r, "Host"), *site = http_header(r, "Sec-Fetch-Site");
    if (site && strcmp(site, "cross-site") == 0) return false;
    if (!origin) return true;
    const char *after = strstr(origin, "://");
    return after && host && strcasecmp(after + 3, host) == 0;
}

/* ---- buckets ----------------------------------------------------------------------------------------------------- */

/* The bucket of an address: its own, or the one that was not used for the longest time. */
static bucket *bucket_of(server *v, const char *address, double changes) {
    bucket *oldest = &v->bucket[0];
    for (int i = 0; i < HTTP_ADDRESSES; i++) {
        if (strcmp(v->bucket[i].address, address) == 0) return &v->bucket[i];
        if (v->bucket[i].at < oldest->at) oldest = &v->bucket[i];
    }
    *oldest = (bucket){.changes = changes, .guesses = 10, .at = guard_now()};
    snprintf(oldest->address, sizeof oldest->address, "%s", address);
    return oldest;
}

bool guard_take(server *v, const char *address, bool guess) {
    const double rate = v->settings->rate, most = 4 * rate, time = guard_now();
    bucket *b = bucket_of(v, address, most);
    b->changes += (time - b->at) * rate, b->guesses += (time - b->at) / 6; /* ten guesses a minute */
    b->at = time;
    if (b->changes > most) b->changes = most;
    if (b->guesses > 10) b->guesses = 10;
    if (!guess && rate <= 0) return true;
    double *left = guess ? &b->guesses : &b->changes;
    if (*left < 1) return false;
    *left -= 1;
    return true;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool refuse_stranger(request *r) {
    if (guard_take(r->server, r->address, true))
        answer_problem(r, 401, "token", "open the address that 'danqing serve' printed, or send Authorization: Bearer TOKEN");
    else answer_problem(r, 429, "guesses", "too many requests without the token; wait a minute");
    return false;
}

bool guard_allows(request *r) {
    const bool changes = strcmp(r->route->method, "GET") != 0;
    if (!is_our_host(r->server, http_header(r, "Host"))) {
        answer_problem(r, 403, "host", "this server does not go by that name; --host NAME allows one");
        return false;
    }
    if (changes && !is_our_origin(r)) {
        answer_problem(r, 403, "origin", "a page of another origin may not change anything here");
        return false;
    }
    if (!(r->route->flags & ROUTE_OPEN) && !has_token(r)) return refuse_stranger(r);
    if (changes && !guard_take(r->server, r->address, false)) {
        answer_problem(r, 429, "rate", "too many requests; slow down");
        return false;
    }
    return true;
}
