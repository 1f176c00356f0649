/* SPDX-License-Identifier: MIT
 * portrait2.c: an old man seen from the front, grey hair and beard, knitted pullover, window light from the upper left. */
#include "portrait.h"
#include "samples.h"

/* ---- hair: short, receding at the temples ---- */

static float hairline(vec3 q) {
    float x = q.x / 6.4f, y = (q.y + 0.6f) / 8.9f, z = (q.z - 2.0f) / 9.4f;
    float recess = 0.13f * bump(fabsf(q.x) - 3.6f, 1.5f) * smoothstep(2.0f, 6.0f, q.y);
    return powf(x * x * x * x + y * y * y * y + z * z * z * z, 0.25f) - 1.0f - recess +
           0.02f * noise3(mul(q, 0.9f), 23u);
}

static float hair_mass(vec3 q) {
    float far = length(sub(q, v3(0, 3.0f, -7.5f))) - 11.0f;
    if (far > 3.0f) return far;
    float grown = hairline(q), thick = 0.5f * smoothstep(0.0f, 0.25f, grown);
    float cap = head_scalp(q) - thick;
    return smooth_max(cap, -grown * 5.0f, 0.3f) * 0.9f;
}

static float on_scalp(const figure *f, vec3 q) {
    (void)f;
    return smoothstep(-0.03f, 0.04f, hairline(q)) * smoothstep(-12.0f, -9.0f, q.z);
}

static vec3 brushed(vec3 q, vec3 n, float t) {
    float side = smoothstep(2.0f, 6.0f, fabsf(q.x)) * (q.x < 0.0f ? -1.0f : 1.0f);
    vec3 flow = v3(0.75f + 0.4f * side, 0.35f - 0.9f * fabsf(side), -0.8f);
    return normalize(add(flow, mul(n, 0.55f - 0.7f * t)));
}

/* ---- beard ---- */

static float beard_density(const figure *f, vec3 q) {
    float x = fabsf(q.x), cheek_line = -4.6f - 1.5f * bump(x - 3.2f, 1.4f) + 2.2f * maxf(x - 5.2f, 0.0f);
    float mouth = square(q.x / 2.75f) + square((q.y - mouth_line(&f->head, q.x) + 0.22f) / 0.85f);
    float below_nose = x < 2.4f ? smoothstep(-4.8f, -5.0f, q.y) : 1.0f;
    float chin = smoothstep(cheek_line + 0.3f, cheek_line - 0.8f, q.y) * smoothstep(-8.5f, -6.0f, q.z);
    float lip_gap = q.z > 0.0f ? smoothstep(0.9f, 1.15f, mouth) : 1.0f;
    return chin * lip_gap * below_nose * (0.75f + 0.25f * noise3(mul(q, 1.4f), 29u));
}

static vec3 beard_direction(vec3 q, vec3 n, float t) {
    float side = q.x < 0.0f ? -1.0f : 1.0f, lip = smoothstep(-6.6f, -5.9f, q.y) * smoothstep(3.0f, 2.0f, fabsf(q.x));
    vec3 down = v3(side * 0.12f - 0.08f * q.x * t, -1.0f, 0.1f),
         moustache = v3(side * (0.5f + 0.6f * fabsf(q.x)), -0.6f, -0.2f);
    return normalize(add(mix3(down, moustache, lip), mul(n, 0.55f - 0.45f * t)));
}

/* ---- brows ---- */

static float brow_density(const figure *f, vec3 q) {
    (void)f;
    float t = (fabsf(q.x) - 1.0f) / 4.2f;
    if (t < 0.0f || t > 1.0f || q.z < -2.5f) return 0.0f;
    float middle = 1.55f + 0.95f * t - 1.25f * t * t * t, half = mixf(0.42f, 0.2f, t);
    return smoothstep(half, half * 0.4f, fabsf(q.y - middle));
}

static vec3 brow_direction(vec3 q, vec3 n, float t) {
    float side = q.x < 0.0f ? -1.0f : 1.0f, u = (fabsf(q.x) - 1.0f) / 4.2f;
    return normalize(add(v3(side * (0.5f + u), 0.6f - 1.3f * u, 0.0f), mul(n, 0.6f - 0.4f * t)));
}

/* ---- all of them ---- */

static hair_patch scalp_patch(vec3 colour) {
    return (hair_patch){
        .count = 10000,
        .points = 16,
        .seed = 21u,
        .low = v3(-8, -4, -13),
        .high = v3(8, 12, 3),
        .density = on_scalp,
        .direction = brushed,
        .surface = hair_mass,
        .length = 3.6f,
        .length_spread = 0.3f,
        .width = 0.045f,
        .opacity = 0.6f,
        .lift = 0.03f,
        .lift_spread = 0.9f,
        .wave = 0.1f,
        .frizz = 0.45f,
        .colour = colour,
        .colour_spread = mul(colour, 0.35f),
    };
}

static hair_patch beard_patch(vec3 colour, int count, uint32_t seed, vec3 low, vec3 high) {
    return (hair_patch){
        .count = count,
        .points = 14,
        .seed = seed,
        .low = low,
        .high = high,
        .density = beard_density,
        .direction = beard_direction,
        .length = 2.5f,
        .length_spread = 0.5f,
        .width = 0.04f,
        .opacity = 0.55f,
        .wave = 0.3f,
        .frizz = 0.55f,
        .colour = colour,
        .colour_spread = mul(colour, 0.38f),
    };
}

static hair_patch brow_patch(vec3 colour) {
    return (hair_patch){
        .count = 700,
        .points = 10,
        .seed = 23u,
        .low = v3(-5.5f, 0.8f, -1.0f),
        .high = v3(5.5f, 3.2f, 3.0f),
        .density = brow_density,
        .direction = brow_direction,
        .length = 0.95f,
        .length_spread = 0.35f,
        .width = 0.04f,
        .opacity = 0.6f,
        .frizz = 0.35f,
        .colour = colour,
        .colour_spread = mul(colour, 0.4f),
    };
}

static void add_hair(strand_list *list, const figure *f, vec3 colour, float detail) {
    hair_patch scalp = scalp_patch(colour), brow = brow_patch(mul(colour, 0.75f));
    hair_patch beard = beard_patch(colour, 13000, 22u, v3(-7.5f, -14.0f, -7.5f), v3(7.5f, -3.0f, 4.0f));
    hair_patch chin = beard_patch(colour, 3000, 26u, v3(-3.2f, -11.3f, -0.5f), v3(3.2f, -7.4f, 3.0f));
    hair_patch moustache = beard_patch(mul(colour, 1.5f), 1100, 25u, v3(-2.9f, -6.9f, 0.0f), v3(2.9f, -4.7f, 3.0f));
    hair_patch lashes = {.count = 40, .seed = 24u, .length = 0.5f, .width = 0.03f, .opacity = 0.5f};
    moustache.length = 0.95f;
    lashes.colour = mul(colour, 0.3f);
    grow(list, f, &scalp, detail);
    grow(list, f, &brow, detail);
    grow_lashes(list, f, &lashes);
    grow(list, f, &beard, detail);
    grow(list, f, &chin, detail);
    grow(list, f, &moustache, detail);
}

/* ---- pullover with a rolled collar ---- */

static float knit(float u, float v) {
    return 0.09f * (fabsf(sinf(u)) - 0.5f) + 0.03f * sinf(v + (fractf(u / PI) < 0.5f ? u : -u));
}

static float pullover(vec3 b, float bust) {
    vec3 c = sub(b, v3(0, -16.2f, -9.2f));
    c = turn_x(c, -0.28f);
    float ring = length2(v2(c.x, c.z * 1.05f)) - 7.0f, angle = atan2f(c.z, c.x);
    float collar = length2(v2(ring, maxf(fabsf(c.y) - 1.3f, 0.0f))) - 1.15f - knit(angle * 26.0f, c.y * 4.0f);
    float folds = 0.3f * sinf(b.x * 0.55f + b.y * 0.25f + 2.0f * noise3(mul(b, 0.15f), 5u)) *
                  smoothstep(-22.0f, -30.0f, b.y);
    float body = bust - 0.7f - folds - knit(b.x * 3.2f, b.y * 4.0f);
    return smooth_min(body, collar, 0.4f) * 0.75f;
}

/* ---- the sitting ---- */

static figure sitter(void) {
    figure f = {.head = {.masculine = 1.0f,
                         .lid_open = 0.78f,
                         .lip_fullness = -0.5f,
                         .jaw_width = 0.4f,
                         .eye_size = 0.0f,
                         .cheeks = -0.3f,
                         .smile = 0.35f,
                         .eye_tilt = -0.6f,
                         .nose_width = 0.8f,
                         .nose_length = 0.6f,
                         .nose_bridge = 0.8f,
                         .age = 1.0f,
                         .gaze_x = 0.1f},
                .hair = hair_mass,
                .cloth = pullover};
    figure_pose(&f, frame_about(v3(0, -7.0f, -8.0f), -0.12f, 0.04f, -0.04f),
                frame_about(v3(0, -20.0f, -10.0f), -0.25f, 0.0f, 0.0f));
    return f;
}

static complexion look(void) {
    return (complexion){.skin = v3(0.46f, 0.285f, 0.205f),
                        .flush = v3(0.98f, 0.68f, 0.62f),
                        .lips = v3(0.42f, 0.17f, 0.14f),
                        .iris = v3(0.16f, 0.24f, 0.3f),
                        .iris_ring = v3(0.2f, 0.2f, 0.14f),
                        .hair = v3(0.4f, 0.375f, 0.35f),
                        .cloth = v3(0.035f, 0.05f, 0.1f),
                        .cloth_light = v3(0.06f, 0.08f, 0.15f),
                        .freckles = 0.25f,
                        .stubble = 0.5f,
                        .seed = 2000u};
}

static setup lighting(void) {
    return (setup){.lights = {{normalize(v3(-0.8f, 0.6f, 0.55f)), v3(2.5f, 2.2f, 1.9f), 5.0f},
                              {normalize(v3(0.8f, 0.35f, -0.5f)), v3(0.9f, 0.8f, 0.6f), 6.0f},
                              {normalize(v3(0.8f, 0.0f, 0.6f)), v3(0.2f, 0.22f, 0.3f), 0.0f}},
                   .sky = v3(0.22f, 0.25f, 0.31f),
                   .ground = v3(0.15f, 0.11f, 0.09f),
                   .backdrop = v3(0.05f, 0.032f, 0.022f),
                   .glow = v3(0.32f, 0.19f, 0.11f),
                   .glow_at = v2(0.2f, 0.0f),
                   .aim = v2(0.0f, -4.5f),
                   .height = 37.0f,
                   .exposure = 0.9f};
}

void paint_portrait2(picture *out) {
    figure f = sitter();
    complexion c = look();
    setup s = lighting();
    strand_list hair;
    strands_init(&hair, 30000);
    add_hair(&hair, &f, c.hair, out->scale);
    paint_portrait(out, &f, &c, &s, &hair);
    strands_deinit(&hair);
}
