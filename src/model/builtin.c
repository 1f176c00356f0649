/* SPDX-License-Identifier: MIT
 * model/builtin.c: models/compact.safetensors as it was when this was built. The assembler reads the file; DQ_BUILTIN is its
 * path, given by the build. */
#include "model/builtin.h"

const char dq__builtin_name[] = "compact";

__asm__(".pushsection .rodata\n"
        ".balign 64\n"
        "dq__builtin_begin:\n"
        ".incbin \"" DQ_BUILTIN "\"\n"
        "dq__builtin_end:\n"
        ".byte 0\n"
        ".popsection\n");

extern const char dq__builtin_begin[] __attribute__((visibility("hidden")));
extern const char dq__builtin_end[] __attribute__((visibility("hidden")));

const void *dq__builtin(size_t *bytes) {
    *bytes = (size_t)(dq__builtin_end - dq__builtin_begin);
    return dq__builtin_begin;
}
