/* SPDX-License-Identifier: MIT
 * check_samples.c: `check-samples FOLDER WIDTH`: reads the seven sample pictures of a folder and fails unless each has the
 * right size and the light, colour and texture that its subject promises. WIDTH is that of the styles in pixels. */
#include <danqing.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What a picture is measured by. Colourfulness is the mean distance of the channels from grey; texture the mean step of
 * brightness from pixel to pixel. */
typedef struct statistics {
    double brightness, contrast, colour, texture;
} statistics;

/* Bounds within which the statistics of a picture must lie. */
typedef struct expectation {
    const char *name;
    int width, height; /* full size */
    statistics least, most;
} expectation;

static const expectation expected[] = {
    {"portrait1", 512, 640, {0.20, 0.14, 0.04, 0.004}, {0.55, 0.35, 0.30, 0.06}},
    {"portrait2", 512, 640, {0.20, 0.14, 0.04, 0.006}, {0.55, 0.35, 0.30, 0.08}},
    {"night", 640, 512, {0.15, 0.12, 0.10, 0.03}, {0.50, 0.35, 0.50, 0.20}},
    {"inkwash", 640, 512, {0.55, 0.10, 0.02, 0.01}, {0.90, 0.35, 0.20, 0.15}},
    {"woodcut", 640, 512, {0.25, 0.25, 0.02, 0.08}, {0.70, 0.48, 0.30, 0.40}},
    {"mosaic", 640, 512, {0.20, 0.12, 0.08, 0.04}, {0.60, 0.35, 0.45, 0.30}},
    {"pencil", 640, 512, {0.40, 0.12, 0.00, 0.02}, {0.85, 0.40, 0.06, 0.25}},
};
enum { PICTURE_COUNT = sizeof expected / sizeof expected[0] };

static double brightness_of(const float *rgb) {
    return 0.2126 * (double)rgb[0] + 0.7152 * (double)rgb[1] + 0.0722 * (double)rgb[2];
}

static double colour_of(const float *rgb) {
    double mean = ((double)rgb[0] + (double)rgb[1] + (double)rgb[2]) / 3;
    return (fabs((double)rgb[0] - mean) + fabs((double)rgb[1] - mean) + fabs((double)rgb[2] - mean)) / 3;
}

static statistics measure(const float *rgb, int width, int height) {
    double sum = 0, squares = 0, colour = 0, steps = 0, count = (double)width * height;
    for (int i = 0; i < width * height; i++) {
        double here = brightness_of(rgb + 3 * i);
        sum += here;
        squares += here * here;
        colour += colour_of(rgb + 3 * i);
        if ((i + 1) % width) steps += fabs(brightness_of(rgb + 3 * i + 3) - here);
    }
    double mean = sum / count;
    return (statistics){mean, sqrt(fmax(squares / count - mean * mean, 0)), colour / count, steps / (count - height)};
}

static int within(const char *name, const char *what, double value, double least, double most) {
    if (value >= least && value <= most) return 1;
    printf("%s: %s is %.4f, not within %.4f to %.4f\n", name, what, value, least, most);
    return 0;
}

static int check_picture(const dq_image *image, const expectation *e, double scale) {
    int width = dq_image_width(image), height = dq_image_height(image);
    if (width != lround(e->width * scale) || height != lround(e->height * scale)) {
        printf("%s: %d x %d pixels\n", e->name, width, height);
        return 0;
    }
    statistics s = measure(dq_image_pixels(image), width, height);
    int good = within(e->name, "brightness", s.brightness, e->least.brightness, e->most.brightness);
    good &= within(e->name, "contrast", s.contrast, e->least.contrast, e->most.contrast);
    good &= within(e->name, "colour", s.colour, e->least.colour, e->most.colour);
    return good & within(e->name, "texture", s.texture, e->least.texture, e->most.texture);
}

/* A face is where it belongs: the middle of the picture is skin, redder than green and greener than blue. */
static int check_skin(const dq_image *image, const expectation *e) {
    int width = dq_image_width(image), height = dq_image_height(image), skin = 0, count = 0;
    for (int y = height * 2 / 5; y < height / 2; y++)
        for (int x = width * 2 / 5; x < width * 3 / 5; x++, count++) {
            const float *p = dq_image_pixels(image) + 3 * ((size_t)y * (size_t)width + (size_t)x);
            skin += p[0] > 1.08f * p[1] && p[1] > p[2];
        }
    return within(e->name, "share of skin in the middle", (double)skin / count, 0.7, 1.0);
}

static int check_file(dq_context *ctx, const expectation *e, const char *folder, double scale) {
    char path[4096];
    dq_image *image = NULL;
    snprintf(path, sizeof path, "%s/%s.png", folder, e->name);
    if (dq_image_read(ctx, &image, path)) {
        printf("%s\n", dq_last_error(ctx));
        return 0;
    }
    int good = check_picture(image, e, scale);
    if (good && e->height > e->width) good = check_skin(image, e);
    dq_image_free(&image);
    return good;
}

int main(int argc, char **argv) {
    dq_context *ctx;
    int good = 1;
    if (argc != 3 || dq_context_new(&ctx, 1)) return EXIT_FAILURE;
    for (int i = 0; i < PICTURE_COUNT; i++) good &= check_file(ctx, &expected[i], argv[1], strtod(argv[2], NULL) / 640);
    dq_context_free(&ctx);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
