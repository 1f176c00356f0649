/* SPDX-License-Identifier: MIT
 * head.c: the solids that make up a head, from the skull outwards. All but the asymmetry is modelled on the side x ≥ 0
 * and mirrored. */
#include "head.h"

static const float eye_radius = 1.22f;

vec3 eye_centre(float side) { return v3(side * 3.2f, 0.0f, 0.0f); }

float eye_half_width(const head *h) { return 1.52f + 0.1f * h->eye_size; }

float upper_lid(const head *h, float t) {
    float arch = powf(maxf(1.0f - square(t), 0.0f), 0.62f) * (1.0f - 0.18f * t);
    return 0.12f * (1.0f + h->eye_tilt) * t + (0.58f + 0.08f * h->eye_size) * arch * h->lid_open;
}

float lower_lid(const head *h, float t) {
    float arch = powf(maxf(1.0f - square(t), 0.0f), 0.75f) * (1.0f + 0.2f * t);
    return 0.12f * (1.0f + h->eye_tilt) * t - (0.44f - 0.05f * h->smile) * arch * h->lid_open;
}

float mouth_line(const head *h, float x) {
    float t = fabsf(x) / (2.5f + 0.2f * h->mouth_width);
    return -6.55f - 0.09f * cosf(t * 4.0f) + (0.42f * h->smile - 0.1f) * t * t;
}

/* ---- skull and the large forms ---- */

float head_scalp(vec3 p) { return sd_ellipsoid(p, v3(0, 3.3f, -7.4f), v3(7.3f, 7.9f, 9.2f)); }

/* The same point with the mirror plane rounded off, for solids that would meet in a crease there. */
static vec3 blunt(vec3 q) { return v3(sqrtf(q.x * q.x + 0.3f), q.y, q.z); }

static float jaw(const head *h, vec3 q) {
    float wide = 4.1f + 0.7f * h->masculine + 0.5f * h->jaw_width;
    float low = -9.8f - 0.3f * h->masculine - 0.6f * h->chin_length;
    vec3 gonion = v3(wide, -6.0f - 0.5f * h->masculine, -5.6f), chin = v3(0.8f + 0.5f * h->masculine, low, -0.6f);
    float body = sd_cone(q, gonion, chin, 1.35f, 1.25f);
    float ramus = sd_cone(q, v3(wide + 1.0f, -0.5f, -7.4f), gonion, 1.0f, 1.25f);
    float boss = sd_ellipsoid(q, v3(0, low + 0.3f, 0.05f), v3(2.0f + 0.4f * h->masculine, 1.35f, 1.3f));
    float muscle = sd_ellipsoid(q, v3(wide + 0.5f, -4.4f, -4.6f), v3(1.5f, 2.7f, 2.6f));
    return smooth_min(smooth_min(smooth_min(body, ramus, 1.5f), muscle, 1.5f), boss, 1.4f);
}

static float face_mass(const head *h, vec3 q) {
    float d = sd_ellipsoid(q, v3(0, -2.4f, -4.9f), v3(6.0f + 0.3f * h->face_width, 7.6f, 6.3f));
    d = smooth_min(d, jaw(h, blunt(q)), 2.5f);
    float muzzle = sd_ellipsoid(q, v3(0, -6.5f, -0.6f), v3(3.5f, 2.8f, 2.35f));
    return smooth_min(d, muzzle, 1.6f);
}

static float cheek(const head *h, vec3 q) {
    float bone = sd_ellipsoid(q, v3(4.45f + 0.2f * h->face_width, -2.3f, -1.2f), v3(1.7f, 1.25f, 1.6f));
    float flesh = sd_ellipsoid(q, v3(3.5f, -4.0f, -0.9f), v3(2.0f + 0.3f * h->cheeks, 2.3f, 1.9f + 0.35f * h->cheeks));
    float arch = sd_cone(q, v3(5.2f, -1.9f, -2.0f), v3(6.5f, -0.9f, -7.0f), 0.95f, 0.8f);
    float hollow = sd_ellipsoid(q, v3(3.4f, -6.6f, -2.2f), v3(1.7f, 2.3f, 2.2f));
    return smooth_min(smooth_min(bone, arch, 1.5f), smooth_min(flesh, hollow, 1.5f), 1.6f);
}

static float brow(const head *h, vec3 q) {
    float ridge = 0.3f * h->masculine;
    float bone = sd_bow(q, v3(0.6f, 1.75f, 0.4f + ridge), v3(3.0f, 2.0f, 0.25f + ridge), v3(5.0f, 1.2f, -1.3f),
                        v3(0.75f, 0.9f, 0.7f), 0.5f);
    float fat = sd_ellipsoid(q, v3(3.2f, 1.35f - 0.1f * h->age, -0.05f), v3(2.2f, 0.9f, 1.2f));
    float temple = sd_ellipsoid(q, v3(4.7f, 1.3f, -3.0f), v3(1.6f, 2.4f, 2.6f));
    return smooth_min(smooth_min(bone, fat, 0.9f), temple, 1.2f);
}

/* ---- nose ---- */

static float nose_bridge(const head *h, vec3 q) {
    float lift = 0.2f * h->nose_bridge;
    return sd_bow(q, v3(0, 1.1f, 1.0f), v3(0, -1.5f, 1.95f + lift), v3(0, -3.4f, 3.0f), v3(0.62f, 0.66f, 0.85f), 0.6f);
}

static float nose_tip(const head *h, vec3 q, float drop) {
    float wide = 0.14f * h->nose_width;
    float tip = sd_ellipsoid(q, v3(0, -3.7f - drop, 3.0f), v3(0.77f + 0.08f * h->masculine + wide, 0.7f, 0.85f));
    float wing = sd_ellipsoid(q, v3(1.05f + wide, -3.95f - drop, 1.95f),
                              v3(0.55f + 0.07f * h->masculine + wide, 0.6f, 0.9f));
    float wall = sd_ellipsoid(q, v3(0.75f, -2.9f - drop, 1.75f), v3(0.75f, 1.1f, 1.0f));
    float column = sd_cone(q, v3(0, -4.55f - drop, 2.2f), v3(0, -4.1f - drop, 3.2f), 0.36f, 0.36f);
    return smooth_min(smooth_min(smooth_min(tip, wing, 0.75f), wall, 0.6f), column, 0.35f);
}

static float nose(const head *h, vec3 q, float d) {
    float drop = 0.3f * h->nose_length;
    d = smooth_min(d, nose_bridge(h, q), 1.3f);
    d = smooth_min(d, nose_tip(h, q, drop), 0.7f);
    float nostril = sd_ellipsoid(q, v3(0.66f + 0.14f * h->nose_width, -4.62f - drop, 2.5f), v3(0.36f, 0.3f, 0.5f));
    return smooth_cut(d, nostril, 0.22f);
}

/* ---- eyes and lids ---- */

/* The opening between the lids seen from the front: negative inside. */
static float lid_gap(const head *h, vec3 e) {
    float t = e.x / eye_half_width(h);
    return maxf(maxf(e.y - upper_lid(h, t), lower_lid(h, t) - e.y), (fabsf(t) - 1.0f) * 1.5f);
}

static float lids(const head *h, vec3 q, float d) {
    vec3 e = sub(q, eye_centre(1.0f));
    float ball = sd_ellipsoid(e, v3(0, 0, 0), v3(1.62f, eye_radius + 0.17f, eye_radius + 0.2f));
    d = smooth_min(d, ball, 0.35f);
    if (e.z < 0.0f) return d;
    return smooth_cut(d, lid_gap(h, e), 0.1f);
}

static float socket(vec3 q) { return sd_ellipsoid(q, v3(2.7f, -0.1f, 2.0f), v3(2.0f, 1.25f, 1.35f)); }

float head_eyes(const head *h, vec3 p) {
    vec3 e = sub(p, eye_centre(p.x < 0 ? -1.0f : 1.0f));
    vec3 look = turn_x(turn_y(e, -h->gaze_x), h->gaze_y);
    float cornea = sd_sphere(look, v3(0, 0, 0.52f), 0.8f);
    return smooth_min(length(e) - eye_radius, cornea, 0.1f);
}

/* ---- lips ---- */

/* One lip: a tube along the curve of the mouth, thickest in the middle and closing at the corners. */
static float lip(vec3 q, float wide, float y, float z, float height, float depth) {
    float t = minf(q.x / wide, 1.0f), open = powf(maxf(1.0f - t * t, 0.0f), 0.75f);
    vec3 e = v3(maxf(q.x - wide, 0.0f), q.y - y, (q.z - z + 0.95f * t * t) * height / depth);
    return (length(e) - height * (0.08f + 0.92f * open)) * 0.9f;
}

static float lips(const head *h, vec3 q, float d) {
    float full = 0.1f * h->lip_fullness, wide = 2.55f + 0.2f * h->mouth_width;
    float line = mouth_line(h, minf(q.x, wide)), t = minf(q.x / wide, 1.0f);
    float cupid = 0.07f * cosf(q.x * 5.5f) * bump(q.x, 0.6f);
    float upper = lip(q, wide, line + (0.33f + full - cupid) * (1.0f - 0.9f * t), 1.68f, 0.37f + full, 0.48f);
    float lower = lip(q, wide * 0.96f, line - (0.42f + full) * (1.0f - 0.85f * t * t), 1.55f, 0.44f + full, 0.58f);
    return smooth_min(d, smooth_min(upper, lower, 0.05f), 0.3f);
}

/* ---- folds ---- */

/* Distance from p to the segment a b. */
static float segment(vec2 p, vec2 a, vec2 b) {
    vec2 pa = sub2(p, a), ba = sub2(b, a);
    return length2(sub2(pa, mul2(ba, saturate(dot2(pa, ba) / dot2(ba, ba)))));
}

/* The furrow from the wing of the nose past the corner of the mouth; deeper with age and with a smile. */
static float laugh_line(const head *h, vec3 q) {
    vec2 p = v2(q.x, q.y);
    float d = minf(segment(p, v2(1.75f, -3.6f), v2(2.75f, -5.2f)), segment(p, v2(2.75f, -5.2f), v2(3.15f, -6.9f)));
    float depth = 0.05f + 0.03f * h->smile + 0.13f * h->age;
    return depth * bump(d, 0.22f) * smoothstep(-7.6f, -6.0f, q.y) * smoothstep(-2.0f, 0.0f, q.z);
}

/* ---- ear ---- */

static float ear(vec3 q) {
    vec3 e = turn_x(turn_y(sub(q, v3(6.9f, -1.3f, -7.4f)), 0.45f), -0.15f);
    float disc = sd_ellipsoid(e, v3(0.3f, 0.5f, -0.6f), v3(0.75f, 2.6f, 1.7f));
    float lobe = sd_ellipsoid(e, v3(0.1f, -2.0f, 0.1f), v3(0.5f, 1.1f, 0.9f));
    float bowl = sd_ellipsoid(e, v3(1.1f, 0.3f, -0.4f), v3(0.8f, 2.0f, 1.15f));
    float knob = sd_ellipsoid(e, v3(0.3f, -0.5f, 0.85f), v3(0.45f, 0.65f, 0.4f));
    float d = smooth_cut(smooth_min(disc, lobe, 0.6f), bowl, 0.35f);
    return smooth_min(d, knob, 0.3f);
}

/* ---- all together ---- */

/* Whether a solid within `reach` of `centre` can change d when blended over k; false far from it, which saves its cost. */
static int touches(vec3 q, vec3 centre, float reach, float d, float k) {
    return length(sub(q, centre)) - reach < d + k;
}

static float features(const head *h, vec3 q, float d) {
    if (touches(q, v3(4.6f, -3.2f, -2.6f), 6.0f, d, 1.6f)) d = smooth_min(d, cheek(h, q), 1.6f);
    if (touches(q, v3(3.3f, 1.6f, -1.0f), 4.6f, d, 1.1f)) d = smooth_min(d, brow(h, q), 1.1f);
    if (length(sub(q, v3(2.7f, -0.1f, 2.0f))) < 3.2f - minf(d, 0.0f)) d = smooth_cut(d, socket(q), 1.0f);
    if (touches(q, v3(0.0f, -1.8f, 2.0f), 4.2f, d, 1.3f)) d = nose(h, q, d);
    if (touches(q, v3(0.0f, -6.6f, 1.3f), 3.4f, d, 0.3f)) d = lips(h, q, d);
    if (touches(q, v3(3.2f, 0.0f, 0.0f), 2.1f, d, 0.4f)) d = lids(h, q, d);
    return q.z > -2.0f ? d + laugh_line(h, q) : d;
}

float head_skin(const head *h, vec3 p) {
    vec3 q = v3(sqrtf(p.x * p.x + 1e-4f), p.y, p.z);
    float bound = sd_ellipsoid(q, v3(0, 0, -6.5f), v3(9.0f, 12.5f, 12.0f));
    if (bound > 4.0f) return bound;
    float d = smooth_min(head_scalp(q), face_mass(h, q), 3.0f);
    if (touches(q, v3(0, -2.0f, -1.0f), 7.5f, d, 1.6f)) d = features(h, q, d);
    if (touches(q, v3(7.2f, -1.3f, -7.9f), 4.6f, d, 0.5f)) d = smooth_min(d, ear(q), 0.5f);
    return d;
}
