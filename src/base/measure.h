/* SPDX-License-Identifier: MIT
 * base/measure.h: what a benchmark reads off the machine: clocks, medians, memory, the peak of its multiply-adds. Nothing that
 * is measured here may change a result. */
#ifndef DQ_BASE_MEASURE_H
#define DQ_BASE_MEASURE_H

#include "base/cpu.h"
#include "base/pool.h"

enum { DQ__MAX_ROUNDS = 100 };

/* Seconds since some moment; processor seconds of all threads of this process. */
double dq__seconds(void);
double dq__processor_seconds(void);
/* The median of 1 or more values, which are sorted. */
double dq__median(double *value, int count);
/* The most memory this process ever had, in bytes. */
double dq__peak_rss(void);
/* Floating-point operations a second of all threads of the pool in multiply-adds of registers, with the vectors of `isa`:
 * what no kernel of that set can exceed. The fastest of `rounds`, after one more to warm up. */
double dq__peak_flops(dq__pool *pool, dq__isa isa, int rounds);

#endif
