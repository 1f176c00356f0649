/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_tfjs.c: TensorFlow.js' list of arrays, with their numbers after it. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_tfjs, dq__read_tfjs);
}
