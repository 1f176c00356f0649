/* SPDX-License-Identifier: MIT
 * studio/sniff.h: kind and size of a picture from its first bytes, before anything decodes it. */
#ifndef DQ_STUDIO_SNIFF_H
#define DQ_STUDIO_SNIFF_H

#include <stddef.h>
#include <stdint.h>

/* "jpeg", "png", "webp" or "heif"; NULL for anything else or a header that is cut off or says nonsense. Of "heif" the size is
 * not known here (0 × 0): the child that decodes it judges. */
const char *sniff(const void *bytes, size_t size, uint32_t *width, uint32_t *height);

#endif
