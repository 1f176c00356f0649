/* SPDX-License-Identifier: MIT
 * model/fetch.c: downloads a published model: into NAME.part, going on where an earlier try stopped, verified, renamed.
 * Never takes more bytes than the table says, never leaves an unverified file under a model's name. The only file that
 * uses the network, and only when dq_model_fetch is called. */
#include "model/fetch.h"

#include "base/mem.h"
#include "model/model.h"
#include "model/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the table ---- */

#define KERAS "https://storage.googleapis.com/tensorflow/keras-applications/"
#define TORCH "https://download.pytorch.org/models/"

/* Keras publishes MD5 sums (in keras.applications); torchvision's file names carry the first digits of the SHA-256. */
static const dq__known known[] = {
    {"vgg19", ".h5", KERAS "vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", 80134624, "md5",
     "253f8cb515780f3b799900260a226db6",
     "VGG-19 of Simonyan and Zisserman (CC BY 4.0), convolutions only, as Keras publishes it"},
    {"vgg16", ".h5", KERAS "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", 58889256, "md5",
     "6d6bbae143d832006294945121d1f1fc",
     "VGG-16 of Simonyan and Zisserman (CC BY 4.0), convolutions only, as Keras publishes it"},
    {"vgg19-torchvision", ".pth", TORCH "vgg19-dcbb9e9d.pth", 574673361, "sha256",
     "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", "VGG-19 as trained for torchvision (BSD-3-Clause)"},
    {"vgg16-torchvision", ".pth", TORCH "vgg16-397923af.pth", 553433881, "sha256",
     "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0", "VGG-16 as trained for torchvision (BSD-3-Clause)"},
};
enum { KNOWN = sizeof known / sizeof *known };

const dq__known *dq__known_at(int index) { return index >= 0 && index < KNOWN ? &known[index] : NULL; }

const dq__known *dq__known_find(const char *name) {
    for (int i = 0; i < KNOWN; i++)
        if (!strcmp(known[i].name, name)) return &known[i];
    return NULL;
}

/* ---- one download ---- */

struct download {
    const dq__known *row;
    char *url, *file, *part; /* where from, the finished file, what is here of it */
    int fd;                  /* of the part, locked, appending; −1 while closed */
    uint64_t have;           /* bytes in the part */
    bool answered;           /* the answer's head was judged and accepted */
    dq_fetch_fn progress;
    void *user;
    dq__error *err;
    dq_status status; /* set by the callback that failed, with the message */
    const char *schemes; /* what the URL and a redirect may begin with */
#ifdef DQ_HAVE_CURL
    void *curl;
    uint64_t range_start; /* of a Content-Range in the answer */
    bool has_range;
#endif
};

static dq_status start_over(struct download *d) {
    if (ftruncate(d->fd, 0)) return dq__fail(d->err, DQ_OUTPUT, "%s: %s", d->part, strerror(errno));
    d->have = 0;
    return DQ_OK;
}

#ifdef DQ_HAVE_CURL
#include <curl/curl.h>
#include <pthread.h>

/* Head lines: a status line begins a new answer (after a redirect, say); Content-Range tells where the bytes belong. */
static size_t on_head(char *line, size_t size, size_t count, void *user) {
    struct download *d = user;
    static const char name[] = "content-range: bytes ";
    size_t n = size * count;
    if (n >= 5 && !memcmp(line, "HTTP/", 5)) d->has_range = false;
    if (n > sizeof name && !g_ascii_strncasecmp(line, name, sizeof name - 1)) {
        char text[32] = "", *end;
        size_t digits = n - (sizeof name - 1);
        memcpy(text, line + sizeof name - 1, digits < sizeof text ? digits : sizeof text - 1);
        d->range_start = g_ascii_strtoull(text, &end, 10);
        d->has_range = end > text && *end == '-';
    }
    return n;
}

/* Judges the answer before its first byte is kept: 206 must go on exactly where the part ends, 200 is the whole file (a
 * server may ignore the range), and the length announced must be the one known. */
static dq_status judge_answer(struct download *d) {
    long code = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(d->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (code != 200 && code != 206) return dq__fail(d->err, DQ_NETWORK, "%s: the server answered %ld", d->url, code);
    uint64_t start = code == 206 ? d->have : 0;
    if (length >= 0 && start + (uint64_t)length != d->row->bytes)
        return dq__fail(d->err, DQ_BAD_MODEL, "%s: the server has a file of %llu bytes, %s has %llu", d->url,
                        (unsigned long long)(start + (uint64_t)length), d->row->name, (unsigned long long)d->row->bytes);
    if (code == 206 && (!d->has_range || d->range_start != d->have)) {
        dq_status status = start_over(d);
        if (status) return status;
        return dq__fail(d->err, DQ_NETWORK, "%s: the server sent another part than asked for; fetch again", d->url);
    }
    d->answered = true;
    return code == 200 && d->have ? start_over(d) : DQ_OK;
}

static dq_status append(struct download *d, const char *bytes, size_t n) {
    while (n) {
        ssize_t written = write(d->fd, bytes, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return dq__fail(d->err, DQ_OUTPUT, "%s: %s", d->part, strerror(errno));
        bytes += written, n -= (size_t)written, d->have += (uint64_t)written;
    }
    return DQ_OK;
}

static size_t on_data(char *bytes, size_t size, size_t count, void *user) {
    struct download *d = user;
    size_t n = size * count;
    if (!d->answered) d->status = judge_answer(d);
    if (!d->status && n > d->row->bytes - d->have)
        d->status = dq__fail(d->err, DQ_BAD_MODEL, "%s: the server sends more than the %llu bytes of %s", d->url,
                             (unsigned long long)d->row->bytes, d->row->name);
    if (!d->status) d->status = append(d, bytes, n);
    return d->status ? 0 : n;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    struct download *d = user;
    (void)total, (void)now, (void)up_total, (void)up_now;
    return d->progress && d->progress(d->user, d->have, d->row->bytes);
}

static void curl_begin(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

/* The settings of one request. False if one is refused (an old or crippled libcurl), so that none is silently missing. */
static bool prepare(struct download *d, const char *range, char *message) {
    CURL *c = d->curl;
    int bad = curl_easy_setopt(c, CURLOPT_URL, d->url) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_USERAGENT, "danqing/" DQ_VERSION) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, d->schemes) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, d->schemes) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1000L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_RANGE, range) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, message) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_HEADERDATA, d) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, d) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK;
    bad |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, d) != CURLE_OK;
    return !bad;
}

/* The one message for what libcurl reports; a callback that failed has written its own. */
static dq_status explain(struct download *d, CURLcode rc, const char *message) {
    long code = 0;
    double here = (double)d->have / 1e6, all = (double)d->row->bytes / 1e6;
    curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &code);
    if (d->status) return d->status;
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return dq__fail(d->err, DQ_CANCELLED, "stopped after %.1f of %.1f MB; fetch again to go on from there", here, all);
    if (rc == CURLE_HTTP_RETURNED_ERROR) return dq__fail(d->err, DQ_NETWORK, "%s: the server answered %ld", d->url, code);
    const char *why = *message ? message : curl_easy_strerror(rc);
    if (rc != CURLE_OK && !d->have) return dq__fail(d->err, DQ_NETWORK, "%s: %s", d->url, why);
    if (rc != CURLE_OK)
        return dq__fail(d->err, DQ_NETWORK, "%s: %s; %.1f of %.1f MB are here, fetch again to go on from there", d->url, why,
                        here, all);
    if (d->have < d->row->bytes)
        return dq__fail(d->err, DQ_NETWORK, "%s: ended after %.1f of %.1f MB; fetch again to go on from there", d->url, here,
                        all);
    return DQ_OK;
}

/* One request for what is missing. *again: the server cannot serve that range, the part was emptied. */
static dq_status request(struct download *d, bool *again) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char range[32], message[CURL_ERROR_SIZE] = "";
    long code = 0;
    dq_status status = DQ_OK;
    *again = false;
    pthread_once(&once, curl_begin);
    d->curl = curl_easy_init();
    if (!d->curl) return dq__fail(d->err, DQ_NETWORK, "libcurl cannot start");
    snprintf(range, sizeof range, "%llu-", (unsigned long long)d->have);
    if (!prepare(d, d->have ? range : NULL, message)) {
        status = dq__fail(d->err, DQ_NETWORK, "this libcurl lacks something that safe downloads need (%s)", curl_version());
        goto done;
    }
    CURLcode rc = curl_easy_perform(d->curl);
    curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &code);
    *again = rc == CURLE_HTTP_RETURNED_ERROR && code == 416 && d->have;
    status = *again ? start_over(d) : explain(d, rc, message);
done:
    curl_easy_cleanup(d->curl);
    return status;
}

static dq_status download(struct download *d) {
    bool again = true;
    dq_status status = DQ_OK;
    while (again && !status) status = request(d, &again);
    return status;
}

#else

static dq_status download(struct download *d) {
    return dq__fail(d->err, DQ_NETWORK, "this build cannot download (it has no libcurl); get %s and save it as %s", d->url,
                    d->file);
}

#endif

/* ---- files ---- */

/* The checksum of an open file is the row's. */
static bool sum_matches(int fd, const dq__known *row) {
    char block[1 << 16];
    GChecksum *sum = g_checksum_new(strcmp(row->kind, "md5") ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5);
    off_t at = 0;
    ssize_t n;
    while ((n = pread(fd, block, sizeof block, at)) > 0) {
        g_checksum_update(sum, (const guchar *)block, n);
        at += n;
    }
    bool same = n == 0 && (uint64_t)at == row->bytes && !strcmp(g_checksum_get_string(sum), row->checksum);
    g_checksum_free(sum);
    return same;
}

static bool is_complete(const char *file, const dq__known *row) {
    struct stat s;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool good = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && (uint64_t)s.st_size == row->bytes && sum_matches(fd, row);
    close(fd);
    return good;
}

/* Opens the part for this process alone. A process that has just finished has renamed it, hence the second look. */
static dq_status open_part(struct download *d) {
    struct stat mine, there;
    d->fd = open(d->part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (d->fd < 0 || fstat(d->fd, &mine)) return dq__fail(d->err, DQ_OUTPUT, "%s: %s", d->part, strerror(errno));
    if (flock(d->fd, LOCK_EX | LOCK_NB) || stat(d->part, &there) || there.st_ino != mine.st_ino) {
        close(d->fd);
        d->fd = -1;
        return dq__fail(d->err, DQ_OUTPUT, "%s: another process is downloading it", d->part);
    }
    d->have = (uint64_t)mine.st_size;
    return d->have > d->row->bytes ? start_over(d) : DQ_OK;
}

/* Verifies the part and gives it its name; a part that is something else is deleted. */
static dq_status finish(struct download *d) {
    if (!sum_matches(d->fd, d->row)) {
        unlink(d->part);
        return dq__fail(d->err, DQ_BAD_MODEL, "%s: the %s is not that of %s (damaged or changed); it was deleted, fetch again",
                        d->url, d->row->kind, d->row->name);
    }
    if (fsync(d->fd) || rename(d->part, d->file)) return dq__fail(d->err, DQ_OUTPUT, "%s: %s", d->file, strerror(errno));
    return DQ_OK;
}

static dq_status make_paths(struct download *d, const char *folder, const char *base) {
    d->file = dq__store_path(folder, d->row->name, d->row->ending);
    d->part = dq__store_path(folder, d->row->name, ".part");
    d->schemes = base && !strncmp(base, "http:", 5) ? "http,https" : "https";
    d->url = base ? dq__store_path(base, strrchr(d->row->url, '/') + 1, "") : dq__strdup(d->row->url);
    return d->file && d->part && d->url ? DQ_OK : dq__no_memory(d->err, strlen(folder), "paths");
}

dq_status dq__fetch_from(const dq__known *row, const char *folder, const char *base, dq_fetch_fn progress, void *user,
                         dq__error *err) {
    struct download d = {.row = row, .fd = -1, .progress = progress, .user = user, .err = err};
    dq_status status = make_paths(&d, folder, base);
    if (status || is_complete(d.file, row)) goto done;
    if (g_mkdir_with_parents(folder, 0755)) {
        status = dq__fail(err, DQ_OUTPUT, "%s: %s", folder, strerror(errno));
        goto done;
    }
    status = open_part(&d);
    if (!status && d.have < row->bytes) status = download(&d);
    if (!status) status = finish(&d);
done:
    if (d.fd >= 0 && status && !d.have) unlink(d.part);
    if (d.fd >= 0) close(d.fd);
    dq__free(d.url);
    dq__free(d.part);
    dq__free(d.file);
    return status;
}

/* ---- by name ---- */

static dq_status unknown(const char *name, dq__error *err) {
    char text[256] = "";
    for (int i = 0; i < KNOWN; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", known[i].name);
    }
    return dq__fail(err, DQ_USAGE, "no model '%s' to download; there are %s", name, text);
}

dq_status dq__model_fetch(const char *name, dq_fetch_fn progress, void *user, dq__error *err) {
    const dq__known *row = dq__known_find(name);
    const char *base = getenv("DANQING_FETCH_BASE");
    char *folder = NULL;
    if (!row) return unknown(name, err);
    if (base && !*base) base = NULL;
    if (base && strncmp(base, "https://", 8) && strncmp(base, "http://", 7))
        return dq__fail(err, DQ_USAGE, "DANQING_FETCH_BASE must begin with https:// or http://");
    dq_status status = dq__store_user_folder(&folder, err);
    if (!status && !folder)
        status = dq__fail(err, DQ_OUTPUT, "nowhere to keep models: set HOME or XDG_DATA_HOME to a folder");
    if (!status) status = dq__fetch_from(row, folder, base, progress, user, err);
    dq__free(folder);
    return status;
}
