/* SPDX-License-Identifier: MIT
 * model/read.c: opens a weights file, tells its format by its content and hands it to the reader. The only place of model/
 * that maps files; formats are in read_*.c, layers in build.c. */
#include "base/mem.h"
#include "model/tensors.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t max_file = (size_t)2 << 30;

struct format {
    const char *name;
    bool (*is)(const dq__file *file);
    dq_status (*read)(const dq__file *file, dq__tensors *list, dq__error *err);
};

/* By signature; the one without comes last. MATLAB 7.3 files are HDF5 behind a header of MATLAB's, so MATLAB comes first. */
static const struct format formats[] = {
    {"mat", dq__is_mat, dq__read_mat},
    {"h5", dq__is_h5, dq__read_h5},
    {"pth", dq__is_pth, dq__read_pth},
    {"safetensors", dq__is_safetensors, dq__read_safetensors},
    {"tfjs", dq__is_tfjs, dq__read_tfjs},
    {"squeezenet", dq__is_squeezenet, dq__read_squeezenet},
    {"caffemodel", dq__is_caffemodel, dq__read_caffemodel},
};

static const struct format *format_of(const dq__file *file) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].is(file)) return &formats[i];
    return NULL;
}

static dq_status read_list(const dq__file *file, const struct format *format, dq_model *model, dq__error *err) {
    dq__tensors list;
    dq_status status = dq__tensors_init(&list, err);
    if (status) return status;
    status = format->read(file, &list, err);
    if (!status) status = dq__build(model, &list, file, err);
    dq__tensors_deinit(&list);
    return status;
}

/* The last part of the name, as valid UTF-8. */
static void set_source(dq_model *model, const char *name) {
    const char *slash = strrchr(name, '/');
    snprintf(model->source, sizeof model->source, "%s", slash ? slash + 1 : name);
    const char *end;
    while (!g_utf8_validate(model->source, -1, &end)) model->source[end - model->source] = '?';
}

static dq_status set_sha256(dq_model *model, const dq__file *file, dq__error *err) {
    char *hex = g_compute_checksum_for_data(G_CHECKSUM_SHA256, file->bytes, file->size);
    if (!hex) return dq__fail(err, DQ_FAILED, "%s: its checksum cannot be computed", file->name);
    snprintf(model->sha256, sizeof model->sha256, "%s", hex);
    g_free(hex);
    return DQ_OK;
}

static dq_status read_file(dq_model **out, const dq__file *file, dq__error *err) {
    dq_model *model = NULL;
    *out = NULL;
    if (file->size == 0) return dq__fail(err, DQ_BAD_MODEL, "%s: the file is empty", file->name);
    if (file->size > max_file) return dq__fail(err, DQ_BAD_MODEL, "%s: larger than 2 GiB, no weights of a VGG are", file->name);
    const struct format *format = format_of(file);
    if (!format)
        return dq__fail(err, DQ_BAD_MODEL,
                        "%s: not a weights file (safetensors, PyTorch, Keras HDF5, MatConvNet, Caffe, Tiny Darknet's and "
                        "SqueezeNet's are)", file->name);
    dq_status status = dq__model_new(&model, err);
    if (status) return status;
    snprintf(model->format, sizeof model->format, "%s", format->name);
    set_source(model, file->name);
    status = set_sha256(model, file, err);
    if (!status) status = read_list(file, format, model, err);
    if (!status) status = dq__model_check(model, file->name, err);
    if (status) dq__model_free(&model);
    *out = model;
    return status;
}

dq_status dq__model_read_memory(dq_model **out, const void *bytes, size_t size, const char *name, dq__error *err) {
    dq__file file = {.bytes = bytes, .size = size, .name = name};
    return read_file(out, &file, err);
}

/* Reads what was mapped; a model.json with the files that belong to it. */
static dq_status read_mapped(dq_model **out, const dq__file *file, dq__error *err) {
    if (!file->bytes || !dq__is_tfjs(file)) return read_file(out, file, err); /* not mapped: empty or too large */
    dq__file all;
    dq_status status = dq__tfjs_gather(file, &all, err);
    if (!status) status = read_file(out, &all, err);
    dq__free((void *)(uintptr_t)all.bytes);
    return status;
}

static dq_status read_path(dq_model **out, const char *path, dq__error *err) {
    struct stat info;
    dq_status status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
    if (fd < 0) return dq__fail(err, DQ_BAD_MODEL, "%s: cannot be opened: %s", path, strerror(errno));
    dq__file file = {.name = path};
    void *map = MAP_FAILED;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        status = dq__fail(err, DQ_BAD_MODEL, "%s: not a file", path);
        goto done;
    }
    file.size = (size_t)info.st_size;
    if (file.size > 0 && file.size <= max_file) {
        map = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = dq__fail(err, DQ_BAD_MODEL, "%s: cannot be read: %s", path, strerror(errno));
            goto done;
        }
        file.bytes = map;
    }
    status = read_mapped(out, &file, err);
done:
    if (map != MAP_FAILED) munmap(map, file.size);
    close(fd);
    return status;
}

dq_status dq__model_read(dq_model **out, const char *path, dq__error *err) {
    struct stat info;
    char inside[4096];
    *out = NULL;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return read_path(out, path, err);
    const int length = snprintf(inside, sizeof inside, "%s/model.json", path);
    if (length < 0 || (size_t)length >= sizeof inside || access(inside, F_OK) != 0)
        return dq__fail(err, DQ_BAD_MODEL, "%s: not a file, and no folder with a model.json", path);
    return read_path(out, inside, err);
}
