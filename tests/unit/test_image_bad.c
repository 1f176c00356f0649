/* SPDX-License-Identifier: MIT
 * Unit tests of src/image when things go wrong: input that is missing, empty, cut off, lying or noise; output that cannot be
 * written; memory that runs out. Each must end in one clear line, with nothing leaked and nothing left behind. */
#include "image_test.h"

#include "base/rng.h"

#include <vips/vips.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- input ---- */

static void what_is_no_file_is_named(void **state) {
    (void)state;
    dq_image *image = (dq_image *)folder;
    assert_fails(dq__image_read(&image, "no/such/photo.jpg", &err), DQ_BAD_IMAGE, "no/such/photo.jpg: cannot be opened (No such");
    assert_null(image);
    assert_fails(dq__image_read(&image, folder, &err), DQ_BAD_IMAGE, "is a folder");
    put_file(in_folder("empty.png"), "", 0);
    assert_fails(dq__image_read(&image, in_folder("empty.png"), &err), DQ_BAD_IMAGE, "empty.png: is empty");
    assert_fails(dq__image_read_memory(&image, "", 0, "stdin", &err), DQ_BAD_IMAGE, "stdin: is empty");
    walk_folder(true);
}

static void what_is_no_picture_is_named(void **state) {
    (void)state;
    static const char texts[][64] = {"x", "hello, this is a letter and no picture at all",
                                     "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
                                     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\"/>", "GIF89a\1\0\1\0\0\0\0;",
                                     "P3 1 1 255 0 0 0\n", "BM\x3a\0\0\0\0\0\0\0", "\xb6\xa6\xf2\x08 a vips file",
                                     "\0\0\0\030ftypisom", "RIFF\x24\0\0\0WAVEfmt "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        dq_image *image;
        put_file(in_folder("note.jpg"), texts[i], sizeof texts[i]);
        assert_fails(dq__image_read(&image, in_folder("note.jpg"), &err), DQ_BAD_IMAGE, "note.jpg: not a picture of a kind");
        assert_null(image);
    }
    walk_folder(true);
}

static void long_names_leave_room_for_the_reason(void **state) {
    (void)state;
    char name[2000];
    memset(name, 'd', sizeof name);
    for (size_t i = 0; i < 1200; i += 3) memcpy(name + 700 + i, "画", 3);
    memcpy(name + 1900, "/photo.jpg", 11);
    dq_image *image;
    assert_fails(dq__image_read_memory(&image, "x", 1, name, &err), DQ_BAD_IMAGE, "photo.jpg: not a picture");
    assert_true(((unsigned char)err.text[0] & 0xc0) != 0x80);
    assert_fails(dq__image_read(&image, name, &err), DQ_BAD_IMAGE, "photo.jpg: cannot be opened");
    assert_int_equal(dq__image_write(NULL, name + 1801, "quality=0", &err), DQ_USAGE);
}

static void lying_png_is_refused_before_decoding(void **state) {
    (void)state;
    const uint32_t sizes[][2] = {{100000, 100000}, {40000, 10}, {10, 40000}, {32768, 32768}, {30000, 9000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct png png;
        char text[64];
        png_begin(&png, sizes[i][0], sizes[i][1], 8, 2);
        png_end(&png, "\0abc", 4);
        snprintf(text, sizeof text, "lie.png: %u×%u pixels are too many", sizes[i][0], sizes[i][1]);
        dq_image *image;
        size_t before = dq__mem_now();
        assert_fails(dq__image_read_memory(&image, png.bytes, png.size, "lie.png", &err), DQ_LIMIT, text);
        assert_null(image);
        assert_int_equal(dq__mem_now(), before);
    }
}

/* 20000×10000 is allowed, but the pixels are not there. */
static void allowed_size_without_pixels_is_damaged(void **state) {
    (void)state;
    struct png png;
    png_begin(&png, 20000, 10000, 8, 2);
    png_end(&png, "\0abc", 4);
    dq_image *image;
    size_t before = dq__mem_now();
    assert_fails(dq__image_read_memory(&image, png.bytes, png.size, "hollow.png", &err), DQ_BAD_IMAGE, "hollow.png: damaged");
    assert_null(image);
    assert_int_equal(dq__mem_now(), before);
}

/* A grainy picture, so that the pixels and not the profile fill the file. */
static void *encoded(const char *format, int width, int height, bool alpha, size_t *size) {
    dq_image *image = smooth_picture(width, height, alpha);
    for (size_t i = 0; i < pixel_count(image) * 3; i++) image->rgb[i] += 0.2f * dq__rng_uniform(1, 0, i);
    void *bytes;
    assert_ok(dq__image_set_record(image, "{\"a\":1}", &err));
    assert_ok(dq__image_encode(image, format, NULL, &bytes, size, &err));
    dq__image_free(&image);
    return bytes;
}

/* Overwrites the first `what` with `with`. */
static void patch(void *bytes, size_t size, const char *what, size_t what_size, const void *with, size_t with_size, size_t skip) {
    unsigned char *at = memmem(bytes, size, what, what_size);
    assert_non_null(at);
    assert_true(at + skip + with_size <= (unsigned char *)bytes + size);
    memcpy(at + skip, with, with_size);
}

static void other_lying_headers_are_refused(void **state) {
    (void)state;
    size_t size;
    dq_image *image;
    unsigned char *bytes = encoded("jpg", 16, 16, false, &size);
    patch(bytes, size, "\xff\xc0\x00\x11\x08", 5, "\xff\xdc\xff\xdc", 4, 5);
    assert_fails(dq__image_read_memory(&image, bytes, size, "lie.jpg", &err), DQ_LIMIT, "lie.jpg: 65500×65500");
    dq__free(bytes);
    bytes = encoded("tiff", 16, 16, false, &size);
    patch(bytes, size, "\x00\x01\x03\x00\x01\x00\x00\x00", 8, "\x04\x00\x01\x00\x00\x00\xa0\x86\x01\x00", 10, 2); /* width */
    patch(bytes, size, "\x01\x01\x03\x00\x01\x00\x00\x00", 8, "\x04\x00\x01\x00\x00\x00\xa0\x86\x01\x00", 10, 2); /* height */
    assert_fails(dq__image_read_memory(&image, bytes, size, "lie.tif", &err), DQ_LIMIT, "lie.tif: 100000×100000");
    dq__free(bytes);
    bytes = encoded("webp", 16, 16, false, &size);
    patch(bytes, size, "VP8X", 4, "\x9f\x86\x01\x3f\x0d\x03", 6, 12);
    assert_int_not_equal(dq__image_read_memory(&image, bytes, size, "lie.webp", &err), DQ_OK);
    dq__free(bytes);
    const char *heif[] = {"avif", "heic"};
    for (int i = 0; i < 2; i++) {
        bytes = encoded(heif[i], 64, 64, false, &size);
        patch(bytes, size, "ispe", 4, "\x00\x01\x86\xa0\x00\x01\x86\xa0", 8, 8);
        assert_fails(dq__image_read_memory(&image, bytes, size, "lie.heif", &err), DQ_LIMIT, "lie.heif: too large");
        dq__free(bytes);
    }
}

/* A copy of exactly `size` bytes, so that the address sanitizer sees a read behind its end. */
static dq_status read_exact(dq_image **image, const void *bytes, size_t size, const char *name) {
    void *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    err.text[0] = 0;
    dq_status status = dq__image_read_memory(image, copy, size, name, &err);
    free(copy);
    return status;
}

/* Cut anywhere, a file is refused; it may lose its last bytes only where every pixel is still as it was. */
static void cut_off_files_are_refused(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        size_t size, cuts = 60;
        char *bytes = encoded(all_formats[f], 90, 70, false, &size);
        dq_image *whole, *cut;
        assert_ok(dq__image_read_memory(&whole, bytes, size, "whole", &err));
        for (size_t k = 0; k <= cuts; k++) {
            size_t left = k < cuts ? size * k / cuts : size - 1;
            dq_status status = read_exact(&cut, bytes, left, "cut");
            if (status == DQ_OK && difference(whole, cut) > 0)
                fail_msg("%s cut to %zu of %zu bytes gives another picture", all_formats[f], left, size);
            if (status == DQ_OK && left < size / 2) fail_msg("%s cut to %zu of %zu bytes is read", all_formats[f], left, size);
            if (status != DQ_OK) {
                assert_int_equal(status, DQ_BAD_IMAGE);
                assert_null(cut);
                assert_int_equal(strncmp(err.text, "cut: ", 5), 0);
            }
            dq__image_free(&cut);
        }
        dq__image_free(&whole);
        dq__free(bytes);
    }
}

/* Noise in the file may change the picture or be refused; it must not do anything else. */
static void noise_is_survived(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        size_t size;
        unsigned char *bytes = encoded(all_formats[f], 40, 30, f % 2 == 0, &size);
        unsigned char *noisy = malloc(size);
        for (uint64_t round = 0; round < 120; round++) {
            memcpy(noisy, bytes, size);
            for (uint64_t k = 0; k < 1 + round % 7; k++) {
                uint64_t bits = dq__rng_bits(round, (uint64_t)f, k);
                size_t span = round % 2 ? size : (size < 400 ? size : 400); /* half of them in the header */
                noisy[(bits >> 8) % span] = (unsigned char)bits;
            }
            dq_image *image;
            dq_status status = read_exact(&image, noisy, size, "noisy");
            assert_true(status == DQ_OK || status == DQ_BAD_IMAGE || status == DQ_LIMIT);
            assert_true((status == DQ_OK) == (image != NULL));
            if (status) assert_true(strlen(err.text) > 10);
            dq__image_free(&image);
        }
        free(noisy);
        dq__free(bytes);
    }
}

static void garbage_behind_a_magic_number_is_refused(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t size;
    } heads[] = {{"\xff\xd8\xff\xe0", 4}, {"\x89PNG\r\n\x1a\n", 8}, {"RIFF\xf8\x03\0\0WEBPVP8 ", 16}, {"II*\0\x08\0\0\0", 8},
                 {"MM\0*\0\0\0\x08", 8}, {"II+\0\x08\0\0\0", 8}, {"\0\0\0\034ftypheic\0\0\0\0mif1heic", 20},
                 {"\0\0\0\034ftypavif\0\0\0\0avifmif1", 20}};
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++)
        for (uint64_t round = 0; round < 20; round++) {
            unsigned char bytes[1024];
            for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)dq__rng_bits(round, h, i);
            memcpy(bytes, heads[h].text, heads[h].size);
            dq_image *image;
            assert_int_not_equal(read_exact(&image, bytes, round ? sizeof bytes : heads[h].size, "garbage"), DQ_OK);
            assert_int_equal(strncmp(err.text, "garbage: ", 9), 0);
            assert_null(image);
        }
}

/* ---- output ---- */

static void written_files_are_read_back(void **state) {
    (void)state;
    const char *names[] = {"a.png", "b.PNG", "c.jpg", "d.JPEG", "e.webp", "f.tif", "g.tiff", "h.avif", "i.heic", "with.dots.png"};
    dq_image *image = smooth_picture(33, 21, false), *back;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_ok(dq__image_write(image, in_folder(names[i]), NULL, &err));
        assert_ok(dq__image_read(&back, in_folder(names[i]), &err));
        if (difference(image, back) > 0.1) fail_msg("%s: off by %g", names[i], difference(image, back));
        dq__image_free(&back);
    }
    assert_int_equal(walk_folder(true), sizeof names / sizeof *names);
    assert_int_equal(chdir(folder), 0);
    assert_ok(dq__image_write(image, "here.png", "depth=16", &err));
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(walk_folder(true), 1);
    dq__image_free(&image);
}

static void rights_follow_the_umask_and_links_stay_links(void **state) {
    (void)state;
    dq_image *image = smooth_picture(5, 5, false);
    struct stat info;
    mode_t before = umask(027);
    assert_ok(dq__image_write(image, in_folder("real.png"), NULL, &err));
    umask(before);
    assert_int_equal(stat(in_folder("real.png"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(symlink("real.png", in_folder("link.png")), 0);
    ino_t old = info.st_ino;
    assert_ok(dq__image_write(image, in_folder("link.png"), NULL, &err));
    assert_int_equal(lstat(in_folder("link.png"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(in_folder("real.png"), &info), 0);
    assert_true(info.st_ino != old);
    assert_int_equal(walk_folder(true), 2);
    dq__image_free(&image);
}

static void wrong_requests_are_named(void **state) {
    (void)state;
    dq_image *image = smooth_picture(5, 5, false);
    void *bytes = folder;
    size_t size = 7;
    assert_fails(dq__image_write(image, in_folder("noending"), NULL, &err), DQ_USAGE, "ending");
    assert_fails(dq__image_write(image, "a.b/noending", NULL, &err), DQ_USAGE, "ending");
    assert_fails(dq__image_write(image, in_folder("x.gif"), NULL, &err), DQ_USAGE, "\"gif\"");
    assert_fails(dq__image_encode(image, "svg", NULL, &bytes, &size, &err), DQ_USAGE, "\"svg\"");
    assert_null(bytes);
    const char *const bad[][3] = {{"x.jpg", "quality=0", "1 to 100"},   {"x.jpg", "quality=101", "1 to 100"},
                                  {"x.jpg", "quality=", "1 to 100"},    {"x.jpg", "quality", "1 to 100"},
                                  {"x.jpg", "quality=9x", "1 to 100"},  {"x.png", "depth=12", "8 or 16"},
                                  {"x.jpg", "depth=16", "PNG and TIFF"}, {"x.avif", "depth=16", "PNG and TIFF"},
                                  {"x.png", "quality=90", "no quality"}, {"x.jpg", "effort=3", "\"effort\""},
                                  {"x.jpg", "quality=90,", "\"\""},     {"x.jpg", ",quality=90", "\"\""},
                                  {"x.jpg", "quality = 90", "\"quality \""}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(dq__image_write(image, in_folder(bad[i][0]), bad[i][1], &err), DQ_USAGE, bad[i][2]);
    assert_int_equal(walk_folder(false), 0);
    dq__image_free(&image);
    image = smooth_picture(16384, 1, false);
    assert_fails(dq__image_write(image, in_folder("wide.webp"), NULL, &err), DQ_LIMIT, "16383");
    assert_int_equal(walk_folder(false), 0);
    dq__image_free(&image);
}

static void what_is_no_file_is_not_replaced(void **state) {
    (void)state;
    dq_image *image = smooth_picture(5, 5, false);
    assert_int_equal(mkdir(in_folder("dir.png"), 0700), 0);
    assert_fails(dq__image_write(image, in_folder("dir.png"), NULL, &err), DQ_OUTPUT, "dir.png: is a folder");
    assert_int_equal(rmdir(in_folder("dir.png")), 0);
    assert_int_equal(symlink("/dev/null", in_folder("null.png")), 0);
    assert_fails(dq__image_write(image, in_folder("null.png"), NULL, &err), DQ_OUTPUT, "null.png: is a device");
    assert_int_equal(walk_folder(true), 1);
    dq__image_free(&image);
}

static void folders_that_take_no_file_are_named(void **state) {
    (void)state;
    dq_image *image = smooth_picture(5, 5, false);
    assert_fails(dq__image_write(image, in_folder("no/such/x.png"), NULL, &err), DQ_OUTPUT, "x.png: cannot be written (No such");
    put_file(in_folder("file"), "x", 1);
    assert_fails(dq__image_write(image, in_folder("file/x.png"), NULL, &err), DQ_OUTPUT, "cannot be written (Not a directory");
    walk_folder(true);
    assert_int_equal(chmod(folder, 0500), 0);
    bool root = geteuid() == 0;
    if (root) assert_int_equal(chown(folder, 65534, 65534) || seteuid(65534), 0);
    dq_status status = dq__image_write(image, in_folder("x.png"), NULL, &err);
    if (root) assert_int_equal(seteuid(0) || chown(folder, 0, 0), 0);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(status, DQ_OUTPUT);
    assert_non_null(strstr(err.text, "x.png: cannot be written (Permission denied)"));
    assert_int_equal(walk_folder(false), 0);
    dq__image_free(&image);
}

/* A limit of the size of files stands for a disk that runs full in the middle. */
static void running_full_keeps_the_old_file(void **state) {
    (void)state;
    put_file(in_folder("x.tif"), "old", 3);
    dq_image *image = smooth_picture(300, 300, false);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    dq_status status = dq__image_write(image, in_folder("x.tif"), "depth=16", &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, DQ_OUTPUT);
    assert_non_null(strstr(err.text, "x.tif: cannot be written (File too large)"));
    struct stat info;
    assert_int_equal(stat(in_folder("x.tif"), &info), 0);
    assert_int_equal(info.st_size, 3);
    assert_int_equal(walk_folder(true), 1);
    dq__image_free(&image);
}

static void full_disk_leaves_nothing(void **state) {
    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=64k") != 0) {
        print_message("skipped: cannot mount a small disk here (%s)\n", strerror(errno));
        skip();
    }
    dq_image *image = smooth_picture(300, 300, false);
    dq_status status = dq__image_write(image, in_folder("x.tif"), "depth=16", &err);
    int entries = walk_folder(true);
    assert_int_equal(umount(folder), 0);
    assert_int_equal(status, DQ_OUTPUT);
    assert_non_null(strstr(err.text, "x.tif: cannot be written (No space left on device)"));
    assert_int_equal(entries, 0);
    dq__image_free(&image);
}

/* ---- memory and threads ---- */

static dq_status everything(const void *bytes, size_t size) {
    dq_image *image = NULL, *small = NULL;
    void *out = NULL;
    size_t out_size;
    dq_status status = dq__image_read_memory(&image, bytes, size, "photo", &err);
    if (!status) status = dq__image_resize(&small, image, 9, 50, &err);
    if (!status) status = dq__image_set_record(small, image->record, &err);
    if (!status) status = dq__image_encode(small, "png", "depth=16", &out, &out_size, &err);
    if (!status) status = dq__image_write(small, in_folder("x.jpg"), "quality=90", &err);
    dq__free(out);
    dq__image_free(&image);
    dq__image_free(&small);
    return status;
}

/* Every allocation of ours fails once in turn: DQ_LIMIT (or no record, which may be lost), and nothing is leaked. */
static void memory_may_run_out_anywhere(void **state) {
    (void)state;
    size_t size;
    void *bytes = encoded("png", 30, 20, true, &size);
    size_t before = dq__mem_now();
    int failures = 0;
    dq_status status = DQ_LIMIT;
    for (long n = 1; n < 100; n++) {
        dq__mem_fail_at(n);
        status = everything(bytes, size);
        dq__mem_fail_at(0);
        assert_true(status == DQ_OK || status == DQ_LIMIT);
        assert_int_equal(dq__mem_now(), before);
        failures += status == DQ_LIMIT;
    }
    assert_true(failures > 15);
    assert_int_equal(status, DQ_OK); /* 100 is past the last allocation */
    dq__free(bytes);
    assert_int_equal(walk_folder(true), 1);
}

static int count_open_files(void) {
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) skip();
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

/* We started libvips here: its cache is off, so nothing is kept of what was read, well or badly. */
static void nothing_is_kept(void **state) {
    (void)state;
    assert_int_equal(vips_cache_get_max(), 0);
    size_t size;
    char *bytes = encoded("png", 300, 200, true, &size);
    put_file(in_folder("whole.png"), bytes, size);
    put_file(in_folder("half.png"), bytes, size / 2);
    dq__free(bytes);
    int files = count_open_files();
    size_t memory = vips_tracked_get_mem();
    for (int i = 0; i < 20; i++) {
        dq_image *image;
        assert_ok(dq__image_read(&image, in_folder("whole.png"), &err));
        dq__image_free(&image);
        assert_fails(dq__image_read(&image, in_folder("half.png"), &err), DQ_BAD_IMAGE, "half.png: damaged");
        assert_string_equal(vips_error_buffer(), "");
    }
    assert_int_equal(count_open_files(), files);
    assert_true(vips_tracked_get_mem() < memory + 240000); /* one picture; threads may still hold a strip */
    walk_folder(true);
}

/* Bytes behind the end are no damage: cameras and programs leave them. */
static void bytes_behind_the_end_are_passed_over(void **state) {
    (void)state;
    for (int f = 0; f < FORMATS; f++) {
        size_t size;
        char *bytes = encoded(all_formats[f], 50, 40, false, &size), *longer = calloc(1, size + 1000);
        memcpy(longer, bytes, size);
        memset(longer + size + 500, 'z', 500);
        dq_image *whole, *image;
        assert_ok(dq__image_read_memory(&whole, bytes, size, "whole", &err));
        assert_ok(dq__image_read_memory(&image, longer, size + 1000, all_formats[f], &err));
        assert_true(difference(whole, image) == 0);
        dq__image_free(&whole);
        dq__image_free(&image);
        free(longer);
        dq__free(bytes);
    }
}

struct reader {
    pthread_t thread;
    const void *bytes;
    size_t size;
    dq_image *image;
    dq_status status;
};

static void *read_in_thread(void *user) {
    struct reader *reader = user;
    dq__error own;
    for (int i = 0; i < 10; i++) {
        dq__image_free(&reader->image);
        reader->status = dq__image_read_memory(&reader->image, reader->bytes, reader->size, "photo", &own);
        dq_image *none;
        dq_status half = dq__image_read_memory(&none, reader->bytes, reader->size / 2, "half", &own);
        if (half != DQ_BAD_IMAGE) reader->status = DQ_FAILED;
    }
    return NULL;
}

static void threads_read_at_the_same_time(void **state) {
    (void)state;
    struct reader readers[4] = {{0}};
    size_t size;
    void *bytes = encoded("jpg", 200, 150, false, &size);
    for (int i = 0; i < 4; i++) {
        readers[i].bytes = bytes, readers[i].size = size;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_in_thread, &readers[i]), 0);
    }
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(readers[i].status, DQ_OK);
        assert_true(difference(readers[i].image, readers[0].image) == 0);
    }
    for (int i = 0; i < 4; i++) dq__image_free(&readers[i].image);
    dq__free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_read_at_the_same_time), /* first: it also starts libvips from several threads */
        cmocka_unit_test(what_is_no_file_is_named),
        cmocka_unit_test(what_is_no_picture_is_named),
        cmocka_unit_test(long_names_leave_room_for_the_reason),
        cmocka_unit_test(lying_png_is_refused_before_decoding),
        cmocka_unit_test(allowed_size_without_pixels_is_damaged),
        cmocka_unit_test(other_lying_headers_are_refused),
        cmocka_unit_test(cut_off_files_are_refused),
        cmocka_unit_test(bytes_behind_the_end_are_passed_over),
        cmocka_unit_test(noise_is_survived),
        cmocka_unit_test(garbage_behind_a_magic_number_is_refused),
        cmocka_unit_test(written_files_are_read_back),
        cmocka_unit_test(rights_follow_the_umask_and_links_stay_links),
        cmocka_unit_test(wrong_requests_are_named),
        cmocka_unit_test(what_is_no_file_is_not_replaced),
        cmocka_unit_test(folders_that_take_no_file_are_named),
        cmocka_unit_test(running_full_keeps_the_old_file),
        cmocka_unit_test(full_disk_leaves_nothing),
        cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(memory_may_run_out_anywhere)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
