/* SPDX-License-Identifier: MIT
 * paint/resume.c: the file, little-endian throughout:
 *   "DQJOB01\n" · digest (32) · scale, iteration, floats, pairs, newest, limit of memory, steps of the optimiser,
 *   failures (int64 each) · seconds, weight of the average, h0, J and its three parts, rate (doubles) · ρ of each pair, newest
 *   first (doubles) · x, running average, then of Adam both moments, of L-BFGS the last gradient, the last step, and each pair,
 *   newest first (floats) · SHA-256 of it all.
 * It is written and read in pieces: at 16384² px the arrays are gigabytes. */
#include "paint/resume.h"

#include "base/measure.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char MAGIC[8] = "DQJOB01\n";
enum { NUMBERS = 8, REALS = 8, HEAD = 8 + DQ__JOB_DIGEST + 8 * (NUMBERS + REALS), SUM = 32, PIECE = 16384, MAX_PAIRS = 256,
       MAX_ARRAYS = 4 + 2 * MAX_PAIRS };

/* ---- what belongs to a checkpoint ------------------------------------------------------------------------------------ */

typedef struct array {
    float *at;
    bool positive; /* no value may be below zero */
} array;

static bool is_lbfgs(const dq_job *job) { return job->settings.optimizer == DQ__OPTIMIZER_LBFGS; }

/* How many arrays the file has, from numbers alone. */
static int count_arrays(const dq_job *job, const dq__resume_head *head) {
    const int optimiser = !is_lbfgs(job) ? 2 : head->step > 0 ? 2 + 2 * (int)head->pairs : 0;
    return 1 + (job->settings.average > 0) + optimiser;
}

static int slot_of(const dq__lbfgs *l, int age) { return (l->newest - age + l->history + 1) % (l->history + 1); }

/* The arrays in the order of the file. */
static int list_arrays(const dq_job *job, array list[MAX_ARRAYS]) {
    const dq__lbfgs *l = &job->lbfgs;
    int n = 0;
    list[n++] = (array){job->x, false};
    if (job->average) list[n++] = (array){job->average, false};
    if (!is_lbfgs(job)) {
        list[n++] = (array){job->adam.m, false};
        list[n++] = (array){job->adam.v, true};
    } else if (l->step > 0) {
        list[n++] = (array){l->y[l->open], false};
        list[n++] = (array){l->s[l->open], false};
        for (int k = 0; k < l->pairs; k++) {
            list[n++] = (array){l->s[slot_of(l, k)], false};
            list[n++] = (array){l->y[slot_of(l, k)], false};
        }
    }
    return n;
}

static uint64_t file_size(const dq_job *job, const dq__resume_head *head) {
    return HEAD + 8 * (uint64_t)head->pairs + 4 * (uint64_t)head->floats * (uint64_t)count_arrays(job, head) + SUM;
}

static size_t scale_floats(const dq__scale *s) { return (size_t)s->w * (size_t)s->h * 3; }

/* ---- the digest ------------------------------------------------------------------------------------------------------ */

static void add(GChecksum *sum, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (; size > 1 << 30; size -= 1 << 30, at += 1 << 30) g_checksum_update(sum, at, 1 << 30);
    g_checksum_update(sum, at, (gssize)size);
}

static void add_text(GChecksum *sum, const char *text) { add(sum, text, strlen(text) + 1); }

static void add_image(GChecksum *sum, const dq_image *image) {
    const int size[2] = {image ? image->width : 0, image ? image->height : 0};
    add(sum, size, sizeof size);
    if (image) add(sum, image->rgb, sizeof(float) * 3 * (size_t)image->width * (size_t)image->height);
}

static void add_map(GChecksum *sum, const dq__grey *map) {
    const int size[2] = {map->w, map->h};
    add(sum, size, sizeof size);
    if (map->sums) add(sum, map->sums, sizeof(double) * ((size_t)map->w + 1) * ((size_t)map->h + 1));
}

static void add_maps(GChecksum *sum, const dq__maps *maps) {
    add_map(sum, &maps->content);
    add_map(sum, &maps->pull);
    for (int r = 0; r < maps->regions; r++) {
        add_map(sum, &maps->photo[r]);
        for (int i = 0; i < DQ__MAX_PAINTINGS; i++) add_map(sum, &maps->style[i][r]);
    }
}

static void add_weights(GChecksum *sum, const dq_model *model) {
    dq__weights weights = model->weights;
    add(sum, model->table.input.matrix, sizeof model->table.input.matrix);
    add(sum, model->table.input.offset, sizeof model->table.input.offset);
    for (int i = 0; i < model->table.count; i++) {
        add_text(sum, model->table.layer[i].name);
        for (int a = 0; a < DQ__ARRAYS; a++) {
            const float *values = *dq__array(&weights, i, a);
            if (values) add(sum, values, sizeof(float) * dq__array_count(&model->table.layer[i], a));
        }
    }
}

#define ADD_INT(value) add(sum, &(value), sizeof(value))
#define ADD_FLOAT(value) add(sum, &(value), sizeof(value))
#define ADD_BOOL(value) add(sum, &(value), sizeof(value))
#define ADD_BYTES(value) add(sum, &(value), sizeof(value))
#define ADD_CHOICE(value) add(sum, &(value), sizeof(value))
#define ADD_TEXT(value) add_text(sum, value)

/* Every option but those of the machine, and the two names whose content is hashed itself. */
static void add_settings(GChecksum *sum, const dq__settings *s) {
#define OPT(field, name, type, default_, min, max, choices, argument, group, ...) \
    if (strcmp(group, "machine") != 0 && strcmp(name, "recipe") != 0 && strcmp(name, "model") != 0) ADD_##type(s->field);
#include "paint/options.def"
}

void dq__resume_digest(const dq_job *job, const dq__settings *settings, const dq_model *model,
                       unsigned char digest[DQ__JOB_DIGEST]) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = DQ__JOB_DIGEST;
    add_text(sum, DQ_VERSION);
    add_settings(sum, settings);
    add_image(sum, job->content);
    for (int i = 0; i < job->styles; i++) add_image(sum, job->style[i]);
    add_image(sum, job->init);
    add_maps(sum, &job->maps);
    add_weights(sum, model);
    g_checksum_get_digest(sum, digest, &length);
    g_checksum_free(sum);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------------ */

/* A file under way and the checksum of what has passed. */
typedef struct stream {
    FILE *file;
    GChecksum *sum;
} stream;

static bool put(stream *s, const void *bytes, size_t size) {
    add(s->sum, bytes, size);
    return fwrite(bytes, 1, size, s->file) == size;
}

static bool get(stream *s, void *bytes, size_t size) {
    if (fread(bytes, 1, size, s->file) != size) return false;
    add(s->sum, bytes, size);
    return true;
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool put64(stream *s, uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> 8 * i);
    return put(s, bytes, sizeof bytes);
}

static uint64_t read64(const unsigned char *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static double read_double(const unsigned char *bytes) {
    const uint64_t bits = read64(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool put_floats(stream *s, const float *from, size_t count) {
    unsigned char piece[4 * PIECE];
    for (size_t done = 0; done < count;) {
        const size_t n = count - done < PIECE ? count - done : PIECE;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &from[done + i], sizeof bits);
            for (int b = 0; b < 4; b++) piece[4 * i + (size_t)b] = (unsigned char)(bits >> 8 * b);
        }
        if (!put(s, piece, 4 * n)) return false;
        dq__release(&from[done], 4 * n);
        done += n;
    }
    return true;
}

/* False where the file ends, or a number cannot be. */
static bool get_floats(stream *s, const array *to, size_t count) {
    unsigned char piece[4 * PIECE];
    for (size_t done = 0; done < count;) {
        const size_t n = count - done < PIECE ? count - done : PIECE;
        if (!get(s, piece, 4 * n)) return false;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = 0;
            for (int b = 0; b < 4; b++) bits |= (uint32_t)piece[4 * i + (size_t)b] << 8 * b;
            memcpy(&to->at[done + i], &bits, sizeof bits);
            if (!isfinite(to->at[done + i]) || (to->positive && to->at[done + i] < 0)) return false;
        }
        dq__release(&to->at[done], 4 * n);
        done += n;
    }
    return true;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static bool put_all(stream *s, const dq_job *job) {
    const dq__lbfgs *l = &job->lbfgs;
    const int pairs = is_lbfgs(job) ? l->pairs : 0;
    const size_t floats = scale_floats(dq__job_scale(job));
    const int64_t number[NUMBERS] = {job->scale, job->iteration, (int64_t)floats, pairs, pairs ? l->newest : 0,
                                     (int64_t)job->limit,
                                     is_lbfgs(job) ? l->step : job->adam.step, job->failures};
    const double real[REALS] = {dq__seconds() - job->started, job->average ? job->average_weight : 0, is_lbfgs(job) ? l->h0 : 1,
                                job->value.total, job->value.content, job->value.style, job->value.tv,
                                is_lbfgs(job) ? l->rate : job->adam.rate};
    unsigned char sum[SUM];
    gsize length = SUM;
    array list[MAX_ARRAYS];
    bool good = put(s, MAGIC, sizeof MAGIC) && put(s, job->digest, DQ__JOB_DIGEST);
    for (int i = 0; i < NUMBERS; i++) good = good && put64(s, (uint64_t)number[i]);
    for (int i = 0; i < REALS; i++) good = good && put64(s, bits_of(real[i]));
    for (int k = 0; k < pairs; k++) good = good && put64(s, bits_of(l->rho[slot_of(l, k)]));
    const int arrays = list_arrays(job, list);
    for (int i = 0; i < arrays && good; i++) good = put_floats(s, list[i].at, floats);
    g_checksum_get_digest(s->sum, sum, &length);
    return good && fwrite(sum, 1, SUM, s->file) == SUM && fflush(s->file) == 0 && fsync(fileno(s->file)) == 0;
}

/* The temporary file has a fixed name, so that a killed job leaves one at most. */
dq_status dq__resume_write(dq_job *job, const char *path, dq__error *err) {
    char temporary[4096];
    const double begun = dq__seconds();
    const int n = snprintf(temporary, sizeof temporary, "%s.part", path);
    if (n < 0 || (size_t)n >= sizeof temporary) return dq__fail(err, DQ_OUTPUT, "the name of the checkpoint is too long");
    stream s = {.file = fopen(temporary, "wbe")};
    int why = errno;
    bool good = s.file != NULL;
    if (good) {
        s.sum = g_checksum_new(G_CHECKSUM_SHA256);
        good = put_all(&s, job);
        why = errno;
        g_checksum_free(s.sum);
        if (fclose(s.file) != 0 && good) good = false, why = errno;
        if (good && rename(temporary, path) != 0) good = false, why = errno;
        if (!good) unlink(temporary);
    }
    job->saved = dq__seconds();
    job->saving = job->saved - begun;
    job->unsaved = !good;
    return good ? DQ_OK : dq__fail(err, DQ_OUTPUT, "%s: the checkpoint cannot be written: %s", path, strerror(why));
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static dq_status damaged(const char *name, const char *why, dq__error *err) {
    return dq__fail(err, DQ_BAD_IMAGE, "%s: the checkpoint is damaged (%s); remove it to begin anew", name, why);
}

static void decode_head(dq__resume_head *head, const unsigned char *p) {
    int64_t *const number[NUMBERS] = {&head->scale, &head->iteration, &head->floats, &head->pairs, &head->newest,
                                      &head->limit, &head->step, &head->failures};
    double *const real[REALS] = {&head->seconds, &head->average_weight, &head->h0, &head->value.total, &head->value.content,
                                 &head->value.style, &head->value.tv, &head->rate};
    memcpy(head->digest, p + sizeof MAGIC, DQ__JOB_DIGEST);
    p += sizeof MAGIC + DQ__JOB_DIGEST;
    for (int i = 0; i < NUMBERS; i++, p += 8) *number[i] = (int64_t)read64(p);
    for (int i = 0; i < REALS; i++, p += 8) *real[i] = read_double(p);
}

/* Could a job like this one stand where the head says? */
static bool numbers_agree(const dq_job *job, const dq__resume_head *h) {
    if (h->scale < 0 || h->scale >= job->pyramid.count || h->iteration < 0) return false;
    const dq__scale *at = &job->pyramid.scale[h->scale];
    if (h->iteration > at->iterations || h->floats != (int64_t)scale_floats(at)) return false;
    const int64_t most = is_lbfgs(job) ? job->settings.history : 0;
    if (h->failures < 0 || h->failures > 1000 || !(h->rate >= 0 && h->rate < 1e9)) return false;
    if (h->step < 0 || h->step > h->iteration) return false;
    if (h->pairs < 0 || h->pairs > most || h->pairs >= (h->step > 0 ? h->step : 1)) return false;
    if (h->newest < 0 || h->newest > most || (h->pairs == 0 && h->newest != 0)) return false;
    if (h->limit == 0) return false;
    const double weight = h->average_weight;
    return h->seconds >= 0 && h->seconds < 1e12 && isfinite(h->value.total + h->value.content + h->value.style + h->value.tv) &&
           h->h0 > 0 && isfinite(h->h0) && (job->settings.average > 0 ? weight > 0 && weight <= 1.000001 : weight == 0);
}

dq_status dq__resume_read_head(const dq_job *job, dq__resume_head *head, FILE *file, uint64_t size, const char *name,
                               dq__error *err) {
    unsigned char bytes[HEAD];
    if (fread(bytes, 1, HEAD, file) != HEAD || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return damaged(name, "not a checkpoint of a painting", err);
    decode_head(head, bytes);
    if (memcmp(head->digest, job->digest, DQ__JOB_DIGEST) != 0)
        return dq__fail(err, DQ_USAGE,
                        "%s: the checkpoint is of another job; give the pictures, settings and network that it was begun with, "
                        "or remove it", name);
    if (!numbers_agree(job, head)) return damaged(name, "its counters do not agree", err);
    return size == file_size(job, head) ? DQ_OK : damaged(name, "its size is wrong", err);
}

/* The numbers of the state. */
static void take_head(dq_job *job, const dq__resume_head *head) {
    dq__lbfgs *l = &job->lbfgs;
    job->iteration = head->iteration;
    job->average_weight = head->average_weight;
    job->value = head->value;
    job->failures = (int)head->failures;
    if (!is_lbfgs(job)) {
        job->adam.step = head->step, job->adam.rate = head->rate;
        return;
    }
    l->step = head->step;
    l->rate = head->rate;
    l->pairs = (int)head->pairs;
    l->newest = (int)head->newest;
    l->open = l->pairs ? (l->newest + 1) % (l->history + 1) : 0;
    l->h0 = head->h0;
}

/* ρ of each pair, into the slots of L-BFGS. */
static bool get_pairs(stream *s, dq_job *job) {
    dq__lbfgs *l = &job->lbfgs;
    if (!is_lbfgs(job)) return true;
    for (int k = 0; k < l->pairs; k++) {
        unsigned char bytes[8];
        if (!get(s, bytes, sizeof bytes)) return false;
        const double rho = l->rho[slot_of(l, k)] = read_double(bytes);
        if (!(rho > 0) || !isfinite(rho)) return false;
    }
    return true;
}

static bool get_arrays(stream *s, dq_job *job, const dq__resume_head *head) {
    array list[MAX_ARRAYS];
    bool good = true;
    const int arrays = list_arrays(job, list);
    for (int i = 0; i < arrays && good; i++) good = get_floats(s, &list[i], (size_t)head->floats);
    return good;
}

dq_status dq__resume_read_state(dq_job *job, const dq__resume_head *head, FILE *file, const char *name, dq__error *err) {
    unsigned char first[HEAD], sum[SUM], written[SUM];
    gsize length = SUM;
    stream s = {.file = file, .sum = g_checksum_new(G_CHECKSUM_SHA256)};
    rewind(file);
    take_head(job, head);
    const bool good = get(&s, first, HEAD) && get_pairs(&s, job) && get_arrays(&s, job, head);
    g_checksum_get_digest(s.sum, sum, &length);
    g_checksum_free(s.sum);
    if (!good) return damaged(name, "it ends early, or has numbers that cannot be", err);
    if (fread(written, 1, SUM, file) != SUM || memcmp(sum, written, SUM) != 0) return damaged(name, "its checksum is wrong", err);
    job->started = dq__seconds() - head->seconds;
    job->work_done = (double)head->iteration * dq__job_scale(job)->w * dq__job_scale(job)->h;
    for (int i = 0; i < job->scale; i++) {
        const dq__scale *at = &job->pyramid.scale[i];
        job->work_done += (double)at->iterations * at->w * at->h;
    }
    return DQ_OK;
}

dq_status dq__resume_share(dq_job *job, const dq__resume_head *head, dq__error *err) {
    array list[MAX_ARRAYS];
    dq_status status = DQ_OK;
    take_head(job, head);
    if (is_lbfgs(job))
        status = dq__ranks_share(job->ranks, 0, job->lbfgs.rho, sizeof(double) * (size_t)(job->lbfgs.history + 1), err);
    const int arrays = list_arrays(job, list);
    for (int i = 0; i < arrays && !status; i++)
        status = dq__ranks_share(job->ranks, 0, list[i].at, sizeof(float) * (size_t)head->floats, err);
    return status;
}
