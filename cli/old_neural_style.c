/* SPDX-License-Identifier: MIT
 * cli/old_neural_style.c: the flags of neural-style (Torch) and neural-style-pt. Where the two differ in a default or a meaning,
 * neural-style's holds; what only one of them has is taken too. */
#include "old.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GPU_NONE "danqing runs on the processor", "danqing 在处理器上运行"
#define LARGE 1e12

static const cli_old_flag flags[] = {
    {"-content_image", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, NULL, NULL},
    {"-style_image", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, NULL, NULL},
    {"-style_blend_weights", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, NULL, NULL},
    {"-image_size", NULL, CLI_OLD_WHOLE, "512", "size", 16, 32768, NULL, NULL, NULL},
    {"-content_weight", NULL, CLI_OLD_NUMBER, "5e0", NULL, 0, LARGE, NULL, NULL, NULL},
    {"-style_weight", NULL, CLI_OLD_NUMBER, "1e2", NULL, 0, LARGE, NULL, NULL, NULL},
    {"-normalize_weights", NULL, CLI_OLD_SWITCH, NULL, NULL, 0, 0, NULL, NULL, NULL},
    {"-normalize_gradients", NULL, CLI_OLD_SWITCH, NULL, "normalize-gradients", 0, 0, NULL, NULL, NULL},
    {"-tv_weight", NULL, CLI_OLD_NUMBER, "1e-3", NULL, 0, LARGE, NULL, NULL, NULL},
    {"-num_iterations", NULL, CLI_OLD_WHOLE, "1000", "iterations", 0, 1e7, NULL, NULL, NULL},
    {"-init", NULL, CLI_OLD_CHOICE, "random", NULL, 0, 0, "random|image", NULL, NULL},
    {"-init_image", NULL, CLI_OLD_TEXT, "", NULL, 0, 0, NULL, NULL, NULL},
    {"-optimizer", NULL, CLI_OLD_CHOICE, "lbfgs", "optimizer", 0, 0, "lbfgs|adam", NULL, NULL},
    {"-learning_rate", NULL, CLI_OLD_NUMBER, "1e1", NULL, 1e-9, 1e6, NULL, NULL, NULL},
    {"-lbfgs_num_correction", NULL, CLI_OLD_WHOLE, "0", NULL, 0, 200, NULL, NULL, NULL},
    {"-print_iter", NULL, CLI_OLD_WHOLE, "50", NULL, 0, 1e9, NULL, "the bar shows J, and --log FILE has every step",
     "进度条显示 J，--log FILE 记录每一步"},
    {"-save_iter", NULL, CLI_OLD_WHOLE, "100", NULL, 0, 1e7, NULL, NULL, NULL},
    {"-output_image", NULL, CLI_OLD_TEXT, "out.png", "output", 0, 0, NULL, NULL, NULL},
    {"-style_scale", NULL, CLI_OLD_NUMBER, "1.0", "style-scale", 0.05, 20, NULL, NULL, NULL},
    {"-original_colors", NULL, CLI_OLD_WHOLE, "0", NULL, 0, 1, NULL, NULL, NULL},
    {"-pooling", NULL, CLI_OLD_CHOICE, "max", NULL, 0, 0, "max|avg", NULL, NULL},
    {"-model_file", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, NULL, NULL},
    {"-seed", NULL, CLI_OLD_WHOLE, "-1", NULL, -1, 9e15, NULL, NULL, NULL},
    {"-content_layers", NULL, CLI_OLD_TEXT, "relu4_2", NULL, 0, 0, NULL, NULL, NULL},
    {"-style_layers", NULL, CLI_OLD_TEXT, "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1", NULL, 0, 0, NULL, NULL, NULL},
    {"-gpu", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, GPU_NONE},
    {"-multigpu_strategy", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, GPU_NONE},
    {"-multidevice_strategy", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, GPU_NONE},
    {"-backend", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, "danqing has kernels of its own", "danqing 使用自己的内核"},
    {"-cudnn_autotune", NULL, CLI_OLD_SWITCH, NULL, NULL, 0, 0, NULL, GPU_NONE},
    {"-proto_file", NULL, CLI_OLD_TEXT, NULL, NULL, 0, 0, NULL, "the weights file tells the layers", "权重文件已说明各层"},
    {"-disable_check", NULL, CLI_OLD_SWITCH, NULL, NULL, 0, 0, NULL, "weights are always checked, and any size may be painted",
     "权重总会检查，尺寸不限"},
};

/* ---- pictures ------------------------------------------------------------------------------------------------------ */

static int is_picture(const struct dirent *entry) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".tiff"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (entry->d_name[0] != '.' && strcasecmp(cli_ending_of(entry->d_name), endings[i]) == 0) return 1;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

/* A picture, or those of a folder (neural-style-pt); how many. */
static int add_styles(cli_old_line *line, const char *path) {
    struct dirent **entry;
    const int count = scandir(path, &entry, is_picture, by_name);
    if (count < 0) {
        cli_old_picture(line, path);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char *whole = NULL;
        if (asprintf(&whole, "%s/%s", path, entry[i]->d_name) >= 0) cli_old_picture(line, whole);
        free(whole);
        free(entry[i]);
    }
    free(entry);
    return count;
}

static int set_pictures(cli_old_line *line) {
    const char *content = cli_old_value(line, "-content_image"), *style = cli_old_value(line, "-style_image");
    const char *shares = cli_old_value(line, "-style_blend_weights");
    int count = 0;
    if (!content || !style) return cli_error(DQ_USAGE, "neural-style: give -content_image FILE and -style_image FILE[,FILE…]");
    cli_old_picture(line, content);
    char *copy = strdup(style), *rest = NULL;
    for (char *path = copy ? strtok_r(copy, ",", &rest) : NULL; path; path = strtok_r(NULL, ",", &rest))
        count += add_styles(line, path);
    free(copy);
    if (count == 0) return cli_old_refuse(line, "-style_image", "pictures, or a folder that has some");
    if (count > CLI_MAX_STYLES) return cli_old_refuse(line, "-style_image", "at most 16 pictures");
    if (!shares) return 0;
    if (cli_old_shares(shares) != count)
        return cli_old_refuse(line, "-style_blend_weights", "a number ≥ 0 for each style, with commas");
    cli_old_set(line, "style-weights", "%s", shares);
    return 0;
}

/* ---- costs --------------------------------------------------------------------------------------------------------- */

/* -normalize_weights divides by the largest dimension of the target: of the features for content, of the Gram matrix for style.
 * Layers of VGG have 64, 128, 256, 512, 512 channels; the longest side is halved at each pool. */
static double divisor(const cli_old_line *line, const char *layer, bool content) {
    int stage = 1;
    if (!cli_old_given(line, "-normalize_weights")) return 1;
    if (strncmp(layer, "relu", 4) == 0 && layer[4] >= '1' && layer[4] <= '5') stage = layer[4] - '0';
    const int channels = stage > 3 ? 512 : 32 << stage, side = (int)cli_old_number(line, "-image_size") >> (stage - 1);
    return content && side > channels ? side : channels;
}

/* Every layer counts in full. */
static void set_layers(cli_old_line *line, const char *flag, const char *option) {
    char *copy = strdup(cli_old_value(line, flag)), *rest = NULL, text[512] = "";
    const bool content = strcmp(option, "content-layers") == 0;
    size_t used = 0;
    for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name; name = strtok_r(NULL, ",", &rest)) {
        const double weight = 1 / divisor(line, name, content);
        const int n = snprintf(text + used, sizeof text - used, "%s%s=%.9g", used ? "," : "", name, weight);
        used += (size_t)n < sizeof text - used ? (size_t)n : 0;
    }
    free(copy);
    cli_old_set(line, option, "%s", text);
}

/* The old weights are for the features of VGG in the units of Caffe. `compact` has others: there the weights count as multiples
 * of the old defaults, which become weights of relative costs that look alike. */
static void set_weights(cli_old_line *line, bool own) {
    const double content = cli_old_number(line, "-content_weight"), style = cli_old_number(line, "-style_weight");
    const double tv = cli_old_number(line, "-tv_weight");
    cli_old_set(line, "content-weight", "%.9g", own ? content / 5 : content);
    cli_old_set(line, "style-weight", "%.9g", own ? style / 100 * 5 : style);
    cli_old_set(line, "tv-weight", "%.9g", own ? tv / 1e-3 * 0.5 : tv);
    if (!own) return;
    cli_old_set(line, "normalization", "relative");
    cli_old_set(line, "tv-kind", "nine");
    cli_old_set(line, "pixel-range", "1");
    cli_old_note(line, "vgg19 is not installed ('danqing model fetch vgg19' gets it): painting with compact, for whose features "
                       "the weights are taken as multiples of the old defaults");
}

/* ---- the rest ------------------------------------------------------------------------------------------------------ */

static void set_start(cli_old_line *line) {
    const char *file = cli_old_value(line, "-init_image");
    const double seed = cli_old_number(line, "-seed");
    if (cli_old_is(line, "-init", "image")) cli_old_set(line, "init", "%s", *file ? file : "content");
    else cli_old_set(line, "init", "noise"), cli_old_set(line, "noise", "6.8e-6"); /* deviation 0.001 of 255 */
    cli_old_set(line, "seed", "%.0f", seed < 0 ? 0 : seed);
}

static void set_optimiser(cli_old_line *line, bool own) {
    const double pairs = cli_old_number(line, "-lbfgs_num_correction"), rate = cli_old_number(line, "-learning_rate");
    cli_old_set(line, "history", "%.0f", pairs > 0 ? pairs : 100);
    cli_old_set(line, "learning-rate", "%.9g", cli_old_is(line, "-optimizer", "lbfgs") ? 1 : own ? rate / 255 : rate);
}

static int translate(cli_old_line *line) {
    const char *model = cli_old_value(line, "-model_file");
    const bool own = !model && !cli_old_model_is_here("vgg19");
    const double every = cli_old_number(line, "-save_iter");
    const int code = set_pictures(line);
    if (code) return code;
    cli_old_set(line, "model", "%s", model ? model : own ? "compact" : "vgg19");
    set_layers(line, "-content_layers", "content-layers");
    set_layers(line, "-style_layers", "style-layers");
    set_weights(line, own);
    set_start(line);
    set_optimiser(line, own);
    if (every > 0) cli_old_set(line, "save-every", "%.0f", every);
    cli_old_set(line, "pooling", "%s", cli_old_is(line, "-pooling", "avg") ? "average" : "max");
    cli_old_set(line, "colour", "%s", cli_old_is(line, "-original_colors", "1") ? "content" : "style");
    return 0;
}

const cli_old cli_old_neural_style = {
    "neural-style", "neural-style", "-content_image FILE -style_image FILE[,FILE…] [flags]",
    "paint by the flags of neural-style and neural-style-pt, in brackets their defaults",
    "按 neural-style 与 neural-style-pt 的参数作画，方括号内为其默认值", flags, sizeof flags / sizeof *flags, 0, translate,
};
