/* SPDX-License-Identifier: MIT
 * cli/old_style_transfer.c: the flags of crowsonkb's style-transfer-pytorch, on top of our recipe `painting`, which is its. */
#include "old.h"

#include <math.h>
#include <string.h>

#define WEB_NONE "the page is 'danqing serve', a program of its own", "网页是单独的 danqing serve"
#define LARGE 1e12

static const cli_old_flag flags[] = {
    {"--output", "-o", CLI_OLD_TEXT, "out.png", "output", 0, 0, NULL, NULL, NULL},
    {"--style-weights", "-sw", CLI_OLD_LIST, NULL, NULL, 0, 0, NULL, NULL, NULL},
    {"--random-seed", "-r", CLI_OLD_WHOLE, "0", "seed", 0, 9e15, NULL, NULL, NULL},
    {"--content-weight", "-cw", CLI_OLD_NUMBER, "0.015", "content-weight", 0, LARGE, NULL, NULL, NULL},
    {"--tv-weight", "-tw", CLI_OLD_NUMBER, "2.0", "tv-weight", 0, LARGE, NULL, NULL, NULL},
    {"--optimizer", NULL, CLI_OLD_CHOICE, "adam", "optimizer", 0, 0, "adam|lbfgs", NULL, NULL},
    {"--min-scale", "-ms", CLI_OLD_WHOLE, "128", NULL, 1, 32768, NULL, NULL, NULL},
    {"--end-scale", "-s", CLI_OLD_TEXT, "512", NULL, 0, 0, NULL, NULL, NULL},
    {"--iterations", "-i", CLI_OLD_WHOLE, "500", "iterations", 1, 1e7, NULL, NULL, NULL},
    {"--initial-iterations", "-ii", CLI_OLD_WHOLE, "1000", NULL, 1, 1e7, NULL, NULL, NULL},
    {"--step-size", "-ss", CLI_OLD_NUMBER, "0.02", NULL, 1e-9, 1e6, NULL, NULL, NULL},
    {"--avg-decay", "-ad", CLI_OLD_NUMBER, "0.99", "average", 0, 0.99999, NULL, NULL, NULL},
    {"--init", NULL, CLI_OLD_CHOICE, "content", NULL, 0, 0, "content|gray|uniform|normal|style_stats", NULL, NULL},
    {"--style-scale-fac", NULL, CLI_OLD_NUMBER, "1.0", NULL, 0.05, 20, NULL, NULL, NULL},
    {"--style-size", NULL, CLI_OLD_WHOLE, NULL, NULL, 1, 32768, NULL, NULL, NULL},
    {"--pooling", NULL, CLI_OLD_CHOICE, "max", NULL, 0, 0, "max|average|l2", NULL, NULL},
    {"--save-every", NULL, CLI_OLD_WHOLE, NULL, NULL, 0, 1e9, NULL,
     "Ctrl-C saves the picture so far; -- --save-every N writes a numbered one every N steps",
     "Ctrl-C 会保存当前画面；-- --save-every N 每 N 步另存一幅"},
    {"--devices", NULL, CLI_OLD_LIST, NULL, NULL, 0, 0, NULL, "danqing runs on the processor", "danqing 在处理器上运行"},
    {"--proof", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, "danqing does not simulate print", "danqing 不模拟印刷"},
    {"--web", NULL, CLI_OLD_SWITCH, NULL, NULL, 0, 0, NULL, WEB_NONE},
    {"--host", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, WEB_NONE},
    {"--port", NULL, CLI_OLD_WHOLE, NULL, NULL, 0, 65535, NULL, WEB_NONE},
    {"--browser", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, WEB_NONE},
};

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

static int set_pictures(cli_old_line *line) {
    const char *path, *shares = cli_old_value(line, "--style-weights");
    int count = 0;
    for (; (path = cli_old_positional(line, count)); count++) cli_old_picture(line, path);
    if (count < 2) return cli_error(DQ_USAGE, "style-transfer: give CONTENT and STYLE, two pictures");
    if (!shares) return 0;
    if (cli_old_shares(shares) != count - 1)
        return cli_old_refuse(line, "--style-weights", "a number ≥ 0 for each style (below 0 is not possible here)");
    cli_old_set(line, "style-weights", "%s", shares);
    return 0;
}

/* ---- sizes --------------------------------------------------------------------------------------------------------- */

/* "512+" has the area of a square of 512. */
static int stretch(const cli_old_line *line, double *side) {
    dq_context *ctx;
    dq_image *photo;
    dq_status status = dq_context_new(&ctx, 1);
    if (status) return cli_error(status, "cannot start: %s", dq_status_name(status));
    status = dq_image_read(ctx, &photo, cli_old_positional(line, 0));
    const int code = status ? cli_error_of(ctx, status) : 0;
    if (!status) {
        const double w = dq_image_width(photo), h = dq_image_height(photo);
        *side = round(*side * sqrt(w > h ? w / h : h / w));
    }
    dq_image_free(&photo);
    dq_context_free(&ctx);
    return code;
}

static int read_side(const cli_old_line *line, double *side) {
    const char *text = cli_old_value(line, "--end-scale");
    const size_t digits = strspn(text, "0123456789");
    const bool area = strcmp(text + digits, "+") == 0;
    *side = 0;
    for (size_t i = 0; i < digits && *side <= 32768; i++) *side = 10 * *side + (text[i] - '0');
    if (*side < 16 || *side > 32768 || (text[digits] && !area))
        return cli_old_refuse(line, "--end-scale", "a whole number from 16 to 32768, and a + for equal area");
    return area ? stretch(line, side) : 0;
}

static int set_sizes(cli_old_line *line) {
    const double least = cli_old_number(line, "--min-scale"), first = cli_old_number(line, "--initial-iterations");
    double side, factor = cli_old_number(line, "--style-scale-fac");
    const int code = read_side(line, &side);
    if (code) return code;
    cli_old_set(line, "size", "%.0f", side);
    cli_old_set(line, "min-size", "%.0f", least < side ? least : side);
    cli_old_set(line, "initial-iterations", "%.0f", first);
    if (round(side / sqrt(2)) < least) cli_old_set(line, "iterations", "%.0f", first); /* one scale is the first */
    if (cli_old_given(line, "--style-size")) {
        factor = cli_old_number(line, "--style-size") / side;
        cli_old_note(line, "--style-size holds at the last scale; at smaller ones the style shrinks with the picture");
    }
    if (factor < 0.05 || factor > 20) return cli_old_refuse(line, "--style-size", "a twentieth to twenty times --end-scale");
    cli_old_set(line, "style-scale", "%.9g", factor);
    return 0;
}

/* ---- the rest ------------------------------------------------------------------------------------------------------ */

/* Gray is 0.5 and noise of 1/255; normal and style_stats become even noise of the deviation 0.25. */
static void set_start(cli_old_line *line) {
    const char *init = cli_old_value(line, "--init");
    if (strcmp(init, "content") == 0) {
        cli_old_set(line, "init", "content");
        return;
    }
    const bool gray = strcmp(init, "gray") == 0, uniform = strcmp(init, "uniform") == 0;
    cli_old_set(line, "init", "noise");
    cli_old_set(line, "noise", "%s", gray ? "0.00196" : uniform ? "0.5" : "0.433");
    if (!gray && !uniform) cli_old_note(line, "--init %s is even noise of deviation 0.25 here", init);
}

static void set_optimiser(cli_old_line *line) {
    if (cli_old_is(line, "--optimizer", "adam")) {
        cli_old_set(line, "learning-rate", "%s", cli_old_value(line, "--step-size"));
        return;
    }
    cli_old_set(line, "learning-rate", "1");
    cli_old_set(line, "history", "10");
    cli_old_set(line, "first-step", "0");
    cli_old_set(line, "clamp", "off");
}

static int translate(cli_old_line *line) {
    const bool l2 = cli_old_is(line, "--pooling", "l2"), here = cli_old_model_is_here("vgg19-torchvision");
    int code = set_pictures(line);
    if (!code) code = set_sizes(line);
    if (code) return code;
    set_start(line);
    set_optimiser(line);
    cli_old_set(line, "pooling", "%s", l2 ? "average" : cli_old_value(line, "--pooling"));
    if (l2) cli_old_note(line, "--pooling l2 is average here");
    cli_old_set(line, "model", "%s", here ? "vgg19-torchvision" : "compact");
    if (!here)
        cli_old_note(line, "vgg19-torchvision is not installed ('danqing model fetch vgg19-torchvision' gets it): "
                           "painting with compact");
    return 0;
}

const cli_old cli_old_style_transfer = {
    "style-transfer", "painting", "CONTENT STYLE… [flags]",
    "paint by the flags of style-transfer-pytorch, in brackets their defaults",
    "按 style-transfer-pytorch 的参数作画，方括号内为其默认值", flags, sizeof flags / sizeof *flags, 1 + CLI_MAX_STYLES, translate,
};
