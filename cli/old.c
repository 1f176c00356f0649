/* SPDX-License-Identifier: MIT
 * cli/old.c: see old.h. Reads an old command line by its program's table, turns it into one of `danqing paint`, says which one,
 * and runs it. Knows no flag by name. */
#include "old.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FLAGS = 48, MAX_WORDS = 128, MAX_NOTES = 8, FLAG_INDENT = 32, COLUMNS = 80 };

struct cli_old_line {
    const cli_old *program;
    char *value[MAX_FLAGS]; /* NULL: not given */
    const char *positional[1 + CLI_MAX_STYLES];
    int count;
    char *option[MAX_WORDS], *picture[MAX_WORDS], *note[MAX_NOTES];
    int options, pictures, notes;
    bool full; /* something did not fit, or memory ran out */
};

static const cli_old *const programs[] = {&cli_old_neural_style, &cli_old_style_transfer};
enum { PROGRAMS = sizeof programs / sizeof *programs };

const cli_old *cli_old_named(const char *name) {
    for (int i = 0; i < PROGRAMS; i++)
        if (strcmp(programs[i]->name, name) == 0) return programs[i];
    return NULL;
}

const cli_topic *cli_old_topic_at(int index) {
    static cli_topic rows[PROGRAMS];
    if (index < 0 || index >= PROGRAMS) return NULL;
    rows[index] = (cli_topic){programs[index]->name, programs[index]->help, programs[index]->help_zh};
    return &rows[index];
}

static const char *pick(const char *english, const char *chinese) { return cli_chinese() ? chinese : english; }

/* ---- what has been read -------------------------------------------------------------------------------------------- */

/* The row of a flag, by its name or its letter; −1 if there is none. */
static int find(const cli_old *program, const char *flag, size_t length) {
    for (int i = 0; i < program->flags; i++) {
        const cli_old_flag *f = &program->flag[i];
        if (strlen(f->name) == length && strncmp(f->name, flag, length) == 0) return i;
        if (f->letter && strlen(f->letter) == length && strncmp(f->letter, flag, length) == 0) return i;
    }
    return -1;
}

const char *cli_old_value(const cli_old_line *line, const char *flag) {
    const int i = find(line->program, flag, strlen(flag));
    return line->value[i] ? line->value[i] : line->program->flag[i].fallback;
}

double cli_old_number(const cli_old_line *line, const char *flag) { return strtod(cli_old_value(line, flag), NULL); }

bool cli_old_is(const cli_old_line *line, const char *flag, const char *value) {
    return strcmp(cli_old_value(line, flag), value) == 0;
}

bool cli_old_given(const cli_old_line *line, const char *flag) {
    return line->value[find(line->program, flag, strlen(flag))] != NULL;
}

const char *cli_old_positional(const cli_old_line *line, int index) {
    return index < line->count ? line->positional[index] : NULL;
}

/* ---- what is made of it -------------------------------------------------------------------------------------------- */

static void keep(cli_old_line *line, char **list, int *count, int most, char *text) {
    if (text && *count < most) list[(*count)++] = text;
    else free(text), line->full = true;
}

void cli_old_set(cli_old_line *line, const char *option, const char *format, ...) {
    char value[512], *text = NULL;
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(value, sizeof value, format, list);
    va_end(list);
    if (length < 0 || length >= (int)sizeof value || asprintf(&text, "--%s=%s", option, value) < 0) text = NULL;
    keep(line, line->option, &line->options, MAX_WORDS, text);
}

void cli_old_picture(cli_old_line *line, const char *path) {
    keep(line, line->picture, &line->pictures, 1 + CLI_MAX_STYLES, strdup(path));
}

void cli_old_note(cli_old_line *line, const char *format, ...) {
    char *text = NULL;
    va_list list;
    va_start(list, format);
    if (vasprintf(&text, format, list) < 0) text = NULL;
    va_end(list);
    keep(line, line->note, &line->notes, MAX_NOTES, text);
}

int cli_old_shares(const char *text) {
    int count = 0;
    for (const char *p = text;; p++) {
        char *end;
        const bool digit = isdigit((unsigned char)*p) || *p == '.';
        if (!digit || !isfinite(strtod(p, &end)) || end == p) return -1;
        count++;
        if (!*end) return count;
        if (*end != ',') return -1;
        p = end;
    }
}

bool cli_old_model_is_here(const char *name) {
    dq_context *ctx;
    char *text = NULL;
    size_t i;
    json_t *entry;
    bool here = false;
    if (dq_context_new(&ctx, 1)) return false;
    dq_model_list(ctx, &text);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    json_array_foreach(list, i, entry) {
        const char *known = json_string_value(json_object_get(entry, "name"));
        if (known && strcmp(known, name) == 0 && json_is_true(json_object_get(entry, "installed"))) here = true;
    }
    json_decref(list);
    dq_bytes_free((void **)&text);
    dq_context_free(&ctx);
    return here;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

int cli_old_refuse(const cli_old_line *line, const char *flag, const char *wanted) {
    const char *value = cli_old_value(line, flag);
    return cli_error(DQ_USAGE, "%s: %s takes %s, not '%.64s'", line->program->name, flag, wanted, value ? value : "");
}

static int unknown(const cli_old *program, const char *flag) {
    const char *best = NULL;
    int least = 3;
    for (int i = 0; i < program->flags; i++) {
        const int d = cli_distance(flag, program->flag[i].name);
        if (d < least) best = program->flag[i].name, least = d;
    }
    if (best) return cli_error(DQ_USAGE, "%s has no flag %.64s; did you mean %s?", program->name, flag, best);
    return cli_error(DQ_USAGE, "%s has no flag %.64s; 'danqing %s --help' lists them", program->name, flag, program->name);
}

static bool listed(const char *choices, const char *value) {
    const size_t length = strlen(value);
    for (const char *p = choices; *p;) {
        const size_t n = strcspn(p, "|");
        if (n == length && strncmp(p, value, n) == 0) return true;
        p += n + (p[n] == '|');
    }
    return false;
}

/* Is a text a number of the flag's kind and range? */
static bool fits(const cli_old_flag *f, const char *text) {
    char *end;
    const double value = strtod(text, &end);
    const char *digits = f->type == CLI_OLD_WHOLE ? "+-0123456789" : "+-.eE0123456789";
    return *text && !*end && strspn(text, digits) == strlen(text) && value >= f->least && value <= f->most;
}

static int check(const cli_old_line *line, const cli_old_flag *f, const char *value) {
    char wanted[128];
    const bool number = f->type == CLI_OLD_WHOLE || f->type == CLI_OLD_NUMBER;
    if (number && !fits(f, value)) {
        const char *whole = f->type == CLI_OLD_WHOLE ? "whole " : "";
        snprintf(wanted, sizeof wanted, "a %snumber from %.9g to %.9g", whole, f->least, f->most);
        return cli_old_refuse(line, f->name, wanted);
    }
    if (f->type != CLI_OLD_CHOICE || listed(f->choices, value)) return 0;
    snprintf(wanted, sizeof wanted, "one of %.100s", f->choices);
    return cli_old_refuse(line, f->name, wanted);
}

/* The words of a list up to the next flag, joined with commas. */
static char *join(int argc, const char *const *argv, int *at) {
    char *all = strdup(argv[(*at)++]);
    while (all && *at < argc && argv[*at][0] != '-') {
        char *more = NULL;
        if (asprintf(&more, "%s,%s", all, argv[(*at)++]) < 0) more = NULL;
        free(all);
        all = more;
    }
    return all;
}

/* argv[*at] is a flag, perhaps with "=value". */
static int read_flag(cli_old_line *line, int argc, const char *const *argv, int *at) {
    const char *word = argv[(*at)++];
    const size_t length = strcspn(word, "=");
    const int i = find(line->program, word, length);
    if (i < 0) return unknown(line->program, word);
    const cli_old_flag *f = &line->program->flag[i];
    char *value = NULL;
    if (f->type == CLI_OLD_SWITCH && word[length])
        return cli_error(DQ_USAGE, "%s: %s takes no value", line->program->name, f->name);
    if (f->type != CLI_OLD_SWITCH && !word[length] && *at >= argc)
        return cli_error(DQ_USAGE, "%s: %s needs a value", line->program->name, f->name);
    if (f->type == CLI_OLD_SWITCH) value = strdup("on");
    else if (word[length]) value = strdup(word + length + 1);
    else if (f->type == CLI_OLD_LIST) value = join(argc, argv, at);
    else value = strdup(argv[(*at)++]);
    free(line->value[i]);
    line->value[i] = value;
    return value ? check(line, f, value) : cli_error(DQ_LIMIT, "out of memory");
}

/* Reads up to "--", whose place, or that of the end, is left in *at. */
static int read_line(cli_old_line *line, int argc, const char *const *argv, int *at) {
    int code = 0;
    for (*at = 0; *at < argc && !code && strcmp(argv[*at], "--") != 0;) {
        if (argv[*at][0] == '-' && argv[*at][1]) code = read_flag(line, argc, argv, at);
        else if (line->count < line->program->positionals) line->positional[line->count++] = argv[(*at)++];
        else code = cli_error(DQ_USAGE, "%s: what is '%.64s' for?", line->program->name, argv[*at]);
    }
    return code;
}

/* ---- running ------------------------------------------------------------------------------------------------------- */

static void set_plain(cli_old_line *line) {
    for (int i = 0; i < line->program->flags; i++) {
        const cli_old_flag *f = &line->program->flag[i];
        const char *value = line->value[i] ? line->value[i] : f->fallback;
        if (f->option && value) cli_old_set(line, f->option, "%s", value);
    }
}

static void say(const cli_old_line *line, int words, const char *const *word) {
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (to) {
        for (int i = 0; i < words; i++) fputc(' ', to), cli_print_quoted(to, word[i]);
        fclose(to);
        cli_note("%s: the same as danqing paint%s", line->program->name, text);
        free(text);
    }
    for (int i = 0; i < line->program->flags; i++) {
        const cli_old_flag *f = &line->program->flag[i];
        if (f->idle && line->value[i]) cli_note("%s has no effect: %s", f->name, pick(f->idle, f->idle_zh));
    }
    for (int i = 0; i < line->notes; i++) cli_note("%s", line->note[i]);
}

/* `rest` are danqing's own words. */
static int paint(const cli_old_line *line, int rests, const char *const *rest) {
    const char *word[2 * MAX_WORDS + CLI_MAX_STYLES];
    char message[CLI_MESSAGE];
    int words = 0;
    cli_args args;
    if (line->full || rests > MAX_WORDS - 2) return cli_error(DQ_USAGE, "%s: too much for one command line", line->program->name);
    for (int i = 0; i < line->options; i++) word[words++] = line->option[i];
    for (int i = 0; i < rests; i++) word[words++] = rest[i];
    word[words++] = "--";
    for (int i = 0; i < line->pictures; i++) word[words++] = line->picture[i];
    if (cli_parse(cli_verb_named("paint"), words, word, &args, message)) return cli_error(DQ_USAGE, "%s", message);
    cli_say_setup(&args);
    say(line, words, word);
    return args.verb->run(&args);
}

static void print_flag(const cli_old_flag *f) {
    char left[96], right[320];
    static const char *const argument[] = {"", " N", " F", "", " TEXT", " …"};
    snprintf(left, sizeof left, "  %s%s%s%s%s", f->letter ? f->letter : "", f->letter ? ", " : "", f->name,
             f->type == CLI_OLD_CHOICE ? " " : argument[f->type], f->type == CLI_OLD_CHOICE ? f->choices : "");
    const char *fallback = f->fallback ? f->fallback : "";
    snprintf(right, sizeof right, "%s%s%s%s%s", f->idle ? pick("no effect: ", "无作用：") : f->option ? "--" : "",
             f->idle ? pick(f->idle, f->idle_zh) : f->option ? f->option : "", *fallback ? " [" : "", fallback,
             *fallback ? "]" : "");
    const int width = cli_width(left);
    fputs(left, stdout);
    if (!*right) putchar('\n');
    if (*right && width + 1 > FLAG_INDENT) printf("\n%*s", FLAG_INDENT, "");
    else if (*right) printf("%*s", FLAG_INDENT - width, "");
    if (*right) cli_wrap(stdout, right, FLAG_INDENT, COLUMNS);
}

static int help(const cli_old *program) {
    printf("%sdanqing %s %s [-- %s]\n", pick("Usage: ", "用法："), program->name, program->arguments,
           pick("options of danqing paint", "danqing paint 的选项"));
    cli_wrap(stdout, pick(program->help, program->help_zh), 0, COLUMNS);
    for (int i = 0; i < program->flags; i++) print_flag(&program->flag[i]);
    return 0;
}

static bool asks_help(int argc, const char *const *argv) {
    return argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-help") == 0 || strcmp(argv[0], "-h") == 0);
}

int cli_old_run(const cli_old *program, int argc, const char *const *argv) {
    cli_old_line line = {.program = program};
    int at = 0;
    if (asks_help(argc, argv)) return help(program);
    int code = read_line(&line, argc, argv, &at);
    cli_old_set(&line, "recipe", "%s", program->recipe);
    set_plain(&line);
    if (!code) code = program->translate(&line);
    at += at < argc; /* past "--" */
    if (!code) code = paint(&line, argc - at, argv + at);
    for (int i = 0; i < program->flags; i++) free(line.value[i]);
    for (int i = 0; i < line.options; i++) free(line.option[i]);
    for (int i = 0; i < line.pictures; i++) free(line.picture[i]);
    for (int i = 0; i < line.notes; i++) free(line.note[i]);
    return code;
}
