/* SPDX-License-Identifier: MIT
 * net/layers.h: what a network is: a list of layers with names and shapes, each reading an earlier one, and the convention of
 * its input. It knows nothing of files (model/) and nothing of how it is run (executor.h). */
#ifndef DQ_NET_LAYERS_H
#define DQ_NET_LAYERS_H

#include "base/error.h"

#include <stdbool.h>

enum { DQ__MAX_LAYERS = 128, DQ__MAX_CHANNELS = 8192 };

typedef enum dq__kind {
    DQ__CONV,          /* kernel × kernel, stride, pad pixels around by the table's padding */
    DQ__RELU,
    DQ__POOL,          /* by the table's pooling, to ⌊side/2⌋: 2×2, stride 2; or 3×3, stride 2, windows cut at the far edges */
    DQ__LINEAR,        /* on the flattened (C,H,W) of what it reads */
    DQ__LEAKY_RELU,    /* x > 0 ? x : slope·x */
    DQ__PRELU,         /* the same with a slope of its own for each channel: its weight */
    DQ__TANH,
    DQ__SIGMOID,
    DQ__INSTANCE_NORM, /* (x − mean)/√(variance + ε)·weight + bias, over the positions of each picture */
    DQ__BATCH_NORM,    /* the same: in training over all pictures, else with the mean and variance kept in dq__weights */
    DQ__GLOBAL_POOL,   /* the mean of each channel */
    DQ__UP_NEAREST,    /* twice the size */
    DQ__UP_BILINEAR,   /* the same, pixels being areas: neighbours count ¾ and ¼ */
    DQ__CONV_UP,       /* twice the size: the way back of a convolution of stride 2, pad (kernel − 1)/2 with zeros */
    DQ__ADD,           /* from + also */
    DQ__CONCAT,        /* the channels of from, then those of also */
    DQ__KINDS
} dq__kind;
typedef enum dq__padding { DQ__PAD_ZERO, DQ__PAD_REFLECT, DQ__PAD_REPLICATE } dq__padding;
typedef enum dq__pooling { DQ__POOL_MAX, DQ__POOL_AVERAGE } dq__pooling;

typedef struct dq__layer {
    dq__kind kind;
    char name[16]; /* conv1_1, relu1_1, pool1, …, fc6, relu6, fc7, relu7, fc8; head1_1 */
    int ic, oc;    /* channels in and out; for linear the flattened counts; equal where a kind does not change them, as concat */
    int from;      /* the layer it reads, −1 for the picture (conv and linear only); in a chain the one before */
    int also;      /* add, concat: the second layer it reads */
    int kernel, stride, pad; /* conv: kernel ≤ 9, stride 1 or 2, pad ≤ kernel/2; conv_up: see there; pool: kernel 2 or 3 */
    float slope;   /* leaky_relu: 0 ≤ slope < 1 */
} dq__layer;

/* What the network expects: input channel c = Σ_k matrix[c][k]·rgb[k] + offset[c], rgb in [0,1]. It covers Caffe's
 * family (BGR, 0–255, mean), torchvision's (RGB, mean/std) and a 1×1 input convolution. */
typedef struct dq__input {
    float matrix[3][3], offset[3];
} dq__input;

typedef struct dq__table {
    char name[32]; /* "vgg19", "vgg16", "random", … */
    int count;
    dq__layer layer[DQ__MAX_LAYERS];
    dq__padding padding;
    dq__pooling pooling;
    dq__input input;
} dq__table;

/* Arrays of a table, by layer index; NULL where a layer has none. weight: conv (oc,ic,k,k), conv_up (ic,oc,k,k), linear (oc,ic)
 * with ic in (C,H,W) order, prelu and norms (oc); bias: (oc); mean and variance of batch norm: (oc), not trained. All dense.
 * Owned by whoever owns the struct. */
typedef struct dq__weights {
    float *weight[DQ__MAX_LAYERS];
    float *bias[DQ__MAX_LAYERS];
    float *mean[DQ__MAX_LAYERS];
    float *variance[DQ__MAX_LAYERS];
} dq__weights;

enum { DQ__WEIGHT, DQ__BIAS, DQ__MEAN, DQ__VARIANCE, DQ__ARRAYS };
#define DQ__NORM_EPSILON 1e-5

/* "weight", "bias", "mean", "variance" */
const char *dq__array_name(int array);
/* Numbers in an array of a layer; 0: it has none. */
size_t dq__array_count(const dq__layer *layer, int array);
float **dq__array(dq__weights *weights, int layer, int array);

/* The input conventions of the two families. */
extern const dq__input dq__input_caffe;       /* BGR·255 − (103.939, 116.779, 123.68) */
extern const dq__input dq__input_torchvision; /* (RGB − (.485 .456 .406)) / (.229 .224 .225) */

/* Full standard tables, through fc8: 16 (VGG-19) or 13 (VGG-16) convolutions, five pools, three linear layers.
 * Padding zero, max pooling, Caffe's input. `depth` is 19 or 16. */
void dq__table_vgg(dq__table *table, int depth);
/* A chain in VGG's shape with its own widths: `stages` stages of convs[s] convolutions of width[s] channels, each stage
 * but the last followed by a pool. */
void dq__table_stages(dq__table *table, const char *name, int stages, const int *convs, const int *width);
/* Adds a layer that reads the last one (conv: 3×3, stride 1, pad 1; conv_up: 3×3; pool: 2×2) and returns it; NULL when the
 * table is full. */
dq__layer *dq__table_add(dq__table *table, dq__kind kind, int ic, int oc, const char *name);
/* Does it convolve 3×3 pixels, stride 1, pad 1, as the fast kernels do? */
bool dq__is_conv3x3(const dq__layer *layer);
/* Does the layer read the picture (and no map, as the first layer of a stage does, net/stage.h)? */
bool dq__reads_picture(const dq__layer *layer);
/* Does the layer read two others? */
bool dq__reads_two(const dq__layer *layer);
/* Does layer k read layer i? */
bool dq__reads(const dq__table *table, int k, int i);
/* Does layer i do nothing but rectify in place what conv or linear layer i−1 has written, which nobody else reads? */
bool dq__relu_in_place(const dq__table *table, int i);
/* Cuts the chain after layer `last` (kept). */
void dq__table_truncate(dq__table *table, int last);
/* Index of a layer by any of its names: relu4_2, conv4_2 and block4_conv2 all mean the activation after the ReLU when
 * the chain has it (the field's usage), and its root4_2 where a network that learned from another has one (linear, 1×1: costs
 * there are costs on the teacher's features); pool names as they are. −1 if there is none. Case-sensitive. */
int dq__table_find(const dq__table *table, const char *name);
/* Is layer i such a root: named after the relu that it reads, linear, 1×1, square? */
bool dq__is_root(const dq__table *table, int i);
/* The deepest activation of maps, −1 if there is none. */
int dq__table_deepest(const dq__table *table);
/* Index of the conv or linear layer with exactly this name, −1 if none. */
int dq__table_exact(const dq__table *table, const char *name);
/* The names of the relu layers, comma separated, for messages. */
void dq__table_names(const dq__table *table, char *text, size_t size);
/* Shapes chain (each ic is the oc of what it reads, 3 for the picture), counts are sane: DQ_BAD_MODEL otherwise. */
dq_status dq__table_check(const dq__table *table, dq__error *err);
/* For use after training: every batch norm that is alone in reading a convolution (or linear layer) is worked into its weights
 * and taken out of the table. Those that cannot be stay. */
void dq__fold_norms(dq__table *table, dq__weights *weights);

#endif
