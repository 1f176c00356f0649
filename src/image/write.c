/* SPDX-License-Identifier: MIT
 * image/write.c: pictures become files: rounded to 8 or 16 bits, encoded in memory by libvips with an sRGB profile and the
 * record, then written whole or not at all. Nothing of an input's EXIF (place, time, camera) and no time of day goes in, so
 * the same pixels give the same bytes. */
#include "image/image.h"

#include "base/mem.h"
#include "base/number.h"
#include "image/parts.h"

#include <vips/vips.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- formats ---- */

/* An encoder leaves the bytes in *bytes, for g_free. */
typedef int (*encoder)(VipsImage *image, int quality, void **bytes, size_t *size);

static int encode_png(VipsImage *image, int quality, void **bytes, size_t *size) {
    (void)quality;
    return vips_pngsave_buffer(image, bytes, size, "compression", 6, "filter", VIPS_FOREIGN_PNG_FILTER_ALL, NULL);
}

static int encode_tiff(VipsImage *image, int quality, void **bytes, size_t *size) {
    (void)quality;
    return vips_tiffsave_buffer(image, bytes, size, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, "predictor",
                                VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, NULL);
}

/* 4:4:4, no chroma subsampling: painted strokes have hard edges in colour too. Tables made for the picture make
 * the file smaller but want all its coefficients in memory, 6 bytes a pixel, so very large pictures go without. */
static int encode_jpeg(VipsImage *image, int quality, void **bytes, size_t *size) {
    const gboolean tables = (int64_t)image->Xsize * image->Ysize < 1 << 26;
    return vips_jpegsave_buffer(image, bytes, size, "Q", quality, "optimize_coding", tables, "subsample_mode",
                                VIPS_FOREIGN_SUBSAMPLE_OFF, NULL);
}

static int encode_webp(VipsImage *image, int quality, void **bytes, size_t *size) {
    return vips_webpsave_buffer(image, bytes, size, "Q", quality, "smart_subsample", TRUE, NULL);
}

static int encode_avif(VipsImage *image, int quality, void **bytes, size_t *size) {
    return vips_heifsave_buffer(image, bytes, size, "Q", quality, "compression", VIPS_FOREIGN_HEIF_COMPRESSION_AV1,
                                "bitdepth", 8, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_OFF, NULL);
}

/* 4:2:0: most devices decode no other HEVC. */
static int encode_heic(VipsImage *image, int quality, void **bytes, size_t *size) {
    return vips_heifsave_buffer(image, bytes, size, "Q", quality, "compression", VIPS_FOREIGN_HEIF_COMPRESSION_HEVC,
                                "bitdepth", 8, "subsample_mode", VIPS_FOREIGN_SUBSAMPLE_ON, NULL);
}

static const struct format {
    const char *name, *title;
    encoder encode;
    bool lossless; /* then depth=16 is possible and quality means nothing */
    bool alpha;    /* JPEG has none: its colours are written as they are, not laid on a background */
    int max_side;
} formats[] = {{"png", "PNG", encode_png, true, true, DQ__MAX_SIDE},
               {"jpg", "JPEG", encode_jpeg, false, false, DQ__MAX_SIDE},
               {"jpeg", "JPEG", encode_jpeg, false, false, DQ__MAX_SIDE},
               {"webp", "WebP", encode_webp, false, true, 16383},
               {"tif", "TIFF", encode_tiff, true, true, DQ__MAX_SIDE},
               {"tiff", "TIFF", encode_tiff, true, true, DQ__MAX_SIDE},
               {"avif", "AVIF", encode_avif, false, true, DQ__MAX_SIDE},
               {"heic", "HEIC", encode_heic, false, true, DQ__MAX_SIDE}};

static dq_status find_format(const struct format **format, const char *name, dq__error *err) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcasecmp(name, formats[i].name) == 0) {
            *format = &formats[i];
            return DQ_OK;
        }
    return dq__fail(err, DQ_USAGE, "no format \"%s\"; use png, jpg, jpeg, webp, tif, tiff, avif or heic",
                    dq__shown_name(name));
}

static dq_status find_format_of_path(const struct format **format, const char *path, dq__error *err) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    if (!dot || (slash && dot < slash))
        return dq__fail(err, DQ_USAGE, "%s: needs an ending that says the format (.png .jpg .jpeg .webp .tif .tiff .avif .heic)",
                        dq__shown_name(path));
    return find_format(format, dot + 1, err);
}

/* ---- options ---- */

struct options {
    int quality, depth;
};

static dq_status set_option(struct options *options, const char *name, const char *value, const struct format *format,
                            dq__error *err) {
    int64_t n = 0;
    bool number = dq__parse_int(value, &n);
    if (strcmp(name, "quality") == 0) {
        if (format->lossless) return dq__fail(err, DQ_USAGE, "quality: %s loses nothing, it has no quality", format->title);
        if (!number || n < 1 || n > 100) return dq__fail(err, DQ_USAGE, "quality must be 1 to 100, not \"%s\"", value);
        options->quality = (int)n;
        return DQ_OK;
    }
    if (strcmp(name, "depth") == 0) {
        if (!number || (n != 8 && n != 16)) return dq__fail(err, DQ_USAGE, "depth must be 8 or 16, not \"%s\"", value);
        if (n == 16 && !format->lossless)
            return dq__fail(err, DQ_USAGE, "depth=16 is for PNG and TIFF, not for %s", format->title);
        options->depth = (int)n;
        return DQ_OK;
    }
    return dq__fail(err, DQ_USAGE, "no option \"%s\" for writing a picture; there are quality and depth", name);
}

/* "name=value,name=value" or NULL. */
static dq_status parse_options(struct options *options, const char *text, const struct format *format, dq__error *err) {
    *options = (struct options){.quality = 95, .depth = 8};
    if (!text || !*text) return DQ_OK;
    char *copy = dq__strdup(text), *rest = copy, *item;
    if (!copy) return dq__no_memory(err, strlen(text) + 1, "options");
    dq_status status = DQ_OK;
    while (!status && (item = strsep(&rest, ",")) != NULL) {
        char *value = strchr(item, '=');
        if (value) *value++ = 0;
        status = set_option(options, item, value ? value : "", format, err);
    }
    dq__free(copy);
    return status;
}

/* ---- encoding ---- */

static void put(void *samples, size_t i, float v, bool deep) {
    if (deep)
        ((uint16_t *)samples)[i] = (uint16_t)(dq__clamp01(v) * 65535.0f + 0.5f);
    else
        ((uint8_t *)samples)[i] = (uint8_t)(dq__clamp01(v) * 255.0f + 0.5f);
}

/* The pixels rounded to integers, alpha behind the colours; for dq__free. */
static void *round_pixels(const dq_image *image, bool alpha, int depth, size_t *size, dq__error *err) {
    size_t width = (size_t)image->width, pixels = width * (size_t)image->height, bands = alpha ? 4 : 3;
    bool deep = depth == 16;
    *size = pixels * bands * (deep ? 2 : 1);
    void *samples = dq__pixels_alloc(*size);
    if (!samples) {
        dq__no_memory(err, *size, "writing a picture");
        return NULL;
    }
    for (size_t i = 0; i < pixels; i++) {
        for (size_t c = 0; c < 3; c++) put(samples, i * bands + c, image->rgb[i * 3 + c], deep);
        if (alpha) put(samples, i * bands + 3, image->alpha[i], deep);
        if ((i + 1) % width == 0) dq__release(image->rgb + (i + 1 - width) * 3, width * 3 * sizeof(float));
    }
    return samples;
}

/* What the numbers mean, the sRGB profile, the record as XMP, 72 dots per inch. */
static int attach_metadata(VipsImage *to, const char *packet) {
    to->Type = to->BandFmt == VIPS_FORMAT_USHORT ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    to->Xres = to->Yres = 72 / 25.4;
    VipsBlob *profile = NULL;
    if (vips_profile_load("srgb", &profile, NULL)) return -1;
    size_t size;
    const void *bytes = vips_blob_get(profile, &size);
    vips_image_set_blob_copy(to, VIPS_META_ICC_NAME, bytes, size);
    vips_area_unref(VIPS_AREA(profile));
    if (packet) vips_image_set_blob_copy(to, VIPS_META_XMP_NAME, packet, strlen(packet));
    return 0;
}

static dq_status encoding_failed(const struct format *format, dq__error *err) {
    char reason[160];
    dq__vips_reason(reason, sizeof reason);
    return dq__fail(err, DQ_OUTPUT, "libvips cannot write this picture as %s (%s)", format->title, reason);
}

/* *bytes is for g_free. */
static dq_status encode(const dq_image *image, const struct format *format, const struct options *options, void **bytes,
                        size_t *size, dq__error *err) {
    if (image->width > format->max_side || image->height > format->max_side)
        return dq__fail(err, DQ_LIMIT, "%s holds at most %d pixels a side, not %d×%d; write PNG or TIFF", format->title,
                        format->max_side, image->width, image->height);
    dq_status status = dq__vips_start(err);
    if (status) return status;
    bool alpha = image->alpha && format->alpha;
    VipsImage *rounded = NULL;
    char *packet = NULL;
    size_t sample_bytes;
    void *samples = round_pixels(image, alpha, options->depth, &sample_bytes, err);
    if (!samples) return DQ_LIMIT;
    if (image->record && !(packet = dq__xmp_packet(image->record))) {
        status = dq__no_memory(err, strlen(image->record), "a record");
        goto done;
    }
    rounded = vips_image_new_from_memory(samples, sample_bytes, image->width, image->height, alpha ? 4 : 3,
                                         options->depth == 16 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    if (!rounded || attach_metadata(rounded, packet) || format->encode(rounded, options->quality, bytes, size))
        status = encoding_failed(format, err);
done:
    VIPS_UNREF(rounded);
    dq__free(packet);
    dq__free(samples);
    return status;
}

dq_status dq__image_encode(const dq_image *image, const char *format_name, const char *options_text, void **bytes, size_t *size,
                           dq__error *err) {
    *bytes = NULL;
    *size = 0;
    const struct format *format = NULL;
    struct options options;
    dq_status status = find_format(&format, format_name, err);
    if (!status) status = parse_options(&options, options_text, format, err);
    if (status) return status;
    void *encoded = NULL;
    size_t encoded_size = 0;
    status = encode(image, format, &options, &encoded, &encoded_size, err);
    if (status) return status;
    *bytes = dq__alloc(encoded_size);
    if (*bytes) {
        memcpy(*bytes, encoded, encoded_size);
        *size = encoded_size;
    } else {
        status = dq__no_memory(err, encoded_size, "an encoded picture");
    }
    g_free(encoded);
    return status;
}

/* ---- whole or not at all ---- */

/* A new file beside `path` under a name that nobody can foresee. O_EXCL: never follows a link, never opens what is there.
 * The system applies the umask (and the folder's default rights). *part is for free(). */
static int open_part(const char *path, char **part) {
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != sizeof random) break;
        if (asprintf(part, "%.*s.danqing-%016llx.part", folder, path, (unsigned long long)random) < 0) break;
        int file = open(*part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0) return file;
        int reason = errno;
        free(*part);
        errno = reason;
        if (reason != EEXIST) break;
    }
    *part = NULL;
    return -1;
}

static bool write_all(int file, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t n = write(file, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* 0, or the errno of what failed; then nothing is left behind and what was at `path` is still there. */
static int replace_file(const char *path, const void *bytes, size_t size) {
    char *part;
    int file = open_part(path, &part);
    if (file < 0) return errno;
    int failed = write_all(file, bytes, size) ? 0 : errno;
    if (!failed && fsync(file) && errno != EINVAL) failed = errno; /* EINVAL: this file system has no fsync */
    if (close(file) && !failed) failed = errno;
    if (!failed && rename(part, path)) failed = errno;
    if (failed) unlink(part);
    free(part);
    return failed;
}

/* Neither a folder nor a device is replaced by a file. */
static dq_status check_target(const char *path, dq__error *err) {
    struct stat info;
    if (stat(path, &info) || S_ISREG(info.st_mode)) return DQ_OK;
    return dq__fail(err, DQ_OUTPUT, "%s: is a %s, a picture cannot replace it", dq__shown_name(path),
                    S_ISDIR(info.st_mode) ? "folder" : "device");
}

dq_status dq__image_write(const dq_image *image, const char *path, const char *options_text, dq__error *err) {
    const struct format *format = NULL;
    struct options options;
    dq_status status = find_format_of_path(&format, path, err);
    if (!status) status = parse_options(&options, options_text, format, err);
    if (!status) status = check_target(path, err);
    if (status) return status;
    void *bytes = NULL;
    size_t size = 0;
    status = encode(image, format, &options, &bytes, &size, err);
    if (status) return status;
    char *target = realpath(path, NULL); /* a link is followed, so that it stays a link */
    int failed = replace_file(target ? target : path, bytes, size);
    if (failed) status = dq__fail(err, DQ_OUTPUT, "%s: cannot be written (%s)", dq__shown_name(path), g_strerror(failed));
    free(target);
    g_free(bytes);
    return status;
}
