/* SPDX-License-Identifier: MIT
 * cli/filter.c: `danqing filter`: what the library says of a template and of the picture it made. */
#include "cli.h"

static int tell(const cli_args *args, const json_t *answer) {
    const char *says = json_string_value(json_object_get(answer, "says"));
    cli_note("%s: %d × %d; %s", cli_value(args, "output"), (int)json_integer_value(json_object_get(answer, "width")),
             (int)json_integer_value(json_object_get(answer, "height")), says ? says : "");
    return 0;
}

int cli_filter(const cli_args *args) { return cli_tool_verb(args, CLI_PICTURE, "filtering", tell); }
