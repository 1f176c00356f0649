/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_kernel.c: any text as a matrix for filter. What is accepted has a middle and finite numbers; what is refused
 * is refused with one line. */
#include "explain/kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dq__kernel kernel;
    dq__error err = {.text = ""};
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    const dq_status status = dq__kernel_parse(&kernel, text, &err);
    require(status == DQ_OK || (*err.text && !strchr(err.text, '\n')));
    if (!status) {
        require(kernel.count == 1 && kernel.rows % 2 == 1 && kernel.columns % 2 == 1);
        require(kernel.rows <= DQ__MAX_KERNEL && kernel.columns <= DQ__MAX_KERNEL);
        for (int i = 0; i < kernel.rows * kernel.columns; i++) require(isfinite(kernel.k[0][i]));
    }
    dq__kernel_free(&kernel);
    free(text);
    return 0;
}
