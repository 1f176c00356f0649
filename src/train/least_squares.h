/* SPDX-License-Identifier: MIT
 * train/least_squares.h: small symmetric systems in double, for linear heads. */
#ifndef DQ_TRAIN_LEAST_SQUARES_H
#define DQ_TRAIN_LEAST_SQUARES_H

/* a (n×n, symmetric, not negative) becomes R, upper triangular, with RᵀR = a (Cholesky). `ridge` times the mean of the
 * diagonal is added to the diagonal, so that a singular matrix divides nothing by zero. */
void dq__cholesky(double *a, int n, double ridge);
/* x becomes the solution of RᵀR·x = x; n numbers. */
void dq__cholesky_solve(const double *r, int n, double *x);

#endif
