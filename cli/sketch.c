/* SPDX-License-Identifier: MIT
 * cli/sketch.c: `danqing sketch` and `danqing sketch eval`: what was drawn, and the table of scores beside the floors. */
#include "cli.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

static int tell_drawing(const cli_args *args, const json_t *answer) {
    cli_note("%s: %d × %d, by %s; %.2f s to learn or remember, %.2f s to draw", cli_value(args, "output"),
             (int)number_of(answer, "width"), (int)number_of(answer, "height"), text_of(answer, "method"),
             number_of(answer, "seconds_to_learn"), number_of(answer, "seconds_to_draw"));
    return 0;
}

int cli_sketch(const cli_args *args) { return cli_tool_verb(args, CLI_PICTURE, "drawing", tell_drawing); }

static int tell_scores(const cli_args *args, const json_t *answer) {
    const json_t *row;
    size_t i;
    (void)args;
    printf("%d pictures, %.3f s each\n\n", (int)number_of(answer, "pictures"), number_of(answer, "seconds_per_picture"));
    printf("%-14s%10s%14s%9s%9s%14s%9s\n", "", "SSIM", "SSIM cropped", "FSIM", "Scoot", "VGG distance", "NLDA");
    json_array_foreach(json_object_get(answer, "rows"), i, row) {
        printf("%-14s%10.4f%14.4f%9.4f%9.4f%14.4f", text_of(row, "name"), number_of(row, "ssim"), number_of(row, "ssim_cropped"),
               number_of(row, "fsim"), number_of(row, "scoot"), number_of(row, "vgg_distance"));
        if (json_is_null(json_object_get(row, "nlda"))) printf("%9s\n", "-");
        else printf("%9.4f\n", number_of(row, "nlda"));
    }
    puts("\nSSIM as MATLAB's ssim (borders replicated); cropped: as scikit-image, without 5 pixels at the border.\n"
         "Of the VGG distance less is better. The last two rows are floors: the photo in grey, and the mean of the\n"
         "sketches that are drawn from.");
    return 0;
}

int cli_sketch_eval(const cli_args *args) {
    const char *table = cli_value(args, "output"), *sheet = cli_value(args, "sheet");
    int code = table ? cli_check_writable(table, cli_value(args, "no-clobber") != NULL) : 0;
    if (!code && sheet) code = cli_check_writable(sheet, false);
    return code ? code : cli_tool_verb(args, CLI_DRAWING, "drawing and measuring", tell_scores);
}
