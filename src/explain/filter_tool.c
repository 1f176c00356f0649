/* SPDX-License-Identifier: MIT
 * explain/filter_tool.c: the tool "filter": its settings, what they make of a template, and what is told of its sum. */
#include "explain/explain.h"
#include "explain/filter.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct filter_settings {
    const char *template, *kernel;
    int64_t side, repeat, stride;
    double strength, sigma, threshold, softness;
    int border, on;
    bool normalise;
} filter_settings;

#define AT(field) offsetof(filter_settings, field)
static const dq__setting rows[] = {
    {"template", DQ__SET_TEXT, AT(template), NULL, 0, 0, NULL},
    {"kernel", DQ__SET_TEXT, AT(kernel), NULL, 0, 0, NULL},
    {"kernel-size", DQ__SET_INT, AT(side), "3", 3, DQ__MAX_KERNEL, NULL},
    {"sigma", DQ__SET_FLOAT, AT(sigma), "0", 0, 100, NULL},
    {"strength", DQ__SET_FLOAT, AT(strength), "1", -100, 100, NULL},
    {"repeat", DQ__SET_INT, AT(repeat), "1", 1, 1000, NULL},
    {"padding", DQ__SET_CHOICE, AT(border), "replicate", 0, 0, "zero|reflect|replicate|valid"},
    {"stride", DQ__SET_INT, AT(stride), "1", 1, 64, NULL},
    {"channels", DQ__SET_CHOICE, AT(on), "each", 0, 0, "each|luminance|grey"},
    {"normalise", DQ__SET_FLAG, AT(normalise), "off", 0, 0, NULL},
    {"threshold", DQ__SET_FLOAT, AT(threshold), "0.7", 0, 1, NULL},
    {"softness", DQ__SET_FLOAT, AT(softness), "0.15", 0.0001, 10, NULL},
};
static const char LINES[] = "sketch-lines";

/* ---- what is meant ----------------------------------------------------------------------------------------------- */

static int find_template(const char *name) {
    const size_t n = strlen(name);
    int number = 0;
    for (const char *t = dq__templates;; t++, number++) {
        const size_t length = strcspn(t, "|");
        if (length == n && strncmp(t, name, n) == 0) return number;
        t += length;
        if (!*t) return -1;
    }
}

static bool given(const dq__call *call, const char *name) { return dq__call_setting(call, name, 0) != NULL; }

/* Settings that would have no effect. */
static dq_status check_use(const dq__call *call, const filter_settings *s, dq__error *err) {
    static const char *const of_matrices[] = {"kernel-size", "padding", "stride", "channels", "normalise", "repeat"};
    const bool lines = s->template && strcmp(s->template, LINES) == 0;
    if ((s->template != NULL) == (s->kernel != NULL))
        return dq__fail(err, DQ_USAGE, "'filter' needs either a template (%s|%s) or a kernel", dq__templates, LINES);
    for (size_t i = 0; i < sizeof of_matrices / sizeof *of_matrices && lines; i++)
        if (given(call, of_matrices[i])) return dq__fail(err, DQ_USAGE, "%s has no effect on %s", of_matrices[i], LINES);
    if (!lines && (given(call, "threshold") || given(call, "softness")))
        return dq__fail(err, DQ_USAGE, "threshold and softness are for %s only", LINES);
    if (s->kernel && given(call, "kernel-size")) return dq__fail(err, DQ_USAGE, "a kernel of one's own has its own size");
    if (s->sigma > 0 && !lines && (!s->template || strcmp(s->template, "gauss") != 0))
        return dq__fail(err, DQ_USAGE, "sigma is for gauss and %s only", LINES);
    return DQ_OK;
}

static dq_status make_kernel(dq__kernel *kernel, const filter_settings *s, dq__error *err) {
    if (s->kernel) return dq__kernel_read(kernel, s->kernel, err);
    const int number = find_template(s->template);
    if (number >= 0) return dq__kernel_template(kernel, number, (int)s->side, s->sigma, err);
    return dq__fail(err, DQ_USAGE, "there is no template '%.40s'; there are: %s|%s", s->template, dq__templates, LINES);
}

/* ---- what is told ------------------------------------------------------------------------------------------------ */

/* What the sum of the coefficients means for the picture. */
static void explain(char *text, size_t size, const dq__kernel *kernel, bool normalised) {
    const double sum = dq__kernel_sum(kernel);
    if (sum == 1) snprintf(text, size, "the coefficients sum to 1: constant areas stay as they are, mean brightness is kept");
    else if (sum == 0 && !normalised)
        snprintf(text, size, "the coefficients sum to 0: constant areas become 0, black; only differences are left");
    else if (sum == 0)
        snprintf(text, size, "the coefficients sum to 0: constant areas become 0, shown as %s",
                 kernel->count == 2 ? "black, the steepest edge as white" : "middle grey, so that both signs can be seen");
    else snprintf(text, size, "the coefficients sum to %.6g: constant areas become %.6g times as bright", sum, sum);
}

static json_t *matrix_json(const dq__kernel *kernel, int which) {
    json_t *matrix = json_array();
    for (int i = 0; i < kernel->rows; i++) {
        json_t *row = json_array();
        for (int j = 0; j < kernel->columns; j++)
            json_array_append_new(row, json_real(kernel->k[which][i * kernel->columns + j]));
        json_array_append_new(matrix, row);
    }
    return matrix;
}

static dq_status answer(const dq__call *call, const dq__kernel *kernel, const char *says, const dq_image *image, dq__error *err) {
    json_t *matrices = json_array();
    for (int i = 0; i < kernel->count; i++) json_array_append_new(matrices, matrix_json(kernel, i));
    return dq__call_answer(call, json_pack("{s:o, s:f, s:s, s:i, s:i}", "kernels", matrices, "sum", dq__kernel_sum(kernel),
                                           "says", says, "width", image->width, "height", image->height), err);
}

/* ---- doing it ---------------------------------------------------------------------------------------------------- */

/* Differences are shown so that what they can be at most just fits: one matrix around middle grey, two from black on. Other
 * matrices are divided by their sum. */
static void normalise(dq__filter *filter, dq__kernel *kernel) {
    const double sum = dq__kernel_sum(kernel), most = dq__kernel_positive(kernel);
    if (sum != 0) dq__kernel_divide(kernel);
    else if (most > 0) filter->gain = kernel->count == 2 ? 1 / most : 0.5 / most;
    if (sum == 0 && kernel->count == 1) filter->offset = 0.5;
}

static dq_status convolve(const dq__call *call, dq_image *image, const filter_settings *s, dq__error *err) {
    dq__kernel kernel;
    char says[160];
    dq_status status = make_kernel(&kernel, s, err);
    if (status) return status;
    dq__filter filter = {.kernel = &kernel, .border = (dq__border)s->border, .on = (dq__on)s->on, .stride = (int)s->stride,
                         .gain = 1};
    const bool shown = s->normalise && s->repeat == 1;
    if (s->normalise && s->repeat > 1 && dq__kernel_sum(&kernel) == 0)
        status = dq__fail(err, DQ_USAGE, "normalise and repeat do not go together where the coefficients sum to 0");
    if (!status && s->normalise) normalise(&filter, &kernel);
    dq__kernel_strengthen(&kernel, s->strength);
    explain(says, sizeof says, &kernel, shown);
    for (int64_t i = 0; i < s->repeat && !status; i++) {
        status = dq__convolve_image(call->pool, image, &filter, err);
        if (!status) status = dq__call_progress(call, (double)(i + 1) / (double)s->repeat, err);
    }
    if (!status) status = answer(call, &kernel, says, image, err);
    dq__kernel_free(&kernel);
    return status;
}

/* Lines are a little wider in a larger picture. */
static dq_status draw_lines(const dq__call *call, dq_image *image, const filter_settings *s, dq__error *err) {
    const int longest = image->width > image->height ? image->width : image->height;
    const dq__lines lines = {.sigma = s->sigma > 0 ? s->sigma : fmax(0.5, longest / 500.0), .p = 20 * s->strength,
                             .threshold = s->threshold, .softness = s->softness};
    dq_status status = dq__draw_lines(call->pool, image, &lines, err);
    if (!status) status = dq__call_progress(call, 1, err);
    return status ? status : dq__call_answer(call, json_pack("{s:s, s:f, s:i, s:i}", "says", "the difference of two blurred "
                                             "pictures, made black and white", "sigma", lines.sigma, "width", image->width,
                                             "height", image->height), err);
}

dq_status dq__filter_tool(const dq__call *call, dq__error *err) {
    filter_settings s;
    dq_image *image = NULL;
    dq_status status = dq__call_settings(call, rows, sizeof rows / sizeof *rows, &s, err);
    if (!status) status = dq__call_inputs(call, 1, 1, "one picture", err);
    if (!status) status = dq__call_output(call, err);
    if (!status) status = check_use(call, &s, err);
    if (!status) status = dq__image_read(&image, call->tool->inputs[0], err);
    if (!status && s.template && strcmp(s.template, LINES) == 0) status = draw_lines(call, image, &s, err);
    else if (!status) status = convolve(call, image, &s, err);
    if (!status) {
        dq__clamp_image(image);
        status = dq__image_write(image, call->tool->output, NULL, err);
    }
    dq__image_free(&image);
    return status;
}
