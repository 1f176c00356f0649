/* SPDX-License-Identifier: MIT
 * tests/fuzz/reader.h: what the fuzz targets of the weight readers share. One reader gets the bytes if it would claim them;
 * a sound model or one line that says why not must come out, and no memory may stay behind. */
#ifndef DQ_FUZZ_READER_H
#define DQ_FUZZ_READER_H

#include "base/mem.h"
#include "model/tensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static dq_status read_all(const dq__file *file, dq_model *model, dq__error *err,
                          dq_status (*read)(const dq__file *, dq__tensors *, dq__error *)) {
    dq__tensors list;
    dq_status status = dq__tensors_init(&list, err);
    if (status) return status;
    status = read(file, &list, err);
    if (!status) status = dq__build(model, &list, file, err);
    if (!status) status = dq__model_check(model, file->name, err);
    dq__tensors_deinit(&list);
    return status;
}

static int fuzz_reader(const uint8_t *data, size_t size, bool (*is)(const dq__file *),
                       dq_status (*read)(const dq__file *, dq__tensors *, dq__error *)) {
    dq__file file = {.bytes = data, .size = size, .name = "fuzz"};
    dq__error err = {0};
    dq_model *model;
    if (size == 0 || !is(&file) || dq__model_new(&model, &err)) return 0;
    dq_status status = read_all(&file, model, &err, read);
    if (status ? strncmp(err.text, "fuzz: ", 6) != 0 && status != DQ_LIMIT
               : !strstr(dq__model_describe(model), "\"parameters\""))
        abort();
    dq__model_free(&model);
    if (dq__mem_now() != 0) abort();
    return 0;
}

#endif
