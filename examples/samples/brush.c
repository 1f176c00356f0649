/* SPDX-License-Identifier: MIT
 * brush.c: strokes are rasterised by their coordinates along and across the path; bristles are noise in these. */
#include "brush.h"

void easel_init(easel *e, picture *canvas) {
    e->canvas = canvas;
    layer_init(&e->thickness, canvas, 0.0f);
}

void easel_deinit(easel *e) { layer_deinit(&e->thickness); }

void stroke_follow(stroke *s, vec2 start, float length, vec2 (*flow)(vec2 p)) {
    float step = length / (STROKE_POINTS - 1);
    s->count = STROKE_POINTS;
    vec2 p = start;
    for (int i = STROKE_POINTS / 2; i >= 0; i--) {
        s->point[i] = p;
        p = sub2(p, mul2(flow(p), step));
    }
    p = start;
    for (int i = STROKE_POINTS / 2; i < STROKE_POINTS; i++) {
        s->point[i] = p;
        p = add2(p, mul2(flow(p), step));
    }
}

vec2 stroke_place(const stroke *s, vec2 p) {
    float best = 1e9f, way = 0.0f, passed = 0.0f, across = 2.0f;
    for (int i = 0; i + 1 < s->count; i++) {
        vec2 a = s->point[i], side = sub2(s->point[i + 1], a), from = sub2(p, a);
        float length = length2(side), t = clampf(dot2(from, side) / maxf(length * length, 1e-6f), 0.0f, 1.0f);
        vec2 off = sub2(from, mul2(side, t));
        float squared = dot2(off, off);
        if (squared < best) {
            float turn = side.x * from.y - side.y * from.x;
            best = squared;
            way = passed + t * length;
            across = (turn < 0.0f ? -1.0f : 1.0f) * sqrtf(squared) / (0.5f * s->width);
        }
        passed += length;
    }
    return v2(way, across);
}

float stroke_length(const stroke *s) {
    float sum = 0.0f;
    for (int i = 0; i + 1 < s->count; i++) sum += length2(sub2(s->point[i + 1], s->point[i]));
    return maxf(sum, 1e-3f);
}

/* What the bristles leave at a place of a stroke. */
typedef struct touch {
    float cover, height, streak;
} touch;

static touch touch_at(const stroke *s, vec2 place, float length) {
    float t = place.x / length, across = place.y;
    float hair = noise2(across * s->width * 0.55f + 37.0f, place.x * 0.035f, s->seed);
    float fine = noise2(across * s->width * 1.3f, place.x * 0.06f, s->seed + 1u);
    float ragged = 0.16f * noise2(across * 3.0f, 0.5f, s->seed + 2u);
    float ends = smoothstep(0.0f, 0.07f, t + 0.5f * ragged) * smoothstep(1.0f, 0.9f, t + ragged);
    float border = smoothstep(1.0f, 0.78f, fabsf(across) + 0.12f * hair);
    float dry = smoothstep(0.0f, 0.35f, 0.75f + 0.6f * hair + 0.4f * fine - s->wear * 1.6f * t);
    float ridge = 0.35f * bump(fabsf(across) - 0.75f, 0.16f);
    return (touch){ends * border * dry, s->body * (0.55f + 0.45f * hair + 0.25f * fine + ridge),
                   smoothstep(0.25f, 0.75f, hair + 0.5f * fine)};
}

static void leave(easel *e, const stroke *s, size_t i, touch t) {
    e->canvas->rgb[i] = mix3(e->canvas->rgb[i], mix3(s->colour, s->streak, 0.7f * t.streak), t.cover);
    e->thickness.v[i] = mixf(e->thickness.v[i], 0.35f * e->thickness.v[i] + t.height, t.cover);
}

static int clip(float v, int limit) { return v < 0.0f ? 0 : v > (float)limit ? limit : (int)v; }

pixel_box stroke_box(const stroke *s, float scale, int width, int height) {
    float reach = 0.6f * s->width + 1.0f;
    vec2 low = s->point[0], high = s->point[0];
    for (int i = 1; i < s->count; i++) {
        low = v2(minf(low.x, s->point[i].x), minf(low.y, s->point[i].y));
        high = v2(maxf(high.x, s->point[i].x), maxf(high.y, s->point[i].y));
    }
    return (pixel_box){clip((low.x - reach) * scale, width), clip((low.y - reach) * scale, height),
                       clip((high.x + reach) * scale + 1.0f, width), clip((high.y + reach) * scale + 1.0f, height)};
}

void easel_stroke(easel *e, const stroke *s) {
    pixel_box box = stroke_box(s, e->canvas->scale, e->canvas->width, e->canvas->height);
    float length = stroke_length(s);
    for (int y = box.y0; y < box.y1; y++)
        for (int x = box.x0; x < box.x1; x++) {
            vec2 place = stroke_place(s, unit_at(e->canvas->scale, x, y));
            if (fabsf(place.y) > 1.15f) continue;
            leave(e, s, (size_t)y * (size_t)e->canvas->width + (size_t)x, touch_at(s, place, length));
        }
}

void easel_light(easel *e, float strength) {
    picture *c = e->canvas;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            size_t i = (size_t)y * (size_t)c->width + (size_t)x;
            vec2 slope = mul2(layer_slope(&e->thickness, x, y), strength * c->scale);
            vec3 n = normalize(v3(-slope.x, -slope.y, 1.0f)), to_light = normalize(v3(-0.55f, -0.65f, 0.75f));
            float facing = dot(n, to_light) / to_light.z;
            float shine = powf(maxf(dot(n, normalize(v3(-0.3f, -0.36f, 1.0f))), 0.0f), 60.0f) - 0.12f;
            vec3 lit = mul(c->rgb[i], mixf(1.0f, facing, 0.6f));
            c->rgb[i] = saturate3(add(lit, grey(0.06f * shine)));
        }
}
