/* SPDX-License-Identifier: MIT
 * sketch/algebra.h: products of matrices by the project's kernel, and small symmetric matrices. Knows nothing of faces. */
#ifndef DQ_SKETCH_ALGEBRA_H
#define DQ_SKETCH_ALGEBRA_H

#include "base/pool.h"

/* y (n×o, rows of y_row floats, a multiple of 16 and ≥ o; what is beyond o up to the next multiple of 16 becomes 0)
 * = x (n×k, rows of x_row floats) · mᵀ, m: o×k, rows of m_row floats; k a multiple of 4. */
dq_status dq__product(dq__pool *pool, int n, int o, int k, const float *x, int x_row, const float *m, int m_row, float *y,
                      int y_row, dq__error *err);
/* Eigenvalues, falling, and eigenvectors (rows of `vector`, n×n) of the symmetric a (n×n), which is destroyed: Jacobi. */
void dq__eigen(double *a, int n, double *value, double *vector);
/* Solves a·x = b for a symmetric positive a (n×n, rows of `row` floats; its lower half is destroyed) by Cholesky; x: b before,
 * the solution after. */
void dq__solve(float *a, int row, int n, float *x);

#endif
