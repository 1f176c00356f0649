/* SPDX-License-Identifier: MIT
 * cli/curve.h: the costs over the steps of a picture, as its log has them. */
#ifndef DQ_CLI_CURVE_H
#define DQ_CLI_CURVE_H

#include "cli.h"

enum { CLI_POINTS = 512, CLI_COSTS = 3 };

typedef struct cli_curve {
    bool there;             /* the log was read */
    long steps;             /* over all scales */
    double last[CLI_COSTS]; /* J, J_content, J_style of the last step */
    double seconds;         /* until then */
    int points;             /* at most CLI_POINTS of the steps, evenly chosen, and the last */
    double step[CLI_POINTS + 1], cost[CLI_POINTS + 1][CLI_COSTS];
} cli_curve;

/* "J", "J_content", "J_style". */
extern const char *const cli_cost_names[CLI_COSTS];

/* Reads the log of a picture; `there` is false if it cannot be read or has no step. */
void cli_curve_read(cli_curve *curve, const char *path);
/* The three costs as SVG, one drawing each, a line for every curve that is there; labels[i] names them. */
void cli_curve_draw(FILE *to, const cli_curve *curve, int count, const char *const *labels);
/* The colour of line i of count in CSS, into a buffer of 32. */
const char *cli_curve_color(int i, int count, char text[32]);

/* ---- page.c ---- */

/* Text in HTML and SVG. */
void cli_print_html(FILE *to, const char *text);

#endif
