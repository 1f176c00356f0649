/* SPDX-License-Identifier: MIT
 * model/fetch.h: the models that can be downloaded from their publishers, and the download itself. */
#ifndef DQ_MODEL_FETCH_H
#define DQ_MODEL_FETCH_H

#include "base/error.h"

#include <stdint.h>

/* One published file. The size and the checksum pin it: nothing else is accepted under its name. */
typedef struct dq__known {
    const char *name;   /* what dq_model_fetch takes */
    const char *ending; /* of the file in the store: NAME + ending */
    const char *url;    /* at the publisher; https only */
    uint64_t bytes;
    const char *kind;     /* "sha256" or "md5", whichever the publisher gives */
    const char *checksum; /* hex, lower case */
    const char *note;     /* what it is, whose it is, its licence */
} dq__known;

/* Row `index`, NULL past the end; the row of a name, NULL if there is none. */
const dq__known *dq__known_at(int index);
const dq__known *dq__known_find(const char *name);

/* Downloads `row` into `folder` (made if need be). `base`: where else to look for the last part of the row's URL (a mirror,
 * plain http allowed), NULL for the publisher. progress may be NULL. What arrived before a failure stays in NAME.part, and
 * the next call goes on from there. */
dq_status dq__fetch_from(const dq__known *row, const char *folder, const char *base, dq_fetch_fn progress, void *user,
                         dq__error *err);

#endif
