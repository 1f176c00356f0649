/* SPDX-License-Identifier: MIT
 * model/tensors.h: what lies between the weight readers and the model: a list of named views of numbers in a file. A reader
 * (read_*.c) fills the list and checks that every view lies inside what it read; build.c alone knows which name is which
 * layer. Private to model/. */
#ifndef DQ_MODEL_TENSORS_H
#define DQ_MODEL_TENSORS_H

#include "model/model.h"

enum { DQ__MAX_TENSORS = 1024, DQ__MAX_RANK = 4, DQ__MAX_TENSOR_NAME = 96 };

/* A weights file in memory. */
typedef struct dq__file {
    const unsigned char *bytes;
    size_t size;
    const char *name; /* for messages: the path as the user gave it */
} dq__file;

typedef enum dq__dtype { DQ__F32, DQ__F64, DQ__F16, DQ__BF16, DQ__NOT_FLOAT } dq__dtype;

/* Numbers of one layer in logical order: (oc, ic, kh, kw) for a convolution, (oc, ic) for a linear layer, (oc) for a bias.
 * Formats that store another order tell so by their strides. */
typedef struct dq__tensor {
    char name[DQ__MAX_TENSOR_NAME];
    dq__dtype type;
    int rank;
    size_t shape[DQ__MAX_RANK], stride[DQ__MAX_RANK]; /* strides in elements */
    const unsigned char *data;                         /* little-endian, any alignment */
    void *owned;                                       /* dq__free'd with the list, or NULL when `data` is in the file */
} dq__tensor;

typedef struct dq__tensors {
    dq__tensor *item; /* room for DQ__MAX_TENSORS */
    size_t count;
    bool has_input, has_table, fc6_hwc; /* fc6_hwc: columns of fc6 are in (H,W,C) order */
    dq__input input;                    /* if has_input: what the file says */
    dq__table table;                    /* if has_table: the file is our own container and names every layer */
    char credit[256], source[256];      /* what the file says, else "" */
    void *keep;                         /* what the views look into, if neither file nor `owned`; */
    void (*release)(void *keep);        /* called on it with the list's end */
} dq__tensors;

static inline size_t dq__weight_count(const dq__layer *l) { return dq__array_count(l, DQ__WEIGHT); }
static inline bool dq__has_arrays(const dq__layer *l) { return dq__weight_count(l) > 0; }
/* The shape of a layer's array as files have it; returns the rank. */
int dq__array_shape(const dq__layer *layer, int array, size_t shape[DQ__MAX_RANK]);

/* ---- tensors.c ---- */

dq_status dq__tensors_init(dq__tensors *list, dq__error *err);
void dq__tensors_deinit(dq__tensors *list);
/* A new entry, all but its name zero; DQ_BAD_MODEL when there are too many, or the name is too long. */
dq_status dq__tensors_add(dq__tensors *list, dq__tensor **out, const char *name, size_t name_length, const dq__file *file,
                          dq__error *err);
/* The entry of this name, or NULL. */
const dq__tensor *dq__tensors_find(const dq__tensors *list, const char *name);
size_t dq__dtype_size(dq__dtype type); /* bytes; 0 for DQ__NOT_FLOAT */
/* Number of elements; 0 if a dimension is 0 or the product overflows. */
size_t dq__tensor_count(const dq__tensor *tensor);
/* Sets the strides of a dense tensor, last dimension fastest. */
void dq__tensor_dense(dq__tensor *tensor);
/* Whether all elements lie within `elements` elements from `data`, and are not more than those. */
bool dq__tensor_inside(const dq__tensor *tensor, size_t elements);
/* Copies to floats in logical order. */
void dq__tensor_gather(const dq__tensor *tensor, float *out);
/* "64×3×7×7" */
const char *dq__tensor_shape(const dq__tensor *tensor, char *text, size_t size);
/* fp32 to fp16, rounded to nearest even; infinite where it does not fit. */
uint16_t dq__half_from_float(float value);
float dq__half_to_float(uint16_t half);

static inline uint16_t dq__le16(const unsigned char *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t dq__le32(const unsigned char *p) { return dq__le16(p) | (uint32_t)dq__le16(p + 2) << 16; }
static inline uint64_t dq__le64(const unsigned char *p) { return dq__le32(p) | (uint64_t)dq__le32(p + 4) << 32; }

/* ---- the formats; each fills an initialised list ---- */

bool dq__is_safetensors(const dq__file *file);
dq_status dq__read_safetensors(const dq__file *file, dq__tensors *list, dq__error *err);
/* PyTorch: the zip layout and the older one. */
bool dq__is_pth(const dq__file *file);
dq_status dq__read_pth(const dq__file *file, dq__tensors *list, dq__error *err);
bool dq__is_h5(const dq__file *file);
dq_status dq__read_h5(const dq__file *file, dq__tensors *list, dq__error *err);
bool dq__is_mat(const dq__file *file);
dq_status dq__read_mat(const dq__file *file, dq__tensors *list, dq__error *err);
/* The compressed file of SqueezeNet v1.0, by counts that fit its layers. */
bool dq__is_squeezenet(const dq__file *file);
dq_status dq__read_squeezenet(const dq__file *file, dq__tensors *list, dq__error *err);
/* TensorFlow.js' model.json with, after it, the numbers that lie in files beside it. */
bool dq__is_tfjs(const dq__file *file);
dq_status dq__read_tfjs(const dq__file *file, dq__tensors *list, dq__error *err);
/* Makes that of the model.json at file->name: *all, whose bytes are dq__free'd by the caller, after a failure too. Only files
 * of its folder are opened. */
dq_status dq__tfjs_gather(const dq__file *file, dq__file *all, dq__error *err);
/* Protobuf has no signature: true when the bytes read as a network with at least one layer. Ask last. */
bool dq__is_caffemodel(const dq__file *file);
dq_status dq__read_caffemodel(const dq__file *file, dq__tensors *list, dq__error *err);

/* ---- build.c ---- */

/* Finds table, padding and input convention from the tensors' names and shapes and fills an empty model; model->sha256
 * must be set, some files are known by it. */
dq_status dq__build(dq_model *model, const dq__tensors *list, const dq__file *file, dq__error *err);
/* The JSON array of a table's layers, [{"name","kind","in","out"}, …], and of its input; new references or NULL. */
struct json_t;
struct json_t *dq__layers_json(const dq__table *table);
struct json_t *dq__input_json(const dq__input *input);
const char *dq__kind_name(dq__kind kind);
const char *dq__padding_name(dq__padding padding);
const char *dq__pooling_name(dq__pooling pooling);

#endif
