/* SPDX-License-Identifier: MIT
 * hair.c: grows strands: a root moved onto the surface, then steps along the patch's direction, bent by wave and frizz. */
#include "hair.h"

#include "picture.h"

#include <stdlib.h>

void strands_init(strand_list *list, int capacity) {
    list->strands = allocate((size_t)capacity, sizeof *list->strands);
    list->count = 0;
    list->capacity = capacity;
}

void strands_deinit(strand_list *list) {
    free(list->strands);
    list->strands = NULL;
}

static float distance_to(const hair_patch *patch, const figure *f, vec3 q) {
    return patch->surface ? patch->surface(q) : head_skin(&f->head, q);
}

static vec3 normal_of(const hair_patch *patch, const figure *f, vec3 q) {
    const float e = 0.05f;
    float d = distance_to(patch, f, q);
    return normalize(v3(distance_to(patch, f, v3(q.x + e, q.y, q.z)) - d,
                        distance_to(patch, f, v3(q.x, q.y + e, q.z)) - d,
                        distance_to(patch, f, v3(q.x, q.y, q.z + e)) - d));
}

/* Moves q along the normal until it is `lift` above the surface. */
static vec3 settle(const hair_patch *patch, const figure *f, vec3 q, float lift, int steps) {
    for (int i = 0; i < steps; i++) q = along(q, normal_of(patch, f, q), (lift - distance_to(patch, f, q)) * 0.9f);
    return q;
}

static vec3 bent(const hair_patch *patch, vec3 direction, vec3 n, vec3 q, float t, float phase, uint32_t seed) {
    vec3 side = normalize(cross(direction, n));
    float wave = patch->wave * sinf(t * 22.0f + phase + 1.5f * noise3(mul(q, 0.3f), patch->seed));
    vec3 frizz = v3(noise3(mul(q, 1.1f), seed), noise3(mul(q, 1.1f), seed + 1u), noise3(mul(q, 1.1f), seed + 2u));
    return normalize(along(along(direction, side, wave), frizz, patch->frizz));
}

static void grow_strand(strand *s, const figure *f, const hair_patch *patch, vec3 q, vec3 n, random_stream *r) {
    float length = patch->length * maxf(0.2f, 1.0f + patch->length_spread * random_normal(r));
    float lift = patch->lift + patch->lift_spread * square(random_unit(r)), phase = 1.2f * random_unit(r);
    uint32_t seed = patch->seed * 7919u + (uint32_t)(8.0f * random_unit(r));
    s->count = patch->points;
    s->width = patch->width * random_between(r, 0.7f, 1.2f);
    s->opacity = patch->opacity;
    s->depth = 1.0f - saturate((lift - patch->lift) / maxf(patch->lift_spread, 1e-3f) * 1.6f);
    s->colour = along(patch->colour, patch->colour_spread, random_normal(r));
    s->colour = v3(maxf(s->colour.x, 0.002f), maxf(s->colour.y, 0.002f), maxf(s->colour.z, 0.002f));
    for (int i = 0; i < s->count; i++) {
        float t = (float)i / (float)(s->count - 1);
        s->point[i] = to_world(&f->head_frame, q);
        vec3 direction = bent(patch, patch->direction(q, n, t), n, q, t, phase, seed);
        q = along(q, direction, length / (float)(s->count - 1));
        if (patch->surface) q = settle(patch, f, q, lift * smoothstep(0.0f, 0.15f, t), 1);
    }
}

void grow(strand_list *list, const figure *f, const hair_patch *patch, float detail) {
    random_stream r = {patch->seed};
    float part = minf(detail, 1.0f);
    int wanted = (int)((float)patch->count * part), grown = 0;
    for (int tries = 40 * wanted; tries > 0 && grown < wanted && list->count < list->capacity; tries--) {
        vec3 root = v3(random_between(&r, patch->low.x, patch->high.x), random_between(&r, patch->low.y, patch->high.y),
                       random_between(&r, patch->low.z, patch->high.z));
        root = settle(patch, f, root, 0.0f, 4);
        if (random_unit(&r) >= patch->density(f, root)) continue;
        strand *s = &list->strands[list->count++];
        grow_strand(s, f, patch, root, normal_of(patch, f, root), &r);
        s->width /= part;
        grown++;
    }
}

/* One lash from the edge of a lid: out, then curling up (side of the lid: +1 upper, −1 lower). */
static void grow_lash(strand *s, const figure *f, const hair_patch *patch, float eye, float lid, random_stream *r) {
    float t = random_between(r, -0.75f, 0.98f), x = t * eye_half_width(&f->head);
    float y = lid > 0.0f ? upper_lid(&f->head, t) : lower_lid(&f->head, t);
    vec3 out = normalize(v3(0.35f * t + 0.15f * random_normal(r), 0.1f * lid, 1.0f));
    vec3 q = v3(x, y, sqrtf(maxf(1.9f - 0.8f * x * x - y * y, 0.05f)));
    float length = patch->length * (lid > 0.0f ? 0.75f + 0.35f * t : 0.45f) * random_between(r, 0.7f, 1.1f);
    *s = (strand){
        .count = 10, .width = patch->width, .opacity = patch->opacity, .colour = patch->colour, .depth = 0.5f};
    for (int i = 0; i < s->count; i++) {
        s->point[i] = to_world(&f->head_frame, add(eye_centre(eye), v3(eye * q.x, q.y, q.z)));
        out = normalize(add(out, v3(0.05f * t, lid * 0.16f, 0.0f)));
        q = along(q, out, length / 9.0f);
    }
}

void grow_lashes(strand_list *list, const figure *f, const hair_patch *patch) {
    random_stream r = {patch->seed};
    for (int i = 0; i < patch->count * 8 / 3 && list->count < list->capacity; i++)
        grow_lash(&list->strands[list->count++], f, patch, i & 1 ? 1.0f : -1.0f, i % 8 < 6 ? 1.0f : -1.0f, &r);
}
