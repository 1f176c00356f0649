/* SPDX-License-Identifier: MIT
 * bench/quality.c: scores pictures that any program has painted: how far each is from the photo and from the painting.
 *     quality [--data DIR] < LIST     LIST: lines of "photo<TAB>painting<TAB>picture"
 * prints CSV. VGG-19 to relu3_1 judges at the picture's size, a half and a quarter of it; SqueezeNet, which no painter here uses,
 * at the picture's size; and SSIM of the luminance with the photo. Paints nothing; bench/quality.py does. */
#include "judge.h"

#include "image/face.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCALES = 3, LEAST = 24, WINDOW = 8, STEP = 4, WIDEST = 528 };

typedef struct score {
    losses vgg, squeezenet;
    double ssim;
} score;

/* Pictures of equal size but the style's. */
typedef struct trio {
    dq_image *content, *style, *picture;
} trio;

/* ---- SSIM ---------------------------------------------------------------------------------------------------------- */

static double luminance(const dq_image *image, int x, int y) {
    const float *p = image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    return .299 * (double)p[0] + .587 * (double)p[1] + .114 * (double)p[2];
}

static double ssim_at(const dq_image *a, const dq_image *b, int left, int top) {
    const double n = WINDOW * WINDOW, c1 = .01 * .01, c2 = .03 * .03;
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int y = top; y < top + WINDOW; y++)
        for (int x = left; x < left + WINDOW; x++) {
            const double u = luminance(a, x, y), v = luminance(b, x, y);
            sa += u, sb += v, saa += u * u, sbb += v * v, sab += u * v;
        }
    const double ma = sa / n, mb = sb / n, va = saa / n - ma * ma, vb = sbb / n - mb * mb, cov = sab / n - ma * mb;
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

/* Wang et al. 2004, with even windows of 8×8, 4 apart; the mean over them. */
static double ssim(const dq_image *a, const dq_image *b) {
    double sum = 0;
    int count = 0;
    for (int y = 0; y + WINDOW <= a->height; y += STEP)
        for (int x = 0; x + WINDOW <= a->width; x += STEP, count++) sum += ssim_at(a, b, x, y);
    return count ? sum / count : (double)NAN;
}

/* ---- judges -------------------------------------------------------------------------------------------------------- */

static dq_image *resized(const dq_image *image, int w, int h) {
    dq__error err;
    dq_image *small;
    must(dq__image_resize(&small, image, w, h, &err), &err);
    return small;
}

static losses ask(gates *g, judge *j, const trio *t, const dq__face *faces, int count) {
    set_targets(g, j, t->content, t->style);
    if (count) set_faces(g, j, t->content, faces, count);
    return judge_picture(g, j, t->picture);
}

/* The mean over the scales. */
static losses ask_at_scales(gates *g, judge *j, const trio *t, const dq__face *faces, int count) {
    losses sum = {0, 0, 0, 0};
    int asked = 0;
    for (int k = 0; k < SCALES; k++) {
        const int w = t->picture->width >> k, h = t->picture->height >> k;
        if (w < LEAST || h < LEAST) break;
        const double share = (double)w / t->content->width;
        trio small = {resized(t->content, w, h), fitted(t->style, w > h ? w : h), resized(t->picture, w, h)};
        dq__face face[DQ__MAX_FACES];
        for (int i = 0; i < count; i++)
            face[i] = (dq__face){.x = faces[i].x * share, .y = faces[i].y * share, .side = faces[i].side * share,
                                 .eye = {{faces[i].eye[0][0] * share, faces[i].eye[0][1] * share},
                                         {faces[i].eye[1][0] * share, faces[i].eye[1][1] * share}}};
        const losses l = ask(g, j, &small, face, count);
        sum.style += l.style, sum.outside += l.outside, sum.content += l.content, sum.face += l.face, asked++;
        dq__image_free(&small.content);
        dq__image_free(&small.style);
        dq__image_free(&small.picture);
    }
    return (losses){sum.style / asked, sum.outside / asked, sum.content / asked, sum.face / asked};
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

typedef struct quality {
    gates g;
    judge vgg, squeezenet;
    dq__face_finder *finder; /* NULL where the cascades are missing */
} quality;

static score score_of(quality *q, const char *content, const char *style, const char *picture) {
    dq__error err;
    dq__face faces[DQ__MAX_FACES];
    int count = 0;
    trio t = {read_picture(content), read_picture(style), read_picture(picture)};
    if (q->finder) must(dq__face_find(q->finder, t.content, faces, DQ__MAX_FACES, &count, &err), &err);
    score s = {.vgg = ask_at_scales(&q->g, &q->vgg, &t, faces, count)};
    trio same = {resized(t.content, t.picture->width, t.picture->height),
                 fitted(t.style, t.picture->width > t.picture->height ? t.picture->width : t.picture->height), t.picture};
    s.squeezenet = ask(&q->g, &q->squeezenet, &same, NULL, 0);
    s.ssim = ssim(same.content, t.picture);
    dq__image_free(&same.content);
    dq__image_free(&same.style);
    dq__image_free(&t.content);
    dq__image_free(&t.style);
    dq__image_free(&t.picture);
    return s;
}

static void score_list(quality *q) {
    char line[8192];
    dq__error err = {0};
    puts("picture,style,outside,content,face,style_squeezenet,content_squeezenet,ssim");
    while (fgets(line, sizeof line, stdin)) {
        char *rest = NULL, *content = strtok_r(line, "\t\n", &rest), *style = strtok_r(NULL, "\t\n", &rest);
        char *picture = strtok_r(NULL, "\t\n", &rest);
        if (!content) continue;
        if (!picture) must(dq__fail(&err, DQ_USAGE, "a line needs photo, painting and picture, with tabs between"), &err);
        const score s = score_of(q, content, style, picture);
        printf("%s,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", picture, s.vgg.style, s.vgg.outside, s.vgg.content, s.vgg.face,
               s.squeezenet.style, s.squeezenet.content, s.ssim);
        fflush(stdout);
    }
}

static dq_model *open_model(const char *data, const char *file) {
    char path[4096];
    dq__error err;
    dq_model *model;
    snprintf(path, sizeof path, "%s/models/%s", data, file);
    must(dq__model_read(&model, path, &err), &err);
    return model;
}

int main(int argc, char **argv) {
    quality q = {.g = {.data = getenv("DANQING_TEST_DATA")}};
    dq__error err;
    if (argc == 3 && strcmp(argv[1], "--data") == 0) q.g.data = argv[2];
    else if (argc != 1) q.g.data = NULL;
    if (!q.g.data) {
        fprintf(stderr, "usage: quality [--data DIR] < LIST (lines of photo, painting, picture, with tabs between)\n"
                        "DIR holds models/ (default: $DANQING_TEST_DATA)\n");
        return 2;
    }
    must(dq__pool_new(&q.g.pool, 0, &err), &err);
    must(dq__gram_space_new(&q.g.space, WIDEST, &err), &err);
    if (dq__face_finder_new(&q.finder, NULL, &err)) fprintf(stderr, "without faces: %s\n", err.text);
    dq_model *vgg = open_model(q.g.data, "vgg19-relu3_1/vgg_normalised_conv3_1.pth");
    dq_model *squeezenet = open_model(q.g.data, "squeezenet/compressed_SqueezeNet.net");
    judge_open(&q.vgg, vgg, "relu1_1,relu2_1,relu3_1", 2, true);
    judge_open(&q.squeezenet, squeezenet, "relu1,fire2,fire4,fire5,fire6", 3, false);
    score_list(&q);
    judge_close(&q.vgg);
    judge_close(&q.squeezenet);
    dq__model_free(&vgg);
    dq__model_free(&squeezenet);
    dq__face_finder_free(&q.finder);
    dq__gram_space_free(&q.g.space);
    dq__pool_free(&q.g.pool);
    return 0;
}
