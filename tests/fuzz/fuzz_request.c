/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_request.c: any bytes as what comes in a request: the first line is a Content-Type, the rest the body; as a
 * form, as the header of a picture, and as the options of a job. Parts of a form must lie inside the body. */
#include "studio/multipart.h"
#include "studio/options.h"
#include "studio/sniff.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_form(const char *type, const char *body, size_t size) {
    char boundary[MULTIPART_BOUNDARY + 1];
    static multipart_part parts[MULTIPART_PARTS];
    if (multipart_boundary(type, boundary)) return;
    const int count = multipart_parse(body, size, boundary, parts);
    for (int i = 0; i < count; i++)
        if (parts[i].bytes < body || parts[i].size > size || parts[i].bytes + parts[i].size > body + size) abort();
}

static void as_options(const char *body, size_t size) {
    static dq_context *ctx;
    char text[240];
    if (!ctx && dq_context_new(&ctx, 1)) abort();
    json_t *options = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(options)) options_refusal(ctx, options, text);
    json_decref(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line = memchr(data, '\n', size < 300 ? size : 300);
    char type[300] = "";
    uint32_t w, h;
    if (line) memcpy(type, data, (size_t)(line - data));
    const size_t used = line ? (size_t)(line - data) + 1 : 0;
    char *body = malloc(size - used + 1);
    if (!body) return 0;
    memcpy(body, data + used, size - used);
    as_form(type, body, size - used);
    sniff(body, size - used, &w, &h);
    as_options(body, size - used);
    free(body);
    return 0;
}
