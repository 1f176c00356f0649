/* SPDX-License-Identifier: MIT
 * studio/child.h: starts this program again as a child: one that decodes a picture and is waited for, or one that paints. */
#ifndef DQ_STUDIO_CHILD_H
#define DQ_STUDIO_CHILD_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

/* A picture that a child made of bytes: three files in one block. */
typedef struct child_picture {
    int width, height;
    char format[8];
    char *block; /* free it */
    const char *file[3];
    size_t size[3];
    int status;       /* dq_status of a refusal */
    char reason[200]; /* of it */
} child_picture;

/* `__picture mode argument` with `bytes` as its input, at most `seconds`. 0, or −1 with status and reason. */
int child_decode(const char *mode, const char *argument, const void *bytes, size_t size, int seconds, child_picture *out);

/* A child with these arguments (the last is NULL), whose descriptor 3 is a copy of `lifeline`. Its id, or −1. */
pid_t child_start(const char *const *arguments, int lifeline);

#endif
