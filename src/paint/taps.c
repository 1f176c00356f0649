/* SPDX-License-Identifier: MIT
 * paint/taps.c: parses lists of layers. Knows names and weights, not costs. */
#include "paint/taps.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

enum { LEFT_OUT = 256 };

/* One list as parsed. */
typedef struct list {
    int count, layer[DQ__MAX_TAPS];
    double weight[DQ__MAX_TAPS];
    bool weighted; /* any weight was written */
    bool required; /* any name without '?' */
} list;

static dq_status unknown(const dq__table *table, const char *name, dq__error *err) {
    char known[320];
    dq__table_names(table, known, sizeof known);
    return dq__fail(err, DQ_USAGE, "network %s has no layer '%.40s'; it has %s", table->name, name, known);
}

static dq_status add_item(list *l, const dq__table *table, char *item, char *left_out, dq__error *err) {
    double weight = 1;
    char *equals = strchr(item, '=');
    if (equals) {
        *equals = 0;
        l->weighted = true;
        if (!dq__parse_double(equals + 1, &weight) || weight < 0 || weight > 1e12)
            return dq__fail(err, DQ_USAGE, "the weight of layer %.40s must be a number from 0 to 1e12, not '%.40s'", item,
                            equals + 1);
    }
    const size_t n = strlen(item);
    const bool optional = n > 0 && item[n - 1] == '?';
    if (optional) item[n - 1] = 0;
    else l->required = true;
    const int layer = dq__table_find(table, item);
    if (layer < 0 || table->layer[layer].kind == DQ__LINEAR) {
        if (!optional) return unknown(table, item, err);
        const size_t used = strlen(left_out);
        snprintf(left_out + used, LEFT_OUT - used, "%s%s", used ? ", " : "", item);
        return DQ_OK;
    }
    for (int i = 0; i < l->count; i++)
        if (l->layer[i] == layer) return dq__fail(err, DQ_USAGE, "layer %.40s is named twice", item);
    if (l->count == DQ__MAX_TAPS) return dq__fail(err, DQ_USAGE, "more than %d layers", DQ__MAX_TAPS);
    l->layer[l->count] = layer;
    l->weight[l->count++] = weight;
    return DQ_OK;
}

static dq_status parse(list *l, const dq__table *table, const char *text, char *left_out, dq__error *err) {
    *l = (list){0};
    while (*text) {
        char item[64];
        const size_t n = strcspn(text, ",");
        if (n >= sizeof item) return dq__fail(err, DQ_USAGE, "no layer has a name like '%.40s…'", text);
        memcpy(item, text, n);
        item[n] = 0;
        if (n > 0) {
            dq_status status = add_item(l, table, item, left_out, err);
            if (status) return status;
        }
        text += n + (text[n] == ',');
    }
    return DQ_OK;
}

static void use_deepest(list *l, const dq__table *table) {
    const int layer = dq__table_deepest(table);
    if (layer >= 0) l->count = 1, l->layer[0] = layer, l->weight[0] = 1;
}

/* A root layer that only style is measured at is not run: its Gram matrix follows from that of the layer it reads. */
static void measure_through_roots(dq__taps *taps, const dq__table *table) {
    for (int t = 0; t < taps->count; t++) {
        const int layer = taps->layer[t];
        taps->root[t] = -1;
        if (taps->content[t] != 0 || !dq__is_root(table, layer)) continue;
        taps->root[t] = layer;
        taps->layer[t] = table->layer[layer].from;
    }
}

static void swap_taps(dq__taps *taps, int a, int b) {
    const dq__taps old = *taps;
    taps->layer[a] = old.layer[b], taps->content[a] = old.content[b], taps->style[a] = old.style[b], taps->root[a] = old.root[b];
    taps->layer[b] = old.layer[a], taps->content[b] = old.content[a], taps->style[b] = old.style[a], taps->root[b] = old.root[a];
}

static void sort_taps(dq__taps *taps) {
    for (int t = 1; t < taps->count; t++)
        for (int k = t; k > 0 && taps->layer[k] < taps->layer[k - 1]; k--) swap_taps(taps, k, k - 1);
}

static void merge(dq__taps *taps, const list *content, const list *style, int layers) {
    const double even = style->count ? 1.0 / style->count : 0;
    *taps = (dq__taps){0};
    for (int layer = 0; layer < layers; layer++) {
        double c = 0, s = 0;
        for (int i = 0; i < content->count; i++)
            if (content->layer[i] == layer) c = content->weight[i];
        for (int i = 0; i < style->count; i++)
            if (style->layer[i] == layer) s = style->weighted ? style->weight[i] : even;
        if ((c == 0 && s == 0) || taps->count == DQ__MAX_TAPS) continue;
        taps->layer[taps->count] = layer;
        taps->content[taps->count] = c;
        taps->style[taps->count++] = s;
    }
}

dq_status dq__taps_parse(dq__taps *taps, const dq__table *table, const char *content, const char *style, char *left_out,
                         dq__error *err) {
    list c, s;
    left_out[0] = 0;
    dq_status status = parse(&c, table, content, left_out, err);
    if (!status) status = parse(&s, table, style, left_out, err);
    if (status) return status;
    if (!c.count && !c.required && *content) use_deepest(&c, table);
    if (!s.count && !s.required && *style) use_deepest(&s, table);
    merge(taps, &c, &s, table->count);
    measure_through_roots(taps, table);
    sort_taps(taps);
    if (taps->count == 0) return dq__fail(err, DQ_USAGE, "no layer with a weight: give content-layers or style-layers");
    return DQ_OK;
}
