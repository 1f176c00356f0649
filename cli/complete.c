/* SPDX-License-Identifier: MIT
 * cli/complete.c: `danqing __complete WORD…`: candidates for the last word. The scripts in completions/ only pass words in and
 * candidates out, so they never lag behind the tables. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

typedef struct query {
    FILE *to;
    const char *typed;  /* what the candidate must begin with */
    const char *before; /* printed before each candidate: "--init=" */
} query;

static void offer(const query *q, const char *candidate, const char *description) {
    if (strncmp(candidate, q->typed, strlen(q->typed)) != 0) return;
    fprintf(q->to, "%s%s\t%s\n", q->before, candidate, description);
}

static void offer_files(const query *q) { fputs(":file\n", q->to); }

static const char *pick(const char *english, const char *chinese) { return cli_chinese() ? chinese : english; }

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void offer_choices(const query *q, const char *choices) {
    char word[64];
    for (const char *c = choices; *c;) {
        size_t n = strcspn(c, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, c);
        offer(q, word, "");
        c += n + (c[n] == '|');
    }
}

static void offer_recipes(const query *q) {
    const char *name, *description;
    for (int i = 0; (name = dq_recipe_at(i, &description)); i++) offer(q, name, description);
}

/* Names of models; `known` only those that can be fetched. */
static void offer_models(const query *q, bool known) {
    dq_context *ctx;
    char *text = NULL;
    size_t i;
    json_t *entry;
    if (dq_context_new(&ctx, 1)) return;
    dq_model_list(ctx, &text);
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    json_array_foreach(list, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const char *note = json_string_value(json_object_get(entry, "note"));
        if (name && (!known || json_object_get(entry, "url"))) offer(q, name, note ? note : "");
    }
    json_decref(list);
    dq_bytes_free((void **)&text);
    dq_context_free(&ctx);
}

static void offer_values(const query *q, const cli_option *option) {
    if (strcmp(option->name, "recipe") == 0) offer_recipes(q);
    if (strcmp(option->name, "model") == 0) offer_models(q, false);
    if (strcmp(option->name, "init") == 0) offer_choices(q, "palette|content|noise");
    if (strcmp(option->type, "bool") == 0) offer_choices(q, "on|off");
    offer_choices(q, option->choices);
    if (strcmp(option->type, "file") == 0 || strcmp(option->name, "model") == 0 || strcmp(option->name, "init") == 0)
        offer_files(q);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The option of a verb that "--name" or "-n" begins with, if it takes a value. */
static const cli_option *option_before_value(const cli_verb *verb, const char *word, size_t length) {
    const cli_option *option;
    for (int i = 0; (option = cli_option_at(i)); i++) {
        bool name = length > 2 && strncmp(word, "--", 2) == 0 && strlen(option->name) == length - 2 &&
                    strncmp(option->name, word + 2, length - 2) == 0;
        bool letter = length == 2 && word[0] == '-' && option->letter && word[1] == option->letter;
        if ((name || letter) && strcmp(option->type, "flag") != 0 && cli_option_applies(option, verb)) return option;
    }
    return NULL;
}

static void offer_options(const query *q, const cli_verb *verb) {
    const cli_option *option;
    char name[64];
    for (int i = 0; (option = cli_option_at(i)); i++) {
        if (!cli_option_applies(option, verb)) continue;
        snprintf(name, sizeof name, "--%s", option->name);
        offer(q, name, pick(option->help, option->help_zh));
    }
}

/* The words that may stand at `position` of a verb: "model" at 0, "list" at 1 after "model". */
static void offer_verbs(const query *q, const char *family) {
    const cli_verb *verb;
    size_t n = strlen(family);
    const char *last = "";
    for (int i = 0; (verb = cli_verb_at(i)); i++) {
        static char word[64];
        const char *space = strchr(verb->name, ' ');
        if (n && (strncmp(verb->name, family, n) != 0 || verb->name[n] != ' ')) continue;
        snprintf(word, sizeof word, "%.*s", n || !space ? 63 : (int)(space - verb->name), n ? space + 1 : verb->name);
        const size_t first = strlen(word);
        const bool offered = strncmp(last, word, first) == 0 && (!last[first] || last[first] == ' ');
        if (!n && space && offered) continue;
        offer(q, word, !n && space ? "" : pick(verb->help, verb->help_zh));
        last = verb->name;
    }
}

static void offer_positionals(const query *q, const cli_verb *verb) {
    if (strcmp(verb->name, "model fetch") == 0) offer_models(q, true);
    else if (strcmp(verb->name, "help") == 0) offer_verbs(q, ""), offer(q, "all", "");
    else if (verb->most > 0) {
        if (strcmp(verb->name, "model info") == 0) offer_models(q, false);
        offer_files(q);
    }
}

/* The verb that words begin with; paint, of no words, where there is none. */
static const cli_verb *verb_of(int count, const char *const *words, int *used) {
    char two[64];
    *used = 0;
    const cli_verb *verb = count > 1 ? cli_verb_named(words[0]) : NULL;
    if (verb) *used = 1;
    if (!verb && count > 2) {
        snprintf(two, sizeof two, "%.30s %.30s", words[0], words[1]);
        verb = cli_verb_named(two);
        if (verb) *used = 2;
    }
    return verb ? verb : cli_verb_named("paint");
}

/* A shell may split "--init=no" into three words. */
static const cli_option *option_at_value(const cli_verb *verb, int count, const char *const *words, query *q) {
    const char *current = q->typed, *equals = strchr(current, '=');
    if (strcmp(current, "=") == 0 && count > 1) {
        q->typed = "";
        return option_before_value(verb, words[count - 2], strlen(words[count - 2]));
    }
    if (current[0] == '-' && equals) {
        static char before[96];
        snprintf(before, sizeof before, "%.*s", (int)(equals + 1 - current), current);
        q->typed = equals + 1;
        q->before = before;
        return option_before_value(verb, current, (size_t)(equals - current));
    }
    int at = count - 2;
    if (at > 0 && strcmp(words[at], "=") == 0) at--;
    return at >= 0 ? option_before_value(verb, words[at], strlen(words[at])) : NULL;
}

void cli_complete(FILE *to, int count, const char *const *words) {
    if (count < 1) return;
    query q = {.to = to, .typed = words[count - 1], .before = ""};
    int used;
    const cli_verb *verb = verb_of(count, words, &used);
    const cli_option *option = option_at_value(verb, count, words, &q);
    if (option) {
        offer_values(&q, option);
    } else if (q.typed[0] == '-' && q.typed[1]) {
        offer_options(&q, verb);
    } else if (count == 2 && used == 0 && cli_is_family(words[0])) {
        offer_verbs(&q, words[0]);
    } else {
        if (count == 1) offer_verbs(&q, "");
        offer_positionals(&q, verb);
    }
}
