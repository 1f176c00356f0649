/* SPDX-License-Identifier: MIT
 * model/pickle.h: Python pickles as plain data. A pickle is a program for a small machine; this reader keeps the opcodes
 * that describe numbers, texts and containers and refuses every other one by name. What a pickle wants called is recorded
 * as "this name with these arguments", for a short list of names; nothing is ever called, imported or built. */
#ifndef DQ_MODEL_PICKLE_H
#define DQ_MODEL_PICKLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum dq__pickle_kind {
    DQ__PICKLE_NONE,
    DQ__PICKLE_BOOL,       /* number */
    DQ__PICKLE_INT,        /* number */
    DQ__PICKLE_FLOAT,      /* its value is of no use here and is not kept */
    DQ__PICKLE_TEXT,       /* text, length */
    DQ__PICKLE_TUPLE,      /* item[count] */
    DQ__PICKLE_LIST,       /* item[count] */
    DQ__PICKLE_DICT,       /* item[count]: key, value, key, value, … (OrderedDict too) */
    DQ__PICKLE_NAME,       /* number: a dq__pickle_name */
    DQ__PICKLE_CALL,       /* item[0]: the name, item[1]: the tuple of arguments */
    DQ__PICKLE_PERSISTENT, /* item[0]: what identifies the outside object */
} dq__pickle_kind;

/* The names a pickle of weights may mention. */
typedef enum dq__pickle_name {
    DQ__NAME_ORDERED_DICT,
    DQ__NAME_TENSOR_V1, /* torch._utils._rebuild_tensor */
    DQ__NAME_TENSOR_V2,
    DQ__NAME_REBUILD_PARAMETER,
    DQ__NAME_PARAMETER,
    DQ__NAME_FLOAT,
    DQ__NAME_DOUBLE,
    DQ__NAME_HALF,
    DQ__NAME_BFLOAT16,
    DQ__NAME_LONG,
    DQ__NAME_INT,
    DQ__NAME_SHORT,
    DQ__NAME_CHAR,
    DQ__NAME_BYTE,
    DQ__NAME_BOOL,
    DQ__NAMES
} dq__pickle_name;

/* Values refer to each other by index into `value`; cycles are possible, so never walk them without a bound. */
typedef struct dq__pickle_value {
    dq__pickle_kind kind;
    int64_t number;
    const char *text; /* inside the pickle's bytes, not terminated */
    size_t length;
    uint32_t *item;
    uint32_t count, room;
} dq__pickle_value;

typedef struct dq__pickle {
    dq__pickle_value *value;
    uint32_t count, room;
    uint32_t root;
    size_t used; /* bytes up to and including STOP */
} dq__pickle;

/* Reads one pickle from the start of the bytes, which must outlive the result; `name` is for messages. */
dq_status dq__pickle_parse(dq__pickle *out, const unsigned char *bytes, size_t size, const char *name, dq__error *err);
void dq__pickle_deinit(dq__pickle *pickle);
/* The value at item `index` of `of`, NULL past its end. */
const dq__pickle_value *dq__pickle_item(const dq__pickle *pickle, const dq__pickle_value *of, uint32_t index);
bool dq__pickle_text_is(const dq__pickle_value *value, const char *text);
/* The value of a dict's text key, or NULL. */
const dq__pickle_value *dq__pickle_get(const dq__pickle *pickle, const dq__pickle_value *dict, const char *key);

#endif
