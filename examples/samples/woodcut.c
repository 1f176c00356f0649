/* SPDX-License-Identifier: MIT
 * woodcut.c: a coast at sunrise as a woodcut: black block carved with gouges that follow the form, and one tint block.
 * Every region gives the gouges a direction (phase across them, way along them) and a tone; carve() does the cutting. */
#include "noise.h"
#include "samples.h"

enum { SAMPLES_PER_SIDE = 2 };
static const vec2 sun = {418.0f, 172.0f};
static const float horizon = 292.0f;

/* What the printer's blocks leave at a point: black and tint, 0 … 1. */
typedef struct print {
    float black, tint;
} print;
typedef int (*figure_fn)(vec2 p, print *out);

/* ---- carving ---- */

/* White gouges in black. phase: counts gouges; along: units; spacing: units between gouges; tone: 0 white … 1 black. */
static float carve(float phase, float along, float spacing, float tone, uint32_t seed) {
    int line = (int)floorf(phase);
    float from_middle = fabsf(fractf(phase) - 0.5f) * spacing;
    float length = 26.0f + 70.0f * hash2(line, 1, seed), place = fractf(along / length + hash2(line, 2, seed));
    float taper = smoothstep(0.0f, 0.1f, place) * smoothstep(1.0f, 0.72f, place);
    float hand = 1.0f + 0.22f * noise2(along * 0.09f, (float)line * 3.7f, seed) +
                 0.12f * noise2(along * 0.4f, (float)line, seed + 1u);
    float half = 0.5f * spacing * (1.0f - saturate(tone)) * hand * mixf(1.0f, taper, smoothstep(0.12f, 0.45f, tone));
    return tone < 0.04f ? 0.0f : smoothstep(half - 0.3f, half + 0.3f, from_middle + (half < 0.25f ? 1.0f : 0.0f));
}

/* A contour line left standing. */
static float ridge_line(float distance, float width) { return smoothstep(width + 0.4f, width - 0.4f, fabsf(distance)); }

/* ---- sky ---- */

static float cloud_edge(vec2 p, float x, float y, float wide, uint32_t seed) {
    float t = (p.x - x) / wide;
    float billows = 17.0f * sqrtf(maxf(1.0f - t * t, 0.0f)) *
                        (0.55f + 0.45f * fabsf(sinf(p.x * 0.055f + (float)seed))) +
                    4.0f * noise2(p.x * 0.03f, 1.0f, seed);
    return fabsf(t) < 1.0f ? (p.y < y ? (y - p.y) - billows : (p.y - y) - 5.0f * (1.0f - t * t)) : 9.0f;
}

static float cloud_distance(vec2 p) {
    static const float clouds[][3] = {{130, 82, 105}, {245, 128, 78}, {565, 96, 92},
                                      {590, 214, 66}, {60, 190, 80},  {330, 52, 60}};
    float best = 99.0f;
    for (int i = 0; i < 6; i++)
        best = minf(best, cloud_edge(p, clouds[i][0], clouds[i][1], clouds[i][2], 3u + (uint32_t)i * 7u));
    return best;
}

static print sky(vec2 p) {
    vec2 from = sub2(p, sun);
    float r = length2(from), angle = atan2f(from.y, from.x);
    float disc = r - 50.0f - 0.8f * noise2(angle * 5.0f, 0.5f, 2u);
    if (disc < 0.0f) return (print){ridge_line(disc, 1.3f), 1.0f};
    float cloud = cloud_distance(p);
    if (cloud < 0.0f) {
        float shade = carve(p.y / 4.4f + 0.25f * sinf(p.x * 0.06f), p.x, 4.4f, smoothstep(-14.0f, 1.0f, cloud) * 0.5f,
                            11u);
        return (print){maxf(shade * smoothstep(-1.0f, -3.0f, cloud), ridge_line(cloud, 1.0f)), 0.0f};
    }
    float rays = 0.5f + 0.5f * cosf(angle * 26.0f + 0.6f * sinf(r * 0.02f));
    float tone = 0.10f + 0.72f * smoothstep(40.0f, 400.0f, r) +
                 0.34f * (smoothstep(0.25f, 0.75f, rays) - 0.5f) * smoothstep(56.0f, 110.0f, r);
    if (r < 60.0f) tone = 0.0f;
    return (print){carve(r / 5.6f, angle * r, 5.6f, tone, 12u),
                   0.55f * smoothstep(190.0f, 60.0f, r + 40.0f * (rays - 0.5f)) > 0.25f ? 0.5f : 0.0f};
}

/* ---- mountains and headland ---- */

static float far_ridge(float x) {
    return 262.0f - 62.0f * bump(x - 250.0f, 46.0f) - 40.0f * bump(x - 330.0f, 40.0f) -
           34.0f * bump(x - 160.0f, 44.0f) + 14.0f * fbm2(x * 0.045f, 2.0f, 4, 15u) +
           40.0f * smoothstep(340.0f, 420.0f, x);
}

static print mountain(vec2 p) {
    float below = p.y - far_ridge(p.x);
    float spurs = fbm2((p.x + 0.3f * below) * 0.035f, below * 0.012f, 3, 16u),
          next = fbm2((p.x + 2.0f + 0.3f * below) * 0.035f, below * 0.012f, 3, 16u);
    float shade = smoothstep(-0.012f, 0.012f, spurs - next);
    float tone = mixf(0.68f, 0.2f, shade), lean = mixf(0.8f, -0.55f, shade);
    float cut = carve((p.x + lean * below) / 4.2f, p.y, 4.2f, tone, shade > 0.5f ? 17u : 18u);
    return (print){maxf(cut, ridge_line(below, 1.3f)), 0.0f};
}

static float head_ridge(float x) {
    return 330.0f - 78.0f * smoothstep(440.0f, 610.0f, x) + 5.0f * sinf(x * 0.05f) +
           60.0f * smoothstep(470.0f, 436.0f, x);
}

static print headland(vec2 p) {
    float below = p.y - head_ridge(p.x), cliff = p.y - (352.0f + 8.0f * noise2(p.x * 0.06f, 0.5f, 20u));
    if (cliff > 0.0f) {
        float facet = noise2(p.x * 0.07f, p.y * 0.02f, 21u);
        return (print){maxf(carve((p.x + 0.25f * p.y * facet) / 5.0f, p.y, 5.0f, 0.62f + 0.35f * facet, 22u),
                            ridge_line(cliff, 1.5f)),
                       0.0f};
    }
    float rows = below / 5.2f + 0.01f * p.x,
          tone = 0.3f + 0.28f * sinf(below * 0.09f + p.x * 0.03f) + 0.2f * smoothstep(500.0f, 640.0f, p.x);
    return (print){maxf(carve(rows, p.x, 5.2f, tone, 23u), ridge_line(below, 1.5f)), tone < 0.36f ? 0.5f : 0.0f};
}

static int lighthouse(vec2 p, print *out) {
    float base = head_ridge(566.0f) + 4.0f, top = base - 92.0f, x = p.x - 566.0f,
          half = mixf(7.0f, 12.0f, saturate((p.y - top) / 92.0f));
    if (p.y > base || p.y < top - 34.0f) return 0;
    if (p.y < top) {
        float up = top - p.y, room = up < 4.0f ? 11.0f : up < 19.0f ? 6.0f : 9.0f * (34.0f - up) / 15.0f;
        if (fabsf(x) > room) return 0;
        int lamp = up > 6.0f && up < 17.0f && fabsf(x) < 4.0f;
        *out = (print){lamp ? ridge_line(x, 0.6f) : 1.0f, lamp ? 1.0f : 0.0f};
        return 1;
    }
    if (fabsf(x) > half) return 0;
    int band = (int)((p.y - top) / 18.5f) & 1;
    float tone = (band ? 0.72f : 0.08f) + 0.5f * smoothstep(-0.2f, 1.0f, x / half);
    *out = (print){maxf(carve(p.y / 3.6f, x, 3.6f, tone, 25u), ridge_line(fabsf(x) - half, 1.4f)), band ? 0.6f : 0.0f};
    return 1;
}

/* ---- sea ---- */

static print sea(vec2 p) {
    float near = (p.y - horizon) / 220.0f, grain = 0.028f, first = 3.3f;
    float wave = (2.0f + 13.0f * near) * sinf(p.x * mixf(0.075f, 0.022f, saturate(near)) + p.y * 0.035f +
                                              1.4f * noise2(p.x * 0.008f, p.y * 0.02f, 30u));
    float y = p.y - horizon + wave * 0.75f + (1.0f + 3.0f * near) * noise2(p.x * 0.03f, p.y * 0.05f, 31u);
    float phase = logf(maxf(1.0f + y * grain / first, 0.2f)) / grain, spacing = first + maxf(y, 0.0f) * grain;
    float slope = wave / (2.0f + 13.0f * near),
          path = (20.0f + 75.0f * near) * (1.0f + 0.7f * noise2(p.x * 0.02f, phase * 0.5f, 32u));
    float glitter = smoothstep(1.0f, 0.55f, fabsf(p.x - sun.x) / path);
    float tone = 0.58f - 0.36f * slope + 0.12f * near - 0.5f * glitter;
    return (print){carve(phase, p.x, spacing, clampf(tone, 0.05f, 0.93f), 33u),
                   glitter > 0.3f && slope > 0.0f ? 0.8f : 0.0f};
}

/* Signed distance to a sail: a triangle with a bent leech. */
static float sail(vec2 p, vec2 foot, float size) {
    vec2 q = mul2(sub2(p, foot), 1.0f / size);
    float side = maxf(-q.x - 0.05f * sinf(q.y * 3.0f), q.x - 0.72f * (1.0f + q.y) + 0.12f * sinf(PI * q.y));
    return size * maxf(maxf(side, q.y), -1.0f - q.y);
}

static int boat(vec2 p, print *out) {
    vec2 at = v2(300.0f, 352.0f), q = sub2(p, at);
    float main = sail(p, v2(at.x + 1.0f, at.y - 7.0f), 56.0f),
          jib = sail(v2(2.0f * at.x - p.x, p.y), v2(at.x + 2.0f, at.y - 8.0f), 40.0f);
    float hull = maxf(fabsf(q.x + 0.25f * q.y) - 30.0f + 0.9f * maxf(q.y, 0.0f),
                      fabsf(q.y - 1.0f) - 6.0f - 0.0016f * q.x * q.x);
    if (hull < 0.0f)
        *out = (print){carve(q.y / 4.0f, q.x, 4.0f, 0.86f, 34u), 0.0f};
    else if (main < 0.0f)
        *out = (print){maxf(ridge_line(main, 1.2f), carve(p.x / 4.4f, p.y, 4.4f, 0.4f * saturate(q.x / 20.0f), 35u)),
                       0.8f};
    else if (jib < 0.0f)
        *out = (print){maxf(ridge_line(jib, 1.2f), carve(p.x / 4.4f, p.y, 4.4f, 0.45f, 36u)), 0.0f};
    else if (fabsf(q.x) < 1.1f && q.y < 0.0f && q.y > -68.0f)
        *out = (print){1.0f, 0.0f};
    else
        return 0;
    return 1;
}

/* ---- the cliff in front and its pine ---- */

static float cliff_distance(vec2 p) {
    float top = 330.0f + 0.75f * maxf(p.x - 96.0f, 0.0f) + 14.0f * fbm2(p.x * 0.03f, 0.5f, 3, 40u);
    float side = p.x - 168.0f - 0.5f * (p.y - 340.0f) - 22.0f * fbm2(p.y * 0.03f, 1.5f, 3, 41u);
    return maxf(top - p.y, side);
}

static print cliff(vec2 p, float distance) {
    vec2 cell = v2(floorf((p.x + 12.0f * noise2(p.x * 0.03f, p.y * 0.03f, 42u)) / 34.0f),
                   floorf((p.y + 0.5f * p.x + 14.0f * noise2(p.x * 0.03f, p.y * 0.03f, 43u)) / 46.0f));
    float turn = hash2((int)cell.x, (int)cell.y, 44u), angle = 1.2f + 0.9f * (turn - 0.5f);
    vec2 q = turn2(p, -angle);
    float tone = 0.5f + 0.42f * turn - 0.3f * smoothstep(-22.0f, -2.0f, distance);
    return (print){maxf(carve(q.y / 5.4f, q.x, 5.4f, tone, 45u), ridge_line(distance, 1.8f)), 0.0f};
}

typedef struct pad {
    float x, y, wide, high;
} pad;
static const pad pads[] = {{196, 214, 58, 17}, {120, 190, 50, 16}, {158, 158, 62, 18},
                           {84, 236, 44, 14},  {226, 250, 44, 13}, {128, 128, 42, 14}};

static float trunk_x(float y) {
    return 92.0f + 0.55f * (345.0f - y) - 0.0016f * square(345.0f - y) + 5.0f * sinf(y * 0.06f);
}

static int pine(vec2 p, print *out) {
    for (int i = 0; i < 6; i++) {
        vec2 q = v2((p.x - pads[i].x) / pads[i].wide, (p.y - pads[i].y) / pads[i].high);
        float angle = atan2f(q.y, q.x), r = length2(q) +
                                            0.13f * sinf(angle * 19.0f + (float)i) * (q.y < 0 ? 1.0f : 0.6f) +
                                            0.06f * noise2(angle * 9.0f, (float)i, 46u);
        if (r > 1.0f || q.y > 0.45f + 0.1f * sinf(q.x * 14.0f)) continue;
        vec2 fan = v2(p.x - pads[i].x, p.y - pads[i].y - 2.2f * pads[i].high);
        float tone = 0.95f - 0.45f * smoothstep(0.1f, -0.7f, q.y) * smoothstep(1.05f, 0.8f, r);
        *out = (print){carve(atan2f(fan.y, fan.x) * 14.0f, length2(fan) * 2.2f, 3.6f, tone, 47u + (uint32_t)i), 0.0f};
        return 1;
    }
    float half = 4.0f + 6.5f * saturate((p.y - 130.0f) / 220.0f), x = p.x - trunk_x(p.y);
    int branch = 0;
    for (int i = 0; i < 6; i++) {
        float root = pads[i].y + 26.0f, t = (p.x - trunk_x(root)) / (pads[i].x - trunk_x(root));
        branch |= t > 0.0f && t < 1.0f && fabsf(p.y - mixf(root, pads[i].y + 4.0f, sqrtf(t))) < 3.2f - 1.8f * t;
    }
    if (!branch && (fabsf(x) > half || p.y < 138.0f || p.y > 352.0f)) return 0;
    *out = (print){branch ? 1.0f : carve((x + 60.0f + 0.2f * p.y) / 4.0f, p.y, 4.0f, 0.75f + 0.25f * x / half, 53u),
                   0.0f};
    return 1;
}

/* ---- the whole sheet ---- */

/* A figure in front of something dark: the carver clears a white line around it. */
static int standing_out(figure_fn figure, vec2 p, print *out) {
    if (figure(p, out)) return 1;
    for (int i = 0; i < 6; i++) {
        float angle = (float)i * PI / 3.0f;
        if (figure(add2(p, mul2(v2(cosf(angle), sinf(angle)), 2.0f)), out)) {
            *out = (print){0.0f, 0.0f};
            return 1;
        }
    }
    return 0;
}

static print picture_at(vec2 p) {
    print out;
    float front = cliff_distance(p);
    if (front < 0.0f) return cliff(p, front);
    if (front < 3.0f) return (print){0.0f, 0.0f};
    if (p.x < 300.0f && p.y < 370.0f && standing_out(pine, p, &out)) return out;
    if (fabsf(p.x - 300.0f) < 60.0f && fabsf(p.y - 320.0f) < 60.0f && standing_out(boat, p, &out)) return out;
    if (fabsf(p.x - 566.0f) < 20.0f && lighthouse(p, &out)) return out;
    if (p.y > head_ridge(p.x) && p.x > 440.0f &&
        p.y < 372.0f + 6.0f * sinf(p.x * 0.08f) - 0.3f * maxf(520.0f - p.x, 0.0f))
        return headland(p);
    if (p.y > horizon) return sea(p);
    if (p.y > far_ridge(p.x)) return mountain(p);
    return sky(p);
}

/* The edge of the block, not quite straight; beyond it the bare sheet. */
static float block_edge(vec2 p) {
    float wobble = 1.3f * fbm2(p.x * 0.05f, p.y * 0.05f, 3, 60u);
    return minf(minf(p.x - 16.0f, 624.0f - p.x), minf(p.y - 16.0f, 496.0f - p.y)) + wobble;
}

/* Grain of the plank: long veins, denser where they bend around a knot. */
static float plank(vec2 p, uint32_t seed) {
    float bend = 9.0f * noise2(p.x * 0.006f, p.y * 0.012f, seed);
    return noise2(p.x * 0.012f, (p.y + bend) * 0.42f, seed + 1u) +
           0.5f * noise2(p.x * 0.03f, (p.y + bend) * 0.95f, seed + 2u);
}

static vec3 sheet_at(vec2 p) {
    vec3 paper = mul(hex(0xf2e8d2), 1.0f + 0.02f * noise2(p.x * 0.5f, p.y * 0.5f, 61u) +
                                        0.015f * noise2(p.x * 0.03f, p.y * 0.03f, 62u));
    float edge = block_edge(p);
    if (edge < -0.5f) return paper;
    print black = picture_at(p), tint = picture_at(add2(p, v2(1.3f, -0.9f)));
    float frame = smoothstep(4.2f, 3.4f, edge) * smoothstep(-0.5f, 0.3f, edge);
    float worn = smoothstep(0.75f, 1.15f, plank(p, 63u) + 0.45f * noise2(p.x * 0.9f, p.y * 0.9f, 64u));
    float ink = maxf(black.black, frame) * (0.97f - 0.55f * worn);
    float colour = tint.tint * (0.88f + 0.14f * plank(p, 67u));
    vec3 tinted = mix3(paper, times(paper, hex(0xe0762c)), saturate(colour));
    return mix3(tinted, hex(0x17161a), ink);
}

void paint_woodcut(picture *out) {
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            vec3 sum = v3(0, 0, 0);
            for (int k = 0; k < SAMPLES_PER_SIDE * SAMPLES_PER_SIDE; k++) {
                float u = ((float)(k % SAMPLES_PER_SIDE) + 0.5f) / SAMPLES_PER_SIDE,
                      v = ((float)(k / SAMPLES_PER_SIDE) + 0.5f) / SAMPLES_PER_SIDE;
                sum = add(sum, sheet_at(v2(((float)x + u) / out->scale, ((float)y + v) / out->scale)));
            }
            out->rgb[(size_t)y * (size_t)out->width + (size_t)x] = saturate3(
                mul(sum, 1.0f / (SAMPLES_PER_SIDE * SAMPLES_PER_SIDE)));
        }
}
