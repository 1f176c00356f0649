/* SPDX-License-Identifier: MIT
 * explain/kernel.h: small matrices that a picture is convolved with: the templates of textbooks at any odd size, and matrices
 * from text. Knows no picture. */
#ifndef DQ_EXPLAIN_KERNEL_H
#define DQ_EXPLAIN_KERNEL_H

#include "base/error.h"

#include <stdbool.h>

enum { DQ__MAX_KERNEL = 255 }; /* rows and columns */

/* One matrix, or two that are taken together: √(a² + b²). */
typedef struct dq__kernel {
    int rows, columns; /* odd */
    int count;         /* 1 or 2 */
    double *k[2];      /* [rows][columns] */
} dq__kernel;

/* The templates by number: "smooth", "gauss", … of "smooth|gauss|…", in which their numbers are their places. */
extern const char dq__templates[];

/* Template `number` at `side` × `side`, odd, 3 or more. A template of 3×3 is the textbook's; a larger one is that smoothed by
 * the binomial matrix of side − 2, and smooth and gauss are the mean and the binomial matrix of their size. sigma > 0 (gauss
 * only): the bell curve of that width instead. */
dq_status dq__kernel_template(dq__kernel *out, int number, int side, double sigma, dq__error *err);
/* Rows parted by ';' or line ends, numbers (or fractions, 1/9) by blanks or commas; # begins a comment. */
dq_status dq__kernel_parse(dq__kernel *out, const char *text, dq__error *err);
/* The same from a file, unless `text` is itself a matrix. */
dq_status dq__kernel_read(dq__kernel *out, const char *text, dq__error *err);
void dq__kernel_free(dq__kernel *kernel);

/* Σ of the coefficients of one matrix, exactly 0 or 1 where rounding alone keeps it from being so; Σ of the positive ones. */
double dq__kernel_sum(const dq__kernel *kernel);
double dq__kernel_positive(const dq__kernel *kernel);
/* Where the sum is 0: s·K. Else K mixed with the picture itself, (1 − s)·δ + s·K, so that a sum of 1 stays. */
void dq__kernel_strengthen(dq__kernel *kernel, double s);
/* K / its sum, which is not 0. */
void dq__kernel_divide(dq__kernel *kernel);

#endif
