/* SPDX-License-Identifier: MIT
 * base/wire_mpi.c: wire.h by MPI: the only file that knows of it. Everything that waits does so with a test in a loop, so that a
 * process whose partner has died comes out of it. Whoever has started MPI before us (a host program) also ends it. */
#include "base/wire.h"

#include "base/measure.h"
#include "base/mem.h"

#include <mpi.h>
#include <sched.h>
#include <time.h>

struct dq__wire {
    MPI_Comm all;
    int count, own, beside;
    bool ours; /* started here */
};

bool dq__wire_in_use(void) {
    int started = 0, ended = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    return started && !ended;
}

static dq_status cannot(dq__error *err) { return dq__fail(err, DQ_FAILED, "MPI could not be started for this process"); }

/* One thread of ours talks to MPI: the one that calls the library. */
static bool start(bool *ours) {
    int started = 0, ended = 0, level;
    MPI_Finalized(&ended);
    MPI_Initialized(&started);
    *ours = !started;
    return !ended && (started || MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) == MPI_SUCCESS);
}

static bool look(dq__wire *w) {
    MPI_Comm machine;
    if (MPI_Comm_dup(MPI_COMM_WORLD, &w->all) != MPI_SUCCESS) return false;
    MPI_Comm_set_errhandler(w->all, MPI_ERRORS_RETURN);
    MPI_Comm_size(w->all, &w->count);
    MPI_Comm_rank(w->all, &w->own);
    if (MPI_Comm_split_type(w->all, MPI_COMM_TYPE_SHARED, w->own, MPI_INFO_NULL, &machine) != MPI_SUCCESS) return false;
    MPI_Comm_size(machine, &w->beside);
    MPI_Comm_free(&machine);
    return true;
}

dq_status dq__wire_open(dq__wire **out, dq__error *err) {
    dq__wire *w = *out = dq__alloc_zero(sizeof *w);
    if (!w) return dq__no_memory(err, sizeof *w, "ranks");
    if (start(&w->ours) && look(w)) return DQ_OK;
    dq__free(w);
    *out = NULL;
    return cannot(err);
}

void dq__wire_close(dq__wire **wire, bool lost) {
    dq__wire *w = *wire;
    if (!w) return;
    if (!lost) MPI_Comm_free(&w->all);
    if (!lost && w->ours) MPI_Finalize();
    dq__free(w);
    *wire = NULL;
}

int dq__wire_count(const dq__wire *wire) { return wire->count; }
int dq__wire_own(const dq__wire *wire) { return wire->own; }
int dq__wire_beside(const dq__wire *wire) { return wire->beside; }

/* ---- messages -------------------------------------------------------------------------------------------------------- */

enum { PIECE = 1 << 30, MOST_PIECES = 64 }; /* bytes of one message; messages of one exchange, each way */

static const double EAGER = 5e-3; /* seconds of waiting after which the processor is left to others now and then */

static bool wait_for(MPI_Request *request, int count, dq__wire_patience *patience, void *user) {
    const double began = dq__seconds();
    for (;;) {
        int done;
        if (MPI_Testall(count, request, &done, MPI_STATUSES_IGNORE) != MPI_SUCCESS) return false;
        if (done) return true;
        const double waited = dq__seconds() - began;
        if (patience && patience(user, waited)) return false;
        if (waited < EAGER) sched_yield();
        else nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    }
}

static int piece(size_t size, size_t at) { return (int)(size - at < PIECE ? size - at : PIECE); }

bool dq__wire_exchange(dq__wire *w, int to, const void *out, size_t out_size, int from, void *in, size_t in_size,
                       dq__wire_patience *patience, void *user) {
    MPI_Request request[2 * MOST_PIECES];
    int count = 0;
    bool good = out_size / PIECE < MOST_PIECES && in_size / PIECE < MOST_PIECES;
    for (size_t at = 0; from >= 0 && at < in_size && good; at += PIECE)
        good = MPI_Irecv((char *)in + at, piece(in_size, at), MPI_BYTE, from, 0, w->all, &request[count++]) == MPI_SUCCESS;
    for (size_t at = 0; to >= 0 && at < out_size && good; at += PIECE)
        good = MPI_Isend((const char *)out + at, piece(out_size, at), MPI_BYTE, to, 0, w->all, &request[count++]) == MPI_SUCCESS;
    return good && wait_for(request, count, patience, user);
}
