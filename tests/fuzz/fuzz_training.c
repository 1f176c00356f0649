/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_training.c: any text as the recipe of a training: what is taken has settings in their ranges and only names
 * that a task may see; what is refused is refused with one line. The last line, if it has a blank first, is a setting of the
 * caller. */
#include "base/mem.h"
#include "train/config.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static dq_status take(void *user, const char *name, const char *value, dq__error *err) {
    ++*(int *)user;
    require(*name && *value && strcmp(name, "steps") != 0 && !strpbrk(name, " \t\n=#") && !strchr(value, '\n'));
    return value[0] == '?' ? dq__fail(err, DQ_USAGE, "a question") : DQ_OK;
}

static void use(const dq__config *config) {
    const dq__train_settings *s = dq__config_settings(config);
    unsigned char digest[DQ__DIGEST];
    dq__error err = {0};
    int count = 0;
    require(s->steps >= 1 && s->warmup >= 0 && s->threads >= 0 && s->threads <= 256 && s->checkpoint_every >= 1);
    require(isfinite(dq__rate_at(s, 0)) && isfinite(dq__rate_at(s, s->steps - 1)));
    const dq_status status = dq__config_apply(config, take, &count, &err);
    require(status == DQ_OK || (strstr(err.text, "a question") && count > 0));
    dq__config_digest(config, digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const lists[] = {"teacher", "images", NULL};
    char *text = malloc(size + 1);
    dq__config *config;
    dq__error err = {0};
    require(text != NULL);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    char *last = strrchr(text, '\n');
    const char *const set[] = {last ? last + 2 : ""};
    const int sets = last && last[1] == ' ';
    if (sets) *last = 0;
    const dq_status status = dq__config_new(&config, "fuzz", text, set, sets, lists, &err);
    if (!status) use(config);
    else require(!config && *err.text && !strchr(err.text, '\n'));
    dq__config_free(&config);
    free(text);
    require(dq__mem_now() == 0);
    return 0;
}
