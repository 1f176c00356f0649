/* SPDX-License-Identifier: MIT
 * cli/cli.h: what the files of the command share. The command sees the library through danqing.h only.
 * Reading order: main.c (dispatch), verbs.c (table of verbs), args.c (parser), paint.c (the main verb). */
#ifndef DQ_CLI_H
#define DQ_CLI_H

#include <danqing.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- verbs.c: what can be asked for ---- */

typedef struct cli_args cli_args;

typedef struct cli_verb {
    const char *name;      /* "paint", "model list" */
    const char *arguments; /* "PHOTO PAINTING…" */
    int least, most;       /* positional arguments */
    const char *help, *help_zh;
    int (*run)(const cli_args *args); /* returns the exit code */
    bool parted; /* the first "--" parts the arguments into two lists, and options may follow it */
} cli_verb;

/* Row of the verb table, NULL past its end. */
const cli_verb *cli_verb_at(int index);
const cli_verb *cli_verb_named(const char *name);
/* True for the first word of verbs of two: "model". */
bool cli_is_family(const char *word);

/* ---- args.c: options and the parser; nothing here prints or touches files ---- */

typedef struct cli_option {
    const char *name;
    char letter; /* 0 for none */
    const char *argument, *group;
    const char *type; /* as in dq_option_info, and "flag", "file" */
    const char *choices, *verbs;
    double minimum, maximum;
    const char *help, *help_zh;
    bool library; /* handed to dq_options_set */
} cli_option;

enum { CLI_MAX_OPTIONS = 192, CLI_MAX_GIVEN = 256, CLI_MAX_POSITIONALS = 4096, CLI_MAX_STYLES = 16, CLI_MESSAGE = 512 };

struct cli_args {
    const cli_verb *verb;
    const char *value[CLI_MAX_OPTIONS]; /* by row of the option table; NULL if not given, "" for a flag; the last one counts */
    struct {
        int option;
        const char *value;
    } given[CLI_MAX_GIVEN]; /* all of them in the order of the command line, for options that can be repeated */
    int givens;
    const char *positional[CLI_MAX_POSITIONALS];
    int count;
    int first; /* how many stand before the "--" of a parted verb; all without one */
};

/* Row of the option table, the command's own first, then the library's; NULL past its end. */
const cli_option *cli_option_at(int index);
bool cli_option_applies(const cli_option *option, const cli_verb *verb);
/* Reads argv[0 … argc−1], what follows the verb. On DQ_USAGE `message` holds one line. */
dq_status cli_parse(const cli_verb *verb, int argc, const char *const *argv, cli_args *args, char message[CLI_MESSAGE]);
/* The value given for an option, NULL if it was not. */
const char *cli_value(const cli_args *args, const char *name);
/* The value of its `index`-th use, NULL past the last. */
const char *cli_value_at(const cli_args *args, const char *name, int index);

/* ---- text.c ---- */

/* True where messages are wanted in Chinese: LC_ALL, LC_MESSAGES or LANG begins with zh. */
bool cli_chinese(void);
/* Columns that UTF-8 text takes on a terminal. */
int cli_width(const char *text);
/* Prints text wrapped at `columns`, starting at column `indent` and indenting later lines to it. */
void cli_wrap(FILE *to, const char *text, int indent, int columns);
/* Number of single-letter edits between two names. */
int cli_distance(const char *a, const char *b);
/* Prints text as one word for a shell. */
void cli_print_quoted(FILE *to, const char *text);
/* Prints text with control characters as '?'. */
void cli_print_clean(FILE *to, const char *text);
/* "812 MB", into a buffer of 32. */
const char *cli_bytes(double bytes, char text[32]);
/* "1:05" or "2:00:07", into a buffer of 32. */
const char *cli_time(double seconds, char text[32]);

/* ---- say.c: everything that goes to standard error ---- */

typedef enum cli_progress { CLI_BAR, CLI_JSON, CLI_NONE } cli_progress;

/* From --progress and --quiet, NO_COLOR, TERM and whether standard error is a terminal. */
void cli_say_setup(const cli_args *args);
bool cli_quiet(void);
bool cli_json(void);
/* One line "danqing: …" (an "error" event with --progress json); returns the status. */
int cli_error(dq_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The error that the context holds. */
int cli_error_of(const dq_context *ctx, dq_status status);
/* A line that --quiet suppresses (a "notice" event with --progress json). */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* dq_log_fn that calls cli_note. */
void cli_log(void *user, const char *text);
/* JSON text must be UTF-8; a file name need not be. */
json_t *cli_json_text(const char *text);
/* An event of --progress json; takes the object; does nothing in the other modes. */
void cli_event(json_t *object);
/* Draws the bar (at most ten times a second) with `tail` after it; done is 0 … 1. Nothing in the other modes. */
void cli_bar(double done, const char *tail);
void cli_bar_clear(void);
/* From now on nothing of all this is printed, or it is again. */
void cli_mute(bool mute);
/* Seconds on a clock that only goes forward. */
double cli_now(void);

/* ---- stop.c: signals ---- */

/* From now on the first INT, TERM or HUP is kept, the second kills. */
void cli_stop_install(void);
/* The signal that came, 0 if none did. */
int cli_stop_signal(void);

/* ---- output.c: where pictures go ---- */

#define CLI_CHECKPOINT ".checkpoint" /* what --resume keeps beside the output */

typedef struct cli_output {
    char *path;          /* "-" for standard output */
    const char *format;  /* for "-" */
    char options[64];    /* for dq_image_write */
} cli_output;

/* Chooses path and options from the arguments and proves, before any work, that they can be written: the folder, the
 * ending, the options. Returns an exit code after printing why. */
int cli_output_open(cli_output *output, dq_context *ctx, const cli_args *args);
/* Writes a picture; step > 0 writes it beside the output as NAME-000100.png. */
int cli_output_write(const cli_output *output, dq_context *ctx, const dq_image *image, long step);
void cli_output_close(cli_output *output);
/* True if the two paths name the same existing file. */
bool cli_same_file(const char *a, const char *b);
/* The file name without folders, and where its ending begins (the end of the path if it has none). */
const char *cli_base_of(const char *path);
const char *cli_ending_of(const char *path);
/* A text file that appears at `path` only when it is closed and whole; NULL and DQ_OUTPUT said if it cannot be made. */
FILE *cli_text_open(const char *path);
int cli_text_close(FILE *file, const char *path);
/* DQ_OUTPUT, with a line, if a file cannot be made at `path` or `no_clobber` forbids it. */
int cli_check_writable(const char *path, bool no_clobber);

/* ---- ranks.c: processes that mpirun started together ---- */

typedef struct cli_ranks {
    dq_context *ctx;
    const cli_args *args;
    int own, count; /* 0 of 1 where this process is alone */
} cli_ranks;

/* All return an exit code after printing why. */

/* Joins the others; all but the first print nothing from then on. */
int cli_ranks_join(dq_context *ctx, const cli_args *args, cli_ranks *ranks);
/* Pictures are painted by all together from now on: the first returns at once, the others when they are let go. */
int cli_ranks_paint(const cli_ranks *ranks);
/* Each says a text; *said, an array to be released, is what all have said. */
int cli_ranks_say(const cli_ranks *ranks, const char *text, json_t **said);
/* Has this process nothing to do, since the verb is one for the first alone? */
bool cli_ranks_idle(const cli_verb *verb);

/* ---- input.c ---- */

/* Reads a picture from a file or, for "-", from standard input. */
dq_status cli_read_picture(dq_context *ctx, dq_image **out, const char *path);

/* ---- job.c: what the verbs that paint share ---- */

/* Hands every option of the library that the command line gives to `options`. An exit code, after printing why. */
int cli_set_options(dq_context *ctx, const cli_args *args, dq_options *options);
/* A member of the model's description, "name" or "sha256"; NULL without one; release it. */
json_t *cli_model_member(const dq_model *model, const char *name);
/* The event of one step, and its row in a log of CSV. */
json_t *cli_step_event(const dq_progress *progress);
void cli_log_head(FILE *log);
void cli_log_step(FILE *log, const dq_progress *progress);

/* ---- tool.c: what the verbs that are a tool of the library share ---- */

typedef enum cli_tool_output { CLI_NO_FILE, CLI_PICTURE, CLI_DRAWING } cli_tool_output; /* what -o is; a drawing is not
                                                                                       needed and proved by the verb */
/* Prints an answer for people; returns an exit code after printing why. */
typedef int (*cli_answer_fn)(const cli_args *args, const json_t *answer);

/* Runs the tool that has the name of the verb on its arguments; all options given but those of the groups output and general
 * are its settings. doing: what the bar says, "measuring"; events are "working" with verb, done and seconds. The answer is
 * printed as JSON with --json, else by `tell`. An exit code, after printing why. */
int cli_tool_verb(const cli_args *args, cli_tool_output output, const char *doing, cli_answer_fn tell);

/* ---- the verbs ---- */

int cli_paint(const cli_args *args);
int cli_sweep(const cli_args *args);
int cli_batch(const cli_args *args);
int cli_info(const cli_args *args);
int cli_bench(const cli_args *args);
int cli_train_distil(const cli_args *args);
int cli_train_sketch(const cli_args *args);
int cli_filter(const cli_args *args);
int cli_sketch(const cli_args *args);
int cli_sketch_eval(const cli_args *args);
int cli_explain_network(const cli_args *args);
int cli_explain_picture(const cli_args *args);
int cli_explain_classify(const cli_args *args);
int cli_model_list(const cli_args *args);
int cli_model_info(const cli_args *args);
int cli_model_import(const cli_args *args);
int cli_model_fetch(const cli_args *args);
int cli_serve(const cli_args *args);
int cli_worker(const cli_args *args);
/* "__picture" and "__paint": processes that the studio starts. */
int cli_child(int argc, const char *const *argv);
int cli_help(const cli_args *args);

/* ---- topics.c: what help and the man page both tell ---- */

typedef struct cli_topic {
    const char *name, *help, *help_zh;
} cli_topic;

/* Rows of small tables, NULL past their end. */
const cli_topic *cli_group_at(int index);       /* groups of options with their titles */
const cli_topic *cli_family_at(int index);      /* first words of verbs of two */
const cli_topic *cli_example_at(int index);     /* command lines and what they do */
const cli_topic *cli_exit_code_at(int index);   /* "0", … */
const cli_topic *cli_environment_at(int index); /* variables */

/* ---- help.c, man.c, complete.c ---- */

/* Help on one verb. */
void cli_help_verb(FILE *to, const cli_verb *verb);
/* Help on a topic: NULL for the overview, "all", a verb, or its first word. An exit code. */
int cli_help_topic(FILE *to, const char *topic);
/* The manual page in mdoc. */
void cli_man(FILE *to);
/* Candidates for the last of the words, "candidate<TAB>description" lines; the line ":file" asks for file names. */
void cli_complete(FILE *to, int count, const char *const *words);

#endif
