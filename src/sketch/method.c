/* SPDX-License-Identifier: MIT
 * sketch/method.c: the table of methods of drawing. */
#include "sketch/drawer.h"

#include <stdio.h>
#include <string.h>

static const dq__method *const methods[] = {
    &dq__method_lle, &dq__method_ssd, &dq__method_mrf, &dq__method_mwf,
    &dq__method_rslcr, &dq__method_ridge, &dq__method_dgfl, &dq__method_student, &dq__method_lines,
};
enum { METHODS = sizeof methods / sizeof *methods };

const dq__method *dq__method_at(int index) { return index >= 0 && index < METHODS ? methods[index] : NULL; }

dq_status dq__method_find(const dq__method **out, const char *name, dq__error *err) {
    char list[200] = "";
    for (int i = 0; i < METHODS; i++) {
        *out = methods[i];
        if (strcmp(methods[i]->name, name) == 0) return DQ_OK;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", methods[i]->name);
    }
    *out = NULL;
    return dq__fail(err, DQ_USAGE, "there is no method '%.40s'; there are: %s", name, list);
}
