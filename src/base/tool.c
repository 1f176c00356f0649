/* SPDX-License-Identifier: MIT
 * base/tool.c: see tool.h. Must not know what a setting means. */
#include "base/tool.h"

#include "base/measure.h"
#include "base/mem.h"
#include "base/number.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dq_status dq__call_inputs(const dq__call *call, int least, int most, const char *what, dq__error *err) {
    const int count = call->tool->input_count;
    if (count >= least && count <= most) return DQ_OK;
    return dq__fail(err, DQ_USAGE, "'%.40s' takes %s; there are %d inputs", call->tool->name, what, count);
}

dq_status dq__call_output(const dq__call *call, dq__error *err) {
    if (call->tool->output) return DQ_OK;
    return dq__fail(err, DQ_USAGE, "'%.40s' needs a path to write to", call->tool->name);
}

dq_status dq__call_progress(const dq__call *call, double done, dq__error *err) {
    const double seconds = dq__seconds() - call->began;
    const dq_progress p = {.seconds = seconds, .seconds_left = done > 0 ? seconds / done * (1 - done) : -1, .done = done};
    if (!call->progress || !call->progress(call->user, &p)) return DQ_OK;
    return dq__fail(err, DQ_CANCELLED, "stopped by the caller");
}

void dq__call_notice(const dq__call *call, const char *format, ...) {
    char text[512];
    va_list args;
    if (!call->notice) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    call->notice(call->notice_user, text);
}
dq_status dq__call_answer(const dq__call *call, json_t *object, dq__error *err) {
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    dq__free(*call->json);
    *call->json = text ? dq__strdup(text) : NULL;
    free(text);
    json_decref(object);
    return *call->json ? DQ_OK : dq__no_memory(err, 0, "the answer");
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static bool in_range(const dq__setting *row, double value) { return value >= row->minimum && value <= row->maximum; }

static bool parse_flag(const char *text, bool *value) {
    *value = !*text || strcmp(text, "on") == 0;
    return *value || strcmp(text, "off") == 0;
}

static bool parse_choice(const char *choices, const char *text, int *value) {
    const size_t n = strlen(text);
    *value = 0;
    for (const char *c = choices; *c; ++*value) {
        const size_t length = strcspn(c, "|");
        if (length == n && strncmp(c, text, n) == 0) return true;
        c += length + (c[length] == '|');
    }
    return false;
}

static bool parse(const dq__setting *row, const char *text, void *field) {
    switch (row->type) {
    case DQ__SET_INT: return dq__parse_int(text, field) && in_range(row, (double)*(int64_t *)field);
    case DQ__SET_FLOAT: return dq__parse_double(text, field) && in_range(row, *(double *)field);
    case DQ__SET_FLAG: return parse_flag(text, field);
    case DQ__SET_CHOICE: return parse_choice(row->choices, text, field);
    case DQ__SET_TEXT: *(const char **)field = text; return true;
    }
    return false;
}

dq_status dq__setting_take(const dq__setting *row, const char *value, void *field, dq__error *err) {
    if (parse(row, value, field)) return DQ_OK;
    char range[320] = "on or off";
    if (row->type == DQ__SET_INT)
        snprintf(range, sizeof range, "a whole number from %.0f to %.0f", row->minimum, row->maximum);
    if (row->type == DQ__SET_FLOAT) snprintf(range, sizeof range, "a number from %.7g to %.7g", row->minimum, row->maximum);
    if (row->type == DQ__SET_CHOICE) snprintf(range, sizeof range, "one of %s", row->choices);
    return dq__fail(err, DQ_USAGE, "option %s takes %s, not '%.64s'", row->name, range, value);
}

static dq_status refuse_name(const dq__call *call, const dq__setting *rows, int count, const char *setting, dq__error *err) {
    char list[320] = "threads";
    size_t used = strlen(list);
    for (int i = 0; i < count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %s", rows[i].name);
    return dq__fail(err, DQ_USAGE, "'%.40s' has no setting '%.40s' (name=value); there are: %s", call->tool->name, setting, list);
}

/* True if the setting is "name=…"; *value gets what follows. */
static bool is_named(const char *setting, const char *name, const char **value) {
    const size_t n = strlen(name);
    if (strncmp(setting, name, n) != 0 || setting[n] != '=') return false;
    *value = setting + n + 1;
    return true;
}

static dq_status set(const dq__call *call, const dq__setting *rows, int count, const char *setting, void *fields,
                     dq__error *err) {
    const char *value;
    for (int i = 0; i < count; i++) {
        if (!is_named(setting, rows[i].name, &value)) continue;
        return dq__setting_take(&rows[i], value, (char *)fields + rows[i].offset, err);
    }
    return is_named(setting, "threads", &value) ? DQ_OK : refuse_name(call, rows, count, setting, err);
}

dq_status dq__call_settings(const dq__call *call, const dq__setting *rows, int count, void *fields, dq__error *err) {
    dq_status status = DQ_OK;
    for (int i = 0; i < count; i++) {
        void *field = (char *)fields + rows[i].offset;
        if (rows[i].default_text) parse(&rows[i], rows[i].default_text, field);
        else *(const char **)field = NULL;
    }
    for (int i = 0; i < call->tool->setting_count && !status; i++)
        status = set(call, rows, count, call->tool->settings[i], fields, err);
    return status;
}

const char *dq__call_setting(const dq__call *call, const char *name, int index) {
    const char *value;
    for (int i = 0; i < call->tool->setting_count; i++)
        if (is_named(call->tool->settings[i], name, &value) && index-- == 0) return value;
    return NULL;
}
