/* SPDX-License-Identifier: MIT
 * mosaic.c: two carp around a lotus in glass tesserae. Tiles are placed by Lloyd's relaxation under a square metric that
 * turns with the drawing (contours of the fish, waves of the water), so that they stand in rows; then each gets its
 * colour, tilt and glint, and mortar fills what is left. */
#include "noise.h"
#include "samples.h"

#include <stdlib.h>

enum { ROUNDS = 14, CELL_TILES = 6, FISH_COUNT = 2 };
static const float page_width = 640.0f, page_height = 512.0f, tile_size = 7.6f, joint = 0.62f;
static const vec2 middle = {320.0f, 256.0f};

/* ---- the drawing ---- */

typedef enum region {
    FRAME_OUTER,
    FRAME_GOLD,
    FRAME_GEM,
    FRAME_INNER,
    WATER,
    BODY,
    FIN,
    EYE_SPOT,
    PETAL,
    HEART
} region;

/* A point in the coordinates of a fish: u from the nose (0) over the tail's root (1), v across, both along its bent spine. */
typedef struct fish_place {
    float u, v, half, outside;
    region part;
} fish_place;

static fish_place fish_at(vec2 p, int k) {
    float x = (p.x - middle.x) / 1.28f, y = p.y - middle.y, head = k ? 2.55f : -0.6f;
    float turn = head - atan2f(y, x);
    turn -= 2.0f * PI * floorf((turn + 1.2f) / (2.0f * PI));
    fish_place f = {.u = turn / 2.05f, .part = WATER};
    f.v = sqrtf(x * x + y * y) - 126.0f + 9.0f * sinf(4.6f * f.u) * smoothstep(0.2f, 1.0f, f.u);
    float u = clampf(f.u, 0.0f, 1.0f), fin = 0.0f;
    f.half = 70.0f * powf(u, 0.45f) * powf(1.0f - u, 1.05f) + 7.5f * smoothstep(0.02f, 0.3f, u);
    if (f.u > 0.24f && f.u < 0.5f) fin = 34.0f * sqrtf((f.u - 0.24f) / 0.26f) * smoothstep(0.5f, 0.42f, f.u);
    if (f.u > 0.66f && f.u < 0.82f) fin = 15.0f * sqrtf((f.u - 0.66f) / 0.16f) * smoothstep(0.82f, 0.76f, f.u);
    float tail = 6.0f + 130.0f * powf(maxf(f.u - 0.95f, 0.0f), 0.8f),
          end = 1.1f + 0.24f * powf(saturate(fabsf(f.v) / maxf(tail, 1.0f)), 1.3f);
    float side = fabsf(f.v), body = maxf(side - f.half, -f.u * 258.0f), fins = side - f.half - fin;
    if (f.u > 1.0f) body = maxf(body, (f.u - 1.0f) * 258.0f);
    float fan = maxf(side - tail, maxf((f.u - end) * 258.0f, (0.97f - f.u) * 258.0f));
    f.outside = minf(body, minf(f.u > 0.0f && f.u < 1.0f ? fins : 1e3f, fan));
    if (fan < 0.0f || (fin > 0.0f && fins < 0.0f)) f.part = FIN;
    if (body < 0.0f && f.u >= 0.0f && f.u <= 1.0f) f.part = BODY;
    if (f.part == BODY && length2(v2((f.u - 0.12f) * 258.0f, side - 0.6f * f.half)) < 5.5f) f.part = EYE_SPOT;
    return f;
}

static float lotus_radius(vec2 p) { return length2(sub2(p, middle)); }

/* The edge of the petals at the angle of p: two rings of eight. */
static float petal_edge(vec2 p) {
    float angle = atan2f(p.y - middle.y, p.x - middle.x);
    return 34.0f + 20.0f * powf(fabsf(cosf(4.0f * angle)), 0.7f);
}

static float frame_depth(vec2 p) { return minf(minf(p.x, page_width - p.x), minf(p.y, page_height - p.y)); }

static region frame_region(vec2 p, float depth) {
    if (depth < 8.0f) return FRAME_OUTER;
    if (depth > 32.0f) return FRAME_INNER;
    float along = minf(p.x, page_width - p.x) == depth ? p.y - 256.0f : p.x - 320.0f;
    float step = fabsf(fractf(along / 48.0f + 0.5f) - 0.5f) * 48.0f;
    return step + fabsf(depth - 20.0f) < 9.5f ? FRAME_GEM : FRAME_GOLD;
}

static region region_at(vec2 p) {
    float depth = frame_depth(p);
    if (depth < 40.0f) return frame_region(p, depth);
    float r = lotus_radius(p);
    if (r < 15.0f) return HEART;
    if (r < petal_edge(p)) return PETAL;
    for (int k = 0; k < FISH_COUNT; k++) {
        fish_place f = fish_at(p, k);
        if (f.part != WATER) return f.part;
    }
    return WATER;
}

/* Streamlines of the water are the level lines of this. */
static float stream(vec2 p) {
    float r = length2(v2((p.x - middle.x) / 1.28f, p.y - middle.y));
    return mixf(r, p.y * 0.9f + 22.0f * sinf(p.x * 0.019f), smoothstep(150.0f, 235.0f, r)) +
           9.0f * fbm2(p.x * 0.012f, p.y * 0.012f, 3, 5u);
}

/* Distance-like height whose level lines the rows of tiles follow. */
static float guide(vec2 p) {
    float depth = frame_depth(p);
    if (depth < 40.0f) return depth;
    float r = lotus_radius(p);
    if (r < petal_edge(p)) return r;
    float near = minf(fish_at(p, 0).outside, fish_at(p, 1).outside);
    return near < 24.0f ? near : stream(p);
}

static vec2 row_direction(vec2 p) {
    const float e = 1.5f;
    float dx = guide(v2(p.x + e, p.y)) - guide(v2(p.x - e, p.y)),
          dy = guide(v2(p.x, p.y + e)) - guide(v2(p.x, p.y - e));
    return dx * dx + dy * dy > 1e-6f ? normal2(v2(-dy, dx)) : v2(1.0f, 0.0f);
}

/* ---- colours ---- */

static vec3 pick(const unsigned *colours, int count, float t) {
    return hex(colours[(int)clampf(t * (float)count, 0.0f, (float)(count - 1))]);
}

static vec3 water_colour(vec2 p, float chance) {
    static const unsigned blues[] = {0x0d2350, 0x123a78, 0x17589a, 0x1f7fae, 0x2ea3b0, 0x6cc7bd, 0xd8efe0};
    float wave = 0.5f + 0.5f * sinf(stream(p) * 0.21f + 1.2f * noise2(p.x * 0.012f, p.y * 0.012f, 6u));
    float near = minf(fish_at(p, 0).outside, fish_at(p, 1).outside);
    float t = 0.12f + 0.72f * wave * wave + 0.12f * (chance - 0.5f);
    t = mixf(t, 0.05f + 0.1f * chance, bump(near - 11.0f, 5.0f));
    return near < 7.5f ? mix3(hex(0xe9e2c8), hex(0xbfd8d0), chance) : pick(blues, 7, t);
}

static vec3 fish_colour(fish_place f, int k, vec2 p, float chance) {
    static const unsigned reds[] = {0x8e1d12, 0xb52c16, 0xd9481c, 0xee6d2a, 0xf59a4a},
                          whites[] = {0xb9a78c, 0xd9ccb0, 0xefe6d2, 0xfbf7ea};
    static const unsigned golds[] = {0x7a4a10, 0xa86b14, 0xd1951f, 0xeebb3a, 0xf7dc7c},
                          inks[] = {0x10131f, 0x1c2233, 0x2c3a55, 0x40506c};
    float round = 1.0f - saturate(fabsf(f.v) / maxf(f.half, 1.0f)),
          light = 0.25f + 0.6f * round + 0.35f * (chance - 0.5f);
    if (f.part == FIN)
        return k ? pick(golds, 5, 0.35f + 0.6f * chance)
                 : pick(chance < 0.3f ? reds : whites, 4, 0.45f + 0.5f * chance);
    if (f.part == EYE_SPOT) return hex(0x11131c);
    float patch = noise2(f.u * 5.0f, f.v * 0.035f, 8u + (uint32_t)k) + 0.3f * noise2(p.x * 0.05f, p.y * 0.05f, 9u);
    if (k == 0) return patch > -0.05f || f.u < 0.1f ? pick(reds, 5, light) : pick(whites, 4, light + 0.2f);
    return round > 0.62f + 0.3f * patch && f.u > 0.26f ? pick(inks, 4, chance) : pick(golds, 5, light);
}

static vec3 colour_at(vec2 p, region part, float chance) {
    static const unsigned petals[] = {0xa83a68, 0xd86a92, 0xf0a3b8, 0xfbd9dc, 0xfff3ee},
                          gold[] = {0xa87416, 0xc9952a, 0xe0b23f, 0xf2cf68};
    static const unsigned gems[] = {0x8f1f2c, 0xb02b35, 0x15704f, 0x1a4f9c}, dark[] = {0x141a38, 0x1d2850, 0x2a3a6a};
    switch (part) {
    case FRAME_OUTER:
        return pick(dark, 3, chance);
    case FRAME_INNER:
        return chance < 0.18f ? hex(0xb9862a) : mix3(hex(0x7c1f2a), hex(0xa83238), chance);
    case FRAME_GOLD:
    case HEART:
        return pick(gold, 4, chance);
    case FRAME_GEM:
        return mul(pick(gems, 4, hash2((int)(p.x / 48.0f), (int)(p.y / 48.0f), 10u)), 0.8f + 0.4f * chance);
    case PETAL:
        return pick(petals, 5, (lotus_radius(p) - 13.0f) / (petal_edge(p) - 13.0f) * 0.85f + 0.3f * (chance - 0.3f));
    case WATER:
        return water_colour(p, chance);
    default:
        break;
    }
    int k = fish_at(p, 0).part == WATER;
    return fish_colour(fish_at(p, k), k, p, chance);
}

/* ---- the tiles ---- */

typedef struct tile {
    vec2 at, row; /* centre; direction of the row */
    region part;
    vec3 colour;
    vec2 tilt;
    float gold;
} tile;

typedef struct floor_plan {
    tile *tiles;
    int count, columns, rows; /* cells of a search grid, one tile_size wide */
    int *cells;               /* [rows][columns][CELL_TILES], −1 where empty */
} floor_plan;

static int cell_of(const floor_plan *f, vec2 p, int *x, int *y) {
    *x = (int)clampf(p.x / tile_size, 0.0f, (float)(f->columns - 1));
    *y = (int)clampf(p.y / tile_size, 0.0f, (float)(f->rows - 1));
    return (*y * f->columns + *x) * CELL_TILES;
}

static void index_tiles(floor_plan *f) {
    int x, y;
    for (int i = 0; i < f->columns * f->rows * CELL_TILES; i++) f->cells[i] = -1;
    for (int i = 0; i < f->count; i++) {
        int cell = cell_of(f, f->tiles[i].at, &x, &y), k = 0;
        while (k < CELL_TILES && f->cells[cell + k] >= 0) k++;
        if (k < CELL_TILES) f->cells[cell + k] = i;
    }
}

static void orient(tile *t) {
    t->row = row_direction(t->at);
    t->part = region_at(t->at);
}

static void plan_init(floor_plan *f) {
    random_stream r = {5u};
    f->columns = (int)ceilf(page_width / tile_size);
    f->rows = (int)ceilf(page_height / tile_size);
    f->count = f->columns * f->rows;
    f->tiles = allocate((size_t)f->count, sizeof *f->tiles);
    f->cells = allocate((size_t)f->count * CELL_TILES, sizeof *f->cells);
    for (int i = 0; i < f->count; i++) {
        float x = (float)(i % f->columns) + random_unit(&r), y = (float)(i / f->columns) + random_unit(&r);
        f->tiles[i].at = v2(minf(x * tile_size, page_width - 1.0f), minf(y * tile_size, page_height - 1.0f));
        orient(&f->tiles[i]);
    }
    index_tiles(f);
}

/* The square distance: the larger of the ways along and across the row. */
static float square_distance(const tile *t, vec2 p) {
    vec2 d = sub2(p, t->at);
    return maxf(fabsf(dot2(d, t->row)), fabsf(d.y * t->row.x - d.x * t->row.y));
}

typedef struct nearest {
    int first;
    float distance, second;
} nearest;

/* The nearest tile of the same part, and the distance to the next one. */
static nearest nearest_tile(const floor_plan *f, vec2 p, region part) {
    nearest n = {-1, 1e9f, 1e9f};
    int cx, cy;
    cell_of(f, p, &cx, &cy);
    for (int y = cy > 1 ? cy - 2 : 0; y <= cy + 2 && y < f->rows; y++)
        for (int x = cx > 1 ? cx - 2 : 0; x <= cx + 2 && x < f->columns; x++)
            for (int k = 0; k < CELL_TILES; k++) {
                int i = f->cells[(y * f->columns + x) * CELL_TILES + k];
                if (i < 0) break;
                if (f->tiles[i].part != part) continue;
                float d = square_distance(&f->tiles[i], p);
                if (d < n.distance)
                    n = (nearest){i, d, n.distance};
                else
                    n.second = minf(n.second, d);
            }
    return n;
}

/* One round of Lloyd: every tile moves to the middle of the points that are nearest to it. */
static void relax(floor_plan *f, const unsigned char *parts, vec3 *sums) {
    const float step = 2.0f;
    int width = (int)(page_width / step), height = (int)(page_height / step);
    for (int i = 0; i < f->count; i++) sums[i] = v3(0, 0, 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            vec2 p = v2(((float)x + 0.5f) * step, ((float)y + 0.5f) * step);
            int i = nearest_tile(f, p, (region)parts[y * width + x]).first;
            if (i >= 0) sums[i] = add(sums[i], v3(p.x, p.y, 1.0f));
        }
    for (int i = 0; i < f->count; i++) {
        if (sums[i].z > 0.0f) f->tiles[i].at = v2(sums[i].x / sums[i].z, sums[i].y / sums[i].z);
        orient(&f->tiles[i]);
    }
    index_tiles(f);
}

static void relax_all(floor_plan *f) {
    const float step = 2.0f;
    int width = (int)(page_width / step), height = (int)(page_height / step);
    unsigned char *parts = allocate((size_t)width * (size_t)height, 1);
    vec3 *sums = allocate((size_t)f->count, sizeof *sums);
    for (int i = 0; i < width * height; i++)
        parts[i] = (unsigned char)region_at(v2(((float)(i % width) + 0.5f) * step, ((float)(i / width) + 0.5f) * step));
    for (int round = 0; round < ROUNDS; round++) relax(f, parts, sums);
    free(sums);
    free(parts);
}

static void glaze(floor_plan *f) {
    random_stream r = {9u};
    for (int i = 0; i < f->count; i++) {
        tile *t = &f->tiles[i];
        float chance = random_unit(&r);
        t->colour = mul(colour_at(t->at, t->part, chance), random_between(&r, 0.86f, 1.12f));
        t->gold = t->part == FRAME_GOLD || t->part == HEART ? 1.0f : random_unit(&r) < 0.02f ? 0.6f : 0.12f;
        t->tilt = v2(0.17f * random_normal(&r), 0.17f * random_normal(&r));
    }
}

/* ---- light ---- */

static vec3 mortar(vec2 p) { return mul(hex(0x5d564c), 0.85f + 0.3f * noise2(p.x * 0.7f, p.y * 0.7f, 20u)); }

/* A tile's face: tilted, a little hollow, its upper left rim bright and its lower right rim dark. */
static vec3 face(const tile *t, vec2 p, float inner) {
    vec2 d = sub2(p, t->at);
    vec2 rim = mul2(normal2(d), smoothstep(1.6f, 0.0f, inner));
    vec3 n = normalize(v3(t->tilt.x + 0.5f * rim.x + 0.015f * d.x, t->tilt.y + 0.5f * rim.y + 0.015f * d.y, 1.0f));
    vec3 to_light = normalize(v3(-0.5f, -0.6f, 0.9f)), half = normalize(v3(-0.25f, -0.3f, 0.95f));
    float shine = powf(maxf(dot(n, half), 0.0f), 40.0f), glass = 1.0f + 0.07f * noise2(p.x * 0.5f, p.y * 0.5f, 21u);
    vec3 lit = mul(t->colour, (0.45f + 0.66f * maxf(dot(n, to_light), 0.0f) / 0.75f) * glass);
    return add(lit, mul(mix3(grey(1.0f), hex(0xffe9a8), t->gold), shine * (0.1f + 0.55f * t->gold)));
}

static int at_border(vec2 p, region part) {
    return region_at(v2(p.x + joint, p.y)) != part || region_at(v2(p.x - joint, p.y)) != part ||
           region_at(v2(p.x, p.y + joint)) != part || region_at(v2(p.x, p.y - joint)) != part;
}

static vec3 floor_at(const floor_plan *f, vec2 p) {
    vec2 chipped = add2(p,
                        mul2(v2(noise2(p.x * 0.25f, p.y * 0.25f, 22u), noise2(p.x * 0.25f, p.y * 0.25f, 23u)), 0.45f));
    region part = region_at(chipped);
    nearest n = nearest_tile(f, chipped, part);
    if (n.first < 0) return mortar(p);
    float inner = minf(0.5f * (n.second - n.distance), 0.66f * tile_size - n.distance) - joint;
    if (inner < 0.0f || at_border(chipped, part)) return mortar(p);
    return face(&f->tiles[n.first], p, inner);
}

void paint_mosaic(picture *out) {
    floor_plan plan;
    plan_init(&plan);
    relax_all(&plan);
    glaze(&plan);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            vec3 sum = v3(0, 0, 0);
            for (int k = 0; k < 4; k++)
                sum = add(sum, floor_at(&plan, v2(((float)x + 0.25f + 0.5f * (float)(k & 1)) / out->scale,
                                                  ((float)y + 0.25f + 0.5f * (float)(k >> 1)) / out->scale)));
            out->rgb[(size_t)y * (size_t)out->width + (size_t)x] = saturate3(mul(sum, 0.25f));
        }
    free(plan.tiles);
    free(plan.cells);
}
