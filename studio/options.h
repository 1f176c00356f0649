/* SPDX-License-Identifier: MIT
 * studio/options.h: which options of the table a request may set, and with what. A text option is refused unless it is known
 * here, because texts can be paths. */
#ifndef DQ_STUDIO_OPTIONS_H
#define DQ_STUDIO_OPTIONS_H

#include "store.h"

#include <danqing.h>

#include <jansson.h>

typedef enum option_use {
    OPTION_NEVER,   /* of the machine or of files: not for requests */
    OPTION_VALUE,   /* a number, a choice, on or off */
    OPTION_WORDS,   /* a text without anything that could be a path */
    OPTION_RECIPE,  /* a built-in recipe's name */
    OPTION_MODEL,   /* the name of a network that is here */
    OPTION_INIT,    /* palette, content, noise, or a picture's id */
    OPTION_PICTURE, /* ids of pictures, parted by commas, or "" */
} option_use;

option_use option_use_of(const dq_option_info *info);
/* True if a value of this use names pictures that are kept here. */
bool option_is_picture(option_use use, const char *value);
/* Copies the next id of a list "id,id"; *list goes behind it. False at the end, or (then id is "") where no id stands. */
bool option_next_id(const char **list, char id[STORE_ID]);
const dq_option_info *option_named(const char *name);
/* The table for the page: rows with their help in both languages, recipes, networks that are here. */
json_t *options_json(dq_context *ctx);
/* NULL if every member of `options` (texts) is allowed and resolves; else why not, in a buffer of 240. */
const char *options_refusal(dq_context *ctx, const json_t *options, char text[240]);
/* Names of networks that are here: an array. */
json_t *options_models(dq_context *ctx);

#endif
