/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_options.c: any text as a recipe, as settings line by line, and as the words of a command line. What is
 * accepted must resolve and be given back as it came; what is refused must be refused with one line. */
#include "base/mem.h"
#include "cli.h"
#include "paint/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check_message(dq_status status, const char *text) {
    require(status == DQ_OK || (*text && !strchr(text, '\n')));
}

static void check_recipe(const char *text) {
    dq_options *options;
    dq__error err = {.text = ""};
    dq__settings settings;
    require(dq__options_new(&options, NULL) == DQ_OK);
    check_message(dq__options_read_recipe(options, text, "fuzz", &err), err.text);
    require(dq__options_resolve(options, &settings, NULL) == DQ_OK);
    char *json = dq__options_json(options);
    require(json != NULL);
    dq__free(json);
    dq__options_free(&options);
}

/* Lines "name=value"; files are left alone. */
static void check_settings(char *text) {
    dq_options *options;
    char *rest = text, *line;
    require(dq__options_new(&options, NULL) == DQ_OK);
    while ((line = strsep(&rest, "\n"))) {
        dq__error err = {.text = ""};
        char *value = strchr(line, '=');
        if (!value) continue;
        *value++ = 0;
        if (strcmp(line, "recipe") == 0 && strpbrk(value, "/.")) continue;
        dq_status status = dq__options_set(options, line, value, &err);
        check_message(status, err.text);
        if (!status) require(strcmp(dq__options_get(options, line), value) == 0);
    }
    dq__options_free(&options);
}

static void check_command_line(char *text) {
    static const cli_verb verbs[] = {{.name = "paint", .arguments = "PHOTO PAINTING", .least = 2, .most = 17},
                                     {.name = "model import", .arguments = "FILE", .least = 1, .most = 1}};
    const char *words[200];
    int count = 0;
    char *rest = text, *word;
    while (count < 200 && (word = strsep(&rest, "\n"))) words[count++] = word;
    for (int v = 0; v < 2; v++) {
        cli_args args;
        char message[CLI_MESSAGE] = "";
        dq_status status = cli_parse(&verbs[v], count, words, &args, message);
        require(status == DQ_OK || *message);
        require(args.count >= 0 && args.count <= CLI_MAX_POSITIONALS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (int use = 0; use < 3; use++) {
        char *text = malloc(size + 1);
        require(text != NULL);
        if (size) memcpy(text, data, size);
        text[size] = 0;
        if (use == 0) check_recipe(text);
        else if (use == 1) check_settings(text);
        else check_command_line(text);
        free(text);
    }
    return 0;
}
