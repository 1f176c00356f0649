/* SPDX-License-Identifier: MIT
 * tests/unit/folder.h: a folder of its own for a test program, gone at the end; the group fails if a test left a file in it.
 * Used as cmocka_run_group_tests(tests, make_folder, remove_folder). */
#ifndef DQ_TEST_FOLDER_H
#define DQ_TEST_FOLDER_H

#include "layouts.h"

#include <unistd.h>

static char folder[256];

static inline int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/danqing-readers-XXXXXX", P_tmpdir);
    return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static inline const char *in_folder(const char *name) {
    static char path[320];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *path, const void *data, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline struct bytes read_bytes(const char *path) {
    struct bytes b = {0};
    unsigned char block[4096];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) put(&b, block, n);
    fclose(f);
    return b;
}

#endif
