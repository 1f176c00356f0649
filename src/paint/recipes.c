/* SPDX-License-Identifier: MIT
 * paint/recipes.c: the built-in recipes as text, the form that a user's own recipe file has too: one "name = value" a
 * line, # comments. Numbers live here and in options.def only; how they are used is paint/job.c's. */
#include "paint/options.h"

#include <string.h>

static const struct {
    const char *name, *description, *text;
} recipes[] = {
    {"portrait", "coarse to fine from the photo, with L-BFGS: fast, keeps the face (the default)",
     "# Every value is the default of options.def.\n"},

    {"painting", "Crowson's style-transfer-pytorch: bold strokes, coarse to fine, by means and covariances (slow)",
     "face = off\n"
     "normalization = mean\n"
     "content-layers = relu4_2=1\n"
     "# weights 256, 64, 16, 4, 1, divided by their sum\n"
     "style-layers = relu1_1=0.750733,relu2_1=0.187683,relu3_1=0.0469208,relu4_1=0.0117302,relu5_1=0.00293255\n"
     "style-loss = w2\n"
     "content-weight = 0.015\n"
     "style-weight = 1\n"
     "tv-weight = 2\n"
     "tv-kind = nine\n"
     "init = content\n"
     "noise = 0\n"
     "style-scale = 1\n"
     "padding = replicate # there at the first layer only, zeros at the others\n"
     "optimizer = adam\n"
     "learning-rate = 0.02\n"
     "beta1 = 0.9\n"
     "beta2 = 0.99\n"
     "epsilon = 1e-8\n"
     "pixel-range = 1\n"
     "clamp = on\n"
     "average = 0.99\n"
     "size = 512\n"
     "min-size = 128\n"
     "scale-step = 1.41421356\n"
     "iterations = 500\n"
     "initial-iterations = 1000\n"},

    {"sketch", "a drawing of the photo in the manner of a drawing: pencil, ink, woodcut; its paper, its tones, its strokes",
     "colour = drawing\n"
     "init = content   # which is toned as the drawing before\n"
     "style-weight = 60\n"
     "face = 1.75\n"},

    {"quick", "a first look in seconds: two scales, up to 256 pixels",
     "size = 256\n"
     "min-size = 128\n"
     "scale-step = 2\n"
     "initial-iterations = 30\n"
     "iterations = 15\n"
     "optimizer = lbfgs\n"
     "learning-rate = 1\n"
     "history = 5\n"
     "average = 0.8\n"},

    {"classic", "the course's algorithm: content plus noise, Adam, costs with 1/4n and 1/(2n)\302\262",
     "face = off\n"
     "normalization = course\n"
     "content-layers = relu4_2\n"
     "style-layers = relu1_1=0.2,relu2_1=0.2,relu3_1=0.2,relu4_1=0.2,relu5_1=0.2\n"
     "content-weight = 10\n"
     "style-weight = 40\n"
     "tv-weight = 0\n"
     "init = content\n"
     "noise = 0.25\n"
     "optimizer = adam\n"
     "learning-rate = 0.03\n"
     "beta1 = 0.9\n"
     "beta2 = 0.999\n"
     "epsilon = 1e-7   # as in Keras\n"
     "pixel-range = 1\n"
     "clamp = on\n"
     "average = 0      # the picture is the last step\n"
     "size = 400\n"
     "style-scale = 1\n"
     "min-size = 0     # one scale\n"
     "iterations = 1001\n"},

    {"neural-style", "Gatys et al. as Johnson's neural-style paints it: from noise, L-BFGS, 1000 steps",
     "face = off\n"
     "normalization = mean\n"
     "content-layers = relu4_2=1\n"
     "style-layers = relu1_1=1,relu2_1=1,relu3_1=1,relu4_1=1,relu5_1=1\n"
     "content-weight = 5\n"
     "style-weight = 100\n"
     "tv-weight = 0.001\n"
     "tv-kind = sum\n"
     "init = noise\n"
     "noise = 0\n"
     "style-scale = 1\n"
     "optimizer = lbfgs\n"
     "learning-rate = 1\n"
     "history = 10\n"
     "first-step = 0\n"
     "beta1 = 0.9      # these three with --optimizer adam\n"
     "beta2 = 0.999\n"
     "epsilon = 1e-8\n"
     "pixel-range = 255\n"
     "clamp = off\n"
     "average = 0\n"
     "size = 512\n"
     "min-size = 0\n"
     "iterations = 1000\n"},

    {"deepart", "what users of deepart.io matched its pictures with: neural-style from the photo, bold",
     "face = off\n"
     "normalization = mean\n"
     "content-layers = relu4_2=1\n"
     "style-layers = relu1_1=1,relu2_1=1,relu3_1=1,relu4_1=1,relu5_1=1\n"
     "content-weight = 5\n"
     "style-weight = 1000\n"
     "tv-weight = 0.001\n"
     "tv-kind = sum\n"
     "init = content\n"
     "noise = 0\n"
     "style-scale = 1\n"
     "optimizer = lbfgs\n"
     "learning-rate = 1\n"
     "history = 10\n"
     "first-step = 0\n"
     "pixel-range = 255\n"
     "clamp = off\n"
     "average = 0\n"
     "size = 500\n"
     "min-size = 0\n"
     "iterations = 1000\n"},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

const char *dq__recipe_text(const char *name) {
    for (int i = 0; i < RECIPES; i++)
        if (strcmp(recipes[i].name, name) == 0) return recipes[i].text;
    return NULL;
}

const char *dq__recipe_at(int index, const char **description) {
    if (index < 0 || index >= RECIPES) return NULL;
    if (description) *description = recipes[index].description;
    return recipes[index].name;
}
