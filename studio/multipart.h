/* SPDX-License-Identifier: MIT
 * studio/multipart.h: a body of multipart/form-data, whole in memory, as a list of views into it. Never copies, never trusts. */
#ifndef DQ_STUDIO_MULTIPART_H
#define DQ_STUDIO_MULTIPART_H

#include <stddef.h>

enum { MULTIPART_PARTS = 64, MULTIPART_NAME = 64, MULTIPART_FILE = 200, MULTIPART_BOUNDARY = 70 };

typedef struct multipart_part {
    char name[MULTIPART_NAME];
    char file[MULTIPART_FILE]; /* the file's name for people, "" without one; never a path to be opened */
    const char *bytes;
    size_t size;
} multipart_part;

/* The boundary in the header Content-Type, which must be of form data: 0, or −1. */
int multipart_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY + 1]);
/* How many parts, or −1 for a body that is not well formed. */
int multipart_parse(const char *body, size_t size, const char *boundary, multipart_part parts[MULTIPART_PARTS]);

#endif
