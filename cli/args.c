/* SPDX-License-Identifier: MIT
 * cli/args.c: one table of options (options.def and the library's) and the parser that it drives. Must not print, and must
 * not touch files: a fuzz target runs it. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table --------------------------------------------------------------------------------------------------- */

#define TYPE_FLAG "flag"
#define TYPE_FILE "file"
#define TYPE_TEXT "text"
#define TYPE_INT "int"
#define TYPE_FLOAT "float"
#define TYPE_CHOICE "choice"

static const cli_option own[] = {
#define CLI(name_, letter_, type_, argument_, min_, max_, choices_, verbs_, group_, help_, help_zh_) \
    {.name = name_, .letter = letter_, .type = TYPE_##type_, .argument = argument_, .minimum = min_, .maximum = max_, \
     .choices = choices_, .verbs = verbs_, .group = group_, .help = help_, .help_zh = help_zh_},
#include "options.def"
};
enum { OWN = sizeof own / sizeof *own };

/* The library's options that have a letter, too. */
static char letter_of(const char *name) {
    if (strcmp(name, "size") == 0) return 's';
    return strcmp(name, "iterations") == 0 ? 'n' : 0;
}

#define EXPLAIN "explain network|explain features|explain channel|explain reconstruct|explain classify"

/* And those that not only paint takes. */
static const char *verbs_of(const char *name) {
    if (strncmp(name, "checkpoint", 10) == 0) return "paint";
    if (strcmp(name, "threads") == 0)
        return "paint|sweep|batch|bench|train distil|train sketch|sketch|sketch eval|filter|" EXPLAIN;
    if (strcmp(name, "model") == 0) return "paint|sweep|batch|bench|" EXPLAIN;
    return strcmp(name, "size") == 0 ? "paint|sweep|batch|bench" : "paint|sweep|batch";
}

const cli_option *cli_option_at(int index) {
    static cli_option rows[CLI_MAX_OPTIONS];
    if (index < 0 || index >= CLI_MAX_OPTIONS) return NULL;
    if (index < OWN) return &own[index];
    const dq_option_info *info = dq_option_at(index - OWN);
    if (!info) return NULL;
    rows[index] = (cli_option){.name = info->name, .letter = letter_of(info->name), .argument = info->argument,
                               .group = info->group, .type = info->type, .choices = info->choices, .verbs = verbs_of(info->name),
                               .minimum = info->minimum, .maximum = info->maximum, .help = info->help,
                               .help_zh = info->help_zh, .library = true};
    return &rows[index];
}

/* True if `word` is one of the words of "a|b|c". */
static bool listed(const char *list, const char *word, size_t length) {
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, "|");
        if (n == length && strncmp(p, word, n) == 0) return true;
        p += n + (p[n] == '|');
    }
    return false;
}

bool cli_option_applies(const cli_option *option, const cli_verb *verb) {
    return !*option->verbs || listed(option->verbs, verb->name, strlen(verb->name));
}

const char *cli_value(const cli_args *args, const char *name) {
    const cli_option *option;
    for (int i = 0; (option = cli_option_at(i)); i++)
        if (strcmp(option->name, name) == 0 && args->value[i]) return args->value[i];
    return NULL;
}

const char *cli_value_at(const cli_args *args, const char *name, int index) {
    for (int i = 0; i < args->givens; i++)
        if (strcmp(cli_option_at(args->given[i].option)->name, name) == 0 && index-- == 0) return args->given[i].value;
    return NULL;
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

/* The row of a name: a verb may have an option of its own where another verb has one of the same name. */
static int find_name(const cli_verb *verb, const char *name, size_t length) {
    const cli_option *option;
    int found = -1;
    for (int i = 0; (option = cli_option_at(i)); i++) {
        if (strlen(option->name) != length || strncmp(option->name, name, length) != 0) continue;
        if (cli_option_applies(option, verb)) return i;
        if (found < 0) found = i;
    }
    return found;
}

static int find_letter(const cli_verb *verb, char letter) {
    const cli_option *option;
    int found = -1;
    for (int i = 0; (option = cli_option_at(i)); i++) {
        if (option->letter != letter) continue;
        if (cli_option_applies(option, verb)) return i;
        if (found < 0) found = i;
    }
    return found;
}

static dq_status unknown_name(const cli_verb *verb, const char *name, int length, char message[CLI_MESSAGE]) {
    char cut[64];
    const cli_option *option, *best = NULL;
    int least = 3;
    snprintf(cut, sizeof cut, "%.*s", length, name);
    for (int i = 0; (option = cli_option_at(i)); i++) {
        int d = cli_distance(cut, option->name);
        if (cli_option_applies(option, verb) && d < least && 2 * d <= (int)strlen(option->name)) best = option, least = d;
    }
    if (best) snprintf(message, CLI_MESSAGE, "there is no option --%s; did you mean --%s?", cut, best->name);
    else snprintf(message, CLI_MESSAGE, "there is no option --%s; 'danqing %s --help' lists them", cut, verb->name);
    return DQ_USAGE;
}

static dq_status check_applies(const cli_option *option, const cli_verb *verb, char message[CLI_MESSAGE]) {
    if (cli_option_applies(option, verb)) return DQ_OK;
    snprintf(message, CLI_MESSAGE, "--%s is not an option of 'danqing %s' (it belongs to: %s)", option->name, verb->name,
             option->verbs);
    return DQ_USAGE;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* The command's own numbers and choices; the library checks its options itself. */
static dq_status check_value(const cli_option *option, const char *value, char message[CLI_MESSAGE]) {
    if (option->library) return DQ_OK;
    if (strcmp(option->type, "int") == 0) {
        char *end;
        long number = strtol(value, &end, 10);
        bool digits = *value && strspn(value, "0123456789") == strlen(value);
        if (digits && number >= (long)option->minimum && number <= (long)option->maximum) return DQ_OK;
        snprintf(message, CLI_MESSAGE, "--%s takes a whole number from %.0f to %.0f, not '%.64s'", option->name,
                 option->minimum, option->maximum, value);
        return DQ_USAGE;
    }
    if (strcmp(option->type, "choice") != 0 || listed(option->choices, value, strlen(value))) return DQ_OK;
    snprintf(message, CLI_MESSAGE, "--%s takes one of %s, not '%.64s'", option->name, option->choices, value);
    return DQ_USAGE;
}

static bool takes_value(const cli_option *option) { return strcmp(option->type, "flag") != 0; }

/* ---- the parser -------------------------------------------------------------------------------------------------- */

typedef struct scan {
    int argc, at; /* argv[at] is read next */
    const char *const *argv;
    cli_args *args;
    char *message;
} scan;

static dq_status keep(scan *s, int index, const char *value) {
    dq_status status = check_value(cli_option_at(index), value, s->message);
    if (status) return status;
    if (s->args->givens == CLI_MAX_GIVEN) {
        snprintf(s->message, CLI_MESSAGE, "more than %d options", CLI_MAX_GIVEN);
        return DQ_USAGE;
    }
    s->args->value[index] = value;
    s->args->given[s->args->givens].option = index;
    s->args->given[s->args->givens++].value = value;
    return DQ_OK;
}

/* The next argument as the value of an option. */
static dq_status keep_next(scan *s, int index) {
    const cli_option *option = cli_option_at(index);
    if (s->at >= s->argc) {
        snprintf(s->message, CLI_MESSAGE, "--%s needs a value: --%s %s", option->name, option->name, option->argument);
        return DQ_USAGE;
    }
    return keep(s, index, s->argv[s->at++]);
}

static dq_status read_long(scan *s, const char *name) {
    size_t length = strcspn(name, "=");
    int index = find_name(s->args->verb, name, length);
    if (index < 0) return unknown_name(s->args->verb, name, (int)(length < 63 ? length : 63), s->message);
    const cli_option *option = cli_option_at(index);
    dq_status status = check_applies(option, s->args->verb, s->message);
    if (status) return status;
    if (takes_value(option)) return name[length] ? keep(s, index, name + length + 1) : keep_next(s, index);
    if (!name[length]) return keep(s, index, "");
    snprintf(s->message, CLI_MESSAGE, "--%s takes no value", option->name);
    return DQ_USAGE;
}

/* One argument of letters: flags, and at the end perhaps an option with its value ("-qn50"). */
static dq_status read_letters(scan *s, const char *letters) {
    dq_status status = DQ_OK;
    while (*letters && !status) {
        int index = find_letter(s->args->verb, *letters);
        if (index < 0) {
            bool plain = *letters > ' ' && *letters < 0x7f;
            snprintf(s->message, CLI_MESSAGE, "there is no option -%c; 'danqing %s --help' lists them",
                     plain ? *letters : '?', s->args->verb->name);
            return DQ_USAGE;
        }
        const cli_option *option = cli_option_at(index);
        letters++;
        status = check_applies(option, s->args->verb, s->message);
        if (status) return status;
        if (takes_value(option)) return *letters ? keep(s, index, letters) : keep_next(s, index);
        status = keep(s, index, "");
    }
    return status;
}

static dq_status read_positional(scan *s, const char *argument) {
    if (s->args->count < CLI_MAX_POSITIONALS) {
        s->args->positional[s->args->count++] = argument;
        return DQ_OK;
    }
    snprintf(s->message, CLI_MESSAGE, "too many arguments");
    return DQ_USAGE;
}

static dq_status check_count(const cli_args *args, char message[CLI_MESSAGE]) {
    const cli_verb *verb = args->verb;
    if (cli_value(args, "help") || cli_value(args, "version")) return DQ_OK;
    if (args->count >= verb->least && args->count <= verb->most) return DQ_OK;
    snprintf(message, CLI_MESSAGE, "too %s arguments; usage: danqing %s%s%s",
             args->count < verb->least ? "few" : "many", verb->name, *verb->arguments ? " " : "", verb->arguments);
    return DQ_USAGE;
}

dq_status cli_parse(const cli_verb *verb, int argc, const char *const *argv, cli_args *args, char message[CLI_MESSAGE]) {
    scan s = {.argc = argc, .argv = argv, .args = args, .message = message};
    dq_status status = DQ_OK;
    bool options = true; /* until "--" */
    bool parted = !verb->parted;
    *args = (cli_args){.verb = verb, .first = -1};
    while (s.at < argc && !status) {
        const char *argument = argv[s.at++];
        if (!parted && strcmp(argument, "--") == 0) args->first = args->count, parted = true;
        else if (options && strcmp(argument, "--") == 0) options = false;
        else if (options && strncmp(argument, "--", 2) == 0) status = read_long(&s, argument + 2);
        else if (options && argument[0] == '-' && argument[1]) status = read_letters(&s, argument + 1);
        else status = read_positional(&s, argument);
    }
    if (args->first < 0) args->first = args->count;
    return status ? status : check_count(args, message);
}
