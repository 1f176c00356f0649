/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_pth.c: PyTorch's two layouts: zip archives, pickles, storages. */
#include "reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_reader(data, size, dq__is_pth, dq__read_pth);
}
