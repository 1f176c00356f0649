/* SPDX-License-Identifier: MIT
 * cli/grid.c: see grid.h. The presets are the experiments of the course presentation. What a value may be is for the library
 * to say. */
#include "grid.h"

#include <stdlib.h>
#include <string.h>

#define LAYERS(a, b, c, d, e) "relu1_1=" #a ",relu2_1=" #b ",relu3_1=" #c ",relu4_1=" #d ",relu5_1=" #e
enum { MOST_ALONG = 8 /* values of a single axis in a row of the sheet */ };

/* ---- presets ------------------------------------------------------------------------------------------------------- */

static const cli_setting small[] = {{"size", "256"}};
static const cli_setting classic[] = {{"recipe", "classic"}, {"learning-rate", "0.03"}, {"content-weight", "10"},
                                      {"style-weight", "40"}, {"iterations", "1001"}, {"size", "400"}};
static const cli_setting slow[] = {{"recipe", "classic"}, {"learning-rate", "0.001"}, {"content-weight", "10"},
                                   {"style-weight", "40"}, {"size", "400"}};

static const struct preset {
    const cli_setting *base;
    int bases;
    cli_axis axis;
} presets[] = {
    {classic, 6, {"layer-weights", 3, 1,
                  {{"deep-heavy", {{"style-layers", LAYERS(0, 0, 0.1, 0.4, 0.5)}}},
                   {"balanced", {{"style-layers", LAYERS(0.2, 0.2, 0.2, 0.2, 0.2)}}},
                   {"shallow-heavy", {{"style-layers", LAYERS(0.5, 0.4, 0.1, 0, 0)}}}}}},
    {classic, 6, {"alpha-beta", 2, 2,
                  {{"\316\261 40 \316\262 10", {{"content-weight", "40"}, {"style-weight", "10"}}},
                   {"\316\261 10 \316\262 40", {{"content-weight", "10"}, {"style-weight", "40"}}}}}},
    {slow, 5, {"steps", 5, 1,
               {{"1001 steps", {{"iterations", "1001"}}}, {"5001 steps", {{"iterations", "5001"}}},
                {"10001 steps", {{"iterations", "10001"}}}, {"15001 steps", {{"iterations", "15001"}}},
                {"21001 steps", {{"iterations", "21001"}}}}}},
};

/* --iterations N with the steps of a preset: the longest has N, the others their share of it. */
static int scale_steps(cli_grid *grid, cli_axis *axis, const char *text) {
    const double longest = strtod(axis->value[axis->count - 1].set[0].value, NULL), wanted = strtod(text, NULL);
    for (int i = 0; i < axis->count; i++) {
        cli_axis_value *v = &axis->value[i];
        char *name = NULL;
        const double steps = strtod(v->set[0].value, NULL) * wanted / longest;
        if (asprintf(&name, "%.0f steps", steps < 1 ? 1 : steps) < 0) return cli_error(DQ_LIMIT, "out of memory");
        grid->text[grid->texts++] = name;
        char *number = strndup(name, strcspn(name, " "));
        if (!number) return cli_error(DQ_LIMIT, "out of memory");
        grid->text[grid->texts++] = number;
        v->name = name;
        v->set[0].value = number;
    }
    return 0;
}

static int use_preset(cli_grid *grid, const cli_args *args, const char *name) {
    const char *steps = cli_value(args, "iterations");
    const struct preset *preset = presets;
    while (strcmp(preset->axis.name, name) != 0) preset++; /* the parser has checked the choice */
    grid->base = preset->base;
    grid->bases = preset->bases;
    grid->axis[grid->axes++] = preset->axis;
    return steps && strcmp(name, "steps") == 0 ? scale_steps(grid, &grid->axis[0], steps) : 0;
}

/* ---- --vary -------------------------------------------------------------------------------------------------------- */

static bool is_option(const char *name) {
    const dq_option_info *info;
    for (int i = 0; (info = dq_option_at(i)); i++)
        if (strcmp(info->name, name) == 0) return true;
    return false;
}

/* "OPTION=a,b,c", or "OPTION=a;b;c" where values have commas of their own. */
static int add_axis(cli_grid *grid, const char *argument) {
    char *text = strdup(argument), *equals = text ? strchr(text, '=') : NULL;
    if (!text) return cli_error(DQ_LIMIT, "out of memory");
    grid->text[grid->texts++] = text;
    if (!equals || !equals[1]) return cli_error(DQ_USAGE, "--vary takes OPTION=a,b,c, not '%.64s'", argument);
    if (grid->axes == CLI_MAX_AXES) return cli_error(DQ_USAGE, "a sweep varies at most %d options", CLI_MAX_AXES);
    *equals = 0;
    if (!is_option(text))
        return cli_error(DQ_USAGE, "--vary: painting has no option '%.64s'; 'danqing sweep --help' lists them", text);
    cli_axis *axis = &grid->axis[grid->axes++];
    const char *mark = strchr(equals + 1, ';') ? ";" : ",";
    *axis = (cli_axis){.name = text, .sets = 1};
    for (char *p = equals + 1, *next; p; p = next) {
        next = strpbrk(p, mark);
        if (next) *next++ = 0;
        if (axis->count == CLI_MAX_VALUES)
            return cli_error(DQ_USAGE, "--vary %s has more than %d values", axis->name, CLI_MAX_VALUES);
        axis->value[axis->count++].set[0] = (cli_setting){axis->name, p};
    }
    return 0;
}

/* ---- checks -------------------------------------------------------------------------------------------------------- */

static bool sets(const cli_axis *axis, const char *name) {
    for (int i = 0; i < axis->sets; i++)
        if (strcmp(axis->value[0].set[i].name, name) == 0) return true;
    return false;
}

/* No option may come from two sides. */
static int check_axis(const cli_grid *grid, int index, const cli_args *args) {
    const cli_axis *axis = &grid->axis[index];
    const bool scaled = strcmp(axis->name, "steps") == 0;
    for (int i = 0; i < axis->sets; i++) {
        const char *name = axis->value[0].set[i].name;
        if (cli_value(args, name) && !scaled) return cli_error(DQ_USAGE, "--%s is given, but %s varies it", name, axis->name);
        for (int k = 0; k < index; k++)
            if (sets(&grid->axis[k], name)) return cli_error(DQ_USAGE, "%s is varied twice", name);
    }
    return 0;
}

static int check_size(const cli_grid *grid, const cli_args *args) {
    bool varied = false;
    for (int i = 0; i < grid->axes; i++) varied = varied || sets(&grid->axis[i], "size");
    if (!cli_value(args, "full")) return 0;
    if (cli_value(args, "preset")) return cli_error(DQ_USAGE, "a preset has its own size; --size changes it, --full does not");
    if (cli_value(args, "size") || varied) return cli_error(DQ_USAGE, "--full is the recipe's size; leave out the other");
    return 0;
}

static int check(cli_grid *grid, const cli_args *args) {
    int code = check_size(grid, args);
    grid->cells = 1;
    for (int i = 0; i < grid->axes && !code; i++) {
        code = check_axis(grid, i, args);
        grid->cells *= grid->axis[i].count;
        if (!code && grid->cells > CLI_MAX_CELLS)
            code = cli_error(DQ_USAGE, "that is more than %d pictures; vary fewer values", CLI_MAX_CELLS);
    }
    return code;
}

/* ---- public -------------------------------------------------------------------------------------------------------- */

int cli_grid_open(cli_grid *grid, const cli_args *args) {
    const char *preset = cli_value(args, "preset"), *vary;
    int code = 0;
    *grid = (cli_grid){.base = small, .bases = cli_value(args, "full") ? 0 : 1};
    if (preset) code = use_preset(grid, args, preset);
    for (int i = 0; !code && (vary = cli_value_at(args, "vary", i)); i++) code = add_axis(grid, vary);
    if (!code && !grid->axes)
        code = cli_error(DQ_USAGE, "say what to vary: --vary OPTION=a,b,c or --preset layer-weights|alpha-beta|steps");
    return code ? code : check(grid, args);
}

const cli_axis_value *cli_grid_value(const cli_grid *grid, int cell, int axis) {
    for (int i = grid->axes - 1; i > axis; i--) cell /= grid->axis[i].count;
    return &grid->axis[axis].value[cell % grid->axis[axis].count];
}

void cli_grid_label(const cli_grid *grid, int cell, int axis, char text[CLI_LABEL]) {
    const cli_axis_value *value = cli_grid_value(grid, cell, axis);
    if (value->name) snprintf(text, CLI_LABEL, "%s", value->name);
    else snprintf(text, CLI_LABEL, "%s %s", value->set[0].name, value->set[0].value);
}

int cli_grid_columns(const cli_grid *grid) {
    if (grid->axes > 1) return grid->cells / grid->axis[0].count;
    return grid->cells < MOST_ALONG ? grid->cells : MOST_ALONG;
}

void cli_grid_close(cli_grid *grid) {
    for (int i = 0; i < grid->texts; i++) free(grid->text[i]);
    *grid = (cli_grid){0};
}
