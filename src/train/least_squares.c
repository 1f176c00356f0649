/* SPDX-License-Identifier: MIT
 * train/least_squares.c: Cholesky's factors, and solving with them. */
#include "train/least_squares.h"

#include <math.h>

void dq__cholesky(double *a, int n, double ridge) {
    double trace = 0;
    for (int i = 0; i < n; i++) trace += a[i * n + i];
    const double least = ridge * trace / n + 1e-300;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) a[i * n + k] = 0;
        double d = a[i * n + i] + least;
        for (int k = 0; k < i; k++) d -= a[k * n + i] * a[k * n + i];
        d = sqrt(d > least ? d : least);
        a[i * n + i] = d;
        for (int j = i + 1; j < n; j++) {
            double sum = a[i * n + j];
            for (int k = 0; k < i; k++) sum -= a[k * n + i] * a[k * n + j];
            a[i * n + j] = sum / d;
        }
    }
}

void dq__cholesky_solve(const double *r, int n, double *x) {
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) x[i] -= r[k * n + i] * x[k];
        x[i] /= r[i * n + i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++) x[i] -= r[i * n + k] * x[k];
        x[i] /= r[i * n + i];
    }
}
