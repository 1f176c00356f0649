/* SPDX-License-Identifier: MIT
 * model/store.h: where models lie on this machine. Names become paths here and nowhere else; no file is read. */
#ifndef DQ_MODEL_STORE_H
#define DQ_MODEL_STORE_H

#include "base/error.h"

/* "FOLDER/NAME" + ending, NULL when there is no memory; free with dq__free. */
char *dq__store_path(const char *folder, const char *name, const char *ending);
/* The one folder that is written to: $XDG_DATA_HOME/danqing/models, by default below $HOME/.local/share. *folder is NULL
 * where neither variable holds an absolute path. Free with dq__free. */
dq_status dq__store_user_folder(char **folder, dq__error *err);
/* *path = the file of the model `name` in the first folder that has one, or NULL; free with dq__free. */
dq_status dq__store_find(const char *name, char **path, dq__error *err);

#endif
