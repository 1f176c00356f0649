/* SPDX-License-Identifier: MIT
 * studio/sniff.c: reads just the fields of PNG, JPEG and WebP headers that say how large the picture is. */
#include "sniff.h"

#include <string.h>

static uint32_t big(const unsigned char *p, int bytes) {
    uint32_t n = 0;
    for (int i = 0; i < bytes; i++) n = n << 8 | p[i];
    return n;
}

static uint32_t little(const unsigned char *p, int bytes) {
    uint32_t n = 0;
    for (int i = bytes; i-- > 0;) n = n << 8 | p[i];
    return n;
}

static int png_size(const unsigned char *p, size_t size, uint32_t *w, uint32_t *h) {
    if (size < 24 || memcmp(p + 12, "IHDR", 4) != 0) return -1;
    *w = big(p + 16, 4), *h = big(p + 20, 4);
    return 0;
}

/* The frame header SOF0 … SOF15, but not the tables DHT, JPG, DAC among these numbers. */
static int is_frame(unsigned char marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static int jpeg_size(const unsigned char *p, size_t size, uint32_t *w, uint32_t *h) {
    for (size_t at = 2; at + 9 < size;) {
        if (p[at] != 0xff) return -1;
        const unsigned char marker = p[at + 1];
        if (marker == 0xff) {
            at++;
            continue;
        }
        if (is_frame(marker)) {
            *h = big(p + at + 5, 2), *w = big(p + at + 7, 2);
            return 0;
        }
        if (marker == 0xda || marker == 0xd9 || marker < 0xc0) return -1;
        at += 2 + (size_t)big(p + at + 2, 2);
    }
    return -1;
}

static int webp_size(const unsigned char *p, size_t size, uint32_t *w, uint32_t *h) {
    if (size < 30) return -1;
    if (memcmp(p + 12, "VP8X", 4) == 0) *w = little(p + 24, 3) + 1, *h = little(p + 27, 3) + 1;
    else if (memcmp(p + 12, "VP8L", 4) == 0 && p[20] == 0x2f)
        *w = (little(p + 21, 2) & 0x3fff) + 1, *h = (little(p + 22, 3) >> 6 & 0x3fff) + 1;
    else if (memcmp(p + 12, "VP8 ", 4) == 0 && p[23] == 0x9d && p[24] == 0x01 && p[25] == 0x2a)
        *w = little(p + 26, 2) & 0x3fff, *h = little(p + 28, 2) & 0x3fff;
    else return -1;
    return 0;
}

const char *sniff(const void *bytes, size_t size, uint32_t *width, uint32_t *height) {
    const unsigned char *p = bytes;
    const char *kind = NULL;
    *width = *height = 0;
    if (size < 16) return NULL;
    if (memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) kind = png_size(p, size, width, height) ? NULL : "png";
    else if (memcmp(p, "\xff\xd8\xff", 3) == 0) kind = jpeg_size(p, size, width, height) ? NULL : "jpeg";
    else if (memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
        kind = webp_size(p, size, width, height) ? NULL : "webp";
    else if (memcmp(p + 4, "ftyphei", 7) == 0 || memcmp(p + 4, "ftyphev", 7) == 0 || memcmp(p + 4, "ftypmif1", 8) == 0 ||
             memcmp(p + 4, "ftypavi", 7) == 0)
        return "heif";
    return kind && *width > 0 && *height > 0 ? kind : NULL;
}
