/* SPDX-License-Identifier: MIT
 * cli/output.c: names of output files, and the proof before any work that they can be written. Writing itself, whole or not
 * at all, is the library's. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NUMBERED = 9999 };

/* ---- names ------------------------------------------------------------------------------------------------------- */

const char *cli_base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Where the ending begins (at its dot), or the end of the path if it has none. */
const char *cli_ending_of(const char *path) {
    const char *base = cli_base_of(path), *dot = strrchr(base, '.');
    return dot && dot != base ? dot : path + strlen(path);
}

static char *format_path(const char *stem, int length, const char *middle, const char *ending) {
    char *path = NULL;
    return asprintf(&path, "%.*s%s%s", length, stem, middle, ending) < 0 ? NULL : path;
}

/* Is the file there, and not one that a painting on its way (--resume) will write anew? */
static bool taken(const char *path, bool resume) {
    char *checkpoint = format_path(path, (int)strlen(path), "", CLI_CHECKPOINT);
    const bool ours = resume && checkpoint && access(checkpoint, F_OK) == 0;
    free(checkpoint);
    return !ours && access(path, F_OK) == 0;
}

/* NAME-painted.png beside the photo; the first free NAME-painted-2.png, … unless it may be overwritten. */
static char *default_path(const char *photo, bool force, bool resume) {
    const char *stem = strcmp(photo, "-") == 0 ? "picture" : photo;
    int length = (int)(cli_ending_of(stem) - stem);
    char *path = format_path(stem, length, "-painted", ".png");
    for (int i = 2; path && !force && taken(path, resume) && i <= MOST_NUMBERED; i++) {
        char middle[32];
        free(path);
        snprintf(middle, sizeof middle, "-painted-%d", i);
        path = format_path(stem, length, middle, ".png");
    }
    return path;
}

static char *step_path(const char *path, long step) {
    char middle[32];
    const char *ending = cli_ending_of(path);
    snprintf(middle, sizeof middle, "-%06ld", step);
    return format_path(path, (int)(ending - path), middle, ending);
}

bool cli_same_file(const char *a, const char *b) {
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* ---- proofs ------------------------------------------------------------------------------------------------------ */

int cli_check_writable(const char *path, bool no_clobber) {
    struct stat info;
    int length = (int)(cli_base_of(path) - path);
    char *folder = length ? format_path(path, length, "", "") : strdup(".");
    int code = 0;
    if (!folder) return cli_error(DQ_LIMIT, "out of memory");
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        code = cli_error(DQ_OUTPUT, "cannot write %s: it is a folder", path);
    else if (no_clobber && access(path, F_OK) == 0)
        code = cli_error(DQ_OUTPUT, "%s is already there, and --no-clobber forbids to overwrite it", path);
    else if (access(folder, W_OK | X_OK) != 0)
        code = cli_error(DQ_OUTPUT, "cannot write %s: %s: %s", path, folder, strerror(errno));
    free(folder);
    return code;
}

static int check_inputs(const char *path, const cli_args *args) {
    if (cli_value(args, "force")) return 0;
    for (int i = 0; i < args->count; i++)
        if (cli_same_file(path, args->positional[i]))
            return cli_error(DQ_USAGE, "%s is also an input; choose another -o, or give --force to overwrite it", path);
    return 0;
}

/* Encodes one pixel, which shows whether the format and its options are known. */
static int check_encoder(dq_context *ctx, const char *format, const char *options) {
    static const float grey[3] = {0.5f, 0.5f, 0.5f};
    dq_image *pixel = NULL;
    void *bytes = NULL;
    size_t size;
    dq_status status = dq_image_from_pixels(ctx, &pixel, 1, 1, grey, NULL);
    if (!status) status = dq_image_encode(ctx, pixel, format, options, &bytes, &size);
    dq_bytes_free(&bytes);
    dq_image_free(&pixel);
    return status ? cli_error_of(ctx, status) : 0;
}

static int check_stdout(const cli_args *args) {
    if (cli_value(args, "save-every")) return cli_error(DQ_USAGE, "--save-every needs -o FILE, not standard output");
    if (isatty(STDOUT_FILENO) && !cli_value(args, "force"))
        return cli_error(DQ_USAGE, "standard output is a terminal; redirect it, name a file, or give --force");
    return 0;
}

static int check_file(const cli_output *output, dq_context *ctx, const cli_args *args) {
    const char *ending = cli_ending_of(output->path);
    if (cli_value(args, "format")) return cli_error(DQ_USAGE, "--format is for -o -; a file's ending tells its format");
    if (!*ending)
        return cli_error(DQ_USAGE, "%s has no ending to tell its format: .png .jpg .webp .tif …", output->path);
    int code = check_encoder(ctx, ending + 1, output->options);
    if (!code) code = check_inputs(output->path, args);
    return code ? code : cli_check_writable(output->path, cli_value(args, "no-clobber") != NULL);
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

static void collect_options(cli_output *output, const cli_args *args) {
    const char *quality = cli_value(args, "quality"), *depth = cli_value(args, "depth");
    snprintf(output->options, sizeof output->options, "%s%s%s%s%s", quality ? "quality=" : "", quality ? quality : "",
             quality && depth ? "," : "", depth ? "depth=" : "", depth ? depth : "");
}

int cli_output_open(cli_output *output, dq_context *ctx, const cli_args *args) {
    const char *path = cli_value(args, "output"), *format = cli_value(args, "format");
    collect_options(output, args);
    output->format = format ? format : "png";
    const bool force = cli_value(args, "force") != NULL, resume = cli_value(args, "resume") != NULL;
    output->path = path ? strdup(path) : default_path(args->positional[0], force, resume);
    if (!output->path) return cli_error(DQ_LIMIT, "out of memory");
    if (strcmp(output->path, "-") != 0) return check_file(output, ctx, args);
    int code = check_stdout(args);
    return code ? code : check_encoder(ctx, output->format, output->options);
}

static int write_stdout(const cli_output *output, dq_context *ctx, const dq_image *image) {
    void *bytes;
    size_t size;
    dq_status status = dq_image_encode(ctx, image, output->format, output->options, &bytes, &size);
    if (status) return cli_error_of(ctx, status);
    bool written = fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0;
    dq_bytes_free(&bytes);
    return written ? 0 : cli_error(DQ_OUTPUT, "cannot write to standard output: %s", strerror(errno));
}

int cli_output_write(const cli_output *output, dq_context *ctx, const dq_image *image, long step) {
    if (strcmp(output->path, "-") == 0) return write_stdout(output, ctx, image);
    char *path = step > 0 ? step_path(output->path, step) : strdup(output->path);
    if (!path) return cli_error(DQ_LIMIT, "out of memory");
    dq_status status = dq_image_write(ctx, image, path, output->options);
    free(path);
    return status ? cli_error_of(ctx, status) : 0;
}

void cli_output_close(cli_output *output) {
    free(output->path);
    output->path = NULL;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

static char *part_of(const char *path) {
    char *part = NULL;
    return asprintf(&part, "%s.part", path) < 0 ? NULL : part;
}

FILE *cli_text_open(const char *path) {
    char *part = part_of(path);
    FILE *file = part ? fopen(part, "we") : NULL;
    if (!file) cli_error(DQ_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    free(part);
    return file;
}

int cli_text_close(FILE *file, const char *path) {
    char *part = part_of(path);
    const bool bad = ferror(file) != 0;
    const bool whole = fclose(file) == 0 && !bad && part && rename(part, path) == 0;
    const int code = whole ? 0 : cli_error(DQ_OUTPUT, "cannot write %s: %s", path, strerror(errno));
    if (!whole && part) remove(part);
    free(part);
    return code;
}
