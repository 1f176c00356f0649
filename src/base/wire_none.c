/* SPDX-License-Identifier: MIT
 * base/wire_none.c: wire.h where the program is built without MPI: there is one process. What cannot be is refused, so that
 * processes that were started together do not do the same work over each other. */
#include "base/wire.h"

bool dq__wire_in_use(void) { return false; }

dq_status dq__wire_open(dq__wire **out, dq__error *err) {
    *out = NULL;
    return dq__fail(err, DQ_USAGE,
                    "this danqing is built without MPI, so several started together would all do the same work; start one, or "
                    "build with -Dmpi=enabled");
}

void dq__wire_close(dq__wire **wire, bool lost) { (void)lost, *wire = NULL; }

int dq__wire_count(const dq__wire *wire) { return (void)wire, 1; }
int dq__wire_own(const dq__wire *wire) { return (void)wire, 0; }
int dq__wire_beside(const dq__wire *wire) { return (void)wire, 1; }

bool dq__wire_exchange(dq__wire *wire, int to, const void *out, size_t out_size, int from, void *in, size_t in_size,
                       dq__wire_patience *patience, void *user) {
    (void)wire, (void)to, (void)out, (void)out_size, (void)from, (void)in, (void)in_size, (void)patience, (void)user;
    return false;
}
