/* SPDX-License-Identifier: MIT
 * kernels/simd/window_tmpl.h: one window of 2×2 pixels, 16 channels: the greatest of four with its choice, and the mean, for
 * pooling by itself and in Winograd's outputs. The including file brings v16. */

/* v: top-left, top-right, bottom-left, bottom-right. choice: two words, see pool.h. */
static inline v16 greatest16(const v16 *v, uint16_t *choice) {
    const unsigned right_top = greater16(v[1], v[0]), right_bottom = greater16(v[3], v[2]);
    const v16 top = select16(right_top, v[1], v[0]), bottom = select16(right_bottom, v[3], v[2]);
    const unsigned lower = greater16(bottom, top);
    choice[0] = (uint16_t)((right_bottom & lower) | (right_top & ~lower));
    choice[1] = (uint16_t)lower;
    return select16(lower, bottom, top);
}

static inline v16 mean16(const v16 *v) { return scale16(add16(add16(v[0], v[1]), add16(v[2], v[3])), 0.25f); }
