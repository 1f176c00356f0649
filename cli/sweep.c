/* SPDX-License-Identifier: MIT
 * cli/sweep.c: `danqing sweep`: one photo and its paintings with every combination of the values that are varied. The work is
 * series.c's, the values grid.c's, what is left to look at page.c's. */
#include "page.h"

#include <stdlib.h>
#include <string.h>

typedef struct sweep {
    const cli_args *args;
    cli_grid grid;
    cli_series series;
    cli_input input[1 + CLI_MAX_STYLES];
    const char *folder;
    cli_setting *settings; /* CLI_MAX_AXES · CLI_MAX_SET for each cell */
    dq_plan *plan;
} sweep;

/* ---- names ----------------------------------------------------------------------------------------------------------- */

enum { MOST_NAME = 80 };

/* The labels as a file name: letters, digits and "-_.=" stay, everything else becomes '-'. */
static void name_cell(const cli_grid *grid, int cell, char name[MOST_NAME + 1]) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=";
    char label[CLI_LABEL];
    size_t n = 0;
    for (int a = 0; a < grid->axes; a++) {
        cli_grid_label(grid, cell, a, label);
        if (a && n < MOST_NAME) name[n++] = '_';
        for (const char *p = label; *p && n < MOST_NAME; p++) {
            if (strchr(plain, *p)) name[n++] = *p;
            else if (strncmp(p, "\316\261", 2) == 0) name[n++] = 'a', p++;
            else if (strncmp(p, "\316\262", 2) == 0) name[n++] = 'b', p++;
            else if (n && name[n - 1] != '-') name[n++] = '-';
        }
    }
    name[n] = 0;
}

/* Paths of a cell's picture and log, unlike those of the cells before it. */
static int name_item(sweep *s, int cell) {
    char name[MOST_NAME + 1];
    cli_item *item = &s->series.item[cell];
    name_cell(&s->grid, cell, name);
    for (int number = 1;; number++) {
        char again[16] = "";
        bool taken = false;
        if (number > 1) snprintf(again, sizeof again, "-%d", number);
        if (asprintf(&item->path, "%s/%s%s.png", s->folder, name, again) < 0) item->path = NULL;
        if (asprintf(&item->log, "%s/%s%s.csv", s->folder, name, again) < 0) item->log = NULL;
        if (!item->path || !item->log) return cli_error(DQ_LIMIT, "out of memory");
        for (int i = 0; i < cell && !taken; i++) taken = strcmp(s->series.item[i].path, item->path) == 0;
        if (!taken) return 0;
        free(item->path);
        free(item->log);
        item->path = item->log = NULL;
    }
}

/* ---- before the work ------------------------------------------------------------------------------------------------- */

static void set_item(sweep *s, int cell) {
    cli_item *item = &s->series.item[cell];
    cli_setting *setting = s->settings + (size_t)cell * CLI_MAX_AXES * CLI_MAX_SET;
    item->photo = &s->input[0];
    item->styles = s->args->count - 1;
    for (int i = 0; i < item->styles; i++) item->style[i] = &s->input[1 + i];
    for (int a = 0; a < s->grid.axes; a++)
        for (int i = 0; i < s->grid.axis[a].sets; i++) setting[item->settings++] = cli_grid_value(&s->grid, cell, a)->set[i];
    item->setting = setting;
}

static int make_items(sweep *s) {
    const int cells = s->grid.cells;
    int code = 0;
    for (int i = 0; i < s->args->count; i++) s->input[i].path = s->args->positional[i];
    s->series.base = s->grid.base;
    s->series.bases = s->grid.bases;
    s->settings = calloc((size_t)cells, sizeof *s->settings * CLI_MAX_AXES * CLI_MAX_SET);
    s->plan = calloc((size_t)cells, sizeof *s->plan);
    s->series.item = calloc((size_t)cells, sizeof *s->series.item);
    if (!s->settings || !s->plan || !s->series.item) return cli_error(DQ_LIMIT, "out of memory");
    s->series.count = cells;
    for (int i = 0; i < cells && !code; i++) {
        set_item(s, i);
        code = name_item(s, i);
    }
    return code;
}

/* A sweep has nothing to paint without each of its inputs. */
static int check_inputs(const sweep *s) {
    for (int i = 0; i < s->args->count; i++)
        if (s->input[i].code) return s->input[i].code;
    return 0;
}

static int prepare(sweep *s) {
    int code = cli_series_open(&s->series, s->args);
    if (!code) code = cli_grid_open(&s->grid, s->args);
    if (!code) code = cli_series_folder(s->args, &s->folder);
    if (!code) code = make_items(s);
    if (!code) code = cli_series_look(&s->series);
    if (!code) code = check_inputs(s);
    return code ? code : cli_series_plan(&s->series, s->plan);
}

/* ---- the work -------------------------------------------------------------------------------------------------------- */

static char *label_of(const sweep *s, int cell) {
    char *text = NULL, label[CLI_LABEL];
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to) return NULL;
    for (int a = 0; a < s->grid.axes; a++) {
        cli_grid_label(&s->grid, cell, a, label);
        fprintf(to, "%s%s", a ? ", " : "", label);
    }
    fclose(to);
    return text;
}

static int dry_run(const sweep *s) {
    for (int i = 0; i < s->series.count; i++) {
        const cli_item *item = &s->series.item[i];
        const dq_plan *plan = &s->plan[i];
        cli_print_clean(stdout, item->path);
        if (item->state == CLI_KEPT) printf(": there already\n");
        else if (item->state == CLI_BROKEN) printf(": not possible\n");
        else
            printf(": %d × %d, scales %d, iterations %lld, %.3g TFLOP\n", plan->width, plan->height, plan->scales,
                   (long long)plan->iterations, plan->flops / 1e12);
    }
    return 0;
}

/* Sheet, page and table of whatever is there by now. */
static int report(const sweep *s) {
    const int cells = s->grid.cells;
    int code = 0;
    cli_curve *curve = calloc((size_t)cells, sizeof *curve);
    char **label = calloc((size_t)cells, sizeof *label);
    bool whole = curve && label;
    for (int i = 0; i < cells && whole; i++) {
        cli_curve_read(&curve[i], s->series.item[i].log);
        label[i] = label_of(s, i);
        whole = label[i] != NULL;
    }
    const cli_page page = {&s->series, &s->grid, s->folder, curve, (const char *const *)label};
    code = whole ? cli_page_write(&page) : cli_error(DQ_LIMIT, "out of memory");
    if (!code) cli_note("wrote %s/index.html, sheet.png and sweep.csv", s->folder);
    for (int i = 0; label && i < cells; i++) free(label[i]);
    free(label);
    free(curve);
    return code;
}

static int work(sweep *s) {
    const int code = cli_series_run(&s->series), page_code = s->series.ranks.own == 0 ? report(s) : 0;
    return code ? code : page_code;
}

int cli_sweep(const cli_args *args) {
    sweep *s = calloc(1, sizeof *s);
    if (!s) return cli_error(DQ_LIMIT, "out of memory");
    s->args = args;
    int code = prepare(s);
    const bool follows = s->series.ranks.own > 0;
    if (!cli_value(args, "dry-run")) code = cli_series_deal(&s->series, code);
    if (!code && !cli_value(args, "dry-run")) code = work(s);
    else if (!code && !follows) code = dry_run(s);
    cli_series_close(&s->series);
    cli_grid_close(&s->grid);
    free(s->settings);
    free(s->plan);
    free(s);
    return follows ? 0 : code; /* the first has heard of it */
}
