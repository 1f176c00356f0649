/* SPDX-License-Identifier: MIT
 * cli/old.h: command lines of older programs. A program is a table of its flags, as it spells them and with its defaults, and one
 * function for what a flag for a flag cannot say; what comes out is a command line of `danqing paint`. */
#ifndef DQ_CLI_OLD_H
#define DQ_CLI_OLD_H

#include "cli.h"

typedef enum cli_old_type {
    CLI_OLD_SWITCH, CLI_OLD_WHOLE, CLI_OLD_NUMBER, CLI_OLD_CHOICE, CLI_OLD_TEXT, CLI_OLD_LIST
} cli_old_type;

typedef struct cli_old_flag {
    const char *name, *letter; /* "--end-scale", "-s" or NULL */
    cli_old_type type;         /* a list takes every word up to the next flag */
    const char *fallback;      /* the program's default; NULL for none */
    const char *option;        /* ours that takes the value as it is; NULL: `translate` looks at it, or it has no meaning */
    double least, most;        /* of numbers */
    const char *choices;       /* of a choice, "a|b" */
    const char *idle, *idle_zh; /* why it has no meaning here; NULL: it has one */
} cli_old_flag;

typedef struct cli_old_line cli_old_line;

typedef struct cli_old {
    const char *name;      /* "neural-style" */
    const char *recipe;    /* ours that the flags change */
    const char *arguments; /* as in its usage */
    const char *help, *help_zh;
    const cli_old_flag *flag;
    int flags;
    int positionals;                       /* the most it takes */
    int (*translate)(cli_old_line *line);  /* adds what the table does not; an exit code after saying why */
} cli_old;

extern const cli_old cli_old_neural_style, cli_old_style_transfer;

/* The old program of that name, NULL if it is none; and the rows for help, NULL past the end. */
const cli_old *cli_old_named(const char *name);
const cli_topic *cli_old_topic_at(int index);
/* Runs argv[0 … argc−1], what follows the name; what follows "--" is danqing's own. Returns the exit code. */
int cli_old_run(const cli_old *program, int argc, const char *const *argv);

/* ---- for `translate` ---- */

/* The value of a flag as given, or the default (NULL where there is none); the words of a list are joined with commas. */
const char *cli_old_value(const cli_old_line *line, const char *flag);
double cli_old_number(const cli_old_line *line, const char *flag);
bool cli_old_is(const cli_old_line *line, const char *flag, const char *value);
bool cli_old_given(const cli_old_line *line, const char *flag);
/* The pictures among the arguments, NULL past the last. */
const char *cli_old_positional(const cli_old_line *line, int index);
/* Says that a flag's value cannot be: DQ_USAGE. */
int cli_old_refuse(const cli_old_line *line, const char *flag, const char *wanted);
/* Adds an option of ours, or a picture; what is added later goes before. */
void cli_old_set(cli_old_line *line, const char *option, const char *format, ...) __attribute__((format(printf, 3, 4)));
void cli_old_picture(cli_old_line *line, const char *path);
/* How many numbers ≥ 0 a comma separated value has; −1 if it is not such a list. */
int cli_old_shares(const char *text);
/* A line about what differs, after the command line is known to be right. */
void cli_old_note(cli_old_line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Is a network of this name installed? */
bool cli_old_model_is_here(const char *name);

#endif
