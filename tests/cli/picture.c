/* SPDX-License-Identifier: MIT
 * tests/cli/picture.c: makes the pictures that the tests of the command need: picture FILE WIDTH HEIGHT KIND [alpha].
 * Sees danqing.h only. */
#include <danqing.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Waves whose length and direction depend on `kind`. */
static void fill(float *rgb, float *alpha, int width, int height, int kind) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int i = y * width + x;
            for (int c = 0; c < 3; c++)
                rgb[3 * i + c] = 0.5f + 0.5f * sinf(0.09f * (float)((kind + 1) * x + (c + kind) * y) + (float)c);
            alpha[i] = x < width / 2 ? 1.0f : 0.25f;
        }
}

int main(int argc, char **argv) {
    dq_context *ctx;
    dq_image *image;
    if (argc < 5 || dq_context_new(&ctx, 1)) return 2;
    int width = (int)strtol(argv[2], NULL, 10), height = (int)strtol(argv[3], NULL, 10);
    if (width < 1 || height < 1 || width > 4096 || height > 4096) return 2;
    size_t pixels = (size_t)width * (size_t)height;
    float *rgb = malloc(3 * sizeof *rgb * pixels), *alpha = malloc(sizeof *alpha * pixels);
    if (!rgb || !alpha) return 2;
    fill(rgb, alpha, width, height, (int)strtol(argv[4], NULL, 10));
    dq_status status = dq_image_from_pixels(ctx, &image, width, height, rgb, argc > 5 ? alpha : NULL);
    if (!status) status = dq_image_write(ctx, image, argv[1], NULL);
    if (status) fprintf(stderr, "%s\n", dq_last_error(ctx));
    dq_image_free(&image);
    dq_context_free(&ctx);
    free(rgb);
    free(alpha);
    return (int)status;
}
