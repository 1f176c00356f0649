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
    if (s->encoder && !is(a, "dgfl") && !s->finish) return no_effect(a, "encoder", err);
    if (s->fast && !is(a, "rslcr")) return no_effect(a, "fast", err);
    if (s->samples != 800 && !sampled) return no_effect(a, "samples", err);
    if (s->finish && is(a, "lines")) return no_effect(a, "finish", err);
    if (s->finish && s->direction) return dq__fail(err, DQ_USAGE, "a pencil finishes sketches: no finish from sketch to photo");
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
    if (!status) status = check_use(a, s, err);
    if (status || !s->finish || pairs) return status;
    return dq__fail(err, DQ_USAGE, "a pencil needs an artist's hand: --pairs DIR, with photos/ and sketches/ in it");
}

dq_status dq__artist_learn(dq__artist *a, const dq__drawing_settings *s, dq__pool *pool, const dq__pairs *pairs, dq__error *err) {
    const bool sees = is(a, "dgfl") || s->finish;
    dq_status status = sees && !a->encoder ? dq__model_open(&a->encoder, s->encoder, err) : DQ_OK;
    const dq__drawer_setup setup = {.pool = pool, .pairs = pairs, .model = a->encoder, .student = s->student,
                                    .neighbours = (int)s->neighbours, .samples = (int)s->samples, .fast = s->fast};
    a->pairs = pairs;
    if (!status) status = a->method->learn(&a->state, &setup, err);
    if (!status && s->finish) status = dq__finish_new(&a->finish, pool, pairs, a->encoder, err);
    return status;
}

dq_status dq__artist_draw(const dq__artist *a, const dq__frame *face, float *drawing, dq__error *err) {
    const dq_status status = a->method->draw(a->state, face, drawing, NULL, err);
    return status || !a->finish ? status : dq__finish_draw(a->finish, face, drawing, err);
}

void dq__artist_clear(dq__artist *a) {
    if (a->method && a->state) a->method->free(a->state);
    a->state = NULL;
    dq__finish_free(&a->finish);
}

void dq__artist_forget(dq__artist *a) {
    dq__artist_clear(a);
    dq__model_free(&a->encoder);
    *a = (dq__artist){0};
}
