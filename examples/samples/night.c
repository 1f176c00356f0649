/* SPDX-License-Identifier: MIT
 * night.c: a night sky in oil: thousands of strokes along the streamlines of vortices, moon and stars with halos, hills, a
 * village and a dark cypress. */
#include "brush.h"
#include "samples.h"

typedef struct vortex {
    float x, y, radius, spin;
} vortex;
typedef struct star {
    float x, y, size;
} star;

static const vortex vortices[] = {
    {255, 165, 88, 1.0f}, {395, 235, 62, -0.95f}, {120, 250, 48, -0.5f}, {520, 300, 50, 0.55f}};
static const star stars[] = {{60, 60, 17},   {150, 52, 12},  {228, 48, 15},  {330, 62, 18},
                             {420, 110, 13}, {470, 42, 11},  {495, 190, 21}, {600, 225, 13},
                             {300, 292, 12}, {185, 300, 15}, {598, 320, 10}};
enum { VORTEX_COUNT = sizeof vortices / sizeof vortices[0], STAR_COUNT = sizeof stars / sizeof stars[0] };
static const star moon = {560, 88, 34};

/* ---- the lie of the land ---- */

static float far_hills(float x) {
    return 372.0f - 34.0f * bump(x - 420.0f, 120.0f) - 24.0f * bump(x - 640.0f, 80.0f) + 8.0f * sinf(x * 0.021f) +
           10.0f * sinf(x * 0.009f + 1.0f);
}
static float near_hills(float x) { return 432.0f + 22.0f * sinf(x * 0.0105f + 2.2f) + 6.0f * sinf(x * 0.037f); }

/* Above 0 inside the cypress. */
static float cypress(vec2 p) {
    float t = (p.y - 150.0f) / 400.0f, sway = 9.0f * sinf(p.y * 0.022f) + 5.0f * sinf(p.y * 0.061f);
    float half = 58.0f * powf(saturate(t), 0.85f) *
                 (1.0f + 0.2f * sinf(p.y * 0.083f) + 0.12f * sinf(p.y * 0.19f + 1.0f));
    float second_t = (p.y - 290.0f) / 260.0f, second = 34.0f * powf(saturate(second_t), 0.8f);
    return maxf(half - fabsf(p.x - 88.0f - sway), second - fabsf(p.x - 152.0f + 0.6f * sway));
}

/* ---- the flow of the sky: streamlines are the level lines of psi ---- */

static float psi(vec2 p) {
    float value = p.y * 0.75f + 26.0f * sinf(p.x * 0.011f + 0.6f) + 14.0f * fbm2(p.x * 0.008f, p.y * 0.012f, 3, 7u);
    for (int i = 0; i < VORTEX_COUNT; i++) {
        const vortex *v = &vortices[i];
        float r = length2(v2(p.x - v->x, (p.y - v->y) * 1.15f)) / v->radius;
        value += v->spin * v->radius * 2.1f * expf(-r * r);
    }
    return value;
}

/* Strokes run in circles around stars and moon. */
static vec2 circled(vec2 way, vec2 p, star s) {
    vec2 from = sub2(p, v2(s.x, s.y)), round = normal2(v2(-from.y, from.x));
    float near = smoothstep(3.0f, 1.7f, length2(from) / s.size), same = dot2(way, round) < 0.0f ? -1.0f : 1.0f;
    return normal2(add2(mul2(way, 1.0f - near), mul2(round, same * near)));
}

static vec2 sky_flow(vec2 p) {
    const float e = 0.7f;
    float dx = psi(v2(p.x + e, p.y)) - psi(v2(p.x - e, p.y)), dy = psi(v2(p.x, p.y + e)) - psi(v2(p.x, p.y - e));
    vec2 way = circled(normal2(v2(dy, -dx)), p, moon);
    for (int i = 0; i < STAR_COUNT; i++) way = circled(way, p, stars[i]);
    return way;
}

static vec2 hill_flow(vec2 p) {
    float slope = 0.5f * (far_hills(p.x + 1.0f) - far_hills(p.x - 1.0f));
    float near_slope = 0.5f * (near_hills(p.x + 1.0f) - near_hills(p.x - 1.0f));
    float turn = 0.7f * noise2(p.x * 0.014f, p.y * 0.03f, 17u);
    return turn2(normal2(v2(1.0f, mixf(slope, near_slope, saturate((p.y - 380.0f) / 60.0f)))), turn);
}

static vec2 cypress_flow(vec2 p) {
    return normal2(v2(0.55f * sinf(p.y * 0.03f + p.x * 0.05f) - 0.004f * (p.x - 95.0f), -1.0f));
}

static vec2 flow(vec2 p) {
    if (cypress(p) > 0.0f) return cypress_flow(p);
    return p.y > far_hills(p.x) ? hill_flow(p) : sky_flow(p);
}

/* ---- colours ---- */

static vec3 ramp(const unsigned *colours, int count, float t) {
    float place = saturate(t) * (float)(count - 1);
    int i = (int)minf(place, (float)(count - 2));
    return mix3(hex(colours[i]), hex(colours[i + 1]), place - (float)i);
}

/* Rings of light around a star or the moon, 0 … 1. */
static float halo(vec2 p, star s) {
    float r = length2(sub2(p, v2(s.x, s.y))) / s.size;
    float rings = 0.82f + 0.18f * cosf(r * 7.0f);
    return r < 0.45f ? 1.0f : rings * expf(-0.85f * (r - 0.45f));
}

/* The arms of the vortices, −1 … 1. */
static float arms(vec2 p) {
    float value = 0.0f;
    for (int i = 0; i < VORTEX_COUNT; i++) {
        vec2 from = v2(p.x - vortices[i].x, (p.y - vortices[i].y) * 1.15f);
        float r = length2(from) / vortices[i].radius, turn = vortices[i].spin < 0.0f ? -1.0f : 1.0f;
        value += expf(-0.9f * r * r) * cosf(2.0f * turn * atan2f(from.y, from.x) - 7.0f * r);
    }
    return value;
}

static vec3 sky_colour(vec2 p, float chance) {
    static const unsigned blues[] = {0x0a1440, 0x14286e, 0x1f4a9c, 0x3b76b8, 0x7fb2cf, 0xcfe3d6};
    static const unsigned golds[] = {0x2c5f9e, 0x6fa79f, 0xc9c66a, 0xf2cf4a, 0xfbe78f, 0xfff8d8};
    float band = fbm2(psi(p) * 0.055f, p.x * 0.0025f, 4, 3u) + 0.25f * sinf(psi(p) * 0.16f);
    float light = 0.3f + 0.38f * band + 0.3f * smoothstep(150.0f, 400.0f, p.y) + 0.26f * arms(p) +
                  0.16f * (chance - 0.5f);
    vec3 colour = ramp(blues, 6, light);
    float warm = smoothstep(290.0f, 390.0f, p.y) * 0.5f;
    colour = mix3(colour, hex(0xa9c59a), warm * smoothstep(0.45f, 0.9f, light));
    float glow = halo(p, moon) * 1.1f;
    for (int i = 0; i < STAR_COUNT; i++) glow = maxf(glow, halo(p, stars[i]));
    glow += 0.22f * (chance - 0.5f);
    colour = mix3(colour, ramp(golds, 6, glow * 1.05f), smoothstep(0.16f, 0.42f, glow));
    float disc = smoothstep(21.0f, 15.0f, length2(sub2(p, v2(moon.x, moon.y))));
    return mix3(colour, mix3(hex(0x86a878), hex(0xc2c46e), chance), 0.85f * disc);
}

static vec3 hill_colour(vec2 p, float chance) {
    static const unsigned distant[] = {0x14244f, 0x1f3f72, 0x2f6288, 0x5c93a0};
    static const unsigned close[] = {0x0c1c2a, 0x173a3c, 0x2b5e4c, 0x6d8f56};
    float band = 0.5f + 0.55f * fbm2(p.x * 0.02f, p.y * 0.06f, 3, 41u) + 0.3f * (chance - 0.5f);
    float crest = bump(p.y - far_hills(p.x), 9.0f);
    return p.y > near_hills(p.x) ? ramp(close, 4, band * 0.9f) : ramp(distant, 4, band * 0.8f + 0.35f * crest);
}

static vec3 cypress_colour(vec2 p, float chance) {
    static const unsigned darks[] = {0x07100f, 0x10231a, 0x1f3a22, 0x3a4a22, 0x6b5a2a};
    float edge = smoothstep(14.0f, 0.0f, cypress(p));
    return ramp(darks, 5,
                0.22f + 0.35f * fbm2(p.x * 0.07f, p.y * 0.02f, 3, 51u) + 0.35f * chance * chance + 0.12f * edge);
}

static vec3 colour_at(vec2 p, float chance) {
    if (cypress(p) > 0.0f) return cypress_colour(p, chance);
    return p.y > far_hills(p.x) ? hill_colour(p, chance) : sky_colour(p, chance);
}

/* ---- strokes ---- */

typedef struct coat {
    int count;
    float width, length, body, jitter;
} coat;

static void jitter(vec3 *c, random_stream *r, float amount) {
    float light = amount * random_normal(r), tint = 0.5f * amount * random_normal(r);
    *c = saturate3(v3(c->x + light + tint, c->y + light, c->z + light - tint));
}

static void paint_coat(easel *e, const coat *c, random_stream *r) {
    for (int i = 0; i < c->count; i++) {
        vec2 p = v2(random_between(r, -10.0f, 650.0f), random_between(r, -10.0f, 522.0f));
        float small = cypress(p) > 0.0f || p.y > far_hills(p.x) ? 0.75f : 1.0f;
        stroke s = {.width = c->width * random_between(r, 0.7f, 1.25f) * small,
                    .body = c->body * random_between(r, 0.6f, 1.3f),
                    .wear = random_between(r, 0.1f, 0.8f),
                    .seed = hash_int(r->state)};
        stroke_follow(&s, p, c->length * random_between(r, 0.6f, 1.3f) * small, flow);
        s.colour = colour_at(p, random_unit(r));
        s.streak = colour_at(p, random_unit(r));
        jitter(&s.colour, r, c->jitter);
        jitter(&s.streak, r, 2.0f * c->jitter);
        easel_stroke(e, &s);
    }
}

static void dab(easel *e, vec2 a, vec2 b, float width, vec3 colour, uint32_t seed) {
    stroke s = {.point = {a, b},
                .count = 2,
                .width = width,
                .colour = colour,
                .streak = mul(colour, 0.8f),
                .body = 1.1f,
                .wear = 0.2f,
                .seed = seed};
    easel_stroke(e, &s);
}

/* A dab of white in each star; the crescent is arcs of thick paint, each shorter than the one outside it. */
static void paint_lights(easel *e) {
    for (int i = 0; i < STAR_COUNT; i++)
        dab(e, v2(stars[i].x - 2.0f, stars[i].y), v2(stars[i].x + 2.5f, stars[i].y + 1.0f), 0.45f * stars[i].size,
            hex(0xfffbe6), 400u + (uint32_t)i);
    for (int i = 0; i < 5; i++) {
        float radius = 23.0f - 2.6f * (float)i, open = 2.15f - 0.33f * (float)i;
        stroke s = {.count = STROKE_POINTS,
                    .width = 5.5f,
                    .colour = mix3(hex(0xffe27a), hex(0xee9a2b), 0.2f * (float)i),
                    .streak = hex(0xffc23f),
                    .body = 1.5f,
                    .wear = 0.1f,
                    .seed = 300u + (uint32_t)i};
        for (int k = 0; k < STROKE_POINTS; k++) {
            float angle = 0.35f + open * (2.0f * (float)k / (STROKE_POINTS - 1) - 1.0f);
            s.point[k] = v2(moon.x + radius * cosf(angle), moon.y + radius * sinf(angle));
        }
        easel_stroke(e, &s);
    }
}

/* A cottage: lit wall, shaded gable, roof, a window with lamp light. */
static void paint_house(easel *e, vec2 at, float size, uint32_t seed) {
    vec3 wall = mix3(hex(0x4a6a8c), hex(0x93a3a8), hash2((int)seed, 1, 5u)),
         roof = mix3(hex(0x1b2440), hex(0x5b3a33), hash2((int)seed, 2, 5u));
    for (int i = 0; i < 4; i++) {
        float y = at.y - size * 0.2f * (float)i;
        dab(e, v2(at.x - size * 0.55f, y), v2(at.x + size * 0.55f, y), size * 0.26f, wall, seed + (uint32_t)i);
    }
    dab(e, v2(at.x - size * 0.75f, at.y - size * 0.72f), v2(at.x, at.y - size * 1.3f), size * 0.3f, roof, seed + 7u);
    dab(e, v2(at.x, at.y - size * 1.3f), v2(at.x + size * 0.75f, at.y - size * 0.72f), size * 0.3f, mul(roof, 0.75f),
        seed + 8u);
    float x = at.x + size * (hash2((int)seed, 3, 5u) - 0.5f) * 0.5f;
    dab(e, v2(x, at.y - size * 0.12f), v2(x, at.y - size * 0.5f), size * 0.26f, hex(0xffd257), seed + 9u);
}

static void paint_village(easel *e) {
    random_stream r = {77u};
    for (int i = 0; i < 13; i++) {
        float x = 240.0f + 29.0f * (float)i + random_between(&r, -8.0f, 8.0f);
        paint_house(e, v2(x, near_hills(x) - 22.0f + 7.0f * (float)(i * 5 % 7)), random_between(&r, 17.0f, 25.0f),
                    900u + (uint32_t)i * 16u);
    }
    float x = 428.0f, y = near_hills(x) - 6.0f;
    for (int i = 0; i < 5; i++)
        dab(e, v2(x - 6.0f, y - 7.0f * (float)i), v2(x + 6.0f, y - 7.0f * (float)i), 8.0f, hex(0x50698a),
            1200u + (uint32_t)i);
    dab(e, v2(x - 5.0f, y - 34.0f), v2(x + 1.0f, y - 78.0f), 7.0f, hex(0x1a2346), 1210u);
    dab(e, v2(x + 5.0f, y - 34.0f), v2(x - 1.0f, y - 78.0f), 6.0f, hex(0x2c3a63), 1211u);
}

void paint_night(picture *out) {
    static const coat ground[] = {{1500, 26.0f, 70.0f, 0.5f, 0.02f}, {3800, 13.0f, 46.0f, 0.8f, 0.03f}};
    static const coat finish[] = {{5200, 7.5f, 34.0f, 1.0f, 0.045f}, {3600, 4.6f, 26.0f, 1.2f, 0.06f}};
    easel e;
    random_stream r = {2024u};
    for (int i = 0; i < out->width * out->height; i++) out->rgb[i] = hex(0x1b2c55);
    easel_init(&e, out);
    for (int i = 0; i < 2; i++) paint_coat(&e, &ground[i], &r);
    paint_coat(&e, &finish[0], &r);
    paint_coat(&e, &finish[1], &r);
    paint_village(&e);
    paint_lights(&e);
    easel_light(&e, 1.6f);
    easel_deinit(&e);
}
