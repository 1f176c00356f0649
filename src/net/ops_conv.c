/* SPDX-License-Identifier: MIT
 * net/ops_conv.c: the layers that convolve, by net/convolve.h. A conv_up is a convolution turned round: forward it does what
 * its twin does on the way back, and the other way about. */
#include "net/ops.h"

void dq__op_conv(const dq__op *op) {
    const dq__convolution k = {.layer = op->layer, .x = op->x, .y = op->y, .w = op->packed->forward[op->i],
                               .bias = op->packed->bias[op->i], .signs = op->signs, .pool = op->pool, .choice = op->choice};
    dq__halo_fill(op->x, op->table->padding, op->layer->pad);
    dq__convolve(op->conv, &k);
}

void dq__op_conv_back(const dq__op *op) {
    const dq__convolution k = {.layer = op->layer, .x = op->dx, .y = op->dy, .w = op->packed->forward[op->i],
                               .w_back = op->packed->backward[op->i], .pool = op->pool, .choice = op->choice,
                               .signs = op->train ? NULL : op->signs, .add = op->add};
    if (op->weight) dq__convolve_weights(op->conv, op->layer, op->x, op->dy, op->weight, op->bias);
    if (op->dx) dq__convolve_back(op->conv, &k, op->table->padding);
}

dq__layer dq__op_twin(const dq__layer *l) {
    dq__layer twin = *l;
    twin.kind = DQ__CONV;
    twin.ic = l->oc, twin.oc = l->ic;
    return twin;
}

static void bias_task(void *user, int task) {
    const dq__op *op = user;
    const dq__tensor *y = op->y;
    const float *bias = op->packed->bias[op->i];
    float *row = dq__map_row(y, task);
    for (int x = 0; x < y->w; x++, row += y->cs)
        for (int c = 0; c < y->cs; c++) row[c] += bias[c];
}

void dq__op_conv_up(const dq__op *op) {
    const dq__layer twin = dq__op_twin(op->layer);
    const dq__convolution k = {.layer = &twin, .x = op->y, .y = op->x, .w_back = op->packed->forward[op->i]};
    dq__convolve_back(op->conv, &k, DQ__PAD_ZERO);
    dq__pool_run(op->conv->pool, op->y->n * op->y->h, bias_task, (void *)(uintptr_t)op);
}

static void bias_back_task(void *user, int block) {
    const dq__op *op = user;
    double sum[16], product[16];
    dq__channel_sums(op->dy, NULL, 0, op->dy->n, block * 16, sum, product);
    for (int c = 0; c < 16 && block * 16 + c < op->layer->oc; c++) op->bias[block * 16 + c] += (float)sum[c];
}

void dq__op_conv_up_back(const dq__op *op) {
    const dq__layer twin = dq__op_twin(op->layer);
    const dq__convolution k = {.layer = &twin, .x = op->dy, .y = op->dx, .w = op->packed->backward[op->i]};
    dq__halo_fill(op->dy, DQ__PAD_ZERO, op->layer->pad);
    if (op->weight) {
        dq__convolve_weights(op->conv, &twin, op->dy, op->x, op->weight, NULL);
        dq__pool_run(op->conv->pool, op->dy->cs / 16, bias_back_task, (void *)(uintptr_t)op);
    }
    dq__convolve(op->conv, &k);
}
