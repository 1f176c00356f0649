/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_caffemodel.c: Caffe's networks: the wire format, layers, blobs. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_caffemodel, dq__read_caffemodel);
}
