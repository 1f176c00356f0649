/* SPDX-License-Identifier: MIT
 *
 * danqing.h: the public interface of libdanqing, the only header that is installed.
 *
 * Danqing paints a photograph (the content) in the manner of a painting (the style) by neural style transfer
 * (Gatys, Ecker, Bethge: "A Neural Algorithm of Artistic Style", 2015): it changes the pixels of a picture G until
 * J = α·J_content + β·J_style is small, where both costs are measured on the activations of a pre-trained network.
 *
 *     dq_context *ctx;  dq_context_new(&ctx, 0);
 *     dq_image *photo, *painting, *result;   dq_image_read(ctx, &photo, "photo.jpg"); …
 *     dq_model *model;  dq_model_open(ctx, &model, NULL);
 *     dq_options *opt;  dq_options_new(ctx, &opt);   dq_options_set(opt, "size", "512");
 *     dq_job *job;      dq_job_new(ctx, &job, model, photo, &painting, 1, opt);
 *     dq_job_run(job, NULL, NULL);   dq_job_image(job, &result);   dq_image_write(ctx, result, "out.png", NULL);
 *
 * Rules that hold everywhere:
 *   - A function that can fail returns a dq_status; 0 is success. The one-line reason is dq_last_error(ctx).
 *   - `dq_x_new` and the like store a new object in *out on success and NULL on failure; the caller frees it with
 *     `dq_x_free(&x)`, which accepts NULL and sets the pointer to NULL. Strings and pixels that a getter returns belong
 *     to the object.
 *   - The library never prints, never exits, never starts a download by itself.
 *   - A context and what was made from it belong to one thread at a time; different contexts are independent.
 *   - The same inputs, options and seed give the same bytes for any number of threads on the same kind of processor.
 */
#ifndef DANQING_H
#define DANQING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DQ_API __attribute__((visibility("default")))
#else
#define DQ_API
#endif

/* ---- status ------------------------------------------------------------------------------------------------------ */

/* What went wrong. The numbers are also the exit codes of the `danqing` command and are never renumbered. */
typedef enum dq_status {
    DQ_OK = 0,          /* done */
    DQ_FAILED = 1,      /* failed for a reason that none of the others names (numbers that stay non-finite, …) */
    DQ_USAGE = 2,       /* an option or argument that cannot be */
    DQ_BAD_IMAGE = 3,   /* an input picture is missing, unreadable, damaged or not a picture */
    DQ_BAD_MODEL = 4,   /* weights are missing, damaged or of another network */
    DQ_LIMIT = 5,       /* a limit (pixels, memory) forbids it, or memory ran out */
    DQ_OUTPUT = 6,      /* the result could not be written; nothing half-written is left behind */
    DQ_NETWORK = 7,     /* a download failed */
    DQ_CANCELLED = 130  /* the callback asked to stop; the best picture so far can still be taken */
} dq_status;

/* Library version, "0.1.0". Never NULL. */
DQ_API const char *dq_version(void);
/* A short English name of a status, "bad image". Never NULL. */
DQ_API const char *dq_status_name(dq_status status);

/* ---- context ----------------------------------------------------------------------------------------------------- */

typedef struct dq_context dq_context;

/* Receives notices ("model has no relu4_2, using relu3_1 for content"). `text` is one line without a newline. */
typedef void (*dq_log_fn)(void *user, const char *text);

/* A context with its own threads. threads: 1 … 256, or 0 for one per available processor. */
DQ_API dq_status dq_context_new(dq_context **out, int threads);
DQ_API void dq_context_free(dq_context **ctx);
/* The reason of the last failure on this context, one line, "" if there was none. Valid until the next call. */
DQ_API const char *dq_last_error(const dq_context *ctx);
/* Sets who receives notices; NULL (the default) discards them. */
DQ_API void dq_context_set_log(dq_context *ctx, dq_log_fn log, void *user);
/* The kernels in use: "avx512", "avx2", "neon" or "c". DANQING_CPU=c|neon|avx2|avx512 in the environment can only lower it. */
DQ_API const char *dq_context_isa(const dq_context *ctx);

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* A picture: float sRGB (gamma-encoded) in [0,1], H×W×3, and an optional alpha channel H×W in [0,1]. */
typedef struct dq_image dq_image;

/* Reads JPEG, PNG (8/16 bit), WebP, TIFF and, where libvips has them, HEIC and AVIF. EXIF rotation is applied, embedded
 * profiles, CMYK and grey are converted to sRGB. Errors: DQ_BAD_IMAGE; DQ_LIMIT over 32768 px a side or 2^28 pixels. */
DQ_API dq_status dq_image_read(dq_context *ctx, dq_image **out, const char *path);
/* The same from `size` bytes in memory; `name` is used in messages only. */
DQ_API dq_status dq_image_read_memory(dq_context *ctx, dq_image **out, const void *bytes, size_t size, const char *name);
/* A new picture copied from `rgb` (H×W×3, row after row) and `alpha` (H×W, or NULL). Values are clamped to [0,1]. */
DQ_API dq_status dq_image_from_pixels(dq_context *ctx, dq_image **out, int width, int height, const float *rgb,
                                      const float *alpha);
DQ_API int dq_image_width(const dq_image *image);
DQ_API int dq_image_height(const dq_image *image);
/* The pixels, H×W×3 floats in [0,1]; they belong to the image. */
DQ_API const float *dq_image_pixels(const dq_image *image);
/* What made the picture: the JSON record written by dq_image_write, or NULL if it carries none. */
DQ_API const char *dq_image_record(const dq_image *image);
/* Attaches such a record (copied); NULL removes it. */
DQ_API dq_status dq_image_set_record(dq_context *ctx, dq_image *image, const char *json);
/* Writes by the ending of `path` (.png .jpg .jpeg .webp .tif .tiff .avif .heic), whole or not at all: to a temporary file
 * beside it, then renamed. `options`: NULL or "quality=1…100" (default 95), "depth=8|16" (PNG and TIFF), comma separated.
 * Errors: DQ_OUTPUT, DQ_USAGE for an unknown ending or option. */
DQ_API dq_status dq_image_write(dq_context *ctx, const dq_image *image, const char *path, const char *options);
/* Encodes to memory. format: "png", "jpeg", "webp", "tiff", …; free *bytes with dq_bytes_free. */
DQ_API dq_status dq_image_encode(dq_context *ctx, const dq_image *image, const char *format, const char *options,
                                 void **bytes, size_t *size);
DQ_API void dq_bytes_free(void **bytes);
DQ_API void dq_image_free(dq_image **image);

/* ---- models ------------------------------------------------------------------------------------------------------ */

/* A network with its weights and its input convention. */
typedef struct dq_model dq_model;

/* Opens a model by path (safetensors, PyTorch .pth, Keras .h5, MatConvNet .mat, Caffe .caffemodel) or by name, searched
 * for in $DANQING_MODELS, the user's data directory and the installed ones. Two need no file: "compact" is Danqing's own, part
 * of the library, and what NULL or "" stands for; "random" has seeded random weights. Errors: DQ_BAD_MODEL, DQ_LIMIT. */
DQ_API dq_status dq_model_open(dq_context *ctx, dq_model **out, const char *name_or_path);
/* A JSON object that describes the model: name, layers with shapes, input convention, padding, pooling, sha256, source. */
DQ_API const char *dq_model_info(const dq_model *model);
/* Writes the model as safetensors. precision: "fp32" or "fp16". Whole or not at all. */
DQ_API dq_status dq_model_save(dq_context *ctx, const dq_model *model, const char *path, const char *precision);
/* A JSON array of the models that are installed or known, each with name, path or URL, size, and whether it is here.
 * Free with dq_bytes_free. */
DQ_API dq_status dq_model_list(dq_context *ctx, char **json);

/* Called during a download; non-zero cancels. `total` is 0 while unknown. */
typedef int (*dq_fetch_fn)(void *user, uint64_t received, uint64_t total);
/* Downloads a known model from its publisher into the user's data directory: resumes a partial file, verifies size and
 * the published checksum, then renames. A model that is already there and verifies is not downloaded again.
 * Errors: DQ_USAGE (unknown name), DQ_NETWORK, DQ_BAD_MODEL (checksum), DQ_OUTPUT, DQ_CANCELLED. */
DQ_API dq_status dq_model_fetch(dq_context *ctx, const char *name, dq_fetch_fn progress, void *user);
DQ_API void dq_model_free(dq_model **model);

/* ---- options ----------------------------------------------------------------------------------------------------- */

/* The settings of a job, by name, as on the command line without the dashes: "size", "style-weight", … */
typedef struct dq_options dq_options;

/* One row of the option table: what the command's parser, --help, the man page, the completions and the studio use. */
typedef struct dq_option_info {
    const char *name;         /* "style-weight" */
    const char *argument;     /* "β", "N", "on|off", … as shown in help */
    const char *group;        /* "basic", "cost", "optimiser", "picture", "machine" */
    const char *type;         /* "int", "float", "size" (bytes, with K M G), "bool", "choice", "text" */
    const char *default_text; /* the default before a recipe speaks; "" for none */
    double minimum, maximum;  /* for int, float and size */
    const char *choices;      /* "adam|lbfgs" for choice, else "" */
    const char *help;         /* one line, English */
    const char *help_zh;      /* one line, Chinese */
} dq_option_info;

/* Options with the values of the recipe "portrait". */
DQ_API dq_status dq_options_new(dq_context *ctx, dq_options **out);
/* Sets one option. Order of resolution: defaults, then the recipe, then what was set explicitly, whatever the order of
 * the calls. Errors: DQ_USAGE for an unknown name, a value of the wrong kind or out of range. */
DQ_API dq_status dq_options_set(dq_options *options, const char *name, const char *value);
/* The resolved value as text, or NULL for an unknown name. Valid until the next call. */
DQ_API const char *dq_options_get(dq_options *options, const char *name);
/* Row `index` of the option table, NULL past its end. */
DQ_API const dq_option_info *dq_option_at(int index);
/* Name and one-line description of recipe `index`, or NULL past the end; description may be NULL if not wanted. */
DQ_API const char *dq_recipe_at(int index, const char **description);
DQ_API void dq_options_free(dq_options **options);

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

/* One painting in progress. It copies what it needs: images, model and options may be freed after dq_job_new returns. */
typedef struct dq_job dq_job;

/* Where a job stands. Costs are those of the picture before the last step. */
typedef struct dq_progress {
    int iteration, iterations;        /* within the scale, 1-based; of how many */
    int scale, scales;                /* 1-based; of how many */
    int width, height;                /* of this scale */
    double cost;                      /* J */
    double content_cost, style_cost;  /* J_content and J_style, before α and β */
    double tv_cost;                   /* total variation, before its weight */
    double seconds, seconds_left;     /* since the job began; estimated until the end (negative while unknown) */
    double done;                      /* 0 … 1, by work */
} dq_progress;

/* What a job will need, before it starts. */
typedef struct dq_plan {
    int width, height, scales;   /* of the result; number of scales */
    int64_t iterations;          /* summed over the scales */
    uint64_t memory;             /* expected peak, bytes, the whole process while it paints, the model freed */
    double flops;                /* multiply-adds of the convolutions, times two, summed over the job */
    int window_rows, window_cols;    /* the last scale goes through the network in so many windows, 1 × 1 where it is whole, */
    int window_width, window_height; /* of this size */
    double passes;               /* of its pixels through the network in a step, there or back: 2 where it is whole */
    uint64_t file;               /* bytes in a file without a name, in $TMPDIR or /var/tmp, for what is not in memory */
    double seconds;              /* roughly, for the job */
} dq_plan;

/* Called after every step; non-zero stops the job with DQ_CANCELLED. */
typedef int (*dq_progress_fn)(void *user, const dq_progress *progress);

/* Prepares a job: `styles` holds `style_count` (1 … 16) paintings. Errors: DQ_USAGE (unknown layer names and the like),
 * DQ_LIMIT (the message says what would fit). */
DQ_API dq_status dq_job_new(dq_context *ctx, dq_job **out, const dq_model *model, const dq_image *content,
                            const dq_image *const *styles, int style_count, const dq_options *options);
DQ_API dq_status dq_job_plan(const dq_job *job, dq_plan *plan);
/* One iteration. *more becomes 0 when the job is done (then the call is free of effect). */
DQ_API dq_status dq_job_step(dq_job *job, int *more);
DQ_API void dq_job_progress(const dq_job *job, dq_progress *progress);
/* Steps to the end. callback may be NULL. */
DQ_API dq_status dq_job_run(dq_job *job, dq_progress_fn callback, void *user);
/* A new picture of the size of the final one with the state reached so far (the running average where the recipe keeps
 * one), with alpha and record. Can be called at any time between steps. */
DQ_API dq_status dq_job_image(dq_job *job, dq_image **out);
DQ_API void dq_job_free(dq_job **job);

/* ---- tools ------------------------------------------------------------------------------------------------------- */

/* What the library does besides painting and training, each by its name:
 *   "bench"    measures a network on this machine; settings model, size, content-layers and style-layers as of a job, rounds
 *              (1 … 100). VGG-19 and VGG-16 ("vgg19", "vgg16") have seeded random weights where they are not installed. The
 *              answer: the median of `rounds` evaluations of J with its gradient, the peak memory, the machine's peak, and every
 *              convolution and Gram cost.
 *   "sheet"    makes a contact sheet of pictures ("" leaves a grey field); settings caption (the n-th is that of the n-th
 *              picture), heads (how many stand in the first row), columns (of the other rows), side (pixels of a tile)
 *   "filter"   convolves a picture with a template or a matrix of one's own, or draws its lines; settings template, kernel,
 *              kernel-size, sigma, strength, repeat, padding, stride, channels, normalise, threshold, softness. The answer: the
 *              matrices, their sum and what follows from it
 *   "sketch"   draws a face as the artist of given pairs would; settings pairs (a folder with photos/ and sketches/), method,
 *              direction, student, encoder, neighbours, samples, fast, eyes (x1,y1,x2,y2), frame
 *   "sketch eval" draws the photos of test folders and measures the drawings; settings as above but eyes and frame, pairs (the
 *              n-th is that of the n-th folder), holdout (no inputs: every N-th pair is tested), sheet (a picture). The answer:
 *              SSIM, FSIM, Scoot, VGG distance and NLDA of the method, of the grey photo and of the mean sketch; the output: a
 *              CSV of all pictures
 *   "ranks"    joins the processes that mpirun started with this one (docs/SCALING.md); settings spread (picture: from then on
 *              all paint every job of this context together. In rank 0 the call returns at once, in the others when rank 0 frees
 *              its context. items: each has jobs of its own), say (a text that all ranks hear; each must call). progress is
 *              kept and asked while one rank waits for another, with the seconds waited; non-zero gives up. The answer: rank,
 *              ranks, bytes and seconds of what this one has sent, and what was said */
typedef struct dq_tool {
    const char *name;
    const char *const *inputs;   /* paths: pictures, folders, … */
    int input_count;
    const char *const *settings; /* texts "name=value", as on the command line without the dashes; all tools have "threads" */
    int setting_count;
    const char *output;          /* path of what is made, written whole or not at all; NULL for tools that only answer */
} dq_tool;

/* Runs a tool to its end; nothing of *tool is kept. progress (or NULL) is told `done` and `seconds`, its other fields are 0
 * where the tool says nothing of them; non-zero stops with DQ_CANCELLED. *json, where json is not NULL, is the tool's answer,
 * one JSON object, or NULL where it has none or failed; free it with dq_bytes_free. Errors: DQ_USAGE (an unknown tool or setting,
 * with those that there are; a missing input or output), else those of reading pictures and models and of writing. */
DQ_API dq_status dq_tool_run(dq_context *ctx, const dq_tool *tool, dq_progress_fn progress, void *user, char **json);

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* What is trained, from what, and where the result goes. */
typedef struct dq_training {
    const char *kind;            /* "distil": a small network that learns from large ones; "sketch": one that draws */
    const char *recipe;          /* path of a text file of lines "name = value", # comments; NULL: that of "sketch" */
    const char *const *settings; /* texts "name=value", which go before the recipe's lines of the same name */
    int setting_count;
    const char *output;          /* the network, NAME.safetensors; the checkpoint is NAME.checkpoint beside it */
    const char *log;             /* CSV, a row for each step and validation; NULL for none */
    const char *sheet;           /* a picture to look at, anew at each validation; NULL for none */
    int resume;                  /* not 0: go on from the checkpoint, to the same bytes as if there had been no break */
} dq_training;

typedef enum dq_train_event { DQ_TRAIN_BEGUN, DQ_TRAIN_STEP, DQ_TRAIN_VALIDATED, DQ_TRAIN_SAVED } dq_train_event;

typedef struct dq_train_progress {
    dq_train_event event;         /* what just happened */
    int64_t step, steps;          /* made so far; of how many */
    int64_t skipped;              /* of those made: left out because a number was not finite */
    double rate, norm;            /* of the last step: learning rate, norm of the gradient before clipping */
    double loss;                  /* of the last step; for DQ_TRAIN_VALIDATED on the pictures that are not trained on */
    int parts;                    /* the loss is made of so many, */
    const char *const *part_name; /* with these names */
    const double *part;           /* and values */
    double seconds, seconds_left; /* worked, before a break too; estimated until the end (negative while unknown) */
} dq_train_progress;

/* Called after each event; non-zero writes the checkpoint and stops with DQ_CANCELLED. */
typedef int (*dq_train_fn)(void *user, const dq_train_progress *progress);

/* Trains to the end. callback may be NULL. A checkpoint that is there is never overwritten by a run that does not resume it.
 * Errors: DQ_USAGE (the recipe, with file and line; a checkpoint of another recipe), DQ_BAD_MODEL, DQ_BAD_IMAGE, DQ_OUTPUT,
 * DQ_FAILED when the loss stays non-finite. */
DQ_API dq_status dq_train(dq_context *ctx, const dq_training *training, dq_train_fn callback, void *user);

#ifdef __cplusplus
}
#endif
#endif
