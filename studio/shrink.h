/* SPDX-License-Identifier: MIT
 * studio/shrink.h: a smaller copy of a picture, for shelves, previews and pages. */
#ifndef DQ_STUDIO_SHRINK_H
#define DQ_STUDIO_SHRINK_H

#include <danqing.h>

/* JPEG of the picture with its longer side at most `most` pixels. Free *bytes with dq_bytes_free. */
dq_status shrink_to_jpeg(dq_context *ctx, const dq_image *image, int most, const char *options, void **bytes, size_t *size);

#endif
