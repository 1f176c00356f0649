/* SPDX-License-Identifier: MIT
 * sketch/pairs.c: lists the two folders, matches names, decodes and aligns in parallel. */
#include "sketch/pairs.h"

#include "base/mem.h"
#include "image/face.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 28, N = DQ__FRAME_PIXELS };

/* ---- lists ---- */

typedef struct list {
    char **file; /* names with endings, sorted by their stems */
    int count, room;
} list;

static size_t stem(const char *file) {
    const char *dot = strrchr(file, '.');
    return dot ? (size_t)(dot - file) : strlen(file);
}

static bool is_picture(const char *file) {
    static const char *const endings[] = {"jpg", "jpeg", "png", "webp", "tif", "tiff", "avif", "heic"};
    const char *dot = strrchr(file, '.');
    for (size_t i = 0; file[0] != '.' && dot && i < sizeof endings / sizeof *endings; i++)
        if (g_ascii_strcasecmp(dot + 1, endings[i]) == 0) return true;
    return false;
}

static int by_stem(const void *a, const void *b) {
    const char *p = *(char *const *)a, *q = *(char *const *)b;
    const size_t m = stem(p), n = stem(q);
    const int order = memcmp(p, q, m < n ? m : n);
    return order ? order : (m > n) - (m < n);
}

static void free_list(list *l) {
    for (int i = 0; i < l->count; i++) dq__free(l->file[i]);
    dq__free(l->file);
    *l = (list){0};
}

static dq_status read_list(list *l, const char *folder, dq__error *err) {
    DIR *d = opendir(folder);
    if (!d)
        return dq__fail(err, DQ_BAD_IMAGE, "%.300s: %s; pairs lie in photos/ and sketches/ of one folder", folder,
                        strerror(errno));
    dq_status status = DQ_OK;
    l->room = 2 * DQ__MAX_PAIRS;
    l->file = dq__alloc_zero(sizeof(char *) * (size_t)l->room);
    if (!l->file) status = dq__no_memory(err, 0, "a list of files");
    for (struct dirent *e; !status && (e = readdir(d));) {
        if (!is_picture(e->d_name)) continue;
        if (l->count == DQ__MAX_PAIRS)
            status = dq__fail(err, DQ_LIMIT, "%.300s: more than %d pictures; take a part of them", folder, DQ__MAX_PAIRS);
        else if (!(l->file[l->count++] = dq__strdup(e->d_name))) status = dq__no_memory(err, 0, "a list of files");
    }
    closedir(d);
    if (!status) qsort(l->file, (size_t)l->count, sizeof(char *), by_stem);
    return status;
}

/* Photo i and sketch i must have one stem. */
static dq_status match(const list *photos, const list *sketches, const char *folder, dq__error *err) {
    if (!photos->count) return dq__fail(err, DQ_BAD_IMAGE, "%.300s/photos: there is no picture in it", folder);
    for (int i = 0; i < photos->count || i < sketches->count; i++) {
        const char *p = i < photos->count ? photos->file[i] : NULL, *s = i < sketches->count ? sketches->file[i] : NULL;
        if (p && i > 0 && by_stem(&photos->file[i - 1], &photos->file[i]) == 0)
            return dq__fail(err, DQ_BAD_IMAGE, "%.200s/photos: two pictures have the name %.*s", folder, (int)stem(p), p);
        const int order = !p ? 1 : !s ? -1 : by_stem(&photos->file[i], &sketches->file[i]);
        if (order < 0)
            return dq__fail(err, DQ_BAD_IMAGE, "%.200s: photos/%.80s has no sketch of that name in sketches/", folder, p);
        if (order > 0)
            return dq__fail(err, DQ_BAD_IMAGE, "%.200s: sketches/%.80s has no photo of that name in photos/", folder, s);
    }
    return DQ_OK;
}

/* ---- files ---- */

static dq_status read_bytes(const char *path, unsigned char **bytes, size_t *size, dq__error *err) {
    struct stat info;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    *bytes = NULL, *size = 0;
    if (fd < 0 || fstat(fd, &info)) {
        const int why = errno;
        if (fd >= 0) close(fd);
        return dq__fail(err, DQ_BAD_IMAGE, "%.300s: %s", path, strerror(why));
    }
    const bool sane = S_ISREG(info.st_mode) && info.st_size > 0 && info.st_size <= MAX_FILE;
    *bytes = sane ? dq__alloc((size_t)info.st_size) : NULL;
    while (*bytes && *size < (size_t)info.st_size) {
        const ssize_t got = read(fd, *bytes + *size, (size_t)info.st_size - *size);
        if (got <= 0) break;
        *size += (size_t)got;
    }
    close(fd);
    if (*bytes && *size == (size_t)info.st_size) return DQ_OK;
    dq__free(*bytes);
    *bytes = NULL;
    return dq__fail(err, DQ_BAD_IMAGE, "%.300s: cannot be read as a picture", path);
}

static dq_status read_picture(dq_image **out, const char *path, unsigned char digest[DQ__PAIRS_DIGEST], dq__error *err) {
    unsigned char *bytes;
    size_t size;
    gsize length = DQ__PAIRS_DIGEST;
    dq_status status = read_bytes(path, &bytes, &size, err);
    if (status) return status;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, bytes, (gssize)size);
    g_checksum_get_digest(sum, digest, &length);
    g_checksum_free(sum);
    status = dq__image_read_memory(out, bytes, size, path, err);
    dq__free(bytes);
    return status;
}

dq_status dq__find_eyes(dq__eye_pair *eyes, const dq_image *image, const char *name, dq__error *err) {
    dq__face_finder *finder;
    dq__face face;
    int count = 0;
    dq_status status = dq__face_finder_new(&finder, NULL, err);
    if (!status) status = dq__face_find(finder, image, &face, 1, &count, err);
    dq__face_finder_free(&finder);
    if (status) return status;
    if (!count)
        return dq__fail(err, DQ_BAD_IMAGE, "%.300s: no face is found in it; say where the eyes are: --eyes x1,y1,x2,y2", name);
    *eyes = (dq__eye_pair){face.eye[0][0] - 0.5, face.eye[0][1] - 0.5, face.eye[1][0] - 0.5, face.eye[1][1] - 0.5};
    return DQ_OK;
}

/* ---- pairs ---- */

typedef struct reading {
    dq__pairs *pairs;
    const list *photos, *sketches;
    const char *folder;
    dq__direction direction;
    unsigned char (*digest)[2][DQ__PAIRS_DIGEST];
    dq__error *failed; /* of each pair; status 0: none */
} reading;

static dq_status take(dq__frame *to, const dq_image *image, const dq__similarity *s, dq__error *err) {
    if (!s) dq__frame_of(to, image);
    return s ? dq__frame_take(to, image, s, err) : DQ_OK;
}

static void store(const reading *r, int k, const dq__frame *photo, const dq__frame *sketch) {
    dq__pairs *p = r->pairs;
    const bool to_sketch = r->direction == DQ__TO_SKETCH;
    const dq__frame *seen = to_sketch ? photo : sketch, *drawn = to_sketch ? sketch : photo;
    for (size_t i = 0; i < (size_t)N; i++) {
        p->seen[(size_t)k * N + i] = seen->grey[i];
        p->drawn[(size_t)k * N + i] = drawn->grey[i];
        for (size_t c = 0; c < 3; c++)
            p->rgb[((size_t)k * N + i) * 3 + c] = (uint8_t)(to_sketch ? seen->rgb[3 * i + c] : seen->grey[i]);
    }
}

static dq_status align(const reading *r, int k, const dq_image *photo, const dq_image *sketch, const char *name, dq__error *err) {
    dq__eye_pair eyes;
    dq__similarity s;
    dq__frame *frame;
    const bool aligned = dq__is_frame(photo);
    if (photo->width != sketch->width || photo->height != sketch->height)
        return dq__fail(err, DQ_BAD_IMAGE, "%.300s is %d × %d, its sketch %d × %d; both must have one size", name, photo->width,
                        photo->height, sketch->width, sketch->height);
    dq_status status = aligned ? DQ_OK : dq__find_eyes(&eyes, photo, name, err);
    if (!status && !aligned) status = dq__eye_pair_similarity(&s, &eyes, photo->width, photo->height, err);
    if (status) return status;
    frame = dq__alloc(2 * sizeof *frame);
    if (!frame) return dq__no_memory(err, sizeof *frame, "a pair");
    status = take(&frame[0], photo, aligned ? NULL : &s, err);
    if (!status) status = take(&frame[1], sketch, aligned ? NULL : &s, err);
    if (!status) store(r, k, &frame[0], &frame[1]);
    dq__free(frame);
    return status;
}

static void read_pair(void *work, int k) {
    const reading *r = work;
    char path[2][4608];
    dq_image *photo = NULL, *sketch = NULL;
    dq__error *err = &r->failed[k];
    snprintf(path[0], sizeof path[0], "%s/photos/%s", r->folder, r->photos->file[k]);
    snprintf(path[1], sizeof path[1], "%s/sketches/%s", r->folder, r->sketches->file[k]);
    dq_status status = read_picture(&photo, path[0], r->digest[k][0], err);
    if (!status) status = read_picture(&sketch, path[1], r->digest[k][1], err);
    if (!status) status = align(r, k, photo, sketch, path[0], err);
    err->status = status;
    dq__image_free(&photo);
    dq__image_free(&sketch);
}

static dq_status new_pairs(dq__pairs **out, int count, dq__error *err) {
    dq__pairs *p = dq__alloc_zero(sizeof *p);
    const size_t pixels = (size_t)count * N;
    *out = p;
    if (!p) return dq__no_memory(err, sizeof *p, "pairs");
    p->name = dq__alloc_zero(sizeof(char *) * (size_t)count);
    p->rgb = dq__alloc(3 * pixels);
    p->seen = dq__alloc(sizeof(float) * pixels);
    p->drawn = dq__alloc(sizeof(float) * pixels);
    if (!p->name || !p->rgb || !p->seen || !p->drawn) return dq__no_memory(err, 11 * pixels, "pairs");
    p->count = count;
    return DQ_OK;
}

static dq_status name_pairs(dq__pairs *p, const reading *r, dq__error *err) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = DQ__PAIRS_DIGEST;
    bool whole = true;
    for (int k = 0; k < p->count; k++) {
        const char *file = r->photos->file[k];
        p->name[k] = dq__strdup(file);
        whole &= p->name[k] != NULL;
        if (p->name[k]) p->name[k][stem(file)] = 0;
        g_checksum_update(sum, (const guchar *)file, (gssize)stem(file) + 1);
        g_checksum_update(sum, r->digest[k][0], 2 * DQ__PAIRS_DIGEST);
    }
    const guchar direction = (guchar)r->direction;
    g_checksum_update(sum, &direction, 1);
    g_checksum_get_digest(sum, p->digest, &length);
    g_checksum_free(sum);
    return whole ? DQ_OK : dq__no_memory(err, 0, "names");
}

static dq_status read_pairs(dq__pairs **out, dq__pool *pool, reading *r, dq__error *err) {
    const int count = r->photos->count;
    dq_status status = new_pairs(out, count, err);
    if (status) return status;
    r->pairs = *out;
    r->failed = dq__alloc_zero(sizeof *r->failed * (size_t)count);
    r->digest = dq__alloc_zero(sizeof *r->digest * (size_t)count);
    if (!r->failed || !r->digest) status = dq__no_memory(err, sizeof *r->failed * (size_t)count, "pairs");
    if (!status) dq__pool_run(pool, count, read_pair, r);
    for (int k = 0; !status && k < count; k++)
        if (r->failed[k].status) status = dq__fail(err, r->failed[k].status, "%s", r->failed[k].text);
    if (!status) status = name_pairs(*out, r, err);
    dq__free(r->failed);
    dq__free(r->digest);
    return status;
}

dq_status dq__pairs_read(dq__pairs **out, dq__pool *pool, const char *folder, dq__direction direction, dq__error *err) {
    char path[4200];
    list photos = {0}, sketches = {0};
    reading r = {.photos = &photos, .sketches = &sketches, .folder = folder, .direction = direction};
    *out = NULL;
    if (strlen(folder) >= sizeof(*out)->folder) return dq__fail(err, DQ_USAGE, "the path of the pairs is too long");
    snprintf(path, sizeof path, "%s/photos", folder);
    dq_status status = read_list(&photos, path, err);
    snprintf(path, sizeof path, "%s/sketches", folder);
    if (!status) status = read_list(&sketches, path, err);
    if (!status) status = match(&photos, &sketches, folder, err);
    if (!status) status = read_pairs(out, pool, &r, err);
    if (!status) snprintf((*out)->folder, sizeof(*out)->folder, "%s", folder);
    if (status) dq__pairs_free(out);
    free_list(&photos);
    free_list(&sketches);
    return status;
}

void dq__pairs_free(dq__pairs **pairs) {
    dq__pairs *p = *pairs;
    if (!p) return;
    for (int k = 0; k < p->count; k++) dq__free(p->name[k]);
    dq__free(p->name);
    dq__free(p->rgb);
    dq__free(p->seen);
    dq__free(p->drawn);
    dq__free(p);
    *pairs = NULL;
}

const float *dq__pair_seen(const dq__pairs *p, int k) { return p->seen + (size_t)k * N; }
const float *dq__pair_drawn(const dq__pairs *p, int k) { return p->drawn + (size_t)k * N; }

void dq__pair_frame(const dq__pairs *p, int k, dq__frame *f) {
    memcpy(f->grey, dq__pair_seen(p, k), sizeof f->grey);
    for (size_t i = 0; i < 3 * (size_t)N; i++) f->rgb[i] = p->rgb[(size_t)k * 3 * N + i];
}

dq_status dq__pairs_choose(dq__pairs **out, const dq__pairs *from, const int *which, int count, dq__error *err) {
    dq_status status = new_pairs(out, count, err);
    dq__pairs *p = *out;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = DQ__PAIRS_DIGEST;
    for (int k = 0; !status && k < count; k++) {
        const size_t to = (size_t)k * N, at = (size_t)which[k] * N;
        p->name[k] = dq__strdup(from->name[which[k]]);
        if (!p->name[k]) status = dq__no_memory(err, 0, "names");
        memcpy(p->rgb + 3 * to, from->rgb + 3 * at, 3 * (size_t)N);
        memcpy(p->seen + to, from->seen + at, sizeof(float) * N);
        memcpy(p->drawn + to, from->drawn + at, sizeof(float) * N);
        g_checksum_update(sum, (const guchar *)&which[k], sizeof which[k]);
    }
    g_checksum_update(sum, from->digest, sizeof from->digest);
    if (p) {
        g_checksum_get_digest(sum, p->digest, &length);
        memcpy(p->folder, from->folder, sizeof p->folder);
    }
    g_checksum_free(sum);
    if (status) dq__pairs_free(out);
    return status;
}
