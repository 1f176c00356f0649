/* SPDX-License-Identifier: MIT
 * skin.c: colours and relief of skin, lips, eyes, hair mass and cloth. */
#include "skin.h"

#include "noise.h"

static float spot(vec3 q, vec3 centre, float width) { return bump(length(sub(q, centre)), width); }

/* ---- skin ---- */

/* How much a point belongs to the red of the lips: 1 inside, 0 outside, blurred at the border. */
static float lip_mask(const head *h, vec3 q) {
    float wide = 2.55f + 0.2f * h->mouth_width, t = fabsf(q.x) / wide;
    if (q.z < 0.3f || t > 1.1f) return 0.0f;
    float arch = powf(maxf(1.0f - t * t, 0.0f), 0.75f), line = mouth_line(h, q.x), full = 0.14f * h->lip_fullness;
    float cupid = 0.13f * bump(q.x, 0.28f) - 0.05f * bump(fabsf(q.x) - 0.6f, 0.35f);
    float top = line + (0.66f + full) * arch - cupid, low = line - (0.82f + full) * arch;
    return smoothstep(-0.08f, 0.1f, top - q.y) * smoothstep(-0.1f, 0.12f, q.y - low);
}

static float blood(vec3 q) {
    vec3 a = v3(fabsf(q.x), q.y, q.z);
    return 0.55f * spot(a, v3(4.2f, -3.0f, 0.3f), 1.5f) + 0.55f * spot(a, v3(0.0f, -3.8f, 3.7f), 1.0f) +
           0.35f * spot(a, v3(0.0f, -9.8f, 1.3f), 1.3f) + 0.6f * spot(a, v3(7.4f, -1.5f, -8.0f), 2.0f) +
           0.35f * spot(a, v3(3.2f, -0.7f, 1.0f), 0.8f);
}

/* The dark edge of the upper lid, where the lashes stand. */
static float lash_line(const head *h, vec3 q) {
    vec3 e = sub(v3(fabsf(q.x), q.y, q.z), eye_centre(1.0f));
    float t = e.x / eye_half_width(h);
    if (e.z < 0.0f || fabsf(t) > 1.1f) return 0.0f;
    float above = e.y - upper_lid(h, clampf(t, -1.0f, 1.0f));
    return smoothstep(0.13f, 0.03f, above) * smoothstep(-0.2f, -0.1f, above) * smoothstep(-1.0f, -0.5f, t);
}

/* The fold above the upper lid. */
static float lid_fold(const head *h, vec3 q) {
    vec3 e = sub(v3(fabsf(q.x), q.y, q.z), eye_centre(1.0f));
    float t = e.x / (eye_half_width(h) * 1.12f);
    if (e.z < 0.0f || fabsf(t) > 1.0f) return 0.0f;
    float above = e.y - upper_lid(h, t) - 0.34f - 0.06f * t;
    return bump(above, 0.06f) * smoothstep(-1.0f, -0.6f, t) * smoothstep(1.0f, 0.7f, t);
}

static float beard_area(vec3 q) {
    float low = smoothstep(-4.6f, -6.2f, q.y - 0.1f * q.z) * smoothstep(-13.5f, -11.0f, q.y);
    return low * smoothstep(-9.0f, -6.0f, q.z);
}

static float freckle(vec3 q, uint32_t seed) {
    float f = noise3(mul(q, 3.1f), seed) + 0.5f * noise3(mul(q, 6.3f), seed + 1u);
    vec3 a = v3(fabsf(q.x), q.y, q.z);
    return smoothstep(0.45f, 0.8f, f) * (spot(a, v3(3.0f, -2.4f, 1.0f), 2.2f) + 0.3f);
}

static vec3 skin_albedo(const head *h, const complexion *c, vec3 q) {
    float mottle = fbm3(mul(q, 0.55f), 4, c->seed) + 0.4f * noise3(mul(q, 3.0f), c->seed + 9u);
    vec3 colour = mul(c->skin, 1.0f + 0.1f * mottle);
    float red = saturate(blood(q) * (0.85f + 0.6f * fbm3(mul(q, 0.9f), 3, c->seed + 20u)));
    colour = mix3(colour, times(colour, c->flush), red);
    vec3 a = v3(fabsf(q.x), q.y, q.z);
    float lid = spot(a, v3(3.2f, 0.45f, 1.1f), 0.75f) * (0.25f + 0.5f * c->makeup);
    float hollow = spot(a, v3(2.7f, -1.1f, 1.0f), 0.7f) * (0.15f + 0.2f * h->age);
    colour = mix3(colour, times(colour, v3(0.62f, 0.47f, 0.46f)), saturate(lid + hollow + 0.8f * lid_fold(h, q)));
    colour = mix3(colour, times(colour, v3(0.62f, 0.42f, 0.3f)), saturate(freckle(q, c->seed) * c->freckles));
    colour = mix3(colour, times(colour, v3(0.72f, 0.76f, 0.82f)), beard_area(q) * c->stubble);
    float fade = 0.9f + 0.25f * fbm3(v3(q.x * 5.0f, q.y * 1.2f, q.z), 3, c->seed + 3u);
    float lips = lip_mask(h, q), seam = bump(q.y - mouth_line(h, q.x), 0.07f) * smoothstep(2.75f, 2.3f, fabsf(q.x));
    colour = mix3(colour, mul(c->lips, fade), lips * 0.88f);
    colour = mix3(colour, v3(0.05f, 0.012f, 0.01f), 0.7f * seam * smoothstep(0.2f, 0.5f, q.z));
    return mix3(colour, mul(c->hair, 0.6f), lash_line(h, q) * (0.35f + 0.5f * c->makeup));
}

/* ---- relief: heights in centimetres that tilt the normal ---- */

static float pores(vec3 q, uint32_t seed) {
    return 0.008f * noise3(mul(q, 6.0f), seed) + 0.008f * noise3(mul(q, 2.7f), seed + 1u);
}

static float lip_creases(const head *h, vec3 q) {
    float mask = lip_mask(h, q);
    return mask > 0.0f ? -0.02f * mask * fabsf(noise2(q.x * 4.5f, q.y * 0.7f, 77u)) : 0.0f;
}

static float forehead_lines(vec3 q) {
    float wave = 0.22f * noise2(q.x * 0.35f, 0.5f, 31u) + 0.05f * q.x * q.x * 0.1f;
    float rows = powf(0.5f + 0.5f * cosf((q.y - 3.6f + wave) * 5.2f), 6.0f);
    return rows * smoothstep(2.9f, 3.6f, q.y) * smoothstep(6.6f, 5.4f, q.y) * smoothstep(5.2f, 3.0f, fabsf(q.x)) *
           smoothstep(-2.0f, 0.0f, q.z);
}

static float crows_feet(vec3 q) {
    vec3 a = v3(fabsf(q.x) - 3.9f, q.y + 0.1f, q.z);
    float r = sqrtf(a.x * a.x + a.y * a.y), angle = atan2f(a.y, a.x);
    float rays = powf(0.5f + 0.5f * cosf(angle * 11.0f + 1.2f * noise2(r, q.x, 8u)), 4.0f);
    return a.x > 0.0f
               ? rays * smoothstep(0.7f, 1.1f, r) * smoothstep(2.4f, 1.3f, r) * smoothstep(0.9f, 0.5f, fabsf(angle))
               : 0.0f;
}

static float eye_bags(vec3 q) {
    vec3 a = v3(fabsf(q.x) - 3.1f, q.y, q.z);
    float curve = a.y + 1.05f - 0.16f * a.x * a.x;
    return (bump(curve, 0.1f) + 0.6f * bump(curve + 0.42f, 0.09f)) * smoothstep(1.9f, 1.0f, fabsf(a.x)) *
           smoothstep(-1.5f, 0.0f, q.z);
}

static float skin_relief(const figure *f, const complexion *c, vec3 q) {
    const head *h = &f->head;
    float height = pores(q, c->seed + 40u) * (0.7f + 0.9f * h->age) + lip_creases(h, q);
    height -= 0.05f * lid_fold(h, q);
    if (h->age > 0.0f) {
        height -= 0.075f * h->age * (forehead_lines(q) + 0.8f * crows_feet(q) + 1.2f * eye_bags(q));
        height += 0.03f * h->age * fbm3(mul(q, 1.6f), 3, c->seed + 50u);
    }
    return height;
}

static float cloth_relief(vec3 b) {
    return 0.02f * sinf(b.x * 9.0f + 1.5f * noise3(mul(b, 0.8f), 4u)) + 0.03f * fbm3(mul(b, 1.3f), 3, 6u);
}

/* ---- eyes ---- */

static float iris_radius(vec3 e) { return sqrtf(e.x * e.x + e.y * e.y); }

static vec3 iris_colour(const complexion *c, vec3 e) {
    float r = iris_radius(e) / 0.6f, angle = atan2f(e.y, e.x);
    float fibres = 0.5f + 0.5f * noise2(angle * 9.0f, r * 2.0f, c->seed + 70u) +
                   0.25f * noise2(angle * 23.0f, r * 3.0f, c->seed + 71u);
    vec3 colour = mix3(mul(c->iris, 0.55f), mul(c->iris, 1.5f), saturate(fibres));
    colour = mix3(mul(c->iris_ring, 1.2f), colour, smoothstep(0.35f, 0.6f, r));
    colour = mul(colour, 1.0f + 0.7f * saturate(-e.y));
    colour = mix3(colour, mul(colour, 0.12f), smoothstep(0.8f, 1.0f, r));
    return mix3(grey(0.004f), colour, smoothstep(0.36f, 0.44f, r));
}

static vec3 eye_albedo(const figure *f, const complexion *c, vec3 q) {
    vec3 e = sub(q, eye_centre(q.x < 0 ? -1.0f : 1.0f));
    float corner = smoothstep(0.75f, 1.35f, fabsf(e.x));
    vec3 white = mix3(v3(0.54f, 0.51f, 0.48f), v3(0.5f, 0.3f, 0.26f), corner * 0.75f);
    float vein = smoothstep(0.55f, 0.8f, fabsf(noise2(e.x * 3.0f, e.y * 7.0f, c->seed + 80u)) + 0.2f * corner);
    white = mix3(white, v3(0.5f, 0.16f, 0.12f), 0.25f * vein * corner);
    vec3 look = turn_x(turn_y(e, -f->head.gaze_x), f->head.gaze_y);
    vec3 colour = look.z < 0.0f ? white
                                : mix3(iris_colour(c, look), white, smoothstep(0.56f, 0.64f, iris_radius(look)));
    float under_lid = e.y - upper_lid(&f->head,
                                      clampf(fabsf(e.x) / eye_half_width(&f->head) * (q.x * e.x < 0.0f ? -1.0f : 1.0f),
                                             -1.0f, 1.0f));
    return mul(colour, 1.0f - 0.65f * smoothstep(-0.42f, 0.0f, under_lid));
}

/* ---- all together ---- */

typedef float (*relief_fn)(const figure *f, const complexion *c, vec3 p);

static float skin_height(const figure *f, const complexion *c, vec3 p) {
    return skin_relief(f, c, to_local(&f->head_frame, p));
}

static float cloth_height(const figure *f, const complexion *c, vec3 p) {
    (void)c;
    return cloth_relief(to_local(&f->body_frame, p));
}

/* The normal tilted against the slope of a height that covers the surface. */
static vec3 relieved(const figure *f, const complexion *c, vec3 p, vec3 n, relief_fn height) {
    const float step = 0.03f;
    float here = height(f, c, p);
    vec3 slope = v3(height(f, c, v3(p.x + step, p.y, p.z)) - here, height(f, c, v3(p.x, p.y + step, p.z)) - here,
                    height(f, c, v3(p.x, p.y, p.z + step)) - here);
    slope = mul(slope, 1.0f / step);
    return normalize(sub(n, sub(slope, mul(n, dot(slope, n)))));
}

static surface skin_surface(const figure *f, const complexion *c, vec3 p) {
    vec3 q = to_local(&f->head_frame, p), n = figure_normal(f, p, 0.03f);
    float lips = lip_mask(&f->head, q);
    float oily = spot(q, v3(0, 4.5f, 1.5f), 3.0f) + spot(q, v3(0, -2.5f, 3.0f), 1.6f) + 0.6f * lips;
    return (surface){.albedo = skin_albedo(&f->head, c, q),
                     .normal = relieved(f, c, p, n, skin_height),
                     .soft_normal = figure_normal(f, p, 0.3f),
                     .gloss = 0.75f + 0.5f * oily,
                     .roughness = mixf(0.42f, 0.3f, lips),
                     .scatter = 1.0f};
}

static surface cloth_surface(const figure *f, const complexion *c, vec3 p) {
    vec3 b = to_local(&f->body_frame, p), n = figure_normal(f, p, 0.05f);
    float weave = fbm3(v3(b.x * 3.0f, b.y * 3.0f, b.z * 3.0f), 3, c->seed + 60u);
    vec3 colour = mix3(c->cloth, c->cloth_light, saturate(0.3f + 0.7f * weave));
    return (surface){.albedo = colour,
                     .normal = relieved(f, c, p, n, cloth_height),
                     .soft_normal = n,
                     .gloss = 0.25f,
                     .roughness = 0.7f,
                     .scatter = 0.15f};
}

surface surface_at(const figure *f, const complexion *c, vec3 p, material m) {
    if (m == SKIN) return skin_surface(f, c, p);
    if (m == CLOTH) return cloth_surface(f, c, p);
    vec3 n = figure_normal(f, p, m == EYE ? 0.02f : 0.1f);
    surface s = {.albedo = mul(c->hair, 0.35f), .normal = n, .soft_normal = n, .gloss = 0.1f, .roughness = 0.6f};
    if (m == PEARL) {
        s.albedo = mix3(v3(0.6f, 0.56f, 0.5f), v3(0.45f, 0.5f, 0.55f), 0.5f + 0.5f * n.x);
        s.gloss = 3.0f;
        s.roughness = 0.18f;
    }
    if (m == EYE) {
        s.albedo = eye_albedo(f, c, to_local(&f->head_frame, p));
        s.gloss = 2.2f;
        s.roughness = 0.09f;
        s.scatter = 0.5f;
    }
    return s;
}
