/* SPDX-License-Identifier: MIT
 * studio/child.c: children get three descriptors and no others, and are killed when their time is over. What the decoder
 * answers is checked like anything else that comes from outside. */
#include "child.h"

#include <danqing.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_OUTPUT = 600 << 20 };

extern char **environ;

/* fd[i] becomes descriptor i of the child. */
static pid_t spawn(const char *const *arguments, const int *fd, int count) {
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (int i = 0; i < count; i++) posix_spawn_file_actions_adddup2(&actions, fd[i], i);
    posix_spawn_file_actions_addclosefrom_np(&actions, count);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    if (posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, (char *const *)(uintptr_t)arguments, environ)) pid = -1;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

pid_t child_start(const char *const *arguments, int lifeline) {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return -1;
    const pid_t pid = spawn(arguments, (int[]){null, null, 2, lifeline}, 4);
    close(null);
    return pid;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A file in memory that holds the bytes, at its beginning. */
static int memory_file(const void *bytes, size_t size) {
    const int file = memfd_create("upload", MFD_CLOEXEC);
    for (size_t done = 0; file >= 0 && done < size;) {
        const ssize_t n = write(file, (const char *)bytes + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            close(file);
            return -1;
        }
        done += (size_t)n;
    }
    if (file >= 0) lseek(file, 0, SEEK_SET);
    return file;
}

/* Everything that comes through the pipe until it ends or time is up; *size is what was read. NULL: too late or too much. */
static char *read_all(int from, double until, size_t *size) {
    size_t room = 1 << 16;
    char *block = malloc(room + 1);
    *size = 0;
    while (block) {
        struct pollfd wait = {.fd = from, .events = POLLIN};
        const double left = until - seconds_now();
        if (left <= 0 || *size >= MOST_OUTPUT) break;
        if (poll(&wait, 1, (int)(left * 1000) + 1) <= 0) continue;
        if (*size == room) {
            char *more = realloc(block, 2 * room + 1);
            if (!more) break;
            block = more, room *= 2;
        }
        const ssize_t n = read(from, block + *size, room - *size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        if (n == 0) {
            block[*size] = 0;
            return block;
        }
        *size += (size_t)n;
    }
    free(block);
    return NULL;
}

static int refused(child_picture *out, int status, const char *reason) {
    out->status = status;
    snprintf(out->reason, sizeof out->reason, "%s", reason);
    free(out->block);
    out->block = NULL;
    return -1;
}

/* Reads the line before the files, and points at these. */
static int understand(child_picture *out, size_t size) {
    int used = 0, status = 0;
    char *end = out->block ? memchr(out->block, '\n', size < 300 ? size : 300) : NULL;
    if (!end) return refused(out, DQ_FAILED, "the picture could not be decoded in the time and memory it may take");
    *end = 0;
    if (sscanf(out->block, "DQE %d %n", &status, &used) == 1 && used > 0) {
        char reason[200];
        snprintf(reason, sizeof reason, "%s", out->block + used);
        return refused(out, status, reason);
    }
    if (sscanf(out->block, "DQP %d %d %7s %zu %zu %zu", &out->width, &out->height, out->format, &out->size[0], &out->size[1],
               &out->size[2]) != 6)
        return refused(out, DQ_FAILED, "the decoder gave no answer");
    size_t at = (size_t)(end + 1 - out->block);
    for (int i = 0; i < 3; i++) {
        if (out->size[i] > size - at) return refused(out, DQ_FAILED, "the decoder's answer is cut off");
        out->file[i] = out->block + at;
        at += out->size[i];
    }
    return DQ_OK;
}

int child_decode(const char *mode, const char *argument, const void *bytes, size_t size, int seconds, child_picture *out) {
    const char *arguments[] = {"danqing", "__picture", mode, argument, NULL};
    int ends[2];
    size_t got = 0;
    *out = (child_picture){0};
    const int input = memory_file(bytes, size), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (input < 0 || null < 0 || pipe2(ends, O_CLOEXEC)) {
        if (input >= 0) close(input);
        if (null >= 0) close(null);
        return refused(out, DQ_LIMIT, "no memory or descriptors left");
    }
    const pid_t pid = spawn(arguments, (int[]){input, ends[1], null}, 3);
    close(input);
    close(null);
    close(ends[1]);
    if (pid > 0) {
        out->block = read_all(ends[0], seconds_now() + seconds, &got);
        if (!out->block) kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
    close(ends[0]);
    return understand(out, got);
}
