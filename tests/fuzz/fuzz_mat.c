/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_mat.c: MATLAB's files: elements, cells, structs, compressed variables. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_mat, dq__read_mat);
}
