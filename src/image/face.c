/* SPDX-License-Identifier: MIT
 * image/face.c: faces, then the eyes in each, then the irises in them; and the map of a face from its eyes alone. Where the
 * files are is known here only. */
#include "image/face.h"

#include "base/mem.h"
#include "image/cascade.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const folders[] = {"/usr/share/opencv4/haarcascades",       "/usr/local/share/opencv4/haarcascades",
                                      "/usr/share/opencv/haarcascades",        "/usr/share/OpenCV/haarcascades",
                                      "/opt/homebrew/share/opencv4/haarcascades"};
static const char face_file[] = "haarcascade_frontalface_alt2.xml", eye_file[] = "haarcascade_eye.xml";

struct dq__face_finder {
    dq__cascade *face, *eye;
};

static bool has_files(const char *folder) {
    char path[1024];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, face_file) >= sizeof path) return false;
    FILE *file = fopen(path, "re");
    if (file) fclose(file);
    return file != NULL;
}

static dq_status read_file(dq__cascade **out, const char *folder, const char *name, dq__error *err) {
    char path[1024];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return dq__fail(err, DQ_BAD_MODEL, "the folder of the cascades has too long a name");
    return dq__cascade_read(out, path, err);
}

dq_status dq__face_finder_new(dq__face_finder **out, const char *folder, dq__error *err) {
    *out = NULL;
    if (!folder) folder = getenv("DANQING_CASCADES");
    for (size_t i = 0; !folder && i < sizeof folders / sizeof *folders; i++)
        if (has_files(folders[i])) folder = folders[i];
    if (!folder)
        return dq__fail(err, DQ_BAD_MODEL, "there are no cascades to find faces with: install opencv-data (Debian's name), or "
                                           "let DANQING_CASCADES name the folder of %s", face_file);
    dq__face_finder *finder = dq__alloc_zero(sizeof *finder);
    if (!finder) return dq__no_memory(err, sizeof *finder, "looking for faces");
    dq_status status = read_file(&finder->face, folder, face_file, err);
    if (!status) status = read_file(&finder->eye, folder, eye_file, err);
    if (status) dq__face_finder_free(&finder);
    *out = finder;
    return status;
}

void dq__face_finder_free(dq__face_finder **finder) {
    if (!*finder) return;
    dq__cascade_free(&(*finder)->face);
    dq__cascade_free(&(*finder)->eye);
    dq__free(*finder);
    *finder = NULL;
}

/* ---- eyes ---------------------------------------------------------------------------------------------------------- */

/* Where eyes usually are in a face's square, in sides from its left upper corner. */
static const double usual[2][2] = {{0.30, 0.39}, {0.70, 0.39}};

enum { PATCH = 25 }; /* an eye's surroundings, for the iris */

/* The point that most dark-to-light slopes lead away from: the centre of the iris (Timm, Barth 2011). (x, y) is moved to
 * it, within a third of `reach` to each side. */
static void find_iris(const dq__grey *g, double *x, double *y, double reach) {
    float v[PATCH][PATCH], gx[PATCH][PATCH] = {{0}}, gy[PATCH][PATCH] = {{0}};
    const double step = 2 * reach / PATCH, left = *x - reach, top = *y - reach;
    double steepest = 0, best = 0;
    for (int i = 0; i < PATCH; i++)
        for (int j = 0; j < PATCH; j++)
            v[i][j] = (float)dq__grey_mean(g, left + (j - 0.25) * step, top + (i - 0.25) * step, left + (j + 1.25) * step,
                                           top + (i + 1.25) * step);
    for (int i = 1; i < PATCH - 1; i++)
        for (int j = 1; j < PATCH - 1; j++) {
            gx[i][j] = v[i][j + 1] - v[i][j - 1], gy[i][j] = v[i + 1][j] - v[i - 1][j];
            steepest = fmax(steepest, hypot((double)gx[i][j], (double)gy[i][j]));
        }
    int best_i = PATCH / 2, best_j = PATCH / 2;
    for (int i = PATCH / 3; i < PATCH - PATCH / 3; i++)
        for (int j = PATCH / 3; j < PATCH - PATCH / 3; j++) {
            double sum = 0;
            for (int k = 1; k < PATCH - 1; k++)
                for (int m = 1; m < PATCH - 1; m++) {
                    const double slope = hypot((double)gx[k][m], (double)gy[k][m]), far = hypot(k - i, m - j);
                    if (slope < 0.2 * steepest || far == 0 || far > 0.3 * PATCH) continue;
                    const double along = ((m - j) * (double)gx[k][m] + (k - i) * (double)gy[k][m]) / (far * slope);
                    if (along > 0) sum += along * along;
                }
            sum *= 1 - (double)v[i][j];
            if (sum > best) best = sum, best_i = i, best_j = j;
        }
    *x = left + (best_j + 0.5) * step, *y = top + (best_i + 0.5) * step;
}

/* Of the hits on one side the one with most votes for its distance from the usual place. */
static bool find_eye(const dq__face_finder *finder, const dq__grey *g, dq__face *face, int which) {
    const double side = face->side, left = face->x - side / 2, top = face->y - side / 2;
    const double x = left + usual[which][0] * side, y = top + usual[which][1] * side;
    const dq__search search = {.x0 = fmax(x - 0.27 * side, 0), .x1 = fmin(x + 0.27 * side, g->w),
                               .y0 = fmax(y - 0.25 * side, 0), .y1 = fmin(y + 0.25 * side, g->h),
                               .smallest = 0.18 * side, .largest = 0.45 * side, .votes = 2};
    dq__hit hits[8];
    const int count = dq__cascade_search(finder->eye, g, &search, hits, 8);
    double best = 0;
    for (int i = 0; i < count; i++) {
        const double far = hypot(hits[i].x - x, hits[i].y - y) / side, score = hits[i].votes * exp(-far * far / 0.02);
        if (score <= best) continue;
        best = score;
        face->eye[which][0] = hits[i].x, face->eye[which][1] = hits[i].y + 0.04 * hits[i].side;
    }
    return best > 0;
}

/* Two eyes that cannot belong to one face are none. */
static bool plausible(const dq__face *face) {
    const double dx = face->eye[1][0] - face->eye[0][0], dy = face->eye[1][1] - face->eye[0][1];
    return dx > 0.25 * face->side && dx < 0.62 * face->side && fabs(dy) < 0.4 * dx;
}

static void usual_eye(dq__face *face, int which) {
    for (int k = 0; k < 2; k++)
        face->eye[which][k] = (k ? face->y : face->x) + (usual[which][k] - 0.5) * face->side;
}

static void find_eyes(const dq__face_finder *finder, const dq__grey *g, dq__face *face) {
    bool seen[2];
    for (int e = 0; e < 2; e++) {
        seen[e] = find_eye(finder, g, face, e);
        if (seen[e]) find_iris(g, &face->eye[e][0], &face->eye[e][1], 0.13 * face->side);
    }
    if (seen[0] != seen[1]) { /* the other is its mirror image */
        const int other = seen[0];
        face->eye[other][0] = 2 * face->x - face->eye[!other][0], face->eye[other][1] = face->eye[!other][1];
    }
    face->eyes_seen = (seen[0] || seen[1]) && plausible(face);
    if (!face->eyes_seen) usual_eye(face, 0), usual_eye(face, 1);
}

/* ---- faces --------------------------------------------------------------------------------------------------------- */

enum { LONGEST = 1024, FEWEST = 4 };

/* How many windows must agree. Small patterns and what shows no eyes deceive the cascade more often. */
static int least_votes(const dq__face *face, double picture_side) {
    if (!face->eyes_seen) return 5 * FEWEST;
    return face->side > 0.3 * picture_side ? FEWEST : 5 * FEWEST / 2;
}

static bool inside(const dq__hit *a, const dq__hit *b) {
    return fabs(a->x - b->x) < 0.5 * b->side && fabs(a->y - b->y) < 0.5 * b->side;
}

static int by_size(const void *left, const void *right) {
    const dq__face *a = left, *b = right;
    return a->side != b->side ? (a->side > b->side ? -1 : 1) : (a->x > b->x) - (a->x < b->x);
}

dq_status dq__face_find(const dq__face_finder *finder, const dq_image *image, dq__face *faces, int most, int *count,
                        dq__error *err) {
    dq__grey grey = {0};
    dq__hit hits[DQ__MAX_FACES];
    double scale;
    *count = 0;
    dq_status status = dq__grey_of(&grey, image, LONGEST, &scale, err);
    if (status) return status;
    const double shorter = fmin(grey.w, grey.h), longer = fmax(grey.w, grey.h);
    const dq__search search = {.x1 = grey.w, .y1 = grey.h, .smallest = fmax(20, 0.08 * longer), .largest = shorter,
                               .votes = FEWEST};
    const int found = dq__cascade_search(finder->face, &grey, &search, hits, most < DQ__MAX_FACES ? most : DQ__MAX_FACES);
    for (int i = 0; i < found; i++) { /* most votes first: what lies in a surer face is none */
        int k = 0;
        while (k < i && !inside(&hits[i], &hits[k]) && !inside(&hits[k], &hits[i])) k++;
        if (k < i) continue;
        dq__face face = {.x = hits[i].x, .y = hits[i].y, .side = hits[i].side, .votes = hits[i].votes};
        find_eyes(finder, &grey, &face);
        if (face.votes < least_votes(&face, shorter)) continue;
        face.x *= scale, face.y *= scale, face.side *= scale;
        for (int e = 0; e < 2; e++) face.eye[e][0] *= scale, face.eye[e][1] *= scale;
        faces[(*count)++] = face;
    }
    qsort(faces, (size_t)*count, sizeof *faces, by_size);
    dq__grey_free(&grey);
    return found < 0 ? dq__no_memory(err, 0, "looking for faces") : DQ_OK;
}

/* ---- the map ------------------------------------------------------------------------------------------------------- */

/* Parts of a face seen from the middle between the eyes: u to the right, v down, in distances between the eyes. */
static const struct {
    double u, v, ru, rv, height;
} parts[] = {
    {0, 0.42, 1.15, 1.65, 0.5},                              /* from hairline to chin */
    {-0.5, -0.05, 0.42, 0.36, 1}, {0.5, -0.05, 0.42, 0.36, 1}, /* eyes with brows */
    {0, 0.55, 0.30, 0.50, 0.9},                              /* nose */
    {0, 1.12, 0.55, 0.32, 1},                                /* mouth */
};

/* 1 inside of an ellipse, 0 outside, soft between 0.7 and 1.3 of its radius. */
static double soft(double radius) {
    const double t = (1.3 - radius) / 0.6;
    return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}

static double face_at(const dq__face *f, double x, double y) {
    const double dx = f->eye[1][0] - f->eye[0][0], dy = f->eye[1][1] - f->eye[0][1], square = dx * dx + dy * dy;
    const double px = x - (f->eye[0][0] + f->eye[1][0]) / 2, py = y - (f->eye[0][1] + f->eye[1][1]) / 2;
    const double u = (px * dx + py * dy) / square, v = (py * dx - px * dy) / square;
    double most = 0;
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        most = fmax(most, parts[k].height * soft(hypot((u - parts[k].u) / parts[k].ru, (v - parts[k].v) / parts[k].rv)));
    return most;
}

void dq__face_map(float *map, int w, int h, int image_w, int image_h, const dq__face *faces, int count) {
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            double most = 0;
            for (int i = 0; i < count; i++)
                most = fmax(most, face_at(&faces[i], (x + 0.5) * image_w / w, (y + 0.5) * image_h / h));
            map[(size_t)y * (size_t)w + (size_t)x] = (float)most;
        }
}
