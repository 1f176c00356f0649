/* SPDX-License-Identifier: MIT
 * base/wire.h: bytes between the processes of one job. wire_mpi.c is all that knows of MPI; where the program is built without
 * it, wire_none.c takes its place and there is one process. What is sent, and in which order, is for ranks.c. */
#ifndef DQ_BASE_WIRE_H
#define DQ_BASE_WIRE_H

#include "base/error.h"

#include <stdbool.h>

typedef struct dq__wire dq__wire;

/* Is it in use in this process already, by a host program? */
bool dq__wire_in_use(void);
/* Joins the others. Not twice in a process. */
dq_status dq__wire_open(dq__wire **out, dq__error *err);
/* lost: somebody no longer answers, so there is nobody to take leave of. */
void dq__wire_close(dq__wire **wire, bool lost);
int dq__wire_count(const dq__wire *wire);
int dq__wire_own(const dq__wire *wire);
/* How many of them run on this machine, this one too. */
int dq__wire_beside(const dq__wire *wire);

/* Asked while this process waits: has it waited long enough? */
typedef bool dq__wire_patience(void *user, double seconds);
/* Sends to one and receives from another at the same time; −1: neither. False where a patience was at its end, or the network
 * failed. */
bool dq__wire_exchange(dq__wire *wire, int to, const void *out, size_t out_size, int from, void *in, size_t in_size,
                       dq__wire_patience *patience, void *user);

#endif
