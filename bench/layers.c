/* SPDX-License-Identifier: MIT
 * bench/layers.c: the rate of our convolution kernels at each layer shape of VGG-19, forward and back to the input, direct
 * and by Winograd's method (with the transform of the weights, which the executor makes anew each time). Work is split as
 * net/executor.c splits it. Rates count the products of the direct method.
 *     layers SIZE [ROUNDS [THREADS]]   →   one JSON object a line and layer */
#include "bench.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "net/pack.h"
#include "net/tensor.h"

typedef struct layer {
    const dqk_table *kernels;
    dq__pool *pool;
    dq__tensor x, y;
    float *w, *u, *scratch;
    int group, groups, parts; /* rows (of pixels or of tiles) a task; channels in `parts` */
} layer;

static float *noise(size_t n) {
    float *v = dq__alloc(sizeof(float) * n);
    for (size_t i = 0; v && i < n; i++) v[i] = dq__rng_uniform(1, n, i) - 0.5f;
    if (v) return v;
    fprintf(stderr, "out of memory\n");
    exit(5);
}

static dq__tensor new_map(int side, int c) {
    dq__tensor t = {.n = 1, .h = side, .w = side, .c = c, .cs = dq__channel_stride(c), .halo = 1};
    dq__tensor_place(&t, noise(dq__tensor_floats(&t)));
    return t;
}

static void split(layer *l, int rows, int group) {
    l->group = group > 1 ? group : 1;
    l->groups = (rows + l->group - 1) / l->group;
    for (l->parts = 1; l->groups * l->parts < 8 && l->parts * 64 <= l->y.cs;) l->parts *= 2;
}

static void direct_task(void *user, int task) {
    const layer *l = user;
    const int row = task / l->parts * l->group, channels = l->y.cs / l->parts, o = task % l->parts * channels;
    dqk_conv3x3 job = {.x = dq__pixel(&l->x, row, 0), .x_row = dq__row(&l->x), .x_col = l->x.cs,
                       .y = dq__pixel(&l->y, row, 0) + o, .y_row = dq__row(&l->y), .y_col = l->y.cs,
                       .w = l->w + (ptrdiff_t)o * 9 * l->x.cs, .cols = l->y.w, .ic = l->x.cs, .oc = channels};
    job.rows = l->y.h - row < l->group ? l->y.h - row : l->group;
    l->kernels->conv3x3(&job);
}

static void direct(layer *l) {
    split(l, l->y.h, 256 / l->y.w);
    dq__pool_run(l->pool, l->groups * l->parts, direct_task, l);
}

static void weights_task(void *user, int block) {
    const layer *l = user;
    const ptrdiff_t at = (ptrdiff_t)block * l->x.cs * 16;
    l->kernels->winograd_weights(l->u + 36 * at, l->w + 9 * at, l->x.cs);
}

static void winograd_task(void *user, int task) {
    const layer *l = user;
    const int per_row = (l->y.w + 3) / 4, all = per_row * ((l->y.h + 3) / 4), channels = l->y.cs / l->parts;
    const int first = task / l->parts * l->group * per_row, o = task % l->parts * channels;
    dqk_winograd job = {.x = l->x.data, .x_row = dq__row(&l->x), .x_col = l->x.cs, .y = l->y.data + o, .y_row = dq__row(&l->y),
                        .y_col = l->y.cs, .u = l->u + (ptrdiff_t)o * 36 * l->x.cs, .rows = l->y.h, .cols = l->y.w,
                        .first_tile = first, .ic = l->x.cs, .oc = channels,
                        .scratch = l->scratch + (size_t)dq__pool_worker() * ((dqk_winograd_scratch(l->x.cs) + 15) / 16 * 16)};
    job.tiles = all - first < l->group * per_row ? all - first : l->group * per_row;
    l->kernels->winograd(&job);
}

static void winograd(layer *l) {
    dq__pool_run(l->pool, l->y.cs / 16, weights_task, l);
    split(l, (l->y.h + 3) / 4, DQK_WINOGRAD_TILES / ((l->y.w + 3) / 4));
    dq__pool_run(l->pool, l->groups * l->parts, winograd_task, l);
}

static double seconds_of(void (*run)(layer *), layer *l, int rounds) {
    double seconds[100];
    run(l);
    for (int k = 0; k < rounds; k++) {
        const double start = now();
        run(l);
        seconds[k] = now() - start;
    }
    return median(seconds, rounds);
}

/* A convolution from ic to oc channels, as the forward or the backward pass has it. */
static void measure(dq__pool *pool, const conv_shape *s, int side, bool back, int rounds) {
    const int ic = back ? s->oc : s->ic, oc = back ? s->ic : s->oc;
    const size_t outs = (size_t)(oc + 15) / 16 * 16, ins = (size_t)dq__channel_stride(ic);
    layer l = {.kernels = dqk_kernels(dq__cpu_isa()), .pool = pool, .x = new_map(side, ic), .y = new_map(side, (int)outs)};
    l.w = noise(9 * ins * outs);
    const double flops = conv_flops(s, side) * 1e-9, plain = seconds_of(direct, &l, rounds);
    printf("{\"what\": \"danqing\", \"layer\": \"%s\", \"pass\": \"%s\", \"side\": %d, \"times\": %d, \"gflop\": %.3f, "
           "\"direct\": %.1f", s->name, back ? "backward" : "forward", side, s->times, flops, flops / plain);
    if (ins >= 16) {
        l.u = noise(36 * ins * outs);
        l.scratch = noise((dqk_winograd_scratch((int)ins) + 15) / 16 * 16 * (size_t)dq__pool_threads(pool));
        printf(", \"winograd\": %.1f", flops / seconds_of(winograd, &l, rounds));
    }
    printf("}\n");
    dq__free(dq__pixel(&l.x, -1, -1)), dq__free(dq__pixel(&l.y, -1, -1));
    dq__free(l.w), dq__free(l.u), dq__free(l.scratch);
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: layers SIZE [ROUNDS [THREADS]]\n");
        return 2;
    }
    const int size = number(argv[1], 16, 4096, "SIZE"), rounds = argc > 2 ? number(argv[2], 1, 100, "ROUNDS") : 5;
    dq__pool *pool;
    dq__error err;
    if (dq__pool_new(&pool, argc > 3 ? number(argv[3], 1, 256, "THREADS") : 0, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (int k = 0; k < VGG19_CONVS; k++)
        for (int back = 0; back < 2; back++) measure(pool, &vgg19_convs[k], size / vgg19_convs[k].divide, back, rounds);
    dq__pool_free(&pool);
    return 0;
}
