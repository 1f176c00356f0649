/* SPDX-License-Identifier: MIT
 * cli/page.h: what a sweep leaves beside its pictures: sweep.csv, the contact sheet sheet.png, and index.html. */
#ifndef DQ_CLI_PAGE_H
#define DQ_CLI_PAGE_H

#include "curve.h"
#include "grid.h"

typedef struct cli_page {
    const cli_series *series;
    const cli_grid *grid;
    const char *folder;
    const cli_curve *curve;   /* one for each cell */
    const char *const *label; /* "style-weight 40, seed 1" */
} cli_page;

/* Writes the three. Returns an exit code after printing why. */
int cli_page_write(const cli_page *page);

#endif
