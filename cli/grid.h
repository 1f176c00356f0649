/* SPDX-License-Identifier: MIT
 * cli/grid.h: what a sweep varies: axes of values, from --vary and --preset, and the cells that they span. */
#ifndef DQ_CLI_GRID_H
#define DQ_CLI_GRID_H

#include "series.h"

enum { CLI_MAX_AXES = 8, CLI_MAX_VALUES = 64, CLI_MAX_CELLS = 400, CLI_MAX_SET = 2, CLI_LABEL = 256 };

/* One value of an axis: what it sets; `name` where it has one of its own ("deep-heavy"). */
typedef struct cli_axis_value {
    const char *name;
    cli_setting set[CLI_MAX_SET];
} cli_axis_value;

typedef struct cli_axis {
    const char *name; /* the option, or the preset */
    int count, sets;  /* values; settings of each */
    cli_axis_value value[CLI_MAX_VALUES];
} cli_axis;

typedef struct cli_grid {
    cli_axis axis[CLI_MAX_AXES];
    int axes, cells;
    const cli_setting *base; /* options of all cells that the command line goes before */
    int bases;
    char *text[CLI_MAX_AXES + CLI_MAX_VALUES]; /* what names and values point into */
    int texts;
} cli_grid;

/* From --preset, --vary and --full. Returns an exit code after printing why. */
int cli_grid_open(cli_grid *grid, const cli_args *args);
/* The value of an axis at a cell; the last axis runs fastest. */
const cli_axis_value *cli_grid_value(const cli_grid *grid, int cell, int axis);
/* "style-weight 40" or "deep-heavy". */
void cli_grid_label(const cli_grid *grid, int cell, int axis, char text[CLI_LABEL]);
/* Rows are the values of the first axis; a single axis runs along a row. */
int cli_grid_columns(const cli_grid *grid);
void cli_grid_close(cli_grid *grid);

#endif
