/* SPDX-License-Identifier: MIT
 * paint/resume.h: the checkpoint of a painting: what it is between two steps, as a file, from which the same job goes on to the
 * same bytes as if it had never stopped. The file is whole or not there, carries a checksum, and is believed nowhere. */
#ifndef DQ_PAINT_RESUME_H
#define DQ_PAINT_RESUME_H

#include "paint/job_state.h"

#include <stdio.h>

/* What decides the bytes of the result: settings, pictures, network. Two jobs of one digest go the same way. */
void dq__resume_digest(const dq_job *job, const dq__settings *settings, const dq_model *model,
                       unsigned char digest[DQ__JOB_DIGEST]);
/* Writes the checkpoint: to a file beside it, then renamed. */
dq_status dq__resume_write(dq_job *job, const char *path, dq__error *err);
/* Fills `head` from the first bytes of a checkpoint of `size` bytes and holds it against the job and the size. DQ_USAGE for
 * another job, DQ_BAD_IMAGE for a damaged file. `name` is for messages. */
dq_status dq__resume_read_head(const dq_job *job, dq__resume_head *head, FILE *file, uint64_t size, const char *name,
                               dq__error *err);
/* Reads the rest into the state of the job, which stands at head->scale with memory for it. After a failure the job cannot go
 * on. */
dq_status dq__resume_read_state(dq_job *job, const dq__resume_head *head, FILE *file, const char *name, dq__error *err);
/* Gives the state that the leader of ranks has read to all. */
dq_status dq__resume_share(dq_job *job, const dq__resume_head *head, dq__error *err);

#endif
