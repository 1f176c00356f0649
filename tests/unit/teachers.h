/* SPDX-License-Identifier: MIT
 * tests/unit/teachers.h: small files in the layouts of SqueezeNet's compressed weights and of Tiny Darknet's model.json, with
 * numbers that follow a rule; for the tests of their readers and for the seeds of fuzzing. */
#ifndef DQ_TEST_TEACHERS_H
#define DQ_TEST_TEACHERS_H

#include "layouts.h"

/* ---- SqueezeNet ---- */

enum { SQUEEZE_CONVS = 26, STORED = 3 };

/* Outputs of its convolutions, in the file's order. */
static inline int squeeze_outputs(int k) {
    static const int squeeze[] = {16, 16, 32, 32, 48, 48, 64, 64};
    if (k == 0) return 96;
    if (k == SQUEEZE_CONVS - 1) return 1000;
    return (k - 1) % 3 == 0 ? squeeze[(k - 1) / 3] : 4 * squeeze[(k - 1) / 3];
}

/* Three stored weights a layer, at places 2, 3 and 19: gaps of 2, 0 and 15. The codebook counts in quarters. */
static inline void make_squeezenet(struct bytes *b) {
    for (int k = 0; k < SQUEEZE_CONVS; k++) put_le(b, STORED, 4);
    for (int k = 0; k < SQUEEZE_CONVS; k++) {
        for (int c = 0; c < 256; c++) put_number(b, 0.25f * (float)c, F32);
        for (int o = 0; o < squeeze_outputs(k); o++) put_number(b, (float)(k + o), F32);
        put(b, (const unsigned char[]){7, (unsigned char)k, 255}, STORED);
        put(b, (const unsigned char[]){0x02, 0x0f}, 2);
    }
}

/* ---- Tiny Darknet ---- */

enum { TINY_CONVS = 16 };

static const int tiny_outputs[] = {16, 32, 16, 128, 16, 128, 32, 256, 32, 256, 64, 512, 64, 512, 128, 1000};
static inline int tiny_kernel(int k) { return k < 2 || (k % 2 == 1 && k < TINY_CONVS - 1) ? 3 : 1; }
static inline int tiny_inputs(int k) { return k ? tiny_outputs[k - 1] : 3; }

/* Numbers with a rule: array `a` of convolution k, element n. The variance is not negative. */
static inline float tiny_number(int k, int a, size_t n) {
    const float x = (float)((n * 37 + (size_t)(k * 11 + a * 5)) % 101);
    return a == 3 ? (x + 1) / 16 : (x - 50) / 64;
}

static inline void put_array(struct bytes *text, struct bytes *numbers, const char *name, const char *shape,
                             int k, int a, size_t count) {
    char entry[192];
    snprintf(entry, sizeof entry, "%s{\"name\":\"%s\",\"shape\":%s,\"dtype\":\"float32\"}", numbers->n ? "," : "", name, shape);
    put_text(text, entry);
    for (size_t n = 0; n < count; n++) put_number(numbers, tiny_number(k, a, n), F32);
}

/* The text of model.json to convolution `convs`, for one file of numbers called `file`, and these. */
static inline void make_tiny(struct bytes *text, struct bytes *numbers, int convs, const char *file) {
    static const char *const norm[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    char name[64], shape[64];
    put_text(text, "{\"weightsManifest\":[{\"paths\":[\"");
    put_text(text, file);
    put_text(text, "\"],\"weights\":[");
    for (int k = 0; k < convs; k++) {
        const int kernel = tiny_kernel(k), oc = tiny_outputs[k], ic = tiny_inputs(k);
        snprintf(name, sizeof name, "conv2d_%d/kernel", k + 1);
        snprintf(shape, sizeof shape, "[%d,%d,%d,%d]", kernel, kernel, ic, oc);
        put_array(text, numbers, name, shape, k, 4, (size_t)(kernel * kernel * ic * oc));
        snprintf(shape, sizeof shape, "[%d]", oc);
        for (int a = 0; a < (k < TINY_CONVS - 1 ? 4 : 1); a++) {
            if (k < TINY_CONVS - 1) snprintf(name, sizeof name, "batch_normalization_%d/%s", k + 1, norm[a]);
            else snprintf(name, sizeof name, "conv2d_%d/bias", k + 1);
            put_array(text, numbers, name, shape, k, a, (size_t)oc);
        }
    }
    put_text(text, "]}]}\n");
}

#endif
