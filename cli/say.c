/* SPDX-License-Identifier: MIT
 * cli/say.c: the one place that writes to standard error: errors, notes, the progress bar, events. With --progress json every
 * line is one JSON object, errors too, so that a program can read the stream. */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static struct {
    cli_progress progress;
    bool quiet, color, drawn, muted;
    double last; /* when the bar was drawn */
} say = {.progress = CLI_NONE};

static bool terminal(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void cli_say_setup(const cli_args *args) {
    const char *progress = cli_value(args, "progress"), *no_color = getenv("NO_COLOR");
    say.quiet = cli_value(args, "quiet") != NULL;
    say.color = terminal() && !(no_color && *no_color);
    if (!progress) say.progress = terminal() && !say.quiet ? CLI_BAR : CLI_NONE;
    else say.progress = strcmp(progress, "json") == 0 ? CLI_JSON : strcmp(progress, "bar") == 0 ? CLI_BAR : CLI_NONE;
    if (say.progress == CLI_BAR && !terminal()) say.progress = CLI_NONE;
}

void cli_mute(bool mute) { say.muted = mute; }

bool cli_quiet(void) { return say.quiet; }
bool cli_json(void) { return say.progress == CLI_JSON; }

void cli_event(json_t *object) {
    if (object && cli_json() && !say.muted) {
        json_dumpf(object, stderr, JSON_COMPACT | JSON_REAL_PRECISION(9));
        fputc('\n', stderr);
    }
    json_decref(object);
}

json_t *cli_json_text(const char *text) {
    json_t *string = json_string(text);
    return string ? string : json_string("(not UTF-8)");
}

int cli_error(dq_status status, const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    cli_bar_clear();
    if (say.muted) return (int)status;
    if (cli_json()) {
        cli_event(json_pack("{s:s, s:i, s:o}", "event", "error", "code", (int)status, "message", cli_json_text(text)));
    } else {
        fputs("danqing: ", stderr);
        cli_print_clean(stderr, text);
        fputc('\n', stderr);
    }
    return (int)status;
}

int cli_error_of(const dq_context *ctx, dq_status status) {
    const char *text = dq_last_error(ctx);
    return cli_error(status, "%s", *text ? text : dq_status_name(status));
}

void cli_note(const char *format, ...) {
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (cli_json()) {
        cli_event(json_pack("{s:s, s:o}", "event", "notice", "message", cli_json_text(text)));
    } else if (!say.quiet && !say.muted) {
        cli_bar_clear();
        cli_print_clean(stderr, text);
        fputc('\n', stderr);
    }
}

void cli_log(void *user, const char *text) {
    (void)user;
    cli_note("%s", text);
}

/* ---- the bar ----------------------------------------------------------------------------------------------------- */

double cli_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw(double done, const char *tail) {
    int room = columns() - 1 - cli_width(tail) - (int)strlen("[] 100%  ");
    int width = room > 40 ? 40 : room;
    fputc('\r', stderr);
    if (width >= 8) {
        int filled = (int)(done * width);
        fprintf(stderr, "[%s", say.color ? "\033[32m" : "");
        for (int i = 0; i < filled; i++) fputc('#', stderr);
        fputs(say.color ? "\033[m" : "", stderr);
        for (int i = filled; i < width; i++) fputc('.', stderr);
        fputs("] ", stderr);
    }
    fprintf(stderr, "%3d%%  ", (int)(100 * done));
    int left = columns() - 8;
    if (width >= 8 || cli_width(tail) <= left) fputs(tail, stderr);
    else fprintf(stderr, "%.*s", left > 0 ? left : 0, tail);
    fputs("\033[K", stderr);
    fflush(stderr);
}

void cli_bar(double done, const char *tail) {
    double time = cli_now();
    if (say.progress != CLI_BAR || say.muted || (say.drawn && time - say.last < 0.1)) return;
    draw(done < 0 ? 0 : done > 1 ? 1 : done, tail);
    say.drawn = true;
    say.last = time;
}

void cli_bar_clear(void) {
    if (!say.drawn) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    say.drawn = false;
}
