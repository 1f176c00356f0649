/* SPDX-License-Identifier: MIT
 * explain/kernel.c: see kernel.h. All arithmetic is in double. */
#include "explain/kernel.h"

#include "base/mem.h"
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char dq__templates[] = "smooth|gauss|sharpen|laplace|laplace8|sobel|sobel-x|sobel-y|prewitt|prewitt-x|prewitt-y|roberts|"
                             "emboss";
enum { SMOOTH, GAUSS };

/* The textbook's 3×3 in the order of the names from sharpen on; `identity`: the picture itself is added. */
static const struct {
    bool identity;
    int count;
    double k[2][9];
} textbook[] = {
    {true, 1, {{0, -1, 0, -1, 4, -1, 0, -1, 0}}},
    {false, 1, {{0, 1, 0, 1, -4, 1, 0, 1, 0}}},
    {false, 1, {{1, 1, 1, 1, -8, 1, 1, 1, 1}}},
    {false, 2, {{-1, 0, 1, -2, 0, 2, -1, 0, 1}, {-1, -2, -1, 0, 0, 0, 1, 2, 1}}},
    {false, 1, {{-1, 0, 1, -2, 0, 2, -1, 0, 1}}},
    {false, 1, {{-1, -2, -1, 0, 0, 0, 1, 2, 1}}},
    {false, 2, {{-1, 0, 1, -1, 0, 1, -1, 0, 1}, {-1, -1, -1, 0, 0, 0, 1, 1, 1}}},
    {false, 1, {{-1, 0, 1, -1, 0, 1, -1, 0, 1}}},
    {false, 1, {{-1, -1, -1, 0, 0, 0, 1, 1, 1}}},
    {false, 2, {{0, 0, 0, 0, 1, 0, 0, 0, -1}, {0, 0, 0, 0, 0, 1, 0, -1, 0}}},
    {true, 1, {{-2, -1, 0, -1, 0, 1, 0, 1, 2}}},
};

static dq_status make(dq__kernel *kernel, int count, int rows, int columns, dq__error *err) {
    const size_t bytes = sizeof(double) * (size_t)rows * (size_t)columns;
    *kernel = (dq__kernel){.rows = rows, .columns = columns, .count = count};
    for (int i = 0; i < count; i++) {
        kernel->k[i] = dq__alloc_zero(bytes);
        if (kernel->k[i]) continue;
        dq__kernel_free(kernel);
        return dq__no_memory(err, bytes, "a matrix");
    }
    return DQ_OK;
}

void dq__kernel_free(dq__kernel *kernel) {
    for (int i = 0; i < 2; i++) {
        dq__free(kernel->k[i]);
        kernel->k[i] = NULL;
    }
}

/* ---- templates --------------------------------------------------------------------------------------------------- */

/* A row of Pascal's triangle, divided by its sum; n numbers, n odd. */
static void binomial(double *v, int n) {
    memset(v, 0, sizeof *v * (size_t)n);
    v[0] = 1;
    for (int row = 1; row < n; row++)
        for (int i = row; i >= 0; i--) v[i] = (v[i] + (i ? v[i - 1] : 0)) / 2;
}

static void bell(double *v, int n, double sigma) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += v[i] = exp(-0.5 * (i - n / 2) * (i - n / 2) / (sigma * sigma));
    for (int i = 0; i < n; i++) v[i] /= sum;
}

static void smoothing(double *k, int number, int side, double sigma) {
    double v[DQ__MAX_KERNEL];
    if (number == SMOOTH)
        for (int i = 0; i < side; i++) v[i] = 1.0 / side;
    else if (sigma > 0) bell(v, side, sigma);
    else binomial(v, side);
    for (int i = 0; i < side * side; i++) k[i] = v[i / side] * v[i % side];
}

/* to [side][side] += the 3×3 smoothed by the binomial matrix of side − 2. */
static void widen(double *to, const double from[9], int side) {
    double v[DQ__MAX_KERNEL];
    const int n = side - 2;
    binomial(v, n);
    for (int t = 0; t < 9; t++)
        for (int i = 0; i < n * n; i++) to[(i / n + t / 3) * side + i % n + t % 3] += from[t] * v[i / n] * v[i % n];
}

dq_status dq__kernel_template(dq__kernel *out, int number, int side, double sigma, dq__error *err) {
    if (side % 2 == 0 || side < 3 || side > DQ__MAX_KERNEL)
        return dq__fail(err, DQ_USAGE, "the side of a template is an odd number from 3 to %d, not %d", DQ__MAX_KERNEL, side);
    const bool smooths = number <= GAUSS;
    const int row = number - GAUSS - 1;
    const dq_status status = make(out, smooths ? 1 : textbook[row].count, side, side, err);
    if (status) return status;
    if (smooths) smoothing(out->k[0], number, side, sigma);
    for (int i = 0; i < out->count && !smooths; i++) {
        widen(out->k[i], textbook[row].k[i], side);
        if (textbook[row].identity) out->k[i][side * side / 2] += 1;
    }
    return DQ_OK;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == ',' || c == '\r'; }
static bool ends_row(char c) { return c == ';' || c == '\n'; }

/* The next number at *text, or a fraction; false where there is none. */
static bool next_number(const char **text, double *value) {
    char word[48], *slash;
    size_t n = 0;
    double divisor = 1;
    for (; (*text)[n] && !is_blank((*text)[n]) && !ends_row((*text)[n]) && (*text)[n] != '#'; n++)
        if (n == sizeof word - 1) return false;
    memcpy(word, *text, n);
    word[n] = 0;
    *text += n;
    slash = strchr(word, '/');
    if (slash) {
        *slash = 0;
        if (!dq__parse_double(slash + 1, &divisor) || divisor == 0) return false;
    }
    if (!dq__parse_double(word, value)) return false;
    *value /= divisor;
    return isfinite(*value);
}

/* To the next number or end of a row. */
static const char *skip(const char *text) {
    while (is_blank(*text)) text++;
    if (*text == '#') text += strcspn(text, "\n");
    return text;
}

/* Reads the rows: into k where it is not NULL, and their shape in any case. */
static dq_status scan(const char *text, double *k, int *rows, int *columns, dq__error *err) {
    int at = 0, row = 0;
    *rows = *columns = 0;
    for (;;) {
        double value;
        text = skip(text);
        if (*text && !ends_row(*text)) {
            const char *word = text;
            if (!next_number(&text, &value)) return dq__fail(err, DQ_USAGE, "the matrix has no number at '%.24s'", word);
            if (++at > DQ__MAX_KERNEL) return dq__fail(err, DQ_USAGE, "a matrix has at most %d columns", DQ__MAX_KERNEL);
            if (k) k[row * *columns + at - 1] = value;
            continue;
        }
        if (at) {
            if (row == 0) *columns = at;
            if (at != *columns)
                return dq__fail(err, DQ_USAGE, "row %d of the matrix has %d numbers, the first %d", row + 1, at, *columns);
            *rows = ++row;
            if (row > DQ__MAX_KERNEL) return dq__fail(err, DQ_USAGE, "a matrix has at most %d rows", DQ__MAX_KERNEL);
        }
        at = 0;
        if (!*text++) return DQ_OK;
    }
}

dq_status dq__kernel_parse(dq__kernel *out, const char *text, dq__error *err) {
    int rows, columns;
    *out = (dq__kernel){0};
    dq_status status = scan(text, NULL, &rows, &columns, err);
    if (!status && !rows) return dq__fail(err, DQ_USAGE, "the matrix is empty; write \"0 -1 0; -1 5 -1; 0 -1 0\"");
    if (!status && (rows % 2 == 0 || columns % 2 == 0))
        return dq__fail(err, DQ_USAGE, "a matrix has an odd number of rows and columns, so that it has a middle, not %d × %d",
                        rows, columns);
    if (!status) status = make(out, 1, rows, columns, err);
    return status ? status : scan(text, out->k[0], &rows, &columns, err);
}

dq_status dq__kernel_read(dq__kernel *out, const char *text, dq__error *err) {
    enum { MOST = 1 << 20 };
    *out = (dq__kernel){0};
    if (strspn(text, "0123456789+-.eE/ ,;\t\r\n") == strlen(text)) return dq__kernel_parse(out, text, err);
    FILE *file = fopen(text, "re");
    if (!file)
        return dq__fail(err, DQ_USAGE, "%.200s is neither a matrix nor a file that can be read (%s)", text, strerror(errno));
    char *bytes = dq__alloc(MOST + 1);
    const size_t size = bytes ? fread(bytes, 1, MOST + 1, file) : 0;
    const bool failed = ferror(file) != 0;
    dq_status status = DQ_OK;
    fclose(file);
    if (!bytes) status = dq__no_memory(err, MOST, "a matrix");
    else if (failed) status = dq__fail(err, DQ_USAGE, "cannot read %.200s: %s", text, strerror(errno));
    else if (size > MOST) status = dq__fail(err, DQ_USAGE, "%.200s is longer than a matrix can be", text);
    if (!status) {
        bytes[size] = 0;
        status = strlen(bytes) == size ? dq__kernel_parse(out, bytes, err)
                                       : dq__fail(err, DQ_USAGE, "%.200s is no text", text);
    }
    dq__free(bytes);
    return status;
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

double dq__kernel_sum(const dq__kernel *kernel) {
    double sum = 0, size = 0;
    for (int i = 0; i < kernel->rows * kernel->columns; i++) sum += kernel->k[0][i], size += fabs(kernel->k[0][i]);
    if (fabs(sum) < 1e-9 * size) return 0;
    return fabs(sum - 1) < 1e-9 * size ? 1 : sum;
}

double dq__kernel_positive(const dq__kernel *kernel) {
    double sum = 0;
    for (int i = 0; i < kernel->rows * kernel->columns; i++) sum += kernel->k[0][i] > 0 ? kernel->k[0][i] : 0;
    return sum;
}

void dq__kernel_strengthen(dq__kernel *kernel, double s) {
    const int n = kernel->rows * kernel->columns;
    const bool mixed = dq__kernel_sum(kernel) != 0;
    for (int i = 0; i < kernel->count; i++) {
        for (int t = 0; t < n; t++) kernel->k[i][t] *= s;
        if (mixed) kernel->k[i][n / 2] += 1 - s;
    }
}

void dq__kernel_divide(dq__kernel *kernel) {
    const double sum = dq__kernel_sum(kernel);
    for (int i = 0; i < kernel->count; i++)
        for (int t = 0; t < kernel->rows * kernel->columns; t++) kernel->k[i][t] /= sum;
}
