/* SPDX-License-Identifier: MIT
 * model/builtin.h: the network that is part of the program. */
#ifndef DQ_MODEL_BUILTIN_H
#define DQ_MODEL_BUILTIN_H

#include <stddef.h>

/* Its name, and its file (safetensors) in memory. */
extern const char dq__builtin_name[];
const void *dq__builtin(size_t *bytes);

#endif
