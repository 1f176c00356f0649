/* SPDX-License-Identifier: MIT
 * portrait1.c: a young woman in three-quarter view, dark hair pinned up, warm light from the left. */
#include "portrait.h"
#include "samples.h"

/* ---- hair: a smooth mass that ends at the hairline, with a knot at the back ---- */

/* Below 0 in the face, above 0 where hair grows; about 1/8 per centimetre. */
static float hairline(vec3 q) {
    float x = q.x / 6.9f, y = (q.y + 1.2f) / 7.9f, z = (q.z - 2.0f) / 9.6f;
    float line = powf(x * x * x * x + y * y * y * y + z * z * z * z, 0.25f) - 1.0f;
    return line + 0.012f * noise3(mul(q, 1.2f), 3u);
}

static const float part_x = -1.6f;

static float hair_mass(vec3 q) {
    float far = length(sub(q, v3(0, 1.0f, -9.0f))) - 14.0f;
    if (far > 3.0f) return far;
    float grown = hairline(q), thick = 1.15f * smoothstep(-0.02f, 0.2f, grown);
    float groove = 0.28f * bump(q.x - part_x, 0.35f) * smoothstep(-10.0f, -4.0f, q.z);
    float cap = head_scalp(q) - thick + groove;
    cap = smooth_max(cap, -grown * 5.0f, 0.3f);
    float knot = sd_ellipsoid(q, v3(0, 3.0f, -17.5f), v3(4.2f, 3.8f, 3.0f));
    float roll = sd_ellipsoid(v3(fabsf(q.x), q.y, q.z), v3(7.2f, 0.3f, -9.6f), v3(1.5f, 3.0f, 3.9f));
    return smooth_min(smooth_min(cap, roll, 1.2f), knot, 1.0f) * 0.9f;
}

static float on_scalp(const figure *f, vec3 q) {
    (void)f;
    return smoothstep(-0.01f, 0.03f, hairline(q)) * smoothstep(-15.5f, -14.0f, q.z);
}

static vec3 combed(vec3 q, vec3 n, float t) {
    (void)n;
    vec3 back = normalize(sub(v3(0, 2.2f, -17.0f), q));
    float side = q.x < part_x ? -1.0f : 1.0f, near = bump(q.x - part_x, 2.6f) * smoothstep(-12.0f, -3.0f, q.z);
    vec3 d = along(back, v3(side, -0.35f, 0.25f), 1.7f * near * (1.0f - 0.6f * t));
    return normalize(v3(d.x, d.y - 0.25f * smoothstep(-12.0f, 0.0f, q.z), d.z));
}

static vec3 wisp(vec3 q, vec3 n, float t) {
    float side = q.x < 0.0f ? -1.0f : 1.0f;
    return normalize(v3(side * (0.25f - 0.5f * t) + 0.4f * n.x, -1.0f, 0.35f - 0.7f * t));
}

static float at_temples(const figure *f, vec3 q) {
    (void)f;
    return bump(hairline(q), 0.02f) * smoothstep(4.5f, 2.5f, q.y) * smoothstep(-3.0f, 0.0f, q.y);
}

/* ---- brows and lashes ---- */

static float brow_density(const figure *f, vec3 q) {
    (void)f;
    float x = fabsf(q.x), t = (x - 1.15f) / 3.9f;
    if (t < 0.0f || t > 1.0f || q.z < -2.0f) return 0.0f;
    float middle = 1.68f + 1.0f * t - 1.15f * t * t * t, half = mixf(0.36f, 0.08f, t * t);
    return smoothstep(half, half * 0.4f, fabsf(q.y - middle)) * smoothstep(0.0f, 0.25f, t);
}

static vec3 brow_direction(vec3 q, vec3 n, float t) {
    float side = q.x < 0.0f ? -1.0f : 1.0f, u = (fabsf(q.x) - 1.15f) / 3.9f;
    return normalize(add(v3(side * (0.6f + u), 0.75f - 1.4f * u, -0.3f * u), mul(n, 0.3f - 0.3f * t)));
}

/* ---- all of them ---- */

static hair_patch scalp_patch(vec3 colour) {
    return (hair_patch){
        .count = 9000,
        .points = 40,
        .seed = 11u,
        .low = v3(-8, -4, -15),
        .high = v3(8, 12, 3),
        .density = on_scalp,
        .direction = combed,
        .surface = hair_mass,
        .length = 17.0f,
        .length_spread = 0.2f,
        .width = 0.055f,
        .opacity = 0.65f,
        .lift = 0.02f,
        .lift_spread = 0.35f,
        .wave = 0.14f,
        .frizz = 0.18f,
        .colour = colour,
        .colour_spread = mul(colour, 0.3f),
    };
}

static hair_patch wisp_patch(vec3 colour) {
    return (hair_patch){
        .count = 70,
        .points = 40,
        .seed = 12u,
        .low = v3(-8, -4, -15),
        .high = v3(8, 12, 3),
        .density = at_temples,
        .direction = wisp,
        .length = 7.0f,
        .length_spread = 0.4f,
        .width = 0.035f,
        .opacity = 0.65f,
        .wave = 0.3f,
        .frizz = 0.5f,
        .colour = colour,
        .colour_spread = mul(colour, 0.3f),
    };
}

static hair_patch brow_patch(vec3 colour) {
    return (hair_patch){
        .count = 900,
        .points = 10,
        .seed = 13u,
        .low = v3(-5.5f, 1.0f, -1.0f),
        .high = v3(5.5f, 3.2f, 3.0f),
        .density = brow_density,
        .direction = brow_direction,
        .length = 0.62f,
        .length_spread = 0.25f,
        .width = 0.03f,
        .opacity = 0.45f,
        .frizz = 0.12f,
        .colour = colour,
        .colour_spread = mul(colour, 0.15f),
    };
}

static void add_hair(strand_list *list, const figure *f, vec3 colour, float detail) {
    hair_patch scalp = scalp_patch(colour), wisps = wisp_patch(colour), brow = brow_patch(mul(colour, 1.5f));
    hair_patch lashes = {.count = 70, .seed = 14u, .length = 0.75f, .width = 0.035f, .opacity = 0.7f};
    lashes.colour = mul(colour, 0.3f);
    grow(list, f, &scalp, detail);
    grow(list, f, &wisps, detail);
    grow(list, f, &brow, detail);
    grow_lashes(list, f, &lashes);
}

/* ---- dress ---- */

static float dress(vec3 b, float bust) {
    float folds = 0.22f * sinf(b.x * 0.9f + 2.0f * noise3(mul(b, 0.2f), 5u)) * smoothstep(-21.0f, -28.0f, b.y);
    float neckline = sd_ellipsoid(b, v3(0, -17.0f, -6.5f), v3(10.5f, 8.0f, 9.5f));
    return smooth_cut(bust - 0.35f - folds, neckline, 0.3f) * 0.8f;
}

/* ---- the sitting ---- */

static figure sitter(void) {
    figure f = {.head = {.lid_open = 0.77f,
                         .lip_fullness = 0.6f,
                         .face_width = -0.5f,
                         .jaw_width = -0.8f,
                         .eye_size = 1.2f,
                         .cheeks = 0.1f,
                         .smile = 0.6f,
                         .eye_tilt = 0.6f,
                         .nose_width = -0.5f,
                         .gaze_x = -0.32f,
                         .gaze_y = 0.0f},
                .hair = hair_mass,
                .cloth = dress};
    figure_pose(&f, frame_about(v3(0, -7.0f, -8.0f), 0.52f, 0.03f, 0.06f),
                frame_moved(frame_about(v3(0, -20.0f, -10.0f), 0.75f, 0.0f, 0.0f), v3(0, 2.0f, 0)));
    f.pearls[0] = v3(-7.3f, -4.6f, -7.0f), f.pearls[1] = v3(7.3f, -4.6f, -7.0f), f.pearl_radius = 0.55f;
    return f;
}

static complexion look(void) {
    return (complexion){.skin = v3(0.44f, 0.245f, 0.155f),
                        .flush = v3(1.05f, 0.66f, 0.6f),
                        .lips = v3(0.38f, 0.1f, 0.085f),
                        .iris = v3(0.1f, 0.045f, 0.018f),
                        .iris_ring = v3(0.16f, 0.075f, 0.02f),
                        .hair = v3(0.035f, 0.019f, 0.012f),
                        .cloth = v3(0.02f, 0.11f, 0.12f),
                        .cloth_light = v3(0.05f, 0.2f, 0.2f),
                        .makeup = 0.6f,
                        .seed = 1000u};
}

static setup lighting(void) {
    return (setup){.lights = {{normalize(v3(0.62f, 0.55f, 0.62f)), v3(2.5f, 2.2f, 1.85f), 5.0f},
                              {normalize(v3(-0.85f, 0.25f, -0.45f)), v3(0.5f, 0.65f, 0.85f), 6.0f},
                              {normalize(v3(-0.7f, 0.1f, 0.7f)), v3(0.3f, 0.3f, 0.36f), 0.0f}},
                   .sky = v3(0.3f, 0.33f, 0.4f),
                   .ground = v3(0.2f, 0.14f, 0.11f),
                   .backdrop = v3(0.035f, 0.05f, 0.055f),
                   .glow = v3(0.24f, 0.27f, 0.24f),
                   .glow_at = v2(-0.2f, -0.02f),
                   .aim = v2(0.0f, -5.0f),
                   .height = 37.0f,
                   .exposure = 0.95f};
}

void paint_portrait1(picture *out) {
    figure f = sitter();
    complexion c = look();
    setup s = lighting();
    strand_list hair;
    strands_init(&hair, 12000);
    add_hair(&hair, &f, c.hair, out->scale);
    paint_portrait(out, &f, &c, &s, &hair);
    strands_deinit(&hair);
}
