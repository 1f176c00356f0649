/* SPDX-License-Identifier: MIT
 * cli/stop.c: keeps the first signal for the loop that paints; the handler is reset by then, so the second one kills. */
#include "cli.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t came;
static bool tell;

static void keep(int number) {
    static const char text[] = "\nstopping after this step; once more stops at once\n";
    came = number;
    if (tell && write(STDERR_FILENO, text, sizeof text - 1) < 0) tell = false;
}

void cli_stop_install(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    tell = isatty(STDERR_FILENO) && !cli_quiet() && !cli_json();
    for (int i = 0; i < 3; i++) {
        struct sigaction action, old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler == SIG_IGN) continue; /* nohup, a shell's background job */
        action = (struct sigaction){.sa_handler = keep, .sa_flags = SA_RESETHAND};
        sigemptyset(&action.sa_mask);
        sigaction(signals[i], &action, NULL);
    }
}

int cli_stop_signal(void) { return came; }
