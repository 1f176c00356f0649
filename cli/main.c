/* SPDX-License-Identifier: MIT
 * cli/main.c: finds the verb of a command line and runs it. Start reading here, then cli.h. */
#include "old.h"

#include <string.h>
#include <unistd.h>

static int print_version(void) {
    dq_context *ctx;
    dq_status status = dq_context_new(&ctx, 1);
    if (status) return cli_error(status, "cannot start: %s", dq_status_name(status));
    printf("danqing %s\nkernels: %s\n", dq_version(), dq_context_isa(ctx));
    dq_context_free(&ctx);
    return 0;
}

/* True for a word that the shorthand `danqing PHOTO PAINTING` may begin with. */
static bool is_picture(const char *word) {
    return strcmp(word, "-") == 0 || strpbrk(word, "./") || access(word, F_OK) == 0;
}

/* The verb that argv[1 …] begins with, and how many words it takes; NULL if none. */
static const cli_verb *find_verb(int argc, const char *const *argv, int *words) {
    char two[64];
    const cli_verb *verb = NULL;
    *words = 2;
    if (argc > 2 && strlen(argv[1]) <= 30 && strlen(argv[2]) <= 30) {
        snprintf(two, sizeof two, "%.30s %.30s", argv[1], argv[2]);
        verb = cli_verb_named(two);
    }
    if (verb) return verb;
    *words = 1;
    return cli_verb_named(argv[1]);
}

static int unknown_verb(const char *word) {
    const cli_verb *verb, *best = NULL;
    int least = 3;
    for (int i = 0; (verb = cli_verb_at(i)); i++) {
        int d = cli_distance(word, verb->name);
        if (d < least) best = verb, least = d;
    }
    if (best) return cli_error(DQ_USAGE, "there is no verb '%s', nor a file of that name; did you mean '%s'?", word, best->name);
    return cli_error(DQ_USAGE, "there is no verb '%s', nor a file of that name; 'danqing --help' lists the verbs", word);
}

static int run_verb(const cli_verb *verb, int argc, const char *const *argv) {
    cli_args args;
    char message[CLI_MESSAGE];
    if (cli_parse(verb, argc, argv, &args, message)) return cli_error(DQ_USAGE, "%s", message);
    if (cli_value(&args, "help")) {
        cli_help_verb(stdout, verb);
        return 0;
    }
    if (cli_value(&args, "version")) return print_version();
    return cli_ranks_idle(verb) ? 0 : verb->run(&args);
}

static int dispatch(int argc, const char *const *argv) {
    if (argc < 2) return cli_error(DQ_USAGE, "give a photo and a painting: danqing PHOTO PAINTING (danqing --help tells more)");
    const char *first = argv[1];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) return run_verb(cli_verb_named("help"), argc - 2, argv + 2);
    if (strncmp(first, "--help=", 7) == 0) return cli_help_topic(stdout, first + 7);
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) return print_version();
    if (strcmp(first, "__man") == 0) {
        cli_man(stdout);
        return 0;
    }
    if (strcmp(first, "__picture") == 0 || strcmp(first, "__paint") == 0) return cli_child(argc - 1, argv + 1);
    if (strcmp(first, "__complete") == 0) {
        cli_complete(stdout, argc - 2, argv + 2);
        return 0;
    }
    const cli_old *old = cli_old_named(first);
    if (old) return cli_old_run(old, argc - 2, argv + 2);
    int words;
    const cli_verb *verb = find_verb(argc, argv, &words);
    if (verb) return run_verb(verb, argc - 1 - words, argv + 1 + words);
    if (cli_is_family(first)) {
        const char *second = argc > 2 ? argv[2] : "";
        if (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0) return cli_help_topic(stdout, first);
        if (!*second) return cli_error(DQ_USAGE, "'%s' needs a second word; 'danqing %s --help' lists them", first, first);
        return cli_error(DQ_USAGE, "there is no verb '%s %s'; 'danqing %s --help' lists what there is", first, second, first);
    }
    if (first[0] == '-' || is_picture(first)) return run_verb(cli_verb_named("paint"), argc - 1, argv + 1);
    return unknown_verb(first);
}

int main(int argc, char **argv) {
    int code = dispatch(argc, (const char *const *)argv);
    if (fflush(stdout) != 0 && code == 0) return cli_error(DQ_OUTPUT, "cannot write to standard output");
    return code;
}
