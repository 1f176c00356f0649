/* SPDX-License-Identifier: MIT
 * train/kinds.c: the table of what can be trained. */
#include "train/kinds.h"

#include "train/distil.h"

#include <stdio.h>
#include <string.h>

/* Ended by a row without a name. */
static const dq__train_kind kinds[] = {
    {"distil", dq__distil_lists, dq__distil_new},
    {0},
};

dq_status dq__train_kind_find(const dq__train_kind **out, const char *name, dq__error *err) {
    char names[256] = "";
    for (const dq__train_kind *k = kinds; k->name; k++) {
        *out = k;
        if (strcmp(k->name, name) == 0) return DQ_OK;
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", k->name);
    }
    *out = NULL;
    return dq__fail(err, DQ_USAGE, "'%.64s' cannot be trained; what can: %s", name, *names ? names : "nothing in this build");
}
