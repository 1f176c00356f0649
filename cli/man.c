/* SPDX-License-Identifier: MIT
 * cli/man.c: the manual page danqing(1) in mdoc, written from the tables when the project is built. Must not depend on the
 * machine that builds it: the date is that of SOURCE_DATE_EPOCH, or of the version. */
#include "old.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char VERSION_DATE[] = "November 23, 2026"; /* of the version in meson.build */

/* ---- escaping ---------------------------------------------------------------------------------------------------- */

/* One character beyond ASCII as \[uXXXX]; returns its bytes. */
static size_t print_wide(FILE *to, const unsigned char *b) {
    size_t size = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    unsigned code = b[0] & (0x7fu >> size);
    for (size_t i = 1; i < size && b[i]; i++) code = code << 6 | (b[i] & 0x3f);
    fprintf(to, "\\[u%04X]", code);
    return size;
}

/* One word, in which neither a macro nor an escape must begin. */
static void escape(FILE *to, const char *text, size_t length) {
    const unsigned char *b = (const unsigned char *)text, *end = b + length;
    if (*b == '.' || *b == '\'') fputs("\\&", to);
    while (b < end) {
        if (*b >= 0xc0) {
            b += print_wide(to, b);
            continue;
        }
        if (*b == '\\') fputs("\\e", to);
        else if (*b == '-') fputs("\\-", to);
        else fputc(*b, to);
        b++;
    }
}

/* The same as the argument of a macro, where punctuation at the end would be taken for the sentence's. */
static void word(FILE *to, const char *text) {
    size_t n = strlen(text);
    escape(to, text, n);
    if (n > 0 && strchr(".,:;?!)]", text[n - 1])) fputs("\\&", to);
}

/* Text in lines of moderate length; `end` is put after it. */
static void lines(FILE *to, const char *text, const char *end) {
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + n > 55) fputc('\n', to), column = 0; /* an escape is longer than its character */
        if (column > 0) fputc(' ', to);
        escape(to, text, n);
        column += n + 1;
        text += n + strspn(text + n, " ");
    }
    fprintf(to, "%s\n", end);
}

/* A line of help as a sentence. */
static void sentence(FILE *to, const char *text) {
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    if (*copy >= 'a' && *copy <= 'z') *copy = (char)(*copy - 'a' + 'A');
    lines(to, copy, ".");
}

/* ---- sections ---------------------------------------------------------------------------------------------------- */

static void print_date(FILE *to) {
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end;
    long long seconds = epoch ? strtoll(epoch, &end, 10) : 0;
    time_t t = (time_t)seconds;
    struct tm date;
    if (epoch && *epoch && !*end && gmtime_r(&t, &date))
        fprintf(to, ".Dd %s %d, %d\n", months[date.tm_mon], date.tm_mday, date.tm_year + 1900);
    else
        fprintf(to, ".Dd %s\n", VERSION_DATE);
}

/* ".Ar" with the words of an argument list such as "NAME|FILE". */
static void print_argument(FILE *to, const char *macro, const char *text) {
    fprintf(to, "%s ", macro);
    word(to, text);
}

static void print_synopsis(FILE *to) {
    const cli_verb *verb;
    fputs(".Sh SYNOPSIS\n.Nm\n.Op Ar options\n.Ar PHOTO\n.Ar PAINTING ...\n.Op Fl o Ar FILE\n", to);
    for (int i = 0; (verb = cli_verb_at(i)); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s", verb->name);
        char *space = strchr(name, ' ');
        if (space) *space = 0;
        fprintf(to, ".Nm\n.Cm %s%s%s\n.Op Ar options\n", name, space ? " " : "", space ? space + 1 : "");
        if (*verb->arguments) print_argument(to, ".Ar", verb->arguments), fputc('\n', to);
    }
}

static void print_verbs(FILE *to) {
    const cli_verb *verb;
    fputs(".Ss Verbs\n.Bl -tag -width Ds\n", to);
    for (int i = 0; (verb = cli_verb_at(i)); i++) {
        fprintf(to, ".It Cm %s", verb->name);
        if (*verb->arguments) print_argument(to, " Ar", verb->arguments);
        fputc('\n', to);
        sentence(to, verb->help);
    }
    fputs(".El\n", to);
}

static void print_range(FILE *to, const cli_option *option) {
    if (strcmp(option->type, "int") == 0) fprintf(to, "A whole number from %.0f to %.0f.\n", option->minimum, option->maximum);
    if (strcmp(option->type, "float") == 0) fprintf(to, "A number from %.7g to %.7g.\n", option->minimum, option->maximum);
    if (strcmp(option->type, "size") == 0) fputs("A number of bytes, with K, M, G or T for powers of 1024.\n", to);
    if (*option->choices) {
        fputs("One of\n.Cm ", to);
        word(to, option->choices);
        fputs(" .\n", to);
    }
}

/* "a|b" as "For a, b.", a line each. */
static void print_verb_list(FILE *to, const char *verbs) {
    fputs("For", to);
    for (const char *v = verbs; *v;) {
        size_t n = strcspn(v, "|");
        fprintf(to, "%s\n%.*s", v == verbs ? "" : ",", (int)n, v);
        v += n + (v[n] == '|');
    }
    fputs(".\n", to);
}

static void print_option(FILE *to, const cli_option *option, dq_options *defaults) {
    const char *value = option->library ? dq_options_get(defaults, option->name) : "";
    fputs(".It", to);
    if (option->letter) fprintf(to, " Fl %c ,", option->letter);
    fprintf(to, " Fl -%s", option->name);
    if (*option->argument) print_argument(to, " Ar", option->argument);
    fputc('\n', to);
    sentence(to, option->help);
    print_range(to, option);
    if (*value && strcmp(option->name, "recipe") != 0) {
        fputs("In the recipe\n.Cm portrait :\n.Ql ", to);
        word(to, value);
        fputs(" .\n", to);
    }
    if (strcmp(option->verbs, "paint") != 0 && *option->verbs) print_verb_list(to, option->verbs);
}

static void print_options(FILE *to, dq_options *defaults) {
    const cli_topic *group;
    const cli_option *option;
    fputs(".Sh OPTIONS\nA value follows its option as the next word or after an equals sign.\n"
          "After\n.Fl -\nno argument is an option.\n",
          to);
    for (int g = 0; (group = cli_group_at(g)); g++) {
        fprintf(to, ".Ss %s\n.Bl -tag -width Ds\n", group->help);
        for (int i = 0; (option = cli_option_at(i)); i++)
            if (strcmp(option->group, group->name) == 0) print_option(to, option, defaults);
        fputs(".El\n", to);
    }
}

static void print_recipes(FILE *to) {
    const char *name, *description;
    fputs(".Sh RECIPES\nA recipe gives values to options; what the command line says goes before it.\n"
          ".Bl -tag -width neural-style\n",
          to);
    for (int i = 0; (name = dq_recipe_at(i, &description)); i++) {
        fprintf(to, ".It Cm %s\n", name);
        sentence(to, description);
    }
    fputs(".El\n.Pp\nA value with a slash or a dot is a file of your own: lines of the form\n"
          ".Ql name = value ,\nwith comments after\n.Ql # .\n",
          to);
}

static void print_topics(FILE *to, const char *section, const char *macro, const cli_topic *(*at)(int)) {
    const cli_topic *topic;
    fprintf(to, ".Sh %s\n.Bl -tag -width Ds\n", section);
    for (int i = 0; (topic = at(i)); i++) {
        fprintf(to, ".It %s %s\n", macro, topic->name);
        sentence(to, topic->help);
    }
    fputs(".El\n", to);
}

static void print_examples(FILE *to) {
    const cli_topic *example;
    fputs(".Sh EXAMPLES\n", to);
    for (int i = 0; (example = cli_example_at(i)); i++) {
        if (i) fputs(".Pp\n", to);
        sentence(to, example->help);
        fputs(".Dl ", to);
        word(to, example->name);
        fputc('\n', to);
    }
}

static const char DESCRIPTION[] =
    ".Sh DESCRIPTION\n"
    ".Nm\n"
    "gives a photograph the manner of one or more paintings: it changes the\n"
    "pixels of a picture until a network trained on images sees in it the\n"
    "content of the photograph and the style of the paintings.\n"
    "It runs on an ordinary processor.\n"
    "The word\n.Cm paint\ncan be left out where the first argument is a file.\n"
    ".Pp\n"
    "An input\n.Ql -\nis standard input, which can be used once.\n"
    "Without\n.Fl o\nthe picture becomes\n.Pa NAME-painted.png\nbeside the photo, or the first of\n"
    ".Pa NAME-painted-2.png\nand so on that is free.\n"
    "A file that is named by\n.Fl o\nis overwritten unless it is one of the inputs.\n"
    "Pictures are written whole or not at all.\n"
    "They carry a record of what made them, without the names of folders;\n"
    ".Cm info\nprints it.\n";

static const char PROGRESS[] =
    ".Sh PROGRESS\n"
    "Everything but a result that was asked for goes to standard error.\n"
    "With\n.Fl -progress Cm json\neach of its lines is a JSON object whose\n.Ql event\nis one of\n"
    ".Cm start , step , written , notice\nand\n.Cm error ;\na\n.Cm step\nhas\n"
    ".Ql scale , scales , iteration , iterations , width , height ,\n"
    ".Ql J , J_content , J_style , J_tv , seconds , seconds_left\n"
    "and\n.Ql done ,\nwhich goes from 0 to 1.\n"
    "A training has the events\n.Cm start , step , validation , written , notice\nand\n.Cm error ;\nall but the last two have\n"
    ".Ql step , steps , skipped , rate , norm , loss , parts , seconds , seconds_left ,\n"
    ".Ql done\nand\n.Ql file .\n"
    "Only a wrong command line is told in plain text.\n";

static const char SIGNALS[] =
    ".Sh SIGNALS\n"
    "The first\n.Dv SIGINT , SIGTERM\nor\n.Dv SIGHUP\nends the work after the current step: the picture so far is written\n"
    "where the result was to go; a training writes its checkpoint, from which\n"
    ".Fl -resume\ngoes on.\n"
    "The second one kills.\n";

static const char SEE_ALSO[] =
    ".Sh SEE ALSO\n"
    ".Rs\n.%A Leon A. Gatys\n.%A Alexander S. Ecker\n.%A Matthias Bethge\n"
    ".%T A Neural Algorithm of Artistic Style\n.%D 2015\n.Re\n";

void cli_man(FILE *to) {
    dq_context *ctx = NULL;
    dq_options *defaults = NULL;
    if (dq_context_new(&ctx, 1) || dq_options_new(ctx, &defaults)) goto done;
    print_date(to);
    fputs(".Dt DANQING 1\n.Os\n", to);
    fputs(".Sh NAME\n.Nm danqing\n.Nd paint portraits by neural style transfer\n", to);
    print_synopsis(to);
    fputs(DESCRIPTION, to);
    print_verbs(to);
    print_options(to, defaults);
    print_recipes(to);
    fputs(PROGRESS, to);
    print_topics(to, "COMMAND LINES OF OLDER PROGRAMS", "Cm", cli_old_topic_at);
    print_topics(to, "ENVIRONMENT", "Ev", cli_environment_at);
    print_topics(to, "EXIT STATUS", "Li", cli_exit_code_at);
    print_examples(to);
    fputs(SIGNALS, to);
    fputs(SEE_ALSO, to);
done:
    dq_options_free(&defaults);
    dq_context_free(&ctx);
}
