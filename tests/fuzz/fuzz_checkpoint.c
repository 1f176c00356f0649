/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_checkpoint.c: any bytes as the checkpoint of a small task, as they are and with a right checksum, so that
 * what lies behind it is reached too. What is refused leaves the trainer as it was; what is taken can be trained on. */
#include "../unit/toy_task.h"

#include "base/mem.h"
#include "train/checkpoint.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Size of a checkpoint of three arrays. */
enum { WITHOUT_AVERAGE = 8 + DQ__DIGEST + 6 * 8 + 3 * 4 * TOY_INPUTS + 32 };

static void require(bool holds) {
    if (!holds) abort();
}

static void try_bytes(dq__trainer *t, const unsigned char *digest, const unsigned char *bytes, size_t size) {
    dq__error err = {0};
    double seconds = -1;
    float before[TOY_INPUTS];
    const int64_t step = t->step;
    memcpy(before, t->theta, sizeof before);
    const dq_status status = dq__checkpoint_parse(t, digest, &seconds, bytes, size, "fuzz", &err);
    if (status) {
        require(strncmp(err.text, "fuzz: ", 6) == 0 && seconds < 0 && t->step == step);
        require(memcmp(before, t->theta, sizeof before) == 0);
        return;
    }
    require(t->step >= 0 && seconds >= 0 && t->adam.step + t->skipped == t->step);
    dq__trainer_step(t, &err);
}

static void repair(unsigned char *bytes, size_t size) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = 32;
    g_checksum_update(sum, bytes, (gssize)size - 32);
    g_checksum_get_digest(sum, bytes + size - 32, &length);
    g_checksum_free(sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned char digest[DQ__DIGEST] = "the digest of a recipe";
    struct toy toy = {0};
    const dq__task task = toy_task(&toy);
    const dq__train_settings settings = {.steps = 100, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8,
                                         .average = size > WITHOUT_AVERAGE ? 0.9 : 0};
    dq__trainer *t;
    unsigned char *copy = malloc(size ? size : 1);
    require(copy && dq__trainer_new(&t, &task, &settings, NULL) == DQ_OK);
    if (size) memcpy(copy, data, size);
    try_bytes(t, digest, copy, size);
    if (size >= 32) {
        repair(copy, size);
        try_bytes(t, digest, copy, size);
    }
    free(copy);
    dq__trainer_free(&t);
    require(dq__mem_now() == 0);
    return 0;
}
