/* SPDX-License-Identifier: MIT
 * base/tool.h: how a tool of dq_tool_run (danqing.h) is called and how it reads its settings: by a table of its own, which
 * checks them, into a struct of its own. Knows no tool. */
#ifndef DQ_BASE_TOOL_H
#define DQ_BASE_TOOL_H

#include "base/pool.h"

#include <stddef.h>

struct json_t;

/* What a tool gets. It is a function `dq_status dq__NAME_tool(const dq__call *call, dq__error *err)` with a row in the table of
 * api/tool.c. */
typedef struct dq__call {
    const dq_tool *tool; /* what the caller asked for; its inputs and settings are not NULL, its output may be */
    dq__pool *pool;      /* of as many threads as the setting "threads" says, which every tool has */
    dq_progress_fn progress; /* may be NULL; dq__call_progress calls it */
    void *user;
    dq_log_fn notice; /* may be NULL; dq__call_notice calls it */
    void *notice_user;
    dq_context *context; /* for the tools of api/, which know what it is */
    double began; /* dq__seconds() of the call */
    char **json; /* left by dq__call_answer */
} dq__call;

typedef dq_status (*dq__tool_fn)(const dq__call *call, dq__error *err);

/* DQ_USAGE unless there are `least` to `most` inputs; what: "a photo". */
dq_status dq__call_inputs(const dq__call *call, int least, int most, const char *what, dq__error *err);
/* DQ_USAGE unless there is a path to write to. */
dq_status dq__call_output(const dq__call *call, dq__error *err);
/* Tells the caller how far the tool is, 0 … 1; DQ_CANCELLED when it asks to stop. */
dq_status dq__call_progress(const dq__call *call, double done, dq__error *err);
/* A notice: one line without a newline. */
void dq__call_notice(const dq__call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the object and leaves it as the answer of the call; DQ_LIMIT where it is NULL, for want of memory. */
dq_status dq__call_answer(const dq__call *call, struct json_t *object, dq__error *err);

/* ---- settings ---------------------------------------------------------------------------------------------------- */

/* The field of a setting is int64_t, double, bool, int (which of the choices) or const char * (the caller's text; NULL where
 * nothing was said and the row has no default). A flag is "on", "off" or, as on the command line, "". */
typedef enum dq__setting_type { DQ__SET_INT, DQ__SET_FLOAT, DQ__SET_FLAG, DQ__SET_CHOICE, DQ__SET_TEXT } dq__setting_type;

typedef struct dq__setting {
    const char *name;
    dq__setting_type type;
    size_t offset;            /* of its field */
    const char *default_text; /* NULL only for TEXT */
    double minimum, maximum;  /* INT and FLOAT */
    const char *choices;      /* CHOICE: "a|b|c" */
} dq__setting;

/* Fills the fields with the defaults, then with the settings of the call; of a name given twice the last one counts. Errors:
 * DQ_USAGE, with the names that there are. */
dq_status dq__call_settings(const dq__call *call, const dq__setting *rows, int count, void *fields, dq__error *err);
/* Reads one value into its field; DQ_USAGE, with what the setting takes, where it is no such value. */
dq_status dq__setting_take(const dq__setting *row, const char *value, void *field, dq__error *err);
/* The value of the `index`-th setting of that name, for those that can be repeated; NULL past the last. */
const char *dq__call_setting(const dq__call *call, const char *name, int index);

#endif
