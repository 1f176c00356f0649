/* SPDX-License-Identifier: MIT
 * bench/layers.c: the rate of our convolution kernels at each layer shape of VGG-19, forward and back to the input, direct
 * and by Winograd's method (with the transform of the weights, which is made anew each time), as net/convolve.c runs them.
 * Rates count the products of the direct method.
 *     layers SIZE [ROUNDS [THREADS]]   →   one JSON object a line and layer */
#include "bench.h"

#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "net/convolve.h"

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

/* Median rate of one layer, there or back to its input. */
static double rate(dq__pool *pool, const conv_shape *s, int side, bool back, bool direct, int rounds) {
    dq__layer l = {.kind = DQ__CONV, .ic = s->ic, .oc = s->oc, .from = s->ic > 3 ? 0 : -1, .kernel = 3, .stride = 1, .pad = 1};
    dq__tensor x = new_map(side, s->ic), y = new_map(side, s->oc);
    dq__convolver c = {.pool = pool, .kernels = dqk_kernels(dq__cpu_isa()), .direct = direct};
    float *w = noise(9 * (size_t)x.cs * (size_t)s->oc), *w_back = noise(27 * (size_t)s->oc);
    const dq__convolution k = {.layer = &l, .x = &x, .y = &y, .w = w, .w_back = w_back};
    double seconds[100];
    if (back) dq__want_convolve_back(&c, &k, DQ__PAD_ZERO);
    else dq__want_convolve(&c, &k);
    float *memory = noise(dq__convolver_bytes(&c) / sizeof(float));
    dq__convolver_place(&c, memory);
    for (int r = -1; r < rounds; r++) {
        const double start = now();
        if (back) dq__convolve_back(&c, &k, DQ__PAD_ZERO);
        else dq__convolve(&c, &k);
        if (r >= 0) seconds[r] = now() - start;
    }
    dq__free(dq__pixel(&x, -1, -1)), dq__free(dq__pixel(&y, -1, -1)), dq__free(w), dq__free(w_back), dq__free(memory);
    return conv_flops(s, side) * 1e-9 / median(seconds, rounds);
}

static void measure(dq__pool *pool, const conv_shape *s, int side, bool back, int rounds) {
    printf("{\"what\": \"danqing\", \"layer\": \"%s\", \"pass\": \"%s\", \"side\": %d, \"times\": %d, \"gflop\": %.3f, "
           "\"direct\": %.1f", s->name, back ? "backward" : "forward", side, s->times, conv_flops(s, side) * 1e-9,
           rate(pool, s, side, back, true, rounds));
    if (s->ic > 3) printf(", \"winograd\": %.1f", rate(pool, s, side, back, false, rounds));
    printf("}\n");
    fflush(stdout);
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
