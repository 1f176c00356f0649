/* SPDX-License-Identifier: MIT
 * tests/fuzz/seeds.c: writes the first inputs of the weight readers' fuzz targets: small networks in every layout, into
 * FOLDER/safetensors, FOLDER/pth, … (the folders must be there). */
#include "../unit/teachers.h"

#include "model/model.h"

static const char *folder;

static const char *path_of(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void save(const char *name, struct bytes *b) {
    FILE *file = fopen(path_of(name), "wb");
    if (!file || fwrite(b->p, 1, b->n, file) != b->n || fclose(file) != 0) {
        perror(path_of(name));
        exit(1);
    }
    free_bytes(b);
}

static void write_torch(struct network *n) {
    struct bytes b = {0};
    make_pth(&b, n, &(struct pth){.naming = SEQUENTIAL, .channels_last = true});
    save("pth/zip", &b);
    make_pth(&b, n, &(struct pth){.naming = SEQUENTIAL, .type = BF16, .shared = true, .parameter = true});
    save("pth/zip-shared", &b);
    make_old_pth(&b, n, &(struct pth){.naming = SEQUENTIAL, .type = F16});
    save("pth/older", &b);
    make_old_pth(&b, n, &(struct pth){.naming = PACKED, .checkpoint = true});
    save("pth/older-checkpoint", &b);
}

static void write_others(struct network *n) {
    struct bytes b = {0};
    make_safetensors(&b, n, TORCHVISION, F16);
    save("safetensors/foreign", &b);
    make_caffemodel(&b, n, true, F32);
    save("caffemodel/v1", &b);
    make_caffemodel(&b, n, false, F64);
    save("caffemodel/v2", &b);
#ifdef DQ_HAVE_HDF5
    make_h5(path_of("h5/keras1"), n, 1, false);
    make_h5(path_of("h5/keras2"), n, 2, false);
#endif
#ifdef DQ_HAVE_MATIO
    make_mat(path_of("mat/new"), n, false, false, (const double[]){123, 116, 103});
    make_mat(path_of("mat/old"), n, true, false, (const double[]){123, 116, 103});
    make_mat(path_of("mat/compressed"), n, false, true, NULL);
#endif
}

/* Tiny Darknet's first convolution is enough: the whole network is too large to fuzz. */
static void write_teachers(void) {
    struct bytes b = {0}, numbers = {0};
    make_squeezenet(&b);
    save("squeezenet/small", &b);
    make_tiny(&b, &numbers, 1, "numbers");
    b.n--; /* the end of the line; the numbers follow the JSON */
    put(&b, numbers.p, numbers.n);
    free_bytes(&numbers);
    save("tfjs/first", &b);
}

/* Our own container, through the library's writer. */
static int write_own(struct network *n) {
    struct bytes b = {0};
    dq_model *m;
    dq__error err;
    make_safetensors(&b, n, CAFFE, F32);
    dq_status status = dq__model_read_memory(&m, b.p, b.n, "seed", &err);
    if (!status) status = dq__model_write(m, path_of("safetensors/own"), true, &err);
    dq__model_free(&m);
    free_bytes(&b);
    if (status) fprintf(stderr, "%s\n", err.text);
    return status ? 1 : 0;
}

int main(int argc, char **argv) {
    const int width[5] = {2, 2, 2, 2, 2};
    const float matrix[9] = {0, 0, 255, 0, 255, 0, 255, 0, 0}, offset[3] = {-104, -117, -124};
    struct network n;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    make_network(&n, 19, width, "conv2_1");
    write_others(&n);
    write_teachers();
    int failed = write_own(&n);
    add_input(&n, matrix, offset);
    write_torch(&n);
    free_network(&n);
    return failed;
}
