/* SPDX-License-Identifier: MIT
 * base/ranks.c: see ranks.h. How a message goes around: from one to all along a tree, from all to all around a ring, so that
 * every line carries every byte once. */
#include "base/ranks.h"

#include "base/measure.h"
#include "base/mem.h"
#include "base/wire.h"

#include <stdint.h>
#include <stdlib.h>

struct dq__ranks {
    dq__wire *wire;
    int count, own;
    bool lost;
    dq_progress_fn ask;
    void *user;
    dq__traffic traffic;
};

/* Was this process started as one of several? Asked of the environment, so that one that is alone starts nothing. */
static bool says_several(const char *name) {
    const char *count = getenv(name);
    return count && strtol(count, NULL, 10) > 1;
}

/* Open MPI's mpirun, MPICH's, Slurm's srun. */
static bool is_one_of_several(void) {
    return says_several("OMPI_COMM_WORLD_SIZE") || says_several("PMI_SIZE") ||
           (getenv("PMIX_RANK") && says_several("SLURM_STEP_NUM_TASKS"));
}

dq_status dq__ranks_open(dq__ranks **out, dq__error *err) {
    *out = NULL;
    if (!is_one_of_several() && !dq__wire_in_use()) return DQ_OK;
    dq__ranks *r = dq__alloc_zero(sizeof *r);
    if (!r) return dq__no_memory(err, sizeof *r, "ranks");
    const dq_status status = dq__wire_open(&r->wire, err);
    if (status) {
        dq__free(r);
        return status;
    }
    r->count = dq__wire_count(r->wire), r->own = dq__wire_own(r->wire);
    *out = r;
    return DQ_OK;
}

void dq__ranks_close(dq__ranks **ranks) {
    dq__ranks *r = *ranks;
    if (!r) return;
    dq__wire_close(&r->wire, r->lost);
    dq__free(r);
    *ranks = NULL;
}

int dq__ranks_count(const dq__ranks *ranks) { return ranks ? ranks->count : 1; }
int dq__ranks_own(const dq__ranks *ranks) { return ranks ? ranks->own : 0; }
int dq__ranks_beside(const dq__ranks *ranks) { return ranks ? dq__wire_beside(ranks->wire) : 1; }

void dq__ranks_patience(dq__ranks *ranks, dq_progress_fn ask, void *user) {
    if (ranks) ranks->ask = ask, ranks->user = user;
}

dq__traffic dq__ranks_traffic(const dq__ranks *ranks) { return ranks ? ranks->traffic : (dq__traffic){0}; }

/* ---- one message ----------------------------------------------------------------------------------------------------- */

static bool patience(void *user, double seconds) {
    const dq__ranks *r = user;
    const dq_progress waiting = {.seconds = seconds};
    return r->ask && r->ask(r->user, &waiting) != 0;
}

/* −1: to nobody, from nobody. */
static bool exchange(dq__ranks *r, int to, const void *out, size_t out_size, int from, void *in, size_t in_size) {
    const double began = dq__seconds();
    if (!r->lost) r->lost = !dq__wire_exchange(r->wire, to, out, out_size, from, in, in_size, patience, r);
    r->traffic.seconds += dq__seconds() - began;
    if (to >= 0) r->traffic.bytes += (double)out_size;
    return !r->lost;
}

static dq_status lost(dq__error *err) {
    return dq__fail(err, DQ_FAILED, "the other ranks no longer answer: one of them has ended, or all are being stopped");
}

dq_status dq__ranks_check(const dq__ranks *ranks, dq__error *err) { return ranks && ranks->lost ? lost(err) : DQ_OK; }

/* ---- among all ------------------------------------------------------------------------------------------------------- */

/* In round k the ranks that have it (2ᵏ of them, counted from the root) pass it on to as many others. */
dq_status dq__ranks_share(dq__ranks *r, int root, void *bytes, size_t size, dq__error *err) {
    if (!r || r->count == 1) return DQ_OK;
    const int place = (r->own - root + r->count) % r->count;
    bool good = true;
    for (int have = 1; have < r->count && good; have *= 2) {
        if (place < have && place + have < r->count) good = exchange(r, (r->own + have) % r->count, bytes, size, -1, NULL, 0);
        else if (place >= have && place < 2 * have)
            good = exchange(r, -1, NULL, 0, (r->own - have + r->count) % r->count, bytes, size);
    }
    return good ? DQ_OK : lost(err);
}

static size_t begin_of(const size_t *end, int rank) { return rank ? end[rank - 1] : 0; }

/* In round k each passes on to the next the part that it got in the round before: first its own. */
dq_status dq__ranks_gather(dq__ranks *r, void *bytes, const size_t *end, dq__error *err) {
    const int n = dq__ranks_count(r);
    char *at = bytes;
    for (int k = 0; k < n - 1; k++) {
        const int out = (r->own - k + n) % n, in = (r->own - k - 1 + n) % n;
        const size_t out_at = begin_of(end, out), in_at = begin_of(end, in);
        if (!exchange(r, (r->own + 1) % n, at + out_at, end[out] - out_at, (r->own - 1 + n) % n, at + in_at, end[in] - in_at))
            return lost(err);
    }
    return DQ_OK;
}

enum { PIECE = 1 << 15 }; /* numbers that are added at once */

/* What comes is added to what is there, which then is the sum of both, to the last bit. */
static void add_pairs(double *high, double *low, const double *pairs, size_t count) {
    for (size_t k = 0; k < count; k++) {
        const double old = high[k], sum = old + pairs[k], part = sum - old;
        low[k] += ((old - (sum - part)) + (pairs[k] - part)) + pairs[count + k];
        high[k] = sum;
    }
}

/* Sends a piece of the sums along, and adds the same piece of the rank before. */
static bool pass_piece(dq__ranks *r, double *high, double *low, size_t count, bool takes, bool gives, double *buffer) {
    if (takes && !exchange(r, -1, NULL, 0, r->own - 1, buffer, 2 * sizeof(double) * count)) return false;
    if (takes) add_pairs(high, low, buffer, count);
    for (size_t k = 0; k < count; k++) buffer[k] = high[k], buffer[count + k] = low[k];
    return !gives || exchange(r, r->own + 1, buffer, 2 * sizeof(double) * count, -1, NULL, 0);
}

/* Piece by piece from rank 0 up, each adding its own, so that all ranks are at work at the same time; then the last one has the
 * sums, and tells them. */
dq_status dq__ranks_sum(dq__ranks *r, double *high, double *low, size_t count, dq__error *err) {
    if (!r || r->count == 1) return DQ_OK;
    double *buffer = dq__alloc(2 * sizeof(double) * PIECE);
    if (!buffer) r->lost = true; /* the others learn of it by this one's end */
    for (size_t at = 0; at < count && !r->lost; at += PIECE) {
        const size_t n = count - at < PIECE ? count - at : PIECE;
        pass_piece(r, high + at, low + at, n, r->own > 0, r->own + 1 < r->count, buffer);
    }
    dq__free(buffer);
    dq_status status = dq__ranks_share(r, r->count - 1, high, sizeof(double) * count, err);
    return status ? status : dq__ranks_share(r, r->count - 1, low, sizeof(double) * count, err);
}

static dq__rows common(dq__rows a, dq__rows b) {
    return (dq__rows){a.first > b.first ? a.first : b.first, a.end < b.end ? a.end : b.end};
}

static size_t size_of(dq__rows rows, size_t row_bytes) {
    return rows.end > rows.first ? (size_t)(rows.end - rows.first) * row_bytes : 0;
}

/* In round k with those that are k further and k before. */
dq_status dq__ranks_trade(dq__ranks *r, void *map, size_t row_bytes, dq__rows_fn *have, dq__rows_fn *need, const void *user,
                          dq__error *err) {
    const int n = dq__ranks_count(r);
    char *at = map;
    for (int k = 1; k < n; k++) {
        const int to = (r->own + k) % n, from = (r->own - k + n) % n;
        const dq__rows out = common(have(user, r->own), need(user, to)), in = common(have(user, from), need(user, r->own));
        const size_t out_size = size_of(out, row_bytes), in_size = size_of(in, row_bytes);
        if (!out_size && !in_size) continue;
        if (!exchange(r, out_size ? to : -1, at + (size_t)out.first * row_bytes * (out_size > 0), out_size, in_size ? from : -1,
                      at + (size_t)in.first * row_bytes * (in_size > 0), in_size))
            return lost(err);
    }
    return DQ_OK;
}

/* The lowest rank with a failure, found like the winner of a tournament; the count of ranks where there is none. */
static bool lowest(dq__ranks *r, bool failed, int32_t *rank) {
    *rank = failed ? r->own : r->count;
    for (int step = 1; step < r->count; step *= 2) {
        int32_t other = r->count;
        if (r->own % (2 * step) == step && !exchange(r, r->own - step, rank, sizeof *rank, -1, NULL, 0)) return false;
        if (r->own % (2 * step) == 0 && r->own + step < r->count &&
            !exchange(r, -1, NULL, 0, r->own + step, &other, sizeof other))
            return false;
        if (other < *rank) *rank = other;
    }
    return dq__ranks_share(r, 0, rank, sizeof *rank, NULL) == DQ_OK;
}

dq_status dq__ranks_agree(dq__ranks *r, dq_status own, dq__error *err) {
    dq__error worst = {.status = own};
    int32_t rank;
    if (!r || r->count == 1) return own;
    if (own && err) worst = *err;
    if (!lowest(r, own != DQ_OK, &rank)) return lost(err);
    if (rank == r->count) return DQ_OK;
    if (dq__ranks_share(r, rank, &worst, sizeof worst, NULL)) return lost(err);
    worst.text[sizeof worst.text - 1] = 0;
    return dq__fail(err, worst.status, "%s", worst.text);
}
