/* SPDX-License-Identifier: MIT
 * net/split.h: how the rows and channels of a map are cut into tasks. It depends on the shape alone, never on the number of
 * threads, so that results do not. */
#ifndef DQ_NET_SPLIT_H
#define DQ_NET_SPLIT_H

/* Rows in groups, and the channels in parts when there are few groups. */
typedef struct dq__split {
    int rows, group, channels, parts;
    int tasks; /* for one picture */
} dq__split;

/* group: rows that make a task of good size (less than 1 counts as 1); n: pictures that are cut in the same way. */
static inline dq__split dq__split_rows(int rows, int group, int channels, int n) {
    dq__split s = {.rows = rows, .group = group > 1 ? group : 1, .channels = channels, .parts = 1};
    const int groups = (rows + s.group - 1) / s.group, blocks = (channels + 31) / 32;
    while (groups * s.parts * n < 8 && s.parts * 2 <= blocks) s.parts *= 2;
    s.tasks = groups * s.parts;
    return s;
}

static inline void dq__split_task(const dq__split *s, int task, int *row, int *rows, int *channel, int *channels) {
    const int group = task / s->parts, part = task % s->parts, blocks = (s->channels + 31) / 32;
    *row = group * s->group;
    *rows = s->rows - *row < s->group ? s->rows - *row : s->group;
    *channel = blocks * part / s->parts * 32;
    const int end = blocks * (part + 1) / s->parts * 32;
    *channels = (end < s->channels ? end : s->channels) - *channel;
}

#endif
