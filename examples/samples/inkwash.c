/* SPDX-License-Identifier: MIT
 * inkwash.c: ink on paper in the Chinese manner: mountains in mist from graded washes with wet edges, dry-brush texture,
 * bamboo, pines, a boat, a seal with the name of the project. Inks are layers of density; paper shines through them. */
#include "brush.h"
#include "samples.h"

#include <stdlib.h>

typedef struct sheet {
    layer ink, indigo, ochre, red;
    layer grain; /* the tooth of the paper, −1 … 1: where dry ink catches */
} sheet;

/* ---- paper ---- */

static float grain_at(vec2 p) {
    float fibres = 0.5f * noise2(p.x * 0.9f, p.y * 0.25f, 1u) + 0.5f * noise2(p.x * 0.22f, p.y * 0.8f, 2u);
    return 0.6f * fibres + 0.5f * noise2(p.x * 0.7f, p.y * 0.7f, 3u) + 0.25f * fbm2(p.x * 0.05f, p.y * 0.05f, 3, 4u);
}

static void sheet_init(sheet *s, const picture *out) {
    layer *layers[] = {&s->ink, &s->indigo, &s->ochre, &s->red, &s->grain};
    for (int i = 0; i < 5; i++) layer_init(layers[i], out, 0.0f);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) s->grain.v[y * out->width + x] = grain_at(unit_at(out->scale, x, y));
}

static void sheet_deinit(sheet *s) {
    layer *layers[] = {&s->ink, &s->indigo, &s->ochre, &s->red, &s->grain};
    for (int i = 0; i < 5; i++) layer_deinit(layers[i]);
}

/* What each ink takes from the light: density per channel. */
static void print_sheet(const sheet *s, picture *out) {
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            size_t i = (size_t)y * (size_t)out->width + (size_t)x;
            vec2 p = unit_at(out->scale, x, y);
            vec3 paper = mul(hex(0xf1e7d0),
                             1.0f + 0.022f * s->grain.v[i] + 0.03f * fbm2(p.x * 0.006f, p.y * 0.006f, 3, 9u));
            float k = s->ink.v[i], b = s->indigo.v[i], o = s->ochre.v[i], r = s->red.v[i];
            out->rgb[i] = saturate3(times(paper, v3(expf(-1.02f * k - 1.3f * b - 0.25f * o - 0.22f * r),
                                                    expf(-1.0f * k - 0.75f * b - 0.6f * o - 1.9f * r),
                                                    expf(-0.94f * k - 0.35f * b - 1.2f * o - 1.7f * r))));
        }
}

/* ---- mountains ---- */

typedef struct peak {
    float x, height, width;
} peak;
typedef struct range {
    peak peaks[6];
    float base, ink, blue, ochre, fade, rough; /* fade: units until the wash is lost in mist */
} range;

static const range ranges[] = {
    {{{110, 160, 80}, {200, 110, 60}, {455, 120, 100}, {600, 180, 80}}, 310, 0.28f, 0.22f, 0.0f, 80, 6},
    {{{300, 265, 62}, {355, 200, 48}, {252, 150, 46}, {404, 90, 40}, {215, 70, 40}}, 385, 0.8f, 0.34f, 0.02f, 105, 11},
    {{{552, 320, 56}, {610, 250, 62}, {500, 175, 38}, {462, 80, 40}, {640, 200, 60}}, 462, 1.5f, 0.2f, 0.12f, 120, 13},
    {{{0, 175, 60}, {66, 110, 60}, {140, 60, 50}, {650, 130, 70}, {575, 62, 60}}, 530, 2.3f, 0.08f, 0.32f, 95, 14},
};
enum { RANGE_COUNT = sizeof ranges / sizeof ranges[0] };

static float ridge(const range *r, float x, uint32_t seed) {
    float height = 0.0f;
    for (int i = 0; i < 6 && r->peaks[i].width > 0.0f; i++) {
        float t = fabsf(x - r->peaks[i].x) / r->peaks[i].width;
        height = maxf(height, r->peaks[i].height * expf(-1.1f * t * t) * (1.0f - 0.16f * minf(t, 2.0f)));
    }
    float crags = fbm2(x * 0.035f, 0.5f, 5, seed) * r->rough * 2.4f +
                  r->rough * 0.6f * fabsf(noise2(x * 0.09f, 1.5f, seed + 9u));
    return r->base - height - crags * smoothstep(0.0f, 60.0f, height + 20.0f);
}

/* Strokes of the side of the brush down the rock: dark where stretched noise is high. */
static float texture_strokes(vec2 p, float below, float slope, uint32_t seed) {
    float u = p.x + 0.55f * below * clampf(-slope, -1.0f, 1.0f) + 7.0f * fbm2(p.x * 0.03f, p.y * 0.03f, 2, seed + 8u);
    float coarse = fbm2(u * 0.075f, below * 0.028f, 4, seed), fine = noise2(u * 0.33f, below * 0.045f, seed + 5u);
    return smoothstep(0.02f, 0.5f, coarse + 0.3f * fine);
}

typedef struct rock {
    float inside, ink, blue, ochre;
} rock;

static rock rock_at(const range *r, vec2 p, float grain, uint32_t seed) {
    vec2 bled = v2(p.x + 2.6f * fbm2(p.x * 0.12f, p.y * 0.12f, 3, seed + 30u),
                   p.y + 3.0f * fbm2(p.x * 0.1f, p.y * 0.1f, 3, seed + 31u));
    float top = ridge(r, bled.x, seed), slope = (ridge(r, bled.x + 3.0f, seed) - ridge(r, bled.x - 3.0f, seed)) / 6.0f;
    float below = bled.y - top, inward = below / sqrtf(1.0f + slope * slope);
    if (below < -4.0f) return (rock){0, 0, 0, 0};
    float inside = smoothstep(-1.2f, 1.4f, inward);
    float mist = expf(-maxf(below, 0.0f) / r->fade) * (1.0f + 0.35f * fbm2(p.x * 0.012f, p.y * 0.02f, 4, seed + 40u));
    float present = smoothstep(4.0f, 60.0f, r->base - top);
    mist *= present;
    float lit = 0.62f + 0.38f * smoothstep(-1.2f, 1.2f, slope);
    float edge = bump(inward - 1.0f, 1.5f) * (0.45f + 0.55f * noise2(p.x * 0.05f, p.y * 0.05f, seed + 50u));
    float strokes = texture_strokes(p, below, slope, seed + 60u) * smoothstep(0.0f, 6.0f, inward);
    float dry = smoothstep(-0.35f, 0.25f, grain + 0.25f);
    float blot = smoothstep(0.1f, 0.6f, fbm2(p.x * 0.05f + 3.0f, p.y * 0.05f, 4, seed + 70u));
    float ink = mist * (0.28f * lit + 0.8f * edge + 0.85f * strokes * dry * lit + 0.45f * blot * lit);
    return (rock){inside * present, r->ink * ink * inside, r->blue * mist * (0.6f + 0.4f * lit) * inside,
                  r->ochre * mist * inside * (0.5f + strokes)};
}

static void paint_mountains(sheet *s) {
    for (int y = 0; y < s->ink.height; y++)
        for (int x = 0; x < s->ink.width; x++) {
            size_t i = (size_t)y * (size_t)s->ink.width + (size_t)x;
            vec2 p = unit_at(s->ink.scale, x, y);
            for (int k = 0; k < RANGE_COUNT; k++) {
                rock r = rock_at(&ranges[k], p, s->grain.v[i], 100u * (uint32_t)(k + 1));
                float keep = 1.0f - 0.9f * r.inside;
                s->ink.v[i] = s->ink.v[i] * keep + r.ink;
                s->indigo.v[i] = s->indigo.v[i] * keep + r.blue;
                s->ochre.v[i] = s->ochre.v[i] * keep + r.ochre;
            }
        }
}

/* ---- the brush: width and ink change along the stroke ---- */

typedef struct ink_stroke {
    stroke path;
    float start, middle, end; /* width there, as a part of the path's width */
    float density, dryness;   /* dryness 0 … 1: how much the grain of the paper shows */
} ink_stroke;

static float ink_left(const ink_stroke *s, vec2 place, float length, float grain) {
    float t = place.x / length;
    float profile = t < 0.5f ? mixf(s->start, s->middle, smoothstep(0.0f, 0.5f, t))
                             : mixf(s->middle, s->end, smoothstep(0.5f, 1.0f, t));
    float across = fabsf(place.y) / maxf(profile, 0.05f);
    float hair = noise2(place.y * s->path.width * 0.5f, place.x * 0.03f, s->path.seed);
    float body = smoothstep(1.08f, 0.86f, across + 0.06f * hair);
    float pooled = 0.8f + 0.35f * bump(across - 0.85f, 0.14f);
    float caught = smoothstep(s->dryness * (0.4f + t) - 0.55f, s->dryness * (0.4f + t) - 0.25f,
                              0.6f * hair + 0.6f * grain + 0.35f - 0.4f * s->dryness);
    return s->density * body * pooled * caught;
}

static void brush_ink(layer *to, const layer *grain, const ink_stroke *s) {
    pixel_box box = stroke_box(&s->path, to->scale, to->width, to->height);
    float length = stroke_length(&s->path);
    for (int y = box.y0; y < box.y1; y++)
        for (int x = box.x0; x < box.x1; x++) {
            size_t i = (size_t)y * (size_t)to->width + (size_t)x;
            vec2 place = stroke_place(&s->path, unit_at(to->scale, x, y));
            if (fabsf(place.y) > 1.15f) continue;
            float ink = ink_left(s, place, length, grain->v[i]);
            to->v[i] = maxf(to->v[i], ink) + 0.25f * minf(to->v[i], ink);
        }
}

/* A stroke from a through a bent middle to b. */
static ink_stroke arc(vec2 a, vec2 b, float bend, float width, float density, uint32_t seed) {
    ink_stroke s = {.path = {.count = STROKE_POINTS, .width = width, .seed = seed},
                    .start = 1.0f,
                    .middle = 1.0f,
                    .end = 1.0f,
                    .density = density};
    vec2 way = sub2(b, a), side = v2(-way.y, way.x);
    for (int i = 0; i < STROKE_POINTS; i++) {
        float t = (float)i / (STROKE_POINTS - 1);
        s.path.point[i] = add2(a, add2(mul2(way, t), mul2(side, bend * 4.0f * t * (1.0f - t))));
    }
    return s;
}

/* ---- bamboo ---- */

static void paint_leaf(sheet *s, vec2 at, float angle, float length, float density, random_stream *r) {
    vec2 tip = add2(at, mul2(v2(cosf(angle), sinf(angle)), length));
    ink_stroke leaf = arc(at, tip, random_between(r, -0.09f, 0.09f), length * 0.17f, density, hash_int(r->state));
    leaf.start = 0.25f, leaf.middle = 1.0f, leaf.end = 0.02f, leaf.dryness = random_between(r, 0.0f, 0.6f);
    brush_ink(&s->ink, &s->grain, &leaf);
}

static void paint_spray(sheet *s, vec2 at, float angle, float density, random_stream *r) {
    vec2 end = add2(at, mul2(v2(cosf(angle), sinf(angle)), random_between(r, 26.0f, 46.0f)));
    ink_stroke twig = arc(at, end, 0.06f, 2.2f, density, hash_int(r->state));
    brush_ink(&s->ink, &s->grain, &twig);
    int leaves = 4 + (int)(4.0f * random_unit(r));
    for (int i = 0; i < leaves; i++) {
        vec2 from = add2(at, mul2(sub2(end, at), random_between(r, 0.45f, 1.0f)));
        paint_leaf(s, from, 1.25f + 0.9f * cosf(angle) * random_unit(r) + 0.55f * random_normal(r),
                   random_between(r, 34.0f, 66.0f), density, r);
    }
}

static void paint_stalk(sheet *s, vec2 root, vec2 top, float width, float density, random_stream *r) {
    vec2 way = sub2(top, root);
    int joints = 7;
    for (int i = 0; i < joints; i++) {
        float t0 = ((float)i + 0.03f) / (float)joints, t1 = ((float)i + 0.97f) / (float)joints, bow = 10.0f;
        vec2 a = add2(root, mul2(way, t0)), b = add2(root, mul2(way, t1));
        a.x += bow * sinf(t0 * PI), b.x += bow * sinf(t1 * PI);
        ink_stroke part = arc(a, b, 0.0f, width * (1.1f - 0.3f * t0), density, hash_int(r->state + (uint32_t)i));
        part.start = 1.0f, part.middle = 0.82f, part.end = 1.0f, part.dryness = random_between(r, 0.45f, 0.85f);
        brush_ink(&s->ink, &s->grain, &part);
        vec2 joint = v2(b.x, b.y + 0.03f * way.y / (float)joints);
        ink_stroke knot = arc(v2(joint.x - width * 0.55f, joint.y), v2(joint.x + width * 0.55f, joint.y), -0.12f, 3.0f,
                              minf(density * 1.5f, 2.6f), 70u + (uint32_t)i);
        brush_ink(&s->ink, &s->grain, &knot);
        if (i > 1)
            paint_spray(s, b, random_unit(r) < 0.5f ? random_between(r, -0.9f, 0.2f) : random_between(r, 2.9f, 4.0f),
                        density * random_between(r, 0.8f, 1.5f), r);
    }
}

static void paint_bamboo(sheet *s) {
    random_stream r = {31u};
    paint_stalk(s, v2(122.0f, 540.0f), v2(96.0f, 40.0f), 8.0f, 0.55f, &r);
    paint_stalk(s, v2(40.0f, 560.0f), v2(62.0f, -60.0f), 14.0f, 1.25f, &r);
    paint_stalk(s, v2(76.0f, 560.0f), v2(14.0f, -20.0f), 10.0f, 1.7f, &r);
}

/* ---- pines, boat, birds, water ---- */

static void paint_pine(sheet *s, vec2 foot, float height, random_stream *r) {
    float lean = random_between(r, -0.3f, 0.3f);
    ink_stroke trunk = arc(foot, v2(foot.x + lean * height, foot.y - height), random_between(r, -0.1f, 0.1f),
                           height * 0.075f, 1.5f, hash_int(r->state));
    trunk.end = 0.35f, trunk.dryness = 0.4f;
    brush_ink(&s->ink, &s->grain, &trunk);
    for (int i = 0; i < 9; i++) {
        float t = 0.42f + 0.58f * (float)i / 8.0f, reach = height * (0.62f - 0.42f * t) * random_between(r, 0.6f, 1.2f);
        vec2 at = v2(foot.x + lean * height * t + random_between(r, -0.5f, 0.5f) * reach, foot.y - height * t);
        ink_stroke pad = arc(v2(at.x - reach * 0.7f, at.y + 1.0f), v2(at.x + reach * 0.7f, at.y + 1.0f), -0.08f,
                             height * 0.1f, random_between(r, 1.0f, 2.0f), hash_int(r->state + 1u));
        pad.start = 0.2f, pad.end = 0.2f, pad.dryness = random_between(r, 0.3f, 0.8f);
        brush_ink(&s->ink, &s->grain, &pad);
    }
}

static void paint_pines(sheet *s) {
    random_stream r = {47u};
    static const float on_third[] = {512, 530, 575, 590, 478, 618}, on_last[] = {606, 622, 584, 636, 560};
    for (int i = 0; i < 6; i++)
        paint_pine(s, v2(on_third[i], ridge(&ranges[2], on_third[i], 300u) + 3.0f), random_between(&r, 17.0f, 28.0f),
                   &r);
    for (int i = 0; i < 5; i++)
        paint_pine(s, v2(on_last[i], ridge(&ranges[3], on_last[i], 400u) + 4.0f), random_between(&r, 38.0f, 68.0f), &r);
}

static void paint_boat(sheet *s, vec2 at) {
    ink_stroke hull = arc(v2(at.x - 34.0f, at.y - 3.0f), v2(at.x + 34.0f, at.y - 4.0f), 0.1f, 6.5f, 1.7f, 61u);
    hull.start = 0.15f, hull.end = 0.15f;
    ink_stroke body = arc(v2(at.x + 6.0f, at.y), v2(at.x + 9.0f, at.y - 17.0f), 0.04f, 10.0f, 1.1f, 62u);
    body.end = 0.5f;
    ink_stroke hat = arc(v2(at.x + 0.0f, at.y - 17.0f), v2(at.x + 19.0f, at.y - 17.0f), -0.2f, 5.0f, 1.9f, 63u);
    hat.start = 0.1f, hat.end = 0.1f;
    ink_stroke rod = arc(v2(at.x + 8.0f, at.y - 9.0f), v2(at.x - 46.0f, at.y - 30.0f), 0.05f, 1.5f, 1.4f, 64u);
    ink_stroke shade = arc(v2(at.x - 26.0f, at.y + 8.0f), v2(at.x + 27.0f, at.y + 8.0f), 0.02f, 6.0f, 0.45f, 65u);
    shade.dryness = 0.7f, shade.start = 0.2f, shade.end = 0.2f;
    const ink_stroke *all[] = {&shade, &hull, &body, &hat, &rod};
    for (int i = 0; i < 5; i++) brush_ink(&s->ink, &s->grain, all[i]);
}

static void paint_water(sheet *s) {
    random_stream r = {53u};
    for (int i = 0; i < 46; i++) {
        float y = random_between(&r, 418.0f, 506.0f), x = random_between(&r, 150.0f, 620.0f),
              half = random_between(&r, 12.0f, 60.0f);
        ink_stroke ripple = arc(v2(x - half, y), v2(x + half, y + random_between(&r, -2.0f, 2.0f)), 0.015f,
                                random_between(&r, 1.5f, 5.0f), random_between(&r, 0.06f, 0.3f), hash_int(r.state));
        ripple.start = 0.2f, ripple.end = 0.1f, ripple.dryness = 0.8f;
        brush_ink(&s->ink, &s->grain, &ripple);
    }
}

static void paint_birds(sheet *s) {
    static const vec2 birds[] = {{395, 92}, {418, 80}, {436, 96}, {462, 74}, {446, 62}};
    for (int i = 0; i < 5; i++) {
        float span = 8.0f - (float)i * 0.6f;
        ink_stroke left = arc(v2(birds[i].x - span, birds[i].y - 2.0f), birds[i], -0.22f, 1.9f, 1.3f, 80u),
                   right = arc(birds[i], v2(birds[i].x + span, birds[i].y - 3.5f), -0.2f, 1.9f, 1.3f, 81u);
        left.start = right.end = 0.2f;
        brush_ink(&s->ink, &s->grain, &left);
        brush_ink(&s->ink, &s->grain, &right);
    }
}

/* ---- sun and seal ---- */

static void paint_sun(sheet *s) {
    for (int y = 0; y < s->red.height; y++)
        for (int x = 0; x < s->red.width; x++) {
            vec2 p = unit_at(s->red.scale, x, y);
            float r = length2(sub2(p, v2(452.0f, 108.0f))) + 1.5f * fbm2(p.x * 0.1f, p.y * 0.1f, 3, 90u);
            float wash = 0.3f + 0.1f * fbm2(p.x * 0.04f, p.y * 0.04f, 3, 91u) + 0.12f * bump(r - 24.0f, 2.0f);
            s->red.v[y * s->red.width + x] += wash * smoothstep(26.5f, 24.5f, r) + 0.07f * expf(-square(r / 60.0f));
        }
}

/* The lines of 丹 and 青 in a unit square. */
static const float dan[][4] = {{.3f, .1f, .3f, .6f},    {.3f, .6f, .14f, .95f},  {.3f, .1f, .74f, .1f},
                               {.74f, .1f, .74f, .93f}, {.74f, .93f, .6f, .88f}, {.46f, .25f, .56f, .4f},
                               {.06f, .54f, .94f, .54f}};
static const float qing[][4] = {{.18f, .1f, .82f, .1f}, {.25f, .24f, .75f, .24f}, {.06f, .38f, .94f, .38f},
                                {.5f, 0, .5f, .38f},    {.27f, .52f, .27f, 1},    {.27f, .52f, .73f, .52f},
                                {.73f, .52f, .73f, 1},  {.27f, .68f, .73f, .68f}, {.27f, .83f, .73f, .83f}};

static float lines_distance(const float (*lines)[4], int count, vec2 p) {
    float best = 1e9f;
    for (int i = 0; i < count; i++) {
        vec2 a = v2(lines[i][0], lines[i][1]), side = sub2(v2(lines[i][2], lines[i][3]), a), from = sub2(p, a);
        best = minf(best, length2(sub2(from, mul2(side, saturate(dot2(from, side) / dot2(side, side))))));
    }
    return best;
}

static void paint_seal(sheet *s, vec2 corner, float size) {
    for (int y = 0; y < s->red.height; y++)
        for (int x = 0; x < s->red.width; x++) {
            size_t i = (size_t)y * (size_t)s->red.width + (size_t)x;
            vec2 p = mul2(sub2(unit_at(s->red.scale, x, y), corner), 1.0f / size);
            if (p.x < -0.2f || p.x > 1.2f || p.y < -0.2f || p.y > 2.2f) continue;
            float worn = 0.035f * noise2(p.x * 9.0f, p.y * 9.0f, 95u);
            float rim = minf(minf(p.x, 1.0f - p.x), minf(p.y, 2.0f - p.y)) + worn;
            vec2 inner = v2((p.x - 0.5f) / 0.76f + 0.5f, (fractf(p.y) - 0.5f) / 0.76f + 0.5f);
            float line = p.y < 1.0f ? lines_distance(dan, 7, inner) : lines_distance(qing, 9, inner);
            float carved = smoothstep(0.045f, 0.085f, line + worn);
            s->red.v[i] += 1.05f * smoothstep(-0.01f, 0.03f, rim) * carved * (0.85f + 0.3f * s->grain.v[i]);
        }
}

void paint_inkwash(picture *out) {
    sheet s;
    sheet_init(&s, out);
    paint_sun(&s);
    paint_mountains(&s);
    paint_pines(&s);
    paint_water(&s);
    paint_boat(&s, v2(318.0f, 446.0f));
    paint_birds(&s);
    paint_bamboo(&s);
    paint_seal(&s, v2(590.0f, 30.0f), 27.0f);
    print_sheet(&s, out);
    sheet_deinit(&s);
}
