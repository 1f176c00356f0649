/* SPDX-License-Identifier: MIT
 * train/config.h: the recipe of a run: text of `name = value` lines, where # at the start of a line or after a blank begins a
 * comment. The trainer's own names are one table (config.c); the others belong to the task, which takes them in by a setter. */
#ifndef DQ_TRAIN_CONFIG_H
#define DQ_TRAIN_CONFIG_H

#include "base/error.h"

#include <stdbool.h>

typedef enum dq__schedule { DQ__COSINE, DQ__CONSTANT } dq__schedule;

/* The trainer's own settings; the name in a recipe has - for _. */
typedef struct dq__train_settings {
    int64_t steps, seed;
    dq__schedule schedule;
    double rate, final_rate;     /* at its highest; at the end of a cosine */
    int64_t warmup;              /* steps in which the rate rises */
    double beta1, beta2, epsilon, weight_decay;
    double clip;                 /* largest norm of a gradient; 0: any */
    double average;              /* share of the old in the running average of the weights; 0: none is kept */
    int64_t validate_every;      /* steps; 0: at the end only */
    int64_t save_every;          /* steps between writings of the result; 0: at the end only */
    int64_t checkpoint_every;    /* seconds */
    int64_t threads;             /* 0: as many as the context has */
} dq__train_settings;

/* One setting for the task. On failure the setter writes what is wrong with it ("unknown name", "not a folder: …"); the
 * name and where it was said (file and line) are put before that by the caller. */
typedef dq_status (*dq__config_fn)(void *user, const char *name, const char *value, dq__error *err);

typedef struct dq__config dq__config;

enum { DQ__DIGEST = 32 };

/* Reads a recipe. `name` is the file's, for messages. `set`: `sets` texts "name=value" that go before the recipe's lines of the
 * same name, all of them. `lists`: the names that may be given more than once, ended by NULL. */
dq_status dq__config_new(dq__config **out, const char *name, const char *text, const char *const *set, int sets,
                         const char *const *lists, dq__error *err);
/* The same from a file. */
dq_status dq__config_read(dq__config **out, const char *path, const char *const *set, int sets, const char *const *lists,
                          dq__error *err);
const dq__train_settings *dq__config_settings(const dq__config *config);
/* Hands every setting that is not the trainer's to `fn`, in the order of the recipe. */
dq_status dq__config_apply(const dq__config *config, dq__config_fn fn, void *user, dq__error *err);
/* SHA-256 of all settings that can change the result, comments and blanks aside. */
void dq__config_digest(const dq__config *config, unsigned char digest[DQ__DIGEST]);
void dq__config_free(dq__config **config);

/* For setters: a number of the value, or DQ_USAGE with a line that tells the range. */
dq_status dq__config_int(const char *value, int64_t minimum, int64_t maximum, int64_t *number, dq__error *err);
dq_status dq__config_double(const char *value, double minimum, double maximum, double *number, dq__error *err);

#endif
