/* SPDX-License-Identifier: MIT
 * base/number.h: numbers from text, whole or not at all, whatever the locale. */
#ifndef DQ_BASE_NUMBER_H
#define DQ_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal integer; the whole text must be used. */
bool dq__parse_int(const char *text, int64_t *value);
/* Finite decimal or scientific number; the whole text must be used. */
bool dq__parse_double(const char *text, double *value);
/* Bytes: a number with an optional K, M, G or T (powers of 1024; "2G", "1.5g"). */
bool dq__parse_bytes(const char *text, uint64_t *value);

#endif
