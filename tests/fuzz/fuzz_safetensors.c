/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_safetensors.c: the header of safetensors, the network in its metadata, the arrays. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_safetensors, dq__read_safetensors);
}
