/* SPDX-License-Identifier: MIT
 * train/images.h: a set of pictures for training: all pictures below some folders, and the crops that are made of them,
 * several at a time. Decoded pictures are kept in a cache of bounded size. Neither threads nor cache nor the order of calls
 * change a crop. */
#ifndef DQ_TRAIN_IMAGES_H
#define DQ_TRAIN_IMAGES_H

#include "base/pool.h"
#include "train/augment.h"

#include <stddef.h>

typedef struct dq__images dq__images;

/* Lists the files below the folders that end in jpg, jpeg, png, webp, tif or tiff (either case), sorted by path in byte
 * order. Hidden files and folders are left out; links to files count, links to folders are not followed. Nothing is decoded
 * yet. share[k] ≥ 0: the share of crops that come from folder k (only their ratio matters); NULL = by number of files.
 * DQ_BAD_IMAGE: a folder that cannot be read or has no pictures. DQ_USAGE: no folders, or shares that are no shares. */
dq_status dq__images_open(dq__images **out, const char *const *folder, const double *share, int folders,
                          size_t cache_bytes, dq__error *err);
void dq__images_free(dq__images **images);
/* Number of files. */
int dq__images_count(const dq__images *images);
/* Path of file number `file`, folder after folder. */
const char *dq__images_path(const dq__images *images, int file);
/* How many files turned out not to be readable so far. The next of the same folder takes the place of such a file. */
int dq__images_broken(const dq__images *images);
/* Bytes of decoded pictures in the cache now. Between batches at most cache_bytes; within one, pictures in use come on
 * top. */
size_t dq__images_cached(const dq__images *images);

/* Writes crops number first … first+n−1 into rgb [n][side][side][3], sRGB in [0,1]. Crop k depends on (seed, k), `augment`
 * (NULL: a plain random crop), `side` and the set alone. Pictures are shrunk to a longest side of at most 640 when decoded;
 * a window larger than its picture is made smaller, so that the picture is enlarged. One batch at a time; pool may be NULL.
 * DQ_BAD_IMAGE: a folder has no readable file. */
dq_status dq__images_batch(dq__images *images, dq__pool *pool, const dq__augment *augment, uint64_t seed, int64_t first,
                           int n, int side, float *rgb, dq__error *err);

#endif
