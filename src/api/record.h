/* SPDX-License-Identifier: MIT
 * api/record.h: the JSON record that travels in a painted picture: what made it, in a form that reproduces it, without
 * paths, times or the number of threads. For the files of this folder only. */
#ifndef DQ_API_RECORD_H
#define DQ_API_RECORD_H

#include "image/image.h"
#include "model/model.h"
#include "paint/options.h"

/* {"software", "version", "isa", "recipe", "seed", "options", "model", "content", "styles"}; free with dq__free. */
dq_status dq__record_new(char **out, const dq_model *model, const dq_image *content, const dq_image *const *styles,
                         int style_count, const dq_options *options, const char *isa, dq__error *err);
/* Adds "reached", where the job stood when the picture was taken, to the record that the picture has. */
dq_status dq__record_reached(dq_image *image, const dq_progress *progress, dq__error *err);

#endif
