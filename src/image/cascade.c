/* SPDX-License-Identifier: MIT
 * image/cascade.c: the reader of cascade files, and the search. Windows of growing size are looked at in a picture that
 * shrinks; sums of rectangles come from summed areas. Must not know what the cascade was trained to find. */
#include "image/cascade.h"

#include "base/mem.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_CONTRAST 1e-5 /* standard deviation of a blank wall */

enum { MAX_TEXT = 8 << 20, MAX_PARTS = 1 << 16, MAX_RECTS = 3, MAX_WINDOW = 128, MAX_HITS = 4096 };

/* Goes left where the feature is below the threshold. A child > 0 is a node of the same tree, ≤ 0 the leaf −child. */
typedef struct node {
    int left, right, feature;
    double threshold;
} node;

typedef struct tree {
    int first_node, nodes, first_leaf;
} tree;

typedef struct stage {
    int first_tree, trees;
    double threshold;
} stage;

typedef struct rect {
    int x, y, w, h;
    double weight;
} rect;

typedef struct feature {
    int rects;
    rect rect[MAX_RECTS];
} feature;

/* Elements of one kind, as many as came. */
typedef struct list {
    void *at;
    int count, room;
} list;

struct dq__cascade {
    int w, h; /* of the window it was trained with */
    list stages, trees, nodes, leaves, features;
};

#define STAGE(c, i) (((stage *)(c)->stages.at)[i])
#define TREE(c, i) (((tree *)(c)->trees.at)[i])
#define NODE(c, i) (((node *)(c)->nodes.at)[i])
#define LEAF(c, i) (((double *)(c)->leaves.at)[i])
#define FEATURE(c, i) (((feature *)(c)->features.at)[i])

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* Where the reader is; a tag's text is what stands between it and the next. */
typedef struct reader {
    const char *at, *end;
    char tag[32];
    const char *text;
    size_t length;
    const char *name;
    dq__error *err;
} reader;

static dq_status damaged(const reader *r, const char *why) {
    return dq__fail(r->err, DQ_BAD_MODEL, "%.256s is no cascade of Haar features that can be used: %s", r->name, why);
}

static const char *find(const char *at, const char *end, const char *what) {
    return at < end ? memmem(at, (size_t)(end - at), what, strlen(what)) : NULL;
}

/* On to the next tag, over comments and declarations; false at the end. */
static bool next_tag(reader *r) {
    for (;;) {
        const char *open = find(r->at, r->end, "<");
        if (!open) return false;
        const bool comment = r->end - open > 3 && memcmp(open, "<!--", 4) == 0;
        const char *close = find(open, r->end, comment ? "-->" : ">");
        if (!close) return false;
        r->at = close + (comment ? 3 : 1);
        if (comment || open[1] == '?') continue;
        size_t n = strcspn(open + 1, " \t\r\n>");
        if (n >= sizeof r->tag) n = sizeof r->tag - 1;
        memcpy(r->tag, open + 1, n);
        r->tag[n] = 0;
        const char *following = find(r->at, r->end, "<");
        r->text = r->at;
        r->length = (size_t)((following ? following : r->end) - r->at);
        return true;
    }
}

/* The next number of the tag's text; false when there is none, or what stands there is none. */
static bool next_number(reader *r, double *value) {
    char word[48];
    while (r->length > 0 && strchr(" \t\r\n", *r->text)) r->text++, r->length--;
    size_t n = 0;
    while (n < r->length && n < sizeof word - 1 && !strchr(" \t\r\n", r->text[n])) word[n] = r->text[n], n++;
    word[n] = 0;
    r->text += n, r->length -= n;
    const bool point = n > 0 && word[n - 1] == '.'; /* "-1." */
    if (point) word[n - 1] = 0;
    return n > 0 && dq__parse_double(word, value);
}

static bool next_int(reader *r, int *value) {
    double v;
    if (!next_number(r, &v) || v != floor(v) || fabs(v) > MAX_PARTS) return false;
    *value = (int)v;
    return true;
}

/* Room for one more element, which is cleared; NULL without memory or over the limit. */
static void *add(list *l, size_t size) {
    if (l->count == MAX_PARTS) return NULL;
    if (l->count == l->room) {
        const int room = l->room ? 2 * l->room : 64;
        void *more = dq__alloc((size_t)room * size);
        if (!more) return NULL;
        if (l->at) memcpy(more, l->at, (size_t)l->count * size);
        dq__free(l->at);
        l->at = more, l->room = room;
    }
    void *element = (char *)l->at + (size_t)l->count++ * size;
    return memset(element, 0, size);
}

static dq_status add_stage(dq__cascade *c, reader *r) {
    stage *s = add(&c->stages, sizeof *s);
    if (!s) return dq__no_memory(r->err, sizeof *s, "a cascade");
    s->first_tree = c->trees.count;
    return next_number(r, &s->threshold) ? DQ_OK : damaged(r, "a stage without a threshold");
}

static dq_status add_tree(dq__cascade *c, reader *r) {
    if (!c->stages.count) return damaged(r, "a tree outside of a stage");
    tree *t = add(&c->trees, sizeof *t);
    if (!t) return dq__no_memory(r->err, sizeof *t, "a cascade");
    t->first_node = c->nodes.count, t->first_leaf = c->leaves.count;
    STAGE(c, c->stages.count - 1).trees++;
    for (int left; next_int(r, &left); t->nodes++) {
        node *n = add(&c->nodes, sizeof *n);
        if (!n) return dq__no_memory(r->err, sizeof *n, "a cascade");
        n->left = left;
        if (!next_int(r, &n->right) || !next_int(r, &n->feature) || !next_number(r, &n->threshold))
            return damaged(r, "a node needs four numbers");
    }
    return DQ_OK;
}

static dq_status add_leaves(dq__cascade *c, reader *r) {
    for (double value; next_number(r, &value);) {
        double *leaf = add(&c->leaves, sizeof *leaf);
        if (!leaf) return dq__no_memory(r->err, sizeof *leaf, "a cascade");
        *leaf = value;
    }
    return DQ_OK;
}

static dq_status add_rect(dq__cascade *c, reader *r) {
    feature *f = &FEATURE(c, c->features.count - 1);
    rect one;
    if (!next_int(r, &one.x)) return DQ_OK; /* an element that only holds others */
    if (!next_int(r, &one.y) || !next_int(r, &one.w) || !next_int(r, &one.h) || !next_number(r, &one.weight))
        return damaged(r, "a rectangle needs five numbers");
    if (f->rects == MAX_RECTS) return damaged(r, "more than three rectangles in a feature");
    f->rect[f->rects++] = one;
    return DQ_OK;
}

static dq_status read_tags(dq__cascade *c, reader *r) {
    bool in_rects = false;
    dq_status status = DQ_OK;
    while (!status && next_tag(r)) {
        if (strcmp(r->tag, "width") == 0) status = next_int(r, &c->w) ? DQ_OK : damaged(r, "no width");
        else if (strcmp(r->tag, "height") == 0) status = next_int(r, &c->h) ? DQ_OK : damaged(r, "no height");
        else if (strcmp(r->tag, "stageThreshold") == 0) status = add_stage(c, r);
        else if (strcmp(r->tag, "internalNodes") == 0) status = add_tree(c, r);
        else if (strcmp(r->tag, "leafValues") == 0) status = add_leaves(c, r);
        else if (strcmp(r->tag, "tilted") == 0) status = damaged(r, "it has tilted features");
        else if (strcmp(r->tag, "/rects") == 0) in_rects = false;
        else if (strcmp(r->tag, "rects") == 0) {
            in_rects = true;
            if (!add(&c->features, sizeof(feature))) status = dq__no_memory(r->err, sizeof(feature), "a cascade");
        } else if (in_rects && strcmp(r->tag, "_") == 0) status = add_rect(c, r);
    }
    return status;
}

/* ---- checking ------------------------------------------------------------------------------------------------------ */

static bool rect_fits(const dq__cascade *c, const rect *r) {
    return r->x >= 0 && r->y >= 0 && r->w > 0 && r->h > 0 && r->w <= c->w - r->x && r->h <= c->h - r->y;
}

static bool child_fits(const tree *t, int own, int child) {
    return child > 0 ? child > own && child < t->nodes : -child <= t->nodes;
}

/* Every tree has one leaf more than nodes; no walk can go in circles or out of the tree. */
static bool tree_fits(const dq__cascade *c, int i) {
    const tree *t = &TREE(c, i);
    const int next_leaf = i + 1 < c->trees.count ? TREE(c, i + 1).first_leaf : c->leaves.count;
    if (t->nodes < 1 || next_leaf - t->first_leaf != t->nodes + 1) return false;
    for (int k = 0; k < t->nodes; k++) {
        const node *n = &NODE(c, t->first_node + k);
        if (!child_fits(t, k, n->left) || !child_fits(t, k, n->right)) return false;
        if (n->feature < 0 || n->feature >= c->features.count) return false;
    }
    return true;
}

static dq_status check(const dq__cascade *c, const reader *r) {
    if (c->w < 4 || c->h < 4 || c->w > MAX_WINDOW || c->h > MAX_WINDOW) return damaged(r, "its window has no usable size");
    if (!c->stages.count || !c->features.count) return damaged(r, "it has no stages or no features");
    for (int i = 0; i < c->features.count; i++)
        for (int k = 0; k < FEATURE(c, i).rects; k++)
            if (!rect_fits(c, &FEATURE(c, i).rect[k])) return damaged(r, "a rectangle leaves the window");
    for (int i = 0; i < c->stages.count; i++)
        if (!STAGE(c, i).trees) return damaged(r, "an empty stage");
    for (int i = 0; i < c->trees.count; i++)
        if (!tree_fits(c, i)) return damaged(r, "a tree that does not hold together");
    return DQ_OK;
}

dq_status dq__cascade_parse(dq__cascade **out, const char *text, size_t size, const char *name, dq__error *err) {
    dq__cascade *c = dq__alloc_zero(sizeof *c);
    *out = NULL;
    if (!c) return dq__no_memory(err, sizeof *c, "a cascade");
    reader r = {.at = text, .end = text + size, .name = name, .err = err};
    dq_status status = read_tags(c, &r);
    if (!status) status = check(c, &r);
    if (status) dq__cascade_free(&c);
    *out = c;
    return status;
}

dq_status dq__cascade_read(dq__cascade **out, const char *path, dq__error *err) {
    *out = NULL;
    FILE *file = fopen(path, "re");
    if (!file) return dq__fail(err, DQ_BAD_MODEL, "cannot open %.400s", path);
    char *text = dq__alloc(MAX_TEXT + 1);
    const size_t size = text ? fread(text, 1, MAX_TEXT, file) : 0;
    dq_status status = text ? DQ_OK : dq__no_memory(err, MAX_TEXT, "a cascade");
    if (!status && (ferror(file) || fgetc(file) != EOF)) status = dq__fail(err, DQ_BAD_MODEL, "%.400s cannot be read", path);
    if (!status) {
        text[size] = 0; /* for strcspn, which never passes a tag's end but needs one */
        status = dq__cascade_parse(out, text, size, path, err);
    }
    fclose(file);
    dq__free(text);
    return status;
}

void dq__cascade_free(dq__cascade **cascade) {
    dq__cascade *c = *cascade;
    if (!c) return;
    dq__free(c->stages.at);
    dq__free(c->trees.at);
    dq__free(c->nodes.at);
    dq__free(c->leaves.at);
    dq__free(c->features.at);
    dq__free(c);
    *cascade = NULL;
}

/* ---- looking ------------------------------------------------------------------------------------------------------- */

/* The picture at one size, with sums of values and of squares, and where the corners of all rectangles lie in them. */
typedef struct level {
    int w, h;
    double *sum, *square; /* [h+1][w+1] */
    int (*corner)[MAX_RECTS]; /* of each feature: offset of each rectangle's first corner */
} level;

static void level_free(level *l) {
    dq__free(l->sum);
    dq__free(l->square);
    dq__free(l->corner);
}

/* `factor` pixels of the picture become one. */
static bool level_make(level *l, const dq__cascade *c, const dq__grey *g, const dq__search *s, double factor) {
    *l = (level){.w = (int)((s->x1 - s->x0) / factor), .h = (int)((s->y1 - s->y0) / factor)};
    const size_t stride = (size_t)l->w + 1, bytes = sizeof(double) * stride * ((size_t)l->h + 1);
    l->sum = dq__alloc_zero(bytes);
    l->square = dq__alloc_zero(bytes);
    l->corner = dq__alloc_zero(sizeof *l->corner * (size_t)c->features.count);
    if (!l->sum || !l->square || !l->corner) return false;
    for (int y = 0; y < l->h; y++) {
        double row = 0, row_square = 0, *sum = l->sum + (size_t)y * stride, *square = l->square + (size_t)y * stride;
        for (int x = 0; x < l->w; x++) {
            const double at_x = s->x0 + x * factor, at_y = s->y0 + y * factor;
            const double v = dq__grey_mean(g, at_x, at_y, at_x + factor, at_y + factor);
            row += v, row_square += v * v;
            sum[stride + (size_t)x + 1] = sum[x + 1] + row;
            square[stride + (size_t)x + 1] = square[x + 1] + row_square;
        }
    }
    for (int i = 0; i < c->features.count; i++)
        for (int k = 0; k < FEATURE(c, i).rects; k++)
            l->corner[i][k] = FEATURE(c, i).rect[k].y * (int)stride + FEATURE(c, i).rect[k].x;
    return true;
}

static double area(const double *at, int w, int down) { return at[0] - at[w] - at[down] + at[down + w]; }

static double feature_at(const dq__cascade *c, const level *l, int i, const double *window) {
    const feature *f = &FEATURE(c, i);
    double sum = 0;
    for (int k = 0; k < f->rects; k++)
        sum += f->rect[k].weight * area(window + l->corner[i][k], f->rect[k].w, f->rect[k].h * (l->w + 1));
    return sum;
}

/* Standard deviation times area of the window without its rim: what its contrast is measured by. */
static double contrast(const dq__cascade *c, const level *l, size_t at) {
    const int w = c->w - 2, h = c->h - 2, stride = l->w + 1;
    const double sum = area(l->sum + at + stride + 1, w, h * stride), square = area(l->square + at + stride + 1, w, h * stride);
    const double v = (double)w * h * square - sum * sum;
    return v > 0 ? sqrt(v) : 0;
}

static double tree_value(const dq__cascade *c, const level *l, const tree *t, const double *window, double unit) {
    int at = 0;
    do {
        const node *n = &NODE(c, t->first_node + at);
        at = feature_at(c, l, n->feature, window) < n->threshold * unit ? n->left : n->right;
    } while (at > 0);
    return LEAF(c, t->first_leaf - at);
}

static bool accepts(const dq__cascade *c, const level *l, size_t at) {
    const double unit = contrast(c, l, at);
    if (unit < LEAST_CONTRAST * c->w * c->h) return false; /* a blank wall */
    for (int i = 0; i < c->stages.count; i++) {
        const stage *s = &STAGE(c, i);
        double sum = 0;
        for (int k = 0; k < s->trees; k++) sum += tree_value(c, l, &TREE(c, s->first_tree + k), l->sum + at, unit);
        if (sum < s->threshold) return false;
    }
    return true;
}

static int look(const dq__cascade *c, const level *l, const dq__search *s, double factor, dq__hit *hits, int count) {
    for (int y = 0; y + c->h <= l->h; y++)
        for (int x = 0; x + c->w <= l->w && count < MAX_HITS; x++)
            if (accepts(c, l, (size_t)y * ((size_t)l->w + 1) + (size_t)x))
                hits[count++] = (dq__hit){s->x0 + (x + 0.5 * c->w) * factor, s->y0 + (y + 0.5 * c->h) * factor, c->w * factor, 1};
    return count;
}

/* Do two windows mean the same thing? */
static bool agree(const dq__hit *a, const dq__hit *b) {
    const double side = fmin(a->side, b->side), far = 0.2 * side;
    return fabs(a->x - b->x) < far && fabs(a->y - b->y) < far && fabs(a->side - b->side) < 0.4 * side;
}

static int by_votes(const void *left, const void *right) {
    const dq__hit *a = left, *b = right;
    if (a->votes != b->votes) return a->votes > b->votes ? -1 : 1;
    if (a->side != b->side) return a->side > b->side ? -1 : 1;
    if (a->x != b->x) return a->x < b->x ? -1 : 1;
    return (a->y > b->y) - (a->y < b->y);
}

/* Each hit joins the first group whose mean it agrees with; groups take the place of the hits. */
static int bring_together(dq__hit *hits, int count) {
    int groups = 0;
    for (int i = 0; i < count; i++) {
        const dq__hit hit = hits[i];
        int k = 0;
        while (k < groups && !agree(&hits[k], &hit)) k++;
        dq__hit *group = &hits[k];
        if (k == groups) {
            *group = hit;
            groups++;
            continue;
        }
        const double old = group->votes, all = old + 1;
        group->x = (group->x * old + hit.x) / all;
        group->y = (group->y * old + hit.y) / all;
        group->side = (group->side * old + hit.side) / all;
        group->votes++;
    }
    return groups;
}

int dq__cascade_search(const dq__cascade *c, const dq__grey *grey, const dq__search *search, dq__hit *hits, int most) {
    dq__hit *all = dq__alloc(sizeof *all * MAX_HITS);
    int count = all ? 0 : -1, kept = 0;
    for (double side = search->smallest; count >= 0 && side <= search->largest; side *= 1.1) {
        level l;
        if (level_make(&l, c, grey, search, side / c->w)) count = look(c, &l, search, side / c->w, all, count);
        else count = -1;
        level_free(&l);
    }
    if (count > 0) {
        count = bring_together(all, count);
        qsort(all, (size_t)count, sizeof *all, by_votes);
    }
    for (int i = 0; i < count && kept < most && all[i].votes >= search->votes; i++) hits[kept++] = all[i];
    dq__free(all);
    return count < 0 ? -1 : kept;
}
