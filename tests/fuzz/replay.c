/* SPDX-License-Identifier: MIT
 * tests/fuzz/replay.c: runs a fuzz target on every file of a corpus folder, so that each build checks what fuzzing found,
 * without a fuzzer. Fails when the folder has no file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
    struct stat info;
    FILE *file = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    if (!file) return 0;
    size_t size = (size_t)info.st_size;
    uint8_t *bytes = malloc(size ? size : 1); /* of the exact size, so that a sanitizer sees a read beyond it */
    size_t got = bytes ? fread(bytes, 1, size, file) : 0;
    fclose(file);
    if (bytes && got == size) LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return bytes && got == size;
}

int main(int argc, char **argv) {
    int count = 0;
    struct dirent *entry;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    while ((entry = readdir(folder))) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        count += replay(path);
    }
    closedir(folder);
    printf("%d inputs\n", count);
    return count ? 0 : 1;
}
