/* SPDX-License-Identifier: MIT
 * studio/assets.c: the files of assets.def as they were when this was built: the assembler reads them from the folders
 * DQ_WEB and DQ_SAMPLES that the build names. */
#include "assets.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EMBED(symbol, path) \
    __asm__(".pushsection .rodata\n" \
            "studio_" #symbol "_begin:\n" \
            ".incbin \"" path "\"\n" \
            "studio_" #symbol "_end:\n" \
            ".byte 0\n" \
            ".popsection\n"); \
    extern const char studio_##symbol##_begin[] __attribute__((visibility("hidden"))); \
    extern const char studio_##symbol##_end[] __attribute__((visibility("hidden")));

#define PAGE(symbol, file, type) EMBED(symbol, DQ_WEB "/" file)
#define SAMPLE(symbol, file, id, kind, name) EMBED(symbol, DQ_SAMPLES "/" file)
#include "assets.def"
#undef PAGE
#undef SAMPLE

static asset pages[] = {
#define PAGE(symbol, file, type) {"/" file, type, studio_##symbol##_begin, studio_##symbol##_end, ""},
#define SAMPLE(symbol, file, id, kind, name)
#include "assets.def"
#undef PAGE
#undef SAMPLE
};

static const asset_sample samples[] = {
#define PAGE(symbol, file, type)
#define SAMPLE(symbol, file, id, kind, name) {id, kind, name, studio_##symbol##_begin, studio_##symbol##_end},
#include "assets.def"
#undef PAGE
#undef SAMPLE
};
enum { PAGES = sizeof pages / sizeof *pages, SAMPLES = sizeof samples / sizeof *samples };

size_t asset_size(const asset *a) { return (size_t)(a->end - a->begin); }

/* FNV-1a of the contents, so that a browser asks again only for what has changed. */
static void make_tags(void) {
    for (int i = 0; i < PAGES; i++) {
        uint64_t hash = 14695981039346656037ull;
        for (const char *p = pages[i].begin; p < pages[i].end; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211ull;
        snprintf(pages[i].tag, sizeof pages[i].tag, "\"%016llx\"", (unsigned long long)hash);
    }
}

const asset *asset_named(const char *name) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_tags);
    for (int i = 0; i < PAGES; i++)
        if (strcmp(pages[i].name, name) == 0) return &pages[i];
    return NULL;
}

const asset_sample *asset_sample_at(int index) { return index >= 0 && index < SAMPLES ? &samples[index] : NULL; }
