/* SPDX-License-Identifier: MIT
 * model/mat5.h: MATLAB's level 5 MAT-files (save -v6 and -v7) as views into memory: variables, cells, structs and numbers.
 * Written here because a weights file may come from anywhere and libmatio hangs or crashes on damaged ones. It knows
 * nothing of networks. */
#ifndef DQ_MODEL_MAT5_H
#define DQ_MODEL_MAT5_H

#include "model/tensors.h"

struct dq__span {
    const unsigned char *at, *end;
};

typedef enum dq__mat_class {
    DQ__MAT_NOTHING = 0,
    DQ__MAT_CELL = 1,
    DQ__MAT_STRUCT = 2,
    DQ__MAT_CHAR = 4,
    DQ__MAT_DOUBLE = 6,
    DQ__MAT_SINGLE = 7
} dq__mat_class;

/* An array of MATLAB's. kind is DQ__MAT_NOTHING for one that is absent, empty, damaged or of no use here. */
typedef struct dq__mat_array {
    dq__mat_class kind;
    int rank;
    size_t dims[DQ__MAX_RANK], count;
    struct dq__span contents;
} dq__mat_array;

/* The variable `name`. A compressed one is inflated into *block (dq__free it when done with the array), else *block is NULL.
 * An error only for a damaged file or no memory. */
dq_status dq__mat_variable(const dq__file *file, const char *name, dq__mat_array *out, void **block, dq__error *err);
/* Element `index` of a cell array; field `name` of a 1×1 struct. */
dq__mat_array dq__mat_cell(const dq__mat_array *of, size_t index);
dq__mat_array dq__mat_field(const dq__mat_array *of, const char *name);
/* The text of a 1×n char array; false if it is none, does not fit or is not ASCII. */
bool dq__mat_text(const dq__mat_array *of, char *text, size_t size);
/* The numbers of a real single or double array, first dimension fastest. `type` is how they are stored; MATLAB stores whole
 * numbers as integers, which are converted into *owned. */
dq_status dq__mat_numbers(const dq__mat_array *of, const dq__file *file, dq__dtype *type, const unsigned char **data,
                          void **owned, dq__error *err);

#endif
