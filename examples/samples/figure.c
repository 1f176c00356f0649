/* SPDX-License-Identifier: MIT
 * figure.c: poses, neck, bust, and the union of everything a person is made of. */
#include "figure.h"

frame frame_about(vec3 pivot, float yaw, float pitch, float roll) {
    frame f;
    f.x = turn_y(turn_x(turn_z(v3(1, 0, 0), roll), pitch), yaw);
    f.y = turn_y(turn_x(turn_z(v3(0, 1, 0), roll), pitch), yaw);
    f.z = turn_y(turn_x(turn_z(v3(0, 0, 1), roll), pitch), yaw);
    f.origin = v3(0, 0, 0);
    f.origin = sub(pivot, to_world(&f, pivot));
    return f;
}

frame frame_moved(frame f, vec3 way) {
    f.origin = add(f.origin, way);
    return f;
}

vec3 direction_to_local(const frame *f, vec3 w) { return v3(dot(w, f->x), dot(w, f->y), dot(w, f->z)); }
vec3 to_local(const frame *f, vec3 w) { return direction_to_local(f, sub(w, f->origin)); }
vec3 direction_to_world(const frame *f, vec3 l) { return add(mul(f->x, l.x), add(mul(f->y, l.y), mul(f->z, l.z))); }
vec3 to_world(const frame *f, vec3 l) { return add(f->origin, direction_to_world(f, l)); }

/* The neck joins points of the head to points of the body, so that it twists and bends with the pose. */
void figure_pose(figure *f, frame of_head, frame of_body) {
    f->head_frame = of_head;
    f->body_frame = of_body;
    f->neck[0] = to_world(&of_head, v3(0, -4.0f, -8.6f));
    f->neck[1] = to_world(&of_body, v3(0, -19.0f, -10.2f));
    for (int i = 0; i < 2; i++) {
        float side = i ? 1.0f : -1.0f;
        f->tendon[i][0] = to_world(&of_head, v3(side * 5.4f, -4.5f, -9.0f));
        f->tendon[i][1] = to_world(&of_body, v3(side * 1.5f, -20.0f, -5.0f));
    }
}

static float neck(const figure *f, vec3 p, vec3 b) {
    float thick = 4.4f + 1.1f * f->head.masculine;
    float d = sd_cone(p, f->neck[0], f->neck[1], thick, thick + 0.6f);
    if (d > 8.0f) return d - 2.0f;
    for (int i = 0; i < 2; i++) d = smooth_min(d, sd_cone(p, f->tendon[i][0], f->tendon[i][1], 1.1f, 0.7f), 1.6f);
    float larynx = sd_ellipsoid(b, v3(0, -13.0f, -4.9f), v3(0.9f, 1.3f, 1.0f));
    return smooth_min(d, larynx + 0.5f * (1.0f - f->head.masculine), 1.2f);
}

static float bust(const figure *f, vec3 b) {
    vec3 q = v3(sqrtf(b.x * b.x + 0.3f), b.y, b.z);
    float m = f->head.masculine;
    float chest = sd_ellipsoid(q, v3(0, -33.0f, -9.5f), v3(14.0f + 2.0f * m, 14.5f, 8.5f));
    float shoulder = sd_cone(q, v3(3.0f, -20.5f, -10.5f), v3(13.5f + 3.0f * m, -24.0f, -10.5f), 3.6f, 5.0f);
    float slope = sd_cone(q, v3(1.5f, -13.0f, -12.5f), v3(10.0f, -22.0f, -11.5f), 3.2f + 0.4f * m, 3.0f);
    float collarbone = sd_cone(q, v3(1.6f, -20.6f, -4.5f), v3(11.5f, -19.4f, -7.7f), 0.55f, 0.55f);
    float d = smooth_min(smooth_min(chest, shoulder, 3.0f), slope, 3.0f);
    return smooth_min(d, collarbone, 1.3f);
}

/* Bust and clothes lie below −9 in body coordinates; above −4 the distance to that plane stands for them. */
static const float bust_top = -9.0f, bust_near = -4.0f;

static float skin_and_bust(const figure *f, vec3 p, vec3 b, float *bust_distance) {
    float d = head_skin(&f->head, to_local(&f->head_frame, p));
    float n = neck(f, p, b);
    *bust_distance = b.y < bust_near ? bust(f, b) : b.y - bust_top;
    if (b.y < bust_near) n = smooth_min(n, *bust_distance, 2.2f);
    return smooth_min(d, n, 1.6f);
}

float figure_skin(const figure *f, vec3 p) {
    float unused;
    return skin_and_bust(f, p, to_local(&f->body_frame, p), &unused);
}

static float pearls(const figure *f, vec3 q) { return sd_sphere(q, f->pearls[q.x > 0.0f], f->pearl_radius); }

float figure_distance(const figure *f, vec3 p, material *nearest) {
    vec3 q = to_local(&f->head_frame, p), b = to_local(&f->body_frame, p);
    float bust_distance, d = skin_and_bust(f, p, b, &bust_distance);
    float eye = q.z > -2.0f && fabsf(q.y) < 3.0f ? head_eyes(&f->head, q) : 1e9f;
    float pearl = f->pearl_radius > 0.0f ? pearls(f, q) : 1e9f;
    float hair = f->hair(q), cloth = b.y < bust_near ? f->cloth(b, bust_distance) : b.y - bust_top;
    *nearest = SKIN;
    if (eye < d) *nearest = EYE, d = eye;
    if (hair < d) *nearest = HAIR, d = hair;
    if (cloth < d) *nearest = CLOTH, d = cloth;
    if (pearl < d) *nearest = PEARL, d = pearl;
    return d;
}

/* Differences along the corners of a tetrahedron: four distances instead of six. */
vec3 figure_normal(const figure *f, vec3 p, float step) {
    static const vec3 corner[4] = {{1, -1, -1}, {-1, -1, 1}, {-1, 1, -1}, {1, 1, 1}};
    material unused;
    vec3 n = v3(0, 0, 0);
    for (int i = 0; i < 4; i++) n = along(n, corner[i], figure_distance(f, along(p, corner[i], step), &unused));
    return normalize(n);
}
