/* SPDX-License-Identifier: MIT
 * studio/sketch.h: what a request may ask of a sketch: {method, folder, direction, eyes, frame, fast, neighbours, steps}, all
 * texts, none of them a path. Knows neither HTTP nor how sketches are drawn. */
#ifndef DQ_STUDIO_SKETCH_H
#define DQ_STUDIO_SKETCH_H

#include <jansson.h>
#include <stdbool.h>

/* Rows for the page: {name, pairs: whether it draws from a folder, settings: [names]}. */
json_t *sketch_methods(void);
bool sketch_is_setting(const char *name);
/* NULL if it can be drawn so (whether the folder is there is for the store to say); else why not, in a buffer of 240. */
const char *sketch_refusal(const json_t *sketch, char text[240]);
/* The setting as the tool takes it; "" where nothing was asked. */
const char *sketch_value(const json_t *sketch, const char *name);
/* True if the method learns from the folder itself, rather than being trained on it. */
bool sketch_from_pairs(const json_t *sketch);

#endif
