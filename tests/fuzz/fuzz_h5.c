/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_h5.c: Keras' HDF5 files: superblock, object headers, groups, arrays. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_h5, dq__read_h5);
}
