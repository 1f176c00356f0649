/* SPDX-License-Identifier: MIT
 * sketch/student.c: drawing with a student that was trained before (danqing train sketch). */
#include "base/mem.h"
#include "sketch/drawer.h"
#include "sketch/net.h"

typedef struct student {
    dq_model *model;
    dq__packed *packed;
    dq__exec *exec;
    float input[3 * DQ__NET_PIXELS];
} student;

static void forget(void *state) {
    student *s = state;
    if (!s) return;
    dq__exec_free(&s->exec);
    dq__packed_free(&s->packed);
    dq__model_free(&s->model);
    dq__free(s);
}

static dq_status open_student(student *s, const dq__drawer_setup *setup, dq__error *err) {
    if (!setup->student)
        return dq__fail(err, DQ_USAGE, "say which student draws: --student NAME.safetensors (danqing train sketch makes one)");
    dq_status status = dq__model_read(&s->model, setup->student, err);
    if (status) return status;
    const dq__table *table = &s->model->table;
    const int last = table->count - 1;
    if (!dq__is_student(table))
        return dq__fail(err, DQ_BAD_MODEL, "%.300s is no student of danqing train sketch", setup->student);
    const dq__exec_options options = {.h = DQ__NET_H, .w = DQ__NET_W, .tap = &last, .taps = 1};
    status = dq__packed_new(&s->packed, table, &s->model->weights, last, false, err);
    return status ? status : dq__exec_new(&s->exec, setup->pool, table, s->packed, &options, err);
}

static dq_status learn(void **state, const dq__drawer_setup *setup, dq__error *err) {
    student *s = dq__alloc_zero(sizeof *s);
    *state = NULL;
    if (!s) return dq__no_memory(err, sizeof *s, "a student");
    const dq_status status = open_student(s, setup, err);
    if (status) forget(s);
    else *state = s;
    return status;
}

static dq_status draw(void *state, const dq__frame *face, float *drawing, double *trace, dq__error *err) {
    student *s = state;
    (void)err;
    if (trace) trace[0] = -1;
    dq__student_input(face->rgb, s->input);
    dq__exec_forward(s->exec, s->input);
    const dq__tensor *made = dq__exec_tap(s->exec, 0);
    dq__net_drawing(made->data, made->cs, dq__row(made), drawing);
    return DQ_OK;
}

const dq__method dq__method_student = {"student", false, learn, draw, forget};
