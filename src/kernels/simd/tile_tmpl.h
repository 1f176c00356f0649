/* SPDX-License-Identifier: MIT
 * kernels/simd/tile_tmpl.h: the inner tile of convolution and gemm, for any vector width: MR pixels × NV vectors of output
 * channels stay in registers while taps and input channels are summed. The including file defines
 *   VW (floats per vector: 4, 8 or 16) and MR (pixels per tile). 16/VW vectors make a block of 16 output channels. */
#include <stddef.h>

typedef float vf __attribute__((vector_size(VW * 4), aligned(4), may_alias));

enum { NB = 16 / VW, IC_BLOCK = 32 }; /* vectors per 16 channels; input channels summed before y is touched again */

typedef struct tile_args {
    const float *x;           /* pixel 0 of the tile at tap 0, channel i0 */
    ptrdiff_t x_row, x_col;
    float *y;                 /* pixel 0, channel o */
    ptrdiff_t y_col;
    const float *w;           /* block of 16·blocks output channels, [taps][ic][16] */
    ptrdiff_t w_block;        /* from one block of 16 output channels to the next */
    const float *start;       /* bias of channel o, or NULL: see load */
    int taps, ic, load;       /* load: begin with y (1), start (2) or zero (0) */
} tile_args;

/* blocks (1 or 2) and pixels are constants at every call, so all loops over them unroll and acc lives in registers */
static inline __attribute__((always_inline)) void tile(const tile_args *a, const int pixels, const int blocks) {
    /* acc: [pixels][blocks·NB] vectors */
    vf acc[MR][2 * NB];
    const int nv = blocks * NB;
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) {
            if (a->load == 1) acc[p][v] = *(const vf *)(a->y + p * a->y_col + v * VW);
            else if (a->load == 2) acc[p][v] = *(const vf *)(a->start + v * VW);
            else acc[p][v] = (vf){0};
        }
    const float *w = a->w;
    for (int t = 0; t < a->taps; t++) {
        const float *x = a->x + t / 3 * a->x_row + t % 3 * a->x_col;
        for (int i = 0; i < a->ic; i++, w += 16) {
            vf wv[2 * NB];
#pragma GCC unroll 4
            for (int v = 0; v < nv; v++) wv[v] = *(const vf *)(w + v / NB * a->w_block + v % NB * VW);
#pragma GCC unroll 16
            for (int p = 0; p < pixels; p++) {
                const float xp = x[p * a->x_col + i];
#pragma GCC unroll 4
                for (int v = 0; v < nv; v++) acc[p][v] += xp * wv[v];
            }
        }
    }
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int v = 0; v < nv; v++) *(vf *)(a->y + p * a->y_col + v * VW) = acc[p][v];
}

#define TILE_CASE(n) \
    case n: tile(a, n <= MR ? n : 1, blocks); break;

/* The last pixels of a row: each count its own unrolled code. */
static inline __attribute__((always_inline)) void tile_tail(const tile_args *a, int pixels, const int blocks) {
    switch (pixels) {
        TILE_CASE(1) TILE_CASE(2) TILE_CASE(3) TILE_CASE(4) TILE_CASE(5) TILE_CASE(6)
        TILE_CASE(7) TILE_CASE(8) TILE_CASE(9) TILE_CASE(10) TILE_CASE(11)
    default: break;
    }
}

static inline __attribute__((always_inline)) void tile_row(tile_args a, int cols, const int blocks) {
    for (; cols >= MR; cols -= MR) {
        tile(&a, MR, blocks);
        a.x += MR * a.x_col;
        a.y += MR * a.y_col;
    }
    tile_tail(&a, cols, blocks);
}

__attribute__((noinline)) static void tile_row_1(const tile_args *a, int cols) { tile_row(*a, cols, 1); }
#if VW == 16
__attribute__((noinline)) static void tile_row_2(const tile_args *a, int cols) { tile_row(*a, cols, 2); }
#endif

/* One block of output channels from `o` (16, or 32 where two blocks fit the registers) over one row; returns its width. */
static inline int tile_step(const tile_args *a, int cols, int channels_left) {
#if VW == 16
    if (channels_left >= 32) {
        tile_row_2(a, cols);
        return 32;
    }
#endif
    (void)channels_left;
    tile_row_1(a, cols);
    return 16;
}
