/* SPDX-License-Identifier: MIT
 * sketch/drawing.c: chooses a method by settings and lets it learn. */
#include "sketch/drawing.h"

#include <string.h>

static bool is(const dq__artist *a, const char *name) { return strcmp(a->method->name, name) == 0; }

static dq_status no_effect(const dq__artist *a, const char *setting, dq__error *err) {
    return dq__fail(err, DQ_USAGE, "%s has no effect on the method %s", setting, a->method->name);
}

static dq_status check_use(const dq__artist *a, const dq__drawing_settings *s, dq__error *err) {
    const bool sampled = is(a, "rslcr") || is(a, "ridge");
    if (s->student && !is(a, "student")) return no_effect(a, "student", err);
    if (s->encoder && !is(a, "dgfl")) return no_effect(a, "encoder", err);
    if (s->fast && !is(a, "rslcr")) return no_effect(a, "fast", err);
    if (s->samples != 800 && !sampled) return no_effect(a, "samples", err);
    if (s->samples % 8) return dq__fail(err, DQ_USAGE, "samples must be a multiple of 8, not %lld", (long long)s->samples);
    if (s->neighbours && (sampled || !a->method->pairs)) return no_effect(a, "neighbours", err);
    return DQ_OK;
}

dq_status dq__artist_choose(dq__artist *a, const dq__drawing_settings *s, bool pairs, dq__error *err) {
    const char *name = s->method ? s->method : s->student ? "student" : pairs ? "mwf" : "lines";
    *a = (dq__artist){0};
    dq_status status = dq__method_find(&a->method, name, err);
    if (!status && a->method->pairs && !pairs)
        status = dq__fail(err, DQ_USAGE, "the method %s draws from pairs: --pairs DIR, with photos/ and sketches/ in it", name);
    return status ? status : check_use(a, s, err);
}

dq_status dq__artist_learn(dq__artist *a, const dq__drawing_settings *s, dq__pool *pool, const dq__pairs *pairs, dq__error *err) {
    dq_status status = is(a, "dgfl") && !a->encoder ? dq__model_open(&a->encoder, s->encoder, err) : DQ_OK;
    const dq__drawer_setup setup = {.pool = pool, .pairs = pairs, .model = a->encoder, .student = s->student,
                                    .neighbours = (int)s->neighbours, .samples = (int)s->samples, .fast = s->fast};
    a->pairs = pairs;
    return status ? status : a->method->learn(&a->state, &setup, err);
}

void dq__artist_forget(dq__artist *a) {
    if (a->method && a->state) a->method->free(a->state);
    dq__model_free(&a->encoder);
    *a = (dq__artist){0};
}
