/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_cascade.c: any bytes as a cascade; one that is accepted must be able to search a picture. */
#include "base/mem.h"
#include "image/cascade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { SIDE = 24 };
    dq__cascade *cascade;
    dq__hit hits[4];
    double sums[(SIDE + 1) * (SIDE + 1)];
    if (dq__cascade_parse(&cascade, (const char *)data, size, "fuzz", NULL)) return 0;
    for (int y = 0; y <= SIDE; y++)
        for (int x = 0; x <= SIDE; x++) sums[y * (SIDE + 1) + x] = x * y * (double)(1 + (x * 7 + y * 3) % 11);
    dq__cascade_search(cascade, &(dq__grey){SIDE, SIDE, sums}, &(dq__search){0, 0, SIDE, SIDE, 12, SIDE, 1}, hits, 4);
    dq__cascade_free(&cascade);
    return 0;
}
