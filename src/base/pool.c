/* SPDX-License-Identifier: MIT
 * base/pool.c: the threads. A run publishes (fn, work, tasks) by raising `round`; workers and the caller draw task numbers from
 * one atomic counter; the caller waits until every worker has left the run. Runs follow each other within microseconds and a
 * thread that sleeps takes tens of them to wake, so both sides look for a moment before they sleep. */
#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct worker {
    pthread_t thread;
    dq__pool *pool;
    int number; /* from 1 */
} worker;

struct dq__pool {
    int threads; /* with the caller */
    int started; /* workers that run */
    worker *worker;
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    atomic_uint round; /* raised for every run, under the lock */
    atomic_int busy;   /* workers still in the run */
    atomic_bool quit;
    dq__task_fn fn;
    void *work;
    int tasks;
    atomic_int next;
};

static _Thread_local int worker_number; /* 0 in every thread that is not a worker */

int dq__pool_worker(void) { return worker_number; }

enum { LOOKS = 2000 }; /* before sleeping: some 30 µs */

static void breathe(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void drain(dq__pool *p, dq__task_fn fn, void *work, int tasks) {
    int task;
    while ((task = atomic_fetch_add(&p->next, 1)) < tasks) fn(work, task);
}

static bool called(dq__pool *p, unsigned seen) { return atomic_load(&p->round) != seen || atomic_load(&p->quit); }

static void wait_for_run(dq__pool *p, unsigned seen) {
    for (int k = 0; k < LOOKS && !called(p, seen); k++) breathe();
    if (called(p, seen)) return;
    pthread_mutex_lock(&p->lock);
    while (!called(p, seen)) pthread_cond_wait(&p->begin, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void wait_for_end(dq__pool *p) {
    for (int k = 0; k < LOOKS && atomic_load(&p->busy); k++) breathe();
    if (!atomic_load(&p->busy)) return;
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->busy)) pthread_cond_wait(&p->end, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *user) {
    const worker *self = user;
    dq__pool *p = self->pool;
    worker_number = self->number;
    for (unsigned seen = 0;;) {
        wait_for_run(p, seen);
        if (atomic_load(&p->quit)) return NULL;
        seen = atomic_load(&p->round);
        drain(p, p->fn, p->work, p->tasks);
        if (atomic_fetch_sub(&p->busy, 1) > 1) continue;
        pthread_mutex_lock(&p->lock);
        pthread_cond_signal(&p->end);
        pthread_mutex_unlock(&p->lock);
    }
}

static int processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > 256 ? 256 : n;
}

static bool start_worker(dq__pool *p) {
    worker *w = &p->worker[p->started];
    w->pool = p;
    w->number = p->started + 1;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0) return false;
    p->started++;
    return true;
}

dq_status dq__pool_new(dq__pool **out, int threads, dq__error *err) {
    *out = NULL;
    if (threads < 0 || threads > 256) return dq__fail(err, DQ_USAGE, "threads must be 1 … 256, or 0 for all");
    dq__pool *p = dq__alloc_zero(sizeof *p);
    if (!p) return dq__no_memory(err, sizeof *p, "the thread pool");
    p->threads = threads ? threads : processors();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begin, NULL);
    pthread_cond_init(&p->end, NULL);
    p->worker = dq__alloc_zero(sizeof(worker) * (size_t)p->threads);
    if (!p->worker) {
        dq__pool_free(&p);
        return dq__no_memory(err, sizeof(worker) * 256, "the thread pool");
    }
    while (p->started < p->threads - 1)
        if (!start_worker(p)) {
            dq__pool_free(&p);
            return dq__fail(err, DQ_LIMIT, "cannot start %d threads", threads);
        }
    *out = p;
    return DQ_OK;
}

void dq__pool_free(dq__pool **pool) {
    dq__pool *p = *pool;
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->quit, true);
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++) pthread_join(p->worker[i].thread, NULL);
    pthread_cond_destroy(&p->begin);
    pthread_cond_destroy(&p->end);
    pthread_mutex_destroy(&p->lock);
    dq__free(p->worker);
    dq__free(p);
    *pool = NULL;
}

int dq__pool_threads(const dq__pool *pool) { return pool ? pool->threads : 1; }

void dq__pool_run(dq__pool *p, int tasks, dq__task_fn fn, void *work) {
    if (!p || p->started == 0 || tasks <= 1) {
        for (int i = 0; i < tasks; i++) fn(work, i);
        return;
    }
    p->fn = fn, p->work = work, p->tasks = tasks;
    atomic_store(&p->next, 0);
    atomic_store(&p->busy, p->started);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->round, 1);
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
    drain(p, fn, work, tasks);
    wait_for_end(p);
}
