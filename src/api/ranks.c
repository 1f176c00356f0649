/* SPDX-License-Identifier: MIT
 * api/ranks.c: the tool "ranks" of danqing.h: how the processes that mpirun started come to work together. The first call of a
 * context joins them; paint/spread.h does the rest. */
#include "api/context.h"
#include "api/tool.h"
#include "base/mem.h"
#include "paint/spread.h"

#include <jansson.h>
#include <string.h>

enum { NOTHING, PICTURE, ITEMS };

typedef struct ranks_settings {
    int spread;
    const char *say;
} ranks_settings;

static const dq__setting rows[] = {
    {"spread", DQ__SET_CHOICE, offsetof(ranks_settings, spread), "nothing", 0, 0, "nothing|picture|items"},
    {"say", DQ__SET_TEXT, offsetof(ranks_settings, say), NULL, 0, 0, NULL},
};

/* ---- what each says, to all -------------------------------------------------------------------------------------------- */

/* Where the parts of all ranks end, from the sizes that each tells. */
static dq_status find_ends(dq__ranks *ranks, size_t own, size_t *end, dq__error *err) {
    const int count = dq__ranks_count(ranks);
    size_t *place = dq__alloc(sizeof *place * (size_t)count); /* of the sizes themselves */
    dq_status status = place ? DQ_OK : dq__no_memory(err, sizeof *place * (size_t)count, "ranks");
    for (int r = 0; r < count && !status; r++) place[r] = sizeof *end * (size_t)(r + 1);
    end[dq__ranks_own(ranks)] = own;
    if (!status) status = dq__ranks_gather(ranks, end, place, err);
    for (int r = 1; r < count && !status; r++) end[r] += end[r - 1];
    dq__free(place);
    return status;
}

static json_t *list_of(const char *texts, const size_t *end, int count) {
    json_t *list = json_array();
    for (int r = 0; r < count; r++) {
        const size_t begin = r ? end[r - 1] : 0;
        json_array_append_new(list, json_stringn(texts + begin, end[r] - begin));
    }
    return list;
}

static dq_status hear_all(dq__ranks *ranks, const char *own, json_t **said, dq__error *err) {
    const int count = dq__ranks_count(ranks), rank = dq__ranks_own(ranks);
    size_t *end = dq__alloc(sizeof *end * (size_t)count);
    char *texts = NULL;
    dq_status status = end ? find_ends(ranks, strlen(own), end, err) : dq__no_memory(err, sizeof *end, "ranks");
    if (!status) texts = dq__alloc(end[count - 1] + 1);
    if (!status && !texts) status = dq__no_memory(err, end[count - 1], "ranks");
    if (!status) memcpy(texts + (rank ? end[rank - 1] : 0), own, strlen(own));
    if (!status) status = dq__ranks_gather(ranks, texts, end, err);
    if (!status) *said = list_of(texts, end, count);
    dq__free(texts);
    dq__free(end);
    return status;
}

/* ---- the tool ----------------------------------------------------------------------------------------------------------- */

static dq_status answer(const dq__call *call, const dq__ranks *ranks, json_t *said, dq__error *err) {
    const dq__traffic t = dq__ranks_traffic(ranks);
    json_t *object = json_pack("{s:i, s:i, s:f, s:f}", "rank", dq__ranks_own(ranks), "ranks", dq__ranks_count(ranks), "bytes",
                               t.bytes, "seconds", t.seconds);
    if (said && object) json_object_set(object, "said", said);
    return dq__call_answer(call, object, err);
}

/* Joins the ranks; whoever is called while this one waits stays the same until the context is freed. */
static dq_status join(const dq__call *call, dq__error *err) {
    dq_context *ctx = call->context;
    const dq_status status = ctx->ranks ? DQ_OK : dq__ranks_open(&ctx->ranks, err);
    if (!status && call->progress) dq__ranks_patience(ctx->ranks, call->progress, call->user);
    return status;
}

dq_status dq__ranks_tool(const dq__call *call, dq__error *err) {
    dq_context *ctx = call->context;
    ranks_settings set;
    json_t *said = NULL;
    dq_status status = dq__call_inputs(call, 0, 0, "no input", err);
    if (!status) status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &set, err);
    if (!status) status = join(call, err);
    if (!status && set.spread != NOTHING) ctx->together = set.spread == PICTURE;
    if (!status && set.say) status = hear_all(ctx->ranks, set.say, &said, err);
    if (!status && set.spread == PICTURE && dq__ranks_own(ctx->ranks) != 0)
        status = dq__spread_follow(ctx->ranks, call->pool, err);
    if (!status) status = answer(call, ctx->ranks, said, err);
    json_decref(said);
    return status;
}
