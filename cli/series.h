/* SPDX-License-Identifier: MIT
 * cli/series.h: many pictures painted one after another with one network in memory: which are there already, what is left,
 * how far all of it is. A sweep and a batch are series. Every picture carries a checksum of all that went into it (`job` in its
 * record): options, network, version and the bytes of photo and paintings; one that is there with the same is kept. */
#ifndef DQ_CLI_SERIES_H
#define DQ_CLI_SERIES_H

#include "cli.h"

typedef struct cli_setting {
    const char *name, *value;
} cli_setting;

/* A picture that is read. */
typedef struct cli_input {
    const char *path;
    bool known;    /* hash is set */
    uint64_t hash; /* of the file's bytes */
    int code;      /* why it cannot be used, 0 if it can as far as is known */
    bool named;    /* at the end, among those that could not be used */
} cli_input;

typedef enum cli_state {
    CLI_TODO,    /* not painted */
    CLI_KEPT,    /* was there already */
    CLI_PAINTED, /* in this run */
    CLI_BROKEN   /* could not be painted */
} cli_state;

/* One picture of a series. */
typedef struct cli_item {
    cli_input *photo, *style[CLI_MAX_STYLES];
    int styles;
    const cli_setting *setting; /* options of its own, which go before all others */
    int settings;
    char *path, *log; /* where picture and CSV go; log: NULL for none; cli_series_close frees both */
    char job[17];     /* the checksum in hexadecimal */
    cli_state state;
    double work; /* its share of the whole, in any unit */
    int rank;    /* who paints it */
} cli_item;

typedef struct cli_series {
    const cli_args *args;
    dq_context *ctx;
    cli_ranks ranks; /* that share the items */
    const cli_setting *base; /* options that only those of the command line and of an item go before */
    int bases;
    cli_item *item; /* cli_series_close frees it */
    int count;
    dq_model *model;
    char *model_name;
    int painting;         /* the item under way */
    double started, done; /* seconds; work of the pictures that this run has painted */
} cli_series;

/* All return an exit code after printing why. */

/* Starts the library. */
int cli_series_open(cli_series *s, const cli_args *args);
/* The folder of -o, made unless this is a dry run. */
int cli_series_folder(const cli_args *args, const char **folder);
/* Checks the options of every item, works out the checksums, and marks those that are there already. */
int cli_series_look(cli_series *s);
/* Makes and frees the job of every item that is to do, for its work and for the errors it would meet; plan[i] gets the plans
 * of those. For a series on one photo and the same paintings. */
int cli_series_plan(cli_series *s, dq_plan *plan);
/* Deals what is to do out to the ranks, in its order, each to the one with the least work; what the first has found there
 * counts. code: of this rank so far; the failure of one is that of all. */
int cli_series_deal(cli_series *s, int code);
/* Paints what is to do, and waits for the other ranks. An item that fails is named and does not end the others, unless options,
 * network or disk are to blame; DQ_FAILED then; 128 + signal if one came. */
int cli_series_run(cli_series *s);
/* How many items are in a state. */
int cli_series_count(const cli_series *s, cli_state state);
void cli_series_close(cli_series *s);

#endif
