/* SPDX-License-Identifier: MIT
 * train/images.c: lists the files, keeps decoded pictures in a cache, and makes crops in parallel. A crop is made by one
 * task, from its number alone; what the tasks share (cache, broken files) is behind one lock and changes no crop. */
#include "train/images.h"

#include "base/mem.h"
#include "image/image.h"
#include "train/draws.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LONGEST_SIDE = 640, SMALLEST_CROP = 8, LARGEST_CROP = 1024 };

struct file {
    char *path;
    /* What follows is behind the lock; pixels, once there, do not change while somebody uses them. */
    uint8_t *rgb; /* [height][width][3], or NULL: not decoded */
    int width, height, users;
    bool recent, broken;
};

struct group {
    char *name;
    int first, count; /* its files */
    double until;     /* crops whose first draw is below this, and not below the group before, come from here */
};

struct dq__images {
    struct file *file;
    struct group *group;
    int files, groups, broken;
    size_t room; /* entries that `file` has room for */
    size_t hand, cached, cache_bytes;
    pthread_mutex_t lock;
};

/* ---- the list of files ---- */

static bool ends_like_a_picture(const char *name) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i]) == 0) return true;
    return false;
}

static dq_status grow(dq__images *images, dq__error *err) {
    size_t room = images->room ? 2 * images->room : 256, bytes = room * sizeof(struct file);
    struct file *file = dq__alloc_zero(bytes);
    if (!file || room > INT_MAX / 2) {
        dq__free(file);
        return dq__no_memory(err, bytes, "a list of pictures");
    }
    if (images->files) memcpy(file, images->file, (size_t)images->files * sizeof *file);
    dq__free(images->file);
    images->file = file;
    images->room = room;
    return DQ_OK;
}

static dq_status add_file(dq__images *images, const char *path, dq__error *err) {
    if ((size_t)images->files == images->room) {
        dq_status status = grow(images, err);
        if (status) return status;
    }
    char *copy = dq__strdup(path);
    if (!copy) return dq__no_memory(err, strlen(path), "a list of pictures");
    images->file[images->files++].path = copy;
    return DQ_OK;
}

/* What the walk found: adds pictures, steps over hidden folders, fails where something cannot be read. */
static dq_status take_entry(dq__images *images, FTS *walk, FTSENT *entry, dq__error *err) {
    struct stat info;
    if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
        fts_set(walk, entry, FTS_SKIP);
        return DQ_OK;
    }
    switch (entry->fts_info) {
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS: return dq__fail(err, DQ_BAD_IMAGE, "%s: cannot be read (%s)", entry->fts_path, strerror(entry->fts_errno));
    case FTS_F: break;
    case FTS_SL:
        if (stat(entry->fts_accpath, &info) == 0 && S_ISREG(info.st_mode)) break;
        return DQ_OK;
    default: return DQ_OK;
    }
    return ends_like_a_picture(entry->fts_name) ? add_file(images, entry->fts_path, err) : DQ_OK;
}

static dq_status walk_folder(dq__images *images, char *name, dq__error *err) {
    char *roots[] = {name, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    if (!walk) return dq__fail(err, DQ_BAD_IMAGE, "%s: cannot be read (%s)", name, strerror(errno));
    dq_status status = DQ_OK;
    FTSENT *entry;
    while (!status && (errno = 0, entry = fts_read(walk)) != NULL) status = take_entry(images, walk, entry, err);
    if (!status && errno) status = dq__fail(err, DQ_BAD_IMAGE, "%s: cannot be read (%s)", name, strerror(errno));
    fts_close(walk);
    return status;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static dq_status add_group(dq__images *images, const char *folder, dq__error *err) {
    struct group *group = &images->group[images->groups];
    group->first = images->files;
    group->name = dq__strdup(folder);
    if (!group->name) return dq__no_memory(err, strlen(folder), "a list of pictures");
    images->groups++;
    dq_status status = walk_folder(images, group->name, err);
    if (status) return status;
    group->count = images->files - group->first;
    if (group->count == 0)
        return dq__fail(err, DQ_BAD_IMAGE, "%s: holds no pictures (jpg, jpeg, png, webp, tif, tiff)", folder);
    qsort(images->file + group->first, (size_t)group->count, sizeof *images->file, by_path);
    return DQ_OK;
}

static dq_status set_shares(dq__images *images, const double *share, dq__error *err) {
    double sum = 0;
    for (int g = 0; g < images->groups; g++) {
        double mine = share ? share[g] : images->group[g].count;
        if (!(mine >= 0) || !isfinite(mine))
            return dq__fail(err, DQ_USAGE, "%s: its share of the pictures must not be %g", images->group[g].name, mine);
        sum += mine;
        images->group[g].until = sum;
    }
    if (!(sum > 0) || !isfinite(sum)) return dq__fail(err, DQ_USAGE, "the shares of the folders of pictures add up to %g", sum);
    for (int g = 0; g < images->groups; g++) images->group[g].until /= sum;
    return DQ_OK;
}

dq_status dq__images_open(dq__images **out, const char *const *folder, const double *share, int folders,
                          size_t cache_bytes, dq__error *err) {
    *out = NULL;
    if (folders < 1) return dq__fail(err, DQ_USAGE, "training needs at least one folder of pictures");
    dq__images *images = dq__alloc_zero(sizeof *images);
    if (!images) return dq__no_memory(err, sizeof *images, "a list of pictures");
    pthread_mutex_init(&images->lock, NULL);
    images->cache_bytes = cache_bytes;
    images->group = dq__alloc_zero((size_t)folders * sizeof *images->group);
    dq_status status = images->group ? DQ_OK : dq__no_memory(err, (size_t)folders * sizeof *images->group, "folders");
    for (int i = 0; !status && i < folders; i++) status = add_group(images, folder[i], err);
    if (!status) status = set_shares(images, share, err);
    if (status) {
        dq__images_free(&images);
        return status;
    }
    *out = images;
    return DQ_OK;
}

void dq__images_free(dq__images **images) {
    dq__images *gone = *images;
    if (!gone) return;
    for (int i = 0; i < gone->files; i++) {
        dq__free(gone->file[i].path);
        dq__free(gone->file[i].rgb);
    }
    for (int i = 0; i < gone->groups; i++) dq__free(gone->group[i].name);
    dq__free(gone->file);
    dq__free(gone->group);
    pthread_mutex_destroy(&gone->lock);
    dq__free(gone);
    *images = NULL;
}

int dq__images_count(const dq__images *images) { return images->files; }
const char *dq__images_path(const dq__images *images, int file) { return images->file[file].path; }
int dq__images_broken(const dq__images *images) { return images->broken; }
size_t dq__images_cached(const dq__images *images) { return images->cached; }

/* ---- decoded pictures ---- */

static size_t bytes_of(const struct file *file) { return (size_t)file->width * (size_t)file->height * 3; }

static dq_status shrink(dq_image **image, dq__error *err) {
    int width = (*image)->width, height = (*image)->height, longest = width > height ? width : height;
    if (longest <= LONGEST_SIDE) return DQ_OK;
    int to_width = (int)((int64_t)width * LONGEST_SIDE / longest), to_height = (int)((int64_t)height * LONGEST_SIDE / longest);
    dq_image *small;
    dq_status status = dq__image_resize(&small, *image, to_width ? to_width : 1, to_height ? to_height : 1, err);
    if (status) return status;
    dq__image_free(image);
    *image = small;
    return DQ_OK;
}

/* 8 bits a channel; what can be seen through is on white. */
static dq_status pack(struct file *into, const dq_image *image, dq__error *err) {
    *into = (struct file){.width = image->width, .height = image->height};
    into->rgb = dq__alloc(bytes_of(into));
    if (!into->rgb) return dq__no_memory(err, bytes_of(into), "a picture");
    for (size_t i = 0; i < bytes_of(into); i++) {
        float v = image->rgb[i];
        if (image->alpha) v = 1 + image->alpha[i / 3] * (v - 1);
        into->rgb[i] = (uint8_t)(v * 255 + 0.5f);
    }
    return DQ_OK;
}

static dq_status decode(struct file *into, const char *path, dq__error *err) {
    dq_image *image;
    dq_status status = dq__image_read(&image, path, err);
    if (status) return status;
    status = shrink(&image, err);
    if (!status) status = pack(into, image, err);
    dq__image_free(&image);
    return status;
}

/* Under the lock: the hand goes round and drops pictures that nobody uses and nobody has used since it last came by. */
static void make_room(dq__images *images) {
    size_t files = (size_t)images->files;
    for (size_t steps = 0; images->cached > images->cache_bytes && steps < 2 * files; steps++) {
        struct file *file = &images->file[images->hand];
        images->hand = (images->hand + 1) % files;
        if (!file->rgb || file->users) continue;
        if (file->recent) {
            file->recent = false;
            continue;
        }
        images->cached -= bytes_of(file);
        dq__free(file->rgb);
        file->rgb = NULL;
    }
}

/* Under the lock: `decoded` becomes the file's picture, unless another task was first. */
static void keep(dq__images *images, struct file *file, struct file *decoded) {
    if (file->rgb) {
        dq__free(decoded->rgb);
        return;
    }
    file->rgb = decoded->rgb;
    file->width = decoded->width;
    file->height = decoded->height;
    images->cached += bytes_of(file);
}

/* The file's pixels are there until release. DQ_BAD_IMAGE: it is broken. */
static dq_status hold(dq__images *images, struct file *file, dq__error *err) {
    pthread_mutex_lock(&images->lock);
    bool there = file->rgb, broken = file->broken;
    if (there) file->users++;
    file->recent = true;
    pthread_mutex_unlock(&images->lock);
    if (there) return DQ_OK;
    if (broken) return dq__fail(err, DQ_BAD_IMAGE, "%s: could not be read", file->path);

    struct file decoded = {0};
    dq_status status = decode(&decoded, file->path, err);
    pthread_mutex_lock(&images->lock);
    if (status == DQ_OK) {
        keep(images, file, &decoded);
        file->users++;
        make_room(images);
    } else if (status == DQ_BAD_IMAGE && !file->broken) {
        file->broken = true;
        images->broken++;
    }
    pthread_mutex_unlock(&images->lock);
    return status;
}

static void release(dq__images *images, struct file *file) {
    pthread_mutex_lock(&images->lock);
    file->users--;
    make_room(images);
    pthread_mutex_unlock(&images->lock);
}

/* ---- crops ---- */

struct batch {
    dq__images *images;
    const dq__augment *augment;
    uint64_t seed;
    int64_t first;
    int side;
    float *rgb;
    dq_status *status; /* of each crop */
    dq__error *error;
};

/* The file for a part of a crop, held: the one that was drawn, or the next in its folder that can be read. */
static dq_status hold_drawn(struct file **out, const struct batch *batch, int64_t crop, int part, dq__error *err) {
    dq__images *images = batch->images;
    dq__draws draws = dq__draws_at(batch->seed, crop, DQ__DRAW_PICK + part);
    double at = dq__draw(&draws);
    int g = 0;
    while (g < images->groups - 1 && at >= images->group[g].until) g++;
    const struct group *group = &images->group[g];
    int drawn = dq__draw_below(&draws, group->count);
    for (int i = 0; i < group->count; i++) {
        int next = (int)(((int64_t)drawn + i) % group->count);
        struct file *file = &images->file[group->first + next];
        dq_status status = hold(images, file, err);
        if (status == DQ_OK) *out = file;
        if (status != DQ_BAD_IMAGE) return status;
    }
    return dq__fail(err, DQ_BAD_IMAGE, "%s: none of its %d pictures can be read", group->name, group->count);
}

static void copy_window(float *out, const struct file *file, const dq__window *window) {
    for (int y = 0; y < window->size; y++) {
        const uint8_t *row = file->rgb + 3 * ((size_t)(window->y + y) * (size_t)file->width + (size_t)window->x);
        for (int x = 0; x < window->size; x++) {
            const uint8_t *pixel = row + 3 * (window->flip ? window->size - 1 - x : x);
            for (int c = 0; c < 3; c++) *out++ = (float)pixel[c] / 255;
        }
    }
}

static dq_status cut(float *out, int side, const struct file *file, const dq__window *window, dq__error *err) {
    dq_image *piece, *resized = NULL;
    dq_status status = dq__image_new(&piece, window->size, window->size, false, err);
    if (status) return status;
    copy_window(piece->rgb, file, window);
    status = dq__image_resize(&resized, piece, side, side, err);
    if (!status) memcpy(out, resized->rgb, (size_t)side * (size_t)side * 3 * sizeof *out);
    dq__image_free(&piece);
    dq__image_free(&resized);
    return status;
}

static dq_status make_part(const struct batch *batch, int64_t crop, int part, float *out, dq__error *err) {
    struct file *file = NULL;
    dq_status status = hold_drawn(&file, batch, crop, part, err);
    if (status) return status;
    dq__window window =
        dq__augment_window(batch->augment, batch->seed, crop, part, file->width, file->height, batch->side);
    status = cut(out, batch->side, file, &window, err);
    release(batch->images, file);
    return status;
}

static dq_status make_crop(const struct batch *batch, int64_t crop, float *out, dq__error *err) {
    int parts = dq__augment_parts(batch->augment, batch->seed, crop);
    size_t values = (size_t)batch->side * (size_t)batch->side * 3, bytes = (size_t)(parts + 1) * values * sizeof(float);
    float *work = dq__alloc(bytes), *part[DQ__PARTS_MAX] = {out}; /* two for scratch, then the other parts */
    if (!work) return dq__no_memory(err, bytes, "a crop");
    dq_status status = DQ_OK;
    for (int p = 0; !status && p < parts; p++) {
        if (p > 0) part[p] = work + (size_t)(p + 1) * values;
        status = make_part(batch, crop, p, part[p], err);
    }
    if (!status) dq__augment_apply(batch->augment, batch->seed, crop, part, batch->side, work);
    dq__free(work);
    return status;
}

static void crop_task(void *work, int task) {
    const struct batch *batch = work;
    size_t values = (size_t)batch->side * (size_t)batch->side * 3;
    batch->status[task] = make_crop(batch, batch->first + task, batch->rgb + (size_t)task * values, &batch->error[task]);
}

dq_status dq__images_batch(dq__images *images, dq__pool *pool, const dq__augment *augment, uint64_t seed, int64_t first,
                           int n, int side, float *rgb, dq__error *err) {
    static const dq__augment plain;
    if (!augment) augment = &plain;
    dq_status status = dq__augment_check(augment, err);
    if (status) return status;
    if (side < SMALLEST_CROP || side > LARGEST_CROP || n < 0 || first < 0 || first > INT64_MAX - n)
        return dq__fail(err, DQ_USAGE, "%d crops of %d pixels cannot be made (sides are %d … %d)", n, side, SMALLEST_CROP,
                        LARGEST_CROP);
    struct batch batch = {images, augment, seed, first, side, rgb, NULL, NULL};
    size_t bytes = (size_t)n * sizeof(dq__error);
    batch.status = dq__alloc_zero((size_t)n * sizeof(dq_status));
    batch.error = dq__alloc_zero(bytes);
    if (n && (!batch.status || !batch.error)) {
        status = dq__no_memory(err, bytes, "crops");
        goto done;
    }
    dq__pool_run(pool, n, crop_task, &batch);
    for (int i = 0; i < n && !status; i++) {
        status = batch.status[i];
        if (status && err) *err = batch.error[i];
    }
done:
    dq__free(batch.status);
    dq__free(batch.error);
    return status;
}
