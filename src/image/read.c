/* SPDX-License-Identifier: MIT
 * image/read.c: files and bytes become pictures: kind recognised by its first bytes, header checked before any pixel is
 * decoded, turned upright, converted to sRGB, stored as float strip by strip. The loaders are named here one by one, so that
 * nothing but the six kinds below is ever tried on bytes from outside. */
#include "image/image.h"

#include "base/mem.h"
#include "image/parts.h"

#include <vips/vips.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- which kind ---- */

static const struct kind {
    int offset, length;
    const char *magic, *loader;
} kinds[] = {
    {0, 3, "\xff\xd8\xff", "jpegload_source"},   {0, 8, "\x89PNG\r\n\x1a\n", "pngload_source"},
    {8, 4, "WEBP", "webpload_source"},           {0, 4, "II*\0", "tiffload_source"},
    {0, 4, "MM\0*", "tiffload_source"},          {0, 4, "II+\0", "tiffload_source"},
    {0, 4, "MM\0+", "tiffload_source"},          {4, 7, "ftyphei", "heifload_source"},
    {4, 7, "ftyphev", "heifload_source"},        {4, 8, "ftypmif1", "heifload_source"},
    {4, 8, "ftypmsf1", "heifload_source"},       {4, 7, "ftypavi", "heifload_source"}};

enum { SNIFFED = 12 };

/* The loader for what begins with `bytes`, or NULL. */
static const char *find_loader(const unsigned char *bytes, int64_t size) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *k = &kinds[i];
        if (size >= k->offset + k->length && memcmp(bytes + k->offset, k->magic, (size_t)k->length) == 0) return k->loader;
    }
    return NULL;
}

/* What libvips says, in our words. */
static dq_status damaged(const char *name, dq__error *err) {
    char reason[160];
    dq__vips_reason(reason, sizeof reason);
    if (strstr(reason, "out of memory") || strstr(reason, "limit exceeded"))
        return dq__fail(err, DQ_LIMIT, "%s: too large to decode (%s)", name, reason);
    return dq__fail(err, DQ_BAD_IMAGE, "%s: damaged or cut off (%s)", name, reason);
}

static dq_status open_image(VipsImage **image, VipsSource *source, const char *name, dq__error *err) {
    unsigned char *bytes = NULL;
    int64_t size = vips_source_sniff_at_most(source, &bytes, SNIFFED);
    if (size < 0) return damaged(name, err);
    if (size == 0) return dq__fail(err, DQ_BAD_IMAGE, "%s: is empty", name);
    const char *loader = find_loader(bytes, size);
    if (!loader)
        return dq__fail(err, DQ_BAD_IMAGE, "%s: not a picture of a kind that is read here (JPEG, PNG, WebP, TIFF, HEIC, AVIF)",
                        name);
    if (!vips_type_find("VipsOperation", loader))
        return dq__fail(err, DQ_BAD_IMAGE, "%s: the libvips of this system cannot read it (it has no %s)", name, loader);
    if (vips_call(loader, source, image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL))
        return damaged(name, err);
    return DQ_OK;
}

/* ---- upright and in sRGB ---- */

static void replace(VipsImage **image, VipsImage *next) {
    g_object_unref(*image);
    *image = next;
}

/* A file is decoded from top to bottom once; turning needs it in any order, hence the copy in memory. */
static int turn_upright(VipsImage **image) {
    if (vips_image_get_orientation(*image) < 2) return 0;
    VipsImage *copy = vips_image_copy_memory(*image), *turned = NULL;
    if (!copy) return -1;
    replace(image, copy);
    if (vips_autorot(*image, &turned, NULL)) return -1;
    replace(image, turned);
    return 0;
}

static bool is_integer(const VipsImage *image) {
    return image->BandFmt == VIPS_FORMAT_UCHAR || image->BandFmt == VIPS_FORMAT_USHORT;
}

static int count_colours(VipsImage *image) {
    switch (vips_image_guess_interpretation(image)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16: return 1;
    case VIPS_INTERPRETATION_CMYK: return 4;
    default: return image->Bands < 3 ? 1 : 3;
    }
}

/* The profile that write.c attaches: nothing to convert then. */
static bool profile_is_srgb(VipsImage *image) {
    const void *bytes;
    size_t size, own_size;
    VipsBlob *own = NULL;
    if (vips_image_get_blob(image, VIPS_META_ICC_NAME, &bytes, &size) || vips_profile_load("srgb", &own, NULL)) return false;
    const void *own_bytes = vips_blob_get(own, &own_size);
    bool same = size == own_size && memcmp(bytes, own_bytes, size) == 0;
    vips_area_unref(VIPS_AREA(own));
    return same;
}

/* True for grey and RGB of 8 or 16 bits without a profile of another colour space: these are stored as they are. */
static bool is_plain(VipsImage *image) {
    switch (vips_image_guess_interpretation(image)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_MULTIBAND: break;
    default: return false;
    }
    return is_integer(image) && (!vips_image_get_typeof(image, VIPS_META_ICC_NAME) || profile_is_srgb(image));
}

/* `colours` becomes 16-bit sRGB by its embedded profile, or, where there is none or a broken one, by what libvips knows of
 * its colour space. */
static int convert_colours(VipsImage **colours) {
    VipsImage *next = NULL;
    if (is_integer(*colours) && vips_image_get_typeof(*colours, VIPS_META_ICC_NAME) &&
        !vips_icc_transform(*colours, &next, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE,
                            "black_point_compensation", TRUE, "depth", 16, NULL)) {
        replace(colours, next);
        return 0;
    }
    vips_error_clear();
    if (vips_colourspace(*colours, &next, VIPS_INTERPRETATION_RGB16, NULL)) return -1;
    replace(colours, next);
    return 0;
}

/* What is opaque in a band of this format. */
static double opaque(VipsBandFormat format) {
    switch (format) {
    case VIPS_FORMAT_UCHAR: return 255;
    case VIPS_FORMAT_USHORT: return 65535;
    case VIPS_FORMAT_UINT: return 4294967295.0;
    default: return 1;
    }
}

/* *alpha becomes 16-bit, like the colours. */
static int convert_alpha(VipsImage **alpha) {
    VipsImage *scaled = NULL, *cast = NULL;
    if (vips_linear1(*alpha, &scaled, 65535 / opaque((*alpha)->BandFmt), 0, NULL)) return -1;
    replace(alpha, scaled);
    if (vips_cast(*alpha, &cast, VIPS_FORMAT_USHORT, NULL)) return -1;
    replace(alpha, cast);
    return 0;
}

/* Leaves 1 or 3 bands of grey or sRGB, then the alpha if there is one, all of 8 or all of 16 bits. */
static int convert_to_srgb(VipsImage **image) {
    if (is_plain(*image)) return 0;
    int count = count_colours(*image), failed = -1;
    VipsImage *colours = NULL, *alpha = NULL, *joined = NULL;
    if (vips_extract_band(*image, &colours, 0, "n", count, NULL) || convert_colours(&colours)) goto done;
    if (vips_image_hasalpha(*image)) {
        if (vips_extract_band(*image, &alpha, count, NULL) || convert_alpha(&alpha)) goto done;
        if (vips_bandjoin2(colours, alpha, &joined, NULL)) goto done;
    } else {
        joined = g_object_ref(colours);
    }
    replace(image, joined);
    failed = 0;
done:
    VIPS_UNREF(colours);
    VIPS_UNREF(alpha);
    return failed;
}

/* ---- into floats ---- */

struct sink {
    dq_image *image;
    int colours; /* 1 or 3 */
};

static inline float sample(const void *row, size_t i, bool deep) {
    return deep ? (float)((const uint16_t *)row)[i] / 65535.0f : (float)((const uint8_t *)row)[i] / 255.0f;
}

/* libvips calls this with one strip after another, from the top, each as wide as the picture. */
static int store_strip(VipsRegion *region, VipsRect *area, void *user) {
    const struct sink *sink = user;
    const dq_image *image = sink->image;
    size_t width = (size_t)image->width, bands = (size_t)region->im->Bands;
    size_t green = sink->colours == 3 ? 1 : 0, blue = 2 * green;
    bool deep = region->im->BandFmt == VIPS_FORMAT_USHORT;
    for (int y = area->top; y < area->top + area->height; y++) {
        const void *row = VIPS_REGION_ADDR(region, 0, y);
        float *rgb = image->rgb + (size_t)y * width * 3;
        for (size_t x = 0; x < width; x++, rgb += 3) {
            rgb[0] = sample(row, x * bands, deep);
            rgb[1] = sample(row, x * bands + green, deep);
            rgb[2] = sample(row, x * bands + blue, deep);
        }
        float *alpha = image->alpha ? image->alpha + (size_t)y * width : NULL;
        for (size_t x = 0; alpha && x < width; x++) alpha[x] = sample(row, x * bands + (size_t)sink->colours, deep);
        dq__release(rgb - 3 * width, 3 * width * sizeof *rgb);
    }
    return 0;
}

/* libvips 8.14 hands the XMP of HEIF files out as "heif-mime-N". */
static bool may_hold_xmp(const char *field) {
    return strcmp(field, VIPS_META_XMP_NAME) == 0 || g_str_has_prefix(field, "heif-mime-");
}

static dq_status read_record(dq_image *image, VipsImage *from, dq__error *err) {
    char **fields = vips_image_get_fields(from), *json = NULL;
    for (int i = 0; fields[i] && !json; i++) {
        const void *packet;
        size_t size;
        if (!may_hold_xmp(fields[i])) continue;
        if (vips_image_get_blob(from, fields[i], &packet, &size))
            vips_error_clear();
        else
            json = dq__xmp_record(packet, size);
    }
    g_strfreev(fields);
    dq_status status = dq__image_set_record(image, json, err);
    dq__free(json);
    return status;
}

static dq_status store(dq_image **out, VipsImage *from, const char *name, dq__error *err) {
    struct sink sink = {NULL, from->Bands < 3 ? 1 : 3};
    dq_status status = dq__image_alloc(&sink.image, from->Xsize, from->Ysize, from->Bands > sink.colours, err);
    if (status) return status;
    if (vips_sink_disc(from, store_strip, &sink)) {
        dq__image_free(&sink.image);
        return damaged(name, err);
    }
    *out = sink.image;
    return DQ_OK;
}

static dq_status read_source(dq_image **out, VipsSource *source, const char *name, dq__error *err) {
    VipsImage *image = NULL;
    dq_status status = open_image(&image, source, name, err);
    if (status) goto done;
    status = dq__image_check_size(name, image->Xsize, image->Ysize, err);
    if (status) goto done;
    if (turn_upright(&image) || convert_to_srgb(&image)) {
        status = damaged(name, err);
        goto done;
    }
    status = store(out, image, name, err);
    if (status) goto done;
    status = read_record(*out, image, err);
    if (status) dq__image_free(out);
done:
    VIPS_UNREF(image);
    vips_error_clear(); /* some loaders leave text behind though they succeed */
    return status;
}

/* ---- the two doors ---- */

dq_status dq__image_read_memory(dq_image **out, const void *bytes, size_t size, const char *name, dq__error *err) {
    *out = NULL;
    name = dq__shown_name(name);
    if (size == 0) return dq__fail(err, DQ_BAD_IMAGE, "%s: is empty", name);
    dq_status status = dq__vips_start(err);
    if (status) return status;
    VipsSource *source = vips_source_new_from_memory(bytes, size);
    if (!source) return damaged(name, err);
    status = read_source(out, source, name, err);
    g_object_unref(source);
    return status;
}

dq_status dq__image_read(dq_image **out, const char *path, dq__error *err) {
    *out = NULL;
    const char *name = dq__shown_name(path);
    dq_status status = dq__vips_start(err);
    if (status) return status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0) return dq__fail(err, DQ_BAD_IMAGE, "%s: cannot be opened (%s)", name, g_strerror(errno));
    VipsSource *source = NULL;
    struct stat info;
    if (fstat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
        status = dq__fail(err, DQ_BAD_IMAGE, "%s: is a folder, not a picture", name);
        goto done;
    }
    source = vips_source_new_from_descriptor(file);
    status = source ? read_source(out, source, name, err) : damaged(name, err);
done:
    VIPS_UNREF(source);
    close(file);
    return status;
}
