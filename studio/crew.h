/* SPDX-License-Identifier: MIT
 * studio/crew.h: the children that paint: started, woken, started again when they die, ended in order. */
#ifndef DQ_STUDIO_CREW_H
#define DQ_STUDIO_CREW_H

#include "store.h"
#include "studio.h"

#include <sys/types.h>

enum { CREW_MOST = 16 };

typedef struct crew {
    const char *data;
    int count, threads;
    uint64_t memory;
    int lifeline[2]; /* children read [0]; nobody writes but wake() */
    char host[72];
    struct {
        pid_t pid;
        char name[128];
        double started, again; /* when it may be started again */
    } child[CREW_MOST];
    int deaths; /* since the beginning */
} crew;

int crew_start(crew *c, const studio_settings *settings, const char *data, const char *location);
/* A job is there: one idle child looks at once. Any thread. */
void crew_wake(const crew *c);
/* Buries the dead: their jobs are queued again, a job that killed several fails. */
void crew_tend(crew *c, store *s);
/* Ends all; waits up to `seconds`, then kills. */
void crew_end(crew *c, int seconds);
/* Deletes what painting left of jobs that nobody will go on with. */
void crew_clear(const char *data, store *s);
/* Makes the folder `data` (or the one for the user when it is NULL) and writes its path; −1 with a message. */
int crew_folder(const char *data, char path[4096], char message[STUDIO_MESSAGE]);

#endif
