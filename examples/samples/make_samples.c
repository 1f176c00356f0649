/* SPDX-License-Identifier: MIT
 * make_samples.c: the command `make-samples [--scale S] OUTDIR [NAME…]`: paints the sample pictures and writes them as PNG.
 * Sees only danqing.h of the library; the pictures themselves are in the other files. */
#include "samples.h"

#include <danqing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sample {
    const char *name;
    float width, height; /* units */
    void (*paint)(picture *out);
} sample;

static const sample samples[] = {
    {"portrait1", 512, 640, paint_portrait1}, {"portrait2", 512, 640, paint_portrait2},
    {"night", 640, 512, paint_night},         {"inkwash", 640, 512, paint_inkwash},
    {"woodcut", 640, 512, paint_woodcut},     {"mosaic", 640, 512, paint_mosaic},
    {"pencil", 640, 512, paint_pencil},
};
enum { SAMPLE_COUNT = sizeof samples / sizeof samples[0] };

static int usage(void) {
    fputs("usage: make-samples [--scale S] OUTDIR [NAME...]\nS is 0.1 to 4; the names are", stderr);
    for (int i = 0; i < SAMPLE_COUNT; i++) fprintf(stderr, " %s", samples[i].name);
    fputs("\n", stderr);
    return DQ_USAGE;
}

static dq_status write_picture(dq_context *ctx, const picture *p, const char *path) {
    dq_image *image = NULL;
    dq_status status = dq_image_from_pixels(ctx, &image, p->width, p->height, &p->rgb->x, NULL);
    if (!status) status = dq_image_write(ctx, image, path, NULL);
    dq_image_free(&image);
    if (status) fprintf(stderr, "make-samples: %s\n", dq_last_error(ctx));
    return status;
}

static dq_status make_sample(dq_context *ctx, const sample *s, float scale, const char *folder) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s.png", folder, s->name) >= (int)sizeof path) return usage();
    picture p;
    picture_init(&p, s->width, s->height, scale, grey(0));
    s->paint(&p);
    dq_status status = write_picture(ctx, &p, path);
    picture_deinit(&p);
    return status;
}

static int is_known(const char *name) {
    for (int i = 0; i < SAMPLE_COUNT; i++)
        if (!strcmp(samples[i].name, name)) return 1;
    return 0;
}

/* Whether `name` is among the names, or there are none. */
static int is_wanted(const char *name, char **names, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i])) return 1;
    return count == 0;
}

int main(int argc, char **argv) {
    float scale = 1.0f;
    int first = 1;
    if (argc > 2 && !strcmp(argv[1], "--scale")) {
        char *end;
        scale = strtof(argv[2], &end);
        if (*end || !(scale >= 0.1f && scale <= 4.0f)) return usage();
        first = 3;
    }
    if (argc <= first || argv[first][0] == '-') return usage();
    for (int i = first + 1; i < argc; i++)
        if (!is_known(argv[i])) return usage();

    dq_context *ctx;
    dq_status status = dq_context_new(&ctx, 1);
    for (int i = 0; i < SAMPLE_COUNT && !status; i++)
        if (is_wanted(samples[i].name, argv + first + 1, argc - first - 1))
            status = make_sample(ctx, &samples[i], scale, argv[first]);
    dq_context_free(&ctx);
    return status;
}
