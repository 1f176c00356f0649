/* SPDX-License-Identifier: MIT
 * bench/onednn.c: the same convolutions by oneDNN 2 (Debian's libdnnl), in the layouts it prefers, forward and back to the
 * input, direct and by Winograd's method where it has one. Threads by OMP_NUM_THREADS. Includes nothing of ours but bench.h.
 *     onednn SIZE [ROUNDS]   →   one JSON object a line and layer */
#include "bench.h"

#include <dnnl.h>
#include <stdbool.h>

static void must(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return;
    fprintf(stderr, "oneDNN: %s failed (%d)\n", what, (int)status);
    exit(1);
}

static dnnl_memory_t new_memory(const_dnnl_primitive_desc_t pd, dnnl_query_t query, dnnl_engine_t engine) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, query, 0);
    dnnl_memory_t memory;
    void *data;
    must(dnnl_memory_create(&memory, md, engine, DNNL_MEMORY_ALLOCATE), "memory");
    must(dnnl_memory_get_data_handle(memory, &data), "memory");
    const size_t n = dnnl_memory_desc_get_size(md) / sizeof(float);
    for (size_t k = 0; k < n; k++) ((float *)data)[k] = (float)(k * 2654435761u % 1000) * 1e-3f - 0.5f;
    return memory;
}

/* A description of the pass with any layout, or NULL where oneDNN has no such implementation. */
static dnnl_primitive_desc_t describe(const conv_shape *s, int side, bool back, dnnl_alg_kind_t algorithm, dnnl_engine_t engine) {
    const dnnl_dims_t x = {1, s->ic, side, side}, w = {s->oc, s->ic, 3, 3}, b = {s->oc}, y = {1, s->oc, side, side};
    const dnnl_dims_t one = {1, 1}, pad = {1, 1};
    dnnl_memory_desc_t xd, wd, bd, yd;
    dnnl_convolution_desc_t forward, pass;
    dnnl_primitive_desc_t hint = NULL, pd = NULL;
    must(dnnl_memory_desc_init_by_tag(&xd, 4, x, dnnl_f32, dnnl_format_tag_any), "x");
    must(dnnl_memory_desc_init_by_tag(&wd, 4, w, dnnl_f32, dnnl_format_tag_any), "w");
    must(dnnl_memory_desc_init_by_tag(&bd, 1, b, dnnl_f32, dnnl_x), "b");
    must(dnnl_memory_desc_init_by_tag(&yd, 4, y, dnnl_f32, dnnl_format_tag_any), "y");
    must(dnnl_convolution_forward_desc_init(&forward, back ? dnnl_forward_training : dnnl_forward_inference, algorithm, &xd, &wd,
                                            &bd, &yd, one, pad, pad), "forward");
    if (dnnl_primitive_desc_create(&hint, &forward, NULL, engine, NULL) != dnnl_success) return NULL;
    if (!back) return hint;
    must(dnnl_convolution_backward_data_desc_init(&pass, algorithm, &xd, &wd, &yd, one, pad, pad), "backward");
    if (dnnl_primitive_desc_create(&pd, &pass, NULL, engine, hint) != dnnl_success) pd = NULL;
    dnnl_primitive_desc_destroy(hint);
    return pd;
}

/* GFLOP/s, 0 where there is no implementation; its name to `name`. */
static double rate(const conv_shape *s, int side, bool back, dnnl_alg_kind_t algorithm, int rounds, dnnl_engine_t engine,
                   dnnl_stream_t stream, char *name, size_t size) {
    dnnl_primitive_desc_t pd = describe(s, side, back, algorithm, engine);
    if (!pd) return 0;
    const char *text;
    must(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&text), "name");
    snprintf(name, size, "%s", text);
    dnnl_primitive_t conv;
    must(dnnl_primitive_create(&conv, pd), "primitive");
    dnnl_exec_arg_t argument[4] = {
        {back ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, new_memory(pd, back ? dnnl_query_diff_src_md : dnnl_query_src_md, engine)},
        {DNNL_ARG_WEIGHTS, new_memory(pd, dnnl_query_weights_md, engine)},
        {back ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, new_memory(pd, back ? dnnl_query_diff_dst_md : dnnl_query_dst_md, engine)}};
    int arguments = 3;
    if (!back) {
        const dnnl_memory_desc_t *bd = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 1);
        dnnl_memory_t bias;
        must(dnnl_memory_create(&bias, bd, engine, DNNL_MEMORY_ALLOCATE), "bias");
        argument[arguments++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, bias};
    }
    double seconds[100];
    for (int k = -1; k < rounds; k++) {
        const double start = now();
        must(dnnl_primitive_execute(conv, stream, arguments, argument), "run");
        must(dnnl_stream_wait(stream), "run");
        if (k >= 0) seconds[k] = now() - start;
    }
    for (int k = 0; k < arguments; k++) dnnl_memory_destroy(argument[k].memory);
    dnnl_primitive_destroy(conv);
    dnnl_primitive_desc_destroy(pd);
    return conv_flops(s, side) * 1e-9 / median(seconds, rounds);
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: onednn SIZE [ROUNDS]\n");
        return 2;
    }
    const int size = number(argv[1], 16, 4096, "SIZE"), rounds = argc > 2 ? number(argv[2], 1, 100, "ROUNDS") : 5;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    must(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    for (int k = 0; k < VGG19_CONVS; k++)
        for (int back = 0; back < 2; back++) {
            const conv_shape *s = &vgg19_convs[k];
            const int side = size / s->divide;
            char name[64] = "", other[64] = "";
            const double direct = rate(s, side, back, dnnl_convolution_direct, rounds, engine, stream, name, sizeof name);
            const double winograd = rate(s, side, back, dnnl_convolution_winograd, rounds, engine, stream, other, sizeof other);
            printf("{\"what\": \"onednn\", \"layer\": \"%s\", \"pass\": \"%s\", \"side\": %d, \"times\": %d, \"gflop\": %.3f, "
                   "\"direct\": %.1f, \"implementation\": \"%s\"", s->name, back ? "backward" : "forward", side, s->times,
                   conv_flops(s, side) * 1e-9, direct, name);
            if (winograd > 0) printf(", \"winograd\": %.1f", winograd);
            printf("}\n");
        }
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return 0;
}
