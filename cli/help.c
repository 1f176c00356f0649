/* SPDX-License-Identifier: MIT
 * cli/help.c: --help in English and Chinese, from the tables of verbs, options and topics alone. */
#include "old.h"

#include <string.h>

enum { COLUMNS = 80, OPTION_INDENT = 32, SHORT_INDENT = 25 };

/* What the overview shows. */
static const char *const chief[] = {"output", "size", "recipe", "style-weight"};
enum { CHIEF = sizeof chief / sizeof *chief };

static const char *pick(const char *english, const char *chinese) { return cli_chinese() ? chinese : english; }

/* ---- one row ----------------------------------------------------------------------------------------------------- */

/* `left`, then `right` at the column `indent`, wrapped. */
static void print_row(FILE *to, const char *left, const char *right, int indent) {
    int width = cli_width(left);
    fputs(left, to);
    if (width + 1 > indent) fprintf(to, "\n%*s", indent, "");
    else fprintf(to, "%*s", indent - width, "");
    cli_wrap(to, right, indent, COLUMNS);
}

/* "  -s, --size N" */
static void format_left(const cli_option *option, char *text, size_t size) {
    char letter[8] = "    ";
    if (option->letter) snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(text, size, "  %s--%s%s%s", letter, option->name, *option->argument ? " " : "", option->argument);
}

/* "a|b" where it is short, else "a, b", which can be wrapped. */
static void format_choices(char *text, size_t size, const char *choices) {
    size_t used = 0;
    const bool wraps = strlen(choices) > (size_t)(COLUMNS - OPTION_INDENT);
    text[0] = 0;
    for (const char *c = choices; *c && used + 3 < size; c++) {
        text[used++] = wraps && *c == '|' ? ',' : *c;
        if (wraps && *c == '|') text[used++] = ' ';
        text[used] = 0;
    }
}

/* The help of an option, its choices and, in brackets, its value in the recipe that is used when none is named. */
static void print_option(FILE *to, const cli_option *option, dq_options *defaults) {
    char left[96], right[768], choices[256];
    const char *value = option->library && defaults ? dq_options_get(defaults, option->name) : "";
    format_choices(choices, sizeof choices, strcmp(option->choices, option->argument) != 0 ? option->choices : "");
    format_left(option, left, sizeof left);
    snprintf(right, sizeof right, "%s%s%s%s%s%s", pick(option->help, option->help_zh), *choices ? pick(": ", "：") : "", choices,
             *value ? " [" : "", value, *value ? "]" : "");
    print_row(to, left, right, OPTION_INDENT);
}

/* The text up to its first semicolon, or to its first colon where that would not fit the line. */
static void print_short(FILE *to, const char *left, const char *text) {
    static const char *const marks[][2] = {{";", "；"}, {":", "："}};
    char cut[256];
    snprintf(cut, sizeof cut, "%s", text);
    for (int i = 0; i < 2 && (i == 0 || SHORT_INDENT + cli_width(cut) > COLUMNS); i++)
        for (int k = 0; k < 2; k++) {
            char *mark = strstr(cut, marks[i][k]);
            if (mark) *mark = 0;
        }
    print_row(to, left, cut, SHORT_INDENT);
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static void print_examples(FILE *to) {
    const cli_topic *example;
    fprintf(to, "%s\n", pick("Examples:", "例："));
    for (int i = 0; (example = cli_example_at(i)); i++) fprintf(to, "  %s\n", example->name);
}

static void print_usage(FILE *to) {
    const char *title = pick("Usage: ", "用法：");
    fprintf(to, "%sdanqing PHOTO PAINTING… [-o FILE]%s\n%*sdanqing VERB%s…\n", title, pick(" [options]", " [选项]"),
            cli_width(title), "", pick(" [options] ", " [选项] "));
}

/* One line for the verbs of two words that begin alike, "networks: list, info, import, fetch"; where the words say enough, they
 * alone. */
static void print_family(FILE *to, const cli_verb *first, size_t n) {
    const cli_verb *verb;
    const cli_topic *family;
    char left[96], right[256] = "";
    size_t used = 0;
    snprintf(left, sizeof left, "  %.*s …", (int)n, first->name);
    for (int i = 0; (family = cli_family_at(i)); i++)
        if (strlen(family->name) == n && strncmp(family->name, first->name, n) == 0)
            used = (size_t)snprintf(right, sizeof right, "%s%s", pick(family->help, family->help_zh), pick(": ", "："));
    const char *comma = "";
    for (int i = 0; (verb = cli_verb_at(i)) && used < sizeof right; i++) {
        if (strncmp(verb->name, first->name, n + 1) != 0) continue;
        used += (size_t)snprintf(right + used, sizeof right - used, "%s%s", comma, verb->name + n + 1);
        comma = ", ";
    }
    print_row(to, left, right, SHORT_INDENT);
}

static void print_verbs(FILE *to) {
    const cli_verb *verb;
    const char *last = "";
    fprintf(to, "%s\n", pick("Verbs:", "子命令："));
    for (int i = 0; (verb = cli_verb_at(i)); i++) {
        char left[96];
        const size_t n = strcspn(verb->name, " ");
        const bool told = strncmp(last, verb->name, n) == 0 && (!last[n] || last[n] == ' ');
        snprintf(left, sizeof left, "  %s %s", verb->name, verb->arguments);
        if (!verb->name[n]) print_short(to, left, pick(verb->help, verb->help_zh));
        else if (!told) print_family(to, verb, n);
        last = verb->name;
    }
}

static void print_chief(FILE *to) {
    const cli_option *option;
    fprintf(to, "%s\n", pick("Options used most:", "常用选项："));
    for (int k = 0; k < CHIEF; k++)
        for (int i = 0; (option = cli_option_at(i)); i++) {
            char left[96];
            if (strcmp(option->name, chief[k]) != 0 || !cli_option_applies(option, cli_verb_named("paint"))) continue;
            format_left(option, left, sizeof left);
            print_short(to, left, pick(option->help, option->help_zh));
        }
}

static bool wanted(const cli_option *option, const cli_topic *group, const cli_verb *verb) {
    return strcmp(option->group, group->name) == 0 && (!verb || cli_option_applies(option, verb));
}

/* Every option of a verb (of all verbs for NULL), by groups. */
static void print_options(FILE *to, const cli_verb *verb) {
    dq_context *ctx = NULL;
    dq_options *defaults = NULL;
    const cli_topic *group;
    const cli_option *option;
    if (dq_context_new(&ctx, 1) == DQ_OK) dq_options_new(ctx, &defaults);
    for (int g = 0; (group = cli_group_at(g)); g++) {
        bool titled = false;
        for (int i = 0; (option = cli_option_at(i)); i++) {
            if (!wanted(option, group, verb)) continue;
            if (!titled) fprintf(to, "\n%s%s\n", pick(group->help, group->help_zh), pick(":", "："));
            titled = true;
            print_option(to, option, defaults);
        }
    }
    dq_options_free(&defaults);
    dq_context_free(&ctx);
}

static void print_recipes(FILE *to) {
    const char *name, *description;
    fprintf(to, "\n%s\n", pick("Recipes (--recipe), which options on the command line override:",
                               "配方（--recipe），命令行上的选项优先："));
    for (int i = 0; (name = dq_recipe_at(i, &description)); i++) {
        char left[96];
        snprintf(left, sizeof left, "  %s", name);
        print_row(to, left, description, OPTION_INDENT);
    }
    print_row(to, "  ./FILE",
              pick("a file of your own: lines 'name = value', # comments", "自己的文件：每行“名称 = 值”，# 为注释"),
              OPTION_INDENT);
}

static void print_topics(FILE *to, const char *title, const cli_topic *(*at)(int)) {
    const cli_topic *topic;
    fprintf(to, "\n%s\n", title);
    for (int i = 0; (topic = at(i)); i++) {
        char left[96];
        snprintf(left, sizeof left, "  %s", topic->name);
        print_row(to, left, pick(topic->help, topic->help_zh), OPTION_INDENT);
    }
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

static void print_head(FILE *to) {
    print_examples(to);
    fputc('\n', to);
    print_usage(to);
    fputc('\n', to);
    print_verbs(to);
}

static void print_overview(FILE *to) {
    print_head(to);
    fputc('\n', to);
    print_chief(to);
    fprintf(to, "\n%s\n", pick("danqing VERB --help tells about a verb; danqing --help all, everything.",
                               "danqing VERB --help：某个子命令；danqing --help all：全部。"));
}

static void print_all(FILE *to) {
    print_head(to);
    print_options(to, NULL);
    print_recipes(to);
    print_topics(to, pick("Command lines of older programs (danqing NAME --help):", "旧程序的命令行（danqing 名称 --help）："),
                 cli_old_topic_at);
    print_topics(to, pick("Exit codes:", "退出码："), cli_exit_code_at);
    print_topics(to, pick("Environment:", "环境变量："), cli_environment_at);
}

void cli_help_verb(FILE *to, const cli_verb *verb) {
    fprintf(to, "%sdanqing %s%s%s%s\n", pick("Usage: ", "用法："), verb->name, *verb->arguments ? " " : "",
            verb->arguments, pick(" [options]", " [选项]"));
    cli_wrap(to, pick(verb->help, verb->help_zh), 0, COLUMNS);
    print_options(to, verb);
}

/* The verbs whose first word is the topic: "model". */
static bool help_family(FILE *to, const char *topic) {
    const cli_verb *verb;
    size_t n = strlen(topic);
    bool found = false;
    for (int i = 0; (verb = cli_verb_at(i)); i++) {
        if (strncmp(verb->name, topic, n) != 0 || verb->name[n] != ' ') continue;
        if (found) fputc('\n', to);
        cli_help_verb(to, verb);
        found = true;
    }
    return found;
}

int cli_help_topic(FILE *to, const char *topic) {
    const cli_verb *verb = topic ? cli_verb_named(topic) : NULL;
    if (!topic) print_overview(to);
    else if (strcmp(topic, "all") == 0) print_all(to);
    else if (verb) cli_help_verb(to, verb);
    else if (!help_family(to, topic))
        return cli_error(DQ_USAGE, "there is no help on '%s'; 'danqing help' lists the verbs", topic);
    return 0;
}

int cli_help(const cli_args *args) {
    char topic[128];
    if (args->count == 0) return cli_help_topic(stdout, NULL);
    snprintf(topic, sizeof topic, "%s%s%s", args->positional[0], args->count > 1 ? " " : "",
             args->count > 1 ? args->positional[1] : "");
    return cli_help_topic(stdout, topic);
}
