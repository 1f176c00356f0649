/* SPDX-License-Identifier: MIT
 * studio/picture.c: the child that decodes what strangers sent: limits itself first, reads standard input, decodes, and writes
 * the picture anew, upright, in sRGB and without any of its metadata, with a smaller view and a thumbnail. If a decoder crashes,
 * hangs or eats memory, this process ends and nothing else does.
 *     __picture intake MAX_PIXELS           → "DQP w h format a b c\n" and three files of a, b, c bytes
 *     __picture convert FORMAT              → "DQP w h format a 0 0\n" and one file
 * A failure is "DQE status text\n". */
#include "shrink.h"
#include "sniff.h"
#include "studio.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void limit(int what, rlim_t most) { setrlimit(what, &(struct rlimit){most, most}); }

/* 48 bytes a pixel cover floats, libvips' lines and an encoder; the rest is the program with its libraries. */
static void limit_all(uint64_t pixels) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setenv("VIPS_CONCURRENCY", "2", 1); /* threads take address space */
    mallopt(M_ARENA_MAX, 2);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, 60);
    limit(RLIMIT_NOFILE, 64);
    limit(RLIMIT_FSIZE, 0);
#ifndef __SANITIZE_ADDRESS__ /* it reserves terabytes */
    limit(RLIMIT_AS, (1ull << 30) + 48 * pixels);
#else
    (void)pixels;
#endif
}

static int refuse(int status, const char *text) {
    printf("DQE %d %s\n", status, text);
    return status;
}

static char *read_input(size_t *size) {
    char *bytes = NULL;
    size_t room = 0;
    *size = 0;
    for (;;) {
        if (*size == room) {
            room = room ? 2 * room : 1 << 20;
            char *more = realloc(bytes, room);
            if (!more) break;
            bytes = more;
        }
        const ssize_t n = read(0, bytes + *size, room - *size);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) return bytes;
        if (n < 0) break;
        *size += (size_t)n;
    }
    free(bytes);
    return NULL;
}

static int write_result(const dq_image *image, const char *format, void *const bytes[3], const size_t size[3]) {
    printf("DQP %d %d %s %zu %zu %zu\n", dq_image_width(image), dq_image_height(image), format, size[0], size[1], size[2]);
    for (int i = 0; i < 3; i++)
        if (size[i] && fwrite(bytes[i], 1, size[i], stdout) != size[i]) return DQ_OUTPUT;
    return fflush(stdout) ? DQ_OUTPUT : DQ_OK;
}

/* Large photos stay JPEG, as they were; all else is kept without loss. `kind` is what came. */
static const char *format_for(const char *kind, const dq_image *image) {
    const int64_t pixels = (int64_t)dq_image_width(image) * dq_image_height(image);
    return pixels > 4000000 && (strcmp(kind, "jpeg") == 0 || strcmp(kind, "heif") == 0) ? "jpeg" : "png";
}

static dq_status take_in(dq_context *ctx, dq_image *image, const char *kind, const char **format, void *bytes[3],
                         size_t size[3]) {
    dq_status status = dq_image_set_record(ctx, image, NULL);
    *format = format_for(kind, image);
    if (!status)
        status = dq_image_encode(ctx, image, *format, strcmp(*format, "jpeg") == 0 ? "quality=95" : NULL, &bytes[0], &size[0]);
    if (!status) status = shrink_to_jpeg(ctx, image, 1280, "quality=88", &bytes[1], &size[1]);
    if (!status) status = shrink_to_jpeg(ctx, image, 320, "quality=82", &bytes[2], &size[2]);
    return status;
}

static int process(dq_context *ctx, const char *input, size_t input_size, bool intake, uint64_t most, const char *wanted) {
    uint32_t w, h;
    dq_image *image = NULL;
    void *bytes[3] = {NULL};
    size_t size[3] = {0};
    const char *format = wanted, *kind = sniff(input, input_size, &w, &h);
    if (!kind) return refuse(DQ_BAD_IMAGE, "not a JPEG, PNG, WebP or HEIC picture");
    dq_status status = dq_image_read_memory(ctx, &image, input, input_size, "the picture");
    if (!status && intake && (uint64_t)dq_image_width(image) * (uint64_t)dq_image_height(image) > most) {
        dq_image_free(&image);
        return refuse(DQ_LIMIT, "the picture has too many pixels");
    }
    if (!status)
        status = intake ? take_in(ctx, image, kind, &format, bytes, size)
                        : dq_image_encode(ctx, image, wanted, "quality=92", &bytes[0], &size[0]);
    if (!status) status = write_result(image, format, bytes, size);
    else refuse((int)status, dq_last_error(ctx));
    for (int i = 0; i < 3; i++) dq_bytes_free(&bytes[i]);
    dq_image_free(&image);
    return (int)status;
}

int studio_picture(int argc, const char *const *argv) {
    size_t size;
    dq_context *ctx = NULL;
    const bool intake = argc == 2 && strcmp(argv[0], "intake") == 0;
    if (!intake && !(argc == 2 && strcmp(argv[0], "convert") == 0)) return DQ_USAGE;
    const uint64_t most = intake ? strtoull(argv[1], NULL, 10) : 1u << 28;
    limit_all(most);
    char *input = read_input(&size);
    if (!input || dq_context_new(&ctx, 1)) {
        free(input);
        return refuse(DQ_LIMIT, "no memory");
    }
    const int code = process(ctx, input, size, intake, most, argv[1]);
    dq_context_free(&ctx);
    free(input);
    return code;
}
