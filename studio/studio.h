/* SPDX-License-Identifier: MIT
 * studio/studio.h: what the command calls: the server, a worker, and the child that decodes what strangers sent. The studio sees
 * the library through danqing.h only, and prints nothing itself. */
#ifndef DQ_STUDIO_H
#define DQ_STUDIO_H

#include <stdbool.h>
#include <stdint.h>

typedef struct studio_settings {
    const char *data;   /* folder for everything; NULL: danqing/studio in the XDG data folder */
    const char *store;  /* postgresql://… for several machines; NULL: SQLite in `data` */
    const char *listen; /* address; NULL: 127.0.0.1 */
    const char *host;   /* a name by which browsers may call this server, beside addresses and localhost; or NULL */
    int port;           /* 0: any free one */
    int jobs;           /* paintings at once */
    int threads;        /* of each painting; 0: the processors shared among them */
    uint64_t memory;    /* for all paintings together; 0: three quarters of what is free */
    int keep_days;      /* results that are no favourites are deleted after so many days; 0: never */
    int max_upload;     /* megabytes of one request */
    int max_pixels;     /* millions, of one picture */
    int max_queue;      /* jobs that may wait */
    int rate;           /* changing requests a second from one address; 0: no limit */
    bool open;          /* show the page in a browser */
    void (*say)(const char *line);
    int (*stopped)(void); /* not 0 when it is time to end */
} studio_settings;

enum { STUDIO_MESSAGE = 320 };

/* Runs until stopped() says so. 0, or a dq_status with a message. */
int studio_serve(const studio_settings *settings, char message[STUDIO_MESSAGE]);
/* Paints for the store until stopped(). */
int studio_worker(const studio_settings *settings, char message[STUDIO_MESSAGE]);
/* `danqing __picture …` and `danqing __paint …`: the children; not for people. An exit code. */
int studio_picture(int argc, const char *const *argv);
int studio_paint(int argc, const char *const *argv);

#endif
