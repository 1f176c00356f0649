/* SPDX-License-Identifier: MIT
 * bench/bench.h: what the benchmarks share: the clock, the median, VGG-19's convolutions to relu5_1. */
#ifndef DQ_BENCH_H
#define DQ_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static inline double median(double *value, int count) {
    qsort(value, (size_t)count, sizeof *value, by_value);
    return count % 2 ? value[count / 2] : (value[count / 2 - 1] + value[count / 2]) / 2;
}

static inline int number(const char *text, int least, int most, const char *what) {
    char *end;
    const long v = strtol(text, &end, 10);
    if (*text && !*end && v >= least && v <= most) return (int)v;
    fprintf(stderr, "%s must be %d to %d, not '%s'\n", what, least, most, text);
    exit(2);
}

/* The different convolutions of VGG-19 to relu5_1; how many there are of each; the picture is divided by `divide`. */
typedef struct conv_shape {
    const char *name;
    int ic, oc, divide, times;
} conv_shape;

static const conv_shape vgg19_convs[] = {
    {"conv1_1", 3, 64, 1, 1},    {"conv1_2", 64, 64, 1, 1},   {"conv2_1", 64, 128, 2, 1},
    {"conv2_2", 128, 128, 2, 1}, {"conv3_1", 128, 256, 4, 1}, {"conv3_2…4", 256, 256, 4, 3},
    {"conv4_1", 256, 512, 8, 1}, {"conv4_2…4", 512, 512, 8, 3}, {"conv5_1", 512, 512, 16, 1}};
enum { VGG19_CONVS = sizeof vgg19_convs / sizeof *vgg19_convs };

static inline double conv_flops(const conv_shape *s, int side) {
    return 18.0 * s->ic * s->oc * side * side;
}

#endif
