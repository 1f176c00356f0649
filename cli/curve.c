/* SPDX-License-Identifier: MIT
 * cli/curve.c: see curve.h. */
#include "curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const cli_cost_names[CLI_COSTS] = {"J", "J_content", "J_style"};

/* ---- reading --------------------------------------------------------------------------------------------------------- */

/* A row "iteration,scale,J,J_content,J_style,seconds". */
static bool read_row(FILE *file, double cost[CLI_COSTS], double *seconds) {
    char line[256];
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "%*d,%*d,%lf,%lf,%lf,%lf", &cost[0], &cost[1], &cost[2], seconds) == 4) return true;
    return false;
}

static void add_point(cli_curve *c, long step) {
    c->step[c->points] = (double)step;
    memcpy(c->cost[c->points++], c->last, sizeof c->last);
}

void cli_curve_read(cli_curve *c, const char *path) {
    *c = (cli_curve){0};
    FILE *file = fopen(path, "re");
    if (!file) return;
    while (read_row(file, c->last, &c->seconds)) c->steps++;
    const long every = c->steps / CLI_POINTS + 1;
    rewind(file);
    for (long i = 1; i <= c->steps && read_row(file, c->last, &c->seconds); i++)
        if (i == c->steps || (i - 1) % every == 0) add_point(c, i);
    c->there = c->steps > 0;
    fclose(file);
}

/* ---- drawing --------------------------------------------------------------------------------------------------------- */

enum { WIDTH = 460, HEIGHT = 300, LEFT = 62, RIGHT = 12, TOP = 12, BOTTOM = 40 };

typedef struct axes {
    double steps, low, high; /* the longest; log10 of the range */
} axes;

static double x_of(const axes *a, double step) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (a->steps > 1 ? (step - 1) / (a->steps - 1) : 0.5);
}

static double y_of(const axes *a, double cost) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (a->high - log10(cost)) / (a->high - a->low);
}

static bool drawable(double cost) { return isfinite(cost) && cost > 0; }

/* Whole decades where the costs span much, else as far as they go. */
static axes find_axes(const cli_curve *c, int count, int cost) {
    axes a = {1, INFINITY, -INFINITY};
    for (int i = 0; i < count; i++)
        for (int k = 0; k < c[i].points; k++) {
            if (!drawable(c[i].cost[k][cost])) continue;
            a.steps = fmax(a.steps, c[i].step[k]);
            a.low = fmin(a.low, log10(c[i].cost[k][cost]));
            a.high = fmax(a.high, log10(c[i].cost[k][cost]));
        }
    if (a.low > a.high) a.low = a.high = 0;
    const double margin = a.high - a.low > 0.1 ? 0.03 * (a.high - a.low) : 0.1;
    return (axes){a.steps, a.low - margin, a.high + margin};
}

static void draw_tick_y(FILE *to, const axes *a, double value) {
    const double y = y_of(a, value);
    fprintf(to, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, y, y);
    fprintf(to, "<text class=\"y\" x=\"%d\" y=\"%.1f\">%.4g</text>\n", LEFT - 6, y + 4, value);
}

/* 1, 2 or 5 times a power of ten, at least `raw`. */
static double round_step(double raw) {
    const double power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

/* Within a decade equal steps; else lines at 1, 2 and 5 times powers of ten, at the powers alone over more than three. */
static void draw_ticks_y(FILE *to, const axes *a) {
    const double low = pow(10, a->low), high = pow(10, a->high), every = round_step((high - low) / 5);
    const int lines = a->high - a->low > 3 ? 1 : 3;
    static const double mantissa[] = {1, 2, 5};
    if (a->high - a->low < 1) {
        for (double k = ceil(low / every); k * every <= high; k++) draw_tick_y(to, a, k * every);
        return;
    }
    for (int e = (int)floor(a->low); e <= (int)ceil(a->high); e++)
        for (int i = 0; i < lines; i++) {
            const double value = mantissa[i] * pow(10, e);
            if (value >= low && value <= high) draw_tick_y(to, a, value);
        }
}

static void draw_ticks_x(FILE *to, const axes *a) {
    const double every = round_step(fmax(a->steps / 5, 1));
    for (double step = every; step <= a->steps; step += every)
        fprintf(to, "<text class=\"x\" x=\"%.1f\" y=\"%d\">%.0f</text>\n", x_of(a, step), HEIGHT - BOTTOM + 18, step);
    fprintf(to, "<text class=\"x\" x=\"%d\" y=\"%d\">step</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4);
    fprintf(to, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", LEFT, TOP, WIDTH - LEFT - RIGHT,
            HEIGHT - TOP - BOTTOM);
}

static void draw_line(FILE *to, const axes *a, const cli_curve *c, int cost, const char *color, const char *label) {
    fprintf(to, "<polyline stroke=\"%s\" points=\"", color);
    for (int k = 0; k < c->points; k++)
        if (drawable(c->cost[k][cost])) fprintf(to, "%.1f,%.1f ", x_of(a, c->step[k]), y_of(a, c->cost[k][cost]));
    fputs("\"><title>", to);
    cli_print_html(to, label);
    fputs("</title></polyline>\n", to);
}

const char *cli_curve_color(int i, int count, char text[32]) {
    snprintf(text, 32, "hsl(%d 70%% %d%%)", count > 1 ? 300 * i / (count - 1) : 0, i % 2 ? 38 : 50);
    return text;
}

void cli_curve_draw(FILE *to, const cli_curve *curve, int count, const char *const *labels) {
    for (int cost = 0; cost < CLI_COSTS; cost++) {
        const axes a = find_axes(curve, count, cost);
        fprintf(to, "<figure><figcaption>%s</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
                cli_cost_names[cost], WIDTH, HEIGHT, cli_cost_names[cost]);
        draw_ticks_y(to, &a);
        draw_ticks_x(to, &a);
        for (int i = 0; i < count; i++) {
            char color[32];
            if (curve[i].there) draw_line(to, &a, &curve[i], cost, cli_curve_color(i, count, color), labels[i]);
        }
        fputs("</svg></figure>\n", to);
    }
}
