/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_resume.c: any bytes as the checkpoint of a small painting, as they are, and with the job's digest and a right
 * checksum, so that what lies behind them is reached too. What is taken can be painted on. */
#include "../unit/job_test.h"

#include "paint/resume.h"

#include <glib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static char path[64];

static void try_bytes(const job_inputs *in, const char *options, const unsigned char *bytes, size_t size) {
    char text[256];
    dq__error err = {0};
    dq_job *job;
    int more = 0;
    FILE *file = fopen(path, "wbe");
    require(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
    snprintf(text, sizeof text, "%s checkpoint=%s", options, path);
    dq_status status = job_from(&job, in, NULL, text, &err);
    if (!status) status = dq__job_step(job, &more, &err);
    if (status && status != DQ_FAILED) require(strncmp(err.text, path, strlen(path)) == 0); /* DQ_FAILED: J is no number */
    if (job) job->unsaved = false;
    dq__job_free(&job);
}

/* The digest of the job that these options make. */
static void take_digest(const job_inputs *in, const char *options, unsigned char *digest) {
    char text[256];
    dq__error err = {0};
    dq_job *job;
    unlink(path);
    snprintf(text, sizeof text, "%s checkpoint=%s", options, path);
    require(job_from(&job, in, NULL, text, &err) == DQ_OK);
    memcpy(digest, job->digest, DQ__JOB_DIGEST);
    dq__job_free(&job);
}

static void repair(unsigned char *bytes, size_t size, const unsigned char *digest) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = 32;
    if (size >= 40 + 32) memcpy(bytes + 8, digest, DQ__JOB_DIGEST);
    g_checksum_update(sum, bytes, (gssize)size - 32);
    g_checksum_get_digest(sum, bytes + size - 32, &length);
    g_checksum_free(sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const options[] = {
        "size=16 iterations=4 min-size=0 optimizer=adam style-layers=relu1_1 content-layers=relu1_1",
        "size=16 iterations=4 min-size=0 history=2 style-layers=relu1_1 content-layers=relu1_1"};
    static unsigned char digest[2][DQ__JOB_DIGEST];
    static job_inputs in;
    unsigned char *copy = malloc(size ? size : 1);
    require(copy != NULL);
    if (!in.model) {
        snprintf(path, sizeof path, "%s/danqing-fuzz-%d", P_tmpdir, (int)getpid());
        job_inputs_make(&in, 16, 16, 0);
        for (int k = 0; k < 2; k++) take_digest(&in, options[k], digest[k]);
    }
    if (size) memcpy(copy, data, size);
    for (int k = 0; k < 2; k++) {
        try_bytes(&in, options[k], copy, size);
        if (size >= 32) repair(copy, size, digest[k]), try_bytes(&in, options[k], copy, size);
    }
    free(copy);
    unlink(path);
    return 0;
}
