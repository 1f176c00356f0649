/* SPDX-License-Identifier: MIT
 * examples/paint.c: the whole of libdanqing in one small program: paints PHOTO in the manner of PAINTING.
 *     cc paint.c $(pkg-config --cflags --libs danqing) -o paint && ./paint photo.jpg painting.jpg out.png */
#include <danqing.h>

#include <stdio.h>

/* Called after every step; a value other than 0 would stop the job. */
static int show(void *user, const dq_progress *p) {
    (void)user;
    if (p->iteration % 10 != 0) return 0;
    fprintf(stderr, "\rscale %d/%d  step %d/%d  J %.4g  ", p->scale, p->scales, p->iteration, p->iterations, p->cost);
    return 0;
}

static dq_status paint(dq_context *ctx, const char *const *path) {
    dq_image *photo = NULL, *painting = NULL, *result = NULL;
    dq_model *model = NULL;
    dq_options *options = NULL;
    dq_job *job = NULL;
    dq_status status = dq_image_read(ctx, &photo, path[0]);
    if (!status) status = dq_image_read(ctx, &painting, path[1]);
    if (!status) status = dq_model_open(ctx, &model, NULL); /* Danqing's own */
    if (!status) status = dq_options_new(ctx, &options);
    if (!status) status = dq_options_set(options, "size", "256");
    if (!status) status = dq_options_set(options, "iterations", "50");
    if (!status) {
        const dq_image *styles[] = {painting};
        status = dq_job_new(ctx, &job, model, photo, styles, 1, options);
    }
    if (!status) status = dq_job_run(job, show, NULL);
    if (!status) status = dq_job_image(job, &result);
    if (!status) status = dq_image_write(ctx, result, path[2], NULL);
    dq_job_free(&job); /* each of these accepts what was never made */
    dq_options_free(&options);
    dq_model_free(&model);
    dq_image_free(&result);
    dq_image_free(&painting);
    dq_image_free(&photo);
    return status;
}

int main(int argc, char **argv) {
    dq_context *ctx;
    if (argc != 4) {
        fprintf(stderr, "usage: %s PHOTO PAINTING OUT.png\n", argv[0]);
        return DQ_USAGE;
    }
    dq_status status = dq_context_new(&ctx, 0); /* a thread for every processor */
    if (status) return (int)status;
    status = paint(ctx, (const char *const *)argv + 1);
    if (status) fprintf(stderr, "\n%s\n", dq_last_error(ctx));
    else fprintf(stderr, "\nwrote %s\n", argv[3]);
    dq_context_free(&ctx);
    return (int)status;
}
