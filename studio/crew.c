/* SPDX-License-Identifier: MIT
 * studio/crew.c: one pipe is the lifeline of all children: only this process holds its writing end, so that they see its end
 * when this process ends, however it ends. */
#include "crew.h"

#include "child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void start_child(crew *c, int i) {
    char threads[16], memory[32], id[STORE_ID];
    store_new_id(id);
    snprintf(c->child[i].name, sizeof c->child[i].name, "%s.%.8s", c->host, id);
    snprintf(threads, sizeof threads, "%d", c->threads);
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)c->memory);
    const char *arguments[] = {"danqing", "__paint", c->data, c->child[i].name, threads, memory, NULL};
    c->child[i].pid = child_start(arguments, c->lifeline[0]);
    c->child[i].started = now();
}

/* Bytes that a program may still take, as Linux estimates it. */
static uint64_t free_memory(void) {
    char line[128];
    unsigned long long kilobytes = 2 << 20;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu", &kilobytes) == 1) break;
    if (file) fclose(file);
    return kilobytes * 1024;
}

int crew_start(crew *c, const studio_settings *settings, const char *data, const char *location) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    char name[64] = "here";
    *c = (crew){.data = data, .count = settings->jobs < 1 ? 1 : settings->jobs > CREW_MOST ? CREW_MOST : settings->jobs};
    c->threads = settings->threads ? settings->threads : (int)(processors / c->count < 1 ? 1 : processors / c->count);
    c->memory = settings->memory ? settings->memory : free_memory() / 4 * 3;
    gethostname(name, sizeof name - 1);
    for (char *p = name; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *p)) *p = '-';
    snprintf(c->host, sizeof c->host, "%s", name);
    if (pipe2(c->lifeline, O_CLOEXEC) || setenv("DANQING_STUDIO_STORE", location, 1)) return -1;
    for (int i = 0; i < 2; i++) fcntl(c->lifeline[i], F_SETFL, O_NONBLOCK);
    for (int i = 0; i < c->count; i++) start_child(c, i);
    return 0;
}

void crew_wake(const crew *c) {
    if (write(c->lifeline[1], "w", 1) < 0 && errno != EAGAIN) return; /* a full pipe wakes as well as one more byte */
}

/* A signal that a process earns by its own fault weighs more than one that came from outside. */
static int weight_of(int status) {
    if (!WIFSIGNALED(status)) return 1;
    const int number = WTERMSIG(status);
    return number == SIGKILL || number == SIGTERM ? 1 : 4;
}

void crew_tend(crew *c, store *s) {
    int status;
    for (int i = 0; i < c->count; i++) {
        if (c->child[i].pid > 0 && waitpid(c->child[i].pid, &status, WNOHANG) == c->child[i].pid) {
            const double lived = now() - c->child[i].started;
            c->child[i].pid = -1;
            c->child[i].again = now() + (lived < 2 ? 1 : 0);
            c->deaths++;
            store_fault(s, c->child[i].name, weight_of(status), "painting this ended the painting process several times");
        }
        if (c->child[i].pid <= 0 && now() >= c->child[i].again) start_child(c, i);
    }
}

void crew_end(crew *c, int seconds) {
    const double until = now() + seconds;
    close(c->lifeline[1]);
    close(c->lifeline[0]);
    for (int i = 0; i < c->count; i++) {
        while (c->child[i].pid > 0 && waitpid(c->child[i].pid, NULL, WNOHANG) == 0 && now() < until) usleep(20000);
        if (c->child[i].pid > 0 && kill(c->child[i].pid, SIGKILL) == 0) waitpid(c->child[i].pid, NULL, 0);
    }
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static bool may_go_on(store *s, const char *id) {
    json_t *job = store_job(s, id);
    const char *state = json_string_value(json_object_get(job, "state"));
    const bool may = *store_reason(s) || (state && (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0 ||
                                                    strcmp(state, "paused") == 0));
    json_decref(job);
    return may;
}

/* The files of a folder that has no folders, and itself. */
static void delete_folder(const char *path) {
    struct dirent *entry;
    DIR *folder = opendir(path);
    if (!folder) return;
    while ((entry = readdir(folder))) unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}

void crew_clear(const char *data, store *s) {
    char path[4400];
    struct dirent *entry;
    snprintf(path, sizeof path, "%.3900s/work", data);
    DIR *folder = opendir(path);
    while (folder && (entry = readdir(folder))) {
        if (!store_id_ok(entry->d_name) || may_go_on(s, entry->d_name)) continue;
        snprintf(path, sizeof path, "%.3900s/work/%.100s", data, entry->d_name);
        delete_folder(path);
    }
    if (folder) closedir(folder);
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static int make_folders(char *path) {
    for (char *p = path + 1;; p++) {
        const char c = *p;
        if (c != '/' && c != 0) continue;
        *p = 0;
        const int bad = mkdir(path, 0700) && errno != EEXIST;
        *p = c;
        if (bad) return -1;
        if (c == 0) return 0;
    }
}

int crew_folder(const char *data, char path[4096], char message[STUDIO_MESSAGE]) {
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n;
    if (data) n = snprintf(path, 4096, "%s", data);
    else if (xdg && xdg[0] == '/') n = snprintf(path, 4096, "%s/danqing/studio", xdg);
    else n = snprintf(path, 4096, "%s/.local/share/danqing/studio", home && *home ? home : "/tmp");
    if (n <= 0 || n > 3900 || make_folders(path)) {
        snprintf(message, STUDIO_MESSAGE, "cannot make the folder %.200s: %s", path, strerror(n > 3900 ? ENAMETOOLONG : errno));
        return -1;
    }
    chmod(path, 0700);
    return 0;
}
