/* SPDX-License-Identifier: MIT
 * sketch/fsim.c: phase congruency by log-Gabor filters of 4 scales and 4 orientations (Kovesi 1999), gradients by Scharr's
 * filter, and the similarity of both (Zhang et al. 2011). Spectra lie transposed, so that both transforms run along rows. */
#include "sketch/metrics.h"

#include "base/mem.h"
#include "sketch/fft.h"

#include <math.h>
#include <string.h>

enum { SCALES = 4, ORIENTATIONS = 4, FILTERS = SCALES * ORIENTATIONS };

struct dq__fsim {
    int full_w, full_h, factor; /* the pictures are averaged over factor × factor pixels first */
    int w, h;
    dq__fft along_x, along_y;
    float *filter;              /* [orientation][scale][w][h] */
    double noise[ORIENTATIONS]; /* expected energy of noise over the median of the finest scale's */
};

static const double pi = 3.14159265358979323846;

/* ---- filters ---- */

/* Frequency number k of n, −½ … ½ as the reference program has it (odd n: up to ½ on both sides). */
static double frequency(int k, int n) {
    const int signed_k = k < (n + 1) / 2 ? k : k - n;
    return (double)signed_k / (n % 2 ? n - 1 : n);
}

static double radial(double radius, int scale) {
    const double centre = 1 / (6.0 * pow(2, scale)), ratio = log(radius / centre), spread = log(0.55);
    return exp(-ratio * ratio / (2 * spread * spread)) / (1 + pow(radius / 0.45, 30));
}

static double angular(double x, double y, int orientation) {
    const double angle = orientation * pi / ORIENTATIONS, sigma = pi / ORIENTATIONS / 1.2, theta = atan2(-y, x);
    const double ds = sin(theta) * cos(angle) - cos(theta) * sin(angle), dc = cos(theta) * cos(angle) + sin(theta) * sin(angle);
    const double d = fabs(atan2(ds, dc));
    return exp(-d * d / (2 * sigma * sigma));
}

static void fill_filters(dq__fsim *f) {
    const size_t n = (size_t)f->w * (size_t)f->h;
    for (int v = 0; v < f->h; v++)
        for (int u = 0; u < f->w; u++) {
            const double x = frequency(u, f->w), y = frequency(v, f->h), radius = sqrt(x * x + y * y);
            for (int k = 0; k < FILTERS; k++)
                f->filter[(size_t)k * n + (size_t)u * (size_t)f->h + (size_t)v] =
                    radius > 0 ? (float)(radial(radius, k % SCALES) * angular(x, y, k / SCALES)) : 0;
        }
}

/* Half the sum of a filter's values at a frequency and at its opposite: the transform of its real part. */
static double even_part(const dq__fsim *f, int filter, int u, int v) {
    const float *g = f->filter + (size_t)filter * (size_t)f->w * (size_t)f->h;
    const int ou = (f->w - u) % f->w, ov = (f->h - v) % f->h;
    return ((double)g[u * f->h + v] + (double)g[ou * f->h + ov]) / 2;
}

static double noise_factor(const dq__fsim *f, int orientation) {
    double squares = 0, products = 0, finest = 0;
    for (int u = 0; u < f->w; u++)
        for (int v = 0; v < f->h; v++) {
            double even[SCALES], sum = 0, square = 0;
            for (int s = 0; s < SCALES; s++) {
                even[s] = even_part(f, orientation * SCALES + s, u, v);
                sum += even[s], square += even[s] * even[s];
            }
            const float g = f->filter[((size_t)orientation * SCALES * (size_t)f->w + (size_t)u) * (size_t)f->h + (size_t)v];
            squares += square, products += (sum * sum - square) / 2, finest += (double)g * (double)g;
        }
    return (2 * squares + 4 * products) / (finest * log(2));
}

dq_status dq__fsim_new(dq__fsim **out, int w, int h, dq__error *err) {
    dq__fsim *f = dq__alloc_zero(sizeof *f);
    *out = NULL;
    if (!f) return dq__no_memory(err, sizeof *f, "filters");
    f->full_w = w, f->full_h = h;
    f->factor = (int)fmax(1, round((w < h ? w : h) / 256.0));
    f->w = (w + f->factor - 1) / f->factor, f->h = (h + f->factor - 1) / f->factor;
    const size_t bytes = sizeof(float) * FILTERS * (size_t)f->w * (size_t)f->h;
    f->filter = dq__alloc(bytes);
    dq_status status = f->filter ? DQ_OK : dq__no_memory(err, bytes, "filters");
    if (!status) status = dq__fft_init(&f->along_x, f->w, err);
    if (!status) status = dq__fft_init(&f->along_y, f->h, err);
    if (status) {
        dq__fsim_free(&f);
        return status;
    }
    fill_filters(f);
    for (int k = 0; k < ORIENTATIONS; k++) f->noise[k] = noise_factor(f, k);
    *out = f;
    return DQ_OK;
}

void dq__fsim_free(dq__fsim **fsim) {
    if (!*fsim) return;
    dq__fft_deinit(&(*fsim)->along_x);
    dq__fft_deinit(&(*fsim)->along_y);
    dq__free((*fsim)->filter);
    dq__free(*fsim);
    *fsim = NULL;
}

/* ---- phase congruency ---- */

/* Planes of w·h floats that one picture needs. */
typedef struct space {
    float *grey, *re, *im, *t_re, *t_im, *energy, *amplitude, *scratch;
    float *even[SCALES], *odd[SCALES];
} space;

static void transpose(const float *from, int rows, int columns, float *to) {
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < columns; x++)
            to[(size_t)x * (size_t)rows + (size_t)y] = from[(size_t)y * (size_t)columns + (size_t)x];
}

static void spectrum(const dq__fsim *f, space *s) {
    const size_t bytes = sizeof(float) * (size_t)f->w * (size_t)f->h;
    memcpy(s->t_re, s->grey, bytes);
    memset(s->t_im, 0, bytes);
    dq__fft_columns(&f->along_y, 1, f->w, s->t_re, s->t_im, s->scratch);
    transpose(s->t_re, f->h, f->w, s->re);
    transpose(s->t_im, f->h, f->w, s->im);
    dq__fft_columns(&f->along_x, 1, f->h, s->re, s->im, s->scratch);
}

/* The picture seen through one filter: its even and odd part. */
static void filtered(const dq__fsim *f, const space *s, int filter, float *even, float *odd) {
    const size_t n = (size_t)f->w * (size_t)f->h;
    const float *g = f->filter + (size_t)filter * n, share = 1.0f / (float)n;
    for (size_t i = 0; i < n; i++) s->t_re[i] = s->re[i] * g[i] * share, s->t_im[i] = s->im[i] * g[i] * share;
    dq__fft_columns(&f->along_x, -1, f->h, s->t_re, s->t_im, s->scratch);
    transpose(s->t_re, f->w, f->h, even);
    transpose(s->t_im, f->w, f->h, odd);
    dq__fft_columns(&f->along_y, -1, f->w, even, odd, s->scratch);
}

/* The value that half of the n values are below; the values are moved. */
static float median(float *v, ptrdiff_t n) {
    ptrdiff_t low = 0, high = n - 1;
    const ptrdiff_t middle = n / 2;
    while (low < high) { /* Hoare's FIND */
        const float pivot = v[middle];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i > j) break;
            const float t = v[i];
            v[i++] = v[j], v[j--] = t;
        }
        if (j < middle) low = i;
        if (i > middle) high = j;
    }
    return v[middle];
}

/* What noise alone would give, from the finest scale. */
static double threshold(const dq__fsim *f, const space *s, int orientation) {
    const size_t n = (size_t)f->w * (size_t)f->h;
    for (size_t i = 0; i < n; i++) s->t_re[i] = s->even[0][i] * s->even[0][i] + s->odd[0][i] * s->odd[0][i];
    const double tau = sqrt((double)median(s->t_re, (ptrdiff_t)n) * f->noise[orientation] / 2);
    return (tau * sqrt(pi / 2) + 2 * tau * sqrt(2 - pi / 2)) / 1.7;
}

/* Adds the energy and the amplitude of one orientation. */
static void add_orientation(const dq__fsim *f, const space *s, int orientation) {
    const size_t n = (size_t)f->w * (size_t)f->h;
    for (int k = 0; k < SCALES; k++) filtered(f, s, orientation * SCALES + k, s->even[k], s->odd[k]);
    const float least = (float)threshold(f, s, orientation);
    for (size_t i = 0; i < n; i++) {
        float e = 0, o = 0, amplitude = 0, energy = 0;
        for (int k = 0; k < SCALES; k++) {
            e += s->even[k][i], o += s->odd[k][i];
            amplitude += sqrtf(s->even[k][i] * s->even[k][i] + s->odd[k][i] * s->odd[k][i]);
        }
        const float length = sqrtf(e * e + o * o) + 1e-4f, me = e / length, mo = o / length;
        for (int k = 0; k < SCALES; k++)
            energy += s->even[k][i] * me + s->odd[k][i] * mo - fabsf(s->even[k][i] * mo - s->odd[k][i] * me);
        s->energy[i] += energy > least ? energy - least : 0;
        s->amplitude[i] += amplitude;
    }
}

/* ---- gradients ---- */

static float at(const float *p, int w, int h, int y, int x) {
    return x < 0 || y < 0 || x >= w || y >= h ? 0 : p[(size_t)y * (size_t)w + (size_t)x];
}

static void gradients(const float *p, int w, int h, float *to) {
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const float a = at(p, w, h, y - 1, x - 1), b = at(p, w, h, y - 1, x), c = at(p, w, h, y - 1, x + 1);
            const float d = at(p, w, h, y, x - 1), e = at(p, w, h, y, x + 1);
            const float k = at(p, w, h, y + 1, x - 1), l = at(p, w, h, y + 1, x), m = at(p, w, h, y + 1, x + 1);
            const float gx = (3 * (c - a) + 10 * (e - d) + 3 * (m - k)) / 16,
                gy = (3 * (k - a) + 10 * (l - b) + 3 * (m - c)) / 16;
            to[(size_t)y * (size_t)w + (size_t)x] = sqrtf(gx * gx + gy * gy);
        }
}

/* Means of factor × factor pixels at every factor-th pixel. */
static void shrink(const dq__fsim *f, const float *grey, float *to) {
    const int k = f->factor, back = (k - 1) / 2;
    for (int y = 0; y < f->h; y++)
        for (int x = 0; x < f->w; x++) {
            float sum = 0;
            for (int j = 0; j < k * k; j++) sum += at(grey, f->full_w, f->full_h, y * k + j / k - back, x * k + j % k - back);
            to[(size_t)y * (size_t)f->w + (size_t)x] = sum / (float)(k * k);
        }
}

/* ---- public ---- */

bool dq__fsim_features(const dq__fsim *f, const float *grey, float *features) {
    const size_t n = (size_t)f->w * (size_t)f->h, planes = 7 + 2 * SCALES, longer = (size_t)(f->w > f->h ? f->w : f->h);
    float *memory = dq__alloc_zero(sizeof(float) * (planes * n + 80 * longer));
    if (!memory) return false;
    space s = {.grey = memory, .re = memory + n, .im = memory + 2 * n, .t_re = memory + 3 * n, .t_im = memory + 4 * n,
               .energy = memory + 5 * n, .amplitude = memory + 6 * n, .scratch = memory + planes * n};
    for (size_t k = 0; k < SCALES; k++) s.even[k] = memory + (7 + 2 * k) * n, s.odd[k] = memory + (8 + 2 * k) * n;
    shrink(f, grey, s.grey);
    spectrum(f, &s);
    for (int o = 0; o < ORIENTATIONS; o++) add_orientation(f, &s, o);
    for (size_t i = 0; i < n; i++) features[i] = s.amplitude[i] > 0 ? s.energy[i] / s.amplitude[i] : 0;
    gradients(s.grey, f->w, f->h, features + n);
    dq__free(memory);
    return true;
}

double dq__fsim_compare(const dq__fsim *f, const float *a, const float *b) {
    const size_t n = (size_t)f->w * (size_t)f->h;
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        const double p = (double)a[i], q = (double)b[i], u = (double)a[n + i], v = (double)b[n + i], most = p > q ? p : q;
        const double phase = (2 * p * q + 0.85) / (p * p + q * q + 0.85), slope = (2 * u * v + 160) / (u * u + v * v + 160);
        sum += phase * slope * most, total += most;
    }
    return total > 0 ? sum / total : 1;
}
