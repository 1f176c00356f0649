/* SPDX-License-Identifier: MIT
 * pencil.c: a still life in graphite. A small scene of solids gives every point of the sheet its darkness and the way
 * around its form; the pencil then lays hatching in crossing layers, contours drawn several times over, and a little
 * smudge, and the tooth of the paper decides where the graphite stays. */
#include "noise.h"
#include "samples.h"
#include "sdf.h"

#include <stdlib.h>

/* ---- the scene: a jug, pears, apples, grapes on a cloth before a wall ---- */

enum { WALL, TABLE, JUG, PEAR, APPLE, OTHER_APPLE, GRAPES, STEMS, THINGS };

static const vec3 eye_at = {0.0f, 7.0f, 25.0f}, look_at = {0.2f, 3.15f, 0.0f};

static float revolved_jug(vec3 p) {
    vec3 q = sub(p, v3(-3.1f, 0.0f, -1.2f));
    float round = sqrtf(q.x * q.x + q.z * q.z);
    vec3 flat = v3(round, q.y, 0.0f);
    float belly = sd_ellipsoid(flat, v3(0, 2.9f, 0), v3(2.75f, 2.95f, 2.75f)),
          neck = sd_cone(flat, v3(0, 4.5f, 0), v3(0, 7.2f, 0), 1.25f, 1.05f);
    float lip = length2(v2(round - 1.25f, q.y - 7.75f)) - 0.24f, foot = length2(v2(round - 1.45f, q.y - 0.2f)) - 0.26f;
    float outside = smooth_min(smooth_min(smooth_min(belly, maxf(neck, q.y - 7.7f), 1.1f), lip, 0.5f), foot, 0.4f);
    float hole = sd_cone(flat, v3(0, 4.2f, 0), v3(0, 9.0f, 0), 0.95f, 1.05f);
    vec3 h = sub(q, v3(-2.1f, 5.2f, 0.0f));
    float ring = length2(v2(length2(v2(h.x, h.y * 0.8f)) - 1.6f, h.z)) - 0.27f;
    return smooth_min(smooth_cut(outside, hole, 0.1f), maxf(ring, h.x - 0.9f), 0.25f);
}

static float pear(vec3 p) {
    vec3 q = turn_z(sub(p, v3(1.0f, 1.45f, 1.4f)), -0.16f);
    return smooth_min(sd_sphere(q, v3(0, 0, 0), 1.5f), sd_sphere(q, v3(0, 1.75f, 0), 0.78f), 1.3f);
}

static float apple(vec3 p, vec3 centre, float size) {
    vec3 q = mul(sub(p, centre), 1.0f / size);
    return size * (length2(v2(sqrtf(q.x * q.x + q.z * q.z) - 0.52f, q.y * (1.0f - 0.06f * q.y))) - 0.86f);
}

static float grapes(vec3 p) {
    float best = 1e9f;
    if (length(sub(p, v3(-0.4f, 0.6f, 4.4f))) > 4.5f) return length(sub(p, v3(-0.4f, 0.6f, 4.4f))) - 3.6f;
    for (int i = 0; i < 15; i++) {
        float row = (float)(i % 5), high = (float)(i / 5);
        vec3 at = v3(
            -2.4f + row * 0.98f + 0.45f * high + 0.25f * hash2(i, 1, 3u), 0.55f + 0.62f * (high > 1.0f ? 1.0f : 0.0f),
            4.0f + 0.9f * (high > 0.0f ? 1.0f : 0.0f) - 0.45f * (high > 1.0f ? 1.0f : 0.0f) + 0.3f * hash2(i, 2, 3u));
        best = minf(best, sd_sphere(p, at, 0.58f));
    }
    return best;
}

static float stems(vec3 p) {
    float of_pear = sd_cone(p, v3(1.45f, 3.85f, 1.4f), v3(1.95f, 4.95f, 1.3f), 0.08f, 0.12f);
    float of_apple = sd_cone(p, v3(4.3f, 2.1f, 0.3f), v3(4.55f, 3.15f, 0.4f), 0.07f, 0.11f);
    float of_grapes = sd_cone(p, v3(2.0f, 0.75f, 4.7f), v3(3.4f, 0.9f, 4.5f), 0.09f, 0.12f);
    return minf(minf(of_pear, of_apple), of_grapes);
}

static float cloth(vec3 p) {
    float folds = 0.22f * sinf(p.x * 0.8f + 0.5f * p.z + 1.5f * noise2(p.x * 0.2f, p.z * 0.2f, 5u)) *
                  smoothstep(3.0f, 7.5f, p.z);
    float hanging = maxf(p.y - folds * 0.6f,
                         p.z - 7.6f - 0.7f * folds - 0.5f * sinf(p.x * 1.15f + 1.0f) * smoothstep(0.0f, -3.0f, p.y));
    return 0.8f * hanging;
}

static float scene(vec3 p, int *thing) {
    float all[THINGS] = {[WALL] = p.z + 7.0f,
                         [TABLE] = cloth(p),
                         [JUG] = revolved_jug(p),
                         [PEAR] = pear(p),
                         [APPLE] = apple(p, v3(4.3f, 1.25f, 0.3f), 1.25f),
                         [OTHER_APPLE] = apple(p, v3(5.2f, 1.12f, 3.2f), 1.15f),
                         [GRAPES] = grapes(p),
                         [STEMS] = stems(p)};
    *thing = WALL;
    for (int i = 1; i < THINGS; i++) *thing = all[i] < all[*thing] ? i : *thing;
    return all[*thing];
}

static vec3 scene_normal(vec3 p) {
    int unused;
    const float e = 0.01f;
    float d = scene(p, &unused);
    return normalize(v3(scene(v3(p.x + e, p.y, p.z), &unused) - d, scene(v3(p.x, p.y + e, p.z), &unused) - d,
                        scene(v3(p.x, p.y, p.z + e), &unused) - d));
}

static float lit_from(vec3 p, vec3 l) {
    int unused;
    float lit = 1.0f;
    for (float t = 0.15f; t < 18.0f && lit > 0.02f;) {
        float d = scene(along(p, l, t), &unused);
        lit = minf(lit, 0.5f + 5.0f * d / t);
        t += clampf(d, 0.08f, 1.2f);
    }
    return saturate(lit);
}

static float openness(vec3 p, vec3 n) {
    int unused;
    float hidden = 0.0f;
    for (int i = 1; i <= 4; i++)
        hidden += maxf(0.3f * (float)i - scene(along(p, n, 0.3f * (float)i), &unused), 0.0f) / (0.3f * (float)i) * 0.3f;
    return saturate(1.0f - hidden);
}

/* ---- what the draughtsman sees ---- */

typedef struct view {
    layer dark;               /* 0 white … 1 black */
    layer around_x, around_y; /* unit direction around the form, on the sheet */
    layer thing, distance;
} view;

typedef struct camera {
    vec3 right, up, forward;
} camera;

static camera camera_make(void) {
    camera c = {.forward = normalize(sub(look_at, eye_at))};
    c.right = normalize(cross(c.forward, v3(0, 1, 0)));
    c.up = cross(c.right, c.forward);
    return c;
}

static float darkness(vec3 p, vec3 n, vec3 ray, int thing) {
    static const float own[THINGS] = {0.62f, 0.84f, 0.62f, 0.74f, 0.48f, 0.56f, 0.34f, 0.25f};
    vec3 l = normalize(v3(-0.72f, 0.55f, 0.5f)), half = normalize(sub(l, ray));
    float lit = lit_from(along(p, n, 0.03f), l) * maxf(dot(n, l), 0.0f),
          sky = openness(p, n) * (0.55f + 0.25f * n.y + 0.2f * n.x);
    float shine = thing == JUG || thing == GRAPES || thing >= APPLE ? powf(maxf(dot(n, half), 0.0f), 50.0f) * lit
                                                                    : 0.0f;
    float light = own[thing] * (0.95f * lit + 0.32f * sky) + 0.8f * shine;
    if (thing == WALL)
        light = 0.3f + 0.5f * smoothstep(8.0f, -8.0f, p.x - 0.5f * p.y + 4.0f) -
                0.2f * (1.0f - lit_from(along(p, n, 0.03f), l));
    return saturate(1.0f - powf(maxf(light, 0.0f), 0.85f));
}

static void see_pixel(view *v, const camera *c, size_t i, vec2 at) {
    vec3 ray = normalize(
        add(c->forward, add(mul(c->right, (at.x - 320.0f) / 900.0f), mul(c->up, (256.0f - at.y) / 900.0f))));
    float t = 10.0f;
    int thing = WALL;
    for (int k = 0; k < 120; k++) {
        float d = scene(along(eye_at, ray, t), &thing);
        if (d < 0.004f || t > 60.0f) break;
        t += 0.85f * d;
    }
    vec3 p = along(eye_at, ray, t), n = scene_normal(p), round = cross(n, v3(0.0f, 1.0f, 0.0f));
    vec2 way = v2(dot(round, c->right), -dot(round, c->up));
    if (thing == WALL || length2(way) < 0.05f) way = v2(0.8f, -0.6f);
    if (thing == TABLE) way = p.z > 7.0f ? v2(0.12f, 1.0f) : v2(1.0f, -0.07f);
    way = normal2(way);
    v->dark.v[i] = darkness(p, n, ray, thing);
    v->around_x.v[i] = way.x, v->around_y.v[i] = way.y;
    v->thing.v[i] = (float)thing, v->distance.v[i] = t;
}

static void view_init(view *v, const picture *out) {
    layer *all[] = {&v->dark, &v->around_x, &v->around_y, &v->thing, &v->distance};
    camera c = camera_make();
    for (int i = 0; i < 5; i++) layer_init(all[i], out, 0.0f);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++)
            see_pixel(v, &c, (size_t)y * (size_t)out->width + (size_t)x, unit_at(out->scale, x, y));
}

static void view_deinit(view *v) {
    layer *all[] = {&v->dark, &v->around_x, &v->around_y, &v->thing, &v->distance};
    for (int i = 0; i < 5; i++) layer_deinit(all[i]);
}

/* Index of the pixel at a point, or −1 outside the sheet. */
static long pixel_at(const layer *l, vec2 p) {
    float x = p.x * l->scale, y = p.y * l->scale;
    return x < 0.0f || y < 0.0f || x >= (float)l->width || y >= (float)l->height ? -1 : (long)y * l->width + (long)x;
}

/* ---- graphite ---- */

/* The tooth of the paper, 0 … 1: graphite stays on what is high. */
static float tooth(vec2 p) {
    return saturate(0.5f + 0.34f * noise2(p.x * 0.62f, p.y * 0.62f, 31u) +
                    0.26f * noise2(p.x * 1.15f, p.y * 1.15f, 32u) + 0.14f * noise2(p.x * 0.2f, p.y * 0.2f, 33u));
}

typedef struct pencil {
    layer graphite, tooth;
} pencil;

/* A short straight piece of a line with the given pressure at its ends. */
static void rub(pencil *pen, vec2 a, vec2 b, float width, float pressure_a, float pressure_b) {
    float scale = pen->graphite.scale, reach = 0.5f * width + 0.6f / scale;
    vec2 way = sub2(b, a);
    float squared = maxf(dot2(way, way), 1e-6f);
    int x0 = (int)floorf((minf(a.x, b.x) - reach) * scale), x1 = (int)ceilf((maxf(a.x, b.x) + reach) * scale);
    int y0 = (int)floorf((minf(a.y, b.y) - reach) * scale), y1 = (int)ceilf((maxf(a.y, b.y) + reach) * scale);
    for (int y = y0 < 0 ? 0 : y0; y <= y1 && y < pen->graphite.height; y++)
        for (int x = x0 < 0 ? 0 : x0; x <= x1 && x < pen->graphite.width; x++) {
            vec2 from = sub2(unit_at(scale, x, y), a);
            float t = dot2(from, way) / squared;
            if (t < 0.0f || t >= 1.0f) continue;
            size_t i = (size_t)y * (size_t)pen->graphite.width + (size_t)x;
            float press = mixf(pressure_a, pressure_b, t),
                  cover = saturate((reach - length2(sub2(from, mul2(way, t)))) * scale);
            float kept = smoothstep(0.9f - press - 0.5f, 0.9f - press + 0.3f, pen->tooth.v[i]);
            pen->graphite.v[i] += cover * kept * (0.25f + 0.75f * press) * (1.0f - 0.4f * saturate(pen->graphite.v[i]));
        }
}

/* ---- hatching ---- */

typedef struct hatch {
    float from; /* drawn where the darkness is above this */
    float turn; /* radians against the way around the form */
    float gap, length, width, pressure;
    uint32_t seed;
} hatch;

/* Draws one line both ways from its start for as long as thing and darkness allow. */
static void hatch_line(pencil *pen, const view *v, const hatch *h, vec2 start, float way, random_stream *r) {
    const float step = 4.0f;
    float length = h->length * random_between(r, 0.6f, 1.3f), curve = 0.012f * random_normal(r),
          thing = v->thing.v[pixel_at(&v->thing, start)];
    float last = 0.0f;
    vec2 p = start;
    for (float done = 0.0f; done < length; done += step) {
        long i = pixel_at(&v->dark, p);
        if (i < 0 || v->thing.v[i] != thing || v->dark.v[i] < h->from - 0.03f) return;
        vec2 d = turn2(v2(v->around_x.v[i], v->around_y.v[i]), h->turn + curve * done);
        vec2 next = add2(p, mul2(d, way * step));
        float press = h->pressure * (0.45f + 0.75f * smoothstep(h->from, h->from + 0.45f, v->dark.v[i])) *
                      smoothstep(length, 0.55f * length, done);
        rub(pen, p, next, h->width, done > 0.0f ? last : press, press);
        last = press;
        p = next;
    }
}

static void hatch_all(pencil *pen, const view *v, const hatch *h) {
    random_stream r = {h->seed};
    int count = (int)(640.0f * 512.0f / (h->gap * h->length));
    for (int i = 0; i < count; i++) {
        vec2 start = v2(random_between(&r, 0.0f, 640.0f), random_between(&r, 0.0f, 512.0f));
        long at = pixel_at(&v->dark, start);
        if (at < 0 || v->dark.v[at] < h->from) continue;
        hatch_line(pen, v, h, start, 1.0f, &r);
        hatch_line(pen, v, h, start, -1.0f, &r);
    }
}

/* ---- contours ---- */

/* How strongly an outline passes through a pixel, and across which way. */
static float outline(const view *v, int x, int y, vec2 *across) {
    if (x < 1 || y < 1 || x + 1 >= v->thing.width || y + 1 >= v->thing.height) return 0.0f;
    size_t w = (size_t)v->thing.width, i = (size_t)y * w + (size_t)x;
    vec2 jump = v2(v->distance.v[i + 1] - v->distance.v[i - 1], v->distance.v[i + w] - v->distance.v[i - w]);
    int other = v->thing.v[i + 1] != v->thing.v[i - 1] || v->thing.v[i + w] != v->thing.v[i - w];
    *across = normal2(jump);
    return other || length2(jump) * v->thing.scale > 0.9f ? 1.0f : 0.0f;
}

static void draw_outlines(pencil *pen, const view *v) {
    random_stream r = {71u};
    for (int y = 0; y < v->thing.height; y++)
        for (int x = 0; x < v->thing.width; x++) {
            vec2 across, p = unit_at(v->thing.scale, x, y);
            float chance = random_unit(&r), shift = 0.7f * random_normal(&r), half = random_between(&r, 3.0f, 9.0f);
            if (outline(v, x, y, &across) == 0.0f || chance > 0.3f / v->thing.scale) continue;
            vec2 way = v2(-across.y, across.x), middle = add2(p, mul2(across, shift));
            float press = 0.52f + 0.4f * layer_at(&v->dark, add2(p, v2(2.0f, 2.0f)));
            rub(pen, sub2(middle, mul2(way, half)), middle, 1.25f, 0.2f * press, press);
            rub(pen, middle, add2(middle, mul2(way, half)), 1.25f, press, 0.1f * press);
        }
}

/* Faint lines of the first lay-out: axes and ellipses that were never rubbed out. */
static void draw_construction(pencil *pen) {
    static const float lines[][4] = {
        {208, 70, 207, 400}, {110, 396, 560, 390}, {362, 210, 358, 380}, {120, 150, 300, 152}, {60, 300, 600, 292}};
    for (int i = 0; i < 5; i++) rub(pen, v2(lines[i][0], lines[i][1]), v2(lines[i][2], lines[i][3]), 0.9f, 0.2f, 0.28f);
    for (int i = 0; i < 60; i++) {
        float a = 0.12f * (float)i, b = a + 0.12f;
        rub(pen, v2(207.0f + 101.0f * cosf(a), 292.0f + 20.0f * sinf(a)),
            v2(207.0f + 101.0f * cosf(b), 292.0f + 20.0f * sinf(b)), 0.9f, 0.22f, 0.22f);
    }
}

/* ---- the sheet ---- */

static void smudge(pencil *pen, const view *v) {
    layer soft;
    picture like = {.width = v->dark.width, .height = v->dark.height, .scale = v->dark.scale};
    layer_init(&soft, &like, 0.0f);
    for (size_t i = 0; i < (size_t)soft.width * (size_t)soft.height; i++) soft.v[i] = square(v->dark.v[i]);
    layer_blur(&soft, 2.5f);
    for (size_t i = 0; i < (size_t)soft.width * (size_t)soft.height; i++)
        pen->graphite.v[i] += 0.3f * soft.v[i] * (0.55f + 0.6f * pen->tooth.v[i]);
    layer_deinit(&soft);
}

/* The drawing fades out towards the margins, as hatching does. */
static void leave_margins(view *v) {
    for (int y = 0; y < v->dark.height; y++)
        for (int x = 0; x < v->dark.width; x++) {
            vec2 p = unit_at(v->dark.scale, x, y);
            float inside = minf(minf(p.x - 10.0f, 630.0f - p.x), minf(p.y - 10.0f, 502.0f - p.y)) +
                           22.0f * fbm2(p.x * 0.02f, p.y * 0.02f, 3, 35u);
            v->dark.v[y * v->dark.width + x] *= smoothstep(0.0f, 34.0f, inside);
        }
}

static void print_sheet(const pencil *pen, picture *out) {
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            size_t i = (size_t)y * (size_t)out->width + (size_t)x;
            vec2 p = unit_at(out->scale, x, y);
            vec3 paper = mul(hex(0xf4efe4), 1.0f + 0.035f * (pen->tooth.v[i] - 0.5f) +
                                                0.02f * fbm2(p.x * 0.008f, p.y * 0.008f, 3, 36u));
            out->rgb[i] = saturate3(mix3(paper, hex(0x26262b), 1.0f - expf(-1.15f * pen->graphite.v[i])));
        }
}

void paint_pencil(picture *out) {
    static const hatch layers[] = {
        {0.16f, 0.0f, 4.4f, 38.0f, 1.1f, 0.42f, 41u}, {0.32f, 0.12f, 3.8f, 34.0f, 1.1f, 0.46f, 42u},
        {0.44f, 0.95f, 3.8f, 30.0f, 1.1f, 0.5f, 43u}, {0.56f, -0.75f, 3.4f, 26.0f, 1.2f, 0.56f, 44u},
        {0.68f, 1.5f, 3.0f, 22.0f, 1.3f, 0.66f, 45u}, {0.8f, 0.4f, 2.4f, 18.0f, 1.5f, 0.8f, 46u}};
    view v;
    pencil pen;
    view_init(&v, out);
    leave_margins(&v);
    layer_init(&pen.graphite, out, 0.0f);
    layer_init(&pen.tooth, out, 0.0f);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) pen.tooth.v[y * out->width + x] = tooth(unit_at(out->scale, x, y));
    draw_construction(&pen);
    smudge(&pen, &v);
    for (int i = 0; i < 6; i++) hatch_all(&pen, &v, &layers[i]);
    draw_outlines(&pen, &v);
    print_sheet(&pen, out);
    layer_deinit(&pen.graphite);
    layer_deinit(&pen.tooth);
    view_deinit(&v);
}
