/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_squeezenet.c: SqueezeNet's compressed file: counts, codes, gaps. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_squeezenet, dq__read_squeezenet);
}
