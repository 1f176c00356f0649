/* SPDX-License-Identifier: MIT
 * train/checkpoint.h: the state of a trainer as a file, from which a run goes on to the same bytes as if it had never stopped.
 * The file is whole or not there, carries a checksum, and is believed nowhere. */
#ifndef DQ_TRAIN_CHECKPOINT_H
#define DQ_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

/* `seconds`: worked so far, for the log. */
dq_status dq__checkpoint_write(const dq__trainer *trainer, const unsigned char digest[DQ__DIGEST], double seconds,
                               const char *path, dq__error *err);
/* Fills the state of a trainer made by the same recipe. DQ_USAGE for another recipe, DQ_BAD_MODEL for a damaged file; the
 * trainer is then as it was. */
dq_status dq__checkpoint_read(dq__trainer *trainer, const unsigned char digest[DQ__DIGEST], double *seconds, const char *path,
                              dq__error *err);
/* The same from memory; `name` is for messages. */
dq_status dq__checkpoint_parse(dq__trainer *trainer, const unsigned char digest[DQ__DIGEST], double *seconds,
                               const unsigned char *bytes, size_t size, const char *name, dq__error *err);

#endif
