/* SPDX-License-Identifier: MIT
 * portrait.c: renders at twice the size: marches rays to the figure, lights what they hit, draws the strands over it with
 * a depth test, then averages 2 × 2 pixels and prints. */
#include "portrait.h"

#include "noise.h"

#include <stdlib.h>

enum { OVERSAMPLE = 2, BLOCK = 16 };
static const float camera_distance = 130.0f, far_away = 1e6f;

/* The oversampled picture: colour in linear light and distance along the ray. */
typedef struct film {
    int width, height, blocks; /* blocks of pixels in a row */
    float pixels_per_cm;       /* at the plane z = 0 */
    vec3 camera;
    vec3 *colour;
    float *depth;
    const figure *figure;
    const complexion *complexion;
    const setup *studio;
} film;

/* ---- camera ---- */

static vec3 ray_direction(const film *p, float x, float y) {
    float wide = (x - 0.5f * (float)p->width) / p->pixels_per_cm,
          high = (0.5f * (float)p->height - y) / p->pixels_per_cm;
    return normalize(v3(wide, high, -camera_distance));
}

/* Pixel coordinates and, in z, distance from the camera. */
static vec3 project(const film *p, vec3 world) {
    vec3 v = sub(world, p->camera);
    float k = camera_distance * p->pixels_per_cm / -v.z;
    return v3(0.5f * (float)p->width + v.x * k, 0.5f * (float)p->height - v.y * k, length(v));
}

/* ---- light ---- */

static float shadow(const figure *f, vec3 p, const lamp *l, float from, int steps) {
    material unused;
    float lit = 1.0f, t = from;
    for (int i = 0; i < steps && t < 45.0f && lit > 0.005f; i++) {
        float d = figure_distance(f, along(p, l->direction, t), &unused);
        lit = minf(lit, 0.5f + 0.5f * l->hardness * d / t);
        t += clampf(d, 0.12f, 4.0f);
    }
    lit = saturate(lit);
    return lit * lit * (3.0f - 2.0f * lit);
}

/* How much of the sky a point sees: the distance at five heights against what it would be in the open. */
static float openness(const figure *f, vec3 p, vec3 n) {
    material unused;
    float hidden = 0.0f, weight = 0.5f;
    for (int i = 1; i <= 5; i++, weight *= 0.72f) {
        float height = 0.16f * (float)(i * i);
        hidden += weight * maxf(height - figure_distance(f, along(p, n, height), &unused), 0.0f) / height;
    }
    return saturate(1.0f - 0.62f * hidden);
}

/* Light that enters skin leaves it nearby: red goes furthest, so the edge of the shade is warm. */
static vec3 diffuse(const surface *s, vec3 l, float lit) {
    float sharp = dot(s->normal, l), soft = dot(s->soft_normal, l);
    vec3 wrap = mul(v3(0.32f, 0.12f, 0.07f), s->scatter);
    vec3 facing = v3(mixf(sharp, soft, 0.75f * s->scatter), mixf(sharp, soft, 0.45f * s->scatter),
                     mixf(sharp, soft, 0.3f * s->scatter));
    vec3 bright = v3(maxf((facing.x + wrap.x) / (1.0f + wrap.x), 0.0f),
                     maxf((facing.y + wrap.y) / (1.0f + wrap.y), 0.0f),
                     maxf((facing.z + wrap.z) / (1.0f + wrap.z), 0.0f));
    vec3 passed = mix3(grey(lit), v3(sqrtf(lit), lit, powf(lit, 1.1f)), s->scatter * 0.35f);
    return times(bright, passed);
}

/* The microfacet highlight of Cook and Torrance with the distribution of Trowbridge and Reitz. */
static float highlight(const surface *s, vec3 l, vec3 v) {
    vec3 half = normalize(add(l, v));
    float nl = maxf(dot(s->normal, l), 0.0f), nv = maxf(dot(s->normal, v), 0.05f),
          nh = maxf(dot(s->normal, half), 0.0f);
    float a2 = square(square(s->roughness)), spread = a2 / (PI * square(nh * nh * (a2 - 1.0f) + 1.0f));
    float fresnel = 0.028f + 0.972f * powf(1.0f - maxf(dot(half, v), 0.0f), 5.0f);
    return s->gloss * spread * fresnel * nl / (4.0f * maxf(nl * nv, 0.05f));
}

static vec3 lit_surface(const film *plate, const surface *s, vec3 p, vec3 ray) {
    const setup *studio = plate->studio;
    float open = openness(plate->figure, p, s->soft_normal);
    vec3 ambient = mix3(studio->ground, studio->sky, 0.5f + 0.5f * s->normal.y);
    vec3 closed = v3(powf(open, 1.0f - 0.35f * s->scatter), open, powf(open, 1.0f + 0.15f * s->scatter));
    vec3 colour = times(times(s->albedo, ambient), closed);
    for (int i = 0; i < LIGHT_COUNT; i++) {
        const lamp *l = &studio->lights[i];
        float lit = 1.0f;
        if (l->hardness > 0.0f && dot(s->soft_normal, l->direction) > -0.35f)
            lit = shadow(plate->figure, along(p, s->soft_normal, 0.12f), l, 0.1f, 28);
        vec3 fallen = times(l->colour, diffuse(s, l->direction, lit));
        colour = add(colour, times(s->albedo, fallen));
        colour = along(colour, l->colour, lit * highlight(s, l->direction, mul(ray, -1.0f)));
    }
    return colour;
}

/* ---- background ---- */

static vec3 backdrop(const film *plate, float x, float y) {
    const setup *s = plate->studio;
    float u = x / (float)plate->height - 0.5f * (float)plate->width / (float)plate->height,
          v = y / (float)plate->height - 0.5f;
    float r = length2(sub2(v2(u, v), s->glow_at));
    float cloud = fbm2(u * 3.0f, v * 3.0f, 4, 500u);
    vec3 colour = mix3(s->backdrop, s->glow, expf(-r * r * 4.5f) * (1.0f + 0.35f * cloud));
    return mul(colour, 1.0f + 0.22f * cloud);
}

/* ---- tone ---- */

/* A film-like curve: soft shoulder, a little contrast, a little less colour in the lights. */
static vec3 print(vec3 linear, float exposure) {
    vec3 c = mul(linear, exposure);
    c = v3(1.0f - expf(-c.x), 1.0f - expf(-c.y), 1.0f - expf(-c.z));
    c = encode_srgb(c);
    vec3 curve = v3(smoothstep(-0.02f, 1.02f, c.x), smoothstep(-0.02f, 1.02f, c.y), smoothstep(-0.02f, 1.02f, c.z));
    return saturate3(mix3(c, curve, 0.35f));
}

/* ---- rays ---- */

/* Goes along the ray until the figure is nearer than `near` + `spread` per centimetre of way. */
static float march(const figure *f, vec3 origin, vec3 ray, float t, float near, float spread, material *m) {
    for (int i = 0; i < 140 && t < camera_distance + 50.0f; i++) {
        float d = figure_distance(f, along(origin, ray, t), m);
        if (d < near + spread * t) return t;
        t += d * 0.78f;
    }
    return far_away;
}

/* Where the rays of a block of pixels may start: up to there none of them meets the figure. */
static float block_start(const film *plate, int x, int y) {
    material unused;
    float half = 0.5f * BLOCK, spread = 1.5f * half / (plate->pixels_per_cm * camera_distance);
    vec3 ray = ray_direction(plate, (float)x + half, (float)y + half);
    return march(plate->figure, plate->camera, ray, camera_distance - 30.0f, 0.0f, spread, &unused);
}

static void expose(film *plate, float x, float y, float start, vec3 *colour, float *depth) {
    vec3 ray = ray_direction(plate, x, y);
    material m;
    *depth = start < far_away ? march(plate->figure, plate->camera, ray, start, 0.004f, 0.0f, &m) : far_away;
    if (*depth >= far_away) {
        *colour = backdrop(plate, x, y);
        return;
    }
    vec3 p = along(plate->camera, ray, *depth);
    surface s = surface_at(plate->figure, plate->complexion, p, m);
    *colour = lit_surface(plate, &s, p, ray);
}

/* One ray for each 2 × 2 pixels of the plate. */
static void expose_coarsely(film *plate, const float *start) {
    for (int y = 0; y < plate->height; y += 2)
        for (int x = 0; x < plate->width; x += 2) {
            size_t i = (size_t)y * (size_t)plate->width + (size_t)x, below = i + (size_t)plate->width;
            float from = start[(y / BLOCK) * plate->blocks + x / BLOCK];
            expose(plate, (float)x + 1.0f, (float)y + 1.0f, from, &plate->colour[i], &plate->depth[i]);
            plate->colour[i + 1] = plate->colour[below] = plate->colour[below + 1] = plate->colour[i];
            plate->depth[i + 1] = plate->depth[below] = plate->depth[below + 1] = plate->depth[i];
        }
}

/* Whether the picture changes so much around (x, y) that one ray for 2 × 2 pixels is not enough. */
static int is_edge(const film *plate, const unsigned char *tone, int x, int y) {
    int low = 255, high = 0;
    float near = far_away, far = 0.0f;
    for (int j = y - 2; j <= y + 2; j += 2)
        for (int i = x - 2; i <= x + 2; i += 2) {
            if (i < 0 || j < 0 || i >= plate->width || j >= plate->height) continue;
            size_t at = (size_t)j * (size_t)plate->width + (size_t)i;
            low = tone[at] < low ? tone[at] : low;
            high = tone[at] > high ? tone[at] : high;
            near = minf(near, plate->depth[at]);
            far = maxf(far, plate->depth[at]);
        }
    return high - low > 14 || far - near > 2.0f;
}

/* Four rays where it matters. */
static void expose_edges(film *plate, const float *start) {
    size_t count = (size_t)plate->width * (size_t)plate->height;
    unsigned char *tone = allocate(count, 1);
    for (size_t i = 0; i < count; i++)
        tone[i] = (unsigned char)(255.0f * luma(print(plate->colour[i], plate->studio->exposure)));
    for (int y = 0; y < plate->height; y += 2)
        for (int x = 0; x < plate->width; x += 2) {
            if (!is_edge(plate, tone, x, y)) continue;
            float from = start[(y / BLOCK) * plate->blocks + x / BLOCK];
            for (int j = y; j < y + 2; j++)
                for (int i = x; i < x + 2; i++) {
                    size_t at = (size_t)j * (size_t)plate->width + (size_t)i;
                    expose(plate, (float)i + 0.5f, (float)j + 0.5f, from, &plate->colour[at], &plate->depth[at]);
                }
        }
    free(tone);
}

static void expose_all(film *plate) {
    int rows = (plate->height + BLOCK - 1) / BLOCK;
    float *start = allocate((size_t)plate->blocks * (size_t)rows, sizeof *start);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < plate->blocks; x++) start[y * plate->blocks + x] = block_start(plate, x * BLOCK, y * BLOCK);
    expose_coarsely(plate, start);
    expose_edges(plate, start);
    free(start);
}

/* ---- strands ---- */

/* The highlight of a thread (Kajiya and Kay): bright where light and eye make equal angles with it. */
static vec3 strand_light(const film *plate, const strand *s, vec3 p, vec3 tangent, const float *lit) {
    vec3 view = normalize(sub(plate->camera, p));
    vec3 colour = times(s->colour, mul(mix3(plate->studio->ground, plate->studio->sky, 0.7f), 0.8f));
    for (int i = 0; i < LIGHT_COUNT; i++) {
        const lamp *l = &plate->studio->lights[i];
        float tl = dot(tangent, l->direction), th = dot(tangent, normalize(add(l->direction, view)));
        float side = sqrtf(maxf(1.0f - tl * tl, 0.0f)), shine = sqrtf(maxf(1.0f - th * th, 0.0f));
        vec3 gloss = add(mul(s->colour, 1.3f * powf(shine, 24.0f)), grey(0.05f * powf(shine, 90.0f)));
        colour = add(colour, mul(times(l->colour, add(mul(s->colour, 0.75f * side), gloss)), lit[i]));
    }
    return mul(colour, 1.0f - 0.75f * s->depth);
}

static void blend_pixel(film *plate, int x, int y, float depth, vec3 colour, float cover) {
    if (x < 0 || y < 0 || x >= plate->width || y >= plate->height) return;
    size_t i = (size_t)y * (size_t)plate->width + (size_t)x;
    if (depth > plate->depth[i] + 0.12f) return;
    plate->colour[i] = mix3(plate->colour[i], colour, cover);
}

/* A short piece of strand between two projected points: covers each pixel by its distance from the line. */
static void draw_piece(film *plate, vec3 a, vec3 b, float radius, float opacity, vec3 colour) {
    float reach = maxf(radius, 0.5f) + 0.5f, faint = minf(radius / 0.5f, 1.0f);
    vec2 start = v2(a.x, a.y), way = sub2(v2(b.x, b.y), start);
    float squared = maxf(dot2(way, way), 1e-6f);
    int x0 = (int)floorf(minf(a.x, b.x) - reach), x1 = (int)ceilf(maxf(a.x, b.x) + reach);
    int y0 = (int)floorf(minf(a.y, b.y) - reach), y1 = (int)ceilf(maxf(a.y, b.y) + reach);
    for (int y = y0; y <= y1; y++)
        for (int x = x0; x <= x1; x++) {
            vec2 c = sub2(v2((float)x + 0.5f, (float)y + 0.5f), start);
            float t = dot2(c, way) / squared;
            if (t < 0.0f || t >= 1.0f) continue;
            float cover = saturate(reach - length2(sub2(c, mul2(way, t)))) * faint * opacity;
            if (cover > 0.0f) blend_pixel(plate, x, y, mixf(a.z, b.z, t), colour, cover);
        }
}

static void light_strand(const film *plate, const strand *s, int i, float *lit) {
    vec3 p = s->point[i], outward = normalize(sub(plate->camera, p));
    for (int l = 0; l < LIGHT_COUNT; l++) {
        const lamp *light = &plate->studio->lights[l];
        lit[l] = light->hardness > 0.0f ? shadow(plate->figure, along(p, outward, 0.2f), light, 0.4f, 12) : 1.0f;
    }
}

static void draw_strand(film *plate, const strand *s) {
    float lit[LIGHT_COUNT] = {0};
    for (int i = 0; i + 1 < s->count; i++) {
        if (i % 8 == 0) light_strand(plate, s, i, lit);
        vec3 a = project(plate, s->point[i]), b = project(plate, s->point[i + 1]);
        float t = (float)i / (float)(s->count - 1),
              taper = minf(1.0f, 3.0f * (1.0f - t)) * (0.6f + 0.4f * minf(1.0f, 6.0f * t));
        vec3 tangent = normalize(sub(s->point[i + 1], s->point[i]));
        vec3 colour = strand_light(plate, s, s->point[i], tangent, lit);
        draw_piece(plate, a, b, 0.5f * s->width * plate->pixels_per_cm * taper,
                   s->opacity * minf(1.0f, 4.0f * (1.0f - t)), colour);
    }
}

/* ---- print ---- */

static void develop(const film *plate, picture *out) {
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            vec3 sum = v3(0, 0, 0);
            for (int j = 0; j < OVERSAMPLE; j++)
                for (int i = 0; i < OVERSAMPLE; i++) {
                    size_t from = (size_t)(y * OVERSAMPLE + j) * (size_t)plate->width + (size_t)(x * OVERSAMPLE + i);
                    sum = add(sum, print(plate->colour[from], plate->studio->exposure));
                }
            out->rgb[(size_t)y * (size_t)out->width + (size_t)x] = mul(sum, 1.0f / (OVERSAMPLE * OVERSAMPLE));
        }
}

void paint_portrait(picture *out, const figure *f, const complexion *c, const setup *s, const strand_list *hair) {
    film plate = {.width = out->width * OVERSAMPLE,
                  .height = out->height * OVERSAMPLE,
                  .figure = f,
                  .complexion = c,
                  .studio = s};
    size_t count = (size_t)plate.width * (size_t)plate.height;
    plate.blocks = (plate.width + BLOCK - 1) / BLOCK;
    plate.pixels_per_cm = (float)plate.height / s->height;
    plate.camera = v3(s->aim.x, s->aim.y, camera_distance);
    plate.colour = allocate(count, sizeof *plate.colour);
    plate.depth = allocate(count, sizeof *plate.depth);
    expose_all(&plate);
    for (int i = 0; i < hair->count; i++) draw_strand(&plate, &hair->strands[i]);
    develop(&plate, out);
    free(plate.colour);
    free(plate.depth);
}
