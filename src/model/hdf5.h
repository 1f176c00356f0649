/* SPDX-License-Identifier: MIT
 * model/hdf5.h: the part of HDF5 that Keras' weights use, as views into memory: groups, and arrays of floats stored in one
 * piece. Written here because a weights file may come from anywhere and libhdf5 crashes on damaged ones. It knows nothing of
 * networks. */
#ifndef DQ_MODEL_HDF5_H
#define DQ_MODEL_HDF5_H

#include "model/tensors.h"

/* An open file; it only refers to the bytes. */
typedef struct dq__h5 {
    const dq__file *file;
    uint64_t base; /* addresses count from here */
    uint64_t root; /* address of the root group */
    int nodes_left; /* what may still be visited: a damaged file may hold circles */
} dq__h5;

typedef enum dq__h5_kind { DQ__H5_OTHER, DQ__H5_GROUP, DQ__H5_ARRAY } dq__h5_kind;

/* What an address holds. */
typedef struct dq__h5_object {
    dq__h5_kind kind;
    uint64_t tree, heap; /* of a group */
    int rank;            /* of an array, C order; dq__dtype DQ__NOT_FLOAT if it is of something else */
    size_t dims[DQ__MAX_RANK];
    dq__dtype type;
    const unsigned char *data; /* NULL if not stored in one piece */
} dq__h5_object;

/* Called for each member of a group; true stops. */
typedef bool (*dq__h5_visit)(void *user, const char *name, uint64_t address);

dq_status dq__h5_open(dq__h5 *h5, const dq__file *file, dq__error *err);
dq_status dq__h5_object_at(dq__h5 *h5, uint64_t address, dq__h5_object *out, dq__error *err);
/* Visits the members of a group in the order of their names. */
dq_status dq__h5_members(dq__h5 *h5, const dq__h5_object *group, dq__h5_visit visit, void *user, dq__error *err);
/* The member called `name`; *address is 0 if there is none. */
dq_status dq__h5_find(dq__h5 *h5, const dq__h5_object *group, const char *name, uint64_t *address, dq__error *err);

#endif
