/* SPDX-License-Identifier: MIT
 * tests/unit/net_test.h: what the tests of the engine share: synthetic pictures (tests/oracle/inputs.py has the same rule),
 * fixtures that PyTorch wrote, sampled comparison. */
#ifndef DQ_NET_TEST_H
#define DQ_NET_TEST_H

#include "test.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "image/image.h"
#include "model/model.h"

enum { ORACLE_SEED = 20150826 };

static dq__error err;

#define assert_ok(call) \
    do { \
        err.text[0] = 0; \
        if ((call) != DQ_OK) fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* Waves plus noise, by a rule that has no rounding to differ in. */
static inline dq_image *synthetic_picture(uint64_t stream, int w, int h) {
    dq_image *image;
    assert_ok(dq__image_new(&image, w, h, false, &err));
    for (int k = 0; k < w * h * 3; k++) {
        const int c = k % 3, x = k / 3 % w, y = k / 3 / w;
        int wave = ((3 + (int)stream) * x + 5 * y * (c + 1) + 7 * c) % 32;
        wave = wave < 32 - wave ? wave : 32 - wave;
        image->rgb[k] = (float)(0.5 * wave / 16.0 + 0.5 * (double)dq__rng_uniform(ORACLE_SEED, stream, (uint64_t)k));
    }
    return image;
}

/* VGG-19 with seeded weights and Caffe's input, as tests/oracle/network.py has it. */
static inline dq_model *random_vgg19_model(void) {
    dq_model *model;
    assert_ok(dq__model_random_vgg(&model, 19, ORACLE_SEED, &err));
    model->table.input = dq__input_caffe;
    return model;
}

/* ---- fixtures ---- */

typedef struct record {
    char name[48];
    uint32_t count, unused;
    double norm, mean, value;
    const float *sample;
} record;

enum { RECORD_HEAD = 80 };

typedef struct fixture {
    unsigned char *bytes;
    size_t size;
} fixture;

/* tests/fixtures/NAME of the source folder, which the build names. */
static inline fixture open_fixture(const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/fixtures/%s", getenv("DANQING_SOURCE") ? getenv("DANQING_SOURCE") : ".", name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("no fixture %s", path);
    fixture f = {dq__alloc(1 << 20), 0};
    f.size = fread(f.bytes, 1, 1 << 20, file);
    fclose(file);
    return f;
}

static inline record get_record(const fixture *f, const char *name) {
    for (size_t at = 0; at + RECORD_HEAD <= f->size;) {
        record r;
        memcpy(&r, f->bytes + at, RECORD_HEAD);
        r.sample = (const float *)(const void *)(f->bytes + at + RECORD_HEAD);
        if (strncmp(r.name, name, sizeof r.name) == 0) return r;
        at += RECORD_HEAD + sizeof(float) * r.count;
    }
    fail_msg("no record '%s'", name);
    return (record){0};
}

/* Which of n values is sample j of `count`. */
static inline size_t sample_index(size_t n, size_t count, size_t j) {
    return n <= count ? j : (size_t)(dq__rng_bits(7, count, j) % n);
}

/* ‖a − b‖ / ‖b‖ over the samples of a record of an array of n values. */
static inline double sample_error(const record *r, const float *x, size_t n) {
    double difference = 0, size = 0;
    for (size_t j = 0; j < r->count; j++) {
        const double a = (double)x[sample_index(n, r->count, j)], b = (double)r->sample[j];
        difference += (a - b) * (a - b), size += b * b;
    }
    return sqrt(difference / size);
}

static inline double norm_of(const float *x, size_t n) {
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += (double)x[k] * (double)x[k];
    return sqrt(sum);
}

#endif
