/* SPDX-License-Identifier: MIT
 * image/colour.c: colour statistics by sums in double in the order of the pixels; roots of 3×3 matrices by Jacobi's method;
 * recombination pixel by pixel. One thread: the same bytes always. */
#include "image/colour.h"

#include "image/parts.h"

#include <math.h>
#include <string.h>

static size_t pixels(const dq_image *image) { return (size_t)image->width * (size_t)image->height; }

/* ---- statistics ---------------------------------------------------------------------------------------------------- */

static double seen(const dq_image *image, size_t i) { return image->alpha ? (double)image->alpha[i] : 1; }

dq__colours dq__colours_of(const dq_image *image) {
    dq__colours colours = {0};
    double weight = 0;
    for (size_t i = 0; i < pixels(image); i++) {
        weight += seen(image, i);
        for (int c = 0; c < 3; c++) colours.mean[c] += seen(image, i) * (double)image->rgb[3 * i + (size_t)c];
    }
    if (!(weight > 0)) return colours;
    for (int c = 0; c < 3; c++) colours.mean[c] /= weight;
    for (size_t i = 0; i < pixels(image); i++) {
        double d[3];
        for (int c = 0; c < 3; c++) d[c] = (double)image->rgb[3 * i + (size_t)c] - colours.mean[c];
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < 3; b++) colours.covariance[a][b] += seen(image, i) * d[a] * d[b] / weight;
    }
    return colours;
}

/* ---- powers of symmetric matrices ---------------------------------------------------------------------------------- */

static void multiply(double out[3][3], double a[3][3], double b[3][3]) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) out[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
}

/* Turns the axes p and q so that m[p][q] becomes zero; v collects the turns. */
static void rotate(double m[3][3], double v[3][3], int p, int q) {
    if (m[p][q] == 0) return;
    const double theta = 0.5 * atan2(2 * m[p][q], m[q][q] - m[p][p]), c = cos(theta), s = sin(theta);
    for (int k = 0; k < 3; k++) {
        const double a = m[k][p], b = m[k][q];
        m[k][p] = c * a - s * b, m[k][q] = s * a + c * b;
    }
    for (int k = 0; k < 3; k++) {
        const double a = m[p][k], b = m[q][k];
        m[p][k] = c * a - s * b, m[q][k] = s * a + c * b;
    }
    for (int k = 0; k < 3; k++) {
        const double a = v[k][p], b = v[k][q];
        v[k][p] = c * a - s * b, v[k][q] = s * a + c * b;
    }
}

/* (m + ridge·I) to the given power, m symmetric without negative eigenvalues. The ridge is the variance of rounding to 8 bits:
 * what varies less than that is no colour to be stretched. */
static void power(double out[3][3], const double m[3][3], double exponent) {
    const double ridge = 1e-5;
    enum { SWEEPS = 12 };
    double d[3][3], v[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    memcpy(d, m, sizeof d);
    for (int sweep = 0; sweep < SWEEPS; sweep++) rotate(d, v, 0, 1), rotate(d, v, 0, 2), rotate(d, v, 1, 2);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            out[i][j] = 0;
            for (int k = 0; k < 3; k++) out[i][j] += v[i][k] * v[j][k] * pow(fmax(d[k][k], 0) + ridge, exponent);
        }
}

/* ---- whole pictures ------------------------------------------------------------------------------------------------ */

void dq__colour_match(dq_image *image, const dq__colours *wanted, double strength) {
    const dq__colours own = dq__colours_of(image);
    double to[3][3], from[3][3], map[3][3];
    power(to, wanted->covariance, 0.5);
    power(from, own.covariance, -0.5);
    multiply(map, to, from);
    for (size_t i = 0; i < pixels(image); i++) {
        float *p = image->rgb + 3 * i;
        double d[3];
        for (int c = 0; c < 3; c++) d[c] = (double)p[c] - own.mean[c];
        for (int c = 0; c < 3; c++) {
            const double mapped = map[c][0] * d[0] + map[c][1] * d[1] + map[c][2] * d[2] + wanted->mean[c];
            p[c] = dq__clamp01((float)((1 - strength) * (double)p[c] + strength * mapped));
        }
    }
}

static double luma(const float p[3]) { return 0.299 * (double)p[0] + 0.587 * (double)p[1] + 0.114 * (double)p[2]; }

void dq__colour_grey(dq_image *image, double strength) {
    for (size_t i = 0; i < pixels(image); i++) {
        float *p = image->rgb + 3 * i;
        const double y = luma(p);
        for (int c = 0; c < 3; c++) p[c] = dq__clamp01((float)((1 - strength) * (double)p[c] + strength * y));
    }
}

/* ---- lightness here, colour there ---------------------------------------------------------------------------------- */

/* Colour is what is left of R, G, B without Y. */
static void take_by_luma(float p[3], const float photo[3], double strength) {
    const double y = luma(p), photo_y = luma(photo);
    double colour[3], paler = 1;
    for (int c = 0; c < 3; c++) {
        colour[c] = (1 - strength) * ((double)p[c] - y) + strength * ((double)photo[c] - photo_y);
        const double room = colour[c] > 0 ? 1 - y : y;
        if (fabs(colour[c]) > room && room / fabs(colour[c]) < paler) paler = room / fabs(colour[c]);
    }
    for (int c = 0; c < 3; c++) p[c] = dq__clamp01((float)(y + paler * colour[c]));
}

static double to_linear(double v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }
static double from_linear(double v) { return v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055; }

/* sRGB → OKLab. */
static void oklab_of(const float p[3], double lab[3]) {
    const double r = to_linear((double)p[0]), g = to_linear((double)p[1]), b = to_linear((double)p[2]);
    const double l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const double m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const double s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    lab[0] = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s;
    lab[1] = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s;
    lab[2] = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s;
}

/* OKLab → linear RGB; false when it is outside of [0,1]. */
static bool linear_of(const double lab[3], double rgb[3]) {
    const double tolerance = 1e-6; /* of the inverse matrices */
    double l = lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2];
    double m = lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2];
    double s = lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2];
    l = l * l * l, m = m * m * m, s = s * s * s;
    rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
    rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
    rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
    for (int c = 0; c < 3; c++)
        if (!(rgb[c] >= -tolerance && rgb[c] <= 1 + tolerance)) return false;
    return true;
}

static void take_by_oklab(float p[3], const float photo[3], double strength) {
    enum { HALVINGS = 12 };
    double own[3], other[3], rgb[3];
    oklab_of(p, own);
    oklab_of(photo, other);
    const double a = own[1] + strength * (other[1] - own[1]), b = own[2] + strength * (other[2] - own[2]);
    if (!linear_of((double[]){own[0], a, b}, rgb)) {
        double low = 0, high = 1; /* share of the colour that exists, that does not */
        for (int i = 0; i < HALVINGS; i++) {
            const double middle = (low + high) / 2;
            if (linear_of((double[]){own[0], middle * a, middle * b}, rgb)) low = middle;
            else high = middle;
        }
        linear_of((double[]){own[0], low * a, low * b}, rgb);
    }
    for (int c = 0; c < 3; c++) p[c] = dq__clamp01((float)from_linear(rgb[c]));
}

void dq__colour_take(dq_image *image, const dq_image *photo, dq__lightness lightness, double strength) {
    for (size_t i = 0; i < pixels(image); i++) {
        if (lightness == DQ__OKLAB) take_by_oklab(image->rgb + 3 * i, photo->rgb + 3 * i, strength);
        else take_by_luma(image->rgb + 3 * i, photo->rgb + 3 * i, strength);
    }
}
