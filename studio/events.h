/* SPDX-License-Identifier: MIT
 * studio/events.h: who watches, and what they are told (server-sent events). A watcher that does not read is let go. */
#ifndef DQ_STUDIO_EVENTS_H
#define DQ_STUDIO_EVENTS_H

#include "http.h"

typedef struct events events;

events *events_new(void);
/* Tells all watchers of this job, and those of all jobs. kind is "job" or "gone"; data is JSON in one line. Any thread. */
void events_tell(events *e, const char *kind, const char *id, const char *data);
/* A sign of life to streams that were silent for long; call it now and then. */
void events_tend(events *e);
int events_watchers(events *e);
/* Ends all streams; new ones are refused. */
void events_end(events *e);
void events_free(events *e);

#endif
