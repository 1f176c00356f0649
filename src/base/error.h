/* SPDX-License-Identifier: MIT
 * base/error.h: the one way a failure travels. Whoever detects a failure writes the one message with dq__fail; everyone
 * above only passes the status on. Nothing here prints or exits. */
#ifndef DQ_BASE_ERROR_H
#define DQ_BASE_ERROR_H

#include "danqing.h"

typedef struct dq__error {
    dq_status status;
    char text[512]; /* one line, no newline; UTF-8 */
} dq__error;

/* Writes the message (control characters become '?') and returns `status`. err may be NULL. */
dq_status dq__fail(dq__error *err, dq_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* DQ_LIMIT, "out of memory (N bytes for WHAT)". */
dq_status dq__no_memory(dq__error *err, size_t bytes, const char *what);

#endif
