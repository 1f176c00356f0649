/* SPDX-License-Identifier: MIT
 * train/student.h: the network that is trained: a chain in VGG's shape with linear heads, 1×1 convolutions without bias, that
 * predict a teacher's features from its own. Its weights are one vector of parameters. For use the heads of a layer become
 * one small root R with RᵀR = ΣHᵀH, so that costs on R·s are the costs on the predicted features H·s. */
#ifndef DQ_TRAIN_STUDENT_H
#define DQ_TRAIN_STUDENT_H

#include "model/model.h"
#include "net/layers.h"

typedef struct dq__student {
    dq__table table;      /* the chain, then the heads */
    int chain;            /* layers of the chain */
    size_t parameters;
    size_t weight_at[DQ__MAX_LAYERS], bias_at[DQ__MAX_LAYERS]; /* places in the vector; heads have no bias */
    float *no_bias;       /* zeros, and where the heads' gradient of a bias goes */
} dq__student;

/* shape: "2x32 2x64 2x128 2x192 1x192", convolutions × channels of each stage. Padding reflect, torchvision's input. */
dq_status dq__student_init(dq__student *student, const char *name, const char *shape, dq__error *err);
void dq__student_deinit(dq__student *student);
/* Adds a head with `channels` outputs on `layer` (a name such as relu3_1); *index: its layer. All heads come before the
 * first of the functions below. */
dq_status dq__student_head(dq__student *student, const char *layer, int channels, int *index, dq__error *err);

/* He-normal convolutions (He et al. 2015), biases 0, heads small. */
void dq__student_fill(const dq__student *student, uint64_t seed, float *theta);
/* Takes the layers of the chain that a model has by name; DQ_USAGE where one has another shape. */
dq_status dq__student_start(const dq__student *student, const dq_model *model, float *theta, dq__error *err);
/* Sets a head to the least squares solution: gram = Σ s·sᵀ (cs×cs), cross (oc,ic) = Σ F·sᵀ over the same positions. */
dq_status dq__student_fit(const dq__student *student, int head, const float *gram, const float *cross, float *theta,
                          dq__error *err);
/* The vector seen as weights; the views are read only where theta is. */
dq__weights dq__student_view(const dq__student *student, const float *theta);
/* A gradient to be added to; where heads have no bias, numbers go that nobody reads. */
dq__weights dq__student_gradient(const dq__student *student, float *gradient);
/* Writes the chain as far as heads read it, with a layer root3_1 for relu3_1 and so on: half precision, for use.
 * weight[k]: of head k, in the order they were added; 0: it leaves no root. */
dq_status dq__student_save(const dq__student *student, const float *theta, const double *weight, const char *credit,
                           const char *source, const char *path, dq__error *err);

#endif
